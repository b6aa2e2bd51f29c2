"""Aim: limits of addresses hold for who calls, also behind a load balancer and over IPv6.

Method: a real Envoy that believes one proxy before it, which the test is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.mesh.rig import Rig, mesh_with_accounts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio(loop_scope="module")

EACH, SITE_TIMES = 3, 16
WINDOW = 86_400
LOG_IN = "/v1/sessions"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig() -> AsyncIterator[Rig]:
    plan = {
        "trusted_hops": 1,
        "anonymous_requests": EACH,
        "anonymous_window_seconds": WINDOW,
    }
    async with mesh_with_accounts(plan, max_failed_attempts=1) as running:
        yield running


async def statuses(rig: Rig, said: str, count: int = EACH + 1) -> list[int]:
    """Calls as the load balancer would, which appends whom it has the call from."""
    headers = {"x-forwarded-for": said}
    return [(await rig.rest.get("/v1/tracks", headers=headers)).status_code for _ in range(count)]


async def test_callers_behind_a_trusted_proxy_are_told_apart(rig: Rig) -> None:
    for caller in ("203.0.113.1", "203.0.113.2"):
        assert await statuses(rig, caller) == [200] * EACH + [429]
    # What a caller has written before stands further left, and is not believed.
    assert await statuses(rig, "198.51.100.7, 203.0.113.1", 1) == [429]


async def test_a_holder_of_a_whole_site_has_one_larger_bucket(rig: Rig) -> None:
    assert await statuses(rig, "2001:db8:1:0::1") == [200] * EACH + [429]
    assert await statuses(rig, "2001:db8:1:0:ffff::2", 1) == [429]
    passed = EACH
    for network in range(1, 2 * SITE_TIMES):
        passed += (await statuses(rig, f"2001:db8:1:{network:x}::1", EACH)).count(200)
    # A refused call may have cost the site one too.
    assert EACH * (SITE_TIMES - 1) <= passed <= EACH * SITE_TIMES
    assert await statuses(rig, "2001:db8:2::1") == [200] * EACH + [429]


async def test_accounts_too_are_guarded_by_whose_call_it_is(rig: Rig) -> None:
    form = {"email": "nobody@example.org", "password": "correct horse"}

    async def code(said: str) -> int:
        answer = await rig.rest.post(LOG_IN, json=form, headers={"x-forwarded-for": said})
        return answer.status_code

    assert [await code("203.0.113.11") for _ in range(2)] == [401, 429]
    assert await code("203.0.113.12") == 401
