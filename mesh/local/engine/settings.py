"""Settings of the local vector engine; every variable begins with `SONICA_ENGINE_`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from mesh.runtime.settings import ServiceSettings, settings_config


class Settings(ServiceSettings):
    """What the local vector engine can be told."""

    model_config = settings_config("SONICA_ENGINE_")

    data_dir: Path = Field(description="Folder that holds all collections; one server at a time.")
    max_concurrent_rpcs: int = Field(
        64, ge=1, le=65_536, description="Calls worked on at once; more are refused as busy."
    )
    seal_points: int = Field(
        10_000, ge=10, le=1_000_000, description="Fresh points that start a build of their index."
    )
    idle_seal_points: int = Field(
        1_000, ge=1, le=1_000_000, description="Fresh points that are worth a build when idle."
    )
    idle_seal_seconds: float = Field(
        5.0, ge=0.1, le=3600, description="Quiet time without writes that counts as idle."
    )
    max_unindexed_points: int = Field(
        250_000, ge=1_000, le=10_000_000, description="Fresh points held before writes must wait."
    )
    write_wait_seconds: float = Field(
        60.0, ge=0, le=600, description="Longest wait of a write for a build before it is refused."
    )
    build_threads: int = Field(
        0, ge=0, le=256, description="Threads of one index build; 0 means one for each processor."
    )
