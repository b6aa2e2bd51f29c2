"""Accounts, sessions and API keys, as a part of the client.

A session is refreshed by itself when its access token has ended. Each refresh token is good for
one use, so whoever keeps a session beyond the process has to keep what `on_change` is told, and
must not use one session from two processes at once.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from . import methods
from ._messages.google.protobuf import FieldMask
from ._messages.sonica.user.v1 import (
    Account,
    ApiKey,
    BeginSocialLogInRequest,
    BeginSocialLogInResponse,
    ChangePasswordRequest,
    CompleteSocialLogInRequest,
    CreateApiKeyRequest,
    GetAccountRequest,
    ListApiKeysRequest,
    ListEventsRequest,
    ListEventsResponse,
    LogInRequest,
    LogOutEverywhereRequest,
    LogOutRequest,
    RefreshRequest,
    RegisterRequest,
    RevokeApiKeyRequest,
    RotateApiKeyRequest,
    Scope,
    Tokens,
    UpdateAccountRequest,
)
from .errors import CLIENT_DOMAIN, SonicaError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import betterproto2

RequestT = TypeVar("RequestT", bound="betterproto2.Message")
ResponseT = TypeVar("ResponseT", bound="betterproto2.Message")
ME = "users/me"


@dataclass(frozen=True, slots=True)
class Session:
    """What a log-in gave; the tokens are secrets."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


class Accounts:
    """Part of a `SonicaClient`: `client.accounts`.

    Attributes:
        session: of whoever is logged in; may be set to one kept from before.
        on_change: called with each new session, and with None when it has ended.

    All methods raise SonicaError; without a session those that need one as `NOT_LOGGED_IN`.
    """

    def __init__(self, unary: Callable[..., Any]) -> None:
        self._unary = unary
        self._refreshing = asyncio.Lock()
        self._renewals: set[asyncio.Task[None]] = set()
        self.session: Session | None = None
        self.on_change: Callable[[Session | None], None] = lambda _session: None

    async def register(
        self, email: str, password: str, *, display_name: str = "", request_id: str = ""
    ) -> Account:
        """Makes an account; does not log in.

        Args:
            email: to log in with.
            password: 10 to 128 characters.
            display_name: how the account is called.
            request_id: a UUID of the caller's, with which the call may be repeated.
        """
        request = RegisterRequest(
            email=email, password=password, display_name=display_name, request_id=request_id
        )
        response = await self._unary(methods.REGISTER, request, None)
        return response.account or Account()

    async def log_in(self, email: str, password: str) -> Session:
        """Begins a session and uses it from now on."""
        request = LogInRequest(email=email, password=password)
        response = await self._unary(methods.LOG_IN, request, None)
        return self._use(response.tokens)

    async def begin_social_log_in(
        self, provider: str, redirect_uri: str
    ) -> BeginSocialLogInResponse:
        """Begins to log in at another provider; the person has to open `authorization_url`.

        Args:
            provider: as the operator of the mesh has called it.
            redirect_uri: where the provider sends the person to, with `state` and `code`.
        """
        request = BeginSocialLogInRequest(provider=provider, redirect_uri=redirect_uri)
        response: BeginSocialLogInResponse = await self._unary(
            methods.BEGIN_SOCIAL_LOG_IN, request, None
        )
        return response

    async def complete_social_log_in(self, state: str, code: str, flow_token: str) -> Session:
        """Begins the session of who came back from a provider, and uses it from now on.

        Args:
            state: as it came back; compare it with that of the begin.
            code: as it came back.
            flow_token: of the begin.
        """
        request = CompleteSocialLogInRequest(state=state, code=code, flow_token=flow_token)
        response = await self._unary(methods.COMPLETE_SOCIAL_LOG_IN, request, None)
        return self._use(response.tokens)

    async def log_out(self) -> None:
        """Ends the session."""
        await self._authorized(methods.LOG_OUT, LogOutRequest())
        self._forget()

    async def log_out_everywhere(self, name: str = ME) -> int:
        """Ends all sessions of an account, this one included; returns how many there were."""
        request = LogOutEverywhereRequest(name=name)
        response = await self._authorized(methods.LOG_OUT_EVERYWHERE, request)
        if name == ME:
            self._forget()
        return response.session_count

    async def get(self, name: str = ME) -> Account:
        """Returns an account."""
        response = await self._authorized(methods.GET_ACCOUNT, GetAccountRequest(name=name))
        return response.account or Account()

    async def update(self, account: Account, paths: Sequence[str] = ()) -> Account:
        """Changes display name and preferences of the account of the session.

        Args:
            account: with the new values; its name may be empty.
            paths: what to change, e.g. `preferences.languages`; none means what is not empty.
        """
        account.name = account.name or ME
        request = UpdateAccountRequest(account=account, update_mask=FieldMask(paths=[*paths]))
        response = await self._authorized(methods.UPDATE_ACCOUNT, request)
        return response.account or Account()

    async def change_password(self, current_password: str, new_password: str) -> None:
        """Changes the password and ends all other sessions."""
        request = ChangePasswordRequest(
            name=ME, current_password=current_password, new_password=new_password
        )
        await self._authorized(methods.CHANGE_PASSWORD, request)

    async def create_api_key(
        self,
        display_name: str,
        scopes: Sequence[Scope],
        *,
        expire_time: dt.datetime | None = None,
        request_id: str = "",
    ) -> tuple[ApiKey, str]:
        """Makes an API key; returns it and its text, which is shown only here.

        Args:
            display_name: what to call it.
            scopes: what it may be used for.
            expire_time: when it ends, with a time zone; None means never.
            request_id: a UUID of the caller's; the same id never makes two keys.
        """
        request = CreateApiKeyRequest(
            parent=ME,
            display_name=display_name,
            scopes=[*scopes],
            expire_time=expire_time,
            request_id=request_id,
        )
        response = await self._authorized(methods.CREATE_API_KEY, request)
        return response.api_key or ApiKey(), response.key_text

    async def list_api_keys(self, parent: str = ME) -> list[ApiKey]:
        """Returns all API keys of an account, the newest first."""
        keys: list[ApiKey] = []
        token = ""
        while True:
            request = ListApiKeysRequest(parent=parent, page_size=100, page_token=token)
            page = await self._authorized(methods.LIST_API_KEYS, request)
            keys += page.api_keys
            token = page.next_page_token
            if not token:
                return keys

    async def rotate_api_key(self, name: str) -> tuple[ApiKey, str]:
        """Gives an API key a new secret; returns it and its text, shown only here."""
        request = RotateApiKeyRequest(name=name)
        response = await self._authorized(methods.ROTATE_API_KEY, request)
        return response.api_key or ApiKey(), response.key_text

    async def revoke_api_key(self, name: str) -> ApiKey:
        """Ends an API key for good."""
        request = RevokeApiKeyRequest(name=name)
        response = await self._authorized(methods.REVOKE_API_KEY, request)
        return response.api_key or ApiKey()

    async def audit_events(
        self, user: str = "", *, page_size: int = 0, page_token: str = ""
    ) -> ListEventsResponse:
        """Returns one page of the audit log, the newest first; for admins."""
        request = ListEventsRequest(user=user, page_size=page_size, page_token=page_token)
        return await self._authorized(methods.LIST_EVENTS, request)

    async def settle(self) -> None:
        """Waits for refreshes under way: the token they bring is the only one that still works."""
        await asyncio.gather(*self._renewals, return_exceptions=True)

    async def _authorized(
        self, method: methods.Method[RequestT, ResponseT], request: RequestT
    ) -> ResponseT:
        """Calls with the access token; refreshes it once when it is refused."""
        used = self._held()
        try:
            return await self._call(method, request, used)
        except SonicaError as error:
            if error.reason != "CREDENTIALS_REFUSED":
                raise
        # In a task of its own, held until it ends: if the caller goes away after the server has
        # used up the token, the next one is kept all the same.
        renewal = asyncio.create_task(self._renew(used))
        self._renewals.add(renewal)
        renewal.add_done_callback(self._renewals.discard)
        await asyncio.shield(renewal)
        return await self._call(method, request, self._held())

    async def _call(
        self, method: methods.Method[RequestT, ResponseT], request: RequestT, session: Session
    ) -> ResponseT:
        metadata = (("authorization", f"Bearer {session.access_token}"),)
        response: ResponseT = await self._unary(method, request, None, metadata)
        return response

    async def _renew(self, used: Session) -> None:
        async with self._refreshing:
            # Another call may have refreshed it meanwhile, and the token is good for one use.
            if self.session == used:
                await self._refresh(used)

    async def _refresh(self, session: Session) -> None:
        request = RefreshRequest(refresh_token=session.refresh_token)
        try:
            response = await self._unary(methods.REFRESH, request, None)
        except SonicaError as error:
            if error.reason == "REFRESH_REFUSED" and self.session == session:
                self._forget()
            raise
        # Whoever has logged in or out meanwhile, with no call in wait, has done with this one.
        if self.session == session:
            self._use(response.tokens)

    def _held(self) -> Session:
        if self.session is None:
            raise SonicaError(
                grpc.StatusCode.UNAUTHENTICATED, "not logged in", "NOT_LOGGED_IN", CLIENT_DOMAIN
            )
        return self.session

    def _use(self, tokens: Tokens | None) -> Session:
        tokens = tokens or Tokens()
        self.session = Session(tokens.access_token, tokens.refresh_token)
        self.on_change(self.session)
        return self.session

    def _forget(self) -> None:
        self.session = None
        self.on_change(None)
