"""Redis as a cache: in memory only, bounded, on a Unix socket only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mesh.local.layout import Layout
from mesh.local.part import Layer, Part, clearing
from mesh.local.readiness import redis_answers

NAME = "redis"
_MEMORY_MAX = "64mb"


def redis_part(layout: Layout, program: Path, environment: Mapping[str, str]) -> Part:
    """Returns the part; without it everything is right, only slower."""
    socket = layout.socket(NAME)
    options = (
        "--port 0 --unixsocketperm 700 --appendonly no --daemonize no --loglevel warning "
        f"--maxmemory {_MEMORY_MAX} --maxmemory-policy allkeys-lru --maxclients 200"
    )
    return Part(
        name=NAME,
        command=(program, *options.split(), "--save", "", "--unixsocket", socket),
        ready=redis_answers(socket),
        address=str(socket),
        environment=environment,
        layer=Layer.STORES,
        prepare=clearing(socket),
        optional=True,
    )


def redis_url(layout: Layout) -> str:
    """Returns what the services connect to."""
    return f"unix://{layout.socket(NAME)}"
