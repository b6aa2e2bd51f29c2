"""What holds for all tests: servers on this machine, and the same examples at any speed of it."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest

# A slow example is no failure, and a run tries what the run before it tried.
hypothesis.settings.register_profile(
    "sonica",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("sonica")

_PROXIES = ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy")


@pytest.fixture(scope="session", autouse=True)
def no_proxy() -> Iterator[None]:
    """Forgets the proxies: gRPC would send even calls to a loopback address there."""
    with pytest.MonkeyPatch.context() as environment:
        for name in _PROXIES:
            environment.delenv(name, raising=False)
            environment.delenv(name.upper(), raising=False)
        yield
