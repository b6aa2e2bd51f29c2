"""Limits a worker sets on itself, before it meets the first byte of a job."""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
import sys
from pathlib import Path

from fingerprint_svc.model import WorkerLimits

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_OPEN_FILES_MAX = 16


def die_with(parent_pid: int) -> None:
    """Ties the life of this process to its parent's, where the system can (Linux).

    Elsewhere an idle worker ends at the end of its pipe, a busy one at its processor limit.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before the line above
        sys.exit(1)


def confine(limits: WorkerLimits) -> None:
    """Sets what holds for all jobs: memory, files, privileges, no core dumps."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        idle_bytes = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _lower(resource.RLIMIT_AS, idle_bytes + limits.memory_bytes)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES_MAX)
    _lower(resource.RLIMIT_FSIZE, limits.file_bytes)


def allow_processor(seconds: int) -> None:
    """Gives the next job so much processor time; the system kills the process after that."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime) + seconds
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (_within(soft, hard), hard))


def _lower(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    value = _within(value, hard)
    resource.setrlimit(which, (value, value))


def _within(value: int, hard: int) -> int:
    return value if hard == resource.RLIM_INFINITY else min(value, hard)
