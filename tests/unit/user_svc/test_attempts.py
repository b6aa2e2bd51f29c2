"""Aim: failures are counted in a window, in bounded memory, whether Redis is there or not.

Method: the counts in memory, and a Redis that nobody serves.
"""

from __future__ import annotations

import pytest

from user_svc.attempt_limit import AttemptLimit
from user_svc.errors import AttemptsExhaustedError
from user_svc.stores import attempts
from user_svc.stores.attempts import MemoryAttempts, open_attempts


async def test_a_window_begins_with_its_first_attempt_and_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [100.0]
    monkeypatch.setattr(attempts.time, "monotonic", lambda: now[0])
    counts = MemoryAttempts()
    assert await counts.begin("a", 60) == (1, 60.0)
    now[0] += 59
    assert await counts.begin("a", 60) == (2, 1.0)
    assert await counts.begin("b", 60) == (1, 60.0)
    now[0] += 1
    assert await counts.begin("a", 60) == (1, 60.0)
    await counts.forget("a")
    assert await counts.begin("a", 60) == (1, 60.0)


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
        await limit.begin("ada@example.org", "10.0.0.2")
        await limit.succeeded("ada@example.org", "10.0.0.1")
        await limit.begin("ada@example.org", "10.0.0.1")
    assert caplog.text.count("Redis does not answer") == 1
    assert "ada" not in caplog.text
