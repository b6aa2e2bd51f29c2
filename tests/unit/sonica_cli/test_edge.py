"""Aim: a command sends the key a person has named, else that of their own mesh, else none."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonica_cli.edge import Edge, client_at

EDGE = "127.0.0.1:8080"


@pytest.fixture(autouse=True)
def own_mesh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SONICA_API_KEY", raising=False)
    monkeypatch.setattr(
        "mesh.local.operator_key.operator_key",
        lambda _data, address: "op_own" if address == EDGE else None,
    )


def test_the_own_mesh_is_called_as_its_operator() -> None:
    assert Edge.at(EDGE, None).api_key == "op_own"


def test_another_mesh_gets_no_key_of_ours() -> None:
    edge = Edge.at("elsewhere.example:8080", Path("/data"))
    assert edge == "elsewhere.example:8080"
    assert edge.api_key == ""


def test_a_named_key_goes_before_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONICA_API_KEY", "sk_named")
    assert Edge.at(EDGE, None).api_key == "sk_named"
    assert Edge.at("elsewhere.example:8080", None).api_key == "sk_named"


def test_a_key_is_not_shown() -> None:
    assert "op_own" not in repr(Edge.at(EDGE, None))


async def test_a_plain_address_has_no_key() -> None:
    async with client_at(EDGE) as client:
        assert client.address == EDGE
