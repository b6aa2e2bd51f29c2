"""Whether a caller who has a session is the owner, where a session alone is not enough."""

from __future__ import annotations

from user_svc.model import Caller
from user_svc.password_check import PasswordCheck
from user_svc.social.model import SocialLogIn
from user_svc.social.proof import IdentityProof


class OwnerCheck:
    """Takes the password of the account, or a log-in with the identity it was made with."""

    def __init__(self, passwords: PasswordCheck, identities: IdentityProof) -> None:
        self._passwords = passwords
        self._identities = identities

    async def verify(self, caller: Caller, address: str, proof: str | SocialLogIn) -> str | None:
        """Returns the hash of the password; whoever acts on the proof locks it and compares.

        Args:
            caller: whose account it is to be.
            address: of the caller.
            proof: the password, or how a log-in at a provider came back.

        Raises:
            PasswordWrongError, AttemptsExhaustedError, HashingBusyError, IdentityNoProofError,
            SocialLogInRefusedError, ProviderUnreachableError, StoreUnreachableError.
        """
        if isinstance(proof, SocialLogIn):
            return await self._identities.verify(caller, address, proof)
        return await self._passwords.verify(caller, address, proof)
