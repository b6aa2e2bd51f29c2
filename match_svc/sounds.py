"""What a word sounds like, roughly: the same for a Hindi word in Devanagari and as people type it.

No transliteration is exact: the typed form has no rule. So the key keeps only what every way of
typing has in common: consonants without aspiration, and the vowels i and u; every a is left out,
written or inherent, long or short. That finds too much rather than too little, which is why it is
used between the two scripts only, never within one.
"""

from __future__ import annotations

import re

_DEVANAGARI = re.compile(r"[\u0900-\u097f]")
_LATIN = re.compile(r"[a-z]+")
_SIGNS = (
    dict(zip("कखगघङचछजझञटठडढणतथदधन", "kkggnccjjnttddnttddn", strict=True))
    | dict(zip("पफबभमयरलळवशषसह", "ppbbmyrllvsssh", strict=True))
    | dict(zip("इईउऊएऐओऔ", "iiuuiiuu", strict=True))
    | dict(zip("िीुूेैोौॅॉ", "iiuuiiuuiu", strict=True))
    | {"ऋ": "ri", "ृ": "ri", "ं": "n", "ँ": "n"}
)
# In this order; what is not named stays.
_TYPED = (
    ("chh", "c"), ("ch", "c"), ("sh", "s"), ("ph", "p"), ("f", "p"), ("ck", "k"), ("q", "k"),
    ("x", "ks"), ("w", "v"), ("z", "j"), ("ee", "i"), ("ai", "i"), ("ei", "i"), ("e", "i"),
    ("oo", "u"), ("ou", "u"), ("au", "u"), ("o", "u"), ("a", ""),
)  # fmt: skip
_ASPIRATE = re.compile(r"(?<=[kgjtdbp])h")


def is_devanagari(word: str) -> bool:
    """Returns whether a folded word is written in Devanagari, in part at least."""
    return bool(_DEVANAGARI.search(word))


def sound(word: str) -> str:
    """Returns the key of a folded word; empty for other scripts and for words all of a."""
    if is_devanagari(word):
        key = "".join(_SIGNS.get(sign, "") for sign in word)
    elif _LATIN.fullmatch(word):
        key = _ASPIRATE.sub("", word.replace("chh", "c").replace("ch", "c"))
        for typed, plain in _TYPED:
            key = key.replace(typed, plain)
    else:
        return ""
    # The anusvara before a lip consonant is an m.
    key = re.sub("m(?=[bp])", "n", key)
    return re.sub(r"(.)\1+", r"\1", key)
