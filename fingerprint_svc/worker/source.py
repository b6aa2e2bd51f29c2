"""The bytes of one job as FFmpeg reads them: forward only, asked for when needed.

ID3 tags before the audio are dropped here, cover art included: nothing reads them.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, cast

from fingerprint_svc.model import JobError

_ID3_HEAD_BYTES = 10
_ID3_FOOTER_FLAG = 0x10


class Source:
    """A file object over bytes that arrive piece by piece.

    Args:
        receive: returns the next bytes, empty at the end; may block.
    """

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._held = b""
        self._at = 0
        self._ended = False
        self.byte_count = 0
        #: Why reading failed. FFmpeg may swallow what is raised in `read`.
        self.failure: Exception | None = None

    def read(self, byte_count: int) -> bytes:
        """Returns 1 to `byte_count` bytes, none at the end."""
        if self._at == len(self._held):
            self._held, self._at = self._next(), 0
        piece = self._held[self._at : self._at + byte_count]
        self._at += len(piece)
        return piece

    def peek(self, byte_count: int) -> bytes:
        """Returns the next `byte_count` bytes, fewer only at the end, without taking them."""
        while len(self._held) - self._at < byte_count and not self._ended:
            self._held, self._at = self._held[self._at :] + self._next(), 0
        return self._held[self._at : self._at + byte_count]

    def peek_available(self, byte_count: int) -> bytes:
        """Returns as many of the next bytes as are here already, `byte_count` at most."""
        return self._held[self._at : self._at + byte_count]

    def skip(self, byte_count: int) -> None:
        """Drops the next bytes."""
        while byte_count > 0:
            piece = self.read(byte_count)
            if not piece:
                return
            byte_count -= len(piece)

    def skip_id3(self) -> None:
        """Drops the ID3v2 tags at this place."""
        while (head := self.peek(_ID3_HEAD_BYTES))[:3] == b"ID3" and len(head) == _ID3_HEAD_BYTES:
            size = 0
            for byte in head[6:10]:
                size = size << 7 | byte & 0x7F
            footer = _ID3_HEAD_BYTES if head[5] & _ID3_FOOTER_FLAG else 0
            self.skip(_ID3_HEAD_BYTES + size + footer)

    @contextmanager
    def spool(self, folder: str, memory_bytes: int) -> Iterator[IO[bytes]]:
        """Yields a seekable file with all remaining bytes; on disk only when it is large.

        The file has no name, so that nothing is left behind however this process ends.

        Raises:
            JobError: STORAGE_FULL.
        """
        with tempfile.SpooledTemporaryFile(memory_bytes, dir=folder) as file:
            try:
                while piece := self.read(1 << 20):
                    file.write(piece)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise
                raise JobError(
                    "STORAGE_FULL",
                    f"no room to hold {self.byte_count} bytes of a file whose header comes last",
                ) from error
            file.seek(0)
            yield cast("IO[bytes]", file)

    def _next(self) -> bytes:
        if self._ended:
            return b""
        if self.failure is not None:
            raise self.failure
        try:
            piece = self._receive()
        except Exception as error:
            self.failure = error
            raise
        self._ended = not piece
        self.byte_count += len(piece)
        return piece
