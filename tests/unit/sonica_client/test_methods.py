"""The client's deadlines and retries are those published beside the contracts.

Method: the table of `methods.py` is compared with the `*_grpc_service_config.json` files.
"""

from __future__ import annotations

import json
from pathlib import Path

from sonica_client.method import service_config
from sonica_client.methods import METHODS

from mesh.envoy.methods import METHODS as ROUTED

PROTO = Path(__file__).resolve().parents[3] / "proto" / "sonica"


def published() -> dict[tuple[str, str], tuple[float, bool]]:
    rows = {}
    for file in PROTO.rglob("*_grpc_service_config.json"):
        for config in json.loads(file.read_text())["methodConfig"]:
            for name in config["name"]:
                row = (float(config["timeout"].rstrip("s")), "retryPolicy" in config)
                rows[name["service"], name["method"]] = row
    return rows


def test_deadlines_and_retries_of_all_that_the_edge_offers_are_the_published_ones() -> None:
    offered = {(row.service, row.name) for row in ROUTED if row.exposed}
    expected = {name: row for name, row in published().items() if name in offered}
    assert {(m.service, m.name): (m.timeout_seconds, m.retried) for m in METHODS} == expected


def test_service_config_is_readable_by_grpc() -> None:
    (config,) = json.loads(service_config(METHODS))["methodConfig"]
    name = {"service": "sonica.recognition.v1.RecognitionService", "method": "Recognize"}
    assert name in config["name"]
    assert config["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]
