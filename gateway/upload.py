"""The body of a REST call that is recognised while it arrives, as the proxy hands it on.

The proxy cuts a body into messages where it likes; query parameters stand in the first.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from gateway.errors import SourceMissingError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from sonica.recognition.v1.recognition_service_pb2 import RecognizeUploadRequest

_CHUNK_BYTES_MAX = 1024 * 1024
_CHUNKS_AHEAD_MAX = 2
# What is taken, and thrown away, of a body after the last answer.
_REST_BYTES_MAX = 16 * 1024 * 1024
_REST_SECONDS_MAX = 5.0
_MISSING = "the body is empty; send audio as it is made, or a clip of 1 to 15 s"


class Upload:
    """One body, read in a task of its own: grpc cannot take up a read that was given up.

    Attributes:
        first: the message that opened the call, with its options.
    """

    def __init__(
        self, first: RecognizeUploadRequest, requests: AsyncIterator[RecognizeUploadRequest]
    ) -> None:
        self.first = first
        self._requests = requests
        self._arrived: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(_CHUNKS_AHEAD_MAX)
        self._ended = False

    async def read(self) -> None:
        """Reads the body to its end, no faster than its chunks are taken."""
        try:
            await self._put(self.first.upload.data)
            async for request in self._requests:
                await self._put(request.upload.data)
        except Exception as error:  # noqa: BLE001 - raised again where the chunks are taken
            await self._arrived.put(error)
        await self._arrived.put(None)

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yields the body in chunks of 1 byte to 1 MiB.

        Raises:
            SourceMissingError: the body ended without a byte.
            InvalidRequestError: a message breaks a constraint of the contract.
        """
        empty = True
        while (chunk := await self._take()) is not None:
            empty = False
            yield chunk
        if empty:
            raise SourceMissingError(_MISSING)

    async def finish(self) -> None:
        """Takes what is left of the body, for some seconds and up to a size.

        A client that reads no answer before it has sent its file would get none if the connection
        were closed under it.
        """
        byte_count = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_REST_SECONDS_MAX):
                while not self._ended and byte_count < _REST_BYTES_MAX:
                    byte_count += len(await self._take() or b"")

    async def _put(self, content: bytes) -> None:
        for begin in range(0, len(content), _CHUNK_BYTES_MAX):
            await self._arrived.put(content[begin : begin + _CHUNK_BYTES_MAX])

    async def _take(self) -> bytes | None:
        arrived = await self._arrived.get()
        self._ended = not isinstance(arrived, bytes)
        if isinstance(arrived, Exception):
            raise arrived
        return arrived


@asynccontextmanager
async def opened(requests: AsyncIterator[RecognizeUploadRequest]) -> AsyncIterator[Upload]:
    """Yields the body of a call, which is read meanwhile.

    Raises:
        SourceMissingError: the call brings nothing.
    """
    first = await anext(aiter(requests), None)
    if first is None:
        raise SourceMissingError(_MISSING)
    upload = Upload(first, requests)
    reading = asyncio.create_task(upload.read())
    try:
        yield upload
    finally:
        reading.cancel()
