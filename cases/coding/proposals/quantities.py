"""Figures in a text, each read once: dates, codes, measures, percentages, fractions.

One pass from left to right, every pattern of bounded length, so that the time grows with the text and no faster.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from cases.coding.proposals.letters import plain_word
from cases.coding.proposals.lexicon import data

_NUMBER = r"[0-9]{1,4}(?:[.,][0-9]{1,2})?"
_TO = r"[ ]?(?:-|a|tot|bis|to|et|en|and|und|ou|of|or)[ ]?"
_UNIT = r"(?:mm|cm|millimet(?:er|re)s?|centimet(?:er|re)s?|zentimeter)(?![a-z0-9]|[ ]?hg|[²³])"
_ALSO = rf"(?:{_TO}|[ ]?/[ ]?|[ ]resp\.?[ ]|[ ]respectievelijk[ ]|[ ]respectivement[ ]|[ ]bzw\.?[ ])"
_PERCENT = r"(?:%|procent\b|percent\b|pct\b|pour[ ]cent\b|prozent\b|per[ ]cent\b|p\.c\.)"
_START = r"(?<![0-9A-Za-z.,/])"


def _months() -> dict[str, int]:
    found: dict[str, int] = {}
    for noun, languages in data("dates").items():
        if noun.startswith("month_"):
            for words in languages.values():
                found.update((plain_word(word), int(noun[6:])) for word in words)
    return found


_MONTHS = _months()
_MONTH = "(?:" + "|".join(sorted(_MONTHS, key=lambda word: (-len(word), word))) + ")"

_FIGURE = re.compile(
    rf"""
    (?=[0-9]|c[0-9]|(?<![a-z])[jfmasond])
    (?:(?P<iso>(?<![0-9./-])(?:19|20)[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}}(?![0-9]))
  | (?P<dmy>(?<![0-9./-])[0-9]{{1,2}}[ ]?(?P<sep>[./-])[ ]?[0-9]{{1,2}}[ ]?(?P=sep)[ ]?(?:[0-9]{{4}}|[0-9]{{2}})
        (?![0-9]|[./-][0-9]))
  | (?P<dmony>(?<![0-9./-])[0-9]{{1,2}}(?:er|st|nd|rd|th|e)?\.?[ -]{{1,3}}{_MONTH}[., -]{{1,3}}(?:19|20)[0-9]{{2}}(?![0-9]))
  | (?P<mondy>(?<![a-z]){_MONTH}\.?[ ]{{1,2}}[0-9]{{1,2}}(?:st|nd|rd|th)?,[ ]{{0,2}}(?:19|20)[0-9]{{2}}(?![0-9]))
  | (?P<topography>(?<![a-z0-9])c[0-9][0-9o]\.[0-9o](?![0-9]))
  | (?P<morphology>(?:(?<![a-z0-9.,])|(?<=[^a-z0-9]m)|(?<=[^a-z0-9]m[ -]))[89][0-9]{{3}}[ ]?/[ ]?[01236](?![0-9/]))
  | (?P<list>{_START}{_NUMBER}(?:[ ]?mm|[ ]?cm)?(?:,[ ]{_NUMBER}(?:[ ]?mm|[ ]?cm)?){{0,4}}
        [ ]?,?[ ](?:en|et|and|und)[ ]{_NUMBER}[ ]?{_UNIT})
  | (?P<measure>{_START}{_NUMBER}(?P<range>[ ]?(?:mm|cm)?{_TO}{_NUMBER})?
        (?:(?:[ ]?(?:mm|cm)?[ ]?[x*][ ]?|[ ](?:bij|by|sur|mal|op|auf)[ ]){_NUMBER}){{0,3}}[ -]?{_UNIT})
  | (?P<percent>(?<![0-9A-Za-z.,])(?<![0-9]/)(?<!ki[ -])(?<!mib[ -]){_NUMBER}(?:[ ]?%?{_ALSO}{_NUMBER})?[ ]?{_PERCENT})
  | (?P<fraction>(?<![0-9a-z/.,])[0-9]{{1,2}}[ ]?/[ ]?[0-9]{{1,2}}(?![0-9/]|[.,][0-9]))
  | (?P<number>(?<![0-9a-z/.,+-])[0-9]{{1,3}}(?:[.,][0-9]{{1,2}})?(?![0-9a-z/]|[.,][0-9])))
    """,
    re.VERBOSE,
)
_NUMBERS = re.compile(_NUMBER)
_BETWEEN = re.compile(r"(?:tussen|entre|between|zwischen)[ ](?:de[ ])?$")
_LESS = re.compile(
    r"(?:<|≤|minder[ ]dan|kleiner[ ]dan|lager[ ]dan|moins[ ]de|inferieur[es]{0,2}[ ]a|less[ ]than|below|fewer[ ]than"
    r"|weniger[ ]als|kleiner[ ]als|onder|beneden|sous|under|unter)(?:[ ]de)?[ ]?$"
)
_SCORED = re.compile(r"(?:allred|score|irs|quick)[ :=]{0,3}$")
_JOINED = re.compile(r"[ ](?:et|en|and|und|resp\.?|respectievelijk|respectivement|bzw\.?)[ ]|[ ]?/[ ]?")
_NO_LETTERS = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A figure: its kind, where it stands, and what it says.

    `values` are millimetres of a measure (its dimensions, or one of a list each), percents, or the two numbers of a
    fraction; `is_range` of an interval; `is_less` behind a "<".
    """

    kind: str
    start: int
    end: int
    values: tuple[float, ...] = ()
    text: str = ""
    is_range: bool = False
    is_less: bool = False


def quantities(low: str) -> Iterator[Quantity]:
    """All figures of a plain text in small letters, from left to right."""
    for match in _FIGURE.finditer(low):
        kind = match.lastgroup or ""
        for name in ("iso", "dmy", "dmony", "mondy", "list", "measure"):
            if match[name] is not None:
                kind = name
        if kind in ("iso", "dmy", "dmony", "mondy"):
            day = _date(kind, match[kind])
            if day is not None:
                yield Quantity("date", *match.span(), text=day.isoformat())
        elif kind == "list":
            yield from _several(match, low)
        elif kind == "measure":
            yield _measure(match, low)
        elif kind == "percent":
            yield from _percent(match, low)
        elif kind == "topography":
            yield Quantity(kind, *match.span(), text=match.group().replace("o", "0").upper())
        elif kind == "morphology":
            yield Quantity(kind, *match.span(), text=match.group().replace(" ", ""))
        elif kind == "fraction":
            yield Quantity(kind, *match.span(), values=_values(match.group()))
        else:
            less = _LESS.search(low, max(match.start() - 14, 0), match.start())
            yield Quantity("number", *match.span(), values=_values(match.group()), is_less=bool(less))


def _values(text: str) -> tuple[float, ...]:
    return tuple(float(number.replace(",", ".")) for number in _NUMBERS.findall(text))


def _date(kind: str, text: str) -> date | None:
    numbers = [int(number) for number in re.findall(r"[0-9]+", text)]
    if kind == "iso":
        year, month, day = numbers
    elif kind == "dmy":
        day, month, year = numbers
    else:
        day, year = numbers
        month = next(_MONTHS[word] for word in _NO_LETTERS.findall(text) if word in _MONTHS)
    year += 2000 if year < 100 else 0
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found if 1900 <= year < 2100 else None


def _millimetres(values: tuple[float, ...], unit: str) -> tuple[float, ...]:
    factor = 1 if unit.startswith(("mm", "mi")) else 10
    return tuple(round(value * factor, 2) for value in values)


def _unit_of(text: str) -> str:
    return _NO_LETTERS.findall(text)[-1]


def _measure(match: re.Match[str], low: str) -> Quantity:
    text = match.group()
    values = _millimetres(_values(text), _unit_of(text))
    if match["range"] is not None and len(values) == 2 and values[0] > values[1]:
        # From the larger to the smaller: the first was then, the second is now.
        last = list(_NUMBERS.finditer(text))[-1]
        return Quantity("measure", match.start() + last.start(), match.end(), values=values[1:])
    return Quantity("measure", *match.span(), values=values, is_range=match["range"] is not None)


def _several(match: re.Match[str], low: str) -> Iterator[Quantity]:
    """`12, 9 en 4 mm`: a measure each; `tussen 15 en 20 mm`: an interval."""
    text = match.group()
    unit = _unit_of(text)
    if _BETWEEN.search(low, max(match.start() - 14, 0), match.start()):
        yield Quantity("measure", *match.span(), values=_millimetres(_values(text), unit), is_range=True)
        return
    numbers = list(re.finditer(rf"({_NUMBER})(?:[ ]?(mm|cm))?", text))
    for number in numbers:
        value = _millimetres(_values(number[1]), number[2] or unit)
        yield Quantity("measure", match.start() + number.start(), match.start() + number.end(), values=value)


def _percent(match: re.Match[str], low: str) -> Iterator[Quantity]:
    text = match.group()
    values = _values(text)
    if len(values) == 2 and _SCORED.search(low, max(match.start() - 14, 0), match.start()):
        last = list(_NUMBERS.finditer(text))[-1]  # Allred 8 - 80 %
        yield Quantity("percent", match.start() + last.start(), match.end(), values=values[1:])
        return
    less = bool(_LESS.search(low, max(match.start() - 20, 0), match.start()))
    joined = _JOINED.search(text)
    if len(values) == 2 and joined and not _BETWEEN.search(low, max(match.start() - 14, 0), match.start()):
        middle = match.start() + joined.start()
        yield Quantity("percent", match.start(), middle, values=values[:1])
        yield Quantity("percent", match.start() + joined.end(), match.end(), values=values[1:])
        return
    yield Quantity("percent", *match.span(), values=values[:1], is_less=less, is_range=len(values) > 1)
