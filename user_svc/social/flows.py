"""Log-ins at other providers from their begin until it is known who came back."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime

from user_svc.attempt_limit import count_key
from user_svc.social.errors import (
    ProviderUnknownError,
    SocialLogInBusyError,
    SocialLogInRefusedError,
)
from user_svc.social.flow import FlowSecrets, new_flow, read_flow
from user_svc.social.model import Person
from user_svc.social.provider import Provider
from user_svc.social.redirects import Redirects
from user_svc.stores import social_flows
from user_svc.stores.attempts import Attempts
from user_svc.stores.postgres import Database

_FLOW_SECONDS = 600
# Each is a row that anybody can make; ten thousand at once are no people.
_FLOWS_MAX = 10_000
# Begun from one address while one goes on; a house full of people behind it has room.
_FLOWS_OF_ADDRESS_MAX = 50


class Flows:
    """Begins and ends flows.

    Args:
        database: where they are kept for ten minutes.
        providers: by name.
        redirects: where providers may send people to.
        attempts: counts what each address begins, for all replicas.
    """

    def __init__(
        self,
        database: Database,
        providers: Mapping[str, Provider],
        redirects: Redirects,
        attempts: Attempts,
    ) -> None:
        self._database = database
        self._providers = providers
        self._redirects = redirects
        self._attempts = attempts

    async def begin(
        self, provider: str, redirect_uri: str, address: str
    ) -> tuple[str, FlowSecrets, datetime]:
        """Returns where the person has to go, the secrets of the flow, and when it ends.

        Args:
            provider: its name.
            redirect_uri: where it sends the person back to.
            address: of the client.

        Raises:
            ProviderUnknownError, RedirectUriRefusedError, ProviderUnreachableError,
            SocialLogInBusyError, StoreUnreachableError, StorageFullError.
        """
        found = self._providers.get(provider)
        if found is None:
            known = ", ".join(self._providers) or "none"
            raise ProviderUnknownError(
                f"there is no provider {provider!r}; known: {known}",
                provider=provider,
                known_providers=known,
            )
        self._redirects.check(redirect_uri)
        await self._count(address)
        flow = new_flow()
        url = await found.authorization_url(redirect_uri, flow)
        async with self._database.transaction("begin_social_flow") as connection:
            if await social_flows.count(connection) >= _FLOWS_MAX:
                raise SocialLogInBusyError(
                    f"{_FLOWS_MAX} log-ins at other providers are under way; try again later",
                    retry_after_seconds=60.0,
                )
            expire_time = await social_flows.insert(
                connection, flow, provider, redirect_uri, _FLOW_SECONDS
            )
        return url, flow, expire_time

    async def _count(self, address: str) -> None:
        """Counts a flow for its address.

        Raises:
            SocialLogInBusyError: it has begun too many, ended or not.
        """
        key = count_key("", address, "social flows")
        count = await self._attempts.begin(key, _FLOW_SECONDS)
        if count.attempts > _FLOWS_OF_ADDRESS_MAX:
            raise SocialLogInBusyError(
                f"{_FLOWS_OF_ADDRESS_MAX} log-ins at other providers were begun from this address "
                f"in {_FLOW_SECONDS // 60} minutes; try again later",
                retry_after_seconds=count.seconds_left,
            )

    async def end(self, state: str, code: str, flow_token: str) -> tuple[str, Person]:
        """Returns the provider and whom it has vouched for. Whatever is wrong, the flow is over.

        Raises:
            SocialLogInRefusedError, ProviderUnreachableError, StoreUnreachableError.
        """
        secrets = read_flow(state, flow_token)
        if secrets is None:
            raise SocialLogInRefusedError
        async with self._database.transaction("end_social_flow") as connection:
            flow = await social_flows.take(connection, secrets.state_sha256)
        if flow is None or not hmac.compare_digest(flow.flow_sha256, secrets.flow_sha256):
            raise SocialLogInRefusedError
        provider = self._providers.get(flow.provider)
        if provider is None:
            raise SocialLogInRefusedError  # the operator has taken it away meanwhile
        return provider.name, await provider.person(code, flow.redirect_uri, secrets)
