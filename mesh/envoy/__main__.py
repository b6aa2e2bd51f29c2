"""`python -m mesh.envoy --plan plan.json > envoy.json`: the configuration of any deployment."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from mesh.envoy.bootstrap import bootstrap
from mesh.envoy.plan import MeshPlan, PlanError
from mesh.envoy.program import EnvoyConfigError, EnvoyMissingError, validate
from mesh.envoy.tls import write_secrets


def main() -> None:
    """Prints the configuration of a plan; with --validate only after Envoy has accepted it."""
    parser = argparse.ArgumentParser(prog="python -m mesh.envoy", description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="a MeshPlan as JSON")
    parser.add_argument("--validate", action="store_true", help="have Envoy check the result")
    arguments = parser.parse_args()
    try:
        plan = MeshPlan.from_json(arguments.plan.read_text(encoding="utf-8"))
        text = json.dumps(bootstrap(plan), indent=2)
        write_secrets(plan)
        if arguments.validate:
            with tempfile.TemporaryDirectory() as folder:
                config = Path(folder, "envoy.json")
                config.write_text(text, encoding="utf-8")
                validate(config)
    except (OSError, PlanError, EnvoyConfigError, EnvoyMissingError) as error:
        sys.exit(f"{arguments.plan}: {error}")
    print(text)


if __name__ == "__main__":
    main()
