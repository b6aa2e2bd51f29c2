"""`sonica trace`: the waterfall of one call, drawn in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonica_cli.failures import MISUSED, CliError
from sonica_cli.options import DataDir, Json

if TYPE_CHECKING:
    from mesh.local import StoredSpan

_FLUSH_SECONDS = 7.0


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("trace")(trace)


def trace(
    trace_id: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="32 hex digits, as `sonica recognize --json` gives."),
    ] = None,
    last: Annotated[bool, typer.Option("--last", help="The newest call instead.")] = False,
    json: Json = False,
    data: DataDir = None,
) -> None:
    """Draws where the time of one call went, service by service.

    Reads the spans that the mesh on this machine keeps in its data folder. Some are sent a
    few seconds late, so a fresh trace is waited for.
    """
    import dataclasses
    import json as json_format
    import time

    from sonica_cli.screen import note, say
    from sonica_cli.waterfall import complete, draw, newest_trace_id

    if bool(trace_id) == last:
        raise CliError("name a trace ID, or --last", exit_code=MISUSED)
    spans_dir = _spans_dir(data)
    deadline = time.monotonic() + _FLUSH_SECONDS
    while True:
        wanted = trace_id or newest_trace_id(spans_dir)
        spans = _read(spans_dir, wanted) if wanted else []
        if complete(spans) or time.monotonic() > deadline or _is_old(spans):
            break
        time.sleep(0.25)
    if not spans:
        raise CliError(
            f"no trace {trace_id or ''} in {spans_dir}".replace("  ", " "),
            "Only the newest spans are kept; run the call again. With "
            "OTEL_EXPORTER_OTLP_ENDPOINT set, spans go to that collector instead.",
        )
    if json:
        say(*(json_format.dumps(dataclasses.asdict(span), default=str) for span in spans))
        return
    draw(spans)
    if not complete(spans):
        note("Not all spans of the call have arrived, or not all are kept any more.")


def _is_old(spans: list[StoredSpan]) -> bool:
    """Returns whether everything that belongs to them must have arrived by now."""
    import time

    newest = max((span.end_ns for span in spans), default=time.time_ns())
    return time.time_ns() - newest > _FLUSH_SECONDS * 1e9


def _read(spans_dir: Path, trace_id: str) -> list[StoredSpan]:
    from mesh.local import read_trace

    return read_trace(spans_dir, trace_id)


def _spans_dir(data: Path | None) -> Path:
    from mesh.local.layout import Layout
    from mesh.local.settings import LocalSettings

    return Layout.of(LocalSettings.from_environment(data).data_dir).spans_dir
