"""Aim: memory that a build frees goes back to the system.

Method: a process of its own frees a block twice; the second one glibc would keep.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MIB = 1 << 20
PROGRAM = """
import sys
import psutil
from mesh.local.engine.allocator import give_freed_memory_back

if sys.argv[1] == "bounded":
    give_freed_memory_back()
before = psutil.Process().memory_info().rss
for _ in range(2):
    block = bytearray(b"x") * (20 << 20)
    del block
print(psutil.Process().memory_info().rss - before)
"""


def kept(how: str) -> int:
    """Returns the bytes a process has more after it freed everything."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return int(ran.stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not glibc")
def test_freed_memory_is_given_back() -> None:
    assert kept("as it is") > 10 * MIB
    assert kept("bounded") < 5 * MIB
