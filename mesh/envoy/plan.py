"""What differs from one mesh to another: addresses, sizes, and where traces go.

Everything else (routes, deadlines, retries, limits of bodies) is the same everywhere and stands
in the modules beside this one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from mesh.envoy.address import AddressError, envoy_address, needs_resolver

LOCAL_ORIGINS = ("http://localhost", "http://localhost:*", "http://127.0.0.1", "http://127.0.0.1:*")


class PlanError(ValueError):
    """A plan cannot be built; the message names the field and says what to change."""


@dataclass(frozen=True)
class MeshPlan:
    """One Envoy and what it connects.

    Attributes:
        edge: `host:port` on which clients are served: gRPC, gRPC-Web and REST.
        internal: `unix:/path` or `host:port` on which services reach each other.
        gateway: endpoints of RecognitionService, `unix:/path` or `host:port`, 1 or more.
        fingerprint: endpoints of FingerprintService.
        match: endpoints of MatchingService and CatalogService.
        user: endpoints of the services of `sonica.user.v1`.
        user_keys: endpoints at which user_svc serves its key set over HTTP; needed unless `open`.
        open: nobody is asked for credentials, and nothing is limited: for private networks only.
        issuer: `iss` of access tokens, as in the settings of user_svc.
        audience: `aud` of access tokens, as in the settings of user_svc.
        admin: `unix:/path` (or `host:port` of a trusted network) of Envoy's admin interface.
        otlp: OTLP/gRPC collector; None sends no spans.
        access_log: file that gets one JSON line a request; None means standard output.
        trace_sample_percent: share of traces begun here that are kept, 0 to 100.
        allowed_origins: web origins whose pages may call; `*` stands for a port or a label.
        concurrency: worker threads of Envoy, 1 to 128.
        max_connections: client connections at once; more are closed at once.
        max_calls: calls in flight to one service at once; more end as UNAVAILABLE.
        max_waiting_calls: calls that wait for a connection to one service; Envoy also counts those
            that wait for the very first one, so fewer than 128 refuses honest bursts.
    """

    edge: str
    internal: str
    gateway: tuple[str, ...]
    fingerprint: tuple[str, ...]
    match: tuple[str, ...]
    user: tuple[str, ...]
    admin: str
    user_keys: tuple[str, ...] = ()
    open: bool = False
    issuer: str = "sonica"
    audience: str = "sonica"
    otlp: str | None = None
    access_log: str | None = None
    trace_sample_percent: float = 100.0
    allowed_origins: tuple[str, ...] = LOCAL_ORIGINS
    concurrency: int = 1
    max_connections: int = 4096
    max_calls: int = 512
    max_waiting_calls: int = 512

    #: For `from_json`: a misspelt field must not be a silent default.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    def __post_init__(self) -> None:
        """Refuses what Envoy would refuse later, or would accept and misunderstand."""
        for name in ("edge", "internal", "admin", "otlp"):
            if getattr(self, name) is not None:
                _check_addresses(name, (getattr(self, name),))
        for name in ("gateway", "fingerprint", "match", "user"):
            _check_addresses(name, getattr(self, name))
        if self.user_keys:
            _check_addresses("user_keys", self.user_keys)
        elif not self.open:
            raise PlanError(
                "user_keys is missing: the addresses of SONICA_USER_JWKS_LISTEN, by which access "
                "tokens are verified; or set open, and nobody is asked for credentials"
            )
        for name, low, high in (
            ("trace_sample_percent", 0, 100),
            ("concurrency", 1, 128),
            ("max_connections", 1, 1_000_000),
            ("max_calls", 1, 1_000_000),
            ("max_waiting_calls", 1, 1_000_000),
        ):
            if not low <= getattr(self, name) <= high:
                raise PlanError(f"{name} is {getattr(self, name)}; it must be {low} to {high}")

    def to_json(self) -> str:
        """Returns the plan as a JSON object, one key a field."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> MeshPlan:
        """Reads what `to_json` wrote, or a person; optional fields may be left out.

        Raises:
            PlanError: not JSON, an unknown or missing field, or a value out of bounds.
        """
        try:
            return TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            reasons = [f"{'.'.join(map(str, e['loc']))} {e['msg']}".strip() for e in error.errors()]
            raise PlanError("; ".join(reasons)) from error


def _check_addresses(name: str, addresses: tuple[str, ...]) -> None:
    """Checks one field; host names and sockets cannot share a cluster in Envoy."""
    if isinstance(addresses, str) or not addresses:
        raise PlanError(f"{name} needs a list of at least one address")
    try:
        kinds = {(needs_resolver(address), *envoy_address(address)) for address in addresses}
    except AddressError as error:
        raise PlanError(f"{name}: {error}") from error
    if any(kind[0] for kind in kinds) and len(kinds) > 1:
        raise PlanError(f"{name} mixes host names with other addresses: {', '.join(addresses)}")
