"""Aim: fingerprints of a version never change.

Method: committed clips are extracted again and compared with committed fingerprints, row by row
and landmark by landmark.
"""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import sonica_core as core

HERE = Path(__file__).parent
GOLDEN = sorted((HERE / "fingerprints").glob("v*/*.npz"))


def test_every_clip_has_both_fingerprints_of_every_version() -> None:
    clips = {path.stem for path in (HERE / "clips").glob("*.wav")}
    expected = {
        (f"v{version}", f"{clip}-{purpose}")
        for version in core.ALGORITHM_VERSIONS
        for clip in clips
        for purpose in ("query", "reference")
    }
    assert {(path.parent.name, path.stem) for path in GOLDEN} == expected
    assert len(clips) == 3


def cosines_of(
    rows: npt.NDArray[np.int8], others: npt.NDArray[np.int8]
) -> npt.NDArray[np.floating]:
    a, b = rows.astype(np.float64), others.astype(np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    products: npt.NDArray[np.floating] = np.sum(a * b, axis=1)
    return products / lengths


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_fingerprint_is_unchanged(path: Path) -> None:
    clip, purpose = path.stem.rsplit("-", 1)
    with wave.open(str(HERE / "clips" / f"{clip}.wav")) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    version = int(path.parent.name[1:])
    extractor = core.Extractor(version, purpose)
    extractor.push(pcm.astype(np.float32) / 32_768)
    extractor.finish()
    part = extractor.take()
    golden = np.load(path)

    assert np.array_equal(np.frombuffer(part.active_windows, np.uint8), golden["active"])
    rows = core.decode_vectors(version, part.vectors_f16le)
    assert rows.shape == golden["vectors"].shape
    cosines = np.sum(rows * golden["vectors"].astype(np.float32), axis=1)
    assert np.all(cosines[golden["active"] == 1] > 0.999)
    raw = np.frombuffer(part.vectors_f16le, np.int8).reshape(len(rows), -1)
    second = raw[:, 2 * core.DIMENSION :]
    assert second.size == golden["second"].size if "second" in golden else second.size == 0
    if second.size:
        active = golden["active"] == 1
        assert np.all(cosines_of(second[active], golden["second"][active]) > 0.999)
        assert not second[~active].any()

    found = set(map(tuple, core.landmark_table(part.landmarks).tolist()))
    expected = set(map(tuple, golden["landmarks"].tolist()))
    assert len(expected) > 10
    assert len(found ^ expected) <= 0.02 * len(expected)
