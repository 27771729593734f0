"""Oestrogen and progesterone receptors: the category, and the percentage where one is given.

Allison et al., Estrogen and Progesterone Receptor Testing in Breast Cancer: ASCO/CAP Guideline Update, J Clin Oncol
2020;38:1346: below 1 % of nuclei ER is negative, from 1 to 10 % low positive, above positive. The guideline knows no low
category for PR. A percentage decides where there is one; words do where there is none; an intensity is no category.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cases.coding.proposals.markers import Marker, groups, markers
from cases.coding.proposals.quantities import Quantity
from cases.coding.proposals.reading import Finding, Reading
from cases.coding.proposals.sentences import Mention, Sentence

_PLUS = re.compile(r"[ ]?[:=]?[ ]{0,60}\(?([+]{1,3})(?![0-9])\)?")
_MINUS = re.compile(
    r"[ ]?[:=]?[ ]{0,60}\(?(-{1,3})\)?(?=[ ]*(?:$|[\n,;.)/]|en\b|et\b|and\b|und\b|[a-z]{2,3}[ ]?[-+]|her))"
)
_ZERO = re.compile(r"[ ]?[:=]?[ ]{0,60}(0)(?=[ ]*(?:$|[\n,;)]|\.(?![0-9])))")
_FOR = re.compile(
    r"(?:voor|pour|for|fur|aux|a la|de la|des|de|in|expression|expressie|van|von)(?:[ ](?:de|het|les|die|den|the))?[ ]*$"
)
_BESIDE = 4
_MERGED = 30
_BACK = 60


@dataclass(frozen=True, slots=True)
class _Said:
    """What one stretch says of a receptor."""

    words: str | None = None
    words_at: tuple[int, int] | None = None
    percent: float | None = None
    percent_at: tuple[int, int] | None = None
    below: bool = False

    def __bool__(self) -> bool:
        return self.words is not None or self.percent is not None or self.below


def receptors(reading: Reading) -> Iterator[Finding]:
    """The findings of ER and PR."""
    for number, sentence in reading.own():
        if sentence.has("triple"):
            yield from _triple(reading, number, sentence)
        if not sentence.has("er", "pr", "er?", "pr?"):
            continue
        for group in groups(reading, markers(reading, sentence), ("er", "pr", "her2")):
            if any(marker.kind in ("er", "pr") for marker in group):
                yield from _group(reading, number, sentence, group)


def category(receptor: str, percent: float) -> str:
    """The category of a percentage of stained nuclei, after the guideline of 2020."""
    if percent < 1:
        return "negative"
    return "low_positive" if receptor == "er" and percent <= 10 else "positive"


def _group(reading: Reading, number: int, sentence: Sentence, group: list[Marker]) -> Iterator[Finding]:
    last = group[-1]
    if not reading.is_own(last.place) or is_of_dcis(reading, sentence, group[0].place):
        return
    shares = _shares(reading, sentence, last, len(group))
    if not any(shares) or group[0].is_claimed:
        before = _before(reading, sentence, group[0])
        shares = [before] * len(group) if before or not any(shares) else shares
    for marker, said in zip(group, shares, strict=True):
        if marker.kind in ("er", "pr") and said:
            yield from _findings(number, marker.kind, said)


def is_of_dcis(reading: Reading, sentence: Sentence, place: int) -> bool:
    """Whether a marker is told of the in situ part beside an invasive tumour."""
    if not reading.invasive:
        return False
    about = [m for m in sentence.mentions if m.any(("dcis", "invasive")) and m.start < place]
    if about:
        return "dcis" in about[-1]
    behind = [m for m in sentence.mentions if m.any(("dcis", "invasive"))]
    return bool(behind) and all("dcis" in m for m in behind) and len(sentence.mentions) < 12


def _shares(reading: Reading, sentence: Sentence, marker: Marker, size: int) -> list[_Said]:
    """What is said behind the last marker of a group, for each of the group."""
    percents = [
        figure for figure in sentence.figures if figure.kind == "percent" and marker.start <= figure.start < marker.end
    ]
    signs = _signs(reading, marker) if size > 1 else []
    if size > 1 and len(signs) == size:
        return [_Said(words="positive" if sign == "+" else "negative", words_at=at) for sign, at in signs]
    whole = _said(reading, sentence, marker.start, marker.end)
    if size > 1 and len(percents) == size:
        return [_with_percent(whole, percent) for percent in percents]
    return [whole] * size


def _signs(reading: Reading, marker: Marker) -> list[tuple[str, tuple[int, int]]]:
    match = re.match(r"[ ]?[:=]?[ ]?([+-])[ ]?/[ ]?([+-])(?:[ ]?/[ ]?([+-]))?", reading.low[marker.start : marker.end])
    if match is None:
        return []
    places = [n for n in (1, 2, 3) if match[n]]
    return [(match[n], (marker.start + match.start(n), marker.start + match.end(n))) for n in places]


def _said(reading: Reading, sentence: Sentence, start: int, end: int) -> _Said:
    words, words_at = _words(reading, sentence, start, end)
    said = _Said(words, words_at)
    percent = next((f for f in sentence.figures if f.kind == "percent" and start <= f.start < end), None)
    if percent is not None:
        return _with_percent(said, percent)
    if words is None and any("not_done" in mention for mention in sentence.within(start, end)):
        return _Said()
    return said


def _with_percent(said: _Said, figure: Quantity) -> _Said:
    at = (figure.start, figure.end)
    if figure.is_less:
        if figure.values[0] <= 1:
            return _Said("negative", said.words_at if said.words == "negative" else at, below=True)
        return said
    if figure.values[0] > 100:
        return said
    return _Said(said.words, said.words_at, figure.values[0], at)


def _words(reading: Reading, sentence: Sentence, start: int, end: int) -> tuple[str | None, tuple[int, int] | None]:
    for pattern, meaning in ((_PLUS, "positive"), (_MINUS, "negative"), (_ZERO, "negative")):
        match = pattern.match(reading.low, start, end)
        if match is not None:
            return meaning, match.span(1)
    mentions = list(sentence.within(start, end))
    for place, mention in enumerate(mentions):
        if "low_positive" in mention:
            return "low_positive", (mention.start, mention.end)
        if "positive" in mention:
            return _positive(mentions, place)
        if "negative" in mention:
            return "negative", (mention.start, mention.end)
        if "staining" in mention:
            denied = [m for m in mentions[max(place - 2, 0) : place] if "negation" in m]
            if denied and mention.start - denied[0].start < 30:
                return "negative", (denied[0].start, mention.end)
    return None, None


def _positive(mentions: list[Mention], place: int) -> tuple[str, tuple[int, int]]:
    mention = mentions[place]
    before = mentions[place - 1] if place else None
    if before is not None and mention.start - before.end <= 3:
        if "low" in before:
            return "low_positive", (before.start, mention.end)
        if "negation" in before:
            return "negative", (before.start, mention.end)
    return "positive", (mention.start, mention.end)


def _before(reading: Reading, sentence: Sentence, marker: Marker) -> _Said:
    """What stands before a marker and is said of it: `positief voor ER`, `in 90 % ER`, `exprimés par`."""
    start = max(marker.before, marker.place - _BACK)
    clause = sentence.clause(marker.place)[0]
    if reading.low[clause - 1 : clause] == "(" and clause - 1 > sentence.start:
        clause = sentence.clause(clause - 2)[0]
    start = max(start, clause)
    said = _said(reading, sentence, start, marker.place)
    last = max((at[1] for at in (said.words_at, said.percent_at) if at), default=None)
    if last is None:
        return _Said()
    between = reading.low[last : marker.place]
    near = not between.strip(" (") or (_FOR.search(between) is not None and len(between.split()) <= _BESIDE)
    return said if near else _Said()


def _findings(number: int, kind: str, said: _Said) -> Iterator[Finding]:
    if said.percent is not None and said.percent_at is not None:
        meaning = category(kind, said.percent)
        if kind == "pr" and said.words == "low_positive":
            meaning = "low_positive"
        start, end = said.percent_at
        value = int(said.percent) if said.percent == int(said.percent) else said.percent
        yield Finding(f"{kind}_percent", value, start, end, number)
        if said.words_at is not None and abs(said.words_at[0] - start) < _MERGED:
            start, end = min(start, said.words_at[0]), max(end, said.words_at[1])
        elif said.words_at is not None and said.words == meaning:
            yield Finding(kind, meaning, *said.words_at, number, "percent")
        yield Finding(kind, meaning, start, end, number, "percent")
    elif said.words is not None and said.words_at is not None:
        yield Finding(kind, said.words, *said.words_at, number, "words")


def _triple(reading: Reading, number: int, sentence: Sentence) -> Iterator[Finding]:
    for mention in sentence.mentions:
        if "triple" not in mention or not reading.is_own(mention.start):
            continue
        end, meaning = mention.end, None
        if "negativ" in mention.word or mention.word == "tnbc":
            meaning = "negative"
        for other in sentence.within(mention.end, mention.end + 4):
            if other.any(("positive", "negative")):
                meaning = "positive" if "positive" in other else "negative"
                end = other.end
        if meaning and not reading.is_denied(sentence, mention.start, end):
            for kind in ("er", "pr"):
                yield Finding(kind, meaning, mention.start, end, number, "triple")
