"""Asks for unknown clips while further ones are being made; nothing is written but the answers."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from sonica_client import SonicaClient

from tests.evaluation.answers import Answer, AnswerFile
from tests.evaluation.asking import Question, ask_all
from tests.evaluation.measured import jobs
from tests.evaluation.negatives.blocks import BLOCK, SHARES, NegativeId, make_block


async def ask_negatives(
    client: SonicaClient, answers: AnswerFile, seed: int, count: int, tracks: list[Path]
) -> list[Answer]:
    """Answers `count` unknown clips, rounded up to whole blocks.

    Args:
        client: of the mesh.
        answers: where answers are kept; blocks that are in it whole are not made again.
        seed: of the clips.
        count: at least so many clips.
        tracks: music that is never registered.

    Returns:
        The answers of the wanted blocks.

    Raises:
        SonicaError: the mesh cannot be reached.
        FileNotFoundError: espeak-ng is not installed.
    """
    size = BLOCK if tracks else BLOCK - SHARES["unregistered music"]
    wanted = math.ceil(count / size)
    there: dict[int, int] = {}
    for query_id in answers.known:
        block = NegativeId.parse(query_id).block
        there[block] = there.get(block, 0) + 1
    missing = [block for block in range(wanted) if there.get(block, 0) < size]
    if missing:
        questions = _questions(seed, missing, tracks)
        await ask_all(client, questions, answers, jobs())
    return [a for a in answers.known.values() if NegativeId.parse(a.query_id).block < wanted]


async def _questions(seed: int, blocks: list[int], tracks: list[Path]) -> AsyncIterator[Question]:
    """Yields the clips of the blocks; the next blocks are made meanwhile, a few ahead."""
    loop = asyncio.get_running_loop()
    # A forked process would inherit the threads of gRPC.
    with ProcessPoolExecutor(jobs(), mp_context=get_context("spawn")) as pool:
        ahead = [
            loop.run_in_executor(pool, make_block, seed, block, tracks)
            for block in blocks[: jobs() + 1]
        ]
        for block in blocks[jobs() + 1 :]:
            for query_id, audio in await ahead.pop(0):
                yield Question(query_id, audio)
            ahead.append(loop.run_in_executor(pool, make_block, seed, block, tracks))
        for made in ahead:
            for query_id, audio in await made:
                yield Question(query_id, audio)
