"""What differs from one mesh to another: addresses, sizes, and where traces go.

Everything else (routes, deadlines, retries, limits of bodies) is the same everywhere and stands
in the modules beside this one.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from mesh.envoy.address import (
    UNIX_PREFIX,
    AddressError,
    envoy_address,
    is_loopback,
    needs_resolver,
)

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
        reflection: whether the edge answers gRPC reflection; for development.
        issuer: `iss` of access tokens, as in the settings of user_svc.
        audience: `aud` of access tokens, as in the settings of user_svc.
        admin: `unix:/path` (or `host:port` of a trusted network) of Envoy's admin interface.
        tls_certificate: PEM file of the edge's certificate and those that vouch for it; None means
            no TLS there.
        tls_private_key: PEM file of its key.
        insecure_edge: serve clients in clear even where other machines reach the edge.
        mtls: whether Envoy and the services prove to each other who they are; None means that they
            do unless all addresses of the mesh are socket files or of this machine alone.
        mtls_certificate: PEM file of Envoy's certificate for `spiffe://sonica/envoy`.
        mtls_private_key: PEM file of its key.
        mtls_ca: PEM file of those who vouch for certificates of the mesh.
        secrets_dir: folder for the files that name certificates to Envoy; needed with any.
        otlp: OTLP/gRPC collector; None sends no spans.
        access_log: file that gets one JSON line a request; None means standard output.
        trace_sample_percent: share of traces begun here that are kept, 0 to 100.
        allowed_origins: web origins whose pages may call; `*` stands for a port or a label.
        concurrency: worker threads of Envoy, 1 to 128.
        anonymous_requests: calls without credentials at once from one address, of IPv6 one /64;
            as many come again within the window. 0 is no limit.
        anonymous_window_seconds: 1 to 86,400.
        credential_requests: calls that register, log in or refresh, in the same way.
        credential_window_seconds: 1 to 86,400.
        authorization_requests: calls about which user_svc is asked, in the same way: with an API
            key, or to what not everybody may call.
        authorization_window_seconds: 1 to 86,400.
        max_limited_addresses: addresses counted at once; the one silent longest begins anew.
        limit_timeout_seconds: longest wait for the count of a known caller; then the call passes.
        trusted_hops: proxies before this one that are believed when they say, in x-forwarded-for,
            whose call they pass on; 0 to 16. More than there are, and callers say it themselves.
        max_heap_bytes: memory of Envoy, 64 MiB or more; near it the largest requests are ended and
            then new ones are refused.
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
    reflection: bool = False
    issuer: str = "sonica"
    audience: str = "sonica"
    tls_certificate: str | None = None
    tls_private_key: str | None = None
    insecure_edge: bool = False
    mtls: bool | None = None
    mtls_certificate: str | None = None
    mtls_private_key: str | None = None
    mtls_ca: str | None = None
    secrets_dir: str | None = None
    otlp: str | None = None
    access_log: str | None = None
    trace_sample_percent: float = 100.0
    allowed_origins: tuple[str, ...] = LOCAL_ORIGINS
    concurrency: int = 1
    anonymous_requests: int = 100
    anonymous_window_seconds: int = 900
    credential_requests: int = 30
    credential_window_seconds: int = 900
    authorization_requests: int = 6_000
    authorization_window_seconds: int = 60
    max_limited_addresses: int = 65_536
    limit_timeout_seconds: float = 0.5
    trusted_hops: int = 0
    max_heap_bytes: int = 1024**3
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
            ("anonymous_requests", 0, 1_000_000),
            ("anonymous_window_seconds", 1, 86_400),
            ("credential_requests", 0, 1_000_000),
            ("credential_window_seconds", 1, 86_400),
            ("authorization_requests", 0, 1_000_000),
            ("authorization_window_seconds", 1, 86_400),
            ("max_limited_addresses", 1, 1_000_000),
            ("limit_timeout_seconds", 0.01, 60),
            ("trusted_hops", 0, 16),
            ("max_heap_bytes", 64 * 1024**2, 1024**4),
            ("max_connections", 1, 1_000_000),
            ("max_calls", 1, 1_000_000),
            ("max_waiting_calls", 1, 1_000_000),
        ):
            if not low <= getattr(self, name) <= high:
                raise PlanError(f"{name} is {getattr(self, name)}; it must be {low} to {high}")
        _check_encryption(self)

    @property
    def uses_mtls(self) -> bool:
        """Whether Envoy and the services prove to each other who they are."""
        if self.mtls is not None:
            return self.mtls
        services = (*self.gateway, *self.fingerprint, *self.match, *self.user, *self.user_keys)
        inside = (self.internal, *services)
        return any(not _is_of_this_machine(address) for address in inside)

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


def _check_encryption(plan: MeshPlan) -> None:
    """Refuses what would be sent in clear by mistake, and certificates without their keys."""
    has_tls = plan.tls_certificate is not None
    if has_tls != (plan.tls_private_key is not None):
        raise PlanError("tls_certificate and tls_private_key belong together: set both, or neither")
    if not (has_tls or plan.insecure_edge or _is_of_this_machine(plan.edge)):
        raise PlanError(
            f"edge is {plan.edge}, which other machines reach: set tls_certificate and "
            "tls_private_key, or insecure_edge, and passwords and keys travel in clear"
        )
    if plan.uses_mtls:
        for name in ("mtls_certificate", "mtls_private_key", "mtls_ca"):
            if getattr(plan, name) is None:
                raise PlanError(
                    f"{name} is missing: addresses of the mesh are reached from other machines, "
                    "or mtls is set; set it, or set mtls to false where the network is trusted"
                )
    if (has_tls or plan.uses_mtls) and plan.secrets_dir is None:
        raise PlanError("secrets_dir is missing: Envoy finds its certificates by files in there")


def _is_of_this_machine(address: str) -> bool:
    return address.startswith(UNIX_PREFIX) or is_loopback(address)


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
