"""Aim: every span attribute of ours in the code is declared, and every declaration is used.

Method: reads the syntax trees of all our packages for the keywords of `span(...)` and for string
literals that begin with `sonica.` and are set as attributes.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from mesh.runtime.telemetry import ATTRIBUTE_PREFIX
from mesh.runtime.testing import declared_attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
PACKAGES = ("fingerprint_svc", "gateway", "match_svc", "mesh", "sonica_cli", "user_svc")
OPENERS = ("span", "record_span")
PARAMETERS = ("name", "kind", "seconds", "ended_seconds_ago")


def called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def attributes(source: str) -> Iterator[str]:
    """Yields the names of our attributes that a module gives to spans."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = called(node)
        if name in OPENERS:
            for keyword in node.keywords:
                if keyword.arg is not None and keyword.arg not in PARAMETERS:
                    yield f"{ATTRIBUTE_PREFIX}{keyword.arg}"
        if name in (*OPENERS, "set_attribute", "set_attributes"):
            for child in ast.walk(node):
                if isinstance(child, ast.Constant) and str(child.value).startswith(
                    ATTRIBUTE_PREFIX
                ):
                    yield str(child.value)


def used() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for name in attributes(path.read_text(encoding="utf-8")):
                found[name] = str(path.relative_to(ROOT))
    return found


def test_reader_finds_both_forms() -> None:
    source = (
        'with telemetry.span("a", kind=K, row_count=1, **{"sonica.x": 2}) as s:\n'
        '    s.set_attribute("sonica.y", 3)\n'
        '    record_span("b", 1.0, ended_seconds_ago=2.0, codec="z")\n'
        '    s.set_attribute("db.system.name", "z")\n'
    )
    assert sorted(attributes(source)) == [
        "sonica.codec",
        "sonica.row_count",
        "sonica.x",
        "sonica.y",
    ]


def test_every_attribute_is_declared() -> None:
    undeclared = {name: path for name, path in used().items() if name not in declared_attributes()}
    assert undeclared == {}


def test_every_declaration_is_used() -> None:
    assert set(declared_attributes()) - set(used()) == set()


def test_declarations_say_type_and_meaning() -> None:
    kinds = ("int, ", "float, ", "bool, ", "string, ")
    assert [
        n for n, meaning in declared_attributes().items() if not meaning.startswith(kinds)
    ] == []
