"""Aim: sound that does not end is recognised stretch by stretch, and none of it twice.

Method: samples of one second each that spell a recording; the edge of `edge.py` recognises bytes.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import types
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from typing import Any

import pytest
from sonica_client import Heard, SonicaClient, SonicaError, microphone

from tests.unit.sonica_client.edge import Edge

# Two bytes a sample and a sample a second, so that the text below is so many seconds long.
RATE = 1
KNOWN = "".join(f"{number:02}" for number in range(40)).encode()
Served = tuple[str, Edge]


async def heard(client: SonicaClient, sound: Any, **options: Any) -> list[Heard]:
    return [each async for each in client.listen(sound, sample_rate_hz=RATE, **options)]


def pieces(content: bytes, length: int) -> list[bytes]:
    return [content[at : at + length] for at in range(0, len(content), length)]


@pytest.mark.parametrize("length", [1, 3, 64, 1000])
async def test_sound_in_chunks_of_any_length(client: SonicaClient, length: int) -> None:
    await client.register(KNOWN)
    unknown = b"--" * 16

    async def sound() -> AsyncIterator[bytes]:
        for piece in pieces(unknown + KNOWN, length):
            yield piece

    for found in (
        await heard(client, sound(), rest_seconds=4),
        await heard(client, pieces(unknown + KNOWN, length), rest_seconds=4),
    ):
        assert found[0] == Heard(0, []), "the first stretch is unknown, and 15.5 s long or more"
        assert found[1].start_seconds == 16
        # What is left for the last one may be too short to be known.
        known = [each for each in found[1:] if each.matches]
        assert known[0] == found[1]
        for before, each in pairwise(known):
            assert each.start_seconds >= before.start_seconds + 2 + 4, "it rests after an answer"
        for each in known:
            offset = each.matches[0].track_offset
            assert offset is not None
            # The edge counts a second for each byte.
            assert offset.total_seconds() == 2 * (each.start_seconds - 16)


async def test_a_server_that_comes_back_is_waited_for(client: SonicaClient, served: Served) -> None:
    await client.register(KNOWN)
    served[1].unavailable_left = 1
    found = await heard(client, pieces(KNOWN, 2))
    assert found[0].matches


async def test_other_failures_are_raised_and_the_sound_is_left(client: SonicaClient) -> None:
    left = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"bad "
                await asyncio.sleep(0)
        finally:
            left.set()

    with pytest.raises(SonicaError, match="no container"):
        await heard(client, endless())
    assert left.is_set()


async def test_a_sound_that_fails_says_why(client: SonicaClient) -> None:
    def broken() -> Iterator[bytes]:
        yield b"--"
        raise OSError("unplugged")

    with pytest.raises(OSError, match="unplugged"):
        await heard(client, broken())


async def test_the_microphone_is_sound(
    client: SonicaClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = threading.Event()

    class Stream:
        def __init__(self, **options: object) -> None:
            assert (options["samplerate"], options["channels"]) == (8, 1)

        def __enter__(self) -> Stream:
            return self

        def __exit__(self, *_: object) -> None:
            closed.set()

        def read(self, frames: int) -> tuple[bytes, bool]:
            return b"01" * frames, False

    fake: Any = types.ModuleType("sounddevice")
    fake.RawInputStream, fake.PortAudioError = Stream, OSError
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    await client.register(b"01" * 100)
    async for each in client.listen(microphone(8), sample_rate_hz=8):
        assert each.matches
        break
    assert await asyncio.to_thread(closed.wait, 60)


def test_no_microphone_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(SonicaError, match="pip install sounddevice") as caught:
        next(microphone())
    assert caught.value.reason == "MICROPHONE_UNAVAILABLE"
