"""Aim: a page token says where a page begins, and is taken for its own question only."""

from __future__ import annotations

from uuid import UUID

import pytest

from user_svc import pages
from user_svc.errors import PageTokenInvalidError
from user_svc.model import AccountQuery, Role

ADA, BOB = UUID(int=1), UUID(int=2)


def test_a_token_is_read_as_it_was_made() -> None:
    assert pages.start("", "keys", ADA) is None
    assert pages.start(pages.token(7, "keys", ADA), "keys", ADA) == 7
    token = pages.token(2**63 - 1, "recognitions", ADA, time=-5)
    assert pages.place(token, "recognitions", ADA) == (-5, 2**63 - 1)


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "AWsAAAAAAAAAAQ==",
        pages.token(7, "keys", ADA) + "A",
        pages.token(0, "keys", ADA),
        pages.token(2**63, "keys", ADA),
        pages.token(7, "keys", BOB),
        pages.token(7, "webhooks", ADA),
        pages.token(7, "keys"),
    ],
)
def test_what_is_no_token_of_the_question(token: str) -> None:
    with pytest.raises(PageTokenInvalidError):
        pages.start(token, "keys", ADA)


def test_a_filter_is_part_of_the_question() -> None:
    token = pages.token(7, "accounts", AccountQuery("a", Role.FREE))
    assert pages.start(token, "accounts", AccountQuery("a", Role.FREE)) == 7
    with pytest.raises(PageTokenInvalidError):
        pages.start(token, "accounts", AccountQuery("a", None))
