"""Aim: a mesh has exactly the parts that no setting says are elsewhere, wired to each other.

Method: plans are made, not run; programs are the installed ones or stand-in files.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.local import programs
from mesh.local.errors import ProgramMissingError
from mesh.local.layout import Layout
from mesh.local.part import Layer, Part
from mesh.local.plan import make_plan
from mesh.local.settings import LocalSettings


def parts_with(tmp_path: Path, **environment: str) -> dict[str, Part]:
    settings = LocalSettings.from_environment(tmp_path, environment)
    layout = Layout.of(tmp_path)
    return {part.name: part for part in make_plan(settings, layout, "127.0.0.1:8080").parts}


def test_everything_is_local_by_default(tmp_path: Path) -> None:
    parts = parts_with(tmp_path)
    run = tmp_path / "run"
    assert set(parts) == {
        "spans", "postgres", "redis", "engine", "match", "user", "fingerprint", "gateway",
        "envoy",
    }  # fmt: skip
    match = parts["match"].environment
    assert match["SONICA_MATCH_QDRANT_ADDRESS"] == f"unix:{run}/engine.sock"
    assert match["SONICA_MATCH_REDIS_URL"] == f"unix://{run}/redis.sock"
    assert "sonica" in match["SONICA_MATCH_DATABASE_URL"]
    assert match["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"unix:{run}/spans.sock"
    user = parts["user"].environment
    assert "sonica_users" in user["SONICA_USER_DATABASE_URL"]
    assert user["SONICA_USER_REDIS_URL"] == match["SONICA_MATCH_REDIS_URL"]
    assert user["SONICA_USER_JWKS_LISTEN"] == f"unix:{run}/jwks.sock"
    gateway = parts["gateway"].environment
    assert gateway["SONICA_GATEWAY_MESH_ADDRESS"] == f"unix:{run}/mesh.sock"
    assert not any("MATCH" in name for name in gateway)


def test_parts_end_before_what_they_rest_on(tmp_path: Path) -> None:
    layers = {name: part.layer for name, part in parts_with(tmp_path).items()}
    assert layers["envoy"] > layers["gateway"] > layers["match"] > layers["postgres"]
    assert layers["engine"] == layers["postgres"] == layers["redis"] == Layer.STORES
    assert min(layers, key=lambda name: layers[name]) == "spans"


@pytest.mark.parametrize(
    ("variable", "value", "absent", "seen_by", "as_variable"),
    [
        ("DATABASE_URL", "postgresql://db/x", "postgres", "match", "SONICA_MATCH_DATABASE_URL"),
        ("DATABASE_URL", "postgresql://db/x", "postgres", "user", "SONICA_USER_DATABASE_URL"),
        ("REDIS_URL", "redis://cache", "redis", "match", "SONICA_MATCH_REDIS_URL"),
        ("REDIS_URL", "redis://cache", "redis", "user", "SONICA_USER_REDIS_URL"),
        ("QDRANT_ADDRESS", "qdrant:6334", "engine", "match", "SONICA_MATCH_QDRANT_ADDRESS"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://collector:4317",
            "spans",
            "gateway",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        ),
    ],
)
def test_part_that_is_elsewhere_is_not_started(
    tmp_path: Path, variable: str, value: str, absent: str, seen_by: str, as_variable: str
) -> None:
    parts = parts_with(tmp_path, **{variable: value})
    assert absent not in parts
    assert len(parts) == 8
    assert parts[seen_by].environment[as_variable] == value


def test_accounts_may_be_elsewhere_alone(tmp_path: Path) -> None:
    parts = parts_with(tmp_path, SONICA_USER_DATABASE_URL="postgresql://db/users")
    assert parts["user"].environment["SONICA_USER_DATABASE_URL"] == "postgresql://db/users"
    assert "postgres" in parts
    assert str(tmp_path) in parts["match"].environment["SONICA_MATCH_DATABASE_URL"].replace(
        "%2F", "/"
    )


def test_nothing_hangs_on_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "redis_server", lambda _settings: None)
    parts = parts_with(tmp_path)
    assert "redis" not in parts
    assert "SONICA_MATCH_REDIS_URL" not in parts["match"].environment


def test_missing_programs_are_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "_package_dir", lambda _name: None)
    monkeypatch.setenv("PATH", "")
    settings = LocalSettings.from_environment(tmp_path, {})
    with pytest.raises(ProgramMissingError, match="SONICA_ENVOY_PATH"):
        programs.envoy(settings)
    with pytest.raises(ProgramMissingError, match="DATABASE_URL"):
        programs.postgres_bin_dir(settings)


def test_programs_may_lie_elsewhere(tmp_path: Path) -> None:
    for name in ("envoy", "redis-server"):
        (tmp_path / name).write_text("")
    settings = LocalSettings.from_environment(
        tmp_path,
        {
            "SONICA_ENVOY_PATH": str(tmp_path / "envoy"),
            "SONICA_REDIS_SERVER_PATH": str(tmp_path / "redis-server"),
            "SONICA_POSTGRES_BIN_DIR": str(tmp_path),
        },
    )
    assert programs.envoy(settings) == tmp_path / "envoy"
    assert programs.redis_server(settings) == tmp_path / "redis-server"
    with pytest.raises(ProgramMissingError, match=str(tmp_path)):
        programs.postgres_bin_dir(settings)
