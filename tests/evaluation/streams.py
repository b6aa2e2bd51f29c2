"""Plays clips into StreamingRecognize as a microphone would, and notes when the answer came."""

from __future__ import annotations

import asyncio
import csv
import statistics
import time
import wave
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from sonica_client import AudioEncoding, AudioFormat, SonicaClient

from sonica_cli.answers import public_id, seconds
from tests.evaluation.clips import Clip, Selection

DEGRADATIONS = ("clean", "noise5", "combined")
CLIP_SECONDS = 10.0
CHUNK_SECONDS = 0.25
# At once: a stream searches twice a second, which few enough must not make the others wait.
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Heard:
    """How one stream ended.

    Attributes:
        query_id: the clip.
        degradation: of the clip.
        answered: whether there was an answer at all.
        right: whether it was the clip's track.
        heard_seconds: audio analysed for it.
        wall_seconds: since the stream was opened.
    """

    query_id: str
    degradation: str
    answered: bool
    right: bool
    heard_seconds: float
    wall_seconds: float


def sample(clips: list[Clip], count: int) -> list[Clip]:
    """Returns about `count` clips of registered tracks, evenly of each of `DEGRADATIONS`."""
    known = [clip for clip in clips if clip.track_id]
    per_cell = max(1, round(count / len(DEGRADATIONS)))
    wanted = Selection(frozenset({CLIP_SECONDS}), frozenset(DEGRADATIONS), per_cell)
    return wanted.of(known) if count else []


async def play_all(client: SonicaClient, clips: list[Clip], kept: Path) -> list[Heard]:
    """Plays every clip in real time, several at once; those in the file `kept` are not repeated.

    Raises:
        SonicaError: a stream failed.
    """
    known = _read(kept)
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(clip: Clip) -> Heard:
        if clip.query_id in known:
            return known[clip.query_id]
        async with slots:
            heard = await _play(client, clip)
        _append(kept, heard)
        return heard

    return list(await asyncio.gather(*(one(clip) for clip in clips)))


def summary(heard: list[Heard]) -> list[dict[str, Any]]:
    """Returns by degradation how many answers were right, and after how much audio.

    The median is over all clips, those without a right answer counting as the longest.
    """
    rows = []
    for degradation in dict.fromkeys(one.degradation for one in heard):
        some = [one for one in heard if one.degradation == degradation]
        right = [one for one in some if one.right]
        times = [one.heard_seconds if one.right else float("inf") for one in some]
        median = statistics.median(times)
        rows.append(
            {
                "degradation": degradation,
                "n": len(some),
                "right": len(right),
                "wrong": sum(one.answered and not one.right for one in some),
                "median_heard_s": round(median, 3) if median != float("inf") else None,
                "median_wait_s": round(
                    statistics.median(one.wall_seconds - one.heard_seconds for one in right), 3
                )
                if right
                else None,
            }
        )
    return rows


async def _play(client: SonicaClient, clip: Clip) -> Heard:
    pcm, rate_hz = await asyncio.to_thread(_read_pcm, clip.path)
    audio_format = AudioFormat(encoding=AudioEncoding.PCM_S16LE, sample_rate_hz=rate_hz)
    began = time.monotonic()
    chunks = _paced(pcm, rate_hz, began)
    async for response in client.recognize_stream(
        chunks, audio_format=audio_format, max_match_count=1
    ):
        if response.final:
            named = [public_id(match.track) for match in response.matches]
            return Heard(
                clip.query_id,
                clip.degradation,
                bool(named),
                named[:1] == [clip.track_id],
                seconds(response.analysed_duration),
                round(time.monotonic() - began, 3),
            )
    raise RuntimeError(f"{clip.query_id}: the stream ended without a final answer")


async def _paced(pcm: bytes, rate_hz: int, began: float) -> AsyncIterator[bytes]:
    """Yields each chunk when a microphone would have it."""
    size = int(CHUNK_SECONDS * rate_hz) * 2
    for number, start in enumerate(range(0, len(pcm), size), start=1):
        await asyncio.sleep(max(0.0, began + number * CHUNK_SECONDS - time.monotonic()))
        yield pcm[start : start + size]


def _read_pcm(path: Path) -> tuple[bytes, int]:
    with wave.open(str(path)) as file:
        return file.readframes(file.getnframes()), file.getframerate()


def _read(kept: Path) -> dict[str, Heard]:
    if not kept.exists():
        return {}
    with kept.open(newline="", encoding="utf-8") as file:
        return {
            row["query_id"]: Heard(
                row["query_id"],
                row["degradation"],
                row["answered"] == "True",
                row["right"] == "True",
                float(row["heard_seconds"]),
                float(row["wall_seconds"]),
            )
            for row in csv.DictReader(file)
            if row["wall_seconds"]
        }


def _append(kept: Path, heard: Heard) -> None:
    fresh = not kept.exists()
    with kept.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Heard)])
        if fresh:
            writer.writeheader()
        writer.writerow(asdict(heard))
