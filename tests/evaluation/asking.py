"""Asks the mesh for many clips, several at once, through its edge as any client does.

`sonica recognize --batch` takes the same way but writes neither whether the best candidate passed
the gate nor whether it is ambiguous; both are needed here, whatever the gate of the version is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sonica_client import Match, SonicaClient, SonicaError

from sonica_cli.answers import public_id, seconds
from sonica_cli.patience import passes, pause_seconds
from tests.evaluation.answers import Answer, AnswerFile


@dataclass(frozen=True, slots=True)
class Question:
    """One clip to ask for.

    Attributes:
        query_id: its name.
        audio: a file of any supported container, or its path.
    """

    query_id: str
    audio: bytes | Path


async def ask_all(
    client: SonicaClient, questions: AsyncIterator[Question], answers: AnswerFile, jobs: int
) -> None:
    """Adds an answer for every question, `jobs` at a time; those answered already are skipped.

    Raises:
        SonicaError: the mesh cannot be reached.
    """
    progress = _Progress()

    async def work() -> None:
        while (question := await _next(questions, lock)) is not None:
            if question.query_id not in answers.known:
                answers.add(await _ask(client, question))
                progress.count()

    lock = asyncio.Lock()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(jobs):
            tasks.create_task(work())
    progress.end()


async def each(questions: Iterable[Question]) -> AsyncIterator[Question]:
    """Yields the questions of a list."""
    for question in questions:
        yield question


async def _next(questions: AsyncIterator[Question], lock: asyncio.Lock) -> Question | None:
    async with lock:
        return await anext(questions, None)


async def _ask(client: SonicaClient, question: Question) -> Answer:
    attempt = 0
    content = question.audio
    if isinstance(content, Path):
        content = await asyncio.to_thread(content.read_bytes)
    while True:
        attempt += 1
        began = time.perf_counter()
        try:
            response = await client.recognize(content, max_match_count=1, include_rejected=True)
        except SonicaError as error:
            pause = pause_seconds(error, attempt) if passes(error) else None
            if pause is None and passes(error):
                raise
            if pause is None:
                return Answer(question.query_id, error=error.reason)
            await asyncio.sleep(pause)
            continue
        latency_ms = (time.perf_counter() - began) * 1e3
        best = next(iter([*response.matches, *response.rejected]), None)
        return _answer(question.query_id, best, bool(response.matches), latency_ms)


def _answer(query_id: str, best: Match | None, accepted: bool, latency_ms: float) -> Answer:
    if best is None:
        return Answer(query_id, latency_ms=round(latency_ms, 2))
    return Answer(
        query_id=query_id,
        track_id=public_id(best.track),
        offset_seconds=round(seconds(best.track_offset), 4),
        score=best.score,
        accepted=accepted,
        ambiguous=best.ambiguous,
        latency_ms=round(latency_ms, 2),
    )


class _Progress:
    """A line every ten seconds."""

    def __init__(self, say: Callable[[str], None] = lambda text: print(text, flush=True)) -> None:
        self._say = say
        self._began = self._told = time.monotonic()
        self._done = 0

    def count(self) -> None:
        self._done += 1
        now = time.monotonic()
        if now - self._told >= 10:
            self._told = now
            self._say(self._text(now))

    def end(self) -> None:
        if self._done:
            self._say(self._text(time.monotonic()))

    def _text(self, now: float) -> str:
        pace = self._done / max(now - self._began, 1e-3)
        return f"  {self._done} clips asked for, {pace:.1f} a second"
