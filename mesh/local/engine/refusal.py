"""Answers every RPC of a service that a servicer does not implement with a typed UNIMPLEMENTED."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.descriptor import ServiceDescriptor

from mesh.local.engine.errors import UnsupportedError

_Servicer = TypeVar("_Servicer", bound=type)


def refuses_the_rest(service: ServiceDescriptor) -> Callable[[_Servicer], _Servicer]:
    """Returns a class decorator that fills in the methods of `service` a class does not define."""

    def decorate(servicer: _Servicer) -> _Servicer:
        for method in service.methods:
            if method.name not in vars(servicer):
                setattr(servicer, method.name, _refusal(f"{service.full_name}/{method.name}"))
        return servicer

    return decorate


def _refusal(name: str) -> Callable[..., Any]:
    async def refuse(_self: object, _request: object, _context: object) -> None:
        raise UnsupportedError(f"{name} is not served by the local engine; use a Qdrant server")

    return refuse
