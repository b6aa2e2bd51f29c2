"""Ends what a killed supervisor left behind: a process of its own that only waits.

Run as a script. It reads `+GROUP` and `-GROUP` lines on standard input, one for each process group
that begins or ends; at the end of input, which is the end of the supervisor however it came, it
kills the groups that are left and waits for them. Groups, because parts have workers of their own.
It inherits the lock of the data folder, so the next mesh begins after it is done.

Starts in milliseconds: it imports nothing but built-in modules and runs without site packages.
"""

import os
import signal
import sys
import time

_KILL_SECONDS = 3.0
_POLL_SECONDS = 0.02


def main() -> None:
    """Waits for the end of input, then kills."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin.buffer:
        # A supervisor that dies while it writes leaves half a line.
        if line.endswith(b"\n"):
            (groups.add if line[:1] == b"+" else groups.discard)(int(line[1:]))
    deadline = time.monotonic() + _KILL_SECONDS
    while groups and time.monotonic() < deadline:
        groups = {group for group in groups if _kill(group)}
        time.sleep(_POLL_SECONDS)


def _kill(group: int) -> bool:
    """Kills a process group; returns whether its leader was still there."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(group)


def _is_zombie(pid: int) -> bool:
    """Returns whether a process has ended and only waits to be asked; some systems take long."""
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 - pathlib takes longer to import
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


if __name__ == "__main__":
    main()
