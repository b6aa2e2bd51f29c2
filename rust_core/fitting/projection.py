"""OPCA (Burges, Platt, Jana 2003): directions that tell recordings apart but not distortions.

For clean windows x and what distortion makes of them y, the projection is spanned by the
generalised eigenvectors of cov(x) against cov(y - x) with the largest eigenvalues.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.linalg

from .degradations import Degrader
from .front_end import (
    BANDS,
    FRAME_SAMPLES,
    HOP_SAMPLES,
    SAMPLE_RATE_HZ,
    WINDOW_FRAMES,
    mel_frames,
    patches,
)

DIMENSION = 128
EXCERPT_FRAMES = 100
WINDOW_BEGINS = np.array([0, 20, 45, 70])
EXCERPTS_PER_TRACK = 14
VERSIONS_PER_EXCERPT = 4
# Audio before an excerpt that is distorted with it, so that reverberation is under way.
HISTORY_SAMPLES = SAMPLE_RATE_HZ // 2
# A clip's nearest row of the query lies up to half a query hop off the reference's grid.
SHIFT_SAMPLES_MAX = 512
# Share of the mean variance added to every direction of the distortion covariance.
RIDGE = 1e-2
LEVEL_MIN = 10 ** (-45 / 20)
Floats = npt.NDArray[np.float32]


@dataclass
class Covariances:
    """Running sums over windows."""

    signal: npt.NDArray[np.float64]
    distortion: npt.NDArray[np.float64]
    signal_count: int = 0
    distortion_count: int = 0

    @classmethod
    def empty(cls) -> Covariances:
        """Returns sums over nothing."""
        size = WINDOW_FRAMES * BANDS
        return cls(np.zeros((size, size)), np.zeros((size, size)))

    def add(self, clean: Floats, distorted: list[Floats]) -> None:
        """Adds the same windows of music, clean and distorted several ways."""
        self.signal += clean.T @ clean
        self.signal_count += len(clean)
        for version in distorted:
            difference = version - clean
            self.distortion += difference.T @ difference
            self.distortion_count += len(difference)

    def projection(self) -> Floats:
        """Returns the directions, shape (frames * bands, `DIMENSION`).

        Each is scaled so that music has unit variance along it: none drowns the others in the
        cosine.
        """
        signal = self.signal / self.signal_count
        distortion = self.distortion / self.distortion_count
        size = len(distortion)
        ridge = RIDGE * np.trace(distortion) / size * np.eye(size)
        values, vectors = scipy.linalg.eigh(
            signal, distortion + ridge, subset_by_index=[size - DIMENSION, size - 1]
        )
        scaled = vectors[:, ::-1] / np.sqrt(values[::-1])
        directions: Floats = (scaled / np.abs(scaled).max()).astype(np.float32)
        return directions


def add_track(
    sums: Covariances, audio: Floats, degrader: Degrader, rng: np.random.Generator
) -> None:
    """Adds excerpts of one track; a track too short for one adds nothing."""
    length = (EXCERPT_FRAMES - 1) * HOP_SAMPLES + FRAME_SAMPLES
    first, last = HISTORY_SAMPLES + SHIFT_SAMPLES_MAX, len(audio) - length - SHIFT_SAMPLES_MAX
    if last <= first:
        return
    clean: list[Floats] = []
    distorted: list[list[Floats]] = [[] for _ in range(VERSIONS_PER_EXCERPT)]
    for begin in rng.integers(first, last, EXCERPTS_PER_TRACK):
        excerpt = audio[begin : begin + length]
        if np.sqrt(np.mean(excerpt**2)) < LEVEL_MIN:
            continue
        clean.append(patches(mel_frames(excerpt), WINDOW_BEGINS))
        for versions in distorted:
            shift = int(rng.integers(-SHIFT_SAMPLES_MAX, SHIFT_SAMPLES_MAX + 1))
            moved = audio[begin + shift - HISTORY_SAMPLES : begin + shift + length]
            heard = degrader.degrade(moved, rng)[HISTORY_SAMPLES:]
            versions.append(patches(mel_frames(heard), WINDOW_BEGINS))
    if clean:
        sums.add(np.concatenate(clean), [np.concatenate(versions) for versions in distorted])
