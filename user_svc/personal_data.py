"""All that is kept about an account, as one JSON document made piece by piece."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from google.protobuf.json_format import MessageToDict

from user_svc import messages
from user_svc.accounts import not_found
from user_svc.history import History
from user_svc.history_files import json_form
from user_svc.logins import session_name
from user_svc.model import AuditAction
from user_svc.stores import accounts, api_keys, audit, sessions
from user_svc.stores.postgres import Database

JSON_TYPE = "application/json"
_PAGE = 200

#: Yields the rows of an account in pages, as they are written.
Rows = Callable[[UUID], AsyncIterator[Sequence[dict[str, Any]]]]


class Section(NamedTuple):
    """One list of the document.

    Attributes:
        name: in the document.
        rows: what is in it; no secrets.
    """

    name: str
    rows: Rows


class PersonalData:
    """Use case `ExportPersonalData` of `sonica.user.v1.PersonalDataService`.

    Args:
        database: where accounts are kept.
        history: where recognitions are.
        more: lists besides those of accounts and their history.
    """

    def __init__(self, database: Database, history: History, more: Sequence[Section] = ()) -> None:
        self._database = database
        self._history = history
        self._sections = (
            Section("sessions", self._sessions),
            Section("apiKeys", self._api_keys),
            Section("recognitions", self._recognitions),
            Section("auditEvents", self._audit_events),
            *more,
        )

    async def export(self, user_id: UUID) -> AsyncIterator[bytes]:
        """Yields pieces of the document, small ones; between them no connection is held.

        Raises:
            AccountNotFoundError, StoreUnreachableError.
        """
        async with self._database.transaction("export_account") as connection:
            account = await accounts.find(connection, user_id)
            if account is None:
                raise not_found(user_id)
            await audit.record(
                connection, AuditAction.PERSONAL_DATA_EXPORTED, user_id=user_id, actor_id=user_id
            )
        yield _text('{"exportTime":', datetime.now(UTC).isoformat())
        yield _text(',"account":', _shown(messages.account_to(account)))
        for section in self._sections:
            yield f',"{section.name}":['.encode()
            comma = ""
            async for page in section.rows(user_id):
                for row in page:
                    yield _text(comma, row)
                    comma = ","
            yield b"]"
        yield b"}\n"

    async def _sessions(self, user_id: UUID) -> AsyncIterator[list[dict[str, Any]]]:
        async with self._database.connection("list_sessions") as connection:
            found = await sessions.of(connection, user_id)
        yield [
            {
                "name": session_name(user_id, each.session_id),
                "createTime": each.create_time.isoformat(),
                "expireTime": each.expire_time.isoformat(),
            }
            for each in found
        ]

    async def _api_keys(self, user_id: UUID) -> AsyncIterator[list[dict[str, Any]]]:
        before = None
        while True:
            async with self._database.connection("list_api_keys") as connection:
                keys = await api_keys.page(connection, user_id, before, _PAGE)
            if not keys:
                return
            yield [_shown(messages.api_key_to(key)) for key in keys]
            before = keys[-1].key_number

    async def _recognitions(self, user_id: UUID) -> AsyncIterator[list[dict[str, Any]]]:
        async for page in self._history.everything(user_id):
            yield [json_form(each) for each in page]

    async def _audit_events(self, user_id: UUID) -> AsyncIterator[list[dict[str, Any]]]:
        before = None
        while True:
            async with self._database.connection("list_events") as connection:
                events = await audit.page_naming(connection, user_id, before, _PAGE)
            if not events:
                return
            yield [_shown(messages.event_to(event)) for event in events]
            before = events[-1].event_number


def _shown(message: Any) -> dict[str, Any]:
    return MessageToDict(message, always_print_fields_with_no_presence=True)


def _text(before: str, value: object) -> bytes:
    return (before + json.dumps(value, ensure_ascii=False, separators=(",", ":"))).encode()
