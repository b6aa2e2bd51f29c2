"""What a call has besides its messages: who makes it, from where, and a file for an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from google.api.httpbody_pb2 import HttpBody

from user_svc import messages
from user_svc.access import Access
from user_svc.model import Caller, Scope
from user_svc.sizes import in_parts


async def caller_of(access: Access, context: Any, key_scope: Scope | None = None) -> Caller:
    """Returns who calls, as `Access.caller` does.

    Raises:
        CredentialsMissingError, CredentialsRefusedError, AccessDeniedError, StoreUnreachableError.
    """
    presented = messages.presented_by(context.invocation_metadata() or ())
    return await access.caller(presented, key_scope)


def address_of(context: Any) -> str:
    """Returns the address of the client, as the proxy saw it.

    Raises:
        CredentialsRefusedError: the credentials beside it cannot be read.
    """
    return messages.presented_by(context.invocation_metadata() or ()).address


async def download(
    context: Any, filename: str, content_type: str, pieces: AsyncIterator[bytes]
) -> AsyncIterator[HttpBody]:
    """Yields a file in parts, at least one; over REST a browser stores it under the name.

    Args:
        context: of the call.
        filename: plain letters.
        content_type: of the file.
        pieces: of the file, of any size.
    """
    begun = False
    async for part in in_parts(pieces):
        if not begun:
            # Not before: what fails until here is answered as an error, with its own status.
            await context.send_initial_metadata(
                (
                    ("content-disposition", f'attachment; filename="{filename}"'),
                    ("cache-control", "no-store"),
                )
            )
            begun = True
        yield HttpBody(content_type=content_type, data=part)
