"""Retry policies of routes.

A call is sent again at the hop nearest to the service only. At the hop before the gateway, an
UNAVAILABLE that the gateway itself reports has been retried already; there only a connection that
broke is tried again, on another replica.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.envoy.durations import seconds
from mesh.envoy.methods import Method, Retry

if TYPE_CHECKING:
    from mesh.envoy.address import Json

_UNSENT = "connect-failure,refused-stream"
_BROKEN = f"{_UNSENT},reset"
_UNAVAILABLE = f"{_BROKEN},unavailable"
_RETRIES = 2
# Two slow tries, and the deadline ends the call during the third.
_TRIES_BEFORE_DEADLINE = 2.5


def retry_policy(method: Method, replicas: int) -> Json:
    """Returns Envoy's RetryPolicy of a method with that many replicas."""
    policy: Json = {
        "retry_on": _retry_on(method),
        "num_retries": _RETRIES,
        "retry_back_off": {"base_interval": seconds(0.02), "max_interval": seconds(0.2)},
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.retry.host"
                    ".previous_hosts.v3.PreviousHostsPredicate"
                },
            }
        ],
        "host_selection_retry_max_attempts": 5,
    }
    # Giving up a slow replica helps only where another can answer; alone, it would be asked twice.
    if method.retry is Retry.IDEMPOTENT and method.upstream != "gateway" and replicas > 1:
        policy["per_try_timeout"] = seconds(method.timeout_seconds / _TRIES_BEFORE_DEADLINE)
    return policy


def _retry_on(method: Method) -> str:
    if method.retry is Retry.UNSENT:
        return _UNSENT
    return _BROKEN if method.upstream == "gateway" else _UNAVAILABLE
