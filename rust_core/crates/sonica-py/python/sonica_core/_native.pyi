"""What the native half of `sonica_core` offers. All classes are immutable but `Extractor`."""

from __future__ import annotations

from typing import Final, final

import numpy as np
import numpy.typing as npt

__all__ = [
    "ALGORITHM_VERSIONS",
    "CURRENT_ALGORITHM_VERSION",
    "DIMENSION",
    "EDGE_SECONDS",
    "FRAME_SECONDS",
    "PASSAGE_MARGIN_SECONDS",
    "QUERY_HOP_SECONDS",
    "REFERENCE_HOP_SECONDS",
    "ROWS_MAX",
    "SAMPLE_RATE_HZ",
    "WINDOW_SECONDS",
    "Alignment",
    "Candidate",
    "Extractor",
    "FingerprintPart",
    "InvalidArgumentError",
    "MalformedFingerprintError",
    "NonFiniteAudioError",
    "QueryFingerprint",
    "ReferencePassage",
    "SonicaCoreError",
    "UnsupportedAlgorithmError",
    "align",
    "decode_vectors",
    "landmark_table",
    "matched_landmarks",
    "point_id",
    "row_bytes",
    "searched_rows",
    "validate_fingerprint",
    "vote",
]

SAMPLE_RATE_HZ: Final[int]
"""Sample rate of all audio, Hz (8000)."""
DIMENSION: Final[int]
"""Numbers in one embedding (128)."""
ALGORITHM_VERSIONS: Final[tuple[int, ...]]
"""Versions this core can extract and compare, oldest first."""
CURRENT_ALGORITHM_VERSION: Final[int]
"""The version new catalogues get; one of `ALGORITHM_VERSIONS`."""
FRAME_SECONDS: Final[float]
"""Distance between spectrum frames: the unit of `frame` and `offset_frames` (0.032)."""
REFERENCE_HOP_SECONDS: Final[float]
"""Distance between rows of a reference fingerprint (0.512)."""
QUERY_HOP_SECONDS: Final[float]
"""Distance between rows of a query fingerprint (0.128)."""
WINDOW_SECONDS: Final[float]
"""Length of the audio one row covers."""
EDGE_SECONDS: Final[float]
"""How far rows reach over either end of the audio: row `i` begins at `i * hop - EDGE_SECONDS`."""
PASSAGE_MARGIN_SECONDS: Final[float]
"""How much of a track before and after a candidate's place `align` wants to see (1.5)."""
ROWS_MAX: Final[int]
"""Most rows of one fingerprint (32768)."""

class SonicaCoreError(Exception):
    """Any error of the core."""

class UnsupportedAlgorithmError(SonicaCoreError):
    """The algorithm version is not one this core knows."""

class NonFiniteAudioError(SonicaCoreError):
    """The audio holds NaN or an infinity."""

class MalformedFingerprintError(SonicaCoreError):
    """The bytes are not a fingerprint of the stated version and purpose."""

class InvalidArgumentError(SonicaCoreError):
    """An argument is outside its stated range."""

@final
class FingerprintPart:
    """What is new in a fingerprint since the last part was taken.

    The byte strings of successive parts, put together, are the fingerprint.
    """

    @property
    def first_row(self) -> int:
        """Index of the first row of this part in the whole fingerprint."""
    @property
    def vectors_f16le(self) -> bytes:
        """Rows of `row_bytes` each: an embedding of 128 numbers in little-endian binary16.

        In version 4 a second one follows in each row, 128 signed bytes, 127 for 1. In active rows
        both have unit length, inactive ones are zero.
        """
    @property
    def active_windows(self) -> bytes:
        """One byte a row: 1 with signal, 0 for silence or a steady tone."""
    @property
    def landmarks(self) -> bytes:
        """Landmarks, 8 bytes each, in order of time across all parts."""
    @property
    def duration_seconds(self) -> float:
        """Audio analysed so far, seconds; not only that of this part."""

@final
class Extractor:
    """Extracts a fingerprint while audio arrives.

    The same audio gives the same fingerprint, bit for bit, however it is cut into chunks. One
    extractor serves one recording and one thread at a time.

    Args:
        algorithm_version: one of `ALGORITHM_VERSIONS`.
        purpose: "reference" or "query"; a query has four times as many rows.
        pitch_factor: how many times higher than its recording a query is taken to sound, 0.9 to
            1.1; its fingerprint is about that at the recording's pitch. 1 for a reference.

    Raises:
        UnsupportedAlgorithmError, InvalidArgumentError.
    """

    def __new__(
        cls, algorithm_version: int, purpose: str, pitch_factor: float = 1.0
    ) -> Extractor: ...
    def push(self, pcm: npt.NDArray[np.float32]) -> None:
        """Analyses a chunk; the interpreter is detached meanwhile.

        Args:
            pcm: mono audio at `SAMPLE_RATE_HZ`, full scale 1, shape (n,), contiguous; any n.

        Raises:
            NonFiniteAudioError: a sample is NaN or infinite; nothing of the chunk is taken.
            InvalidArgumentError: not contiguous, after `finish`, or the audio exceeds
                `ROWS_MAX` rows.
            TypeError: not a float32 array of one dimension.
        """
    def finish(self) -> None:
        """Ends the audio: the rows that reach over its end and the last landmarks are added.

        Calling it again changes nothing.
        """
    def take(self) -> FingerprintPart:
        """Returns what is new since the last call."""

@final
class Candidate:
    """A place in a track a clip may have been taken from."""

    @property
    def track_number(self) -> int:
        """The track."""
    @property
    def offset_frames(self) -> int:
        """Where the clip begins in the track, in frames of `FRAME_SECONDS`; may be negative."""
    @property
    def vote_score(self) -> float:
        """Sum of the votes; larger is surer. Not a probability."""

@final
class QueryFingerprint:
    """A clip's fingerprint, validated.

    Args:
        algorithm_version: of the extractor that made it.
        vectors_f16le: as in `FingerprintPart`, with purpose "query".
        active_windows: as in `FingerprintPart`.
        landmarks: as in `FingerprintPart`.
        duration_seconds: length of the clip, 0 to 86400.

    Raises:
        UnsupportedAlgorithmError, MalformedFingerprintError, InvalidArgumentError.
    """

    def __new__(
        cls,
        algorithm_version: int,
        vectors_f16le: bytes,
        active_windows: bytes,
        landmarks: bytes,
        duration_seconds: float,
    ) -> QueryFingerprint: ...

@final
class ReferencePassage:
    """A slice of a registered fingerprint, validated.

    It should reach `PASSAGE_MARGIN_SECONDS` beyond the clip's place on either side, as far as
    the track does.

    Args:
        algorithm_version: of the extractor that made it.
        track_number: the track.
        first_row: row of the track's fingerprint the slice begins with.
        vectors_f16le: rows `first_row` and following, purpose "reference".
        active_windows: flags of the same rows.
        landmarks: landmarks of the track in and around the slice; their frames are those of
            the whole track (the whole list may be given).

    Raises:
        UnsupportedAlgorithmError, MalformedFingerprintError.
    """

    def __new__(
        cls,
        algorithm_version: int,
        track_number: int,
        first_row: int,
        vectors_f16le: bytes,
        active_windows: bytes,
        landmarks: bytes,
    ) -> ReferencePassage: ...

@final
class Alignment:
    """One recording a clip may have been taken from."""

    @property
    def track_number(self) -> int:
        """The track."""
    @property
    def track_offset_seconds(self) -> float:
        """Time in the track at which the clip begins; negative when before the track."""
    @property
    def clip_offset_seconds(self) -> float:
        """Time in the clip at which the matching passage begins."""
    @property
    def matched_duration_seconds(self) -> float:
        """Length of the matching passage, in the clip."""
    @property
    def speed_factor(self) -> float:
        """How many times faster than the recording the clip plays; always 1 in version 1."""
    @property
    def score(self) -> float:
        """Calibrated probability, in [0, 1], that the clip was taken from this recording."""
    @property
    def ambiguous(self) -> bool:
        """Whether another recording shares the passage and cannot be told apart."""
    @property
    def accepted(self) -> bool:
        """Whether `score` passes the gate: only then it is an answer."""
    @property
    def mean_cosine(self) -> float:
        """Mean cosine of the aligned windows."""
    @property
    def cosine_margin(self) -> float:
        """`mean_cosine` less that of the best other recording."""
    @property
    def significance(self) -> float:
        """How far the cosines lie above those with all candidates, in standard deviations."""
    @property
    def significance_margin(self) -> float:
        """`significance` less that of the best other recording."""
    @property
    def rival_mean(self) -> float:
        """Mean `significance` of the other candidates."""
    @property
    def rival_spread(self) -> float:
        """Standard deviation of the `significance` of the other candidates."""
    @property
    def shifted_landmark_count(self) -> int:
        """Landmarks of the clip found in the recording at one pitch, whichever it is."""
    @property
    def chance_shifted_landmark_count(self) -> float:
        """The same by chance, on average, in the other candidates."""
    @property
    def aligned_peak_count(self) -> int:
        """Spectral peaks of the clip found in the recording at this alignment."""
    @property
    def chance_peak_count(self) -> float:
        """The same by chance, on average, in the other candidates."""
    @property
    def second_significance(self) -> float:
        """How far the cosines of the second embeddings lie above those with all candidates.

        In standard deviations, along the same alignment. This and what follows of the second
        opinion is 0 in versions that have none.
        """
    @property
    def second_margin(self) -> float:
        """`second_significance` less the largest of another recording."""
    @property
    def second_rival_mean(self) -> float:
        """Mean `second_significance` of the other candidates."""
    @property
    def second_rival_spread(self) -> float:
        """Standard deviation of the `second_significance` of the other candidates."""
    @property
    def second_cosine(self) -> float:
        """Mean cosine of the second embeddings of the aligned windows."""
    @property
    def chance_landmark_count(self) -> float:
        """Landmarks of the clip that agree by chance, on average, with the other candidates."""
    @property
    def active_row_count(self) -> int:
        """Windows of the clip that carry signal."""
    @property
    def aligned_landmark_count(self) -> int:
        """Landmarks of the clip found in the recording at this alignment."""
    @property
    def clip_landmark_count(self) -> int:
        """Landmarks of the clip."""

def validate_fingerprint(
    algorithm_version: int,
    purpose: str,
    vectors_f16le: bytes,
    active_windows: bytes,
    landmarks: bytes,
) -> int:
    """Checks a fingerprint that may be hostile.

    Returns:
        Its number of rows.

    Raises:
        UnsupportedAlgorithmError, InvalidArgumentError (purpose).
        MalformedFingerprintError: lengths disagree, a number is not finite, an active row has
            not unit length, an inactive one is not zero, landmarks out of order or impossible.
    """

def row_bytes(algorithm_version: int) -> int:
    """Returns the length of one row of `vectors_f16le`, bytes.

    Raises:
        UnsupportedAlgorithmError.
    """

def decode_vectors(algorithm_version: int, vectors_f16le: bytes) -> npt.NDArray[np.float32]:
    """Decodes what an index is searched by, the first embedding of each row.

    Returns:
        float32, shape (n, 128).

    Raises:
        UnsupportedAlgorithmError.
        MalformedFingerprintError: no whole number of rows, too many, or not finite.
    """

def landmark_table(landmarks: bytes) -> npt.NDArray[np.uint32]:
    """Decodes landmarks to shape (n, 4): frame, anchor bin, target bin, frame distance.

    Raises:
        MalformedFingerprintError: the bytes are not landmarks.
    """

def point_id(track_number: int, row: int) -> int:
    """Returns the id of one row of one track in the vector index: track_number << 20 | row.

    Raises:
        InvalidArgumentError: the track number needs more than 43 bits or the row more than 15.
    """

def searched_rows(active_windows: bytes) -> npt.NDArray[np.bool_]:
    """Says which rows of a query the index is searched with, shape (n,).

    Of the active ones, all of a clip of up to 3 s, every second of up to 6 s, every third of more:
    the rows overlap, and alignment compares them all.

    Args:
        active_windows: as in `FingerprintPart`, with purpose "query".
    """

def vote(
    algorithm_version: int,
    point_ids: npt.NDArray[np.uint64],
    scores: npt.NDArray[np.float32],
    max_candidate_count: int,
) -> list[Candidate]:
    """Turns neighbours of each row of a query into candidate alignments, best first.

    Args:
        algorithm_version: of the fingerprints.
        point_ids: neighbours, shape (n, k), best first; row `i` belongs to row `i` of the
            query's fingerprint (rows not searched with too: fill them with 2**64 - 1 = none).
        scores: their cosines, shape (n, k).
        max_candidate_count: most candidates returned; several may lie in one track.

    Raises:
        UnsupportedAlgorithmError.
        InvalidArgumentError: shapes differ, not contiguous, or a neighbour's score not finite.
    """

def align(
    algorithm_version: int,
    query: QueryFingerprint,
    references: list[ReferencePassage],
) -> list[Alignment]:
    """Compares a clip with passages of candidate recordings.

    All candidates should be given in one call: how far the best one is ahead of the others is
    evidence. The interpreter is detached meanwhile.

    Returns:
        One alignment a track, best first; those without a common active window are left out.

    Raises:
        UnsupportedAlgorithmError.
        InvalidArgumentError: a passage lies beyond the rows a track may have, or the clip or a
            passage is of another version.
    """

def matched_landmarks(
    algorithm_version: int,
    query_landmarks: bytes,
    reference_landmarks: bytes,
    track_offset_seconds: float,
    speed_factor: float = 1.0,
) -> npt.NDArray[np.float32]:
    """Finds landmarks that agree when the clip begins at `track_offset_seconds` of the track.

    Args:
        algorithm_version: of the fingerprints.
        query_landmarks: of the clip.
        reference_landmarks: of the track.
        track_offset_seconds: where the clip begins in the track.
        speed_factor: how many times faster than the recording the clip plays.

    Returns:
        Shape (m, 2): time in the clip and time in the track, seconds.

    Raises:
        UnsupportedAlgorithmError, MalformedFingerprintError.
    """
