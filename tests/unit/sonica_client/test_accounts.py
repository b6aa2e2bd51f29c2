"""Aim: a session outlives a call that is given up while the session is being refreshed.

Method: a server in this process whose refresh tokens are good for one use, and that answers a
refresh when it is let go.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from sonica_client import Session, SonicaError, methods
from sonica_client._messages.sonica.user.v1 import (
    Account,
    GetAccountResponse,
    LogInResponse,
    RefreshResponse,
    Tokens,
)
from sonica_client.accounts import Accounts
from sonica_client.caller import Caller
from sonica_client.connection import connection


class Server:
    """One session; the access token with the number of the refresh token is the good one."""

    def __init__(self) -> None:
        self.number = 1
        self.connection = connection("127.0.0.1:1")
        self.asked = asyncio.Event()
        self.go = asyncio.Event()

    async def unary(
        self, method: Any, request: Any, _timeout: object = None, metadata: Any = ()
    ) -> object:
        if method is methods.LOG_IN:
            return LogInResponse(tokens=tokens("another"))
        if method is methods.REFRESH:
            if request.refresh_token != f"refresh {self.number}":
                raise refused("REFRESH_REFUSED")
            self.number += 1
            given = tokens(self.number)
            self.asked.set()
            await self.go.wait()
            return RefreshResponse(tokens=given)
        if metadata[0][1] != f"Bearer access {self.number}":
            raise refused("CREDENTIALS_REFUSED")
        return GetAccountResponse(account=Account(name="users/ada"))


def accounts_at(server: Any) -> Accounts:
    return Accounts(Caller(server))


def tokens(which: object) -> Tokens:
    return Tokens(access_token=f"access {which}", refresh_token=f"refresh {which}")


def refused(reason: str) -> SonicaError:
    return SonicaError(grpc.StatusCode.UNAUTHENTICATED, "refused", reason, "sonica.user")


async def test_a_refresh_whose_caller_gives_up_is_kept() -> None:
    server = Server()
    accounts = accounts_at(server)
    accounts.session = Session("one that has ended", "refresh 1")
    seen: list[Session | None] = []
    accounts.on_change = seen.append
    calls = [asyncio.create_task(accounts.get()) for _ in range(3)]
    await server.asked.wait()
    for call in calls[:2]:  # the one that refreshes, and one that waits for it
        call.cancel()
    await asyncio.wait(calls[:2])
    assert all(call.cancelled() for call in calls[:2]), "they do not wait for the server"
    server.go.set()
    assert (await calls[2]).name == "users/ada"
    assert (await accounts.get()).name == "users/ada"
    assert seen == [Session("access 2", "refresh 2")]


async def test_a_timeout_in_a_refresh_does_not_log_out() -> None:
    server = Server()
    accounts = accounts_at(server)
    accounts.session = Session("one that has ended", "refresh 1")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await accounts.get()
    server.go.set()
    assert (await accounts.get()).name == "users/ada"
    assert accounts.session == Session("access 2", "refresh 2")


async def test_a_late_refresh_does_not_replace_a_new_session() -> None:
    server = Server()
    accounts = accounts_at(server)
    accounts.session = Session("one that has ended", "refresh 1")
    call = asyncio.create_task(accounts.get())
    await server.asked.wait()
    call.cancel()
    session = await accounts.log_in("ada@example.org", "correct horse battery")
    server.go.set()
    await accounts._caller.settle()
    assert accounts.session == session


async def test_a_refresh_that_is_refused_ends_the_session() -> None:
    accounts = accounts_at(Server())
    accounts.session = Session("one that has ended", "used before")
    with pytest.raises(SonicaError) as caught:
        await accounts.get()
    assert caught.value.reason == "REFRESH_REFUSED"
    assert accounts.session is None


async def test_a_session_that_another_program_has_refreshed_is_taken_over() -> None:
    server = Server()
    server.number = 2
    accounts = accounts_at(server)
    accounts.session = Session("one that has ended", "refresh 1")

    @asynccontextmanager
    async def kept() -> AsyncIterator[Session]:
        yield Session("access 2", "refresh 2")

    accounts.exclusively = kept
    assert (await accounts.get()).name == "users/ada"
    assert accounts.session == Session("access 2", "refresh 2")
    assert server.number == 2, "no refresh token was used"
