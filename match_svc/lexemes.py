"""What a track is found by, and what a query looks for: lexemes of a tsvector.

    yaman       a word
    ~yman       a word of 4 to 20 letters less one letter
    @ymn        the sound of a word in Devanagari      =yaman kalyan    a whole field
    #ymn        the sound of a word in Latin script

Two words are one letter apart when one is the other less a letter, or both less a letter are the
same. So misspellings are found by equality, which an index serves; what two such words have beyond
that in common is looked at when the results are ranked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from match_svc.folding import words
from match_svc.model import Description
from match_svc.sounds import is_devanagari, sound

QUERY_WORDS_MAX = 8
_FIELD_WORDS_MAX = 60
_WHOLE_LENGTH_MAX = 200
_MISSPELT_LENGTH_MIN, _MISSPELT_LENGTH_MAX = 4, 20
# A shorter beginning has too many ends to look through.
_PREFIX_LENGTH_MIN, _LAST_PREFIX_LENGTH_MIN = 3, 2
# A query of fewer words has none to spare.
_LOOSE_WORDS_MIN = 3


def folded_fields(about: Description) -> list[str]:
    """Returns title, artists and album as their folded words, parted by spaces."""
    artists = " ".join(dict.fromkeys((about.artist, *about.artists)))
    texts = (about.title, artists, about.album)
    return [" ".join(words(text, _FIELD_WORDS_MAX)) for text in texts]


def track_lexemes(about: Description) -> str:
    """Returns the lexemes of a track as text of a tsvector."""
    found: set[str] = set()
    for text in (about.title, about.artist, *about.artists, about.album):
        field = words(text, _FIELD_WORDS_MAX)
        whole = " ".join(field)
        if whole and len(whole) <= _WHOLE_LENGTH_MAX:
            found.add(f"={whole}")
        for word in field:
            found.add(word)
            found.update(f"~{shorter}" for shorter in _less_one(word))
            if key := sound(word):
                found.add(f"@{key}" if is_devanagari(word) else f"#{key}")
    return " ".join(f"'{lexeme}'" for lexeme in sorted(found))


def tiers(query: Sequence[str]) -> Iterable[tuple[str, bool]]:
    """Yields queries from strict to loose, each with whether it is for want of better only.

    Args:
        query: the words looked for, folded, at least one.

    Yields:
        A tsquery as text: the whole field, all words, all beginnings of words; then misspelt words
        and sounds, and one word less.
    """
    yield f"'={' '.join(query)}'", False
    yield _all(f"'{word}'" for word in query), False
    # The last word is the one that is being typed.
    lengths = [_PREFIX_LENGTH_MIN] * (len(query) - 1) + [_LAST_PREFIX_LENGTH_MIN]
    yield _all(map(_beginning, query, lengths)), False
    yield _all(map(_misspelt, query, lengths)), True
    if len(query) >= _LOOSE_WORDS_MIN:
        near = [_any((f"'{word}'", *_sounds(word))) for word in query]
        fewer = (_all(near[:left] + near[left + 1 :]) for left in range(len(near)))
        yield _any(fewer), True


def _beginning(word: str, length_min: int) -> str:
    return f"'{word}':*" if len(word) >= length_min else f"'{word}'"


def _misspelt(word: str, length_min: int) -> str:
    shorter = _less_one(word)
    near = [f"'~{word}'"] if shorter else []
    near += [form for less in shorter for form in (f"'{less}'", f"'~{less}'")]
    return _any((_beginning(word, length_min), *near, *_sounds(word)))


def _sounds(word: str) -> list[str]:
    """Returns what the word sounds like in the other script."""
    key = sound(word)
    return [f"'#{key}'" if is_devanagari(word) else f"'@{key}'"] if key else []


def _less_one(word: str) -> list[str]:
    if not _MISSPELT_LENGTH_MIN <= len(word) <= _MISSPELT_LENGTH_MAX:
        return []
    return sorted({word[:at] + word[at + 1 :] for at in range(len(word))})


def _all(parts: Iterable[str]) -> str:
    return f"({' & '.join(parts)})"


def _any(parts: Iterable[str]) -> str:
    return f"({' | '.join(parts)})"
