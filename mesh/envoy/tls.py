"""Encryption: of clients at the edge, and between Envoy and the services of the mesh.

Certificates and keys are files that Envoy reads again when their folder says that one was moved
into place, so nothing is restarted when they are renewed. That takes one more file each, which
names them: `secret_files`, written beside the configuration.

In the mesh both sides show a certificate, and who it is for decides: `spiffe://sonica/match` may
answer for match_svc and for nobody else.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mesh.envoy.address import Json
    from mesh.envoy.plan import MeshPlan

_TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3"
_EDGE, _MESH, _MESH_CA = "edge", "mesh", "mesh_ca"
_TRUST_DOMAIN = "spiffe://sonica"
#: Services that may call others through the mesh.
CALLERS = ("gateway", "fingerprint", "match", "user")
# Both, for Envoy's own default as a client ends at 1.2.
_PARAMETERS: Json = {
    "tls_minimum_protocol_version": "TLSv1_3",
    "tls_maximum_protocol_version": "TLSv1_3",
}


def spiffe_id(name: str) -> str:
    """Returns the name in the certificate of a service, or of `envoy`."""
    return f"{_TRUST_DOMAIN}/{name}"


def edge_socket(plan: MeshPlan) -> Json:
    """Returns what encrypts the edge, as fields of its filter chain; nothing without TLS."""
    if plan.tls_certificate is None:
        return {}
    context: Json = {
        "tls_params": {**_PARAMETERS},
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificate_sds_secret_configs": [_secret(_EDGE, plan)],
    }
    return _socket("DownstreamTlsContext", common_tls_context=context)


def internal_socket(plan: MeshPlan) -> Json:
    """Returns what encrypts calls of services to Envoy; nothing without mTLS."""
    if not plan.uses_mtls:
        return {}
    return _socket(
        "DownstreamTlsContext",
        common_tls_context=_both_sides(plan, CALLERS),
        require_client_certificate=True,
    )


def upstream_socket(name: str, plan: MeshPlan) -> Json:
    """Returns what encrypts calls of Envoy to a service; nothing without mTLS."""
    if not plan.uses_mtls:
        return {}
    return _socket("UpstreamTlsContext", common_tls_context=_both_sides(plan, (name,)))


def secret_files(plan: MeshPlan) -> dict[Path, str]:
    """Returns the text of each file that names certificates, by its path."""
    secrets: list[Json] = []
    if plan.tls_certificate is not None and plan.tls_private_key is not None:
        secrets.append(_certificate(_EDGE, plan.tls_certificate, plan.tls_private_key))
    if plan.uses_mtls:
        # The plan has looked that they are there.
        certificate, private_key = str(plan.mtls_certificate), str(plan.mtls_private_key)
        secrets.append(_certificate(_MESH, certificate, private_key))
        trusted: Json = {
            "trusted_ca": {"filename": plan.mtls_ca},
            "watched_directory": {"path": str(Path(str(plan.mtls_ca)).parent)},
        }
        secrets.append({"name": _MESH_CA, "validation_context": trusted})
    return {
        _path(str(secret["name"]), plan): json.dumps(
            {"resources": [{"@type": f"{_TLS}.Secret", **secret}]}, indent=1
        )
        for secret in secrets
    }


def write_secrets(plan: MeshPlan) -> None:
    """Writes the files that name certificates; Envoy wants them when it reads its configuration.

    Raises:
        OSError: one cannot be written.
    """
    for path, text in secret_files(plan).items():
        path.write_text(text, encoding="utf-8")


def _both_sides(plan: MeshPlan, peers: tuple[str, ...]) -> Json:
    """Returns a context in which each side proves its name, and the other is one of `peers`."""
    names: list[Json] = [
        {"san_type": "URI", "matcher": {"exact": spiffe_id(peer)}} for peer in peers
    ]
    return {
        "tls_params": {**_PARAMETERS},
        "alpn_protocols": ["h2"],
        "tls_certificate_sds_secret_configs": [_secret(_MESH, plan)],
        "combined_validation_context": {
            "default_validation_context": {"match_typed_subject_alt_names": [*names]},
            "validation_context_sds_secret_config": _secret(_MESH_CA, plan),
        },
    }


def _certificate(name: str, certificate: str, private_key: str) -> Json:
    pair: Json = {
        "certificate_chain": {"filename": certificate},
        "private_key": {"filename": private_key},
        "watched_directory": {"path": str(Path(certificate).parent)},
    }
    return {"name": name, "tls_certificate": pair}


def _secret(name: str, plan: MeshPlan) -> Json:
    return {
        "name": name,
        "sds_config": {
            "path_config_source": {"path": str(_path(name, plan))},
            "resource_api_version": "V3",
        },
    }


def _path(name: str, plan: MeshPlan) -> Path:
    return Path(plan.secrets_dir or "", f"envoy-{name}.json")


def _socket(kind: str, **config: object) -> Json:
    typed: Json = {"@type": f"{_TLS}.{kind}", **config}  # type: ignore[dict-item]  # JSON by hand
    return {
        "transport_socket": {"name": "envoy.transport_sockets.tls", "typed_config": typed},
    }
