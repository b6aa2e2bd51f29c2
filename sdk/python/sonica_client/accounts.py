"""Accounts, sessions and API keys, as a part of the client.

Once logged in, all calls of the client are made with the session.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

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
    EraseAccountRequest,
    ExportPersonalDataRequest,
    GetAccountRequest,
    GetUsageRequest,
    Identity,
    LinkIdentityRequest,
    ListApiKeysRequest,
    ListIdentitiesRequest,
    LogInRequest,
    LogOutEverywhereRequest,
    LogOutRequest,
    RegisterRequest,
    RevokeApiKeyRequest,
    RotateApiKeyRequest,
    Scope,
    SocialLogIn,
    UnlinkIdentityRequest,
    UpdateAccountRequest,
    Usage,
)
from .caller import Session

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from .caller import Caller

ME = "users/me"


class Accounts:
    """Part of a `SonicaClient`: `client.accounts`.

    All methods raise SonicaError: CONNECTION_NOT_PRIVATE before a secret would go in plain text to
    another machine, and those that need somebody NOT_LOGGED_IN without a session or an API key.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @property
    def session(self) -> Session | None:
        """Of whoever is logged in; may be set to one kept from before."""
        return self._caller.session

    @session.setter
    def session(self, session: Session | None) -> None:
        self._caller.session = session

    @property
    def on_change(self) -> Callable[[Session | None], None]:
        """Called with each new session, and with None when it has ended; may be set."""
        return self._caller.on_change

    @on_change.setter
    def on_change(self, on_change: Callable[[Session | None], None]) -> None:
        self._caller.on_change = on_change

    @property
    def exclusively(self) -> Callable[[], AbstractAsyncContextManager[Session | None]]:
        """Entered while the session is refreshed; may be set, so that programs can share one.

        It gives the session that is kept now, which another program may have refreshed meanwhile;
        None when none is kept anywhere else.
        """
        return self._caller.exclusively

    @exclusively.setter
    def exclusively(
        self, exclusively: Callable[[], AbstractAsyncContextManager[Session | None]]
    ) -> None:
        self._caller.exclusively = exclusively

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
        response = await self._caller.anonymous(methods.REGISTER, request)
        return response.account or Account()

    async def log_in(self, email: str, password: str) -> Session:
        """Begins a session and uses it from now on."""
        request = LogInRequest(email=email, password=password)
        response = await self._caller.anonymous(methods.LOG_IN, request)
        return self._caller.use(response.tokens)

    async def begin_social_log_in(
        self, provider: str, redirect_uri: str
    ) -> BeginSocialLogInResponse:
        """Begins to log in at another provider; the person has to open `authorization_url`.

        Args:
            provider: as the operator of the mesh has called it.
            redirect_uri: where the provider sends the person to, with `state` and `code`.
        """
        request = BeginSocialLogInRequest(provider=provider, redirect_uri=redirect_uri)
        return await self._caller.anonymous(methods.BEGIN_SOCIAL_LOG_IN, request)

    async def complete_social_log_in(self, state: str, code: str, flow_token: str) -> Session:
        """Begins the session of who came back from a provider, and uses it from now on.

        Args:
            state: as it came back; compare it with that of the begin.
            code: as it came back.
            flow_token: of the begin.
        """
        request = CompleteSocialLogInRequest(state=state, code=code, flow_token=flow_token)
        response = await self._caller.anonymous(methods.COMPLETE_SOCIAL_LOG_IN, request)
        return self._caller.use(response.tokens)

    async def log_out(self) -> None:
        """Ends the session."""
        await self._caller.own(methods.LOG_OUT, LogOutRequest())
        self._caller.forget()

    async def log_out_everywhere(self, name: str = ME) -> int:
        """Ends all sessions of an account, this one included; returns how many there were."""
        request = LogOutEverywhereRequest(name=name)
        response = await self._caller.own(methods.LOG_OUT_EVERYWHERE, request)
        if name == ME:
            self._caller.forget()
        return response.session_count

    async def get(self, name: str = ME) -> Account:
        """Returns an account."""
        response = await self._caller.own(methods.GET_ACCOUNT, GetAccountRequest(name=name))
        return response.account or Account()

    async def update(self, account: Account, paths: Sequence[str] = ()) -> Account:
        """Changes display name and preferences of the account of the session.

        Args:
            account: with the new values; its name may be empty.
            paths: what to change, e.g. `preferences.languages`; none means what is not empty.
        """
        account.name = account.name or ME
        request = UpdateAccountRequest(account=account, update_mask=FieldMask(paths=[*paths]))
        response = await self._caller.own(methods.UPDATE_ACCOUNT, request)
        return response.account or Account()

    async def usage(self) -> Usage:
        """Returns the limits of the account, and of the key the client has, and what is left."""
        response = await self._caller.own(methods.GET_USAGE, GetUsageRequest(name=ME))
        return response.usage or Usage()

    async def change_password(self, current_password: str, new_password: str) -> None:
        """Changes the password and ends all other sessions."""
        request = ChangePasswordRequest(
            name=ME, current_password=current_password, new_password=new_password
        )
        await self._caller.own(methods.CHANGE_PASSWORD, request)

    async def set_password(self, new_password: str, log_in: SocialLogIn) -> None:
        """Sets a password without the one before, and ends all other sessions.

        Args:
            new_password: 10 to 128 characters.
            log_in: how a fresh log-in, of `begin_social_log_in`, came back: with the identity that
                the account was made with.
        """
        request = ChangePasswordRequest(name=ME, new_password=new_password, social_log_in=log_in)
        await self._caller.own(methods.CHANGE_PASSWORD, request)

    async def link_identity(self, log_in: SocialLogIn) -> Identity:
        """Links whoever came back from a provider, so that they may log in there.

        Args:
            log_in: how the log-in of `begin_social_log_in` came back.
        """
        request = LinkIdentityRequest(
            parent=ME, state=log_in.state, code=log_in.code, flow_token=log_in.flow_token
        )
        response = await self._caller.own(methods.LINK_IDENTITY, request)
        return response.identity or Identity()

    async def list_identities(self, parent: str = ME) -> list[Identity]:
        """Returns all identities of an account, the newest first."""
        identities: list[Identity] = []
        token = ""
        while True:
            request = ListIdentitiesRequest(parent=parent, page_size=100, page_token=token)
            page = await self._caller.own(methods.LIST_IDENTITIES, request)
            identities += page.identities
            token = page.next_page_token
            if not token:
                return identities

    async def unlink_identity(self, name: str) -> None:
        """Removes an identity, by its resource name; sessions stay."""
        await self._caller.own(methods.UNLINK_IDENTITY, UnlinkIdentityRequest(name=name))

    async def create_api_key(
        self,
        display_name: str,
        scopes: Sequence[Scope],
        *,
        expire_time: dt.datetime | None = None,
        daily_recognition_limit: int = 0,
        request_id: str = "",
    ) -> tuple[ApiKey, str]:
        """Makes an API key; returns it and its text, which is shown only here.

        Args:
            display_name: what to call it.
            scopes: what it may be used for.
            expire_time: when it ends, with a time zone; None means never.
            daily_recognition_limit: most recognitions with it on one UTC day, beside those the
                account may have; 0 means no limit of its own.
            request_id: a UUID of the caller's; the same id never makes two keys.
        """
        request = CreateApiKeyRequest(
            parent=ME,
            display_name=display_name,
            scopes=[*scopes],
            expire_time=expire_time,
            daily_recognition_limit=daily_recognition_limit,
            request_id=request_id,
        )
        response = await self._caller.own(methods.CREATE_API_KEY, request)
        return response.api_key or ApiKey(), response.key_text

    async def list_api_keys(self, parent: str = ME) -> list[ApiKey]:
        """Returns all API keys of an account, the newest first."""
        keys: list[ApiKey] = []
        token = ""
        while True:
            request = ListApiKeysRequest(parent=parent, page_size=100, page_token=token)
            page = await self._caller.own(methods.LIST_API_KEYS, request)
            keys += page.api_keys
            token = page.next_page_token
            if not token:
                return keys

    async def rotate_api_key(self, name: str) -> tuple[ApiKey, str]:
        """Gives an API key a new secret; returns it and its text, shown only here."""
        request = RotateApiKeyRequest(name=name)
        response = await self._caller.own(methods.ROTATE_API_KEY, request)
        return response.api_key or ApiKey(), response.key_text

    async def revoke_api_key(self, name: str) -> ApiKey:
        """Ends an API key for good."""
        request = RevokeApiKeyRequest(name=name)
        response = await self._caller.own(methods.REVOKE_API_KEY, request)
        return response.api_key or ApiKey()

    async def export(self) -> AsyncGenerator[bytes, None]:
        """Yields the parts of one JSON document: all that is kept about the account."""
        request = ExportPersonalDataRequest(name=ME)
        async for part in self._caller.own_stream(methods.EXPORT_PERSONAL_DATA, request):
            if part.content is not None:
                yield part.content.data

    async def erase(self, password: str = "", *, log_in: SocialLogIn | None = None) -> None:
        """Forgets the account for good, with all that names it; ends the session with it.

        Args:
            password: of the account; or else
            log_in: how a fresh log-in, of `begin_social_log_in`, came back: with the identity that
                the account was made with.
        """
        request = EraseAccountRequest(name=ME, password=password, social_log_in=log_in)
        await self._caller.own(methods.ERASE_ACCOUNT, request)
        self._caller.forget()
