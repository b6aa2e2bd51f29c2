"""Aim: what the documents say of routes, deadlines and errors is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from mesh.envoy.access_replies import ACCESS_ERRORS
from mesh.envoy.contracts import rpcs
from mesh.envoy.local_replies import DOMAIN, LOCAL_ERRORS
from mesh.envoy.methods import METHODS, Method, Retry

ROOT = Path(__file__).resolve().parents[3]


def rows(path: str, heading: str) -> list[list[str]]:
    """Returns the cells of the first table below a heading, without its head."""
    text = (ROOT / path).read_text(encoding="utf-8")
    below = text[text.index(heading) :]
    table = re.search(r"\n\|[-|]+\|\n((?:\|.*\|\n)+)", below)
    assert table is not None
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table[1].splitlines()]


def retry_word(row: Method) -> str:
    if row.retry is Retry.UNSENT:
        return "unsent"
    return "broken connection" if row.upstream == "gateway" else "idempotent"


def test_table_of_rpcs() -> None:
    written = {
        (name.strip(), *cells)
        for names, *cells in rows("mesh/envoy/README.md", "## RPCs")
        for name in names.split(",")
    }
    assert written == {
        (
            row.name,
            row.upstream,
            "yes" if row.exposed else "no",
            f"{row.timeout_seconds:g}",
            f"{row.longest_seconds:g}",
            retry_word(row),
        )
        for row in METHODS
    }


def test_table_of_rest_routes() -> None:
    written = {
        (*route.strip("`").split(" "), rpc)
        for route, rpc, _ in rows("docs/reference/rest-api.md", "# REST")
    }
    assert written == {
        (binding.verb, binding.template, f"{rpc.service.rsplit('.', 1)[-1]}.{rpc.name}")
        for rpc in rpcs()
        for binding in rpc.rest
    }


def test_every_rest_route_has_an_example() -> None:
    text = (ROOT / "docs/reference/rest-api.md").read_text(encoding="utf-8")
    examples = re.findall(r"curl.*?(?:\n\n|\n```|$)", text, re.DOTALL)
    for rpc in rpcs():
        for binding in rpc.rest:
            path = binding.template.split("{")[0]
            assert any(f"8080{path}" in example for example in examples), binding.template


def test_table_of_errors_of_the_edge() -> None:
    written = {
        (status.replace("xx", "00"), reason.strip("`"))
        for status, reason, _ in rows("docs/reference/rest-api.md", DOMAIN)
    }
    assert written == {
        (str(error.status), error.reason) for error in (*ACCESS_ERRORS, *LOCAL_ERRORS)
    }
