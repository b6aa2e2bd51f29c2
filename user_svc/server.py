"""Puts the service together; what is opened here is closed here, in reverse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from argon2 import PasswordHasher
from sonica.envoy.auth.v3 import external_auth_pb2_grpc
from sonica.envoy.ratelimit.v3 import rate_limit_pb2_grpc
from sonica.user.v1 import (
    account_service_pb2_grpc,
    activity_service_pb2_grpc,
    api_key_service_pb2_grpc,
    audit_service_pb2_grpc,
    history_service_pb2_grpc,
    identity_service_pb2_grpc,
    personal_data_service_pb2_grpc,
    session_service_pb2_grpc,
    webhook_service_pb2_grpc,
)

from mesh.runtime.serve import Registration
from user_svc.access import Access
from user_svc.access_tokens import AccessTokens
from user_svc.accounts import Accounts
from user_svc.activities import Activities
from user_svc.administration import Administration
from user_svc.api_keys import ApiKeys
from user_svc.attempt_limit import AttemptLimit
from user_svc.audit_log import AuditLog
from user_svc.authorization import AuthorizationServicer
from user_svc.edge_access import EdgeAccess
from user_svc.erasure import Erasure
from user_svc.history import History
from user_svc.history_keeper import HistoryKeeper
from user_svc.history_servicer import ActivityServicer, HistoryServicer
from user_svc.jwks import serving_key_set
from user_svc.key_keeper import KeyKeeper
from user_svc.logins import Logins
from user_svc.operator_key import read_operator_key
from user_svc.owner_check import OwnerCheck
from user_svc.password_check import PasswordCheck
from user_svc.passwords import open_passwords
from user_svc.personal_data import PersonalData
from user_svc.personal_data_servicer import PersonalDataServicer
from user_svc.rate_limit_servicer import RateLimitServicer
from user_svc.rate_limits import RateLimits
from user_svc.refusal_log import RefusalLog
from user_svc.servicer import AccountServicer, ApiKeyServicer, AuditServicer, SessionServicer
from user_svc.settings import Settings
from user_svc.social.identities import Identities
from user_svc.social.personal_data import identities_section
from user_svc.social.proof import IdentityProof
from user_svc.social.running import open_flows
from user_svc.social.servicer import IdentityServicer
from user_svc.stores.attempts import open_attempts
from user_svc.stores.counts import open_counts
from user_svc.stores.migrate import migrate
from user_svc.stores.postgres import open_database
from user_svc.webhooks.personal_data import WebhookData
from user_svc.webhooks.running import open_webhooks
from user_svc.webhooks.servicer import WebhookServicer

_DATABASE_PATIENCE_SECONDS = 30.0
_DAY_SECONDS = 86_400.0


@asynccontextmanager
async def build(settings: Settings) -> AsyncIterator[Sequence[Registration]]:
    """Opens everything user_svc needs and yields its services.

    Raises:
        StartError: PostgreSQL does not come up, what it holds is not ours, the address of the
            key set is taken, or the operator key cannot be read.
    """
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
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
            open_attempts(redis_url, settings.redis_timeout_seconds)
        )
        counts = await stack.enter_async_context(
            open_counts(redis_url, settings.redis_timeout_seconds)
        )
        passwords = stack.enter_context(
            open_passwords(hasher(settings), settings.hashing_threads, settings.max_waiting_hashes)
        )
        tokens = AccessTokens(settings.issuer, settings.audience, settings.access_ttl_seconds)
        keeper = KeyKeeper(
            database, tokens, settings.signing_key_seconds, settings.access_ttl_seconds
        )
        await stack.enter_async_context(keeper.running())
        await stack.enter_async_context(
            serving_key_set(settings.jwks_listen, tokens.jwks, settings.certificate_files)
        )
        limit = AttemptLimit(
            attempts, settings.max_failed_attempts, settings.attempt_window_seconds
        )
        refusals = RefusalLog(database, attempts)
        access = Access(database, tokens, refusals, read_operator_key(settings.operator_key_file))
        rate_limits = RateLimits(counts, database, settings)
        retention_seconds = settings.history_retention_days * _DAY_SECONDS
        history = History(database, retention_seconds, settings.history_recognitions_max)
        await stack.enter_async_context(HistoryKeeper(database, retention_seconds).running())
        webhooks, outbox = await stack.enter_async_context(open_webhooks(database, settings))
        more = (*WebhookData(database).sections(), identities_section(database))
        logins = Logins(database, passwords, tokens, limit, refusals, settings)
        flows = await stack.enter_async_context(open_flows(database, settings, attempts))
        identities = Identities(database, flows, logins, passwords)
        check = OwnerCheck(
            PasswordCheck(database, passwords, limit, refusals),
            IdentityProof(database, flows, refusals),
        )
        yield (
            Registration(
                account_service_pb2_grpc.add_AccountServiceServicer_to_server,
                AccountServicer(
                    access,
                    Accounts(database, passwords, check),
                    Administration(database),
                    rate_limits,
                ),
                "sonica.user.v1.AccountService",
            ),
            Registration(
                session_service_pb2_grpc.add_SessionServiceServicer_to_server,
                SessionServicer(access, logins, flows, identities),
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
                spared=True,
            ),
            Registration(
                rate_limit_pb2_grpc.add_RateLimitServiceServicer_to_server,
                RateLimitServicer(rate_limits),
                "envoy.service.ratelimit.v3.RateLimitService",
                spared=True,
            ),
            Registration(
                history_service_pb2_grpc.add_HistoryServiceServicer_to_server,
                HistoryServicer(access, history),
                "sonica.user.v1.HistoryService",
            ),
            Registration(
                personal_data_service_pb2_grpc.add_PersonalDataServiceServicer_to_server,
                PersonalDataServicer(
                    access, PersonalData(database, history, more), Erasure(database, check, limit)
                ),
                "sonica.user.v1.PersonalDataService",
            ),
            Registration(
                activity_service_pb2_grpc.add_ActivityServiceServicer_to_server,
                ActivityServicer(Activities(database, history, outbox)),
                "sonica.user.v1.ActivityService",
            ),
            Registration(
                webhook_service_pb2_grpc.add_WebhookServiceServicer_to_server,
                WebhookServicer(access, webhooks),
                "sonica.user.v1.WebhookService",
            ),
            Registration(
                identity_service_pb2_grpc.add_IdentityServiceServicer_to_server,
                IdentityServicer(access, identities),
                "sonica.user.v1.IdentityService",
            ),
        )


def hasher(settings: Settings) -> PasswordHasher:
    """Returns Argon2id with the parameters of the settings."""
    return PasswordHasher(
        time_cost=settings.argon2_passes,
        memory_cost=settings.argon2_memory_kib,
        parallelism=settings.argon2_lanes,
    )
