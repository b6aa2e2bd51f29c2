"""Aim: page tokens lead where they say, and only ours do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from match_svc.errors import PageTokenInvalidError
from match_svc.messages import microseconds_to, page_start, page_token, seconds_to


@given(st.integers(1, 2**43 - 1))
def test_a_token_leads_back(number: int) -> None:
    assert page_start(page_token(number)) == number


def test_no_token_is_the_beginning() -> None:
    assert page_start("") == 0


@given(st.text(max_size=200))
def test_any_text_is_a_token_or_refused(text: str) -> None:
    try:
        number = page_start(text)
    except PageTokenInvalidError:
        return
    assert text in ("", page_token(number))


def test_a_token_of_no_track_is_refused() -> None:
    for number in (0, 2**43, 2**64 - 1):
        with pytest.raises(PageTokenInvalidError):
            page_start(page_token(number))


def test_times_keep_their_sign() -> None:
    assert seconds_to(-1.25).ToMicroseconds() == -1_250_000
    assert seconds_to(-0.25).ToMicroseconds() == -250_000
    assert microseconds_to(86_400_000_000).seconds == 86_400
