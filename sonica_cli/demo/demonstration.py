"""The demonstration: compose or take music, start a mesh, register, recognise, judge, stop."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sonica_client import SonicaClient, SonicaError

from mesh import local
from sonica_cli.answers import name_of, seconds
from sonica_cli.demo.compose import compose, write
from sonica_cli.demo.degrade import KINDS, degrade
from sonica_cli.demo.encode import encode
from sonica_cli.demo.table import Row, Verdict, heading, show, summary
from sonica_cli.edge import Edge, admin_at
from sonica_cli.failures import CliError, describe
from sonica_cli.importing import Import, Tally
from sonica_cli.media import decode
from sonica_cli.recordings import Recording, below
from sonica_cli.screen import gauge, note, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sonica_client import RecognizeResponse

PIECE_COUNT = 24
UNKNOWN_COUNT = 6
CLIP_SECONDS = 5.0
_CLIP_RATE_HZ = 22_050
_CLIPS_OF_YOUR_MUSIC = 24
_OFFSET_TOLERANCE_SECONDS = 0.5
_SUFFIXES = (".flac", ".mp3", ".m4a", ".opus", ".wav")
_CLIP_SUFFIXES = (".wav", ".m4a", ".webm", ".mp3", ".flac")


@dataclass(frozen=True, slots=True)
class _Song:
    """A file that was registered, or kept back.

    Attributes:
        path: of the file.
        duration_seconds: its length.
        registered: whether a clip of it must be recognised.
    """

    path: Path
    duration_seconds: float
    registered: bool


class Demonstration:
    """One run.

    Args:
        music: a person's own folder; None composes a catalogue.
        seed: decides the catalogue and the clips.
        keep: leave the data and the music on the disk.
    """

    def __init__(self, music: Path | None, seed: int, *, keep: bool) -> None:
        self._music = music
        self._seed = seed
        self._keep = keep
        self._rng = np.random.default_rng(seed)

    async def run(self) -> bool:
        """Runs it; returns whether all went as it should.

        Raises:
            CliError: there is no music.
            LaunchError: the mesh does not start.
            SonicaError: the mesh cannot be asked.
        """
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="sonica-demo-"))
        # PostgreSQL runs as another user when this one is root, and must be able to pass.
        await asyncio.to_thread(folder.chmod, 0o755)
        running: local.RunningMesh | None = None
        try:
            known, unknown = await self._songs(folder / "music")
            running = await self._start(folder / "data")
            edge = Edge.of(running.mesh)
            async with admin_at(edge) as client:
                durations = await self._register(client, known)
                songs = [_Song(p, durations[p], registered=True) for p in known if p in durations]
                if not songs:
                    raise CliError("none of the music could be registered")
                return summary(await self._recognise(client, edge, songs, unknown))
        finally:
            await self._end(running, folder)

    async def _end(self, running: local.RunningMesh | None, folder: Path) -> None:
        try:
            if running is not None:
                await running.stop()
        finally:  # also when a second Ctrl-C cuts the stop short
            if self._keep:
                data, music = folder / "data", folder / "music"
                note(f"Kept: `sonica up --data {data}` serves it, {music} is it.")
            else:
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _songs(self, folder: Path) -> tuple[list[Path], list[_Song]]:
        """Returns the files to register, and some that will be unknown."""
        if self._music is None:
            paths = await self._compose(folder, range(PIECE_COUNT + UNKNOWN_COUNT))
            known, kept_back = paths[:PIECE_COUNT], paths[PIECE_COUNT:]
        else:
            found, problems = below([self._music])
            known = [recording.path for recording in found]
            if not known:
                why = f": {problems[0].message}" if problems else ""
                raise CliError(f"no audio files below {self._music}{why}")
            kept_back = await self._compose(folder, range(UNKNOWN_COUNT))
        lengths = [len(decode(path, 8_000)) / 8_000 for path in kept_back]
        unknown = [_Song(p, s, registered=False) for p, s in zip(kept_back, lengths, strict=True)]
        return known, unknown

    async def _compose(self, folder: Path, indices: range) -> list[Path]:
        began = time.monotonic()
        await asyncio.to_thread(folder.mkdir, parents=True)
        paths: list[Path] = []
        with gauge("Composing") as bar, _processes(min(len(indices), os.cpu_count() or 1)) as pool:
            with _interrupts_held_back():  # the processes inherit that: Ctrl-C is for us alone
                tasks = [
                    asyncio.wrap_future(pool.submit(_compose_one, self._seed, index, folder))
                    for index in indices
                ]
            for count, task in enumerate(tasks, 1):
                paths.append(await task)
                bar.show(count, len(tasks), f"{count}/{len(tasks)} pieces")
        say(
            f"Composed {len(paths)} pieces in {time.monotonic() - began:.1f} s (seed {self._seed})."
        )
        return paths

    async def _start(self, data_dir: Path) -> local.RunningMesh:
        began = time.monotonic()
        ready: list[str] = []
        with gauge("Starting the mesh") as bar:

            def progress(part: str, state: str) -> None:
                if state == local.PartState.READY:
                    ready.append(part)
                    bar.show(len(ready), None, f"{part} is ready")

            running = await local.start(data_dir, edge_port=0, on_progress=progress)
        say(
            f"Started the mesh in {time.monotonic() - began:.1f} s at {running.mesh.edge_address}: "
            f"{', '.join(ready)}."
        )
        return running

    async def _register(self, client: SonicaClient, known: list[Path]) -> dict[Path, float]:
        """Registers the files; returns the lengths of those that were."""
        began = time.monotonic()
        with gauge("Registering") as bar:

            def changed(tally: Tally) -> None:
                text = f"{tally.done}/{tally.total} tracks"
                bar.show(tally.done_bytes, tally.total_bytes or None, text)

            recordings = [Recording(path) for path in known]
            jobs = os.cpu_count() or 1
            work = Import(client, recordings, jobs=jobs, on_change=changed)
            await work.run()
        took = time.monotonic() - began
        tally = work.tally
        say(
            f"Registered {tally.registered} recordings, {tally.audio_seconds / 60:.0f} min of "
            f"audio, in {took:.1f} s ({tally.audio_seconds / took:.0f} x real time)."
        )
        for problem in tally.problems[:10]:
            note(f"  not registered: {problem.name}: {problem.message}")
        uris = {path.absolute().as_uri()[:2000]: path for path in known}
        return {
            uris[track.source_uri]: seconds(track.duration)
            async for track in client.all_tracks()
            if track.source_uri in uris
        }

    async def _recognise(
        self, client: SonicaClient, edge: Edge, songs: list[_Song], unknown: list[_Song]
    ) -> list[Row]:
        if len(songs) > _CLIPS_OF_YOUR_MUSIC:
            chosen = self._rng.choice(len(songs), _CLIPS_OF_YOUR_MUSIC, replace=False)
            songs = [songs[int(index)] for index in chosen]
        say(f"Recognising clips of {CLIP_SECONDS:g} s through Envoy at {edge.address}:", "")
        heading()
        rows = []
        for number, song in enumerate([*songs, *unknown]):
            row = await self._clip(client, song, KINDS[number % len(KINDS)], number)
            show(row)
            rows.append(row)
        return rows

    async def _clip(self, client: SonicaClient, song: _Song, kind: str, number: int) -> Row:
        latest = max(0.0, song.duration_seconds - CLIP_SECONDS - 1.0)
        at = float(self._rng.uniform(0.0, latest))
        content = await asyncio.to_thread(
            _make_clip, song.path, at, kind, (self._seed, number), _CLIP_SUFFIXES[number % 5]
        )
        began = time.perf_counter()
        try:
            response = await client.recognize(content, max_match_count=2)
        except SonicaError as error:
            took = time.perf_counter() - began
            answer = describe(error).message
            return Row(song.path.stem, at, kind, answer, None, None, took, Verdict.FAILED)
        return _judge(song, at, kind, response, time.perf_counter() - began)


def _judge(song: _Song, at: float, kind: str, response: RecognizeResponse, took: float) -> Row:
    clip = song.path.stem if song.registered else f"{song.path.stem} (unknown)"
    if not response.matches:
        verdict = Verdict.MISSED if song.registered else Verdict.RIGHT
        return Row(clip, at, kind, "no match", None, None, took, verdict)
    best = response.matches[0]
    named = name_of(best.track)
    wanted = song.path.absolute().as_uri()[:2000]
    if not song.registered or best.track is None or best.track.source_uri != wanted:
        return Row(clip, at, kind, named, None, best.score, took, Verdict.WRONG)
    error = seconds(best.track_offset) - at
    near = abs(error) <= _OFFSET_TOLERANCE_SECONDS
    return Row(
        clip, at, kind, named, error, best.score, took, Verdict.RIGHT if near else Verdict.ELSEWHERE
    )


@contextmanager
def _processes(count: int) -> Iterator[ProcessPoolExecutor]:
    # Spawned, because a fork of a process with gRPC's threads may hang.
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _compose_one(seed: int, index: int, folder: Path) -> Path:
    piece = compose(seed, index)
    path = folder / f"{piece.title}{_SUFFIXES[index % len(_SUFFIXES)]}"
    write(piece, path)
    return path


def _make_clip(path: Path, at: float, kind: str, seed: tuple[int, int], suffix: str) -> bytes:
    pcm = decode(path, _CLIP_RATE_HZ, start_seconds=at, seconds_max=CLIP_SECONDS)
    heard = degrade(pcm, _CLIP_RATE_HZ, kind, np.random.default_rng(seed))
    return encode(heard, _CLIP_RATE_HZ, suffix)
