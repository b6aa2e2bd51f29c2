"""`sonica recognize`: says what clips are, one by one or as a batch from a CSV file."""

from __future__ import annotations

import json as json_format
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonica_cli.failures import FAILED, INTERRUPTED, MISUSED, CliError, describe
from sonica_cli.options import Address, DataDir, Json, edge_of

if TYPE_CHECKING:
    from sonica_client import SonicaClient

    from sonica_cli.answers import Answer
    from sonica_cli.clip import Clip
    from sonica_cli.edge import Edge


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("recognize")(recognize)


def recognize(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE...", help="Clips; `-` reads one from standard input."),
    ] = None,
    start: Annotated[
        float, typer.Option(min=0.0, metavar="SECONDS", help="Where in the file the clip begins.")
    ] = 0.0,
    json: Json = False,
    batch: Annotated[
        Path | None,
        typer.Option(
            metavar="QUERIES.csv",
            help="Many clips: columns query_id and file (relative to the CSV).",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="PREDICTIONS.csv",
            help="Where --batch writes query_id, track_id, offset_s, score, latency_ms; clips "
            "answered there already are skipped.",
        ),
    ] = None,
    all_answers: Annotated[
        bool,
        typer.Option(
            "--all-answers",
            help="With --batch: write the best candidate and its score also when it is below "
            "the gate, so that an evaluation can set its own threshold.",
        ),
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="With --batch: begin again, replacing --out.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=64,
            help="With --batch: clips at once. [default: number of cores]",
        ),
    ] = None,
    address: Address = None,
    data: DataDir = None,
) -> None:
    """Says which recording a clip is, where in it, and how sure.

    Takes any audio or video file; 15 s from --start are looked at. A clip of something that is not
    registered gives "no match", which is an answer, not a failure: exit code 0. Exit code 1 means
    that a clip could not be read or the mesh not be asked.
    """
    if batch is not None:
        if files or out is None:
            raise CliError("--batch takes --out PREDICTIONS.csv and no FILE", exit_code=MISUSED)
        options = _BatchOptions(batch, out, all_answers, restart, jobs)
        raise typer.Exit(_batch(options, edge_of(address, data)))
    if out is not None or all_answers or restart:
        raise CliError("--out, --all-answers and --restart go with --batch", exit_code=MISUSED)
    if not files:
        raise CliError("no clip: name a FILE, `-`, or a --batch", exit_code=MISUSED)
    raise typer.Exit(_answer(files, start, json, edge_of(address, data)))


def _answer(files: list[str], start: float, json: bool, edge: Edge) -> int:
    from sonica_cli import answers, clip
    from sonica_cli.edge import client_at
    from sonica_cli.running import run
    from sonica_cli.screen import note, say, show_table

    piped = clip.from_stdin(start) if clip.STDIN in files else None

    async def ask() -> list[Answer]:
        found = []
        async with client_at(edge) as client:
            for name in files:
                answer = await _one(client, name, start, piped)
                found.append(answer)
                if json:
                    say(json_format.dumps(answers.as_json(answer), ensure_ascii=False))
        return found

    found = run(ask())
    if not json:
        rows = [answers.row(answer) for answer in found]
        show_table(answers.COLUMNS, rows, right=answers.NUMBERS)
        for advice in dict.fromkeys(a.failure.advice for a in found if a.failure):
            if advice:
                note(advice)
    return FAILED if any(answer.failure for answer in found) else 0


async def _one(client: SonicaClient, name: str, start: float, piped: Clip | None) -> Answer:
    from sonica_client import SonicaError

    from sonica_cli import clip
    from sonica_cli.answers import Answer

    began = time.perf_counter()
    try:
        loaded = piped if piped and name == clip.STDIN else await clip.load(name, start)
        began = time.perf_counter()
        response = await client.recognize(loaded.content, start_seconds=loaded.start_seconds)
    except (SonicaError, CliError, OSError) as error:
        return Answer(name, None, describe(error), time.perf_counter() - began)
    return Answer(name, response, None, time.perf_counter() - began)


class _BatchOptions:
    """What a batch was asked to do."""

    def __init__(
        self, queries: Path, out: Path, all_answers: bool, restart: bool, jobs: int | None
    ) -> None:
        self.queries = queries
        self.out = out
        self.all_answers = all_answers
        self.restart = restart
        self.jobs = jobs


def _batch(options: _BatchOptions, edge: Edge) -> int:
    import os
    import sys

    from sonica_cli.batch import Batch
    from sonica_cli.edge import client_at
    from sonica_cli.running import Interruption, run
    from sonica_cli.screen import gauge, note, say, show_table

    jobs = options.jobs or os.cpu_count() or 1
    began = time.monotonic()
    with Batch.open(
        options.queries, options.out, all_answers=options.all_answers, restart=options.restart
    ) as batch:
        if batch.skipped:
            note(f"{batch.skipped} clips are answered in {options.out} already.")

        async def work() -> bool:
            with gauge("Recognising") as bar:

                def show() -> None:
                    pace = batch.done / max(time.monotonic() - began, 1e-3)
                    text = f"{batch.done}/{batch.total} clips, {pace:.1f} a second"
                    bar.show(batch.done, batch.total, text)

                async with client_at(edge) as client:
                    with Interruption(batch.stop) as interruption:
                        await batch.run(client, jobs, show)
                    return interruption.asked.is_set()

        interrupted = run(work())
    if batch.problems:
        rows = [(problem.name, problem.message) for problem in batch.problems]
        show_table(("Not answered", "Why"), rows, stream=sys.stderr)
    took = time.monotonic() - began
    say(
        f"{batch.answered} answered ({batch.matched} with a track), {batch.skipped} before, "
        f"{len(batch.problems)} failed, in {took:.1f} s"
    )
    if interrupted:
        note("Interrupted. Run the same command again to go on.")
        return INTERRUPTED
    return FAILED if batch.problems else 0
