"""Aim: page tokens lead where they say, only ours do, and only for the question they are of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from match_svc.errors import PageTokenInvalidError
from match_svc.pages import start, token


@given(st.integers(1, 2**43 - 1), st.text(max_size=20))
def test_a_token_leads_back(position: int, question: str) -> None:
    assert start(token(position, question), question) == position


def test_no_token_is_the_beginning() -> None:
    assert start("") == 0


@given(st.text(max_size=200))
def test_any_text_is_a_token_or_refused(text: str) -> None:
    try:
        position = start(text)
    except PageTokenInvalidError:
        return
    assert text in ("", token(position))


def test_a_token_beyond_all_positions_is_refused() -> None:
    for position in (0, 2**43, 2**64 - 1):
        with pytest.raises(PageTokenInvalidError):
            start(token(position))


def test_a_token_of_another_question_is_refused() -> None:
    with pytest.raises(PageTokenInvalidError, match="another question"):
        start(token(5, "genre = raga", ""), "genre = rock", "")
