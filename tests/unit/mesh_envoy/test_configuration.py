"""Aim: the configuration follows the contracts, and a wrong plan never becomes one.

Method: the tables are compared with the descriptor set; real Envoy judges what is generated.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mesh.envoy import service_configs
from mesh.envoy.address import AddressError, envoy_address
from mesh.envoy.bootstrap import bootstrap
from mesh.envoy.contracts import rpcs
from mesh.envoy.methods import METHODS, Retry
from mesh.envoy.plan import MeshPlan, PlanError
from mesh.envoy.program import EnvoyConfigError, command, validate
from mesh.envoy.tls import spiffe_id, write_secrets
from mesh.local.certificates import Authority

ROOT = Path(__file__).resolve().parents[3]
PLAN = MeshPlan(
    edge="127.0.0.1:18080",
    internal="unix:/run/sonica/internal",
    gateway=("unix:/run/sonica/gateway",),
    fingerprint=("unix:/run/sonica/fingerprint",),
    match=("unix:/run/sonica/match",),
    user=("unix:/run/sonica/user",),
    user_keys=("unix:/run/sonica/keys",),
    admin="unix:/run/sonica/admin",
)


def listener(name: str, plan: MeshPlan = PLAN) -> dict[str, Any]:
    config: Any = bootstrap(plan)
    found = next(x for x in config["static_resources"]["listeners"] if x["name"] == name)
    manager: dict[str, Any] = found["filter_chains"][0]["filters"][0]["typed_config"]
    return manager


def routes(name: str, plan: MeshPlan = PLAN) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = listener(name, plan)["route_config"]["virtual_hosts"][0]["routes"]
    return found


def test_every_rpc_of_the_contracts_is_in_the_table_once() -> None:
    table = [(row.service, row.name) for row in METHODS]
    assert sorted(table) == sorted((rpc.service, rpc.name) for rpc in rpcs())


def test_every_route_ends_and_only_streams_may_be_long() -> None:
    streams = {(rpc.service, rpc.name) for rpc in rpcs() if rpc.streaming}
    for row in METHODS:
        assert 0 < row.timeout_seconds <= row.longest_seconds
        if (row.service, row.name) not in streams:
            assert row.longest_seconds <= 900
    for name in ("edge", "mesh"):
        for route in routes(name):
            if "route" in route:
                assert set(route["route"]["max_stream_duration"]) == {
                    "max_stream_duration",
                    "grpc_timeout_header_max",
                }


def test_streams_are_never_repeated_once_begun() -> None:
    streams = {(rpc.service, rpc.name) for rpc in rpcs() if rpc.streaming}
    for row in METHODS:
        if (row.service, row.name) in streams:
            assert row.retry is Retry.UNSENT


def test_a_slow_replica_is_given_up_only_where_another_can_answer() -> None:
    def tries(plan: MeshPlan) -> set[str]:
        return {
            r["match"]["path"] for r in routes("mesh", plan)
            if "per_try_timeout" in r["route"]["retry_policy"]
        }  # fmt: skip

    assert tries(PLAN) == set()
    two = replace(PLAN, match=("unix:/a", "unix:/b"))
    assert "/sonica.matching.v1.MatchingService/FindMatches" in tries(two)
    assert "/sonica.catalog.v1.CatalogService/DeleteTrack" not in tries(two)


def test_filters_stand_in_the_order_that_access_control_needs() -> None:
    names = [f["name"].rsplit(".", 1)[-1] for f in listener("edge")["http_filters"]]
    assert names == [
        "cors",
        "header_mutation",
        "health_check",
        "local_ratelimit",
        "jwt_authn",
        "ext_authz",
        "grpc_web",
        "header_mutation",
        "local_ratelimit",
        "local_ratelimit",
        "ratelimit",
        "compressor",
        "buffer",
        "grpc_json_transcoder",
        "router",
    ]


def test_service_config_files_are_those_generated() -> None:
    files = service_configs.files()
    assert len(files) == 5
    for path, text in files.items():
        assert path.read_text(encoding="utf-8") == text, "run: python -m mesh.envoy.service_configs"
    configs = [c for text in files.values() for c in json.loads(text)["methodConfig"]]
    assert len(configs) == len(METHODS)
    assert all(re.fullmatch(r"[0-9.]+s", c["timeout"]) for c in configs)


@pytest.mark.parametrize(
    "plan",
    [
        PLAN,
        replace(PLAN, match=("unix:/a", "unix:/b"), otlp="127.0.0.1:4317", concurrency=2),
        replace(
            PLAN,
            edge="0.0.0.0:8080",
            internal="127.0.0.1:9000",
            gateway=("gateway.mesh:50051", "gateway2.mesh:50051"),
            match=("[::1]:50051", "10.0.0.1:50051"),
            admin="127.0.0.1:9901",
            user_keys=("user.mesh:8082", "user2.mesh:8082"),
            allowed_origins=("https://app.example", "https://*.example.org"),
            insecure_edge=True,
            mtls=False,
        ),
        replace(PLAN, anonymous_requests=0, credential_requests=0, authorization_requests=0),
        replace(PLAN, allowed_origins=()),
        replace(PLAN, user_keys=(), open=True),
    ],
    ids=["local", "replicas", "hosts", "unlimited", "no-pages", "open"],
)
def test_envoy_accepts_every_kind_of_plan(plan: MeshPlan, tmp_path: Path) -> None:
    config = tmp_path / "envoy.json"
    config.write_text(json.dumps(bootstrap(plan)), encoding="utf-8")
    write_secrets(plan)
    validate(config)
    assert MeshPlan.from_json(plan.to_json()) == plan
    assert "--disable-hot-restart" in command(config, plan)


def test_envoy_accepts_an_encrypted_plan(tmp_path: Path) -> None:
    edge, mesh = Authority(tmp_path / "tls", "edge"), Authority(tmp_path / "tls", "mesh")
    client_side, own = edge.keep("edge", ("a.example",)), mesh.keep("envoy", (spiffe_id("envoy"),))
    plan = replace(
        PLAN,
        edge="0.0.0.0:8080",
        match=("match-1:50051", "match-2:50051"),
        tls_certificate=str(client_side.certificate),
        tls_private_key=str(client_side.private_key),
        mtls_certificate=str(own.certificate),
        mtls_private_key=str(own.private_key),
        mtls_ca=str(mesh.certificate),
        secrets_dir=str(tmp_path),
    )
    assert plan.uses_mtls
    test_envoy_accepts_every_kind_of_plan(plan, tmp_path)


def test_envoy_says_what_is_wrong_with_a_configuration(tmp_path: Path) -> None:
    config: Any = bootstrap(PLAN)
    config["static_resources"]["listeners"][0]["enable_reuse_prot"] = False
    path = tmp_path / "envoy.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(EnvoyConfigError, match="enable_reuse_prot"):
        validate(path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"egde": "127.0.0.1:1"}, "egde"),
        ({"edge": None}, "edge"),
        ({"edge": "127.0.0.1"}, "edge: '127.0.0.1' is not an address"),
        ({"match": []}, "match"),
        ({"match": "unix:/a"}, "match"),
        ({"match": ["unix:/a", "host:1"]}, "match mixes host names"),
        ({"internal": "unix:relative"}, "absolute path"),
        ({"internal": f"unix:/{'x' * 110}"}, "at most 103 bytes"),
        ({"max_calls": 0}, "max_calls is 0"),
        ({"user_keys": []}, "user_keys is missing"),
        ({"user_keys": ["user"]}, "user_keys: 'user' is not an address"),
        ({"anonymous_requests": -1}, "anonymous_requests is -1"),
        ({"trusted_hops": 17}, "trusted_hops is 17"),
        ({"max_heap_bytes": 1}, "max_heap_bytes is 1"),
        ({"edge": "0.0.0.0:8080"}, "in clear"),
        ({"tls_certificate": "/a.pem"}, "belong together"),
        ({"tls_certificate": "/a.pem", "tls_private_key": "/a.key"}, "secrets_dir is missing"),
        ({"match": ["match-1:50051"]}, "mtls_certificate is missing"),
        ({"mtls": True, "mtls_certificate": "/a", "mtls_private_key": "/a"}, "mtls_ca is missing"),
        ({"concurrency": "many"}, "concurrency"),
    ],
)
def test_wrong_plans_are_refused_by_name(change: dict[str, Any], complaint: str) -> None:
    raw = {k: v for k, v in (json.loads(PLAN.to_json()) | change).items() if v is not None}
    with pytest.raises(PlanError, match=complaint):
        MeshPlan.from_json(json.dumps(raw))


def test_plan_that_is_not_json_is_refused() -> None:
    with pytest.raises(PlanError):
        MeshPlan.from_json("{")


@pytest.mark.parametrize("address", ["", "host", "host:", "host:0", "host:65536", ":1", "unix:"])
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(AddressError):
        envoy_address(address)


def test_command_line_prints_the_configuration(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(PLAN.to_json(), encoding="utf-8")
    run = [sys.executable, "-m", "mesh.envoy", "--validate", "--plan"]
    printed = subprocess.run([*run, str(plan)], cwd=ROOT, capture_output=True, check=True)
    assert json.loads(printed.stdout) == bootstrap(PLAN)
    plan.write_text("{}", encoding="utf-8")
    refused = subprocess.run([*run, str(plan)], cwd=ROOT, capture_output=True, check=False)
    assert refused.returncode == 1
    assert b"edge Field required" in refused.stderr
