"""Accounts for programs without an event loop. Made by `make gen`; not to be edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sonica_client.accounts import ME, Accounts
from sonica_client.portal import Portal

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Generator, Sequence
    from contextlib import AbstractAsyncContextManager

    from sonica_client._messages.sonica.user.v1 import (
        Account,
        ApiKey,
        BeginSocialLogInResponse,
        Identity,
        Scope,
        SocialLogIn,
        Usage,
    )
    from sonica_client.caller import Session


class SyncAccounts:
    """Part of a `SonicaSyncClient`: `client.accounts`.

    All methods raise SonicaError: CONNECTION_NOT_PRIVATE before a secret would go in plain text to
    another machine, and those that need somebody NOT_LOGGED_IN without a session or an API key.
    """

    def __init__(self, portal: Portal, inner: Accounts) -> None:
        self._portal = portal
        self._inner = inner

    @property
    def session(self) -> Session | None:
        """Of whoever is logged in; may be set to one kept from before."""
        return self._inner.session

    @session.setter
    def session(self, session: Session | None) -> None:
        self._inner.session = session

    @property
    def on_change(self) -> Callable[[Session | None], None]:
        """Called with each new session, and with None when it has ended; may be set."""
        return self._inner.on_change

    @on_change.setter
    def on_change(self, on_change: Callable[[Session | None], None]) -> None:
        self._inner.on_change = on_change

    @property
    def exclusively(self) -> Callable[[], AbstractAsyncContextManager[Session | None]]:
        """Entered while the session is refreshed; may be set, so that programs can share one.

        It gives the session that is kept now, which another program may have refreshed meanwhile;
        None when none is kept anywhere else.
        """
        return self._inner.exclusively

    @exclusively.setter
    def exclusively(
        self, exclusively: Callable[[], AbstractAsyncContextManager[Session | None]]
    ) -> None:
        self._inner.exclusively = exclusively

    def register(
        self, email: str, password: str, *, display_name: str = "", request_id: str = ""
    ) -> Account:
        """Makes an account; does not log in.

        Args:
            email: to log in with.
            password: 10 to 128 characters.
            display_name: how the account is called.
            request_id: a UUID of the caller's, with which the call may be repeated.
        """
        return self._portal.call(
            self._inner.register(email, password, display_name=display_name, request_id=request_id)
        )

    def log_in(self, email: str, password: str) -> Session:
        """Begins a session and uses it from now on."""
        return self._portal.call(self._inner.log_in(email, password))

    def begin_social_log_in(self, provider: str, redirect_uri: str) -> BeginSocialLogInResponse:
        """Begins to log in at another provider; the person has to open `authorization_url`.

        Args:
            provider: as the operator of the mesh has called it.
            redirect_uri: where the provider sends the person to, with `state` and `code`.
        """
        return self._portal.call(self._inner.begin_social_log_in(provider, redirect_uri))

    def complete_social_log_in(self, state: str, code: str, flow_token: str) -> Session:
        """Begins the session of who came back from a provider, and uses it from now on.

        Args:
            state: as it came back; compare it with that of the begin.
            code: as it came back.
            flow_token: of the begin.
        """
        return self._portal.call(self._inner.complete_social_log_in(state, code, flow_token))

    def log_out(self) -> None:
        """Ends the session."""
        return self._portal.call(self._inner.log_out())

    def log_out_everywhere(self, name: str = ME) -> int:
        """Ends all sessions of an account, this one included; returns how many there were."""
        return self._portal.call(self._inner.log_out_everywhere(name))

    def get(self, name: str = ME) -> Account:
        """Returns an account."""
        return self._portal.call(self._inner.get(name))

    def update(self, account: Account, paths: Sequence[str] = ()) -> Account:
        """Changes display name and preferences of the account of the session.

        Args:
            account: with the new values; its name may be empty.
            paths: what to change, e.g. `preferences.languages`; none means what is not empty.
        """
        return self._portal.call(self._inner.update(account, paths))

    def usage(self) -> Usage:
        """Returns the limits of the account, and of the key the client has, and what is left."""
        return self._portal.call(self._inner.usage())

    def change_password(self, current_password: str, new_password: str) -> None:
        """Changes the password and ends all other sessions."""
        return self._portal.call(self._inner.change_password(current_password, new_password))

    def set_password(self, new_password: str, log_in: SocialLogIn) -> None:
        """Sets a password without the one before, and ends all other sessions.

        Args:
            new_password: 10 to 128 characters.
            log_in: how a fresh log-in, of `begin_social_log_in`, came back: with the identity that
                the account was made with.
        """
        return self._portal.call(self._inner.set_password(new_password, log_in))

    def link_identity(self, log_in: SocialLogIn) -> Identity:
        """Links whoever came back from a provider, so that they may log in there.

        Args:
            log_in: how the log-in of `begin_social_log_in` came back.
        """
        return self._portal.call(self._inner.link_identity(log_in))

    def list_identities(self, parent: str = ME) -> list[Identity]:
        """Returns all identities of an account, the newest first."""
        return self._portal.call(self._inner.list_identities(parent))

    def unlink_identity(self, name: str) -> None:
        """Removes an identity, by its resource name; sessions stay."""
        return self._portal.call(self._inner.unlink_identity(name))

    def create_api_key(
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
        return self._portal.call(
            self._inner.create_api_key(
                display_name,
                scopes,
                expire_time=expire_time,
                daily_recognition_limit=daily_recognition_limit,
                request_id=request_id,
            )
        )

    def list_api_keys(self, parent: str = ME) -> list[ApiKey]:
        """Returns all API keys of an account, the newest first."""
        return self._portal.call(self._inner.list_api_keys(parent))

    def rotate_api_key(self, name: str) -> tuple[ApiKey, str]:
        """Gives an API key a new secret; returns it and its text, shown only here."""
        return self._portal.call(self._inner.rotate_api_key(name))

    def revoke_api_key(self, name: str) -> ApiKey:
        """Ends an API key for good."""
        return self._portal.call(self._inner.revoke_api_key(name))

    def export(self) -> Generator[bytes, None, None]:
        """Yields the parts of one JSON document: all that is kept about the account."""
        return self._portal.iterate(self._inner.export())

    def erase(self, password: str = "", *, log_in: SocialLogIn | None = None) -> None:
        """Forgets the account for good, with all that names it; ends the session with it.

        Args:
            password: of the account; or else
            log_in: how a fresh log-in, of `begin_social_log_in`, came back: with the identity that
                the account was made with.
        """
        return self._portal.call(self._inner.erase(password, log_in=log_in))
