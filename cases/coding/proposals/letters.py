"""A pasted text made plain: one form of each letter, with the way back to the characters that were given.

What is folded: capitals, accents, ligatures, odd spaces, dashes and digits, words that were broken at the end of a line,
and the figures that a scanner reads as letters (O for 0, l and I for 1).
"""

import re
import unicodedata
from array import array
from dataclasses import dataclass
from functools import cached_property

from cases.coding.proposals.tables import told_in_turn

_KEPT = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i"}
_DASHES = frozenset("‐‑‒–—―−﹣－➖")
_QUOTES = frozenset("‘’ʼ′`´＇")
_SIGNS = {
    "×": "x",
    "✕": "x",
    "＋": "+",
    "％": "%",
    "：": ":",
    "（": "(",
    "）": ")",
    "＜": "<",
    "＞": ">",
    "≧": "≥",
    "≦": "≤",
}

# A number in which a scanner took figures for letters: at least one figure, and nothing else but those letters.
_MISREAD = re.compile(r"(?<![^\W_])(?=[OoIl|]{0,9}[0-9])[0-9OoIl|]{2,10}(?![^\W_])")
# Letters alone are figures before a unit, as part of a fraction and as a score.
_MISREAD_ALONE = re.compile(
    r"(?<![^\W_])[OolI|]{1,3}(?=[ ]{0,2}(?:%|mm\b|cm\b|/[ ]?[0-9]))|(?<![^\W_/])[lI|](?=[+](?!\w|[ ]?[IVX+0-9]))"
    r"|(?<![^\W_])[lI](?=[,.][0-9]|[ ](?:van|sur|of|von)[ ][0-9])|(?<=[0-9]/)[OolI|](?![^\W_])|(?<=[sS]core )[OolI|](?![^\W_])"
)
# Leaders of a form, and colons that stand in a column of their own, are moved to the label.
_LEADER = re.compile(r"[ ]?\.{3,}[ ]{0,9}:?|(?<![ ])[ ]{2,}:")
# One letter alone as the value of a row, and behind HER2.
_VALUE = re.compile(r"(:[ ]{0,60}|(?:HER2|her2|Her2|neu)[ ]{1,3})([OolI|])(?=[ ]*(?:$|[\n,;)]|\.(?![0-9])|[ ]?\+))")
_FIGURES = str.maketrans("OoIl|", "00111")
_BROKEN_WORD = re.compile(r"(?<=[a-z0-9])-[ ]{0,9}\n[ ]{0,9}(?=[a-z]{2})")


@dataclass(frozen=True, slots=True)
class _Folded:
    cased: str
    places: "array[int] | None"


class Plain:
    """`cased` and `low` are the plain text with and without capitals, equally long; `place` leads back."""

    def __init__(self, text: str) -> None:
        self.text = text
        folded = _fold(text)
        cased, self._places = folded.cased, folded.places
        cased = _MISREAD.sub(_figures, cased)
        cased = _MISREAD_ALONE.sub(_figures, cased)
        broken = [match.span() for match in _BROKEN_WORD.finditer(cased)]
        if broken:
            cased = self._without(cased, broken)
        self.cased = _LEADER.sub(lambda match: ":" + " " * (len(match.group()) - 1), cased)
        self.cased = _VALUE.sub(lambda match: match[1] + match[2].translate(_FIGURES), self.cased)
        if (told := told_in_turn(self.cased)) is not None:
            self.cased = told[0]
            self._rearrange(told[1])
        if "|" in self.cased:
            self.cased = "\n".join(_without_bars(line) for line in self.cased.split("\n"))

    @cached_property
    def low(self) -> str:
        # Only ASCII letters are lowered here: all others were folded or have no other case of one character.
        low = self.cased.lower()
        return low if len(low) == len(self.cased) else "".join(c.lower()[0] for c in self.cased)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the plain characters from `start` to `end` stand in the text as it was given."""
        if self._places is None:
            return start, end
        return self._places[start], self._places[end - 1] + 1

    def _rearrange(self, pieces: list[tuple[int, int]]) -> None:
        """Follow what was laid out anew; what was put in stands where the piece before it ended."""
        places = self._places if self._places is not None else array("L", range(len(self.text)))
        arranged = array("L")
        for length, place in pieces:
            if place >= 0:
                arranged.extend(places[place : place + length])
            else:
                arranged.extend([arranged[-1] if arranged else 0] * length)
        self._places = arranged

    def _without(self, cased: str, spans: list[tuple[int, int]]) -> str:
        places = self._places if self._places is not None else array("L", range(len(cased)))
        kept, left, position = [], array("L"), 0
        for start, end in spans:
            kept.append(cased[position:start])
            left.extend(places[position:start])
            position = end
        kept.append(cased[position:])
        left.extend(places[position:])
        self._places = left
        return "".join(kept)


def _without_bars(line: str) -> str:
    """A row between bars as a row of a form: a colon behind its label, commas between its values."""
    if "|" not in line:
        return line
    inner = line.strip(" |")
    start = line.index(inner) if inner else 0
    inner = inner.replace("|", ":", 1).replace("|", ",")
    return " " * start + inner + " " * (len(line) - start - len(inner))


def plain_word(word: str) -> str:
    """A word of the data files, as `Plain.low` would hold it."""
    return _fold(word).cased.lower()


def _figures(match: re.Match[str]) -> str:
    return match.group().translate(_FIGURES)


def _fold(text: str) -> _Folded:
    if text.isascii() and "\t" not in text:
        return _Folded(text.translate(_CONTROLS), None)
    out: list[str] = []
    places = array("L")
    known: dict[str, str] = {}
    position = 0
    for match in _FOLDED.finditer(text):
        place, character = match.start(), match.group()
        plain = known.get(character)
        if plain is None:
            plain = known[character] = _plain(character)
        out.append(text[position:place])
        out.append(plain)
        places.extend(range(position, place))
        places.extend([place] * len(plain))
        position = place + 1
    out.append(text[position:])
    places.extend(range(position, len(text)))
    return _Folded("".join(out), places)


_FOLDED = re.compile(r"[^ -~\n]")  # all that is not read as it stands
_CONTROLS = {code: " " for code in [*range(32), 127] if chr(code) != "\n"} | {11: "\n", 12: "\n"}


def _plain(character: str) -> str:
    if character == "\t":
        return "   "
    if character < "\x80":
        return _CONTROLS.get(ord(character), character)
    if character in _DASHES:
        return "-"
    if character in _QUOTES:
        return "'"
    if character in _SIGNS:
        return _SIGNS[character]
    if (low := character.lower()) in _KEPT:
        return _KEPT[low] if low == character else _KEPT[low].capitalize()
    category = unicodedata.category(character)
    if category in ("Zl", "Zp") or character == "\x85":
        return "\n"
    if category in ("Zs", "Cc"):
        return " "
    if category in ("Mn", "Cf"):
        return ""
    if category[0] == "L":
        # Never more than a few: some ligatures of Arabic stand for whole phrases.
        folded = "".join(c for c in unicodedata.normalize("NFKD", character) if unicodedata.category(c)[0] == "L")
        return folded if 0 < len(folded) <= 3 else character
    if category == "Nd":
        return str(unicodedata.decimal(character))
    return character
