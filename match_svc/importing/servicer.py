"""ImportService and OperationService: messages in, use case, messages out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from google.longrunning import operations_pb2
from sonica.catalog.v1 import import_service_pb2 as import_pb
from sonica.catalog.v1 import import_service_pb2_grpc, operation_service_pb2_grpc, track_pb2
from sonica.catalog.v1 import operation_service_pb2 as operation_pb

from match_svc import pages
from match_svc.importing import messages
from match_svc.importing.service import Imports

_ITEMS_DEFAULT, _ITEMS_MAX = 100, 1000
_OPERATIONS_DEFAULT, _OPERATIONS_MAX = 20, 100
_WAIT_SECONDS_DEFAULT = 20.0
# Set by the proxy for who is known; it lets no client set it.
_USER_HEADER = "x-sonica-user"


class ImportServicer(import_service_pb2_grpc.ImportServiceServicer):
    """`sonica.catalog.v1.ImportService`."""

    def __init__(self, imports: Imports) -> None:
        self._imports = imports

    async def CreateImport(
        self, request: import_pb.CreateImportRequest, context: Any
    ) -> operations_pb2.Operation:
        """Begins an import."""
        request_id = UUID(request.request_id) if request.request_id else None
        begun = await self._imports.begin(_user(context), messages.items_from(request), request_id)
        return messages.operation_to(begun)

    async def ListImportItems(
        self, request: import_pb.ListImportItemsRequest, _context: Any
    ) -> import_pb.ListImportItemsResponse:
        """Lists the items of an import."""
        size = min(request.page_size or _ITEMS_DEFAULT, _ITEMS_MAX)
        question = ("items", request.import_id)
        after = pages.start(request.page_token, *question)
        items = await self._imports.items(UUID(request.import_id), after, size + 1)
        more = len(items) > size
        return import_pb.ListImportItemsResponse(
            items=[messages.item_to(item) for item in items[:size]],
            next_page_token=pages.token(items[size - 1].position, *question) if more else "",
        )

    async def OpenImportItem(
        self, request: import_pb.OpenImportItemRequest, _context: Any
    ) -> import_pb.OpenImportItemResponse:
        """Returns what an upload needs to know of its item."""
        found = await self._imports.open_item(UUID(request.import_id), request.item_id)
        return import_pb.OpenImportItemResponse(
            item=messages.item_to(found.item),
            track=track_pb2.Track.FromString(found.track),
            request_id=str(found.request_id),
        )

    async def FinishImportItem(
        self, request: import_pb.FinishImportItemRequest, _context: Any
    ) -> import_pb.FinishImportItemResponse:
        """Stores the result of an item."""
        result = messages.result_from(request.item)
        item, ended = await self._imports.finish_item(UUID(request.import_id), result)
        return import_pb.FinishImportItemResponse(
            item=messages.item_to(item), summary=messages.summary_to(ended) if ended else None
        )


class OperationServicer(operation_service_pb2_grpc.OperationServiceServicer):
    """`sonica.catalog.v1.OperationService`."""

    def __init__(self, imports: Imports) -> None:
        self._imports = imports

    async def GetOperation(
        self, request: operation_pb.GetOperationRequest, _context: Any
    ) -> operations_pb2.Operation:
        """Returns how far an operation has come."""
        import_id = messages.import_id_from(request.name)
        return messages.operation_to(*await self._imports.get(import_id))

    async def ListOperations(
        self, request: operation_pb.ListOperationsRequest, _context: Any
    ) -> operation_pb.ListOperationsResponse:
        """Lists operations, the newest first."""
        size = min(request.page_size or _OPERATIONS_DEFAULT, _OPERATIONS_MAX)
        before = pages.start(request.page_token, "operations")
        found = await self._imports.page(before, size + 1)
        more = len(found) > size
        return operation_pb.ListOperationsResponse(
            operations=[messages.operation_to(each) for each in found[:size]],
            next_page_token=pages.token(found[size - 1].number, "operations") if more else "",
        )

    async def WaitOperation(
        self, request: operation_pb.WaitOperationRequest, _context: Any
    ) -> operations_pb2.Operation:
        """Waits until an operation is done, but not for ever."""
        wanted = request.HasField("timeout")
        seconds = request.timeout.ToMicroseconds() / 1e6 if wanted else _WAIT_SECONDS_DEFAULT
        import_id = messages.import_id_from(request.name)
        return messages.operation_to(*await self._imports.wait(import_id, seconds))

    async def CancelOperation(
        self, request: operation_pb.CancelOperationRequest, _context: Any
    ) -> operation_pb.CancelOperationResponse:
        """Ends an operation."""
        await self._imports.cancel(messages.import_id_from(request.name))
        return operation_pb.CancelOperationResponse()


def _user(context: Any) -> str:
    found = dict(context.invocation_metadata() or ()).get(_USER_HEADER, "")
    return found if isinstance(found, str) else ""
