"""The identity an account was made with, as a proof of who owns it.

An account that was made by a log-in at a provider has no password anybody knows, so this is what
stands for it. Identities that were linked later prove nothing: whoever has stolen a session could
have linked their own.
"""

from __future__ import annotations

from user_svc.model import Caller
from user_svc.refusal_log import RefusalLog
from user_svc.social.errors import IdentityNoProofError
from user_svc.social.flows import Flows
from user_svc.social.model import SocialLogIn
from user_svc.stores import accounts, identities
from user_svc.stores.postgres import Database


class IdentityProof:
    """Verifies it."""

    def __init__(self, database: Database, flows: Flows, refusals: RefusalLog) -> None:
        self._database = database
        self._flows = flows
        self._refusals = refusals

    async def verify(self, caller: Caller, address: str, log_in: SocialLogIn) -> str | None:
        """Returns the hash of the account's password; whoever acts on it locks it and compares.

        Raises:
            SocialLogInRefusedError, IdentityNoProofError, ProviderUnreachableError,
            StoreUnreachableError.
        """
        user_id = caller.user_id
        _, person = await self._flows.end(log_in.state, log_in.code, log_in.flow_token)
        async with self._database.connection("read_identity") as connection:
            identity = await identities.find(connection, person)
            stored = await accounts.password_hash(connection, user_id)
        if identity is None or identity.user_id != user_id or not identity.founding:
            await self._refusals.record(str(user_id), address, user_id, user_id)
            raise IdentityNoProofError
        return stored
