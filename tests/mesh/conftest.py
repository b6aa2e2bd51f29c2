"""What tests of the whole mesh share: an environment that says nothing about where parts are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

_SAY_WHERE_PARTS_ARE = (
    "DATABASE_URL",
    "REDIS_URL",
    "QDRANT_ADDRESS",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "SONICA_DATA_DIR",
    "SONICA_ADDRESS",
    "SONICA_API_KEY",
    "SONICA_OPEN",
    "SONICA_ENVOY_PATH",
    "SONICA_POSTGRES_BIN_DIR",
    "SONICA_REDIS_SERVER_PATH",
    "SONICA_MATCH_DATABASE_URL",
    "SONICA_MATCH_REDIS_URL",
    "SONICA_MATCH_QDRANT_ADDRESS",
    "SONICA_USER_DATABASE_URL",
    "SONICA_USER_REDIS_URL",
)


@pytest.fixture(scope="session", autouse=True)
def everything_local() -> Iterator[None]:
    """Makes every part the local one, whatever the person who runs the tests has set."""
    with pytest.MonkeyPatch.context() as environment:
        for name in _SAY_WHERE_PARTS_ARE:
            environment.delenv(name, raising=False)
        yield
