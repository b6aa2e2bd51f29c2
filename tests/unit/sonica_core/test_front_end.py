"""Aim: the Rust extractor is the algorithm its specification describes.

Method: the NumPy front end the projection was fitted with, and the NumPy network, compute the
same embeddings from the same audio, with the numbers that are compiled in.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import sonica_core as core

ROOT = Path(__file__).parents[3]
RUST_CORE = ROOT / "rust_core"
# Folders of scripts, not installed packages.
sys.path[:0] = [str(RUST_CORE), str(ROOT / "tests" / "golden")]
import network_reference  # noqa: E402
from fitting import front_end  # noqa: E402

PROJECTION = RUST_CORE / "crates" / "sonica-core" / "data" / "projection-v1.f16"


# The network each version's first embedding comes from; version 1 has its projection instead.
NETWORKS = {1: None, 2: 2, 3: 3, 4: 3}
# Versions whose second embedding is that projection.
PROJECTED_TOO = {4}


def music(seconds: float, seed: int) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * core.SAMPLE_RATE_HZ)) / core.SAMPLE_RATE_HZ
    audio = 0.01 * rng.standard_normal(len(time))
    for begin in np.arange(0, seconds, 0.2):
        local = np.maximum(time - begin, 0)
        hz = 100 * 2 ** rng.uniform(0, 4)
        audio += (time >= begin) * 0.2 * np.sin(2 * np.pi * hz * local) * np.exp(-5 * local)
    return audio.astype(np.float32)


def specified(
    network: int | None, audio: npt.NDArray[np.float32], purpose: str, pitch_factor: float
) -> front_end.Floats:
    if network is None:
        projection = np.fromfile(PROJECTION, "<f2").astype(np.float32).reshape(-1, core.DIMENSION)
        return front_end.embeddings(audio, purpose, projection, pitch_factor)
    bands = front_end.mel_frames(audio, pitch_factor)
    patches = front_end.patches(bands, front_end.row_begins(len(bands), purpose))
    return network_reference.embed(patches, network_reference.read_weights(network))


@pytest.mark.parametrize("version", core.ALGORITHM_VERSIONS)
@pytest.mark.parametrize("purpose", ["reference", "query"])
@pytest.mark.parametrize("seconds", [0.85, 1.0, 1.3, 7.77])
def test_rust_equals_numpy(version: int, purpose: str, seconds: float) -> None:
    check(version, purpose, music(seconds, seed=int(seconds * 100)), 1.0)


@pytest.mark.parametrize("version", core.ALGORITHM_VERSIONS)
@pytest.mark.parametrize("pitch_factor", [0.9, 2 ** (-1 / 12), 1.029, 2 ** (1 / 12), 1.1])
def test_rust_equals_numpy_at_another_pitch(version: int, pitch_factor: float) -> None:
    check(version, "query", music(3.3, seed=5), pitch_factor)


def check(version: int, purpose: str, audio: npt.NDArray[np.float32], pitch_factor: float) -> None:
    extractor = core.Extractor(version, purpose, pitch_factor)
    extractor.push(audio)
    extractor.finish()
    part = extractor.take()
    rows = core.decode_vectors(version, part.vectors_f16le)
    expected = specified(NETWORKS[version], audio, purpose, pitch_factor)
    assert rows.shape == expected.shape
    assert part.active_windows == b"\1" * len(rows)
    np.testing.assert_allclose(rows, expected, atol=1e-3)
    raw = np.frombuffer(part.vectors_f16le, np.int8).reshape(len(rows), core.row_bytes(version))
    second = raw[:, 2 * core.DIMENSION :]
    assert bool(second.size) == (version in PROJECTED_TOO)
    if second.size:
        expected = specified(None, audio, purpose, pitch_factor)
        np.testing.assert_allclose(second, 127 * expected, atol=0.6)


def test_constants_agree() -> None:
    assert core.SAMPLE_RATE_HZ == front_end.SAMPLE_RATE_HZ
    assert core.FRAME_SECONDS == front_end.HOP_SAMPLES / front_end.SAMPLE_RATE_HZ
    for purpose, hop in (
        ("reference", core.REFERENCE_HOP_SECONDS),
        ("query", core.QUERY_HOP_SECONDS),
    ):
        assert hop == pytest.approx(front_end.STRIDE_FRAMES[purpose] * core.FRAME_SECONDS)
    samples = (front_end.WINDOW_FRAMES - 1) * front_end.HOP_SAMPLES + front_end.FRAME_SAMPLES
    assert pytest.approx(samples / front_end.SAMPLE_RATE_HZ) == core.WINDOW_SECONDS
    assert pytest.approx(front_end.EDGE_FRAMES * core.FRAME_SECONDS) == core.EDGE_SECONDS
