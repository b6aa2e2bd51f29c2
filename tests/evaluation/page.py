"""Writes docs/reference/recognition.md and its pictures from the committed figures."""

from __future__ import annotations

import math
from pathlib import Path

from tests.evaluation.chart import Axis, Line, chart
from tests.evaluation.figures import Figures
from tests.evaluation.intervals import wilson
from tests.evaluation.measured import ROOT
from tests.evaluation.report import tables
from tests.evaluation.thresholds import GRID

PAGE = ROOT / "docs" / "reference" / "recognition.md"
CURVE = "recognition-false-accepts.svg"
RELIABILITY = "recognition-reliability.svg"


def write(figures: Figures, page: Path = PAGE) -> None:
    """Writes the page, and the pictures beside it.

    Raises:
        OSError: they cannot be written.
    """
    page.write_text("\n".join([_introduction(figures), *(t.markdown() for t in tables(figures))]))
    page.with_name(CURVE).write_text(false_accept_curve(figures))
    page.with_name(RELIABILITY).write_text(reliability_diagram(figures))


def false_accept_curve(figures: Figures) -> str:
    """Returns the share of unknown clips that each threshold lets through."""
    lines = [
        Line(
            f"{curve['part']} ({curve['n']})",
            [
                (threshold, reaching / curve["n"])
                for threshold, reaching in zip(GRID, curve["reaching"], strict=True)
                if reaching
            ],
        )
        for curve in figures["curves"]
    ]
    gate = figures["about"]["lowest_accepted_score"]
    if lines and gate < 1:
        lines.append(Line("lowest accepted", [(gate, 1e-5), (gate, 1.0)], dashed=True))
    thresholds = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999)
    across = Axis("threshold of the score", [(t, f"{t:g}") for t in thresholds], _odds)
    shares = [(10.0**power, f"{10.0 ** (power + 2):g} %") for power in range(-5, 1)]
    up = Axis("unknown clips at or above it", shares, math.log10)
    return chart("False accepts by threshold, by length of the clip", across, up, lines)


def reliability_diagram(figures: Figures) -> str:
    """Returns how often the best candidate is right, by its score."""
    ends = [(tick / 5, f"{tick / 5:g}") for tick in range(6)]
    lines = [Line("as it should be", [(0.0, 0.0), (1.0, 1.0)], dashed=True)]
    for name, bins in figures["reliability"].items():
        filled = [(mean, right, count) for count, right, mean in bins if count]
        lines.append(
            Line(
                name,
                [(mean, right / count) for mean, right, count in filled],
                [(mean, *wilson(right, count)) for mean, right, count in filled],
            )
        )
    across = Axis("score of the best candidate, mean of its bin", ends)
    return chart("Reliability of the score", across, Axis("share that is right", ends), lines)


def _odds(share: float) -> float:
    return math.log(share / (1 - share))


def _introduction(figures: Figures) -> str:
    about = figures["about"]
    return f"""# Recognition, measured

Made by `make eval ACCEPT=1` from `tests/evaluation/figures.json`; never edited. `make eval`
measures anew and fails when a cell is significantly worse than here.

Measured {about["date"]} ({about["machine"]}) through the whole mesh, algorithm_version
{about["algorithm_version"]}: {about["registered"]} registered tracks, {about["known_clips"]} clips
of them under the degradations below, {about["unknown_clips"]} clips of the same kinds that are not
registered, and {about["made_unknown_clips"]} unknown clips of ten kinds made for this (seed
{about["seed"]}). What the music is, and what it is not:
[the evaluation](../../tests/evaluation/README.md). The clips are of its dev split, on which choices
were made, so fresh music may do a little worse. Intervals are Wilson's, 95 %.

Scores up to {about["highest_refused_score"]:.4f} were refused, scores from
{about["lowest_accepted_score"]:.4f} on accepted.

![False accepts by threshold]({CURVE})

The unknown clips of the second picture are those of the split: where more clips are unknown, a
score means less, which is why the gate is strict.

![Reliability of the score]({RELIABILITY})
"""
