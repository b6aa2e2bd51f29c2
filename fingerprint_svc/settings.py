"""Settings of the fingerprint service, read from `SONICA_FINGERPRINT_*`."""

from __future__ import annotations

import tempfile

from pydantic import Field

from fingerprint_svc.model import WorkerLimits
from mesh.runtime.settings import ServiceSettings, settings_config

MIB = 1024 * 1024


class Settings(ServiceSettings):
    """What the fingerprint service can be told. None of it changes a fingerprint."""

    model_config = settings_config("SONICA_FINGERPRINT_")

    worker_count: int = Field(
        16, ge=1, le=256, description="Most worker processes; each takes one call at a time."
    )
    warm_worker_count: int = Field(
        2, ge=0, le=256, description="Workers started with the service, the others on demand."
    )
    queue_length: int = Field(
        64, ge=0, le=65_536, description="Calls that may wait for a worker; more are refused."
    )
    jobs_per_worker: int = Field(
        1_000, ge=1, le=1_000_000, description="Jobs after which a worker is replaced."
    )
    query_seconds_max: float = Field(
        15.0, gt=0, le=60, description="Most audio analysed of a query; the rest is cut."
    )
    reference_seconds_max: float = Field(
        14_400.0, gt=0, le=16_000, description="Longest reference; longer audio is refused."
    )
    query_bytes_max: int = Field(
        64 * MIB, ge=1024, le=1024 * MIB, description="Most bytes of one query stream."
    )
    reference_bytes_max: int = Field(
        1024 * MIB, ge=1024, le=16_384 * MIB, description="Most bytes of one reference stream."
    )
    channel_count_max: int = Field(
        8, ge=1, le=64, description="Most channels of a track that is mixed down."
    )
    query_wall_seconds_max: float = Field(
        30.0, gt=0, le=3_600, description="Time a worker may work on one query."
    )
    reference_wall_seconds_max: float = Field(
        300.0, gt=0, le=36_000, description="Time a worker may work on one reference."
    )
    idle_seconds_max: float = Field(
        30.0, gt=0, le=3_600, description="Longest wait for the next chunk of a stream."
    )
    memory_bytes_max: int = Field(
        512 * MIB,
        ge=MIB,
        le=65_536 * MIB,
        description="Memory one piece of audio may use in its worker (Linux).",
    )
    spool_memory_bytes: int = Field(
        16 * MIB,
        ge=0,
        le=1024 * MIB,
        description="What is held in memory, before disk, of a file whose header comes last.",
    )
    spool_folder: str = Field(
        default_factory=tempfile.gettempdir,
        description="Where that file lies, without a name; unset means the system's.",
    )

    def worker_limits(self) -> WorkerLimits:
        """Returns what each worker sets on itself."""
        return WorkerLimits(
            memory_bytes=self.memory_bytes_max,
            # Only a backstop for a server that cannot watch the clock any more.
            cpu_seconds=int(max(self.query_wall_seconds_max, self.reference_wall_seconds_max)) + 2,
            file_bytes=max(self.query_bytes_max, self.reference_bytes_max),
            spool_folder=self.spool_folder,
            spool_memory_bytes=self.spool_memory_bytes,
            channel_count_max=self.channel_count_max,
        )
