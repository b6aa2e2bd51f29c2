"""Prints the figures of the README for this machine; run by `make bench`."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sonica_client import ImportOutcome, ImportSource, SonicaClient, Track

from mesh.local import down, up
from tests.bench import access_cost
from tests.bench.catalogue import Clip, clips, pieces
from tests.bench.extraction import extraction_rate
from tests.bench.footprint import measure
from tests.bench.in_process import InProcess
from tests.bench.query_cost import MILLISECONDS_MAX, query_milliseconds

_PIECE_COUNT = 24
_CLIP_SECONDS = 5.0
_ROUNDS = 5


async def register(address: str, files: list[Path]) -> None:
    """Registers `files`, titled by their stems."""

    async def sources():  # type: ignore[no-untyped-def]  # the client declares its type
        for path in files:
            yield ImportSource(path.stem, path, Track(title=path.stem))

    async with SonicaClient(address) as client:
        async for event in client.import_tracks(sources()):
            if isinstance(event, ImportOutcome) and event.error is not None:
                raise event.error


async def latencies(address: str, local: InProcess, made: list[Clip]) -> tuple[list[float], ...]:
    """Times each clip through Envoy and in this process, turn by turn, in milliseconds."""
    through, inside = [], []
    async with SonicaClient(address) as client:
        for turn in range(_ROUNDS + 1):
            for clip in made:
                # Another number of wanted matches keeps the answer from being a remembered one.
                began = time.perf_counter()
                answer = await client.recognize(clip.content, max_match_count=turn + 1)
                middle = time.perf_counter()
                alignments = local.recognize(clip.content)
                end = time.perf_counter()
                if not answer.matches or not alignments[0].accepted:
                    raise RuntimeError(f"a clip of {clip.title} was not recognised")
                if turn:
                    through.append((middle - began) * 1e3)
                    inside.append((end - middle) * 1e3)
    return through, inside


def main() -> None:
    """Measures everything on a mesh of its own and prints one table."""
    console = Console()
    table = Table("figure", "measured", "bound", title="Sonica bench")
    reference, query = extraction_rate("reference"), extraction_rate("query")
    table.add_row("extraction, reference", f"{reference:,.0f} x real time", "≥ 1,000")
    table.add_row("extraction, query", f"{query:,.0f} x real time", "")
    cost = query_milliseconds()
    bound = f"≤ {MILLISECONDS_MAX}"
    table.add_row("5 s clip found among 300 tracks, processor", f"{cost:.1f} ms", bound)
    with tempfile.TemporaryDirectory(prefix="sonica-bench-") as name:
        folder = Path(name)
        data_dir = folder / "data"
        files = pieces(folder, _PIECE_COUNT)
        mesh = up(data_dir, port=0, is_open=True)
        try:
            asyncio.run(register(mesh.edge_address, files))
            local = InProcess(folder / "shard", files)
            through, inside = asyncio.run(
                latencies(mesh.edge_address, local, clips(_PIECE_COUNT, _CLIP_SECONDS))
            )
            ratio = statistics.median(through) / statistics.median(inside)
            table.add_row("5 s clip in one process", f"{statistics.median(inside):.1f} ms", "")
            shown = f"{statistics.median(through):.1f} ms"
            table.add_row("5 s clip through Envoy, median", shown, "")
            tail = statistics.quantiles(through, n=20)[-1]
            table.add_row("5 s clip through Envoy, 95th percentile", f"{tail:.1f} ms", "")
            table.add_row("through Envoy / in one process", f"{ratio:.2f} x", "≤ 3")
            # Workers that have decoded give memory back meanwhile: begin with new ones.
            down(data_dir)
            mesh = up(data_dir, port=0, is_open=True)
            footprint = measure(data_dir, mesh.edge_address)
            table.add_row("memory an hour of music", f"{footprint.memory_mb:.2f} MB", "≤ 1.5")
            table.add_row("disk an hour of music", f"{footprint.disk_mb:.2f} MB", "≤ 6")
            down(data_dir)
            began = time.perf_counter()
            up(data_dir, port=0, is_open=True)
            table.add_row("second start", f"{time.perf_counter() - began:.2f} s", "≤ 3")
        finally:
            down(data_dir)
    for row in access_cost.rows(access_cost.measure()):
        table.add_row(*row)
    console.print(table)
    when = dt.datetime.now(dt.UTC).date()
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"
    console.print(f"{when}, {machine}, Python {platform.python_version()}")


if __name__ == "__main__":
    main()
