"""Fits the probability that a candidate of a clip is the recording it was taken from.

A logistic model with non-negative weights learns from the evidence of many trials which
candidates were right. What a term is worth depends on how long the clip is: a model may have
weights for short clips and for long ones, and those in between for clips in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Form:
    """What the model of a version is made of; `decision.rs` has the same.

    Attributes:
        terms: names, in the order of the file.
        ends: active rows of the clips it has weights for; between them they change with the
            logarithm of the rows. Where there is one, it does not matter which.
        ridge: pull on weights towards 0, in the fit.
    """

    terms: tuple[str, ...]
    ends: tuple[int, ...] = (1,)
    ridge: float = 1e-3

    def columns(self, values: Floats, rows: Floats) -> Floats:
        """Returns what the numbers of the file are multiplied by to give the logit.

        Args:
            values: of the terms, shape (n, terms).
            rows: active rows of the clips, shape (n,), at least 1.

        Returns shape (n, ends * (1 + terms)): for each end 1 and the terms, times the end's share.
        """
        end = np.arange(len(self.ends))
        place = np.interp(np.log(rows), np.log(self.ends), end)
        shares = np.maximum(0, 1 - np.abs(place[:, None] - end))
        of_one_end = np.column_stack([np.ones(len(values)), values])
        columns: Floats = (shares[:, :, None] * of_one_end[:, None, :]).reshape(len(values), -1)
        return columns


FIRST_FORM = Form(
    (
        "significance_margin",
        "significance_margin_per_root_row",
        "significance",
        "significance_per_root_row",
        "landmark_excess",
        "log_rows",
    )
)
FORMS = {
    1: FIRST_FORM,
    2: FIRST_FORM,
    3: Form(
        (
            "significance_margin",
            "significance_margin_per_root_row",
            "log_rows",
            "shifted_landmark_excess",
            "peak_excess",
            "prominence",
            "rival_gap",
            "mean_cosine",
        )
    ),
    # Rows of clips of 1 and of 3 s.
    4: Form(
        (
            "significance_margin",
            "significance_margin_per_root_row",
            "shifted_landmark_excess",
            "peak_excess",
            "prominence",
            "rival_gap",
            "mean_cosine",
            "joint_prominence",
            "joint_rival_gap",
            "second_rival_gap",
        ),
        ends=(4, 19),
        ridge=3e-4,
    ),
}
# More rows may speak for or against; every other term can only speak for an answer.
FREE_TERMS = {"log_rows"}
RIVAL_PRIOR_SHARE = 0.2
# Largest share of clips of unknown tracks that may be answered, all lengths together.
FALSE_ACCEPT_SHARE = 0.0005
# Least probability of an answer, however few unknown clips come near it: a catalogue much larger
# than the fit's holds nearer strangers.
GATE_MIN = 0.995


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
    return tuple(float(values[name]) for name in FORMS[version].terms)


def fit_decision(
    background: list[Path],
    tracks: list[Path],
    degrader: Degrader,
    version: int,
    seed: int,
    data: Path,
    report: Path | None,
) -> None:
    """Fits and writes `decision-v<version>.txt`, one number a line.

    For each end of the version's form its bias and its weights, then the gate.

    Args:
        background: tracks that are registered but never asked for.
        tracks: every other one is registered and, without copies, asked for; the rest are unknown.
        degrader: makes clips.
        version: of the fingerprints.
        seed: of all draws.
        data: folder to write to.
        report: CSV for the evidence of every trial.
    """
    known = [read_audio(path) for path in tracks[::2]]
    unknown = [read_audio(path) for path in tracks[1::2]]
    catalogue = Catalogue(chain(known, map(read_audio, background)), version)
    # A clip of a track that shares a recording with another is right either way.
    asked = {n: audio for n, audio in enumerate(known) if not shares_with(catalogue, audio, n)}
    strangers = [audio for audio in unknown if not shares_with(catalogue, audio)]
    print(
        f"without copies {len(asked)} of {len(known)} tracks known,"
        f" {len(strangers)} of {len(unknown)} unknown"
    )
    # In a small catalogue the best rival is weaker and the margin means less.
    catalogues = [catalogue, Catalogue(known[:SMALL_CATALOGUE_TRACKS], version)]
    trials = Trials(catalogues, asked, strangers, degrader, seed).run()
    if report:
        write_report(report, trials)
    columns = _columns(version, [e for trial in trials for e in trial.evidence])
    right = np.array([right for trial in trials for right in trial.right])
    numbers = most_likely(FORMS[version], columns, right)
    answers = [_answer(trial, version, numbers) for trial in trials]
    of_unknown = [
        score for trial, (score, _) in zip(trials, answers, strict=True) if not trial.known
    ]
    gate = max(GATE_MIN, float(np.quantile(of_unknown, 1 - FALSE_ACCEPT_SHARE)))
    lines = [f"{value:.6g}" for value in (*numbers, gate)]
    (data / f"decision-v{version}.txt").write_text("\n".join(lines) + "\n")
    by_end = np.reshape(lines[:-1], (len(FORMS[version].ends), -1)).T
    for name, values in zip(("bias", *FORMS[version].terms), by_end, strict=True):
        print(name, *values)
    print("gate", lines[-1])
    _print_summary(trials, answers, gate)


def _columns(version: int, evidence: Sequence[dict[str, float]]) -> Floats:
    values = np.array([terms(version, e) for e in evidence])
    rows = np.array([max(1.0, e["active_row_count"]) for e in evidence])
    return FORMS[version].columns(values, rows)


def _answer(trial: Trial, version: int, numbers: Floats) -> tuple[float, bool]:
    """Returns the score of the surest candidate of a clip, and whether it is right."""
    scores = 1 / (1 + np.exp(-(_columns(version, trial.evidence) @ numbers)))
    surest = int(np.argmax(scores))
    return float(scores[surest]), trial.right[surest]


def most_likely(form: Form, columns: Floats, right: npt.NDArray[np.bool_]) -> Floats:
    """Returns the numbers of the most likely model whose evidence speaks one way."""
    names = ("bias", *form.terms) * len(form.ends)
    is_bias = np.array([name == "bias" for name in names])
    scale = np.where(is_bias, 1.0, columns.std(axis=0))
    standard = columns / scale
    ridge = np.where(is_bias, 0.0, form.ridge)
    sign = np.where(right, 1.0, -1.0)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        logit = standard @ parameters
        pull = -sign / (1 + np.exp(sign * logit)) / len(sign)
        likelihood = np.logaddexp(0, -sign * logit).mean()
        gradient = standard.T @ pull + ridge * parameters
        return likelihood + float(ridge @ parameters**2) / 2, gradient

    free = {"bias", *FREE_TERMS}
    bounds = [(None, None) if name in free else (0, None) for name in names]
    tight = {"maxiter": 10_000, "maxfun": 10_000, "ftol": 1e-12, "gtol": 1e-9}
    best = scipy.optimize.minimize(
        loss, np.zeros(len(names)), jac=True, bounds=bounds, method="L-BFGS-B", options=tight
    )
    if not best.success:
        raise RuntimeError(f"the fit did not converge: {best.message}")
    numbers: Floats = best.x / scale
    return numbers


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
