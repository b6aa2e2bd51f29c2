"""Aim: parts of a fingerprint put together are the whole, and a cut one is consistent."""

from __future__ import annotations

import pytest
from sonica.fingerprint.v1.fingerprint_pb2 import FINGERPRINT_PURPOSE_QUERY, Fingerprint
from sonica.fingerprint.v1.fingerprint_service_pb2 import StreamFingerprintResponse

from gateway.errors import UpstreamFailedError
from gateway.fingerprints import QUERY_WINDOWS_MAX, FingerprintParts, searchable
from match_svc.admission import check_query
from match_svc.messages import fingerprint_from

ROW_BYTES = 256


def part(
    first_row: int, rows: int, seconds: int, *, final: bool = False
) -> StreamFingerprintResponse:
    return StreamFingerprintResponse(
        part=Fingerprint(
            algorithm_version=1,
            purpose=FINGERPRINT_PURPOSE_QUERY,
            vectors_f16le=bytes([first_row]) * (ROW_BYTES * rows),
            active_windows=b"\1" * rows,
            landmarks=bytes([first_row]) * 8,
            duration={"seconds": seconds},
        ),
        first_row=first_row,
        final=final,
        content_sha256=b"d" * 32 if final else b"",
    )


def test_parts_make_the_whole() -> None:
    parts = FingerprintParts()
    for response in (part(0, 3, 1), part(3, 0, 2), part(3, 2, 3), part(5, 0, 3, final=True)):
        parts.add(response)
    whole = parts.fingerprint()
    assert whole.active_windows == b"\1" * 5
    assert whole.vectors_f16le == b"\0" * (3 * ROW_BYTES) + b"\3" * (2 * ROW_BYTES)
    assert len(whole.landmarks) == 4 * 8
    assert (whole.algorithm_version, whole.purpose) == (1, FINGERPRINT_PURPOSE_QUERY)
    assert (parts.row_count, parts.seconds, parts.final) == (5, 3, True)
    assert parts.content_sha256 == b"d" * 32


def test_fingerprint_taken_early_does_not_grow_later() -> None:
    parts = FingerprintParts()
    parts.add(part(0, 1, 1))
    early = parts.fingerprint()
    parts.add(part(1, 1, 2))
    assert len(early.active_windows) == 1
    assert early.duration.seconds == 1


@pytest.mark.parametrize("first_row", [0, 1, 3])
def test_gap_or_overlap_is_refused(first_row: int) -> None:
    parts = FingerprintParts()
    parts.add(part(0, 2, 1))
    with pytest.raises(UpstreamFailedError, match="not 2"):
        parts.add(part(first_row, 1, 2))


def fingerprint(rows: int, frames: list[int], row_bytes: int = ROW_BYTES) -> Fingerprint:
    return Fingerprint(
        algorithm_version=1,
        purpose=FINGERPRINT_PURPOSE_QUERY,
        vectors_f16le=bytes(row_bytes * rows),
        active_windows=bytes(rows),
        landmarks=b"".join(frame.to_bytes(4, "little") + b"hash" for frame in frames),
    )


def test_short_fingerprint_is_searched_for_as_it_is() -> None:
    short = fingerprint(QUERY_WINDOWS_MAX, [0, 9_999])
    assert searchable(short) is short


@pytest.mark.parametrize("row_bytes", [ROW_BYTES, 384])
def test_cut_keeps_whole_rows_of_any_version(row_bytes: int) -> None:
    long = fingerprint(QUERY_WINDOWS_MAX + 7, [], row_bytes)
    long.vectors_f16le = b"".join(
        bytes([row % 251]) * row_bytes for row in range(len(long.active_windows))
    )
    cut = searchable(long)
    assert cut.vectors_f16le == long.vectors_f16le[: QUERY_WINDOWS_MAX * row_bytes]


def test_cut_keeps_the_landmarks_of_the_windows_it_keeps() -> None:
    # The last window kept begins at frame 511 * 4 and spans 24.
    cut = searchable(fingerprint(QUERY_WINDOWS_MAX + 1, [0, 2_000, 2_067, 2_068, 9_999]))
    assert len(cut.active_windows) == QUERY_WINDOWS_MAX
    assert len(cut.vectors_f16le) == QUERY_WINDOWS_MAX * ROW_BYTES
    frames = [
        int.from_bytes(cut.landmarks[i : i + 4], "little") for i in range(0, len(cut.landmarks), 8)
    ]
    assert frames == [0, 2_000, 2_067]


def test_what_is_cut_is_a_fingerprint_of_its_own() -> None:
    long = fingerprint(2 * QUERY_WINDOWS_MAX, [])
    long.duration.FromMilliseconds(2 * QUERY_WINDOWS_MAX * 128)
    cut = fingerprint_from(searchable(long), FINGERPRINT_PURPOSE_QUERY)
    check_query(cut)
    assert cut.duration == 66_176_000
