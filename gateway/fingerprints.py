"""Fingerprints in transit: put together from the parts of a stream, cut to what a search takes.

Layout as in fingerprint.proto; nothing here computes on the numbers.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from google.protobuf.duration_pb2 import Duration
from sonica.fingerprint.v1.fingerprint_pb2 import FINGERPRINT_PURPOSE_UNSPECIFIED, Fingerprint

from gateway.errors import UpstreamFailedError

if TYPE_CHECKING:
    from sonica.fingerprint.v1.fingerprint_service_pb2 import StreamFingerprintResponse

QUERY_WINDOWS_MAX = 512

_LANDMARK_BYTES = 8
# A query window begins every 4 spectrum frames and spans 24 of them.
_FRAMES_PER_ROW = 4
_FRAMES_PER_WINDOW = 24
_FRAME_NANOSECONDS = 32_000_000


class FingerprintParts:
    """One fingerprint, growing while its audio is analysed."""

    def __init__(self) -> None:
        self._vectors = bytearray()
        self._active = bytearray()
        self._landmarks = bytearray()
        self._algorithm_version = 0
        self._purpose = FINGERPRINT_PURPOSE_UNSPECIFIED
        self.duration = Duration()
        self.final = False
        self.content_sha256 = b""

    @property
    def row_count(self) -> int:
        """Windows so far."""
        return len(self._active)

    @property
    def seconds(self) -> float:
        """Length of the audio analysed so far."""
        return self.duration.seconds + self.duration.nanos / 1e9

    def add(self, response: StreamFingerprintResponse) -> None:
        """Appends what is new.

        Raises:
            UpstreamFailedError: the part does not follow the ones before.
        """
        part = response.part
        if part.active_windows and response.first_row != self.row_count:
            raise UpstreamFailedError(
                f"a part of the analysis begins at row {response.first_row}, not {self.row_count}"
            )
        if response.HasField("part"):
            self._vectors += part.vectors_f16le
            self._active += part.active_windows
            self._landmarks += part.landmarks
            self._algorithm_version = part.algorithm_version
            self._purpose = part.purpose
            self.duration.CopyFrom(part.duration)
        self.final = response.final
        self.content_sha256 = response.content_sha256

    def fingerprint(self) -> Fingerprint:
        """Returns a copy of what is there."""
        return Fingerprint(
            algorithm_version=self._algorithm_version,
            purpose=self._purpose,
            vectors_f16le=bytes(self._vectors),
            active_windows=bytes(self._active),
            landmarks=bytes(self._landmarks),
            duration=self.duration,
        )


def searchable(fingerprint: Fingerprint) -> Fingerprint:
    """Returns the fingerprint of the audio that its first QUERY_WINDOWS_MAX windows cover."""
    if len(fingerprint.active_windows) <= QUERY_WINDOWS_MAX:
        return fingerprint
    frames_end = (QUERY_WINDOWS_MAX - 1) * _FRAMES_PER_ROW + _FRAMES_PER_WINDOW
    landmarks = fingerprint.landmarks
    count = bisect_left(
        range(len(landmarks) // _LANDMARK_BYTES),
        frames_end,
        key=lambda i: int.from_bytes(landmarks[i * _LANDMARK_BYTES :][:4], "little"),
    )
    # How long a row is depends on the version of the extractor.
    row_bytes = len(fingerprint.vectors_f16le) // len(fingerprint.active_windows)
    cut = Fingerprint()
    cut.CopyFrom(fingerprint)
    cut.vectors_f16le = fingerprint.vectors_f16le[: QUERY_WINDOWS_MAX * row_bytes]
    cut.active_windows = fingerprint.active_windows[:QUERY_WINDOWS_MAX]
    cut.landmarks = landmarks[: count * _LANDMARK_BYTES]
    cut.duration.FromNanoseconds(frames_end * _FRAME_NANOSECONDS)
    return cut
