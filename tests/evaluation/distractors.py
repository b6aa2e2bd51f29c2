"""Pieces that only make the catalogue larger: composed from seeds, registered, never kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from sonica_client import ImportOutcome, ImportSource, SonicaClient, Track

from sonica_cli.demo.compose import compose
from sonica_cli.demo.encode import encode
from tests.evaluation.measured import jobs

# Neither the demonstration's, nor the tests', nor that of the composed unknown clips.
SEED = 700_000_000
PIECE_SECONDS = 30.0
_PREFIX = "distractor-"
_AHEAD = 4


async def register(client: SonicaClient, count: int) -> int:
    """Registers distractors until there are `count`; those of an earlier run are not made again.

    Returns:
        How many there are now: more than `count` when an earlier run went further.

    Raises:
        ExceptionGroup: of SonicaError; one could not be registered.
    """
    there: set[int] = set()
    async for track in client.all_tracks():
        if track.external_id.startswith(_PREFIX):
            there.add(int(track.external_id.removeprefix(_PREFIX)))
    missing = [number for number in range(count) if number not in there]
    done = 0

    async def add(pool: ProcessPoolExecutor, numbers: list[int]) -> None:
        nonlocal done
        async for event in client.import_tracks(_sources(pool, numbers)):
            if not isinstance(event, ImportOutcome):
                continue
            if event.error is not None:
                raise event.error
            done += 1
            if done % 250 == 0:
                print(f"  {done} of {len(missing)} tracks added", flush=True)

    if missing:
        with ProcessPoolExecutor(jobs(), mp_context=get_context("spawn")) as pool:
            async with asyncio.TaskGroup() as streams:
                for stream in range(jobs()):
                    streams.create_task(add(pool, missing[stream :: jobs()]))
    return len(there) + len(missing)


def make(number: int) -> bytes:
    """Returns distractor `number` as FLAC."""
    piece = compose(SEED, number, duration_seconds=PIECE_SECONDS)
    return encode(piece.pcm, piece.sample_rate_hz, ".flac")


async def _sources(pool: ProcessPoolExecutor, numbers: list[int]) -> AsyncIterator[ImportSource]:
    """Yields the pieces in order, a few of them composed ahead."""
    loop = asyncio.get_running_loop()
    ahead: list[tuple[int, asyncio.Future[bytes]]] = []
    for number in numbers:
        ahead.append((number, loop.run_in_executor(pool, make, number)))
        if len(ahead) > _AHEAD:
            yield await _source(*ahead.pop(0))
    for waiting in ahead:
        yield await _source(*waiting)


async def _source(number: int, made: asyncio.Future[bytes]) -> ImportSource:
    name = f"{_PREFIX}{number}"
    return ImportSource(name, await made, Track(external_id=name, title=name))
