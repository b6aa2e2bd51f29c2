"""How well a track fits the words of a query. CPU only, about 10 us a track."""

from __future__ import annotations

from collections.abc import Sequence

from match_svc.sounds import is_devanagari, sound

# Of a word found in title, artists, album.
_FIELD_WEIGHTS = (1.0, 0.95, 0.8)
_MISSPELT, _SOUND = 0.7, 0.6
_BEGINNING_MIN, _BEGINNING_RANGE = 0.5, 0.4
_LOST = 1e-3


class Ranking:
    """Compares tracks with one query; keeps what it has found out of single words.

    Args:
        query: the words looked for, folded.
    """

    def __init__(self, query: Sequence[str]) -> None:
        self._query = query
        self._known: dict[tuple[str, str], float] = {}

    def relevance(self, folded: Sequence[str]) -> float:
        """Returns how well a track fits, in (0, 1].

        Args:
            folded: words of title, artists and album, as `lexemes.folded_fields` gives them.
        """
        fields = [field.split() for field in folded]
        found = 0.0
        for word in self._query:
            found += max(
                weight * max((self._similarity(word, other) for other in field), default=0.0)
                for weight, field in zip(_FIELD_WEIGHTS, fields, strict=True)
            )
        return max(found / len(self._query), _LOST)

    def _similarity(self, word: str, other: str) -> float:
        pair = (word, other)
        if pair not in self._known:
            self._known[pair] = similarity(word, other)
        return self._known[pair]


def similarity(word: str, other: str) -> float:
    """Returns 1 for the same word, less for its beginning, a misspelling, its sound; else 0."""
    if word == other:
        return 1.0
    if other.startswith(word):
        return _BEGINNING_MIN + _BEGINNING_RANGE * len(word) / len(other)
    if one_apart(word, other):
        return _MISSPELT
    if is_devanagari(word) is not is_devanagari(other) and sound(word) == sound(other) != "":
        return _SOUND
    return 0.0


def one_apart(word: str, other: str) -> bool:
    """Returns whether one letter is wrong, missing, too many, or two neighbours are swapped."""
    if abs(len(word) - len(other)) > 1 or min(len(word), len(other)) < 3:
        return False
    at = 0
    while at < min(len(word), len(other)) and word[at] == other[at]:
        at += 1
    rest, other_rest = word[at:], other[at:]
    swapped = rest[1:2] + rest[:1] + rest[2:]
    return (
        rest[1:] == other_rest[1:]
        or rest[1:] == other_rest
        or rest == other_rest[1:]
        or (len(rest) > 1 and swapped == other_rest)
    )
