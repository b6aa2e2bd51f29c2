"""Music and fingerprints to measure with: composed pieces, and fingerprints by the hour."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sonica_core

from sonica_cli.demo.compose import compose, write
from sonica_cli.demo.degrade import degrade
from sonica_cli.demo.encode import encode

SEED = 20
LANDMARKS_PER_SECOND = 20


@dataclass(frozen=True)
class Clip:
    """A noisy excerpt of a registered piece, as a file would hold it."""

    title: str
    content: bytes


def pieces(folder: Path, count: int) -> list[Path]:
    """Composes `count` pieces and writes them as FLAC."""
    paths = []
    for index in range(count):
        path = folder / f"{index:03d}.flac"
        write(compose(SEED, index), path)
        paths.append(path)
    return paths


def clips(count: int, seconds: float) -> list[Clip]:
    """Returns `count` noisy excerpts of the same pieces, encoded as FLAC."""
    rng = np.random.default_rng(SEED)
    made = []
    for index in range(count):
        piece = compose(SEED, index)
        size = int(seconds * piece.sample_rate_hz)
        start = int(rng.integers(0, len(piece.pcm) - size))
        noisy = degrade(piece.pcm[start : start + size], piece.sample_rate_hz, "noise", rng)
        made.append(Clip(piece.title, encode(noisy, piece.sample_rate_hz, ".flac")))
    return made


@dataclass(frozen=True)
class Synthetic:
    """A fingerprint with the statistics of music's: neighbouring rows resemble each other."""

    vectors_f16le: bytes
    active_windows: bytes
    landmarks: bytes
    seconds: float
    content_sha256: bytes


def synthetic_fingerprints(count: int, seconds: float) -> Iterator[Synthetic]:
    """Yields `count` reference fingerprints of `seconds` each: sizes do not depend on content."""
    rng = np.random.default_rng(SEED)
    rows = int(seconds / sonica_core.REFERENCE_HOP_SECONDS)
    row_bytes = sonica_core.row_bytes(sonica_core.CURRENT_ALGORITHM_VERSION)
    frames = int(seconds / sonica_core.FRAME_SECONDS)
    for index in range(count):
        walk = np.empty((rows, sonica_core.DIMENSION))
        walk[0] = rng.standard_normal(sonica_core.DIMENSION)
        steps = rng.standard_normal((rows, sonica_core.DIMENSION))
        for row in range(1, rows):
            walk[row] = 0.88 * walk[row - 1] + 0.475 * steps[row]
        walk /= np.linalg.norm(walk, axis=1, keepdims=True)
        landmark_count = int(seconds * LANDMARKS_PER_SECOND)
        landmarks = np.empty((landmark_count, 2), dtype="<u4")
        landmarks[:, 0] = np.sort(rng.integers(0, frames, landmark_count))
        anchor = rng.integers(100, 400, landmark_count)
        target = anchor + rng.integers(-60, 60, landmark_count)
        landmarks[:, 1] = anchor << 22 | target << 12 | rng.integers(1, 60, landmark_count)
        # The second embedding of versions that have one may as well be the first again.
        vectors = np.hstack([walk.astype("<f2").view(np.int8), np.rint(127 * walk).astype(np.int8)])
        yield Synthetic(
            vectors[:, :row_bytes].tobytes(),
            b"\x01" * rows,
            landmarks.tobytes(),
            seconds,
            hashlib.sha256(f"{SEED}/{index}".encode()).digest(),
        )
