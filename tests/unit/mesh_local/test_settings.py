"""Aim: an unset address means the local part, a set one means that one; children see little.

Method: environments as plain mappings.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.local.interpreter import plain_environment, python_environment
from mesh.local.settings import LocalSettings, usual_data_dir

ENVIRONMENT = {
    "PATH": "/bin",
    "HOME": "/home/a",
    "LD_PRELOAD": "/x.so",
    "AWS_SECRET_ACCESS_KEY": "s",
    "PYTHONPATH": "/elsewhere",
    "SONICA_MATCH_DATABASE_URL": "postgresql://u:secret@db/x",
    "SONICA_MATCH_CACHE_BYTES": "1",
    "SONICA_FINGERPRINT_LOG_LEVEL": "DEBUG",
    "OTEL_RESOURCE_ATTRIBUTES": "a=b",
}


def test_nothing_set_means_everything_local() -> None:
    settings = LocalSettings.from_environment(environment={"REDIS_URL": ""})
    assert settings.data_dir == usual_data_dir()
    assert settings.database_url is None
    assert settings.redis_url is None
    assert settings.qdrant_address is None
    assert settings.otlp_endpoint is None


def test_set_addresses_are_used() -> None:
    settings = LocalSettings.from_environment(
        environment={
            "SONICA_DATA_DIR": "/srv/sonica",
            "DATABASE_URL": "postgresql://db/x",
            "REDIS_URL": "redis://cache",
            "QDRANT_ADDRESS": "qdrant:6334",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317",
            "SONICA_ENVOY_PATH": "/opt/envoy",
        }
    )
    assert settings.data_dir == Path("/srv/sonica")
    assert settings.database_url == "postgresql://db/x"
    assert settings.redis_url == "redis://cache"
    assert settings.qdrant_address == "qdrant:6334"
    assert settings.otlp_endpoint == "http://collector:4317"
    assert settings.envoy_path == Path("/opt/envoy")


@pytest.mark.parametrize(("said", "is_open"), [("true", True), ("1", True), ("no", False)])
def test_a_mesh_is_open_only_where_it_is_said(said: str, is_open: bool) -> None:
    assert LocalSettings.from_environment(environment={"SONICA_OPEN": said}).open is is_open
    assert not LocalSettings.from_environment(environment={}).open


def test_argument_goes_before_the_environment() -> None:
    settings = LocalSettings.from_environment(Path("/a"), {"SONICA_DATA_DIR": "/b"})
    assert settings.data_dir == Path("/a")


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(LocalSettings.from_environment(environment=ENVIRONMENT))


def test_children_see_only_what_concerns_them() -> None:
    passed_on = LocalSettings.from_environment(environment=ENVIRONMENT).child_environment
    assert plain_environment(passed_on) == {
        "PATH": "/bin",
        "HOME": "/home/a",
        "LC_ALL": "C",
    }
    fingerprint = python_environment(passed_on, "SONICA_FINGERPRINT_")
    assert fingerprint["SONICA_FINGERPRINT_LOG_LEVEL"] == "DEBUG"
    assert fingerprint["OTEL_RESOURCE_ATTRIBUTES"] == "a=b"
    assert not any("MATCH" in name for name in fingerprint)
    match = python_environment(passed_on, "SONICA_MATCH_")
    assert match["SONICA_MATCH_CACHE_BYTES"] == "1"
