"""Fits the probability that a candidate of a clip is the recording it was taken from.

A logistic model with non-negative weights learns from the evidence of many trials which
candidates were right.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.optimize

from .catalogue import Catalogue
from .copies import shares_with
from .degradations import Degrader
from .recordings import read_audio
from .trials import LENGTHS_SECONDS, Trial, Trials, write_report

SMALL_CATALOGUE_TRACKS = 12
# Terms of a model, in the order of its file; `decision.rs` computes the same.
FIRST_TERMS = (
    "significance_margin",
    "significance_margin_per_root_row",
    "significance",
    "significance_per_root_row",
    "landmark_excess",
    "log_rows",
)
TERMS = {
    1: FIRST_TERMS,
    2: FIRST_TERMS,
    3: (
        "significance_margin",
        "significance_margin_per_root_row",
        "log_rows",
        "shifted_landmark_excess",
        "peak_excess",
        "prominence",
        "rival_gap",
        "mean_cosine",
    ),
}
TERMS[4] = (*TERMS[3], "joint_prominence", "joint_rival_gap", "second_rival_gap")
# More rows may speak for or against; every other term can only speak for an answer.
FREE_TERMS = {"log_rows"}
RIVAL_PRIOR_SHARE = 0.2
RIDGE = 1e-3
# Largest share of clips of unknown tracks that may be answered, all lengths together.
FALSE_ACCEPT_SHARE = 0.0005
# Least probability of an answer, however few unknown clips come near it: a catalogue much larger
# than the fit's holds nearer strangers.
GATE_MIN = 0.995
Floats = npt.NDArray[np.float64]


def terms(version: int, evidence: dict[str, float]) -> tuple[float, ...]:
    """Returns the evidence of one alignment as the terms of a version's model."""
    rows = max(1.0, evidence["active_row_count"])
    significance, margin = evidence["significance"], evidence["significance_margin"]
    spread, second_spread = (
        np.sqrt((1 - RIVAL_PRIOR_SHARE) * evidence[kind] ** 2 + RIVAL_PRIOR_SHARE)
        for kind in ("rival_spread", "second_rival_spread")
    )
    prominence = (significance - evidence["rival_mean"]) / spread
    second_ahead = evidence["second_significance"] - evidence["second_rival_mean"]
    second_gap = evidence["second_margin"] / second_spread

    def excess(kind: str, chance: str) -> float:
        return max(0.0, float(np.log((evidence[kind] + 1) / (evidence[chance] + 1))))

    def joint(first: float, second: float) -> float:
        # One below 0 says nothing: the second knows nothing of clips at another pitch.
        return float(np.hypot(max(0.0, first), max(0.0, second)))

    values = {
        "significance_margin": margin,
        "significance_margin_per_root_row": margin / np.sqrt(rows),
        "significance": significance,
        "significance_per_root_row": significance / np.sqrt(rows),
        "landmark_excess": excess("aligned_landmark_count", "chance_landmark_count"),
        "log_rows": np.log(rows),
        "shifted_landmark_excess": excess(
            "shifted_landmark_count", "chance_shifted_landmark_count"
        ),
        "peak_excess": excess("aligned_peak_count", "chance_peak_count"),
        "prominence": prominence,
        "rival_gap": margin / spread,
        "mean_cosine": evidence["mean_cosine"],
        "joint_prominence": joint(prominence, second_ahead / second_spread),
        "joint_rival_gap": joint(margin / spread, second_gap),
        "second_rival_gap": max(0.0, second_gap),
    }
    return tuple(float(values[name]) for name in TERMS[version])


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
        report: CSV for the evidence of every trial.
    """
    known = [read_audio(path) for path in tracks[::2]]
    unknown = [read_audio(path) for path in tracks[1::2]]
    catalogue = Catalogue(chain(known, map(read_audio, background)), version)
    strangers = [audio for audio in unknown if not shares_with(catalogue, audio)]
    print(f"{len(known)} tracks known, {len(strangers)} of {len(unknown)} unknown without copies")
    # In a small catalogue the best rival is weaker and the margin means less.
    catalogues = [catalogue, Catalogue(known[:SMALL_CATALOGUE_TRACKS], version)]
    trials = Trials(catalogues, known, strangers, degrader, seed).run()
    if report:
        write_report(report, trials)
    x = np.array([terms(version, e) for trial in trials for e in trial.evidence])
    right = np.array([right for trial in trials for right in trial.right])
    bias, weights = _logistic(x, right, TERMS[version])
    answers = [_answer(trial, version, bias, weights) for trial in trials]
    unknown = [score for trial, (score, _) in zip(trials, answers, strict=True) if not trial.known]
    gate = max(GATE_MIN, float(np.quantile(unknown, 1 - FALSE_ACCEPT_SHARE)))
    lines = [f"{value:.6g}" for value in (bias, *weights, gate)]
    (data / f"decision-v{version}.txt").write_text("\n".join(lines) + "\n")
    print(dict(zip(("bias", *TERMS[version], "gate"), lines, strict=True)))
    _print_summary(trials, answers, gate)


def _answer(trial: Trial, version: int, bias: float, weights: Floats) -> tuple[float, bool]:
    """Returns the score of the surest candidate of a clip, and whether it is right."""
    x = np.array([terms(version, evidence) for evidence in trial.evidence])
    scores = 1 / (1 + np.exp(-(bias + x @ weights)))
    surest = int(np.argmax(scores))
    return float(scores[surest]), trial.right[surest]


def _logistic(
    x: Floats, right: npt.NDArray[np.bool_], names: tuple[str, ...]
) -> tuple[float, Floats]:
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
    bounds += [(None, None) if term in FREE_TERMS else (0, None) for term in names]
    start = np.zeros(len(names) + 1)
    best = scipy.optimize.minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    weights = best[1:] / spread
    return float(best[0] - mean @ weights), weights


def _print_summary(trials: list[Trial], answers: list[tuple[float, bool]], gate: float) -> None:
    for length in LENGTHS_SECONDS:
        chosen = [
            (trial.known, right, score > gate)
            for trial, (score, right) in zip(trials, answers, strict=True)
            if trial.length_seconds == length
        ]
        known = [(right, accepted) for is_known, right, accepted in chosen if is_known]
        unknown = [accepted for is_known, _, accepted in chosen if not is_known]
        print(
            f"{length:3d} s: {len(known)} known, right {np.mean([r for r, _ in known]):.3f},"
            f" accepted right {np.mean([r and a for r, a in known]):.3f},"
            f" accepted wrong {np.mean([a and not r for r, a in known]):.4f};"
            f" {len(unknown)} unknown, accepted {np.mean(unknown):.4f}"
        )
