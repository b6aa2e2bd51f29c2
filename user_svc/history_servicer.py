"""`HistoryService` and `ActivityService`: messages in, who calls, use case, messages out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sonica.user.v1 import activity_service_pb2 as activity_pb
from sonica.user.v1 import activity_service_pb2_grpc as activity_grpc
from sonica.user.v1 import history_service_pb2 as history_pb
from sonica.user.v1 import history_service_pb2_grpc as history_grpc

from user_svc import history_files, messages
from user_svc import history_messages as written
from user_svc.access import Access
from user_svc.activities import Activities
from user_svc.activity_messages import activity_from
from user_svc.calls import caller_of, download
from user_svc.history import History
from user_svc.model import Scope
from user_svc.sizes import fitting

_PAGE_DEFAULT, _PAGE_MAX = 50, 200


class HistoryServicer(history_grpc.HistoryServiceServicer):
    """`sonica.user.v1.HistoryService`."""

    def __init__(self, access: Access, history: History) -> None:
        self._access = access
        self._history = history

    async def ListRecognitions(
        self, request: history_pb.ListRecognitionsRequest, context: Any
    ) -> history_pb.ListRecognitionsResponse:
        """Lists recognitions of the caller."""
        caller = await caller_of(self._access, context, Scope.ACCOUNT_READ)
        user_id = await self._access.own(caller, messages.user_from(request.parent))
        size = min(request.page_size or _PAGE_DEFAULT, _PAGE_MAX)
        query = written.query_from(request.filter)
        question = ("recognitions", user_id, query)
        before = written.page_start(request.page_token, *question)
        placed = await self._history.page(user_id, query, before, size + 1)
        found = [written.recognition_to(each.recognition) for each in placed]
        count = fitting(found, size)
        more = count < len(found)
        return history_pb.ListRecognitionsResponse(
            recognitions=found[:count],
            next_page_token=written.place_token(placed[count - 1].place, *question) if more else "",
        )

    async def ExportRecognitions(
        self, request: history_pb.ExportRecognitionsRequest, context: Any
    ) -> AsyncIterator[history_pb.ExportRecognitionsResponse]:
        """Returns all recognitions of the caller as one file."""
        caller = await caller_of(self._access, context, Scope.ACCOUNT_READ)
        user_id = await self._access.own(caller, messages.user_from(request.parent))
        pages = self._history.everything(user_id, written.query_from(request.filter))
        if request.format == history_pb.EXPORT_FORMAT_CSV:
            kind, ending, pieces = history_files.CSV_TYPE, "csv", history_files.comma_separated
        else:
            kind, ending, pieces = history_files.JSON_LINES_TYPE, "jsonl", history_files.json_lines
        async for part in download(context, f"recognitions.{ending}", kind, pieces(pages)):
            yield history_pb.ExportRecognitionsResponse(content=part)

    async def DeleteRecognition(
        self, request: history_pb.DeleteRecognitionRequest, context: Any
    ) -> history_pb.DeleteRecognitionResponse:
        """Removes one recognition of the caller."""
        caller = await caller_of(self._access, context)
        user, recognition_id = written.recognition_from(request.name)
        await self._history.delete(await self._access.own(caller, user), recognition_id)
        return history_pb.DeleteRecognitionResponse()

    async def ClearHistory(
        self, request: history_pb.ClearHistoryRequest, context: Any
    ) -> history_pb.ClearHistoryResponse:
        """Removes all recognitions of the caller."""
        caller = await caller_of(self._access, context)
        user_id = await self._access.own(caller, messages.user_from(request.parent))
        count = await self._history.clear(user_id)
        return history_pb.ClearHistoryResponse(recognition_count=count)


class ActivityServicer(activity_grpc.ActivityServiceServicer):
    """`sonica.user.v1.ActivityService`; the edge does not route it."""

    def __init__(self, activities: Activities) -> None:
        self._activities = activities

    async def ReportActivity(
        self, request: activity_pb.ReportActivityRequest, _context: Any
    ) -> activity_pb.ReportActivityResponse:
        """Remembers what was done."""
        await self._activities.report([activity_from(each) for each in request.activities])
        return activity_pb.ReportActivityResponse()
