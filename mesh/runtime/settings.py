"""Settings of a process, read from the environment once, at its start.

Owns the only reads of environment variables in the services. A variable that carries a service's
prefix but names no setting stops the start: a misspelt limit must not be a silent default.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mesh.runtime.tls import CertificateFiles

UNIX_PREFIX = "unix:"


def settings_config(prefix: str) -> SettingsConfigDict:
    """Returns the model configuration of one service's settings.

    Args:
        prefix: what its environment variables begin with, e.g. `SONICA_MATCH_`.
    """
    return SettingsConfigDict(
        env_prefix=prefix,
        frozen=True,
        extra="forbid",
        # A rejected value may be a secret, or hold one (a database URL).
        hide_input_in_errors=True,
        env_ignore_empty=True,
    )


def split_host_port(address: str) -> tuple[str, int]:
    """Splits `host:port`, e.g. `127.0.0.1:0` or `[::1]:8080`; port 0 to 65535.

    Raises:
        ValueError: the address has another form.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{address!r} is not an address; write host:port or unix:/path")
    return host, int(port)


def check_listen(address: str) -> str:
    """Returns an address to listen on as it is.

    Raises:
        ValueError: it is neither `host:port` nor `unix:/path`.
    """
    if address.startswith(UNIX_PREFIX):
        path = address.removeprefix(UNIX_PREFIX)
        # sun_path holds 104 bytes on macOS, 108 on Linux, its final zero included.
        if not path.startswith("/") or len(os.fsencode(path)) > 103:
            raise ValueError(f"{address!r} needs an absolute path of at most 103 bytes")
    else:
        split_host_port(address)
    return address


def _check_host_port(address: str) -> str:
    split_host_port(address)
    return address


class ServiceSettings(BaseSettings):
    """What every service can be told; a service adds its own fields and its prefix."""

    model_config = settings_config("SONICA_")

    listen: Annotated[str, AfterValidator(check_listen)] = Field(
        "127.0.0.1:0", description="Where the service answers: host:port or unix:/path."
    )
    max_concurrent_rpcs: int = Field(
        256, ge=1, le=65_536, description="Calls worked on at once; more are refused as busy."
    )
    drain_timeout_seconds: float = Field(
        10.0, ge=0, le=3600, description="On stop, how long calls in flight may go on."
    )
    drain_delay_seconds: float = Field(
        0.0,
        ge=0,
        le=300,
        description="On stop, time between NOT_SERVING and refusing calls: 2 x health interval.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least severe log record that is written."
    )
    reflection: bool = Field(True, description="Whether gRPC reflection is served.")
    max_message_bytes: int = Field(
        33_554_432, ge=4096, le=1_073_741_824, description="Largest message, either way."
    )
    metrics_listen: Annotated[str, AfterValidator(_check_host_port)] | None = Field(
        None, description="host:port of a Prometheus endpoint; unset means none."
    )
    tls_certificate: Path | None = Field(
        None, description="PEM file of the service's certificate in the mesh; unset means no TLS."
    )
    tls_private_key: Path | None = Field(None, description="PEM file of its key.")
    tls_ca: Path | None = Field(
        None, description="PEM file of those who vouch for certificates in the mesh."
    )
    tls_peers: str = Field(
        "spiffe://sonica/envoy",
        min_length=1,
        description="Names in the certificates of those who may call, with commas between.",
    )

    @property
    def certificate_files(self) -> CertificateFiles | None:
        """What the service proves itself with in the mesh; None means no TLS."""
        if self.tls_certificate is None or self.tls_private_key is None or self.tls_ca is None:
            return None
        return CertificateFiles(self.tls_certificate, self.tls_private_key, self.tls_ca)

    @property
    def allowed_peers(self) -> frozenset[str]:
        """Names of those who may call; empty means everybody, without TLS."""
        if self.certificate_files is None:
            return frozenset()
        return frozenset(name.strip() for name in self.tls_peers.split(","))

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        files = (self.tls_certificate, self.tls_private_key, self.tls_ca)
        if any(files) and not all(files):
            raise ValueError("tls_certificate, tls_private_key and tls_ca belong together")
        return self

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_variables(cls, values: Any) -> Any:
        prefix = cls.model_config.get("env_prefix", "").upper()
        if cls is ServiceSettings:
            return values  # without a service's own prefix every SONICA_ variable would be ours
        known = [name.upper() for name in cls.model_fields]
        for variable in sorted(os.environ):
            name = variable.upper().removeprefix(prefix)
            if variable.upper().startswith(prefix) and name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                hint = (
                    f"did you mean {prefix}{close[0]}?" if close else f"known: {', '.join(known)}"
                )
                raise ValueError(f"unknown setting {variable}; {hint}")
        return values


class ProcessSettings(BaseSettings):
    """What the surroundings of a process say to it, whatever the service."""

    model_config = SettingsConfigDict(
        frozen=True, populate_by_name=True, extra="ignore", env_ignore_empty=True
    )

    exit_with_parent: int = Field(
        0,
        ge=0,
        validation_alias="SONICA_EXIT_WITH_PARENT",
        description="1: stop when the parent process dies. A larger number is the parent's pid.",
    )
    otlp_endpoint: str | None = Field(
        None,
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="OTLP/gRPC collector for spans; unset means none are exported.",
    )
    traces_sampler: str | None = Field(
        None,
        validation_alias="OTEL_TRACES_SAMPLER",
        description="Standard sampler name; unset means every trace when spans are exported.",
    )
