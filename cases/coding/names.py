"""People's names as they are sorted and found: without accents and capitals."""

import unicodedata

LONGEST_KEY = 620

# Letters that Unicode does not take apart.
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "’": "'"})


def name_key(*parts: str) -> str:
    """The parts in one line, lower case, unaccented, with single spaces; at most 620 characters."""
    text = unicodedata.normalize("NFKD", " ".join(parts).casefold())
    text = "".join(c for c in text if unicodedata.category(c) not in ("Mn", "Cc", "Cf", "Cs")).translate(_LETTERS)
    return " ".join(text.split())[:LONGEST_KEY]
