"""Aim: hostile fingerprints are refused, honest ones are read.

Method: one honest fingerprint, broken in one way at a time.
"""

from __future__ import annotations

import numpy as np
import pytest
import sonica_core as core

ROW = np.zeros(core.DIMENSION, "<f2")
ROW[5] = 1
VECTORS = ROW.tobytes() * 3
ACTIVE = b"\1\1\1"
LANDMARK = (4).to_bytes(4, "little") + ((50 << 22) | (60 << 12) | 7).to_bytes(4, "little")
# A window as version 4 has it.
SECOND = np.zeros(core.DIMENSION, np.int8)
SECOND[7] = -127
ROW_OF_4 = ROW.tobytes() + SECOND.tobytes()


def validate(vectors: bytes, active: bytes, landmarks: bytes, version: int = 1) -> int:
    return core.validate_fingerprint(version, "reference", vectors, active, landmarks)


def with_value(value: float) -> bytes:
    row = ROW.copy()
    row[9] = value
    return VECTORS[: -len(row.tobytes())] + row.tobytes()


def test_an_honest_fingerprint_is_read() -> None:
    assert validate(VECTORS, ACTIVE, LANDMARK * 2) == 3
    assert validate(b"", b"", b"") == 0
    assert core.decode_vectors(1, VECTORS).shape == (3, core.DIMENSION)
    mark = core.decode_landmarks(LANDMARK)
    assert mark.tolist() == [(4, 50, 60, 7)]
    assert core.decode_landmarks(b"").shape == (0,)


@pytest.mark.parametrize(
    ("vectors", "active", "landmarks"),
    [
        (VECTORS[:-1], ACTIVE, b""),
        (VECTORS, ACTIVE[:-1], b""),
        (VECTORS, b"\1\1\2", b""),
        (VECTORS, b"\1\1\0", b""),
        (bytes(len(VECTORS)), ACTIVE, b""),
        (with_value(float("nan")), ACTIVE, b""),
        (with_value(float("inf")), ACTIVE, b""),
        (with_value(0.5), ACTIVE, b""),
        (VECTORS, ACTIVE, LANDMARK[:-1]),
        (VECTORS, ACTIVE, b"\xff" * 8),
        (VECTORS, ACTIVE, LANDMARK + bytes(4) + LANDMARK[4:]),
        (ROW.tobytes() * 32_769, b"\1" * 32_769, b""),
    ],
    ids=[
        "half a number",
        "too few flags",
        "flag 2",
        "signal in a silent row",
        "no signal in a row",
        "nan",
        "infinity",
        "too long a row",
        "half a landmark",
        "impossible landmark",
        "landmarks out of order",
        "too many rows",
    ],
)
def test_a_broken_fingerprint_is_refused(vectors: bytes, active: bytes, landmarks: bytes) -> None:
    with pytest.raises(core.MalformedFingerprintError):
        validate(vectors, active, landmarks)
    with pytest.raises(core.MalformedFingerprintError):
        core.QueryFingerprint(1, vectors, active, landmarks, 1.0)
    with pytest.raises(core.MalformedFingerprintError):
        core.ReferencePassage(1, 1, 0, vectors, active, landmarks)


def test_a_row_of_version_4_holds_two_embeddings() -> None:
    assert [core.row_bytes(version) for version in (1, 2, 3, 4)] == [256, 256, 256, 384]
    assert len(ROW_OF_4) == core.row_bytes(4)
    silent = bytes(core.row_bytes(4))
    assert validate(ROW_OF_4 + silent, b"\1\0", LANDMARK, version=4) == 2
    rows = core.decode_vectors(4, ROW_OF_4 + silent)
    assert rows.tolist() == [ROW.tolist(), [0.0] * core.DIMENSION]
    with pytest.raises(core.UnsupportedAlgorithmError):
        core.row_bytes(5)


@pytest.mark.parametrize(
    ("vectors", "active"),
    [
        (VECTORS, ACTIVE),
        (ROW_OF_4[:-1], b"\1"),
        (ROW.tobytes() + bytes(core.DIMENSION), b"\1"),
        (bytes(2 * core.DIMENSION) + SECOND.tobytes(), b"\0"),
        (bytes(2 * core.DIMENSION) + SECOND.tobytes(), b"\1"),
        (ROW.tobytes() + (SECOND // 2).tobytes(), b"\1"),
        (ROW.tobytes() + b"\x7f" * core.DIMENSION, b"\1"),
        (ROW_OF_4 * 32_769, b"\1" * 32_769),
    ],
    ids=[
        "rows of version 1",
        "half a row",
        "no second opinion",
        "a second opinion about silence",
        "only a second opinion",
        "too short a second embedding",
        "too long a second embedding",
        "too many rows",
    ],
)
def test_a_broken_second_opinion_is_refused(vectors: bytes, active: bytes) -> None:
    with pytest.raises(core.MalformedFingerprintError):
        validate(vectors, active, b"", version=4)
    with pytest.raises(core.MalformedFingerprintError):
        core.QueryFingerprint(4, vectors, active, b"", 1.0)
    with pytest.raises(core.MalformedFingerprintError):
        core.ReferencePassage(4, 1, 0, vectors, active, b"")


def test_wrong_version_and_purpose_are_refused() -> None:
    with pytest.raises(core.UnsupportedAlgorithmError):
        core.validate_fingerprint(0, "query", b"", b"", b"")
    with pytest.raises(core.UnsupportedAlgorithmError):
        core.decode_vectors(0, b"")
    with pytest.raises(core.UnsupportedAlgorithmError):
        core.QueryFingerprint(0, b"", b"", b"", 1.0)
    with pytest.raises(core.UnsupportedAlgorithmError):
        core.ReferencePassage(0, 1, 0, b"", b"", b"")
    with pytest.raises(core.InvalidArgumentError):
        core.validate_fingerprint(1, "", b"", b"", b"")
    for bad in (-1.0, float("nan"), float("inf")):
        with pytest.raises(core.InvalidArgumentError):
            core.QueryFingerprint(1, b"", b"", b"", bad)


def test_point_ids() -> None:
    assert core.point_id(7, 3) == (7 << 20) | 3
    for track, row in ((1 << 43, 0), (0, core.ROWS_MAX)):
        with pytest.raises(core.InvalidArgumentError):
            core.point_id(track, row)
    with pytest.raises(OverflowError):
        core.point_id(-1, 0)
