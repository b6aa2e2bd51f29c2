"""Aim: what people type the same is the same; what is another word stays another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from match_svc.folding import words
from match_svc.lexemes import tiers, track_lexemes
from match_svc.model import Description
from match_svc.relevance import Ranking, one_apart, similarity
from match_svc.sounds import sound


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Beyoncé", ["beyonce"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("Don’t Stop", ["dont", "stop"]),
        ("Ｆｕｌｌ ｗｉｄｔｈ", ["full", "width"]),
        ("Sigur Rós - Ágætis byrjun", ["sigur", "ros", "agaetis", "byrjun"]),
        ("ﬁre (2019)", ["fire", "2019"]),
        ("राग यमन", ["राग", "यमन"]),
        ("ज़िंदगी", ["जिंदगी"]),
        ("がんばれ", ["が", "ん", "ば", "れ"]),
        ("ΑΣ ας", ["ασ", "ασ"]),
        ("!? …", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text, 10) == expected


@pytest.mark.parametrize(
    ("devanagari", "typed"),
    [
        ("यमन", "yaman"), ("राग", "raga"), ("केसरिया", "kesariya"), ("ज़िंदगी", "zindagi"),
        ("ज़िंदगी", "jindagi"), ("प्यार", "pyaar"), ("मोहब्बत", "mohabbat"), ("इश्क़", "ishq"),
        ("आँखें", "aankhen"), ("तुम", "tum"), ("भैरवी", "bhairavi"), ("लंबा", "lamba"),
        ("छोटी", "chhoti"), ("वैष्णव", "vaishnav"), ("दीवाना", "deewana"), ("फूल", "phool"),
    ],
)  # fmt: skip
def test_a_word_sounds_the_same_in_both_scripts(devanagari: str, typed: str) -> None:
    (written,), (latin,) = words(devanagari, 1), words(typed, 1)
    assert sound(written) == sound(latin) != ""


def test_other_words_sound_different() -> None:
    for devanagari, typed in (("यमन", "bhairavi"), ("तुम", "hum"), ("प्यार", "yaar")):
        assert sound(devanagari) != sound(typed)
    assert sound("ας") == ""


@pytest.mark.parametrize("near", ["yamn", "yamaan", "yanan", "ymaan", "yamna"])
def test_one_letter_apart(near: str) -> None:
    assert one_apart("yaman", near)
    assert one_apart(near, "yaman")
    assert similarity(near, "yaman") > 0


@pytest.mark.parametrize("far", ["yman1", "namay", "yam", "yamanxx"])
def test_further_apart(far: str) -> None:
    assert not one_apart("yaman", far)


@given(st.text(max_size=300))
def test_any_text_makes_lexemes_that_postgresql_can_read(text: str) -> None:
    made = track_lexemes(Description(title=text, artists=(text,)))
    assert "\\" not in made
    assert made.count("'") % 2 == 0
    query = words(text, 8)
    for tsquery, _ in tiers(query) if query else ():
        assert "\\" not in tsquery
        assert tsquery.count("(") == tsquery.count(")")


def test_relevance_is_one_when_all_is_as_written() -> None:
    ranking = Ranking(["raga", "yaman"])
    assert ranking.relevance(["raga yaman", "someone", ""]) == 1.0
    title, artist = (ranking.relevance(f) for f in (["raga yaman", "", ""], ["raga", "yaman", ""]))
    album, near = (ranking.relevance(f) for f in (["raga", "", "yaman"], ["raga yamen", "", ""]))
    assert 1.0 == title > artist > album > 0
    assert artist > near > 0
