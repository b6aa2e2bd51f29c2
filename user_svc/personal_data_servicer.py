"""`PersonalDataService`: messages in, who calls, use case, messages out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sonica.user.v1 import personal_data_service_pb2 as personal_pb
from sonica.user.v1 import personal_data_service_pb2_grpc as personal_grpc

from user_svc import messages
from user_svc.access import Access
from user_svc.calls import address_of, caller_of, download
from user_svc.erasure import Erasure
from user_svc.personal_data import JSON_TYPE, PersonalData


class PersonalDataServicer(personal_grpc.PersonalDataServiceServicer):
    """`sonica.user.v1.PersonalDataService`."""

    def __init__(self, access: Access, personal_data: PersonalData, erasure: Erasure) -> None:
        self._access = access
        self._personal_data = personal_data
        self._erasure = erasure

    async def ExportPersonalData(
        self, request: personal_pb.ExportPersonalDataRequest, context: Any
    ) -> AsyncIterator[personal_pb.ExportPersonalDataResponse]:
        """Returns all that names the caller as one document."""
        caller = await caller_of(self._access, context)
        user_id = await self._access.own(caller, messages.user_from(request.name))
        pieces = self._personal_data.export(user_id)
        async for part in download(context, "personal-data.json", JSON_TYPE, pieces):
            yield personal_pb.ExportPersonalDataResponse(content=part)

    async def EraseAccount(
        self, request: personal_pb.EraseAccountRequest, context: Any
    ) -> personal_pb.EraseAccountResponse:
        """Forgets the caller."""
        caller = await caller_of(self._access, context)
        await self._access.own(caller, messages.user_from(request.name))
        proof = messages.proof_from(request, request.password)
        await self._erasure.erase(caller, address_of(context), proof)
        return personal_pb.EraseAccountResponse()
