"""Aim: failures are counted in a window, in bounded memory, whether Redis is there or not.

Method: the counts in memory, and a Redis that nobody serves.
"""

from __future__ import annotations

import asyncio

import pytest
from argon2.exceptions import VerificationError

from user_svc.attempt_limit import AttemptLimit
from user_svc.errors import AttemptsExhaustedError, HashingBusyError, StoreUnreachableError
from user_svc.stores import attempts
from user_svc.stores.attempts import Count, MemoryAttempts, open_attempts


async def test_a_window_begins_with_its_first_attempt_and_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(attempts.time, "monotonic", lambda: now[0])
    counts = MemoryAttempts()
    assert await counts.begin("a", 60) == Count(1, 60.0)
    now[0] += 59
    assert await counts.begin("a", 60) == Count(2, 1.0)
    assert await counts.begin("b", 60) == Count(1, 60.0)
    now[0] += 1
    assert await counts.begin("a", 60) == Count(1, 60.0)
    await counts.forget("a")
    assert await counts.begin("a", 60) == Count(1, 60.0)


async def test_what_is_given_back_counts_no_more_and_never_below_none() -> None:
    counts = MemoryAttempts()
    first = await counts.begin("a", 60)
    second = await counts.begin("a", 60)
    await counts.give_back("a", second)
    assert (await counts.begin("a", 60)).attempts == 2
    for _ in range(4):
        await counts.give_back("a", first)
    await counts.give_back("never begun", first)
    assert (await counts.begin("a", 60)).attempts == 1
    assert (await counts.begin("never begun", 60)).attempts == 1


async def fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    "failure",
    [
        HashingBusyError("busy"),
        StoreUnreachableError("away"),
        VerificationError("Memory allocation error"),
        asyncio.CancelledError(),
    ],
    ids=["busy", "store", "memory", "cancelled"],
)
async def test_an_attempt_without_a_verdict_does_not_count(failure: BaseException) -> None:
    limit = AttemptLimit(MemoryAttempts(), 2, 60)
    async with limit.attempt("ada@example.org", "10.0.0.1"):
        pass  # a verdict
    for _ in range(5):
        with pytest.raises(type(failure)):
            async with limit.attempt("ada@example.org", "10.0.0.1"):
                await fail(failure)
    async with limit.attempt("ada@example.org", "10.0.0.1"):
        pass
    with pytest.raises(AttemptsExhaustedError):
        async with limit.attempt("ada@example.org", "10.0.0.1"):
            pytest.fail("it was let in")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:1::1", "2001:DB8:0:1:0::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("", "unknown", False),
    ],
)
async def test_an_ipv6_address_counts_by_what_its_holder_has(
    one: str, other: str, same: bool
) -> None:
    limit = AttemptLimit(MemoryAttempts(), 1, 60)
    await limit.begin("ada@example.org", one)
    if same:
        with pytest.raises(AttemptsExhaustedError):
            await limit.begin("ada@example.org", other)
    else:
        await limit.begin("ada@example.org", other)


async def test_memory_is_bounded_and_what_is_tried_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_KEYS_MAX", 10)
    counts = MemoryAttempts()
    for number in range(100):
        await counts.begin(f"other {number}", 60)
        assert (await counts.begin("guessed", 60)).attempts == number + 1
    assert len(counts._counts) == 10


async def test_without_redis_the_own_count_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async with open_attempts("unix:///nowhere/redis.sock", 5.0) as counts:
        limit = AttemptLimit(counts, 2, 60)
        for _ in range(2):
            await limit.begin("ada@example.org", "10.0.0.1")
        with pytest.raises(AttemptsExhaustedError) as caught:
            await limit.begin("ada@example.org", "10.0.0.1")
        assert 0 < (caught.value.retry_after_seconds or 0) <= 60
        with pytest.raises(HashingBusyError):
            async with limit.attempt("ada@example.org", "10.0.0.2"):
                await fail(HashingBusyError("busy"))
        for _ in range(2):
            await limit.begin("ada@example.org", "10.0.0.2")
        await limit.succeeded("ada@example.org", "10.0.0.1")
        await limit.begin("ada@example.org", "10.0.0.1")
    assert caplog.text.count("Redis does not answer") == 1
    assert "ada" not in caplog.text
