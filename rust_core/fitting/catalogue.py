"""A catalogue in memory with exact search: what the services do, without the services."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import sonica_core as core

NEIGHBOUR_COUNT = 100
CANDIDATE_COUNT = 40
REFERENCE_FRAMES = round(core.REFERENCE_HOP_SECONDS / core.FRAME_SECONDS)
MARGIN_FRAMES = math.ceil(core.PASSAGE_MARGIN_SECONDS / core.FRAME_SECONDS)
LANDMARK_BYTES = 8
NO_TRACK = -1
Floats = npt.NDArray[np.float32]


def extract(
    audio: Floats, purpose: str, version: int = core.CURRENT_ALGORITHM_VERSION
) -> core.FingerprintPart:
    """Returns the whole fingerprint of mono 8 kHz audio."""
    extractor = core.Extractor(version, purpose)
    extractor.push(np.ascontiguousarray(audio, dtype=np.float32))
    extractor.finish()
    return extractor.take()


class Catalogue:
    """Registers references, then recognises clips. Track numbers count from 0.

    Args:
        references: mono 8 kHz audio of each track.
        version: the `algorithm_version` of all fingerprints.
    """

    def __init__(
        self, references: Iterable[Floats], version: int = core.CURRENT_ALGORITHM_VERSION
    ) -> None:
        self.version = version
        self._parts = [extract(audio, "reference", version) for audio in references]
        self._frames = [_landmark_frames(part) for part in self._parts]
        vectors = [core.decode_vectors(version, part.vectors_f16le) for part in self._parts]
        self._vectors = np.concatenate(vectors)
        self._ids = np.concatenate(
            [(number << 20) + np.arange(len(rows)) for number, rows in enumerate(vectors)]
        ).astype(np.uint64)

    @property
    def track_count(self) -> int:
        """Number of tracks registered."""
        return len(self._parts)

    def recognise(
        self, clip: core.FingerprintPart, apart_from: int = NO_TRACK
    ) -> list[core.Alignment]:
        """Returns all alignments of a clip, best first, as if one track were not registered."""
        query = core.QueryFingerprint(
            self.version,
            clip.vectors_f16le,
            clip.active_windows,
            clip.landmarks,
            clip.duration_seconds,
        )
        row_count = len(clip.active_windows)
        candidates = [c for c in self._candidates(clip) if c.track_number != apart_from]
        passages = [self._passage(c, row_count) for c in candidates]
        return core.align(self.version, query, [p for p in passages if p is not None])

    def _candidates(self, clip: core.FingerprintPart) -> list[core.Candidate]:
        rows = core.decode_vectors(self.version, clip.vectors_f16le)
        searched = core.searched_rows(clip.active_windows)
        if not searched.any():
            return []
        count = min(NEIGHBOUR_COUNT, len(self._vectors))
        cosines = rows[searched] @ self._vectors.T
        nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        scores = np.take_along_axis(cosines, nearest, axis=1)
        order = np.argsort(-scores, axis=1)
        ids = np.full((len(rows), count), np.iinfo(np.uint64).max, np.uint64)
        similar = np.zeros((len(rows), count), np.float32)
        ids[searched] = np.take_along_axis(self._ids[nearest], order, axis=1)
        similar[searched] = np.take_along_axis(scores, order, axis=1)
        return core.vote(self.version, ids, similar, CANDIDATE_COUNT)

    def _passage(self, candidate: core.Candidate, row_count: int) -> core.ReferencePassage | None:
        part = self._parts[candidate.track_number]
        begin_frame = candidate.offset_frames - MARGIN_FRAMES
        end_frame = candidate.offset_frames + 4 * row_count + MARGIN_FRAMES
        first = max(0, begin_frame // REFERENCE_FRAMES)
        last = min(len(part.active_windows), -(-end_frame // REFERENCE_FRAMES) + 1)
        if last <= first:
            return None
        frames = self._frames[candidate.track_number]
        low, high = np.searchsorted(frames, [begin_frame, end_frame + 32])
        stride = core.row_bytes(self.version)
        return core.ReferencePassage(
            self.version,
            candidate.track_number,
            first,
            part.vectors_f16le[first * stride : last * stride],
            part.active_windows[first:last],
            part.landmarks[low * LANDMARK_BYTES : high * LANDMARK_BYTES],
        )


def _landmark_frames(part: core.FingerprintPart) -> npt.NDArray[np.uint32]:
    return core.decode_landmarks(part.landmarks)["frame"]
