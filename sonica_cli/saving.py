"""Writes what comes in parts to a file of the person's, or to standard output."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import IO


async def save(parts: AsyncIterator[bytes], out: Path | None) -> int:
    """Returns how many bytes were written.

    A file is for its owner alone, and takes its place only when it is whole.

    Args:
        parts: of the file, in order.
        out: where it goes; None means standard output.

    Raises:
        OSError: it cannot be written.
    """
    if out is None:
        return await _copy(parts, sys.stdout.buffer)
    with _taking_place(out) as file:
        return await _copy(parts, file)


@contextmanager
def _taking_place(out: Path) -> Iterator[IO[bytes]]:
    handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).replace(out)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


async def _copy(parts: AsyncIterator[bytes], file: IO[bytes]) -> int:
    count = 0
    async for part in parts:
        count += file.write(part)
    file.flush()
    return count
