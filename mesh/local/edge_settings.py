"""What the surroundings say about the edge of a local mesh: its limits and its encryption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mesh.local.errors import LaunchError

_TRUE = ("1", "true", "yes", "on")
_NUMBER_MAX = 1_000_000
_HOPS_MAX = 16


@dataclass(frozen=True)
class EdgeSettings:
    """How the edge serves; see `mesh.envoy.plan.MeshPlan` for what each means.

    Attributes:
        anonymous_requests: SONICA_ANONYMOUS_REQUESTS; 0 is no limit.
        anonymous_window_seconds: SONICA_ANONYMOUS_WINDOW_SECONDS.
        credential_requests: SONICA_CREDENTIAL_REQUESTS; 0 is no limit.
        credential_window_seconds: SONICA_CREDENTIAL_WINDOW_SECONDS.
        authorization_requests: SONICA_AUTHORIZATION_REQUESTS; 0 is no limit.
        authorization_window_seconds: SONICA_AUTHORIZATION_WINDOW_SECONDS.
        trusted_hops: SONICA_TRUSTED_HOPS; proxies before the edge that are believed.
        own_certificate: SONICA_TLS is true; TLS with a certificate that the launcher makes.
        tls_certificate: SONICA_TLS_CERTIFICATE, a PEM file; TLS with a certificate of yours.
        tls_private_key: SONICA_TLS_PRIVATE_KEY, its key.
        insecure: SONICA_INSECURE_EDGE is true; in clear even where other machines reach it.
        mtls: SONICA_MTLS is true; Envoy and the services prove to each other who they are.
    """

    anonymous_requests: int = 100
    anonymous_window_seconds: int = 900
    credential_requests: int = 30
    credential_window_seconds: int = 900
    authorization_requests: int = 6_000
    authorization_window_seconds: int = 60
    trusted_hops: int = 0
    own_certificate: bool = False
    tls_certificate: Path | None = None
    tls_private_key: Path | None = None
    insecure: bool = False
    mtls: bool = False

    @property
    def has_tls(self) -> bool:
        """Whether clients are served encrypted."""
        return self.own_certificate or self.tls_certificate is not None

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> EdgeSettings:
        """Reads the settings.

        Raises:
            LaunchError: a number is none or out of bounds, or a certificate has no key.
        """

        def number(name: str, default: int, low: int, high: int = _NUMBER_MAX) -> int:
            text = env.get(name) or str(default)
            if not text.isdecimal() or not low <= int(text) <= high:
                raise LaunchError(f"{name} is {text!r}; it must be {low} to {high}")
            return int(text)

        def path(name: str) -> Path | None:
            return Path(env[name]).expanduser().absolute() if env.get(name) else None

        def flag(name: str) -> bool:
            return env.get(name, "").lower() in _TRUE

        certificate, private_key = path("SONICA_TLS_CERTIFICATE"), path("SONICA_TLS_PRIVATE_KEY")
        if (certificate is None) != (private_key is None):
            raise LaunchError(
                "SONICA_TLS_CERTIFICATE and SONICA_TLS_PRIVATE_KEY belong together",
                "Set both, or neither; SONICA_TLS=true makes a certificate for this machine.",
            )
        for file in (certificate, private_key):
            if file is not None and not file.is_file():
                raise LaunchError(f"there is no file {file}", "It is needed for TLS at the edge.")
        return cls(
            anonymous_requests=number("SONICA_ANONYMOUS_REQUESTS", 100, 0),
            anonymous_window_seconds=number("SONICA_ANONYMOUS_WINDOW_SECONDS", 900, 1),
            credential_requests=number("SONICA_CREDENTIAL_REQUESTS", 30, 0),
            credential_window_seconds=number("SONICA_CREDENTIAL_WINDOW_SECONDS", 900, 1),
            authorization_requests=number("SONICA_AUTHORIZATION_REQUESTS", 6_000, 0),
            authorization_window_seconds=number("SONICA_AUTHORIZATION_WINDOW_SECONDS", 60, 1),
            trusted_hops=number("SONICA_TRUSTED_HOPS", 0, 0, _HOPS_MAX),
            own_certificate=flag("SONICA_TLS") and certificate is None,
            tls_certificate=certificate,
            tls_private_key=private_key,
            insecure=flag("SONICA_INSECURE_EDGE"),
            mtls=flag("SONICA_MTLS"),
        )


@dataclass(frozen=True)
class EdgeOptions:
    """What a person says on the command line; it goes before the environment.

    Attributes:
        tls: serve clients encrypted, with a certificate made here unless another is set.
        insecure: serve them in clear even where other machines reach the edge.
    """

    tls: bool = False
    insecure: bool = False

    def over(self, settings: EdgeSettings) -> EdgeSettings:
        """Returns settings that these options have been added to."""
        return replace(
            settings,
            own_certificate=(self.tls or settings.own_certificate)
            and settings.tls_certificate is None,
            insecure=self.insecure or settings.insecure,
        )

    def arguments(self) -> list[str]:
        """Returns the options as `python -m mesh.local` takes them."""
        return [*(["--tls"] if self.tls else []), *(["--insecure"] if self.insecure else [])]


NOTHING_SAID = EdgeOptions()
