"""The audio training draws from: every track as mono 8 kHz samples in memory.

Tracks are split by name into those the network learns from and those kept for the decision, so
that the decision sees embeddings of music the network has never heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from fitting.recordings import SAMPLE_RATE_HZ, is_kept_for_decision, read_audio, track_paths

FULL_SCALE = 32_767


@dataclass(frozen=True)
class Track:
    """One recording.

    Attributes:
        name: of its file, without the suffix.
        samples: int16, shape (n_samples,), at 8 kHz; int16 halves the memory of many hours.
    """

    name: str
    samples: npt.NDArray[np.int16]

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE_HZ


def read_track(path: Path, cache: Path) -> Track:
    """Reads a track, from the cache when it has been read before."""
    cached = cache / f"{path.stem}.npy"
    if not cached.exists():
        audio = read_audio(path)
        peak = max(1e-6, float(np.max(np.abs(audio))))
        cache.mkdir(parents=True, exist_ok=True)
        np.save(cached, (audio / peak * FULL_SCALE).astype(np.int16))
    return Track(path.stem, np.load(cached, mmap_mode="r"))


def training_tracks(folder: Path, cache: Path, *, kept: bool = False) -> list[Track]:
    """Returns the tracks the network learns from, or those kept from it, ordered by name."""
    paths = [path for path in track_paths(folder) if is_kept_for_decision(path.stem) == kept]
    return [read_track(path, cache) for path in paths]
