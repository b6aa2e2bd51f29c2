"""Between the messages of ImportService and OperationService and the nouns of imports."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from google.longrunning import operations_pb2
from google.rpc import status_pb2
from sonica.catalog.v1 import import_service_pb2 as pb

from match_svc.descriptions import description_from
from match_svc.errors import ImportAbandonedError, OperationCancelledError
from match_svc.importing.model import Import, ImportState, Item, ItemState, NewItem
from match_svc.messages import time_to
from match_svc.model import Outcome
from mesh.runtime.errors import InvalidRequestError, ServiceError, to_status

_PREFIX = "operations/"


def import_id_from(name: str) -> UUID:
    """Reads `operations/{import_id}`."""
    return UUID(name.removeprefix(_PREFIX))


def items_from(request: pb.CreateImportRequest) -> list[NewItem]:
    """Reads the items of an import.

    Raises:
        InvalidRequestError: two have one name, or as `description_from`.
    """
    known: set[str] = set()
    for at, item in enumerate(request.items):
        if item.item_id in known:
            fault = (f"items[{at}].item_id", repr(item.item_id), "must be there once")
            raise InvalidRequestError("sonica.catalog", [fault])
        known.add(item.item_id)
        description_from(item.track)
    return [NewItem(item.item_id, item.track.SerializeToString()) for item in request.items]


def result_from(message: pb.StoredImportItem) -> Item:
    """Reads what became of an item.

    Raises:
        InvalidRequestError: it is no result.
    """
    if message.state == pb.IMPORT_ITEM_STATE_SUCCEEDED:
        outcome = Outcome.REGISTERED if message.outcome == 1 else Outcome.ALREADY_REGISTERED
        return Item(0, message.item_id, ItemState.SUCCEEDED, UUID(message.track_id), outcome)
    if message.state == pb.IMPORT_ITEM_STATE_FAILED:
        error = message.error.SerializeToString()
        return Item(0, message.item_id, ItemState.FAILED, error=error)
    state = pb.ImportItemState.Name(message.state)
    raise InvalidRequestError("sonica.catalog", [("item.state", state, "must be a result")])


def item_to(item: Item) -> pb.StoredImportItem:
    """Writes an item."""
    return pb.StoredImportItem(
        item_id=item.item_id,
        state=f"IMPORT_ITEM_STATE_{item.state}",
        track_id=str(item.track_id) if item.track_id else "",
        outcome=f"REGISTRATION_OUTCOME_{item.outcome.value}" if item.outcome else None,
        error=_status(item),
    )


def operation_to(found: Import, failed: Sequence[Item] = ()) -> operations_pb2.Operation:
    """Writes an import as the operation it is."""
    metadata = pb.ImportMetadata(
        import_id=str(found.import_id),
        item_count=found.item_count,
        waiting_count=found.waiting_count,
        succeeded_count=found.registered_count + found.already_registered_count,
        failed_count=found.failed_count,
        failures=[pb.ImportFailure(item_id=i.item_id, error=_status(i)) for i in failed],
        create_time=time_to(found.create_time),
        update_time=time_to(found.update_time),
        end_time=time_to(found.end_time) if found.end_time else None,
    )
    operation = operations_pb2.Operation(name=f"{_PREFIX}{found.import_id}")
    operation.metadata.Pack(metadata)
    operation.done = found.state is not ImportState.OPEN
    error = _end(found)
    if error is not None:
        operation.error.CopyFrom(to_status(error))
    elif operation.done:
        operation.response.Pack(summary_to(found))
    return operation


def summary_to(found: Import) -> pb.ImportSummary:
    """Writes what an import has come to."""
    return pb.ImportSummary(
        registered_count=found.registered_count,
        already_registered_count=found.already_registered_count,
        failed_count=found.failed_count,
    )


def _end(found: Import) -> ServiceError | None:
    """Returns why an import ended before its items had."""
    name = f"{_PREFIX}{found.import_id}"
    waiting = f"{found.waiting_count} of {found.item_count} items were still waiting"
    if found.state is ImportState.CANCELLED:
        return OperationCancelledError(f"{name} was cancelled; {waiting}", name=name)
    if found.state is ImportState.ABANDONED:
        return ImportAbandonedError(f"{name} was left alone for too long; {waiting}", name=name)
    return None


def _status(item: Item) -> status_pb2.Status | None:
    return status_pb2.Status.FromString(item.error) if item.error is not None else None
