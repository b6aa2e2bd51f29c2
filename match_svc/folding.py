"""Words as they are compared: without case, accents, width or script variants.

NFKC and case folding, then marks that change how a letter is pronounced but not which one it is
(accents, nukta, Arabic vowels) are dropped; signs that are part of a letter (matras, viramas, kana
voicing) stay. A word is a run of letters, marks and digits; of scripts that write no spaces each
sign is one. What changes here changes what is found: `FOLDING_VERSION` has to follow, and the rows
of another are made anew after the start.
"""

from __future__ import annotations

import unicodedata

#: Of the rows that this module makes, directly and through `lexemes`.
FOLDING_VERSION = 1
_WORD_LENGTH_MAX = 40
_KANA_VOICING, _VIRAMA = 8, 9
# Letters whose stroke or joint no normalisation takes apart.
_PLAIN = str.maketrans(
    dict(zip("øłđħıæœþð", ("o", "l", "d", "h", "i", "ae", "oe", "th", "d"), strict=True))
    | dict.fromkeys("'’ʼ`", "")  # the apostrophes people type
)
# Kana, then Han with its extensions and compatibility forms.
_UNSPACED = ((0x3040, 0x30FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))


def words(text: str, count_max: int) -> list[str]:
    """Returns the first words of a text, folded, each at most 40 characters long."""
    found: list[str] = []
    run = ""
    for sign in fold(text):
        alone = _is_unspaced(sign)
        if not alone and unicodedata.category(sign)[0] in "LMN":
            run += sign
            continue
        found += filter(None, (run, sign if alone else ""))
        run = ""
        if len(found) >= count_max:
            break
    found += filter(None, (run,))
    return [word[:_WORD_LENGTH_MAX] for word in found[:count_max]]


def fold(text: str) -> str:
    """Returns a text without case, accents and width."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_PLAIN)
    apart = unicodedata.normalize("NFKD", plain)
    return unicodedata.normalize("NFC", "".join(sign for sign in apart if not _is_accent(sign)))


def _is_accent(sign: str) -> bool:
    return unicodedata.combining(sign) not in (0, _KANA_VOICING, _VIRAMA)


def _is_unspaced(sign: str) -> bool:
    return any(first <= ord(sign) <= last for first, last in _UNSPACED)
