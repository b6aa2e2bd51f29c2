"""Registers many recordings over several import streams at once, and can be stopped and resumed.

Every file is hashed first and asked for in the catalogue, so a second run uploads nothing that is
there; what is on its way when the run is stopped ends properly or leaves nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from sonica_client import (
    ImportOutcome,
    ImportProgress,
    ImportSource,
    RegistrationOutcome,
    SonicaClient,
    SonicaError,
    Track,
)

from sonica_cli import media
from sonica_cli.failures import describe
from sonica_cli.patience import passes, pause_seconds
from sonica_cli.recordings import Problem, Recording, acceptable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

_NAMESPACE = uuid.UUID("6f0c1d7e-5d0f-5e0b-9d8f-5a1b7a4f5c11")
_LOOKUP_COUNT = 64
# Failures of the place, not of the file: going on would fail every file in the same way.
_HOPELESS = frozenset({"STORAGE_FULL"})


@dataclass(slots=True)
class Tally:
    """How far an import has come.

    Attributes:
        total: recordings to do.
        total_bytes: of all of them.
        done: recordings that are finished, one way or the other.
        done_bytes: of these, and of the begun ones as far as they were received.
        registered: new ones.
        known: those the catalogue had.
        strangers: those the catalogue does not have, where only its own are wanted.
        audio_seconds: length of the new ones together.
        problems: what failed.
    """

    total: int = 0
    total_bytes: int = 0
    done: int = 0
    done_bytes: int = 0
    registered: int = 0
    known: int = 0
    strangers: int = 0
    audio_seconds: float = 0.0
    problems: list[Problem] = field(default_factory=list)


class _HopelessError(Exception):
    """Carries an error of one item that every other item would meet too."""

    def __init__(self, error: SonicaError) -> None:
        super().__init__(str(error))
        self.error = error


def _first(errors: BaseExceptionGroup[SonicaError | _HopelessError]) -> SonicaError:
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found.error if isinstance(found, _HopelessError) else cast("SonicaError", found)


@dataclass(frozen=True, slots=True)
class Hashed:
    """A recording whose bytes were read once.

    Attributes:
        recording: the file and what is stated about it.
        sha256: of its bytes.
        byte_count: how many there are.
    """

    recording: Recording
    sha256: bytes
    byte_count: int


class Import:
    """One run over some recordings.

    Args:
        client: of the mesh.
        recordings: what to register.
        jobs: import streams at once.
        on_change: called after every step with the tally.
    """

    def __init__(
        self,
        client: SonicaClient,
        recordings: list[Recording],
        *,
        jobs: int,
        on_change: Callable[[Tally], None],
    ) -> None:
        self.tally = Tally(total=len(recordings))
        self._client = client
        self._recordings = recordings
        self._jobs = jobs
        self._on_change = on_change
        self._queue: asyncio.Queue[Hashed | None] = asyncio.Queue(2 * jobs)
        self._under_way: dict[str, tuple[Hashed, int]] = {}
        self._stopping = asyncio.Event()
        self._finished_bytes = 0
        self._again: deque[Hashed] = deque()
        self._attempts: dict[Path, int] = {}
        self._trouble_until = 0.0

    def stop(self) -> None:
        """Begins nothing new; `run` returns when what is under way has ended."""
        self._stopping.set()

    @property
    def under_way(self) -> int:
        """Recordings being sent or analysed now."""
        return len(self._under_way)

    async def run(self) -> None:
        """Registers everything, or until `stop`.

        Raises:
            SonicaError: the mesh is out of reach, or its disk is full.
        """
        self.tally.total_bytes = await asyncio.to_thread(self._measure)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._produce())
                for _ in range(self._jobs):
                    group.create_task(self._work())
        except* (SonicaError, _HopelessError) as errors:
            raise _first(errors) from None

    def _measure(self) -> int:
        total = 0
        for recording in self._recordings:
            try:
                total += recording.path.stat().st_size
            except OSError:
                continue  # reported when its turn comes
        return total

    async def _produce(self) -> None:
        """Hashes files, leaves out what is registered, and fills the queue."""
        batch: list[Hashed] = []
        for recording in self._recordings:
            if self._stopping.is_set():
                break
            try:
                batch.append(await asyncio.to_thread(_hash, recording))
            except OSError as error:
                self._fail(recording, describe(error).message, 0)
                continue
            if len(batch) >= _LOOKUP_COUNT or self._queue.empty():
                await self._offer(batch)
                batch = []
        if not self._stopping.is_set():
            await self._offer(batch)
        await self._queue.put(None)

    async def _offer(self, batch: list[Hashed]) -> None:
        if not batch:
            return
        tracks = await self._client.lookup_tracks([entry.sha256 for entry in batch])
        known = {track.content_sha256: track for track in tracks}
        for entry in batch:
            if self._wanted(entry, known.get(entry.sha256)) and not self._stopping.is_set():
                await self._queue.put(entry)

    def _wanted(self, entry: Hashed, track: Track | None) -> bool:
        """Returns whether to send a recording; counts it when not.

        Args:
            entry: the recording.
            track: as which it is registered; None when it is not.
        """
        if track is not None:
            self._known(entry, track)
        return track is None

    def _known(self, entry: Hashed, track: Track) -> None:
        stated = entry.recording.fields.get("external_id", "")
        if stated and stated != track.external_id:
            other = f"external_id {track.external_id!r}" if track.external_id else track.track_id
            self._fail(
                entry.recording,
                f"the same bytes are registered already, as {other}",
                entry.byte_count,
                "Delete that track first if this is to replace it.",
            )
            return
        self.tally.known += 1
        self._finish(entry.byte_count)

    async def _work(self) -> None:
        """Keeps an import stream going; after a break, what it held goes again, one by one."""
        alone: deque[Hashed] = deque()
        failures = 0
        while True:
            mine: dict[str, Hashed] = {}
            entry = alone.popleft() if alone else None
            sources = self._sources(mine) if entry is None else self._only(entry, mine)
            done = self.tally.done
            try:
                await self._stream(mine, sources)
            except SonicaError as error:
                failures = 1 if self.tally.done > done else failures + 1
                for item_id in mine:
                    self._under_way.pop(item_id, None)
                if passes(error) or not mine:
                    await self._rest(error, failures)
                elif entry is not None:
                    mine.clear()
                    self._failed(entry, error)
                alone.extend(mine.values())
                continue
            if entry is None and (self._stopping.is_set() or not self._again):
                return

    async def _rest(self, error: SonicaError, failures: int) -> None:
        pause = pause_seconds(error, failures)
        if pause is None:
            raise _HopelessError(error)
        await asyncio.sleep(pause)

    async def _stream(self, mine: dict[str, Hashed], sources: AsyncIterator[ImportSource]) -> None:
        async for event in self._client.import_tracks(sources):
            if isinstance(event, ImportProgress):
                self._progressed(event)
                continue
            entry = mine.pop(event.item_id)
            self._under_way.pop(event.item_id, None)
            self._ended(entry, event)

    async def _sources(self, mine: dict[str, Hashed]) -> AsyncIterator[ImportSource]:
        while (entry := await self._next()) is not None:
            yield await self._source(entry, mine)

    async def _next(self) -> Hashed | None:
        """Returns what to send next, once the mesh is thought to be well; None when that is all."""
        while True:
            trouble = self._trouble_until - time.monotonic()
            if trouble > 0:
                await asyncio.sleep(trouble)
            if self._stopping.is_set():
                self._again.clear()
            if self._again:
                return self._again.popleft()
            entry = await self._queue.get()
            if entry is None:
                self._queue.put_nowait(None)  # for the other workers; its room is free again
                return None
            if self._stopping.is_set():
                continue  # left for the next run
            if self._trouble_until <= time.monotonic():
                return entry
            self._again.append(entry)

    async def _only(self, entry: Hashed, mine: dict[str, Hashed]) -> AsyncIterator[ImportSource]:
        yield await self._source(entry, mine)

    async def _source(self, entry: Hashed, mine: dict[str, Hashed]) -> ImportSource:
        item_id = str(entry.recording.path)
        mine[item_id] = entry
        self._under_way[item_id] = (entry, 0)
        return await self._described(item_id, entry)

    async def _described(self, item_id: str, entry: Hashed) -> ImportSource:
        """Returns what to send of a recording."""
        track = await asyncio.to_thread(_track, entry.recording)
        name = entry.sha256.hex() + track.external_id
        request_id = str(uuid.uuid5(_NAMESPACE, name))
        return ImportSource(item_id, entry.recording.path, track, request_id=request_id)

    def _progressed(self, event: ImportProgress) -> None:
        entry, counted = self._under_way.get(event.item_id, (None, 0))
        if entry is not None and event.received_byte_count > counted:
            received = min(event.received_byte_count, entry.byte_count)
            self._under_way[event.item_id] = (entry, received)
            self._show()

    def _ended(self, entry: Hashed, outcome: ImportOutcome) -> None:
        if outcome.error is not None:
            self._went_wrong(entry, outcome.error)
        else:
            self._stored(entry, outcome)

    def _stored(self, entry: Hashed, outcome: ImportOutcome) -> None:
        """Counts a recording that the mesh has taken."""
        if outcome.outcome is RegistrationOutcome.REGISTERED:
            self._registered(entry, outcome.track or Track())
        else:
            self._known(entry, outcome.track or Track())

    def _registered(self, entry: Hashed, track: Track) -> None:
        self.tally.registered += 1
        if track.duration is not None:
            self.tally.audio_seconds += track.duration.total_seconds()
        self._finish(entry.byte_count)

    def _went_wrong(self, entry: Hashed, error: SonicaError) -> None:
        """Notes a failed item, or puts it back when the trouble is not its own."""
        if error.reason in _HOPELESS:
            raise _HopelessError(error)
        if not passes(error):
            self._failed(entry, error)
            return
        attempt = self._attempts[entry.recording.path] = (
            self._attempts.get(entry.recording.path, 0) + 1
        )
        pause = pause_seconds(error, attempt)
        if pause is None:
            raise _HopelessError(error)
        self._trouble_until = time.monotonic() + pause
        self._again.append(entry)

    def _failed(self, entry: Hashed, error: SonicaError) -> None:
        failure = describe(error)
        self._fail(entry.recording, failure.message, entry.byte_count, failure.advice)

    def _fail(self, recording: Recording, message: str, byte_count: int, advice: str = "") -> None:
        name = str(recording.path)
        # Failures of reading a file begin with its name, which has a column of its own.
        self.tally.problems.append(Problem(name, message.removeprefix(f"{name}: "), advice))
        self._finish(byte_count)

    def _finish(self, byte_count: int) -> None:
        self.tally.done += 1
        self._finished_bytes += byte_count
        self._show()

    def _show(self) -> None:
        begun = sum(received for _, received in self._under_way.values())
        self.tally.done_bytes = self._finished_bytes + begun
        self._on_change(self.tally)


def _hash(recording: Recording) -> Hashed:
    digest = hashlib.sha256()
    count = 0
    with recording.path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
            count += len(chunk)
    return Hashed(recording, digest.digest(), count)


def _track(recording: Recording) -> Track:
    fields = acceptable(media.tags(recording.path)) | recording.fields
    return Track(
        external_id=fields.get("external_id", ""),
        title=fields.get("title") or recording.path.stem[:500],
        artist=fields.get("artist", ""),
        album=fields.get("album", ""),
        isrc=fields.get("isrc", ""),
        language=fields.get("language", ""),
        genre=fields.get("genre", ""),
        year=int(fields.get("year", 0)),
        source_uri=_uri(recording.path),
    )


def _uri(path: Path) -> str:
    return path.absolute().as_uri()[:2000]
