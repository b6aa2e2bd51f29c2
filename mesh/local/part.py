"""A part of the mesh as the supervisor sees it: how to start it, know it ready, and end it."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from mesh.local.account import Account
from mesh.local.guard import Guard
from mesh.local.readiness import Probe


class Layer(IntEnum):
    """What rests on what, lowest first."""

    TELEMETRY = 0
    STORES = 1
    SERVICES = 2
    GATEWAY = 3
    PROXY = 4


Prepare = Callable[[Guard], Awaitable[None]]


@dataclass(frozen=True)
class Part:
    """One program of the mesh.

    Attributes:
        name: of the part and of its log.
        command: program and arguments.
        ready: probe that holds once the part answers.
        address: where it answers, for people.
        environment: all of its environment.
        account: user it runs as; None is the current one.
        prepare: what must be done before each start, e.g. removing a stale socket.
        layer: parts of a higher layer end before those of a lower one; see `Layer`.
        after: parts that must be ready before this one is started.
        optional: the mesh works without it, and starts even when it does not.
        stop_signal: what asks it to end.
        stop_seconds: how long it may take to; then it is killed.
    """

    name: str
    command: Sequence[str | Path]
    ready: Probe
    address: str
    environment: Mapping[str, str] = field(repr=False)
    layer: Layer
    account: Account | None = None
    prepare: Prepare | None = None
    after: tuple[str, ...] = ()
    optional: bool = False
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 5.0


def clearing(*sockets: Path) -> Prepare:
    """Returns a `prepare` that removes the sockets a killed part left."""

    async def prepare(_guard: Guard) -> None:
        for socket in sockets:
            socket.unlink(missing_ok=True)

    return prepare
