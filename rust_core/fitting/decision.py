"""Fits the probability that the best candidate of a clip is the recording it was taken from.

Clips of registered and of unknown tracks are degraded, cut to several lengths and recognised
with the built core; a logistic model with non-negative weights learns from its evidence which
best candidates were right.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.optimize
import sonica_core as core

from .catalogue import Catalogue, extract
from .degradations import Degrader
from .projection import HISTORY_SAMPLES, SHIFT_SAMPLES_MAX
from .recordings import SAMPLE_RATE_HZ, read_audio

LENGTHS_SECONDS = (1, 2, 3, 5, 10)
EXCERPTS_PER_TRACK = 12
CLEAN_SHARE = 0.2
NOISE_CLIP_COUNT = 60
SMALL_CATALOGUE_TRACKS = 12
# Evidence, in the order of the weights in decision-v1.txt; `decision.rs` computes the same.
TERMS = (
    "significance_margin",
    "significance_margin_per_root_row",
    "significance",
    "significance_per_root_row",
    "landmark_excess",
    "log_rows",
)
# More rows may speak for or against; every other term can only speak for an answer.
FREE_TERMS = {"log_rows"}
RIDGE = 1e-3
# Largest share of clips of unknown tracks that may be answered, all lengths together.
FALSE_ACCEPT_SHARE = 0.0005
# Least probability of an answer, however few unknown clips come near it: synthesised pieces of
# like timbre and key, of which the fit has none, come nearer than any recording does.
GATE_MIN = 0.99
# Landmarks above chance from which two clean passages are the same recording.
COPY_LANDMARKS_MIN = 12
COPY_CHECK_SECONDS = 10
UNKNOWN = -1
Audio = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """One recognised clip: its evidence and whether the best candidate was right."""

    length_seconds: int
    known: bool
    right: bool
    terms: tuple[float, ...]


def terms(alignment: core.Alignment) -> tuple[float, ...]:
    """Returns the evidence of one alignment as the model's terms."""
    rows = max(1.0, float(alignment.active_row_count))
    excess = np.log((alignment.aligned_landmark_count + 1) / (alignment.chance_landmark_count + 1))
    return (
        alignment.significance_margin,
        alignment.significance_margin / np.sqrt(rows),
        alignment.significance,
        alignment.significance / np.sqrt(rows),
        max(0.0, float(excess)),
        float(np.log(rows)),
    )


def fit_decision(
    background: list[Path],
    tracks: list[Path],
    degrader: Degrader,
    version: int,
    seed: int,
    data: Path,
    report: Path | None,
) -> None:
    """Fits and writes `decision-v<version>.txt`: bias, weights, then the gate, one number a line.

    Args:
        background: tracks that are registered but never asked for.
        tracks: every other one is registered and asked for, the rest are unknown.
        degrader: makes clips.
        version: of the fingerprints.
        seed: of all draws.
        data: folder to write to.
        report: CSV for the evidence of every clip.
    """
    known = [read_audio(path) for path in tracks[::2]]
    unknown = [read_audio(path) for path in tracks[1::2]]
    catalogue = Catalogue(chain(known, map(read_audio, background)), version)
    strangers = [audio for audio in unknown if not _holds_registered_music(catalogue, audio)]
    print(f"{len(known)} tracks known, {len(strangers)} of {len(unknown)} unknown without copies")
    rng = np.random.default_rng([seed, 1])
    # In a small catalogue the best rival is weaker and the margin means less.
    catalogues = [catalogue, Catalogue(known[:SMALL_CATALOGUE_TRACKS], version)]
    trials = list(_trials(catalogues, known, strangers, degrader, rng))
    if report:
        _write_report(report, trials)
    x = np.array([trial.terms for trial in trials])
    right = np.array([trial.right for trial in trials])
    bias, weights = _logistic(x, right)
    scores = 1 / (1 + np.exp(-(bias + x @ weights)))
    wrong = np.array([not trial.known for trial in trials])
    gate = max(GATE_MIN, float(np.quantile(scores[wrong], 1 - FALSE_ACCEPT_SHARE)))
    lines = [f"{value:.6g}" for value in (bias, *weights, gate)]
    (data / f"decision-v{version}.txt").write_text("\n".join(lines) + "\n")
    _print_summary(trials, scores, gate, lines)


def _trials(
    catalogues: list[Catalogue],
    known: list[Audio],
    unknown: list[Audio],
    degrader: Degrader,
    rng: np.random.Generator,
) -> Iterator[Trial]:
    longest = max(LENGTHS_SECONDS) * SAMPLE_RATE_HZ
    numbered = [*enumerate(known), *((UNKNOWN, audio) for audio in unknown)]
    for number, audio in numbered:
        last = len(audio) - longest - SHIFT_SAMPLES_MAX
        for _ in range(EXCERPTS_PER_TRACK if last > HISTORY_SAMPLES else 0):
            begin = int(rng.integers(HISTORY_SAMPLES, last))
            heard = audio[begin - HISTORY_SAMPLES : begin + longest]
            if rng.random() > CLEAN_SHARE:
                heard = degrader.degrade(heard, rng)
            yield from _cuts(catalogues, heard[HISTORY_SAMPLES:], number)
    for _ in range(NOISE_CLIP_COUNT):
        yield from _cuts(catalogues, 0.1 * degrader.noise(longest, rng), UNKNOWN)


def _cuts(catalogues: list[Catalogue], audio: Audio, number: int) -> Iterator[Trial]:
    """Yields one trial for each length the audio is cut to and each catalogue."""
    for length in LENGTHS_SECONDS:
        clip = extract(audio[: length * SAMPLE_RATE_HZ], "query", catalogues[0].version)
        for catalogue in catalogues:
            best = _best(catalogue, clip)
            known = number != UNKNOWN and number < catalogue.track_count
            if best:
                yield Trial(length, known, known and best.track_number == number, terms(best))


def _best(catalogue: Catalogue, clip: core.FingerprintPart) -> core.Alignment | None:
    found = catalogue.recognise(clip)
    return max(found, key=lambda alignment: alignment.significance, default=None)


def _holds_registered_music(catalogue: Catalogue, audio: Audio) -> bool:
    """Says whether a track that should be unknown shares a recording with a registered one.

    Folders of music hold copies and remixes; learnt from, they would teach that a sure answer
    may be wrong.
    """
    step = COPY_CHECK_SECONDS * SAMPLE_RATE_HZ
    for begin in range(0, len(audio) - step, 2 * step):
        best = _best(catalogue, extract(audio[begin : begin + step], "query", catalogue.version))
        if best and best.aligned_landmark_count >= COPY_LANDMARKS_MIN + best.chance_landmark_count:
            return True
    return False


def _logistic(x: Floats, right: npt.NDArray[np.bool_]) -> tuple[float, Floats]:
    """Returns bias and weights of the most likely model whose evidence speaks one way."""
    mean, spread = x.mean(axis=0), x.std(axis=0)
    standard = (x - mean) / spread
    sign = np.where(right, 1.0, -1.0)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        logit = parameters[0] + standard @ parameters[1:]
        pull = -sign / (1 + np.exp(sign * logit)) / len(sign)
        gradient = np.concatenate([[pull.sum()], standard.T @ pull + RIDGE * parameters[1:]])
        likelihood = np.logaddexp(0, -sign * logit).mean()
        return likelihood + RIDGE / 2 * float(parameters[1:] @ parameters[1:]), gradient

    bounds: list[tuple[float | None, None]] = [(None, None)]
    bounds += [(None, None) if term in FREE_TERMS else (0, None) for term in TERMS]
    start = np.zeros(len(TERMS) + 1)
    best = scipy.optimize.minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    weights = best[1:] / spread
    return float(best[0] - mean @ weights), weights


def _print_summary(trials: list[Trial], scores: Floats, gate: float, lines: list[str]) -> None:
    print(dict(zip(("bias", *TERMS, "gate"), lines, strict=True)))
    for length in LENGTHS_SECONDS:
        chosen = [
            (trial, score > gate)
            for trial, score in zip(trials, scores, strict=True)
            if trial.length_seconds == length
        ]
        known = [(trial.right, accepted) for trial, accepted in chosen if trial.known]
        unknown = [accepted for trial, accepted in chosen if not trial.known]
        print(
            f"{length:3d} s: {len(known)} known, right {np.mean([r for r, _ in known]):.3f},"
            f" accepted right {np.mean([r and a for r, a in known]):.3f},"
            f" accepted wrong {np.mean([a and not r for r, a in known]):.4f};"
            f" {len(unknown)} unknown, accepted {np.mean(unknown):.4f}"
        )


def _write_report(path: Path, trials: list[Trial]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["length_seconds", "known", "right", *TERMS])
        for trial in trials:
            writer.writerow([trial.length_seconds, trial.known, trial.right, *trial.terms])
