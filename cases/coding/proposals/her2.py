"""HER2 by immunohistochemistry and by in situ hybridisation, and Ki-67.

Wolff et al., HER2 Testing in Breast Cancer: ASCO/CAP Focused Update, J Clin Oncol 2018;36:2105, affirmed in 2023 (Arch
Pathol Lab Med 2023;147:993): scores 0, 1+, 2+, 3+; a score is only proposed where it was written, never derived from
"negative"; of in situ hybridisation the result, never a ratio alone.
"""

import re
from collections.abc import Iterator

from cases.coding.proposals.markers import Marker, markers
from cases.coding.proposals.quantities import Quantity
from cases.coding.proposals.reading import Finding, Reading
from cases.coding.proposals.receptors import is_of_dcis
from cases.coding.proposals.sentences import Sentence

_SCORES = (
    re.compile(r"(?<![0-9a-z/.,])(?P<score>[0-3])[ ]?\+(?![0-9])"),
    re.compile(r"(?<![0-9a-z+])(?P<plus>\+{2,3})(?![+0-9])"),
    re.compile(
        r"(?:score|ihc|ihk|immunohisto[a-z]{0,9})(?:[ ](?:van|of|de|von))?[ :=]{0,3}\(?(?P<score>[0-3])(?![0-9.,][0-9]|[0-9]|[ ]?%)"
    ),
    re.compile(
        r"\A[ ]?(?:status[ ]?)?(?:\([a-z0-9/ .,-]{1,24}\)[ ]?)?(?:[:=][ ]{0,60}|[ ]{1,60})"
        r"(?:neg[a-z]{0,6}[ ,;:(]{0,3})?\(?(?P<score>0)(?=[ ]*(?:\Z|[\n,;)|/-]|[ ]|\.(?![0-9])))"
    ),
    re.compile(
        r"\A[ ]?(?:status[ ]?)?(?:\([a-z0-9/ .,-]{1,24}\)[ ]?)?[:=][ ]{0,60}(?P<score>[0-3])(?=[ ]*(?:\Z|[\n,;)|]|\.(?![0-9])))"
    ),
    re.compile(r"\A-(?P<score>0)(?![0-9.,])"),
    re.compile(r"score[ :]{0,3}\((?P<one>\+)\)|\A[ ]?:?[ ]?\((?P<plus>\+{1,3})\)"),
)
_SCORE_BEFORE = re.compile(r"(?<![0-9a-z/.,])(?P<score>[0-3])[ ]?\+[ ]?(?:(?:voor|pour|for|fur)[ ]?)?\Z")
_SIGN = re.compile(r"[ ]?[:=]?[ ]?\(?([+-])\)?(?=[ ]*(?:\Z|[\n,;.)]))")
_BY = re.compile(
    r"[ ]?\(?(?:met|par|by|mit|in der|en|op|bij|a la|via|in|mittels|volgens|with)[ ](?:de[ ]|la[ ]|der[ ])?"
)
_SOUGHT = re.compile(
    r"recherche|onderzoek|bepaling|analyse|test|naar|status|beoordeling|determination|assess|bestimmung|untersuchung|prufung"
)
_NUMBER_AT_ONCE = re.compile(r"(?:[ ]?\([a-z0-9 -]{1,14}\))?[ ]?[:=]?[ ]?(?:ca\.?[ ]|[~±])?\Z")


def her2(reading: Reading) -> Iterator[Finding]:
    """The findings of HER2, by both methods."""
    hybridised = -9
    for number, sentence in reading.own():
        found = markers(reading, sentence) if sentence.has("her2", "ish", "her2?", "ish?") else []
        if sentence.has("amplified", "not_amplified", "amplification") and (found or number - hybridised <= 1):
            yield from _amplification(reading, number, sentence)
        for place, marker in enumerate(found):
            if marker.kind not in ("her2", "ish") or not reading.is_own(marker.place):
                continue
            if is_of_dcis(reading, sentence, marker.place):
                continue
            if marker.kind == "her2":
                yield from _score(reading, number, marker)
                continue
            hybridised = number
            following = found[place + 1] if place + 1 < len(found) else None
            if following is not None and following.kind == "her2" and marker.end - marker.start <= 12:
                marker.end = following.end  # FISH HER2: negatief
            yield from _hybridisation(reading, number, sentence, marker)


def _score(reading: Reading, number: int, marker: Marker) -> Iterator[Finding]:
    text = reading.low[marker.start : marker.end]
    best: re.Match[str] | None = None
    for pattern in _SCORES:
        match = pattern.search(text)
        if match is not None:
            best = match
            break
    base = marker.start
    if best is None:
        base = max(marker.before, marker.place - 20)
        best = _SCORE_BEFORE.search(reading.low[base : marker.place])
    if best is None:
        return
    groups = {name: value for name, value in best.groupdict().items() if value}
    name, value = next(iter(groups.items()))
    score = value if name == "score" else str(len(value))
    end = base + best.end(name)
    plus = re.compile(r"[ ]?\+").match(reading.low, end)
    if plus is not None and name == "score":
        end = plus.end()
    yield Finding("her2_ihc", "0" if score == "0" else f"{score}+", base + best.start(name), end, number)


def _amplification(reading: Reading, number: int, sentence: Sentence) -> Iterator[Finding]:
    """(Not) amplified; amplification only where it is said to be there or not."""
    mentions = [mention for mention in sentence.mentions if reading.is_own(mention.start)]
    for place, mention in enumerate(mentions):
        if not mention.any(("amplified", "not_amplified", "amplification")):
            continue
        first, _last = sentence.clause(mention.start)
        before = [m for m in mentions[:place] if m.start >= max(first, mention.start - 60)]
        behind = [m for m in mentions[place + 1 :] if m.start < min(sentence.end, mention.end + 30)]
        if any(m.any(("not_done", "doubt")) for m in [*before, *behind]):
            continue
        denied = [m for m in before if m.any(("negation", "none_word"))]
        denied_behind = [
            m for m in behind if m.any(("negation", "negative", "not_seen")) and m.start - mention.end < 18
        ]
        start, end = mention.start, mention.end
        if "not_amplified" in mention:
            meaning = "negative"
        elif denied or denied_behind:
            meaning = "negative"
            start = denied[-1].start if denied else start
            end = denied_behind[0].end if denied_behind and not denied else end
        elif (
            (
                "amplified" in mention
                or any("shown" in m for m in [*before, *behind])
                or any("positive" in m for m in behind)
            )
            or reading.low[sentence.start : mention.start].rstrip(" -").endswith((":", "="))
            or (
                "ratio" in reading.low[sentence.start : sentence.end]
                and not _SOUGHT.search(reading.low, first, mention.start)
            )
        ):
            meaning = "positive"
        else:
            continue
        if not reading.is_doubted(sentence, start, end):
            yield Finding("her2_ish", meaning, start, end, number)


def _hybridisation(reading: Reading, number: int, sentence: Sentence, marker: Marker) -> Iterator[Finding]:
    """Positive or negative by a method that is named: `FISH negatief`, `ISH -`, `HER2 negatief met FISH`."""
    start, end = marker.start, marker.end
    mentions = [mention for mention in sentence.within(start, end) if reading.is_own(mention.start)]
    if any(m.any(("amplified", "not_amplified", "amplification")) for m in mentions):
        return
    meaning: str | None = None
    at = (start, end)
    sign = _SIGN.match(reading.low, start, end)
    if sign is not None:
        meaning, at = ("positive" if sign[1] == "+" else "negative"), sign.span(1)
    for place, mention in enumerate(mentions):
        if meaning is not None or mention.any(("not_done", "planned")):
            break
        if mention.any(("positive", "negative")):
            denied = place > 0 and "negation" in mentions[place - 1]
            meaning = "negative" if denied or "negative" in mention else "positive"
            at = (mention.start, mention.end)
    if meaning is None and not mentions:
        for mention in sentence.within(marker.before, marker.place):
            if mention.any(("positive", "negative")) and _BY.fullmatch(reading.low, mention.end, marker.place):
                meaning, at = ("negative" if "negative" in mention else "positive"), (mention.start, mention.end)
    if meaning is not None and not reading.is_doubted(sentence, *at):
        yield Finding("her2_ish", meaning, *at, number)


def ki67(reading: Reading) -> Iterator[Finding]:
    """The findings of Ki-67 in percent."""
    for number, sentence in reading.own():
        if not sentence.has("ki67"):
            continue
        for marker in markers(reading, sentence):
            if marker.kind != "ki67" or not reading.is_own(marker.place):
                continue
            figure = next(
                (f for f in sentence.figures if f.kind == "percent" and marker.start <= f.start < marker.end), None
            )
            if figure is None:
                figure = _number(reading, sentence, marker) or _percent_before(reading, sentence, marker)
            if figure is None or figure.is_less or not 0 <= figure.values[0] <= 100:
                continue
            if is_of_dcis(reading, sentence, marker.place):
                continue
            value = figure.values[0]
            yield Finding(
                "ki67_percent", int(value) if value == int(value) else value, figure.start, figure.end, number
            )


def _number(reading: Reading, sentence: Sentence, marker: Marker) -> Quantity | None:
    """A bare number right behind the marker: `ki67 20`."""
    for figure in sentence.figures:
        if figure.kind == "number" and marker.start <= figure.start < marker.end:
            at_once = _NUMBER_AT_ONCE.match(reading.low, marker.start, figure.start)
            after = reading.low[figure.end : figure.end + 4].lstrip()
            if at_once and at_once.end() == figure.start and (not after or after[0] in ",;.)\n"):
                return figure
            return None
    return None


def _percent_before(reading: Reading, sentence: Sentence, marker: Marker) -> Quantity | None:
    """A percentage right before the marker: `20 % Ki-67`."""
    for figure in sentence.figures:
        if figure.kind != "percent" or not marker.before <= figure.start < marker.place:
            continue
        if not reading.low[figure.end : marker.place].strip():
            return figure
    return None
