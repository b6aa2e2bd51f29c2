"""The write log gives back what was appended whole, and nothing else.

Method: real files; a crash is a file cut or changed at any byte, a full disk is a limit the kernel
enforces.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from mesh.local.engine.errors import DiskFullError
from mesh.local.engine.write_log import WriteLog, replay

DIMENSION = 4


def points(start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    ids = np.arange(start, start + count, dtype=np.uint64)
    return ids, np.repeat(ids[:, None], DIMENSION, axis=1).astype(np.float32)


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    log = WriteLog(tmp_path / "log")
    log.append(*points(0, 3))
    log.append(np.array([1], np.uint64), None)
    log.append(*points(7, 2))
    await log.sync()
    await log.close()
    return log.path


def test_replay_in_order(path: Path) -> None:
    records = list(replay(path, DIMENSION))
    assert [ids.tolist() for ids, _ in records] == [[0, 1, 2], [1], [7, 8]]
    assert records[1][1] is None
    assert np.array_equal(records[2][1], points(7, 2)[1])


def test_unfinished_record_is_dropped_at_any_length(path: Path) -> None:
    whole = path.read_bytes()
    last = 16 + 2 * 8 + 2 * DIMENSION * 4
    for length in range(len(whole) - last, len(whole)):
        path.write_bytes(whole[:length])
        assert len(list(replay(path, DIMENSION))) == 2
        assert path.stat().st_size == len(whole) - last


def test_changed_byte_is_noticed(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1
    path.write_bytes(whole)
    assert len(list(replay(path, DIMENSION))) == 2


async def test_append_goes_on_after_a_dropped_record(path: Path) -> None:
    log = WriteLog(path)
    os.truncate(path, log.size - 1)
    await log.close()
    assert len(list(replay(path, DIMENSION))) == 2
    log = WriteLog(path)
    log.append(*points(50, 1))
    await log.close()
    assert [ids.tolist() for ids, _ in replay(path, DIMENSION)][-1] == [50]


@contextmanager
def small_files() -> Iterator[None]:
    """No file of this process grows past 4 KiB: not the one pytest may report to, either."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_append_to_a_full_disk_is_undone(path: Path) -> None:
    log = WriteLog(path)
    with small_files(), pytest.raises(DiskFullError):
        log.append(*points(100, 500))
    assert len(list(replay(path, DIMENSION))) == 3
    log.append(*points(60, 1))
    await log.close()
    assert [ids.tolist() for ids, _ in replay(path, DIMENSION)][-1] == [60]
