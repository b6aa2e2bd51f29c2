"""Aim: a body is recognised while it arrives, is bounded, and calls itself what it is.

Method: one real Envoy and gateway in front of stand-ins; 1,000 bytes are one second, and a clip is
sure after three. Where the order of what is sent and read matters, the test speaks HTTP itself.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import pytest_asyncio

from mesh.envoy.contracts import rpcs
from tests.mesh.rig import Rig, running_mesh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")

STREAM = "/v1/recognize:stream"
WAIT_SECONDS = 60.0
MEBIBYTE = 2**20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with running_mesh() as running:
        yield running


class Upload:
    """A chunked POST over HTTP/1.1, whose answer is read whenever the test wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def begin(cls, rig: Rig, path: str = STREAM) -> Upload:
        host, _, port = rig.plan.edge.rpartition(":")
        upload = cls(*await asyncio.open_connection(host, int(port)))
        head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\n"
        upload._writer.write(head.encode())
        return upload

    async def send(self, content: bytes) -> None:
        self._writer.write(b"%x\r\n%s\r\n" % (len(content), content))
        await self._writer.drain()

    async def end(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def status(self) -> bytes:
        head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), WAIT_SECONDS)
        return head.split(b"\r\n")[0]

    async def line(self) -> dict[str, Any] | None:
        """Returns the next line of the answer; None at its end."""
        size = int(await asyncio.wait_for(self._reader.readline(), WAIT_SECONDS), 16)
        content = await self._reader.readexactly(size + 2)
        found: dict[str, Any] | None = json.loads(content) if size else None
        return found

    async def closed(self) -> None:
        with suppress(ConnectionResetError):
            while await asyncio.wait_for(self._reader.read(65536), WAIT_SECONDS):
                pass

    def leave(self) -> None:
        self._writer.transport.abort()


async def test_answers_come_while_the_body_is_sent(rig: Rig) -> None:
    upload = await Upload.begin(rig)
    await upload.send(b"k" * 1500)
    assert await upload.status() == b"HTTP/1.1 200 OK"
    first = await upload.line()
    assert first is not None
    assert (first["matches"], first["final"]) == ([], False)
    await upload.send(b"k" * 2000)
    while (answer := await upload.line()) is not None and not answer["final"]:
        pass
    assert answer is not None
    assert answer["matches"][0]["track"]["trackId"] == "k"
    assert int(answer["traceId"], 16)
    await upload.end()
    assert await upload.line() is None
    upload.leave()


async def test_whoever_sends_on_is_cut_off(rig: Rig) -> None:
    upload = await Upload.begin(rig)
    humming = asyncio.create_task(hum(upload))
    await upload.status()
    while (answer := await upload.line()) is not None:
        last = answer
    assert last["final"]
    await upload.closed()
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(humming, WAIT_SECONDS)


async def hum(upload: Upload) -> None:
    while True:
        await upload.send(b"k" * 500)
        await asyncio.sleep(0.05)


async def test_a_file_is_answered_though_it_was_sent_before_anything_was_read(rig: Rig) -> None:
    answer = await rig.rest.post(STREAM, content=b"k" * (3 * MEBIBYTE))
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["final"] for line in lines] == [False] * (len(lines) - 1) + [True]
    assert lines[-1]["matches"][0]["track"]["trackId"] == "k"


async def test_options_are_query_parameters(rig: Rig) -> None:
    query = "?maxMatchCount=1&format.encoding=AUDIO_ENCODING_PCM_S16LE&format.sampleRateHz=8000"
    answer = await rig.rest.post(STREAM + query, content=b"0" * 3500)
    assert json.loads(answer.text.splitlines()[-1])["matches"] == []
    assert rig.services.fingerprint.layouts[-1].sample_rate_hz == 8000


async def test_who_leaves_ends_the_analysis(rig: Rig) -> None:
    rig.services.fingerprint.cancelled.clear()
    upload = await Upload.begin(rig)
    await upload.send(b"0" * 1500)
    await upload.status()
    upload.leave()
    await asyncio.wait_for(rig.services.fingerprint.cancelled.wait(), WAIT_SECONDS)


@pytest.mark.parametrize(
    ("query", "content", "status", "reason"),
    [
        ("?maxMatchCount=-1", b"k" * 3000, 400, "VALIDATION_FAILED"),
        ("?format.encoding=1", b"k" * 3000, 400, "VALIDATION_FAILED"),
        ("?nope=1", b"k" * 3000, 400, "REQUEST_MALFORMED"),
        # The answer has begun by then: the error is a line of it.
        ("", b"BAD", 200, "AUDIO_UNREADABLE"),
        ("", b"", 200, "SOURCE_MISSING"),
    ],
)
async def test_errors_of_an_upload(
    rig: Rig, query: str, content: bytes, status: int, reason: str
) -> None:
    answer = await rig.rest.post(STREAM + query, content=content)
    assert answer.status_code == status, answer.text
    last = json.loads(answer.text.splitlines()[-1])
    assert last["details"][0]["reason"] == reason


BODIES = [(b.template, b.verb, b.raw) for rpc in rpcs() for b in rpc.rest if b.body]
FORM = "multipart/form-data; boundary=x"


def path_of(template: str) -> str:
    """Returns a path of a template: each variable, and each star in one, is some segment."""
    plain = re.sub(r"\{[^}=]*\}", "some", re.sub(r"\{[^}=]*=([^}]*)\}", r"\1", template))
    return plain.replace("*", "some")


async def refused(rig: Rig, verb: str, template: str, content_type: str) -> str | None:
    """Returns why a body of a type is refused; None when a service has seen it."""
    headers = {"content-type": content_type}
    answer = await rig.rest.request(verb, path_of(template), content=b"kkk", headers=headers)
    if answer.status_code != httpx.codes.UNSUPPORTED_MEDIA_TYPE:
        return None
    info = answer.json()["details"][0]
    assert (info["domain"], answer.json()["code"]) == ("sonica.edge", 3)
    return str(info["reason"])


@pytest.mark.parametrize(("template", "verb", "raw"), BODIES)
async def test_wrong_types_of_bodies_are_refused(
    rig: Rig, template: str, verb: str, raw: bool
) -> None:
    wrong = ["text/plain", "application/xml", "APPLICATION/JSON" if raw else "audio/mpeg"]
    right = ["application/x-www-form-urlencoded"]
    right += ["audio/mpeg", "application/octet-stream"] if raw else ["application/json; charset=x"]
    for content_type in wrong:
        assert await refused(rig, verb, template, content_type) == "CONTENT_TYPE_NOT_SUPPORTED"
    assert await refused(rig, verb, template, FORM) == "MULTIPART_NOT_SUPPORTED"
    for content_type in right:
        assert await refused(rig, verb, template, content_type) is None


async def test_a_form_is_refused_before_it_is_taken(rig: Rig) -> None:
    before = rig.services.fingerprint.calls.total()
    answer = await rig.rest.post("/v1/recognize", files={"file": b"k" * 3000})
    assert answer.status_code == 415
    assert "--data-binary" in answer.json()["message"]
    assert rig.services.fingerprint.calls.total() == before
