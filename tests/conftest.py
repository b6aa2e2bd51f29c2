"""What holds for all tests: every server is on this machine, whatever proxy the shell names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

_PROXIES = ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy")


@pytest.fixture(scope="session", autouse=True)
def no_proxy() -> Iterator[None]:
    """Forgets the proxies: gRPC would send even calls to a loopback address there."""
    with pytest.MonkeyPatch.context() as environment:
        for name in _PROXIES:
            environment.delenv(name, raising=False)
            environment.delenv(name.upper(), raising=False)
        yield
