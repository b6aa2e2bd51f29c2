"""The nouns of this service, shared by the server process and its workers.

Only the standard library is imported here: a worker starts in the time of its imports.
"""

from __future__ import annotations

import enum
import json
import struct
from dataclasses import asdict, dataclass
from typing import Any, Self


class Purpose(enum.StrEnum):
    """What a fingerprint is for; the names are those of the core."""

    REFERENCE = "reference"
    QUERY = "query"


@dataclass(frozen=True)
class PcmLayout:
    """Samples without a header.

    Attributes:
        demuxer: FFmpeg's name of the sample format, `s16le` or `f32le`.
        sample_rate_hz: 4,000 to 192,000.
        channel_count: interleaved channels, 1 to 8.
    """

    demuxer: str
    sample_rate_hz: int
    channel_count: int


@dataclass(frozen=True)
class Job:
    """One piece of audio to analyse.

    Attributes:
        purpose: decides how dense the fingerprint is.
        pcm: layout of raw samples; None means a container, detected.
        skip_seconds: audio dropped before the analysis begins.
        keep_seconds: most audio analysed after that.
        refuse_longer: whether audio beyond `keep_seconds` is an error rather than cut.
        part_seconds: new audio after which a part of the fingerprint is sent.
        pushed: whether all bytes follow the job at once; else the worker asks for them.
        algorithm_version: of the extractor; 0 means the current one.
        pitch_factors: how many times higher than its recording the audio is taken to sound; it is
            analysed once for each.
    """

    purpose: Purpose
    pcm: PcmLayout | None
    skip_seconds: float
    keep_seconds: float
    refuse_longer: bool
    part_seconds: float
    pushed: bool = False
    algorithm_version: int = 0
    pitch_factors: tuple[float, ...] = (1.0,)

    def to_json(self) -> bytes:
        """Returns the form that travels to a worker."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Reads what `to_json` wrote."""
        fields = json.loads(text)
        pcm = fields.pop("pcm")
        purpose = Purpose(fields.pop("purpose"))
        return cls(
            purpose=purpose,
            pcm=PcmLayout(**pcm) if pcm else None,
            pitch_factors=tuple(fields.pop("pitch_factors")),
            **fields,
        )


@dataclass(frozen=True)
class Part:
    """New rows of a fingerprint; byte layouts as in `sonica.fingerprint.v1.Fingerprint`.

    Attributes:
        first_row: index of its first row in the whole fingerprint.
        duration_seconds: audio analysed so far, not only for this part.
        vectors_f16le: embeddings; how long a row is depends on the version.
        active_windows: one byte a row.
        landmarks: 8 bytes each.
        algorithm_version: of the extractor that made them.
        fingerprint_number: which of the job's fingerprints it belongs to, as `Job.pitch_factors`.
    """

    first_row: int
    duration_seconds: float
    vectors_f16le: bytes
    active_windows: bytes
    landmarks: bytes
    algorithm_version: int
    fingerprint_number: int = 0

    _HEAD = struct.Struct("<iIIdII")

    def to_bytes(self) -> bytes:
        """Returns the form that travels from a worker."""
        head = self._HEAD.pack(
            self.algorithm_version,
            self.fingerprint_number,
            self.first_row,
            self.duration_seconds,
            len(self.vectors_f16le),
            len(self.active_windows),
        )
        return b"".join((head, self.vectors_f16le, self.active_windows, self.landmarks))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Reads what `to_bytes` wrote.

        Raises:
            struct.error: the bytes are no part.
        """
        version, number, first_row, seconds, vectors, active = cls._HEAD.unpack_from(data)
        at = cls._HEAD.size
        return cls(
            first_row=first_row,
            duration_seconds=seconds,
            vectors_f16le=data[at : at + vectors],
            active_windows=data[at + vectors : at + vectors + active],
            landmarks=data[at + vectors + active :],
            algorithm_version=version,
            fingerprint_number=number,
        )


@dataclass(frozen=True)
class Summary:
    """What a worker says about a finished job.

    Attributes:
        container: name of the container, e.g. `mp3`; `pcm` for raw samples.
        codec: FFmpeg's name of the decoder, e.g. `mp3float`.
        duration_seconds: audio analysed.
        decode_seconds: time spent in demuxing, decoding, downmix and resampling.
        extract_seconds: time spent in the extractor.
        algorithm_version: of the extractor.
    """

    container: str
    codec: str
    duration_seconds: float
    decode_seconds: float
    extract_seconds: float
    algorithm_version: int

    def to_json(self) -> bytes:
        """Returns the form that travels from a worker."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Reads what `to_json` wrote."""
        return cls(**json.loads(text))


class JobError(Exception):
    """Why a job failed, as its worker says it; the server turns it into a typed error.

    Args:
        reason: one of the reasons in `errors.py`.
        message: shown to the caller.
        metadata: the variable parts of the message.
    """

    def __init__(self, reason: str, message: str, **metadata: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = metadata

    def to_json(self) -> bytes:
        """Returns the form that travels from a worker."""
        fields = {"reason": self.reason, "message": self.message, "metadata": self.metadata}
        return json.dumps(fields).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Reads what `to_json` wrote."""
        fields: dict[str, Any] = json.loads(text)
        return cls(str(fields["reason"]), str(fields["message"]), **fields["metadata"])


@dataclass(frozen=True)
class WorkerLimits:
    """What a worker process may use; it sets them on itself before the first job.

    Attributes:
        memory_bytes: address space beyond what it holds when idle.
        cpu_seconds: processor time of one job.
        file_bytes: size of the unnamed file it may spool to.
        spool_folder: where that file is made.
        spool_memory_bytes: what is spooled in memory before the file.
        channel_count_max: most channels of a track that is decoded.
    """

    memory_bytes: int
    cpu_seconds: int
    file_bytes: int
    spool_folder: str
    spool_memory_bytes: int
    channel_count_max: int

    def to_json(self) -> str:
        """Returns the form that stands in a worker's command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads what `to_json` wrote."""
        return cls(**json.loads(text))
