"""Settings of the gateway, `SONICA_GATEWAY_*`."""

from __future__ import annotations

from pydantic import Field

from mesh.runtime.settings import ServiceSettings, settings_config


class Settings(ServiceSettings):
    """Where the other services are reached, on top of what every service can be told."""

    model_config = settings_config("SONICA_GATEWAY_")

    mesh_address: str = Field(
        min_length=1,
        description="Where the proxy's internal listener answers: host:port or unix:/path.",
    )
    streams_per_caller_max: int = Field(
        16,
        ge=0,
        le=65_536,
        description="Streams of recognition of one account or address at once; 0 is no limit.",
    )
    second_look: bool = Field(
        False,
        description="Whether a clip nobody recognised is analysed again at other pitches.",
    )
    second_look_count_max: int = Field(
        4,
        ge=1,
        le=4096,
        description="Second looks under way at once; further clips keep their first answer.",
    )
