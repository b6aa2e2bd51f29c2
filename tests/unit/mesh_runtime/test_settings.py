"""Aim: a wrong setting stops the start with its name, and never shows its value."""

from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from mesh.runtime.settings import (
    ProcessSettings,
    ServiceSettings,
    settings_config,
    split_host_port,
)


class Settings(ServiceSettings):
    """Settings of a service with a secret."""

    model_config = settings_config("SONICA_UNIT_")

    cache_size: int = 10
    password: SecretStr | None = None
    database_url: str = "postgresql://localhost"


def complaint() -> str:
    with pytest.raises(ValidationError) as caught:
        Settings()
    return str(caught.value)


def test_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONICA_UNIT_CACHE_SIZE", "20")
    monkeypatch.setenv("SONICA_UNIT_LISTEN", "unix:/tmp/a.sock")
    monkeypatch.setenv("SONICA_UNIT_LOG_LEVEL", "")
    settings = Settings()
    assert (settings.cache_size, settings.listen, settings.log_level) == (
        20,
        "unix:/tmp/a.sock",
        "INFO",
    )


def test_misspelt_variable_is_named_with_the_likely_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONICA_UNIT_CASHE_SIZE", "20")
    expected = "unknown setting SONICA_UNIT_CASHE_SIZE; did you mean SONICA_UNIT_CACHE_SIZE?"
    assert expected in complaint()


def test_unlike_variable_gets_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONICA_UNIT_Q", "1")
    assert "unknown setting SONICA_UNIT_Q; known: LISTEN, " in complaint()


def test_variables_of_other_services_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONICA_UNITED_CACHE_SIZE", "20")
    monkeypatch.setenv("SONICA_OTHER_X", "20")
    assert Settings().cache_size == 10


def test_rejected_value_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONICA_UNIT_CACHE_SIZE", "hunter2")
    assert "hunter2" not in complaint()


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Settings().cache_size = 3  # type: ignore[misc] # that it cannot is the point


@pytest.mark.parametrize(
    "listen",
    [
        "",
        "8080",
        "localhost",
        ":8080",
        "h:99999",
        "h:-1",
        "unix:relative.sock",
        "unix:/" + "a" * 103,
    ],
)
def test_address_that_cannot_be_bound(listen: str) -> None:
    with pytest.raises(ValidationError):
        Settings(listen=listen)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_concurrent_rpcs", 0),
        ("drain_timeout_seconds", -1),
        ("max_message_bytes", 10),
        ("log_level", "LOUD"),
        ("metrics_listen", "9090"),
        ("no_such_field", 1),
    ],
)
def test_value_out_of_bounds(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(**{field: value})  # type: ignore[arg-type] # wrong on purpose
    assert field in str(caught.value)


def test_split_host_port() -> None:
    assert split_host_port("[::1]:80") == ("[::1]", 80)


def test_process_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONICA_EXIT_WITH_PARENT", "1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
    monkeypatch.delenv("OTEL_TRACES_SAMPLER", raising=False)
    process = ProcessSettings()
    assert (process.exit_with_parent, process.otlp_endpoint, process.traces_sampler) == (
        1,
        "http://127.0.0.1:4317",
        None,
    )
