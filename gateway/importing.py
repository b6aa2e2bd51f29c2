"""ImportTracks: many recordings over one stream, one after the other.

Each item runs through the analysis while it is received, so the memory of an import is that of one
item's fingerprint and the chunks on their way. What goes wrong within an item becomes its result;
only a stream that breaks the order of messages ends as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from sonica.catalog.v1.track_pb2 import REGISTRATION_OUTCOME_REGISTERED
from sonica.recognition.v1.recognition_service_pb2 import (
    ImportItem,
    ImportProgress,
    ImportResult,
    ImportTracksRequest,
    ImportTracksResponse,
)

from gateway.errors import StreamOutOfOrderError, UpstreamFailedError
from gateway.registration import analyse, create
from mesh.runtime.errors import InvalidRequestError, ServiceError, from_rpc_error, to_status
from mesh.runtime.telemetry import span

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sonica.user.v1.activity_pb2 import ImportFinishedActivity

    from gateway.fingerprints import FingerprintParts
    from gateway.upstream import Upstream

    _Send = Callable[[ImportTracksResponse], Awaitable[None]]


async def import_tracks(
    upstream: Upstream,
    requests: AsyncIterator[ImportTracksRequest],
    send: _Send,
    counts: ImportFinishedActivity,
) -> None:
    """Answers a whole import: progress and exactly one result for each item.

    Args:
        upstream: the services to call.
        requests: of the client.
        send: writes a response to the client.
        counts: told of each result, however the import ends.

    Raises:
        StreamOutOfOrderError: a message came where the contract allows none.
        InvalidRequestError: a message between items breaks its contract.
    """
    while (item := await _next_item(requests)) is not None:
        chunks = _ItemChunks(requests)
        result = ImportResult(item_id=item.value.item_id)
        try:
            if item.refusal is not None:
                raise item.refusal
            with span("import.item"):
                await _import_item(upstream, item.value, chunks, send, result)
        except StreamOutOfOrderError:
            raise
        except (ServiceError, grpc.aio.AioRpcError) as error:
            result.error.CopyFrom(to_status(_typed(error)))
        _count(result, counts)
        await send(ImportTracksResponse(result=result))
        await chunks.drain()


def _count(result: ImportResult, counts: ImportFinishedActivity) -> None:
    if result.HasField("error"):
        counts.failed_count += 1
    elif result.outcome == REGISTRATION_OUTCOME_REGISTERED:
        counts.registered_count += 1
    else:
        counts.already_registered_count += 1


class _Item:
    """The beginning of an item, with what its contract has against it."""

    def __init__(self, value: ImportItem, refusal: InvalidRequestError | None = None) -> None:
        self.value = value
        self.refusal = refusal


async def _next_item(requests: AsyncIterator[ImportTracksRequest]) -> _Item | None:
    """Returns the next item; None when the client has ended the stream."""
    try:
        request = await anext(requests)
    except StopAsyncIteration:
        return None
    except InvalidRequestError as error:
        refused = error.request
        if isinstance(refused, ImportTracksRequest) and refused.item.item_id:
            return _Item(refused.item, error)
        raise
    if not request.HasField("item"):
        raise StreamOutOfOrderError(str(request.WhichOneof("message")), "item")
    return _Item(request.item)


class _ItemChunks:
    """The chunks of one item, read from the client's stream when they are asked for."""

    def __init__(self, requests: AsyncIterator[ImportTracksRequest]) -> None:
        self._requests = requests
        self._ended = False
        self.byte_count = 0

    def __aiter__(self) -> _ItemChunks:
        return self

    async def __anext__(self) -> bytes:
        if self._ended:
            raise StopAsyncIteration
        try:
            request = await anext(self._requests)
        except StopAsyncIteration:
            # A cut upload must never count as a whole recording.
            raise StreamOutOfOrderError("the end of the stream", "end_of_item") from None
        if request.HasField("end_of_item"):
            self._ended = True
            raise StopAsyncIteration
        if request.HasField("item"):
            raise StreamOutOfOrderError("item", "end_of_item")
        self.byte_count += len(request.chunk)
        return request.chunk

    async def drain(self) -> None:
        """Reads what is left of the item and forgets it."""
        while not self._ended:
            try:
                async for _ in self:
                    pass
            except InvalidRequestError:
                continue


async def _import_item(
    upstream: Upstream, item: ImportItem, chunks: _ItemChunks, send: _Send, result: ImportResult
) -> None:
    """Fills the result of an item that goes well."""

    async def report(parts: FingerprintParts) -> None:
        progress = ImportProgress(
            item_id=item.item_id,
            received_byte_count=chunks.byte_count,
            analysed_duration=parts.duration,
        )
        await send(ImportTracksResponse(progress=progress))

    version = item.algorithm_version or await upstream.version.get()
    parts = await analyse(upstream, version, item.format, chunks, report)
    try:
        created = await create(upstream, parts, item.track, item.request_id)
    except grpc.aio.AioRpcError as error:
        if not item.algorithm_version and (moved := upstream.version.moved(error)):
            raise moved from error
        raise
    result.track.CopyFrom(created.track)
    result.outcome = created.outcome


def _typed(error: ServiceError | grpc.aio.AioRpcError) -> ServiceError:
    if isinstance(error, ServiceError):
        return error
    return from_rpc_error(error) or UpstreamFailedError(f"a service failed: {error.code().name}")
