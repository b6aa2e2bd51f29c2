"""Stand-ins for the history, for personal data and for reports of activity; they keep nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sonica.user.v1 import activity_service_pb2 as activity
from sonica.user.v1 import activity_service_pb2_grpc as activity_grpc
from sonica.user.v1 import history_service_pb2 as history
from sonica.user.v1 import history_service_pb2_grpc as history_grpc
from sonica.user.v1 import personal_data_service_pb2 as personal
from sonica.user.v1 import personal_data_service_pb2_grpc as personal_grpc

from mesh.runtime.serve import Registration
from tests.mesh.remembering import Remembering

_EMPTY_FILE = {"content_type": "application/json", "data": b"{}"}


class HistoryStandIn(Remembering, history_grpc.HistoryServiceServicer):
    """Remembers nothing; its files are JSON."""

    async def ListRecognitions(self, request: Any, context: Any) -> Any:
        self.enter("ListRecognitions", context)
        return history.ListRecognitionsResponse()

    async def ExportRecognitions(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.enter("ExportRecognitions", context)
        yield history.ExportRecognitionsResponse(content=_EMPTY_FILE)

    async def DeleteRecognition(self, request: Any, context: Any) -> Any:
        self.enter("DeleteRecognition", context)
        return history.DeleteRecognitionResponse()

    async def ClearHistory(self, request: Any, context: Any) -> Any:
        self.enter("ClearHistory", context)
        return history.ClearHistoryResponse()


class PersonalDataStandIn(Remembering, personal_grpc.PersonalDataServiceServicer):
    """Knows nothing of anybody."""

    async def ExportPersonalData(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.enter("ExportPersonalData", context)
        yield personal.ExportPersonalDataResponse(content=_EMPTY_FILE)

    async def EraseAccount(self, request: Any, context: Any) -> Any:
        self.enter("EraseAccount", context)
        return personal.EraseAccountResponse()


class ActivityStandIn(Remembering, activity_grpc.ActivityServiceServicer):
    """Takes every report."""

    async def ReportActivity(self, request: Any, context: Any) -> Any:
        self.enter("ReportActivity", context)
        return activity.ReportActivityResponse()


class HistoryStandIns:
    """One of each."""

    def __init__(self) -> None:
        self.history = HistoryStandIn()
        self.personal_data = PersonalDataStandIn()
        self.activity = ActivityStandIn()

    def registrations(self) -> list[Registration]:
        return [
            Registration(
                history_grpc.add_HistoryServiceServicer_to_server,
                self.history,
                "sonica.user.v1.HistoryService",
            ),
            Registration(
                personal_grpc.add_PersonalDataServiceServicer_to_server,
                self.personal_data,
                "sonica.user.v1.PersonalDataService",
            ),
            Registration(
                activity_grpc.add_ActivityServiceServicer_to_server,
                self.activity,
                "sonica.user.v1.ActivityService",
            ),
        ]
