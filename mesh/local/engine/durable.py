"""Files that are either the old or the new version after a crash, never half of one."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any


def write_json(path: Path, value: Any) -> None:
    """Replaces `path` by `value` as JSON, on disk before it takes the old one's place.

    Raises:
        OSError: nothing was replaced.
    """
    temporary = path.with_name(path.name + ".new")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    # The replacement is seen from here on, so a failure now must not be taken for the old version.
    with suppress(OSError):
        sync_directory(path.parent)


def read_json(path: Path) -> Any:
    """Returns the value of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def sync_directory(path: Path) -> None:
    """Makes created, renamed and removed names in `path` survive a loss of power."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
