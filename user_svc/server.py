"""Puts the service together; what is opened here is closed here, in reverse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from argon2 import PasswordHasher
from sonica.envoy.auth.v3 import external_auth_pb2_grpc
from sonica.user.v1 import (
    account_service_pb2_grpc,
    api_key_service_pb2_grpc,
    audit_service_pb2_grpc,
    session_service_pb2_grpc,
)

from mesh.runtime.serve import Registration
from user_svc.access import Access
from user_svc.access_tokens import AccessTokens
from user_svc.accounts import Accounts
from user_svc.api_keys import ApiKeys
from user_svc.attempt_limit import AttemptLimit
from user_svc.audit_log import AuditLog
from user_svc.authorization import AuthorizationServicer
from user_svc.edge_access import EdgeAccess
from user_svc.jwks import serving_key_set
from user_svc.key_keeper import KeyKeeper
from user_svc.logins import Logins
from user_svc.operator_key import read_operator_key
from user_svc.passwords import open_passwords
from user_svc.servicer import AccountServicer, ApiKeyServicer, AuditServicer, SessionServicer
from user_svc.settings import Settings
from user_svc.stores.attempts import open_attempts
from user_svc.stores.migrate import migrate
from user_svc.stores.postgres import open_database

_DATABASE_PATIENCE_SECONDS = 30.0


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Sequence[Registration]]:
    """Opens everything user_svc needs and yields its services.

    Raises:
        StartError: PostgreSQL does not come up, what it holds is not ours, the address of the
            key set is taken, or the operator key cannot be read.
    """
    redis_url = settings.redis_url
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            open_database(
                settings.database_url.get_secret_value(),
                settings.database_pool_size,
                settings.store_timeout_seconds,
                _DATABASE_PATIENCE_SECONDS,
            )
        )
        await migrate(database)
        attempts = await stack.enter_async_context(
            open_attempts(
                redis_url.get_secret_value() if redis_url else None,
                settings.redis_timeout_seconds,
            )
        )
        passwords = stack.enter_context(
            open_passwords(hasher(settings), settings.hashing_threads, settings.max_waiting_hashes)
        )
        tokens = AccessTokens(settings.issuer, settings.audience, settings.access_ttl_seconds)
        keeper = KeyKeeper(
            database, tokens, settings.signing_key_seconds, settings.access_ttl_seconds
        )
        await stack.enter_async_context(keeper.running())
        await stack.enter_async_context(serving_key_set(settings.jwks_listen, tokens.jwks))
        limit = AttemptLimit(
            attempts, settings.max_failed_attempts, settings.attempt_window_seconds
        )
        access = Access(database, tokens, read_operator_key(settings.operator_key_file))
        yield (
            Registration(
                account_service_pb2_grpc.add_AccountServiceServicer_to_server,
                AccountServicer(access, Accounts(database, passwords, limit)),
                "sonica.user.v1.AccountService",
            ),
            Registration(
                session_service_pb2_grpc.add_SessionServiceServicer_to_server,
                SessionServicer(access, Logins(database, passwords, tokens, limit, settings)),
                "sonica.user.v1.SessionService",
            ),
            Registration(
                api_key_service_pb2_grpc.add_ApiKeyServiceServicer_to_server,
                ApiKeyServicer(access, ApiKeys(database, settings.max_api_keys)),
                "sonica.user.v1.ApiKeyService",
            ),
            Registration(
                audit_service_pb2_grpc.add_AuditServiceServicer_to_server,
                AuditServicer(access, AuditLog(database)),
                "sonica.user.v1.AuditService",
            ),
            Registration(
                external_auth_pb2_grpc.add_AuthorizationServicer_to_server,
                AuthorizationServicer(EdgeAccess(access)),
                "envoy.service.auth.v3.Authorization",
            ),
        )


def hasher(settings: Settings) -> PasswordHasher:
    """Returns Argon2id with the parameters of the settings."""
    return PasswordHasher(
        time_cost=settings.argon2_passes,
        memory_cost=settings.argon2_memory_kib,
        parallelism=settings.argon2_lanes,
    )
