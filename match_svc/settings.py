"""Settings of match_svc: `SONICA_MATCH_*`."""

from __future__ import annotations

import os

from pydantic import Field, SecretStr

from mesh.runtime.settings import ServiceSettings, settings_config


class Settings(ServiceSettings):
    """What match_svc can be told. Nothing here changes a fingerprint or an answer."""

    model_config = settings_config("SONICA_MATCH_")

    database_url: SecretStr = Field(
        description="PostgreSQL 14 or later, as postgresql://...; the schema `catalog` is ours."
    )
    redis_url: SecretStr | None = Field(
        None, description="Redis for hot answers, redis:// or unix://; unset means none."
    )
    qdrant_address: str = Field(
        min_length=1, description="gRPC target of Qdrant or of the local engine."
    )
    qdrant_api_key: SecretStr | None = Field(
        None, description="API key of a Qdrant cluster; unset means none."
    )
    collection: str = Field(
        "sonica",
        pattern=r"^[a-z][a-z0-9_]{0,40}$",
        description="What the names of our collections in Qdrant, and keys in Redis, begin with.",
    )
    shard_number: int = Field(
        1, ge=1, le=1024, description="Shards of a collection we make; the local engine has one."
    )
    replication_factor: int = Field(
        1, ge=1, le=16, description="Copies of each shard in a Qdrant cluster."
    )
    database_pool_size: int = Field(
        16, ge=4, le=200, description="Most connections to PostgreSQL; writers use half of them."
    )
    store_timeout_seconds: float = Field(
        10.0, gt=0, le=300, description="Longest wait for one PostgreSQL statement or connection."
    )
    index_timeout_seconds: float = Field(
        10.0, gt=0, le=300, description="Longest wait for one Qdrant call."
    )
    redis_timeout_seconds: float = Field(
        0.05, gt=0, le=5, description="Longest wait for one Redis call."
    )
    cache_bytes: int = Field(
        33_554_432, ge=0, le=2**34, description="Memory for hot answers in this process."
    )
    answer_ttl_seconds: float = Field(
        300.0, gt=0, le=86_400, description="How long the answer to one clip may stay cached."
    )
    song_ttl_seconds: float = Field(
        3600.0, gt=0, le=604_800, description="How long a track's metadata may stay cached."
    )
    reconcile_interval_seconds: float = Field(
        5.0, gt=0, le=3600, description="Time between two looks for unfinished writes."
    )
    reconcile_grace_seconds: float = Field(
        10.0, ge=0, le=3600, description="Age at which an unfinished registration is taken over."
    )
    import_idle_seconds: float = Field(
        86_400.0,
        gt=0,
        le=2_592_000,
        description="An open import is ended when nothing was uploaded for so long.",
    )
    import_kept_seconds: float = Field(
        604_800.0,
        ge=0,
        le=31_536_000,
        description="How long an import that has ended can be asked about.",
    )
    import_sweep_interval_seconds: float = Field(
        60.0, gt=0, le=3600, description="Time between two looks for imports left alone."
    )
    worker_threads: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=256,
        description="Threads for validation, voting and alignment; unset means one a core.",
    )
