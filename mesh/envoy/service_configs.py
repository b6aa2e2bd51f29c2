"""Deadlines and retries of every method in gRPC's own form, for clients in any language.

`python -m mesh.envoy.service_configs` writes one file beside the contracts of each package.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from mesh.envoy.contracts import rpcs
from mesh.envoy.durations import seconds
from mesh.envoy.methods import METHODS, Retry

if TYPE_CHECKING:
    from mesh.envoy.address import Json

_PROTO = Path(__file__).resolve().parents[2] / "proto"


def service_config(package: str) -> Json:
    """Returns the gRPC service config of the services of one package.

    Only UNAVAILABLE is retried, and only where doing it twice is the same as doing it once.
    Streams get their longest duration; their caller ends them.
    """
    streams = {(rpc.service, rpc.name) for rpc in rpcs() if rpc.streaming}
    configs = []
    for row in (row for row in METHODS if _package(row.service) == package):
        streaming = (row.service, row.name) in streams
        deadline = row.longest_seconds if streaming else row.timeout_seconds
        config: Json = {
            "name": [{"service": row.service, "method": row.name}],
            "timeout": seconds(deadline),
        }
        if row.retry is Retry.IDEMPOTENT and not streaming:
            config["retryPolicy"] = {
                "maxAttempts": 3,
                "initialBackoff": seconds(0.1),
                "maxBackoff": seconds(2),
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            }
        configs.append(config)
    return {"methodConfig": [*configs]}


def files() -> dict[Path, str]:
    """Returns the text of each file, by its path."""
    texts = {}
    for package in dict.fromkeys(_package(row.service) for row in METHODS):
        folders = package.split(".")
        path = _PROTO.joinpath(*folders, f"{folders[-2]}_grpc_service_config.json")
        texts[path] = json.dumps(service_config(package), indent=2) + "\n"
    return texts


def _package(service: str) -> str:
    return service.rpartition(".")[0]


def main() -> None:
    """Writes all files."""
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
