"""Measures recognition on the evaluation's clips through the whole mesh; run by `make eval`.

Builds what is missing, asks for every clip, prints the figures with their intervals, compares them
with the committed ones, and ends with 1 when something became significantly worse.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

from sonica_client import SonicaClient

from tests.evaluation import comparison, figures, page, report, streams
from tests.evaluation.answers import Answer, AnswerFile
from tests.evaluation.asking import Question, ask_all, each
from tests.evaluation.clips import Clip, Selection, read_clips
from tests.evaluation.corpus import DEV_SEED, Corpus, dev_split
from tests.evaluation.held_out import held_out
from tests.evaluation.judged import judge
from tests.evaluation.measured import catalogue, index, jobs, run_folder, running_mesh
from tests.evaluation.negatives.asked import ask_negatives
from tests.evaluation.repeats import at_repeats

NEGATIVES = 30_000
STREAMS = 200


def main() -> int:
    """Runs the evaluation; returns the exit code."""
    options = _options()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    if options.music:
        corpus = held_out(options.music, work, options.tools, options.seed)
    else:
        corpus = dev_split(work, options.tools, options.seed)
    looking_twice = options.second_look
    folder = run_folder(work, corpus.catalogue, second_look=looking_twice)
    if options.fresh:
        for kept in folder.glob("*.csv"):
            kept.unlink()
    selection = _selection(options)
    clips = read_clips(corpus.queries)
    with running_mesh(folder / "mesh", second_look=looking_twice) as address:
        index(corpus.write_index_manifest(), address)
        run = asyncio.run(_ask(address, corpus, folder, selection.of(clips), clips, options))
    _print(run)
    if options.music:
        return _accept_held_out(run, selection) if options.accept else 0
    return _accept(run, selection, options) if options.accept else _compare(run, options.seed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation", description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="where corpus and answers lie")
    parser.add_argument("--tools", type=Path, required=True, help="interpreter that has music21")
    parser.add_argument("--lengths", default="", help="only these, seconds, comma-separated")
    parser.add_argument("--degradations", default="", help="only these, comma-separated")
    parser.add_argument("--per-cell", type=int, default=0, help="most excerpts of a cell")
    parser.add_argument("--negatives", type=int, default=None, help="unknown clips to make")
    parser.add_argument("--streams", type=int, default=STREAMS, help="clips to play in real time")
    parser.add_argument("--seed", type=int, default=DEV_SEED, help="of clips and unknown clips")
    parser.add_argument("--music", type=Path, help="any folder instead; half of it is registered")
    parser.add_argument(
        "--second-look", action="store_true", help="the gateway looks twice at unknown clips"
    )
    parser.add_argument("--fresh", action="store_true", help="forget the answers of before")
    parser.add_argument("--accept", action="store_true", help="commit the figures and the page")
    return parser.parse_args()


def _selection(options: argparse.Namespace) -> Selection:
    lengths = frozenset(float(text) for text in filter(None, options.lengths.split(",")))
    degradations = frozenset(filter(None, options.degradations.split(",")))
    return Selection(lengths, degradations, options.per_cell)


async def _ask(
    address: str,
    corpus: Corpus,
    folder: Path,
    chosen: list[Clip],
    clips: list[Clip],
    options: argparse.Namespace,
) -> figures.Figures:
    seed = options.seed
    count = options.negatives
    if count is None:
        count = 0 if options.music else NEGATIVES
    async with SonicaClient(address) as client:
        about: dict[str, Any] = {**await catalogue(client), "seed": seed}
        if options.second_look:
            about["second_look"] = True
        print(f"asking for {len(chosen)} clips", flush=True)
        with AnswerFile(folder / f"answers-{seed}.csv") as answers:
            questions = each(Question(clip.query_id, clip.path) for clip in chosen)
            await ask_all(client, questions, answers, jobs())
            judged = judge(chosen, answers.known)
        played = streams.sample(clips, options.streams)
        print(f"playing {len(played)} clips in real time", flush=True)
        heard = await streams.play_all(client, played, folder / f"streams-{seed}.csv")
        negatives: list[Answer] = []
        if count:
            print(f"asking for {count} unknown clips", flush=True)
            with AnswerFile(folder / f"negatives-{seed}.csv") as answers:
                tracks = corpus.unregistered()
                negatives = await ask_negatives(client, answers, seed, count, tracks)
    repeats = at_repeats(judged, corpus.wav)
    return figures.gather(judged, negatives, streams.summary(heard), about, repeats)


def _print(run: figures.Figures) -> None:
    for table in report.tables(run):
        print(table.text())
    about = ", ".join(f"{name} {value}" for name, value in run["about"].items())
    print(f"\n{about}", flush=True)


def _accept(run: figures.Figures, selection: Selection, options: argparse.Namespace) -> int:
    whole = selection.everything and run["about"]["made_unknown_clips"] >= NEGATIVES
    usual = options.seed == DEV_SEED and not options.second_look
    if not whole or not usual or run["about"]["failed_clips"]:
        print(
            f"not accepted: the committed figures are of all clips of seed {DEV_SEED}, none of "
            f"them failed, of {NEGATIVES} unknown clips or more, and without a second look",
            file=sys.stderr,
        )
        return 2
    before = figures.load() or {}
    return _commit(run | {name: before[name] for name in ("held_out", "scale") if name in before})


def _accept_held_out(run: figures.Figures, selection: Selection) -> int:
    committed = figures.load()
    if committed is None or not selection.everything or run["about"]["failed_clips"]:
        print("not accepted: needs committed figures, all clips, none failed", file=sys.stderr)
        return 2
    return _commit(committed | {"held_out": figures.counts(run)})


def _commit(run: figures.Figures) -> int:
    figures.save(run)
    page.write(run)
    print(f"written: {figures.COMMITTED}, {page.PAGE}")
    return 0


def _compare(run: figures.Figures, seed: int) -> int:
    failed = run["about"]["failed_clips"]
    if failed:
        print(f"{failed} clips failed", file=sys.stderr)
    before = figures.load()
    if before is None:
        print("no committed figures to compare with; ACCEPT=1 makes them")
        return int(bool(failed))
    same = before["about"]["seed"] == seed
    found = comparison.changes(figures.cells_of(before), figures.cells_of(run), same_clips=same)
    found += comparison.false_accepts(before["false_accepts"], run["false_accepts"])
    moved = [change for change in found if change.before != change.now]
    print(f"\nagainst {before['about']['date']}: {len(found)} compared, {len(moved)} changed")
    worse = comparison.significantly_worse(found)
    for change in sorted(moved, key=lambda change: change.probability):
        mark = "WORSE" if change in worse else ""
        (was, of), (now, of_now) = change.before, change.now
        print(f"  {mark:5} {change.what:40} {was} of {of} -> {now} of {of_now}")
    return int(bool(worse or failed))


if __name__ == "__main__":
    sys.exit(main())
