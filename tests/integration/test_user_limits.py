"""Aim: nobody gets more than their limits, however many ask at once, and no store stops a call.

Method: two replicas of user_svc on real PostgreSQL and Redis, asked as the proxy asks them.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import unquote

import grpc
import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from sonica.envoy.ratelimit.v3 import rate_limit_pb2 as limit_pb
from sonica.envoy.ratelimit.v3.rate_limit_pb2_grpc import RateLimitServiceStub
from sonica.user.v1 import account_service_pb2 as account_pb
from sonica.user.v1 import api_key_service_pb2 as key_pb
from sonica.user.v1.api_key_pb2 import SCOPE_ACCOUNT_READ
from sonica.user.v1.usage_pb2 import Usage

from tests.integration import stores
from tests.integration.user_service import Client, Metadata, User, make_settings, user_service
from user_svc.model import Role
from user_svc.rate_limits import DAY_SECONDS, Call, RateLimits
from user_svc.stores.counts import open_counts
from user_svc.stores.migrate import migrate
from user_svc.stores.postgres import open_database

RECOGNIZE = "/sonica.recognition.v1.RecognitionService/Recognize"
STREAM = "/sonica.recognition.v1.RecognitionService/StreamingRecognize"
READ = "/sonica.catalog.v1.CatalogService/GetTrack"
OK, OVER = limit_pb.RateLimitResponse.OK, limit_pb.RateLimitResponse.OVER_LIMIT


def newcomer() -> str:
    return f"users/{uuid.uuid4()}"


async def ask(
    client: Client, user: str, rpc: str = RECOGNIZE, role: str = "free", **more: str
) -> limit_pb.RateLimitResponse:
    """Asks what the proxy asks before a call."""
    said = {"user": user, "role": role, "rpc": rpc, "content_type": "application/grpc", **more}
    entries = [limit_pb.RateLimitDescriptor.Entry(key=k, value=v) for k, v in said.items() if v]
    request = limit_pb.RateLimitRequest(
        domain="sonica", descriptors=[limit_pb.RateLimitDescriptor(entries=entries)]
    )
    answer: limit_pb.RateLimitResponse = await RateLimitServiceStub(client.channel).ShouldRateLimit(
        request, timeout=60
    )
    return answer


def headers(answer: limit_pb.RateLimitResponse) -> dict[str, str]:
    return {header.key: header.value for header in answer.response_headers_to_add}


def status_in(answer: limit_pb.RateLimitResponse) -> dict[str, object]:
    """Returns the error that a gRPC caller would find in the trailers, as JSON."""
    details = base64.b64decode(headers(answer)["grpc-status-details-bin"])
    found: dict[str, object] = json_format.MessageToDict(status_pb2.Status.FromString(details))
    return found


async def usage(client: Client, metadata: Metadata) -> Usage:
    request = account_pb.GetUsageRequest(name="users/me")
    response = await client.accounts.GetUsage(request, metadata=metadata)
    found: Usage = response.usage
    return found


async def key_of(client: Client, user: User, limit: int) -> tuple[str, str]:
    """Makes a key with a limit of its own; returns its id and its text."""
    made = await client.keys.CreateApiKey(
        key_pb.CreateApiKeyRequest(
            parent="users/me",
            display_name="radio",
            scopes=[SCOPE_ACCOUNT_READ],
            daily_recognition_limit=limit,
        ),
        metadata=user.bearer,
    )
    assert made.api_key.daily_recognition_limit == limit
    return made.api_key.name.rsplit("/", 1)[1], made.key_text


@pytest.mark.parametrize("rpc", [RECOGNIZE, STREAM])
async def test_of_many_at_once_at_two_replicas_exactly_the_limit_passes(
    postgres_dsn: str, redis_url: str, rpc: str
) -> None:
    settings = make_settings(postgres_dsn, redis_url=redis_url, free_recognitions_per_day=20)
    async with user_service(settings) as one, user_service(settings) as other:
        user = newcomer()
        asked = [ask(client, user, rpc) for _ in range(25) for client in (one, other)]
        answers = await asyncio.gather(*asked)
        assert sorted(a.overall_code for a in answers) == [OK] * 20 + [OVER] * 30
        assert (await ask(one, user, READ)).overall_code == OK
        assert (await ask(one, newcomer(), rpc)).overall_code == OK


async def test_a_premium_account_has_its_own_limits_and_an_admin_none(
    postgres_dsn: str, redis_url: str
) -> None:
    settings = make_settings(
        postgres_dsn,
        redis_url=redis_url,
        free_recognitions_per_day=1,
        premium_recognitions_per_day=3,
    )
    async with user_service(settings) as client:
        for role, limit in (("free", 1), ("premium", 3), ("admin", 9), ("unheard-of", 1)):
            user = newcomer()
            codes = [(await ask(client, user, role=role)).overall_code for _ in range(9)]
            assert codes == [OK] * limit + [OVER] * (9 - limit), role


async def test_what_a_refused_caller_is_told(postgres_dsn: str, redis_url: str) -> None:
    settings = make_settings(
        postgres_dsn, redis_url=redis_url, free_requests_per_minute=40, free_recognitions_per_day=1
    )
    async with user_service(settings) as client:
        user = newcomer()
        passed = await ask(client, user)
        assert headers(passed)["ratelimit-policy"] == (
            '"requests";q=40;w=60, "recognitions";q=1;w=86400'
        )
        assert '"recognitions";r=0;t=' in headers(passed)["ratelimit"]
        refused = await ask(client, user)
        wait = int(headers(refused)["retry-after"])
        assert 0 < wait <= DAY_SECONDS
        said = status_in(refused)
        assert said["code"] == 8
        info, retry, quota = said["details"]  # type: ignore[misc]  # three of them
        assert (info["reason"], info["domain"]) == ("QUOTA_EXHAUSTED", "sonica.edge")
        assert info["metadata"]["limit"] == "1"
        assert info["metadata"]["reset_time"].endswith("T00:00:00Z")
        assert retry["retryDelay"] == f"{wait}s"
        assert quota["violations"][0]["subject"] == user
        assert unquote(headers(refused)["grpc-message"]) == said["message"]
        by_rest = await ask(client, user, content_type="")
        assert "grpc-status-details-bin" not in headers(by_rest)
        assert json.loads(by_rest.raw_body)["details"][0]["reason"] == "QUOTA_EXHAUSTED"


async def test_calls_of_any_kind_count_for_the_minute(postgres_dsn: str, redis_url: str) -> None:
    settings = make_settings(postgres_dsn, redis_url=redis_url, free_requests_per_minute=3)
    async with user_service(settings) as client:
        user = newcomer()
        # A new minute may begin once meanwhile.
        answers = [await ask(client, user, READ) for _ in range(8)]
        refused = next(answer for answer in answers if answer.overall_code == OVER)
        info = error_details_pb2.ErrorInfo()
        status = status_pb2.Status.FromString(
            base64.b64decode(headers(refused)["grpc-status-details-bin"])
        )
        assert status.details[0].Unpack(info)
        assert (info.reason, info.metadata["limit"]) == ("RATE_LIMITED", "3")
        assert 0 < int(headers(refused)["retry-after"]) <= 60


async def test_a_key_has_a_smaller_limit_that_costs_the_account_nothing_when_used_up(
    postgres_dsn: str, redis_url: str
) -> None:
    settings = make_settings(postgres_dsn, redis_url=redis_url, free_recognitions_per_day=5)
    async with user_service(settings) as client:
        user = await client.newcomer()
        key, text = await key_of(client, user, 2)
        codes = [(await ask(client, user.name, key=key)).overall_code for _ in range(4)]
        assert codes == [OK, OK, OVER, OVER]
        now = await usage(client, [("x-api-key", text)])
        assert (now.key_recognitions.limit, now.key_recognitions.remaining) == (2, 0)
        assert (now.recognitions.used, now.recognitions.remaining) == (2, 3)
        assert now.recognitions.reset_time.seconds % DAY_SECONDS == 0
        assert 0 < now.recognitions.reset_time.seconds - time.time() <= DAY_SECONDS
        codes = [(await ask(client, user.name)).overall_code for _ in range(4)]
        assert codes == [OK, OK, OK, OVER]
        now = await usage(client, user.bearer)
        assert not now.HasField("key_recognitions")
        assert (now.name, now.recognitions.remaining) == (user.name, 0)
        # The account is used up: what a key tries then is not counted as its own.
        other, other_text = await key_of(client, user, 2)
        assert (await ask(client, user.name, key=other)).overall_code == OVER
        now = await usage(client, [("x-api-key", other_text)])
        assert now.key_recognitions.used == 0


async def test_usage_is_ones_own(postgres_dsn: str) -> None:
    async with user_service(make_settings(postgres_dsn)) as client:
        user, other = await client.newcomer(), await client.newcomer()
        now = await usage(client, user.bearer)
        assert now.requests.unlimited
        assert (now.recognitions.limit, now.recognitions.remaining) == (1000, 1000)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await client.accounts.GetUsage(
                account_pb.GetUsageRequest(name=other.name), metadata=user.bearer
            )
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


@asynccontextmanager
async def limits_at(dsn: str, url: str, clock: list[float]) -> AsyncIterator[RateLimits]:
    async with open_database(dsn, 2, 60.0, 60.0) as database, open_counts(url, 5.0) as counts:
        await migrate(database)
        settings = make_settings(dsn, free_requests_per_minute=2, free_recognitions_per_day=3)
        yield RateLimits(counts, database, settings, lambda: clock[0])


async def test_minutes_and_days_are_those_of_utc(postgres_dsn: str, redis_url: str) -> None:
    before_midnight = 20_000.0 * DAY_SECONDS - 1
    clock = [before_midnight]
    async with limits_at(postgres_dsn, redis_url, clock) as limits:
        call = Call(newcomer(), Role.FREE, "", is_recognition=True)
        for passes in (True, True, False):
            assert ((await limits.admit(call)).refusal is None) is passes
        clock[0] = before_midnight - 60
        for passes in (True, False):
            assert ((await limits.admit(call)).refusal is None) is passes
        clock[0] = before_midnight + 1
        verdict = await limits.admit(call)
        assert verdict.refusal is None
        assert [limit.seconds_left for limit in verdict.limits] == [60, DAY_SECONDS]


async def test_without_redis_calls_pass_and_it_is_said_once(
    postgres_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    with stores.redis() as (process, url):
        settings = make_settings(postgres_dsn, redis_url=url, free_recognitions_per_day=1)
        async with user_service(settings) as client:
            user = await client.newcomer()
            assert (await ask(client, user.name)).overall_code == OK
            assert (await ask(client, user.name)).overall_code == OVER
            process.kill()
            with caplog.at_level(logging.WARNING, "user_svc.rate_limits"):
                for _ in range(3):
                    answer = await ask(client, user.name)
                    assert answer.overall_code == OK
                    assert not headers(answer)
            assert len(caplog.records) == 1
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await usage(client, user.bearer)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_without_a_redis_each_replica_counts_its_own(postgres_dsn: str) -> None:
    settings = make_settings(postgres_dsn, free_recognitions_per_day=4)
    async with user_service(settings) as client:
        user = newcomer()
        answers = await asyncio.gather(*(ask(client, user) for _ in range(12)))
        assert sorted(answer.overall_code for answer in answers) == [OK] * 4 + [OVER] * 8
