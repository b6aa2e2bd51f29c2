"""What the surroundings say to the launcher: the only reads of the environment in `mesh.local`.

An unset address means "start the local one", a set one means "use that". This is a plain
dataclass, not a pydantic one, because `sonica up` waits for its import.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# What children may see of our own environment, besides what concerns them alone.
_PASSED_ON = ("PATH", "HOME", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PASSED_ON_PREFIXES = (
    "SONICA_FINGERPRINT_",
    "SONICA_MATCH_",
    "SONICA_USER_",
    "SONICA_GATEWAY_",
    "SONICA_ENGINE_",
    "OTEL_",
)
_TRUE = ("1", "true", "yes", "on")


@dataclass(frozen=True)
class LocalSettings:
    """Which parts are somebody else's, and where programs lie.

    Attributes:
        data_dir: SONICA_DATA_DIR, else the platform's usual place.
        database_url: DATABASE_URL; a PostgreSQL of yours, else a local one is started.
        user_database_url: SONICA_USER_DATABASE_URL, else DATABASE_URL; the same for accounts.
        redis_url: REDIS_URL; a Redis of yours, else a local one where the program exists.
        user_redis_url: SONICA_USER_REDIS_URL, else REDIS_URL; the same for accounts.
        qdrant_address: QDRANT_ADDRESS, host:port of a Qdrant's gRPC, else the local engine.
        otlp_endpoint: OTEL_EXPORTER_OTLP_ENDPOINT; a collector, else files under `spans/`.
        envoy_path: SONICA_ENVOY_PATH, else Envoy from its wheel or from PATH.
        postgres_bin_dir: SONICA_POSTGRES_BIN_DIR with `initdb` and `postgres`, else the wheel's.
        redis_server_path: SONICA_REDIS_SERVER_PATH, else the wheel's or from PATH.
        open: SONICA_OPEN is true; nobody is asked for credentials, and nothing is limited.
        child_environment: variables of ours that children may see.
    """

    data_dir: Path
    database_url: str | None = field(default=None, repr=False)
    user_database_url: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    user_redis_url: str | None = field(default=None, repr=False)
    qdrant_address: str | None = None
    otlp_endpoint: str | None = None
    envoy_path: Path | None = None
    postgres_bin_dir: Path | None = None
    redis_server_path: Path | None = None
    open: bool = False
    child_environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_environment(
        cls, data_dir: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> LocalSettings:
        """Reads the settings.

        Args:
            data_dir: goes before SONICA_DATA_DIR.
            environment: read instead of the process's own.
        """
        env = os.environ if environment is None else environment

        def text(*names: str) -> str | None:
            return next((env[name] for name in names if env.get(name)), None)

        def path(name: str) -> Path | None:
            value = text(name)
            return Path(value).expanduser().absolute() if value else None

        folder = data_dir or path("SONICA_DATA_DIR") or usual_data_dir()
        return cls(
            data_dir=folder.expanduser().absolute(),
            database_url=text("SONICA_MATCH_DATABASE_URL", "DATABASE_URL"),
            user_database_url=text("SONICA_USER_DATABASE_URL", "DATABASE_URL"),
            user_redis_url=text("SONICA_USER_REDIS_URL", "REDIS_URL"),
            redis_url=text("SONICA_MATCH_REDIS_URL", "REDIS_URL"),
            qdrant_address=text("SONICA_MATCH_QDRANT_ADDRESS", "QDRANT_ADDRESS"),
            otlp_endpoint=text("OTEL_EXPORTER_OTLP_ENDPOINT"),
            envoy_path=path("SONICA_ENVOY_PATH"),
            postgres_bin_dir=path("SONICA_POSTGRES_BIN_DIR"),
            redis_server_path=path("SONICA_REDIS_SERVER_PATH"),
            open=(text("SONICA_OPEN") or "").lower() in _TRUE,
            child_environment={
                name: value
                for name, value in env.items()
                if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
            },
        )


def usual_data_dir() -> Path:
    """Returns where this platform keeps a user's application data, e.g. ~/.local/share/sonica."""
    import platformdirs

    return platformdirs.user_data_path("sonica")
