"""Puts log-ins at other providers together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from user_svc.social.fetching import open_fetcher
from user_svc.social.flows import Flows
from user_svc.social.provider import Provider
from user_svc.social.redirects import Redirects

if TYPE_CHECKING:
    from user_svc.settings import Settings
    from user_svc.stores.attempts import Attempts
    from user_svc.stores.postgres import Database


@asynccontextmanager
async def open_flows(
    database: Database, settings: Settings, attempts: Attempts
) -> AsyncIterator[Flows]:
    """Yields what begins and ends flows; nothing is asked of a provider before its first use."""
    async with open_fetcher(settings.social_timeout_seconds) as fetcher:
        providers = {
            provider.name: Provider(provider, fetcher) for provider in settings.social_providers
        }
        yield Flows(database, providers, Redirects(settings.social_redirect_uris), attempts)
