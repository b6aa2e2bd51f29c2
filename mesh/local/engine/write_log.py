"""The write log of a collection: what was acknowledged and is not in a shard yet.

A log file is a sequence of records; a record holds points to write or ids to delete. An append is
whole or undone, and `sync` makes it survive a loss of power. Reading stops at the first record
that is not whole: it was never acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from mesh.local.engine.durable import sync_directory
from mesh.local.engine.errors import from_os_error
from mesh.local.engine.hits import Ids, Vectors

_HEADER = struct.Struct("<4sIII")  # mark, vectors in the record (0: a deletion), ids, CRC of body
_MARK = b"SnLg"
_sync_file = getattr(os, "fdatasync", os.fsync)
_log = logging.getLogger(__name__)


class WriteLog:
    """One log file, open for appending.

    Attributes:
        path: of the file.
        size: bytes of whole records.
    """

    def __init__(self, path: Path) -> None:
        """Opens or creates the file.

        Raises:
            DiskFullError, StorageError: it cannot be created.
        """
        self.path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self.size = os.lseek(self._file, 0, os.SEEK_END)
            if not self.size:
                sync_directory(path.parent)
        except OSError as error:
            raise from_os_error(error) from error
        self._synced = 0
        self._turn = asyncio.Lock()

    def append(self, ids: Ids, vectors: Vectors | None) -> None:
        """Appends points, or with `vectors` None a deletion; whole, or not at all.

        Raises:
            DiskFullError, StorageError: the log is as it was before.
        """
        body = ids.astype("<u8").tobytes()
        if vectors is not None:
            body += vectors.astype("<f4").tobytes()
        stored = 0 if vectors is None else len(vectors)
        record = _HEADER.pack(_MARK, stored, len(ids), zlib.crc32(body)) + body
        try:
            os.lseek(self._file, self.size, os.SEEK_SET)
            written = 0
            while written < len(record):
                written += os.write(self._file, memoryview(record)[written:])
        except OSError as error:
            os.ftruncate(self._file, self.size)
            raise from_os_error(error) from error
        self.size += len(record)

    async def sync(self) -> None:
        """Returns once everything appended so far is on disk; calls at one time share one sync.

        Raises:
            DiskFullError, StorageError: it may not be.
        """
        wanted = self.size
        async with self._turn:
            if self._synced >= wanted:
                return
            reached = self.size
            try:
                await asyncio.to_thread(_sync_file, self._file)
            except OSError as error:
                raise from_os_error(error) from error
            self._synced = reached

    async def close(self) -> None:
        """Closes the file once nobody syncs it."""
        async with self._turn:
            os.close(self._file)
            self._synced = self.size


def replay(path: Path, dimension: int) -> Iterator[tuple[Ids, Vectors | None]]:
    """Yields the whole records of a log, in order, and cuts off what follows them."""
    with path.open("rb") as file:
        size = path.stat().st_size
        good = 0
        while True:
            record = _read_record(file.read(_HEADER.size), file, dimension)
            if record is None:
                break
            good = file.tell()
            yield record
    if good < size:
        _log.warning("%s: dropped %d bytes of an unfinished write", path.name, size - good)
        os.truncate(path, good)


def _read_record(
    header: bytes, file: IO[bytes], dimension: int
) -> tuple[Ids, Vectors | None] | None:
    if len(header) < _HEADER.size:
        return None
    mark, stored, count, checksum = _HEADER.unpack(header)
    if mark != _MARK or stored not in (0, count):
        return None
    length = count * 8 + stored * dimension * 4
    body = file.read(length)
    if len(body) < length or zlib.crc32(body) != checksum:
        return None
    ids = np.frombuffer(body, "<u8", count).astype(np.uint64)
    if not stored:
        return ids, None
    vectors = np.frombuffer(body, "<f4", offset=count * 8).astype(np.float32)
    return ids, vectors.reshape(count, dimension)
