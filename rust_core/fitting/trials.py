"""Clips of registered and of unknown tracks, degraded, cut to several lengths and recognised.

What the decision learns from, and what it is judged by: the evidence for the best candidates of
each clip and which of them was right.
"""

from __future__ import annotations

import csv
import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import sonica_core as core

from .catalogue import Catalogue, extract
from .degradations import Degrader
from .projection import HISTORY_SAMPLES, SHIFT_SAMPLES_MAX
from .recordings import SAMPLE_RATE_HZ

LENGTHS_SECONDS = (1, 2, 3, 5, 10)
EXCERPTS_PER_TRACK = 6
# Candidates of a clip the decision may choose among; it ranks by more than significance.
CANDIDATES = 3
# Those that only a second opinion puts this high are among them, too.
SECOND_CANDIDATES = 2
CLEAN_SHARE = 0.2
# Of the excerpts, how many play at another speed or pitch, and by how much at most.
SHIFTED_SHARE, SPEED_MAX = 0.25, 0.05
NOISE_CLIP_COUNT = 60
WORKERS = 2
UNKNOWN = -1
EVIDENCE = (
    "mean_cosine",
    "cosine_margin",
    "significance",
    "significance_margin",
    "rival_mean",
    "rival_spread",
    "aligned_landmark_count",
    "chance_landmark_count",
    "shifted_landmark_count",
    "chance_shifted_landmark_count",
    "aligned_peak_count",
    "chance_peak_count",
    "second_significance",
    "second_margin",
    "second_rival_mean",
    "second_rival_spread",
    "second_cosine",
    "clip_landmark_count",
    "active_row_count",
)
Audio = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Trial:
    """One recognised clip: the evidence for its best candidates, and which of them was right.

    Attributes:
        length_seconds: of the clip.
        shifted: whether it plays at another speed or pitch.
        known: whether its track is registered.
        right: whether each candidate is its track.
        evidence: value of each name in `EVIDENCE`, for each candidate.
    """

    length_seconds: int
    shifted: bool
    known: bool
    right: tuple[bool, ...]
    evidence: tuple[dict[str, float], ...]


class Trials:
    """Draws clips of some tracks and recognises them in some catalogues.

    Args:
        catalogues: in which the clips are looked for; the smaller hold fewer of the same tracks,
            under the same numbers.
        known: audio of registered tracks to ask for, each under its number.
        unknown: audio of tracks that are in no catalogue.
        degrader: makes clips.
        seed: of all draws; those of a track depend on it and on the track's place alone.
    """

    def __init__(
        self,
        catalogues: Sequence[Catalogue],
        known: Mapping[int, Audio],
        unknown: list[Audio],
        degrader: Degrader,
        seed: int,
    ) -> None:
        self._catalogues = catalogues
        self._sources = [*known.items(), *((UNKNOWN, audio) for audio in unknown)]
        self._degrader = degrader
        self._seed = seed

    def run(self, workers: int = WORKERS) -> list[Trial]:
        """Recognises every clip, in processes that share the catalogues' memory."""
        _running[:] = [self]
        tasks = range(len(self._sources) + NOISE_CLIP_COUNT)
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            return [trial for found in pool.imap(_of_task, tasks, 4) for trial in found]

    def of_task(self, task: int) -> Iterator[Trial]:
        """Yields the trials of one track, or of one clip of noise."""
        rng = np.random.default_rng([self._seed, 1, task])
        longest = max(LENGTHS_SECONDS) * SAMPLE_RATE_HZ
        if task >= len(self._sources):
            noise = 0.1 * self._degrader.noise(longest, rng)
            yield from self._cuts(noise, UNKNOWN, shifted=False)
            return
        number, audio = self._sources[task]
        needed = int((longest + HISTORY_SAMPLES) * (1 + SPEED_MAX)) + SHIFT_SAMPLES_MAX + 2
        for _ in range(EXCERPTS_PER_TRACK if len(audio) > needed else 0):
            begin = int(rng.integers(len(audio) - needed))
            shifted = bool(rng.random() < SHIFTED_SHARE)
            rate = 1 + rng.uniform(-SPEED_MAX, SPEED_MAX) if shifted else 1.0
            at = begin + rate * np.arange(longest + HISTORY_SAMPLES)
            heard = np.interp(at, np.arange(len(audio)), audio).astype(np.float32)
            if rng.random() > CLEAN_SHARE:
                heard = self._degrader.degrade(heard, rng)
            yield from self._cuts(heard[HISTORY_SAMPLES:], number, shifted=shifted)

    def _cuts(self, audio: Audio, number: int, *, shifted: bool) -> Iterator[Trial]:
        """Yields one trial for each length the audio is cut to and each catalogue."""
        for length in LENGTHS_SECONDS:
            part = audio[: length * SAMPLE_RATE_HZ]
            clip = extract(part, "query", self._catalogues[0].version)
            for catalogue in self._catalogues:
                best = best_of(catalogue, clip)
                known = number != UNKNOWN and number < catalogue.track_count
                if best:
                    right = tuple(known and fit.track_number == number for fit in best)
                    evidence = tuple(
                        {name: float(getattr(fit, name)) for name in EVIDENCE} for fit in best
                    )
                    yield Trial(length, shifted, known, right, evidence)


# What forked workers inherit: catalogues are too large to be sent to them.
_running: list[Trials] = []


def _of_task(task: int) -> list[Trial]:
    return list(_running[0].of_task(task))


def best_of(catalogue: Catalogue, clip: core.FingerprintPart) -> list[core.Alignment]:
    """Returns the alignments of a clip that fit best, whatever the decision would say.

    First those that do by their significance, then those that a second opinion adds.
    """
    found = catalogue.recognise(clip)
    best = sorted(found, key=lambda fit: fit.significance, reverse=True)[:CANDIDATES]
    asked = [fit for fit in found if fit.second_significance > 0]
    asked.sort(key=lambda fit: fit.second_significance, reverse=True)
    return [*best, *(fit for fit in asked[:SECOND_CANDIDATES] if fit not in best)]


def write_report(path: Path, trials: list[Trial]) -> None:
    """Writes every candidate of every trial as a line of CSV."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["length_seconds", "shifted", "known", "right", *EVIDENCE])
        for trial in trials:
            for right, evidence in zip(trial.right, trial.evidence, strict=True):
                flags = (trial.length_seconds, trial.shifted, trial.known, right)
                writer.writerow([*flags, *evidence.values()])
