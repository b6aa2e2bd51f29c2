"""Answers the clips of a CSV file into another, several at once, and goes on where it stopped."""

from __future__ import annotations

import asyncio
import csv
import io
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Self

import grpc
from sonica_client import Match, SonicaClient, SonicaError

from sonica_cli import clip
from sonica_cli.answers import public_id, seconds
from sonica_cli.failures import MISUSED, CliError, describe
from sonica_cli.patience import passes, pause_seconds
from sonica_cli.recordings import Problem, read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

COLUMNS = ("query_id", "track_id", "offset_s", "score", "latency_ms")


class Batch:
    """One run over the queries of a file; made by `open`.

    Attributes:
        total: clips to answer in this run.
        skipped: clips answered by an earlier run.
        done: clips this run has finished, one way or the other.
        answered: of these, those written to the file.
        matched: of these, those with a track.
        problems: clips that could not be answered; a further run tries them again.
    """

    def __init__(self, queries: list[tuple[str, Path]], skipped: int, all_answers: bool) -> None:
        self.total = len(queries)
        self.skipped = skipped
        self.done = 0
        self.answered = 0
        self.matched = 0
        self.problems: list[Problem] = []
        self._queries: Iterator[tuple[str, Path]] = iter(queries)
        self._all_answers = all_answers
        self._stopping = False
        self._file: TextIO | None = None

    @classmethod
    def open(cls, queries: Path, out: Path, *, all_answers: bool, restart: bool) -> Self:
        """Reads the queries and opens the output, at its end unless `restart`.

        Raises:
            CliError: a file cannot be used, or its columns are wrong.
        """
        rows: dict[str, Path] = {}
        for number, row in read_table(queries, {"query_id", "file"}, None):
            if not row["query_id"] or not row["file"]:
                message = f"{queries}, line {number}: query_id and file must be filled in"
                raise CliError(message, exit_code=MISUSED)
            if row["query_id"] in rows:
                message = f"{queries}, line {number}: query_id {row['query_id']!r} stands twice"
                raise CliError(message, exit_code=MISUSED)
            rows[row["query_id"]] = queries.parent / row["file"]
        try:
            answered = set() if restart else _answered(out)
            wanted = [(name, path) for name, path in rows.items() if name not in answered]
            batch = cls(wanted, len(rows) - len(wanted), all_answers)
            batch._begin(out, restart=restart)
        except OSError as error:
            raise CliError(f"{out}: {error.strerror or error}", exit_code=MISUSED) from None
        return batch

    def _begin(self, out: Path, *, restart: bool) -> None:
        fresh = restart or not out.exists() or out.stat().st_size == 0
        self._file = out.open("w" if fresh else "a", encoding="utf-8", newline="")
        if fresh:
            self._write(COLUMNS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def stop(self) -> None:
        """Begins no further clip; `run` returns when those under way are answered."""
        self._stopping = True

    async def run(self, client: SonicaClient, jobs: int, on_change: Callable[[], None]) -> None:
        """Answers all clips, `jobs` at a time.

        Raises:
            SonicaError: the mesh is out of reach.
            OSError: the output cannot be written.
        """

        async def work() -> None:
            for query_id, path in self._queries:
                if self._stopping:
                    return
                await self._answer(client, query_id, path)
                self.done += 1
                on_change()

        workers = [asyncio.create_task(work()) for _ in range(jobs)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _answer(self, client: SonicaClient, query_id: str, path: Path) -> None:
        try:
            loaded = await clip.load(str(path), 0.0)
            best, latency = await self._ask(client, loaded.content)
        except SonicaError as error:
            if error.code is grpc.StatusCode.UNAVAILABLE:
                raise
            self.problems.append(Problem(f"{query_id}: {path}", describe(error).message))
            return
        except (CliError, OSError) as error:
            message = describe(error).message.removeprefix(f"{path}: ")
            self.problems.append(Problem(f"{query_id}: {path}", message))
            return
        self.answered += 1
        row = (query_id, "", "", "", f"{latency * 1000:.2f}")
        if best is not None:
            self.matched += 1
            offset = f"{seconds(best.track_offset):.3f}"
            row = (query_id, public_id(best.track), offset, f"{best.score:.6f}", row[-1])
        self._write(row)

    async def _ask(self, client: SonicaClient, content: bytes) -> tuple[Match | None, float]:
        """Returns the best match, and how long the call took."""
        for attempt in count(1):
            began = time.perf_counter()
            try:
                response = await client.recognize(
                    content, max_match_count=1, include_rejected=self._all_answers
                )
            except SonicaError as error:
                pause = pause_seconds(error, attempt) if passes(error) else None
                # Before the first answer there may be no mesh at all; that is said at once.
                if pause is None or self._stopping or not self.answered:
                    raise
                await asyncio.sleep(pause)
                continue
            latency = time.perf_counter() - began
            return next(iter([*response.matches, *response.rejected]), None), latency
        raise AssertionError("the count does not end")

    def _write(self, row: tuple[str, ...]) -> None:
        assert self._file is not None  # noqa: S101 - `open` is the only way to make one
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(row)
        self._file.write(line.getvalue())
        self._file.flush()


def _answered(out: Path) -> set[str]:
    """Returns the queries answered in `out`, after cutting off a line that was never finished."""
    if not out.exists():
        return set()
    content = out.read_bytes()
    if content and not content.endswith(b"\n"):
        with out.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)
    if not out.stat().st_size:
        return set()
    return {row["query_id"] for _, row in read_table(out, set(COLUMNS), set())}
