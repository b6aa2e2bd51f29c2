"""What it costs to tell who calls and to count it: `python -m tests.bench.access_cost`.

Two meshes over the same music, one open and one closed, are asked turn by turn by every kind of
caller, so what is told is a ratio. Limits are set so high that calls are counted and none refused.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import psutil
from sonica.catalog.v1 import catalog_service_pb2 as catalog
from sonica.catalog.v1.catalog_service_pb2_grpc import CatalogServiceStub
from sonica.recognition.v1 import recognition_service_pb2 as recognition
from sonica.recognition.v1.recognition_service_pb2_grpc import RecognitionServiceStub
from sonica_client import Scope, SonicaClient, Track

from mesh.local import LocalMesh, down, up
from mesh.local.operator_key import operator_key
from tests.bench.catalogue import Clip, clips, pieces

#: The most that telling and counting may add to a recognition.
SHARE_MAX = 0.3
_PIECES = 12
_CLIP_SECONDS = 5.0
_ROUNDS = 8
_LISTS = 12
_SETTINGS = {
    "SONICA_ANONYMOUS_REQUESTS": "1000000",
    "SONICA_CREDENTIAL_REQUESTS": "0",
    "SONICA_USER_FREE_REQUESTS_PER_MINUTE": "1000000",
    "SONICA_USER_FREE_RECOGNITIONS_PER_DAY": "1000000",
}
_OPEN = "anonymous, open mesh"
_CALLERS = (
    _OPEN,
    "anonymous, closed mesh",
    "operator key, not counted",
    "access token, counted",
    "API key, counted",
)


@dataclass
class Cost:
    """What the calls of one kind of caller took, in milliseconds each.

    Attributes:
        recognize: every Recognize of a clip of 5 s.
        list_tracks: every ListTracks of ten tracks.
        processor: of all parts of the mesh, for each Recognize; a mean of each round.
    """

    recognize: list[float] = field(default_factory=list)
    list_tracks: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


def measure() -> dict[str, Cost]:
    """Returns the costs by kind of caller, those of the open mesh first."""
    with tempfile.TemporaryDirectory(prefix="sonica-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        files = pieces(folder, _PIECES)
        meshes = [
            stack.enter_context(_mesh(folder / kind, is_open=kind == "open"))
            for kind in ("open", "closed")
        ]
        return asyncio.run(_measure(*meshes, files, clips(_PIECES, _CLIP_SECONDS)))


@contextmanager
def _mesh(data_dir: Path, *, is_open: bool) -> Iterator[LocalMesh]:
    before = dict(os.environ)
    os.environ.update(_SETTINGS)
    try:
        mesh = up(data_dir, port=0, is_open=is_open)
    finally:
        os.environ.clear()
        os.environ.update(before)
    try:
        yield mesh
    finally:
        down(data_dir)


async def _measure(
    is_open: LocalMesh, closed: LocalMesh, files: list[Path], made: list[Clip]
) -> dict[str, Cost]:
    operator = operator_key(closed.data_dir, closed.edge_address) or ""
    for mesh, key in ((is_open, ""), (closed, operator)):
        async with SonicaClient(mesh.edge_address, api_key=key) as client:
            for path in files:
                await client.register(path, Track(title=path.stem))
    token, key = await _account(closed.edge_address)
    sent = dict(
        zip(
            _CALLERS,
            (
                [],
                [],
                [("x-api-key", operator)],
                [("authorization", f"Bearer {token}")],
                [("x-api-key", key)],
            ),
            strict=True,
        )
    )
    costs = {caller: Cost() for caller in _CALLERS}
    async with (
        grpc.aio.insecure_channel(is_open.edge_address) as to_open,
        grpc.aio.insecure_channel(closed.edge_address) as to_closed,
    ):
        for turn in range(_ROUNDS + 1):
            for place in range(len(_CALLERS)):
                # Each is first once in a while, and no answer is a remembered one.
                caller = _CALLERS[(place + turn) % len(_CALLERS)]
                mesh, channel = (is_open, to_open) if caller == _OPEN else (closed, to_closed)
                number = 1 + turn * len(_CALLERS) + place
                cost = await _one_round(mesh, channel, sent[caller], made, number)
                if turn:
                    costs[caller].recognize += cost.recognize
                    costs[caller].list_tracks += cost.list_tracks
                    costs[caller].processor += cost.processor
    return costs


async def _account(address: str) -> tuple[str, str]:
    """Makes an account; returns an access token of it and an API key."""
    email, password = f"{secrets.token_hex(8)}@example.org", secrets.token_urlsafe(16)
    async with SonicaClient(address, api_key="") as client:
        await client.accounts.register(email, password)
        session = await client.accounts.log_in(email, password)
        _, key = await client.accounts.create_api_key(
            "bench", [Scope.RECOGNIZE, Scope.CATALOG_READ]
        )
    return session.access_token, key


async def _one_round(
    mesh: LocalMesh,
    channel: grpc.aio.Channel,
    metadata: list[tuple[str, str]],
    made: list[Clip],
    number: int,
) -> Cost:
    recognize = RecognitionServiceStub(channel).Recognize
    list_tracks = CatalogServiceStub(channel).ListTracks
    cost = Cost()
    before = _processor_ms(mesh)
    for clip in made:
        request = recognition.RecognizeRequest(
            audio={"content": clip.content}, max_match_count=number
        )
        took, answer = await _timed(partial(recognize, request, metadata=metadata))
        if not answer.matches:
            raise RuntimeError(f"a clip of {clip.title} was not recognised")
        cost.recognize.append(took)
    cost.processor.append((_processor_ms(mesh) - before) / len(made))
    page = catalog.ListTracksRequest(page_size=10)
    for _ in range(_LISTS):
        took, _ = await _timed(partial(list_tracks, page, metadata=metadata))
        cost.list_tracks.append(took)
    return cost


async def _timed(call: Callable[[], Awaitable[Any]]) -> tuple[float, Any]:
    began = time.perf_counter()
    answer = await call()
    return (time.perf_counter() - began) * 1e3, answer


def _processor_ms(mesh: LocalMesh) -> float:
    """Returns processor time of all parts so far."""
    family = psutil.Process(mesh.supervisor_pid).children(recursive=True)
    times = [process.cpu_times() for process in family]
    return sum(each.user + each.system for each in times) * 1e3


def rows(costs: dict[str, Cost]) -> Iterator[tuple[str, str, str]]:
    """Yields a figure, what was measured, and the bound, for each kind of caller."""
    base = statistics.median(costs[_OPEN].recognize)
    for caller, cost in costs.items():
        recognize = statistics.median(cost.recognize)
        told = (
            f"Recognize {recognize:.1f} ms ({recognize / base - 1:+.0%}), "
            f"processor {statistics.median(cost.processor):.0f} ms, "
            f"ListTracks {statistics.median(cost.list_tracks):.1f} ms"
        )
        bound = "" if caller == _OPEN else f"≤ +{SHARE_MAX:.0%}"
        yield f"5 s clip, {caller}", told, bound


def main() -> None:
    """Prints a line a kind of caller."""
    for row in rows(measure()):
        print(*row, sep="; ")


if __name__ == "__main__":
    main()
