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
