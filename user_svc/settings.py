"""Settings of user_svc: `SONICA_USER_*`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from mesh.runtime.settings import ServiceSettings, check_listen, settings_config


def _half_of_the_processors() -> int:
    """Returns threads such that a flood of log-ins leaves processors to recognition."""
    ours = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return max(1, min(4, ours // 2))


class Settings(ServiceSettings):
    """What user_svc can be told. The defaults of Argon2id are those OWASP names."""

    model_config = settings_config("SONICA_USER_")

    database_url: SecretStr = Field(
        description="PostgreSQL 14 or later, as postgresql://...; the schema `users` is ours."
    )
    redis_url: SecretStr | None = Field(
        None,
        description="Redis in which replicas count failed log-ins, redis:// or unix://; unset "
        "means that each counts its own.",
    )
    jwks_listen: Annotated[str, AfterValidator(check_listen)] | None = Field(
        None,
        description="Where the proxy fetches /.well-known/jwks.json over HTTP: host:port or "
        "unix:/path; unset means nowhere.",
    )
    operator_key_file: Path | None = Field(
        None,
        description="File with the operator's key, which may do everything without an account; "
        "unset means that there is none.",
    )
    database_pool_size: int = Field(8, ge=2, le=200, description="Most connections to PostgreSQL.")
    store_timeout_seconds: float = Field(
        10.0, gt=0, le=300, description="Longest wait for one PostgreSQL statement or connection."
    )
    redis_timeout_seconds: float = Field(
        0.25, gt=0, le=5, description="Longest wait for one Redis call."
    )
    issuer: str = Field(
        "sonica", min_length=1, max_length=200, description="`iss` of access tokens."
    )
    audience: str = Field(
        "sonica", min_length=1, max_length=200, description="`aud` of access tokens."
    )
    access_ttl_seconds: int = Field(
        900, ge=60, le=3600, description="How long an access token is good."
    )
    refresh_ttl_seconds: int = Field(
        2_592_000, ge=60, le=31_536_000, description="How long a session may go without a refresh."
    )
    session_ttl_seconds: int = Field(
        7_776_000, ge=60, le=31_536_000, description="How long a session may be refreshed at all."
    )
    signing_key_seconds: int = Field(
        2_592_000, ge=60, le=31_536_000, description="How long one key signs before the next does."
    )
    max_sessions: int = Field(
        20, ge=1, le=1000, description="Sessions of one account; a further one ends the oldest."
    )
    max_api_keys: int = Field(
        20, ge=1, le=1000, description="Keys of one account that are not revoked."
    )
    argon2_memory_kib: int = Field(
        19_456, ge=7168, le=1_048_576, description="Memory of one Argon2id hash."
    )
    argon2_passes: int = Field(2, ge=1, le=16, description="Passes of one Argon2id hash.")
    argon2_lanes: int = Field(1, ge=1, le=16, description="Lanes of one Argon2id hash.")
    hashing_threads: int = Field(
        default_factory=_half_of_the_processors,
        ge=1,
        le=64,
        description="Hashes computed at once; unset means one for two cores, at most 4.",
    )
    max_message_bytes: int = Field(
        1_048_576, ge=4096, le=33_554_432, description="Largest message, either way."
    )
    max_waiting_hashes: int = Field(
        64, ge=0, le=4096, description="Hashes that wait for a thread; more are refused as busy."
    )
    max_failed_attempts: int = Field(
        10,
        ge=1,
        le=1000,
        description="Wrong passwords for one account from one address, of IPv6 one /64, before "
        "it has to wait.",
    )
    attempt_window_seconds: int = Field(
        900, ge=1, le=86_400, description="How long wrong passwords count."
    )
