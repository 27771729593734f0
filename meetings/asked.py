"""What somebody typed into the search of decisions, read: words, a phrase with signs, a national number, and a month.

"Vermeersch maart" asks for her decisions of any March, "Vermeersch March 2026" for those of that month: month names of the four
languages count where something stands beside them. A name that is a month as well is looked for as a word when nothing is found so.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from functools import cache

from django.utils import translation
from django.utils.dates import MONTHS
from django.utils.formats import date_format

from cases.coding.names import name_key
from cases.coding.national_number import LENGTH
from mdo.kernel.digits import digits_of

_LANGUAGES = ("nl", "fr", "de", "en")
_YEAR = re.compile(r"(19|20)\d\d")


@dataclass(frozen=True)
class Asked:
    """``typed`` as it stands; ``words`` of it, where it holds no quotes and signs; ``number`` instead of both. ``month`` is 1 to 12 or 0 for
    none, ``year`` 0 for any."""

    typed: str = ""
    words: tuple[str, ...] = ()
    number: str = ""
    month: int = 0
    year: int = 0

    @property
    def beginnings(self) -> str:
        """The words as beginnings of words, as PostgreSQL reads it."""
        return " & ".join(f"'{word}':*" if len(word) >= 3 else f"'{word}'" for word in self.words)

    @property
    def first_day(self) -> date | None:
        return date(self.year, self.month, 1) if self.month and self.year else None

    @property
    def last_day(self) -> date | None:
        return date(self.year, self.month, monthrange(self.year, self.month)[1]) if self.month and self.year else None

    @property
    def period(self) -> str:
        """The month in words, in the language of the reader; empty without one."""
        if not self.month:
            return ""
        return date_format(date(self.year, self.month, 1), "F Y") if self.year else str(MONTHS[self.month])


@cache
def month_names() -> dict[str, int]:
    """The names of the months in four languages, without accents, each with its number."""
    names: dict[str, int] = {}
    for language in _LANGUAGES:
        with translation.override(language):
            names |= {name_key(str(name)): number for number, name in MONTHS.items()}
    return names


def read(words: str) -> Asked:
    """What these words ask for, a month left among the words."""
    typed = words.strip()
    digits = digits_of(typed)
    if digits is not None and len(digits) == LENGTH:
        return Asked(number=digits)
    plain = '"' not in typed and not re.search(r"(^|\s)-|\bor\b", typed, re.IGNORECASE)
    return Asked(typed, tuple(re.findall(r"[^\W_]+", typed)) if plain else ())


def with_month(asked: Asked) -> Asked | None:
    """The same with its first month read as one, and the year behind it; None where there is none, or nothing beside it."""
    for place, word in enumerate(asked.words):
        month = month_names().get(name_key(word), 0)
        if not month:
            continue
        after = asked.words[place + 1 : place + 2]
        year = int(after[0]) if after and _YEAR.fullmatch(after[0]) else 0
        rest = asked.words[:place] + asked.words[place + (2 if year else 1) :]
        if all(len(each) < 3 for each in rest):  # "in", "en", "im"
            rest = ()
        if rest or year:
            return Asked(" ".join(rest), rest, month=month, year=year)
    return None
