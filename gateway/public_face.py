"""What clients can call in the whole mesh: reflection at the edge is answered here for all."""

from __future__ import annotations

import importlib
from pathlib import Path

import sonica
from sonica.access.v1 import access_pb2


def public_services() -> tuple[str, ...]:
    """Returns the full names of the services with a method that is not for the mesh only.

    Imports their stubs.
    """
    found = []
    for folder in sonica.__path__:
        for file in sorted(Path(folder).rglob("*_service_pb2.py")):
            parts = file.relative_to(folder).with_suffix("").parts
            module = importlib.import_module(".".join(("sonica", *parts)))
            found += [
                service.full_name
                for service in module.DESCRIPTOR.services_by_name.values()
                if any(_is_public(method) for method in service.methods)
            ]
    return tuple(found)


def _is_public(method: object) -> bool:
    options = method.GetOptions()  # type: ignore[attr-defined] # protobuf's stubs lack it
    level = options.Extensions[access_pb2.access].level
    return bool(level != access_pb2.LEVEL_INTERNAL)
