"""The figures of a run: what `figures.json` holds, and the page and the tables are made of."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
from collections.abc import Set
from pathlib import Path
from typing import Any

from tests.evaluation import summary
from tests.evaluation.answers import Answer
from tests.evaluation.cells import Cell, cells
from tests.evaluation.judged import Judged

COMMITTED = Path(__file__).with_name("figures.json")
Figures = dict[str, Any]


def gather(
    judged: list[Judged],
    negatives: list[Answer],
    streaming: list[dict[str, Any]],
    about: dict[str, Any],
    repeats: Set[str],
) -> Figures:
    """Returns all figures of a run as plain values.

    Args:
        judged: clips of the split with their answers.
        negatives: answers to unknown clips made from the seed.
        streaming: rows of `streams.summary`.
        about: catalogue, version and seed.
        repeats: clips that were found at a repeat of their passage.
    """
    refused, accepted = summary.gate([*(j.answer for j in judged), *negatives])
    return {
        "about": about
        | {
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
            "known_clips": sum(j.known for j in judged),
            "unknown_clips": sum(not j.known for j in judged),
            "made_unknown_clips": len(negatives),
            "highest_refused_score": round(refused, 6),
            "lowest_accepted_score": round(accepted, 6),
            "failed_clips": sum(bool(j.answer.error) for j in judged),
        },
        "cells": [cell.as_json() for cell in cells(judged)],
        "groups": summary.by_group(judged),
        "wrong": summary.wrong(judged),
        "thousandth": summary.at_a_thousandth(judged, negatives),
        "offsets": summary.offsets(judged, repeats),
        "latency": summary.latency(judged),
        "first_answers": summary.first_answers(judged),
        "streaming": streaming,
        "false_accepts": summary.false_accepts(negatives),
        "curves": summary.curves(negatives),
        "reliability": summary.reliabilities(judged),
    }


def counts(figures: Figures) -> Figures:
    """Returns what is committed of a run on other music: its counts, without its clips."""
    cells = [{k: v for k, v in cell.items() if k != "clips"} for cell in figures["cells"]]
    return {"about": figures["about"], "cells": cells, "wrong": figures["wrong"]}


def cells_of(figures: Figures) -> list[Cell]:
    """Returns the cells of figures, to compare them."""
    return [Cell.from_json(value) for value in figures["cells"]]


def load(path: Path = COMMITTED) -> Figures | None:
    """Returns the committed figures; None where there are none yet."""
    if not path.exists():
        return None
    figures: Figures = json.loads(path.read_text(encoding="utf-8"))
    return figures


def save(figures: Figures, path: Path = COMMITTED) -> None:
    """Writes figures, a row a line, so that a change of one shows as one.

    Raises:
        OSError: it cannot be written.
    """
    lines = []
    for name, section in figures.items():
        if isinstance(section, list) and section:
            rows = ",\n  ".join(json.dumps(row, allow_nan=False) for row in section)
            lines.append(f'"{name}": [\n  {rows}\n ]')
        else:
            lines.append(f'"{name}": {json.dumps(section, allow_nan=False)}')
    path.write_text("{\n " + ",\n ".join(lines) + "\n}\n", encoding="utf-8")
