"""Regenerates everything that is made from the contracts; run by `make gen`.

Three products, all committed: protobuf stubs for the services (`sdk/python/sonica`), plain
dataclass messages for the client (`sdk/python/sonica_client/_messages`), and the descriptor set
from which Envoy transcodes REST (`mesh/envoy/contracts.binpb`).
"""

from __future__ import annotations

import shutil
import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

PROTO = Path(__file__).resolve().parent
VENDOR = PROTO / "vendor"
SDK = PROTO.parent / "sdk" / "python"
DESCRIPTORS = PROTO.parent / "mesh" / "envoy" / "contracts.binpb"
MESSAGES = SDK / "sonica_client" / "_messages"


def run(*arguments: str) -> None:
    """Runs protoc with the contracts and their third-party imports on the path.

    Raises:
        SystemExit: protoc refused its input; it has printed why.
    """
    well_known = str(files("grpc_tools") / "_proto")
    include = [f"-I{PROTO}", f"-I{VENDOR}", f"-I{well_known}"]
    if protoc.main(["protoc", *include, *arguments]) != 0:
        sys.exit("protoc failed")


def main() -> None:
    """Regenerates all products in place."""
    contracts = sorted(str(p.relative_to(PROTO)) for p in (PROTO / "sonica").rglob("*.proto"))
    services = [c for c in contracts if c.endswith("_service.proto")]
    validate = "buf/validate/validate.proto"
    # What Envoy asks user_svc: spoken between the two, no contract of ours.
    asked = sorted(str(p.relative_to(VENDOR)) for p in (VENDOR / "sonica").rglob("*.proto"))

    SDK.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(SDK / "sonica", ignore_errors=True)
    shutil.rmtree(SDK / "buf", ignore_errors=True)
    run(f"--python_out={SDK}", f"--pyi_out={SDK}", *contracts, validate, *asked)
    run(f"--grpc_python_out={SDK}", *services, *asked)

    shutil.rmtree(MESSAGES, ignore_errors=True)
    MESSAGES.mkdir(parents=True)
    run(
        f"--python_betterproto2_out={MESSAGES}",
        "--python_betterproto2_opt=client_generation=none",
        "--python_betterproto2_opt=server_generation=none",
        *contracts,
    )

    # Servers check constraints and access; no message refers to the options that hold them.
    shutil.rmtree(MESSAGES / "buf")
    shutil.rmtree(MESSAGES / "sonica" / "access")

    # Error details travel as Any: Envoy can only print the types it has descriptors of.
    DESCRIPTORS.parent.mkdir(parents=True, exist_ok=True)
    run(
        f"--descriptor_set_out={DESCRIPTORS}",
        "--include_imports",
        *contracts,
        "google/rpc/error_details.proto",
    )


if __name__ == "__main__":
    main()
