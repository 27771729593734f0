"""Read a number that a person typed, pasted or scanned, whatever stands between its digits."""

import unicodedata

# Longer than any number with any punctuation; what is longer is something else and is not worth a look.
LONGEST = 64

# Letters, symbols that mean something, emoji: not punctuation. Everything here may stand between digits.
_BETWEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"})


def digits_of(text: str) -> str | None:
    """The decimal digits of `text` as ASCII, or None when it holds anything but digits and punctuation.

    Digits of other scripts (full width, Arabic-Indic) count as digits, as do all spaces, dashes and invisible marks
    that come along when text is copied out of a PDF.
    """
    if len(text) > LONGEST:
        return None
    found: list[str] = []
    for character in text:
        digit = unicodedata.decimal(character, None)
        if digit is not None:
            found.append(str(digit))
        elif unicodedata.category(character) not in _BETWEEN:
            return None
    return "".join(found)
