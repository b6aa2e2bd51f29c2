"""How a Python part is started: same interpreter, same code, an environment of its own.

The environment is minimal and explicit. A part sees the variables of its own prefix, so that no
service ever holds another's secrets.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

_PREFIXES_OF_PARTS = (
    "SONICA_FINGERPRINT_",
    "SONICA_MATCH_",
    "SONICA_GATEWAY_",
    "SONICA_ENGINE_",
    "OTEL_",
)


def python(module: str, *arguments: str) -> tuple[str, ...]:
    """Returns the command that runs a module of ours."""
    # -P: nothing is imported from the folder a part happens to run in.
    return (sys.executable, "-P", "-m", module, *arguments)


def plain_environment(passed_on: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment of a program that is not ours."""
    kept = {
        name: value for name, value in passed_on.items() if not name.startswith(_PREFIXES_OF_PARTS)
    }
    # The one locale that every system has; nothing here may depend on a person's language.
    return kept | {"LC_ALL": "C"}


def python_environment(passed_on: Mapping[str, str], own_prefix: str = "") -> dict[str, str]:
    """Returns the environment of a Python part.

    Args:
        passed_on: variables that children may see.
        own_prefix: of the part's settings, e.g. `SONICA_MATCH_`; empty when it has none.
    """
    own = {
        name: value
        for name, value in passed_on.items()
        if name.startswith("OTEL_") or (own_prefix and name.startswith(own_prefix))
    }
    return (
        plain_environment(passed_on)
        | own
        | {
            "PYTHONPATH": import_path(),
            "PYTHONUTF8": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",
        }
    )


def import_path() -> str:
    """Returns a PYTHONPATH with the folders of our packages that are not simply installed."""
    installed = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    roots: dict[str, None] = {}
    for package in ("mesh", "sonica"):
        found = importlib.util.find_spec(package)
        for location in (found and found.submodule_search_locations) or ():
            root = Path(location).resolve().parent
            if root not in installed:
                roots[str(root)] = None
    return os.pathsep.join(roots)
