"""Aim: the whole mesh, started as a person starts it, registers, recognises, and survives.

Method: every part is real, in a folder of its own and on one port; music is composed from a seed.
The tests of this file share one mesh and run in their order; crashes are SIGKILL from outside.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import psutil
import pytest
import yaml
from sonica_client import ImportOutcome, ImportSource, SonicaClient, SonicaError, Track

from mesh import local
from tests.mesh import music
from tests.mesh.processes import family, seconds_until_gone, until_ready

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    "spans", "redis", "engine", "postgres", "match", "user", "fingerprint", "gateway", "envoy",
)  # fmt: skip
TRACK_COUNT = 6
ALL = [f"piece-{index}" for index in range(TRACK_COUNT)]
OFFSETS_SECONDS = (1.3, 3.6, 6.1)
# Envoy keeps its spans for five seconds before it sends them.
SPANS_SECONDS = 120.0
pytestmark = pytest.mark.slow


@dataclass
class Whole:
    """The mesh of this file; `up` after a `down` or a crash keeps folder and port."""

    data_dir: Path
    mesh: local.LocalMesh

    @property
    def edge(self) -> str:
        return self.mesh.edge_address

    def up(self) -> float:
        """Starts it again and returns how long that took, in seconds."""
        began = time.monotonic()
        self.mesh = local.up(self.data_dir, port=int(self.edge.rpartition(":")[2]), is_open=True)
        return time.monotonic() - began

    def pid(self, part: str) -> int:
        return next(p.pid or 0 for p in local.status(self.data_dir).parts if p.name == part)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    data_dir = tmp_path_factory.mktemp("everything") / "data"
    began = time.monotonic()
    running = Whole(data_dir, local.up(data_dir, port=0, is_open=True))
    print(f"\nfirst start, data made: {time.monotonic() - began:.2f} s")
    asyncio.run(register_all(running.edge))
    yield running
    local.down(data_dir)


async def register_all(edge: str) -> None:
    async with SonicaClient(edge) as client:
        for index in range(TRACK_COUNT):
            track = Track(title=music.piece(index).title, external_id=f"piece-{index}")
            await client.register(music.recording(index), track)


async def heard(client: SonicaClient, clip: bytes) -> tuple[str, float] | None:
    """Returns the external id and the offset of the answer; None when it is empty."""
    answer = await client.recognize(clip)
    if not answer.matches:
        return None
    best = answer.matches[0]
    assert best.track is not None
    assert best.track_offset is not None
    return best.track.external_id, best.track_offset.total_seconds()


async def recognised(client: SonicaClient, indices: Iterable[int]) -> list[str]:
    """Returns which pieces a long clip of each finds."""
    answers = [await heard(client, music.long_excerpt(index)) for index in indices]
    return [answer[0] if answer else "nothing" for answer in answers]


async def test_noisy_excerpts_are_recognised_over_grpc(whole: Whole) -> None:
    questions = [(index, at) for index in range(TRACK_COUNT) for at in OFFSETS_SECONDS]
    exact = 0
    async with SonicaClient(whole.edge) as client:
        for index, at in questions:
            answer = await heard(client, music.noisy_excerpt(index, at))
            if answer is not None:
                assert answer[0] == f"piece-{index}", (index, at, answer)
                exact += abs(answer[1] - at) < 0.15
    # Sparse pieces drown in the noise here and there, and music repeats itself.
    assert exact >= 0.75 * len(questions)


async def test_noisy_excerpt_is_recognised_over_rest(whole: Whole) -> None:
    async with httpx.AsyncClient(base_url=f"http://{whole.edge}", timeout=120) as rest:
        answer = await rest.post(
            "/v1/recognize",
            content=music.noisy_excerpt(2, 3.6),
            headers={"content-type": "audio/wav"},
        )
        assert answer.status_code == 200, answer.text
        best = answer.json()["matches"][0]
        assert best["track"]["externalId"] == "piece-2"
        assert abs(float(best["trackOffset"].rstrip("s")) - 3.6) < 0.3
        page = await rest.get("/v1/tracks", params={"page_size": 2})
        assert len(page.json()["tracks"]) == 2
        assert page.json()["totalCount"] == str(TRACK_COUNT)


async def test_unknown_music_gets_an_empty_answer(whole: Whole) -> None:
    async with SonicaClient(whole.edge) as client:
        for index in range(4):
            assert (await client.recognize(music.stranger(index))).matches == []


async def test_one_trace_goes_through_every_part(whole: Whole) -> None:
    edges = yaml.safe_load((ROOT / "mesh/telemetry/edges.yaml").read_text())
    wanted = {(*edge["parent"].popitem(), *edge["child"].popitem()) for edge in edges}
    async with SonicaClient(whole.edge) as client:
        answer = await client.recognize(music.noisy_excerpt(1, 2.2))
    found: set[tuple[str, str, str, str]] = set()
    deadline = time.monotonic() + SPANS_SECONDS
    while not wanted <= found and time.monotonic() < deadline:
        await asyncio.sleep(0.25)
        spans = local.read_trace(whole.mesh.spans_dir, answer.trace_id)
        by_id = {span.span_id: span for span in spans}
        found = {
            (parent.service, parent.name, span.service, span.name)
            for span in spans
            if (parent := by_id.get(span.parent_span_id))
        }
    assert wanted - found == set()
    roots = [span for span in spans if span.parent_span_id not in by_id]
    assert [(root.service, root.parent_span_id) for root in roots] == [("envoy-edge", "")]


async def test_second_start_finds_the_data(whole: Whole) -> None:
    before = family(whole.mesh)
    began = time.monotonic()
    await asyncio.to_thread(local.down, whole.data_dir)
    print(f"\nstop: {time.monotonic() - began:.2f} s")
    seconds_until_gone(before)
    assert local.status(whole.data_dir).state is local.MeshState.STOPPED
    seconds = await asyncio.to_thread(whole.up)
    print(f"second start: {seconds:.2f} s")
    async with SonicaClient(whole.edge) as client:
        assert await recognised(client, range(TRACK_COUNT)) == ALL
        assert (await client.statistics()).active_track_count == TRACK_COUNT


class Import:
    """An import of a few pieces, tried until each is acknowledged, as the command line does."""

    def __init__(self, first: int) -> None:
        self.indices = range(first, first + 4)
        self.names = [f"piece-{index}" for index in self.indices]
        self.acknowledged: set[str] = set()

    async def run(self, client: SonicaClient, on_first: Callable[[], None] | None = None) -> None:
        """Imports what is not acknowledged yet; calls `on_first` with the first result."""
        async for event in client.import_tracks(self._sources(), silence_seconds=120):
            if isinstance(event, ImportOutcome):
                if event.error is None:
                    self.acknowledged.add(event.item_id)
                if on_first is not None:
                    on_first()
                    on_first = None

    async def finish(self, client: SonicaClient) -> None:
        """Goes on while some part is still away."""
        async with asyncio.timeout(240):
            while self.acknowledged != set(self.names):
                with suppress(SonicaError):
                    await self.run(client)

    async def _sources(self) -> AsyncIterator[ImportSource]:
        for name, index in zip(self.names, self.indices, strict=True):
            if name not in self.acknowledged:
                yield ImportSource(name, music.recording(index), Track(external_id=name))


@pytest.mark.parametrize("part", PARTS)
async def test_killed_part_loses_no_acknowledged_track(whole: Whole, part: str) -> None:
    importing = Import(first=100 + 10 * PARTS.index(part))
    async with SonicaClient(whole.edge) as client:
        with suppress(SonicaError):
            await importing.run(client, lambda: os.kill(whole.pid(part), signal.SIGKILL))
        await until_ready(whole.data_dir, part)
        acknowledged = sorted(importing.acknowledged)
        for name in acknowledged:
            assert (await client.get_track(f"external:{name}")).external_id == name
        await importing.finish(client)
        assert await recognised(client, importing.indices) == importing.names
        stored = [track.external_id async for track in client.all_tracks()]
        assert len(stored) == len(set(stored))
    print(f"\n{part}: {len(acknowledged)} of 4 acknowledged before it was back")


async def test_killed_supervisor_leaves_no_process_and_no_damage(whole: Whole) -> None:
    everything = family(whole.mesh)
    assert len(everything) > len(PARTS)
    os.kill(whole.mesh.supervisor_pid, signal.SIGKILL)
    took = await asyncio.to_thread(seconds_until_gone, everything)
    print(f"\nall {len(everything)} processes gone after {took:.2f} s")
    assert local.status(whole.data_dir).state is local.MeshState.STOPPED
    await asyncio.to_thread(whole.up)
    async with SonicaClient(whole.edge) as client:
        assert await recognised(client, range(TRACK_COUNT)) == ALL


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=320m,mode=755", "tmpfs", str(disk)]
    mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"no small disk to fill: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


async def test_full_disk_is_a_typed_error_and_loses_nothing(small_disk: Path) -> None:
    data_dir = small_disk / "data"
    mesh = await asyncio.to_thread(local.up, data_dir, port=0, is_open=True)
    try:
        async with SonicaClient(mesh.edge_address) as client:
            await client.register(music.recording(0), Track(external_id="piece-0"))
            filler = fill(small_disk, leaving_bytes=1_500_000)
            stored, refusal = await register_until_refused(client)
            print(f"\nrefused after {len(stored)} tracks: {refusal.code} {refusal.reason}")
            assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert refusal.reason == "STORAGE_FULL"
            filler.unlink()
            after = Import(first=5)
            await after.finish(client)
            assert await recognised(client, (0, *after.indices)) == ["piece-0", *after.names]
            for name in stored:
                assert (await client.get_track(f"external:{name}")).external_id == name
    finally:
        await asyncio.to_thread(local.down, data_dir)


def fill(disk: Path, leaving_bytes: int) -> Path:
    free = psutil.disk_usage(str(disk)).free
    filler = disk / "filler"
    with filler.open("wb") as file:
        for _ in range((free - leaving_bytes) // 65536):
            file.write(b"\0" * 65536)
    return filler


async def register_until_refused(client: SonicaClient) -> tuple[list[str], SonicaError]:
    """Registers pieces until one does not fit; returns what was acknowledged, and the refusal."""
    stored: list[str] = []
    for index in range(1000, 1200):
        try:
            await client.register(music.recording(index), Track(external_id=f"piece-{index}"))
        except SonicaError as error:
            return stored, error
        stored.append(f"piece-{index}")
    raise AssertionError("everything fitted")
