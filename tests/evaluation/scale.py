"""Measures what a larger catalogue costs; run by `make eval-scale`.

The 5 s clips of the dev split and unknown clips are asked for in the catalogue of the split, then
again with 1,000, 3,000, 10,000, ... pieces added that none of the clips is of.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from sonica_client import SonicaClient

from tests.evaluation import distractors, figures, page, report
from tests.evaluation.answers import AnswerFile
from tests.evaluation.asking import Question, ask_all, each
from tests.evaluation.clips import Clip, Selection, read_clips
from tests.evaluation.corpus import DEV_SEED, Corpus, dev_split
from tests.evaluation.judged import RULES, judge
from tests.evaluation.measured import index, jobs, run_folder, running_mesh
from tests.evaluation.negatives.asked import ask_negatives

CLIP_SECONDS = 5.0
NEGATIVES = 3_000
_STEPS = (1_000, 3_000, 10_000, 30_000, 100_000)


def main() -> int:
    """Runs the measurement; returns the exit code."""
    options = _options()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    corpus = dev_split(work, options.tools, DEV_SEED)
    folder = run_folder(work, "scale")
    if options.fresh:
        shutil.rmtree(folder)
        folder.mkdir()
    degradations = frozenset(filter(None, options.degradations.split(",")))
    selection = Selection(frozenset({CLIP_SECONDS}), degradations, options.per_cell)
    clips = selection.of(read_clips(corpus.queries))
    rows = []
    for count in steps(options.tracks):
        # A mesh a step: what one step has cached is not measured in the next.
        kept = folder / f"step-{count}-{len(clips)}-{options.negatives}.json"
        if not kept.exists():
            with running_mesh(folder / "mesh") as address:
                index(corpus.write_index_manifest(), address)
                row = asyncio.run(_step(address, corpus, folder, clips, count, options.negatives))
            kept.write_text(json.dumps(row))
        rows.append(json.loads(kept.read_text()))
    print(report.scale(rows).text())
    if not options.accept:
        return 0
    committed = figures.load()
    if committed is None or options.degradations or options.per_cell:
        print("not accepted: needs committed figures, and all clips", file=sys.stderr)
        return 2
    committed["scale"] = rows
    figures.save(committed)
    page.write(committed)
    return 0


def steps(tracks: int) -> list[int]:
    """Returns how many tracks are added at each step: none first, `tracks` last."""
    return [0, *(step for step in _STEPS if step < tracks), tracks]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation.scale", description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="where corpus and answers lie")
    parser.add_argument("--tools", type=Path, required=True, help="interpreter that has music21")
    parser.add_argument("--tracks", type=int, default=10_000, help="pieces to add at last")
    parser.add_argument("--degradations", default="", help="only these, comma-separated")
    parser.add_argument("--per-cell", type=int, default=0, help="most excerpts of a cell")
    parser.add_argument("--negatives", type=int, default=NEGATIVES, help="unknown clips a step")
    parser.add_argument("--fresh", action="store_true", help="begin with an empty catalogue")
    parser.add_argument("--accept", action="store_true", help="commit the figures and the page")
    return parser.parse_args()


async def _step(
    address: str,
    corpus: Corpus,
    folder: Path,
    clips: list[Clip],
    count: int,
    negatives: int,
) -> dict[str, Any]:
    async with SonicaClient(address) as client:
        print(f"{count} tracks added: {len(clips)} clips, {negatives} unknown", flush=True)
        if await distractors.register(client, count) > count:
            raise RuntimeError("the catalogue has grown beyond this step; FRESH=1 begins anew")
        with AnswerFile(folder / f"answers-{count}.csv") as answers:
            questions = each(Question(clip.query_id, clip.path) for clip in clips)
            await ask_all(client, questions, answers, jobs())
            judged = judge(clips, answers.known)
        with AnswerFile(folder / f"negatives-{count}.csv") as answers:
            tracks = corpus.unregistered()
            made = await ask_negatives(client, answers, DEV_SEED, negatives, tracks)
    known = [j for j in judged if j.known]
    unknown = [*(j.answer for j in judged if not j.known), *made]
    return {
        "distractors": count,
        "n": len(known),
        **{rule: sum(j.right_by(rule) for j in known) for rule in RULES},
        "wrong": sum(j.wrong for j in known),
        "unknown": len(unknown),
        "false_accepts": sum(answer.accepted for answer in unknown),
    }


if __name__ == "__main__":
    sys.exit(main())
