"""One RPC as the client calls it: path, deadline, whether to retry, and the messages that travel.

`methods.py` has the table of them, made from the contracts and from the
`*_grpc_service_config.json` beside those.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

    import betterproto2

RequestT = TypeVar("RequestT", bound="betterproto2.Message")
ResponseT = TypeVar("ResponseT", bound="betterproto2.Message")


@dataclass(frozen=True)
class Method(Generic[RequestT, ResponseT]):
    """One RPC.

    Attributes:
        service: full name of its service.
        name: of the method.
        request: class of what is sent.
        response: class of what comes back.
        timeout_seconds: deadline when the caller states none.
        retried: sent again on UNAVAILABLE, because doing it twice is doing it once.
    """

    service: str
    name: str
    request: type[RequestT]
    response: type[ResponseT]
    timeout_seconds: float
    retried: bool = True

    @property
    def path(self) -> str:
        """Path of the call on the wire."""
        return f"/{self.service}/{self.name}"


def service_config(methods: Iterable[Method[Any, Any]]) -> str:
    """Returns gRPC's service config as JSON: the retries. Deadlines are set on each call."""
    retry = {
        "maxAttempts": 3,
        "initialBackoff": "0.1s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    names = [{"service": m.service, "method": m.name} for m in methods if m.retried]
    return json.dumps({"methodConfig": [{"name": names, "retryPolicy": retry}]})
