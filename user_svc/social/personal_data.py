"""What social log-ins hold about an account: a list of the document it can export."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from google.protobuf.json_format import MessageToDict

from user_svc.personal_data import Section
from user_svc.social.servicer import identity_to
from user_svc.stores import identities
from user_svc.stores.postgres import Database

# More than an account may have.
_PAGE = 100


def identities_section(database: Database) -> Section:
    """Returns the list of identities."""

    async def rows(user_id: UUID) -> AsyncIterator[list[dict[str, Any]]]:
        async with database.connection("list_identities") as connection:
            found = await identities.page(connection, user_id, None, _PAGE)
        yield [
            MessageToDict(identity_to(each), always_print_fields_with_no_presence=True)
            for each in found
        ]

    return Section("identities", rows)
