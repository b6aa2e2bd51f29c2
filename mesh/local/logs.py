"""The logs of the parts: one file each, and one older one, both bounded.

Parts write to their file directly, opened for appending, so a log is cut by copying it aside and
emptying it: the next line then lands at its beginning, and no part has to take notice.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_LOG_BYTES_MAX = 8 * 1024 * 1024
_TAIL_BYTES_MAX = 16_384


def open_log(path: Path) -> BinaryIO:
    """Opens a log for appending, cut first when it is too large."""
    bound_log(path)
    return path.open("ab", buffering=0)


def bound_log(path: Path) -> None:
    """Moves what a log holds to `<name>.1` when it is larger than 8 MiB."""
    with suppress(OSError):  # a missing log is short, and on a full disk a cut can wait
        if path.stat().st_size > _LOG_BYTES_MAX:
            shutil.copyfile(path, path.with_name(path.name + ".1"))
            with path.open("r+b") as log:
                log.truncate(0)


def size(path: Path) -> int:
    """Returns the length of a log in bytes; 0 when there is none."""
    return path.stat().st_size if path.exists() else 0


def tail(path: Path, since: int = 0, line_count: int = 12) -> str:
    """Returns the last lines of a log.

    Args:
        path: the log.
        since: byte offset at which the run of interest began; after a cut all is of interest.
        line_count: most lines returned.
    """
    try:
        end = size(path)
        begin = since if since <= end else 0
        with path.open("rb") as log:
            log.seek(max(begin, end - _TAIL_BYTES_MAX))
            lines = log.read(_TAIL_BYTES_MAX).decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join([line for line in lines if line.strip()][-line_count:])
