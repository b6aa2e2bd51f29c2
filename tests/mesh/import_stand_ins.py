"""Stand-ins for the services of imports and operations."""

from __future__ import annotations

import uuid
from typing import Any

from google.longrunning.operations_pb2 import Operation
from sonica.catalog.v1 import import_service_pb2 as imports
from sonica.catalog.v1 import import_service_pb2_grpc as imports_grpc
from sonica.catalog.v1 import operation_service_pb2 as operations
from sonica.catalog.v1 import operation_service_pb2_grpc as operations_grpc

from tests.mesh.remembering import Remembering


class ImportStandIn(Remembering, imports_grpc.ImportServiceServicer):
    """Knows every import; its items wait until they are uploaded."""

    async def CreateImport(self, request: Any, context: Any) -> Any:
        self.enter("CreateImport", context)
        return Operation(name=f"operations/{uuid.uuid4()}")

    async def ListImportItems(self, request: Any, context: Any) -> Any:
        self.enter("ListImportItems", context)
        return imports.ListImportItemsResponse()

    async def OpenImportItem(self, request: Any, context: Any) -> Any:
        self.enter("OpenImportItem", context)
        item = imports.StoredImportItem(item_id=request.item_id)
        return imports.OpenImportItemResponse(item=item)

    async def FinishImportItem(self, request: Any, context: Any) -> Any:
        self.enter("FinishImportItem", context)
        return imports.FinishImportItemResponse(item=request.item)


class OperationStandIn(Remembering, operations_grpc.OperationServiceServicer):
    """Knows every operation; all are done."""

    async def GetOperation(self, request: Any, context: Any) -> Any:
        self.enter("GetOperation", context)
        return Operation(name=request.name, done=True)

    async def WaitOperation(self, request: Any, context: Any) -> Any:
        self.enter("WaitOperation", context)
        return Operation(name=request.name, done=True)

    async def CancelOperation(self, request: Any, context: Any) -> Any:
        self.enter("CancelOperation", context)
        return operations.CancelOperationResponse()

    async def ListOperations(self, request: Any, context: Any) -> Any:
        self.enter("ListOperations", context)
        return operations.ListOperationsResponse()
