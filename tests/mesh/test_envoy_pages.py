"""Aim: the edge itself tells what it can do: to everybody, whole, and without help from elsewhere.

Method: one real Envoy; the answers are compared with the generated files.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from mesh.envoy.pages import PAGE_BYTES_MAX
from tests.mesh.rig import Rig, mesh_with_accounts, running_mesh

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")

STATIC = Path(__file__).resolve().parents[2] / "mesh" / "envoy" / "static"
PAGES = {
    "/openapi.json": ("openapi.json", "application/json"),
    "/docs": ("docs.html", "text/html; charset=utf-8"),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with running_mesh() as running:
        yield running


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_page_is_the_generated_file(rig: Rig, path: str, encoding: str) -> None:
    file, content_type = PAGES[path]
    answer = await rig.rest.get(path, headers={"accept-encoding": encoding})
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
    assert answer.content == (STATIC / file).read_bytes()
    assert len(answer.content) < PAGE_BYTES_MAX / 2, "it comes near the limit of Envoy"
    assert answer.headers.get("content-encoding", "identity") == encoding
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", PAGES)
async def test_head_says_how_long_it_is(rig: Rig, path: str) -> None:
    answer = await rig.rest.head(path, headers={"accept-encoding": "identity"})
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) == (STATIC / PAGES[path][0]).stat().st_size
    assert answer.content == b""


@pytest.mark.parametrize(
    ("verb", "path"), [("POST", "/docs"), ("GET", "/docs/"), ("GET", "/docs/x")]
)
async def test_nothing_else_is_there(rig: Rig, verb: str, path: str) -> None:
    answer = await rig.rest.request(verb, path)
    assert answer.status_code == 404
    assert answer.json()["details"][0]["reason"] == "ROUTE_NOT_FOUND"


async def test_pages_are_shown_to_pages_of_allowed_origins_only(rig: Rig) -> None:
    origin = "http://localhost:5173"
    shown = await rig.rest.get("/openapi.json", headers={"origin": origin})
    assert shown.headers["access-control-allow-origin"] == "*"
    other = await rig.rest.get("/openapi.json", headers={"origin": "https://evil.example"})
    assert other.status_code == 403


async def test_nobody_is_asked_who_they_are() -> None:
    forged = {"authorization": "Bearer forged", "x-api-key": "sk_forged"}
    async with mesh_with_accounts() as closed:
        for path in PAGES:
            assert (await closed.rest.get(path, headers=forged)).status_code == 200
