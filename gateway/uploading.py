"""UploadImportItem: one recording of an import that is kept elsewhere.

What is wrong with the recording is its result and stored as such; whatever passes - a service that
is away, a catalogue that moves - is an error of the call, and the item waits for its next upload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import grpc
from sonica.audio.v1.audio_pb2 import AudioFormat
from sonica.catalog.v1.import_service_pb2 import (
    IMPORT_ITEM_STATE_FAILED,
    IMPORT_ITEM_STATE_SUCCEEDED,
    FinishImportItemRequest,
    FinishImportItemResponse,
    ImportSummary,
    OpenImportItemRequest,
    OpenImportItemResponse,
    StoredImportItem,
)
from sonica.catalog.v1.track_pb2 import REGISTRATION_OUTCOME_REGISTERED, Track
from sonica.recognition.v1.recognition_service_pb2 import (
    UploadImportItemRequest,
    UploadImportItemResponse,
)

from gateway.errors import SourceMissingError
from gateway.registration import CHUNK_BYTES, analyse, create, report_nothing
from mesh.runtime.errors import ServiceError, from_rpc_error, to_status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.upstream import Upstream

_STORE_SECONDS = 10.0
# What the next upload of the same bytes would meet again.
_LASTING = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE,
}
_LASTING_REASONS = {"AUDIO_TOO_LARGE", "DECODE_LIMIT_REACHED"}


class Uploaded(NamedTuple):
    """What an upload has come to.

    Attributes:
        response: the answer.
        track: of the recording, if it is new.
        summary: of the import, if this upload has ended it.
    """

    response: UploadImportItemResponse
    track: Track | None = None
    summary: ImportSummary | None = None


async def upload_item(
    upstream: Upstream, requests: AsyncIterator[UploadImportItemRequest]
) -> Uploaded:
    """Registers one recording of an import and stores what became of it.

    Raises:
        SourceMissingError, CatalogMovedError; typed errors of the services called, as far as they
        are not about the recording.
    """
    first = await anext(requests, UploadImportItemRequest())
    opening = OpenImportItemRequest(import_id=first.import_id, item_id=first.item_id)
    opened: OpenImportItemResponse = await upstream.imports.OpenImportItem(
        opening, timeout=_STORE_SECONDS
    )
    chunks = _chunks(first, requests)
    uploaded = Uploaded(UploadImportItemResponse(item=opened.item))
    if opened.item.state != IMPORT_ITEM_STATE_SUCCEEDED:
        begin = await anext(chunks, b"")
        if not begin:
            raise SourceMissingError("the request brings no audio; send the file as its body")
        item, track = await _register(upstream, opened, _after(begin, chunks))
        finishing = FinishImportItemRequest(import_id=first.import_id, item=item)
        finished: FinishImportItemResponse = await upstream.imports.FinishImportItem(
            finishing, timeout=_STORE_SECONDS
        )
        uploaded = Uploaded(
            UploadImportItemResponse(item=finished.item),
            track,
            finished.summary if finished.HasField("summary") else None,
        )
    # A client that still sends would take an early answer for a broken connection.
    async for _ in chunks:
        pass
    return uploaded


async def _register(
    upstream: Upstream, opened: OpenImportItemResponse, chunks: AsyncIterator[bytes]
) -> tuple[StoredImportItem, Track | None]:
    """Returns the result of an item, and its track if that is new."""
    track = None
    result = StoredImportItem(item_id=opened.item.item_id)
    try:
        version = await upstream.version.get()
        parts = await analyse(upstream, version, AudioFormat(), chunks, report_nothing)
        created = await create(upstream, parts, opened.track, opened.request_id)
    except (ServiceError, grpc.aio.AioRpcError) as error:
        if moved := isinstance(error, grpc.aio.AioRpcError) and upstream.version.moved(error):
            raise moved from error
        typed = from_rpc_error(error) if isinstance(error, grpc.aio.AioRpcError) else error
        if typed is None or not _lasts(typed):
            raise
        result.state = IMPORT_ITEM_STATE_FAILED
        result.error.CopyFrom(to_status(typed))
    else:
        result.state = IMPORT_ITEM_STATE_SUCCEEDED
        result.track_id = created.track.track_id
        result.outcome = created.outcome
        if created.outcome == REGISTRATION_OUTCOME_REGISTERED:
            track = created.track
    return result, track


def _lasts(error: ServiceError) -> bool:
    return error.code in _LASTING or error.reason in _LASTING_REASONS


async def _chunks(
    first: UploadImportItemRequest, requests: AsyncIterator[UploadImportItemRequest]
) -> AsyncIterator[bytes]:
    """Yields the file in pieces that the analysis takes."""
    request: UploadImportItemRequest | None = first
    while request is not None:
        content = request.upload.data
        for begin in range(0, len(content), CHUNK_BYTES):
            yield content[begin : begin + CHUNK_BYTES]
        request = await anext(requests, None)


async def _after(begin: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield begin
    async for chunk in chunks:
        yield chunk
