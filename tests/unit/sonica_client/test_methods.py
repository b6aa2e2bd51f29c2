"""The client's deadlines and retries are those published beside the contracts.

Method: the table of `methods.py` is compared with the `*_grpc_service_config.json` files.
"""

from __future__ import annotations

import json
from pathlib import Path

from sonica_client.methods import METHODS, service_config

PROTO = Path(__file__).resolve().parents[3] / "proto" / "sonica"


def published() -> dict[tuple[str, str], tuple[float, bool]]:
    rows = {}
    for service in ("recognition", "catalog", "user"):
        file = PROTO / service / "v1" / f"{service}_grpc_service_config.json"
        for config in json.loads(file.read_text())["methodConfig"]:
            for name in config["name"]:
                row = (float(config["timeout"].rstrip("s")), "retryPolicy" in config)
                rows[name["service"], name["method"]] = row
    return rows


def test_deadlines_and_retries_are_the_published_ones() -> None:
    expected = published()
    # For services only: a program registers through RegisterTrack and ImportTracks.
    del expected["sonica.catalog.v1.CatalogService", "CreateTrack"]
    # For REST: whoever speaks gRPC has StreamingRecognize.
    del expected["sonica.recognition.v1.RecognitionService", "RecognizeUpload"]
    # For callers without streams.
    del expected["sonica.recognition.v1.RecognitionService", "UploadImportItem"]
    for service, method in list(expected):
        if service.endswith((".ImportService", ".OperationService")):
            del expected[service, method]
    assert {(m.service, m.name): (m.timeout_seconds, m.retried) for m in METHODS} == expected


def test_service_config_is_readable_by_grpc() -> None:
    (config,) = json.loads(service_config())["methodConfig"]
    assert {"service": METHODS[0].service, "method": "Recognize"} in config["name"]
    assert config["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]
