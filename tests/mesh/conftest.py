"""What tests of the whole mesh share: an environment that says nothing about where parts are."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

_SAY_WHERE_PARTS_ARE = (
    "DATABASE_URL",
    "REDIS_URL",
    "QDRANT_ADDRESS",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
)


@pytest.fixture(scope="session", autouse=True)
def everything_local() -> Iterator[None]:
    """Makes every part the local one, whatever the person who runs the tests has set."""
    with pytest.MonkeyPatch.context() as environment:
        ours = (name for name in os.environ if name.startswith("SONICA_"))
        for name in (*_SAY_WHERE_PARTS_ARE, *ours):
            environment.delenv(name, raising=False)
        yield
