"""Measures that are only compared with: what was then, beside what is now."""

import re

from cases.coding.proposals.quantities import Quantity
from cases.coding.proposals.reading import Reading
from cases.coding.proposals.sentences import Sentence

_BEFORE_NOW = re.compile(r"(?:van|de|from|von)[ ]{1,2}(?:ca\.?[ ]|environ[ ]|ongeveer[ ]|etwa[ ])?$")
_TO_NOW = re.compile(
    r"[^.;]{0,40}?(?:naar|tot|a|to|auf|vers|bis)[ ]{1,2}(?:ca\.?[ ]|environ[ ]|ongeveer[ ]|etwa[ ])?[0-9]"
)
_ARROW = re.compile(r"[ ]?(?:-{1,2}>|→|=>|⇒)[ ]?[0-9]")
_AGO = re.compile(r"il y a|geleden|(?<![a-z])ago|vor einem jahr|vor [a-z0-9]{1,6} (?:monaten|wochen|jahren)")
_YEAR = re.compile(r"(?P<year>(?:19|20)[0-9]{2})[ ]?:?[ ]?$")
# Words of comparison that are as often only "of" or "is".
_WEAK = ("from", "van", "war", "was", "vor", "voor", "etait", "mesurait")
_NOW = frozenset(
    [
        "nu",
        "thans",
        "momenteel",
        "heden",
        "actueel",
        "actuellement",
        "maintenant",
        "desormais",
        "now",
        "currently",
        "jetzt",
        "nun",
        "aktuell",
        "derzeit",
        "nunmehr",
    ]
)
_NEAR = 26


def is_past(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    """Whether a measure is compared with: `voorheen 32 mm, nu 6 mm`, `35 mm bij start`, `van 35 naar 12 mm`, `35 → 12`."""
    low = reading.low
    first, _ = sentence.clause(figure.start)
    near = list(sentence.within(max(first, figure.start - _NEAR), figure.start))
    if any(mention.word in _NOW for mention in near):
        return False
    if _is_of_the_start(sentence, figure, first):
        return True
    for mention in near:
        if "compared" in mention and mention.word not in _WEAK:
            return True
        if mention.word in ("was", "war", "mesurait", "etait") and not low[mention.end : figure.start].strip():
            return len([each for each in sentence.figures if each.kind == "measure"]) > 1
    return (
        _is_told_so_behind(reading, sentence, figure)
        or _goes_to_another(reading, sentence, figure)
        or _is_followed_by_now(sentence, figure)
        or _AGO.search(low, max(first - 1, figure.start - 24), figure.start) is not None
        or _is_of_a_year(reading, sentence, figure, first)
    )


def _is_of_the_start(sentence: Sentence, figure: Quantity, first: int) -> bool:
    """Whether the clause says that this was before any treatment: `at the outset`, `bij diagnose`, `avant chimiothérapie`."""
    last = max(sentence.clause(figure.end - 1)[1], figure.end)
    following = [each.start for each in sentence.figures if each.kind == "measure" and each.start > figure.end]
    told = list(sentence.within(max(first, figure.start - 60), min(last, figure.end + 60, *following)))
    return any("at_start" in m for m in told) and not any(m.word in _NOW for m in told)


def _is_told_so_behind(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    for mention in sentence.within(figure.end, min(sentence.end, figure.end + 22)):
        if "compared_after" in mention and mention.word not in ("naar", "to", "auf", "before"):
            between = reading.low[figure.end : mention.start]
            return len(between.split()) <= 1 and not any(c in between for c in ",(")
    return False


def _goes_to_another(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    low, stop = reading.low, min(sentence.end, figure.end + 60)
    if _ARROW.match(low, figure.end, stop):
        return True
    before = _BEFORE_NOW.search(low, max(sentence.start, figure.start - 14), figure.start)
    if before is None or len(sentence.figures) < 2:
        return False
    behind = _TO_NOW.match(low, figure.end, stop)
    return behind is not None and re.search(r"(?:naar|tot|to|auf|vers|bis|a)[ ]", behind.group()) is not None


def _is_followed_by_now(sentence: Sentence, figure: Quantity) -> bool:
    """`in mei nog 34 mm, nu 12 mm`: a later measure of the sentence is the one of now."""
    following = [each for each in sentence.figures if each.kind == "measure" and each.start > figure.end]
    if not following:
        return False
    return any(m.word in _NOW for m in sentence.within(figure.end, following[0].start))


def _is_of_a_year(reading: Reading, sentence: Sentence, figure: Quantity, first: int) -> bool:
    year = _YEAR.search(reading.low, max(first - 1, figure.start - 8), figure.start)
    return year is not None and not any(f.kind == "date" and f.end == year.end("year") for f in sentence.figures)
