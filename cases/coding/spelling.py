"""Medical words as they are compared: one spelling for Dutch, English, French and German, and how far two are apart."""

import re
import unicodedata
from functools import cache

from cases.coding.words import read_yaml

_TAKEN_APART = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "æ": "ae", "œ": "oe", "ø": "oe", "ß": "ss"})
# One sound, one letter, in this order: carcinoom and Karzinom, haematoom and hematoma, phyllodes and fyllodes.
_SOUNDS = (
    ("ae", "e"),
    ("oe", "e"),
    ("ue", "u"),
    ("ph", "f"),
    ("th", "t"),
    ("rh", "r"),
    ("y", "i"),
    ("k", "c"),
    ("z", "c"),
)
_TWICE = re.compile(r"([a-z])\1+")
_BETWEEN = re.compile(r"[^a-z0-9+]+")
_ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}


def folded(text: str) -> str:
    """The text in small letters without accents; ä, ö and ü as ae, oe and ue."""
    text = unicodedata.normalize("NFC", text).lower().translate(_TAKEN_APART)
    return "".join(c for c in unicodedata.normalize("NFKD", text) if unicodedata.category(c) != "Mn")


def sounds(word: str) -> str:
    """A folded word with the sounds of the four languages written alike, and no letter twice in a row.

    Abbreviations keep their letters: CLL is not CL.
    """
    for sound, letter in _SOUNDS:
        word = word.replace(sound, letter)
    return word if len(word) <= 3 else _TWICE.sub(r"\1", word)


def tokens(text: str) -> tuple[str, ...]:
    """The words of a text as they are compared, without those that say nothing (`van`, `of`, `de la`)."""
    words = (word for word in _BETWEEN.split(folded(text)) if word)
    return tuple(_ROMAN.get(word) or sounds(word) for word in words if word not in _small())


@cache
def _small() -> frozenset[str]:
    return frozenset(folded(word) for word in read_yaml("cases.coding", "code_search.yaml")["small"])


def within(one: str, other: str, errors: int) -> int | None:
    """In how many letters two words differ (missing, too many, another, two swapped), or None beyond `errors`."""
    if abs(len(one) - len(other)) > errors:
        return None
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        line = [row]
        for column, against in enumerate(other, start=1):
            cost = min(last[column] + 1, line[-1] + 1, last[column - 1] + (letter != against))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == against:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        if min(line) > errors:
            return None
        before, last = last, line
    return last[-1] if last[-1] <= errors else None
