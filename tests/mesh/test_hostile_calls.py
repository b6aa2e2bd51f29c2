"""Aim: whatever is sent is answered as the contracts say: typed, in time, never as our fault.

Method: one whole mesh, open and on real stores, without music. Schemathesis, a tool that knows
nothing but the OpenAPI document, makes calls that keep it and calls that break it, and judges the
answers by it. Every RPC gets messages that are none, or almost; some get frames that are none. All
of it from one seed. The operator's key goes with the calls, so that they get far.
"""

from __future__ import annotations

import asyncio
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import httpx
import pytest
import schemathesis
from google.protobuf.descriptor_pool import Default
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.public_face import public_services
from mesh import local
from mesh.envoy.methods import METHODS, Method
from mesh.runtime.errors import STATUS_DETAILS_KEY
from tests.mesh.garbage import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

STATIC = Path(__file__).resolve().parents[2] / "mesh" / "envoy" / "static"
SEED = 2026
EXAMPLES = 6
ROUNDS = 4
AT_ONCE = 8
# What a call may take on a machine much slower and busier than any of ours.
WAIT_SECONDS = 120.0
DOCUMENT = schemathesis.openapi.from_path(STATIC / "openapi.json")
OPERATIONS = {result.ok().label: result.ok() for result in DOCUMENT.get_all_operations()}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXPOSED = [row for row in METHODS if row.exposed]
OURS = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Yields the address of a whole mesh and the key of its operator."""
    data_dir: Path = tmp_path_factory.mktemp("hostile") / "data"
    mesh = local.up(data_dir, port=0, is_open=True)
    key = (data_dir / "run" / "operator.key").read_text(encoding="utf-8").strip()
    yield mesh.edge_address, key
    local.down(data_dir)


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("label", OPERATIONS)
def test_answers_are_those_of_the_document(edge: tuple[str, str], label: str, mode: str) -> None:
    address, key = edge
    operation = OPERATIONS[label]
    if mode == "negative" and not (operation.query or operation.path_parameters or operation.body):
        pytest.skip("nothing of it can be wrong")

    @settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(GenerationMode(mode)))
    def check(case: schemathesis.Case) -> None:
        began = time.monotonic()
        headers = {"x-api-key": key} if mode == "positive" else {}
        answer = case.call(base_url=f"http://{address}", headers=headers, timeout=WAIT_SECONDS)
        assert time.monotonic() - began < WAIT_SECONDS
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400 and answer.request.method != "HEAD":
            (info,) = [d for d in answer.json()["details"] if d["@type"].endswith("ErrorInfo")]
            assert info["reason"]

    check()


HEADERS = {
    "name that gRPC does not know": ("x+k", "1", 200),
    "no base64": ("x-thing-bin", "!!!", 200),
    "binary": ("x-thing-bin", "aGk", 200),
    "no number of attempts": ("grpc-previous-rpc-attempts", "many", 200),
    "no pushback": ("grpc-retry-pushback-ms", "soon", 200),
    "Latin-1": ("x-name", "Zo\xeb", 200),
    "long": ("x-long", "a" * 20_000, 200),
    "too long": ("x-long", "a" * 40_000, 431),
    "compression of nothing": ("grpc-encoding", "gzip", 200),
    "no compression": ("grpc-encoding", "rar", 400),
    "junk for a deadline": ("grpc-timeout", "junk", 400),
    "nine digits": ("grpc-timeout", "999999999S", 400),
    "negative deadline": ("grpc-timeout", "-1S", 400),
    "no time at all": ("grpc-timeout", "0S", 504),
    "longest deadline": ("grpc-timeout", "99999999H", 200),
    "junk for a trace": ("traceparent", "junk", 200),
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers_are_never_a_fault_of_ours(edge: tuple[str, str], name: str) -> None:
    header, value, status = HEADERS[name]
    url = f"http://{edge[0]}/v1/catalog/statistics"
    sent = {header: value.encode("latin-1")}
    answer = httpx.get(url, headers=sent, timeout=WAIT_SECONDS, trust_env=False)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.json()["details"][0]["reason"]


async def outcome(
    channel: grpc.aio.Channel, row: Method, content: bytes, key: str
) -> tuple[grpc.StatusCode, bool]:
    """Returns how a call with one message ends, and whether it says why."""
    call: Any = channel.stream_stream(row.path)(
        timeout=WAIT_SECONDS, metadata=(("x-api-key", key),)
    )
    try:
        await call.write(content)
        await call.done_writing()
        async for _ in call:
            pass
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        pass
    code = await call.code()
    trailing = {name for name, _ in await call.trailing_metadata() or ()}
    return code, code is grpc.StatusCode.OK or STATUS_DETAILS_KEY in trailing


def input_type(row: Method) -> str:
    public_services()
    methods = Default().FindServiceByName(row.service).methods_by_name
    return str(methods[row.name].input_type.full_name)


@pytest.mark.parametrize("row", EXPOSED, ids=lambda row: row.name)
async def test_no_message_is_a_fault_of_ours(edge: tuple[str, str], row: Method) -> None:
    address, key = edge
    at_once = asyncio.Semaphore(AT_ONCE)
    bad = []

    async def send(what: str, content: bytes) -> None:
        async with at_once:
            code, typed = await outcome(channel, row, content, key)
        if code in OURS or code is grpc.StatusCode.DEADLINE_EXCEEDED or not typed:
            bad.append((what, code.name, content[:200]))

    async with grpc.aio.insecure_channel(address) as channel:
        sent = requests(input_type(row), SEED, ROUNDS)
        await asyncio.gather(*(send(what, content) for what, content in sent))
    assert bad == []


FRAMES = {
    "none": b"",
    "half a head": b"\0\0",
    "length beyond the end": struct.pack(">BI", 0, 1000) + b"x",
    "endless length": struct.pack(">BI", 0, 2**32 - 1) + b"x",
    "compressed by nothing": struct.pack(">BI", 1, 3) + b"abc",
    "unknown flags": struct.pack(">BI", 0x42, 0),
    "two messages": struct.pack(">BI", 0, 0) * 2,
    "only trailers": struct.pack(">BI", 0x80, 2) + b"a:",
}

FRAMED = [row for row in EXPOSED if row.name in ("Recognize", "StreamingRecognize", "GetTrack")]


@pytest.mark.parametrize("frames", FRAMES)
async def test_no_frame_is_a_fault_of_ours(edge: tuple[str, str], frames: str) -> None:
    """A message that never comes whole is waited for, until the deadline and no longer."""
    headers = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
    headers["grpc-timeout"] = "1S"
    async with httpx.AsyncClient(
        base_url=f"http://{edge[0]}", timeout=WAIT_SECONDS, trust_env=False
    ) as rest:
        sent = (rest.post(p.path, headers=headers, content=FRAMES[frames]) for p in FRAMED)
        for answer in await asyncio.gather(*sent):
            assert answer.status_code in (200, 504)
            code = answer.headers.get("grpc-status") or trailing_status(answer.content)
            # What says that it is compressed and not how is INTERNAL by gRPC's specification.
            ours = () if frames == "compressed by nothing" else OURS
            assert int(code) not in {code.value[0] for code in ours}
        assert (await rest.get("/healthz")).status_code == 200


def trailing_status(body: bytes) -> str:
    """Returns grpc-status of the trailers that end a gRPC-Web body."""
    return body.rpartition(b"grpc-status:")[2].split(b"\r")[0].decode()
