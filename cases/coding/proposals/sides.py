"""Left and right: of which thing a side is told, and on which side the tumour lies.

The axilla, the other breast, what is benign and other organs have a side as well; theirs is never the tumour's.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cases.coding.proposals.reading import Reading
from cases.coding.proposals.sentences import Mention, Sentence

LEFT, RIGHT = "left", "right"
_LEFT = ("left", "left_short")
_RIGHT = ("right", "right_short")
TUMOROUS = (
    "tumour", "carcinoma", "adenocarcinoma", "melanoma", "surgery", "biopsy", "suspicious_finding", "dcis", "breast",
    "side_label", "nst", "idc", "ilc", "specimen", "upper_outer", "upper_inner", "lower_outer", "lower_inner", "quadrant", "invasive", "ductal", "lobular",
)  # fmt: skip
_STRONG = tuple(noun for noun in TUMOROUS if noun != "breast")
_ELSEWHERE = ("axilla", "node", "other_finding", "limb", "unpaired_organ", "paired_organ", "metastasis")
_BIRADS = re.compile(
    r"(?:bi-?[ ]?rads|(?<![a-z])acr)[ ]?(?:classificatie|categorie|klasse|score|cat\.?|category|kategorie)?[ :]{0,3}(?P<class>[0-6])"
)
_NOT = re.compile(
    r"(?:niet|not|pas(?: a)?|nicht|geen|i\.?p\.?v\.?|in plaats van|au lieu de|instead of|statt)[ ]+(?:de[ ]|la[ ]|the[ ]|a[ ])?$"
)
_HANDED = re.compile(r"[- ]?(?:handed|handig|handige|handedness|hander|handerin)(?![a-z])")
_NOTHING_THERE = re.compile(
    r"(?<![a-z])(?:ni|pas d|aucune?|geen|no|kein(?:e|en)?|ohne|sans|zonder|nor|noch)(?:e|')?[ ][^,;.:()]{0,40}"
    r"(?:anomalies?|afwijking(?:en)?|abnormalit(?:y|ies)|lesions?|letsels?|laesies?|auffalligkeit(?:en)?|foyers?|befund|masse?s?|tumor(?:en)?)[^,;.:()]{0,24}$"
)
_PREFIX = re.compile(r"-[a-z]{4}")  # Re-Staging
_LETTER = re.compile(
    r"[RL](?:(?<![A-Za-z0-9].)(?=[ ](?:breast|mamma|borst|Brust)(?![a-z])|\)|[ ]?:)"
    r"|(?:(?<=breast .)|(?<=mamma .)|(?<=borst .))(?![A-Za-z0-9']))"
)
_FRENCH_LETTER = re.compile(r"(?:sein|mammaire|mastectomie|tumorectomie)[ ](?P<side>[DG])(?![A-Za-z0-9'])")


@dataclass(frozen=True, slots=True)
class Side:
    """A word that says a side: which, where, in which sentence, and how surely it is the tumour's (0: it is not)."""

    side: str
    start: int
    end: int
    sentence: int
    weight: float
    is_benign: bool = False


def sides(reading: Reading) -> list[Side]:
    """Every own word that says left or right, in order."""
    return sorted(_sides(reading), key=lambda side: side.start)


def _sides(reading: Reading) -> Iterator[Side]:
    for number, sentence in reading.own():
        found = [
            (m, which)
            for m in sentence.mentions
            if (which := side_of(m)) and reading.is_own(m.start) and not _PREFIX.match(reading.low, m.end)
        ]
        for place, (mention, which) in enumerate(found):
            start = found[place - 1][0].end if place else sentence.start
            end = found[place + 1][0].start if place + 1 < len(found) else sentence.end
            weight, benign = _weight(reading, sentence, mention, start, end)
            yield Side(which, mention.start, mention.end, number, weight, benign)
        for match in _LETTER.finditer(reading.cased, sentence.start, sentence.end):
            if reading.is_of_breast and reading.is_own(match.start()):
                yield Side(RIGHT if match.group() == "R" else LEFT, *match.span(), number, 1)
        if reading.document.language == "fr":
            for match in _FRENCH_LETTER.finditer(reading.cased, sentence.start, sentence.end):
                if reading.is_own(match.start()):
                    yield Side(RIGHT if match["side"] == "D" else LEFT, *match.span("side"), number, 2)


def side_of(mention: Mention) -> str:
    """Left, right, or nothing."""
    return LEFT if mention.any(_LEFT) else RIGHT if mention.any(_RIGHT) else ""


def birads(reading: Reading, start: int, end: int) -> int | None:
    """The BI-RADS or ACR class that is given in a stretch, the first one."""
    match = _BIRADS.search(reading.low, start, end)
    return int(match["class"]) if match else None


def _weight(reading: Reading, sentence: Sentence, mention: Mention, start: int, end: int) -> tuple[float, bool]:
    """How surely a side is the tumour's, from what stands between its neighbours of the other kind."""
    low = reading.low
    if _NOT.search(low, max(sentence.start, mention.start - 24), mention.start):
        return 0, False
    if _HANDED.match(low, mention.end):
        return 0, True
    if _NOTHING_THERE.search(low, max(sentence.start, mention.start - 80), mention.start):
        return 0, True
    first, last = sentence.clause(mention.start)
    first, last = max(first, start), min(last, end)
    if mention.any(_ELSEWHERE) and not _is_known_organ(reading, mention):
        return 0, False
    which = _class(reading, mention, (first, last), (start, end), start == sentence.start)
    if which is not None:
        if which >= 4:
            return 3, False
        if which > 0:
            return 0, True
    clause = [m for m in sentence.within(first, last) if m is not mention]
    segment = [m for m in sentence.within(start if start > sentence.start else sentence.start, end) if m is not mention]
    nearest = _nearest(reading, mention, clause)
    if nearest == "elsewhere":
        return 0, False
    if _is_of_nothing_bad(reading, sentence, clause, segment) or (
        start > sentence.start and _is_told_harmless(m for m in segment if m.start >= mention.end)
    ):
        return 0, True
    if nearest == "tumour":
        return 2, False
    strong = any(m.any(_STRONG) for m in segment)
    return (1 if strong else 0.5), False


def _class(
    reading: Reading, mention: Mention, clause: tuple[int, int], segment: tuple[int, int], leads: bool
) -> int | None:
    """The class that a side is given: in its clause, else behind it, else before the first side of a sentence."""
    for start, end in (clause, (mention.start, segment[1])):
        if (which := birads(reading, start, end)) is not None:
            return which
    return birads(reading, segment[0], mention.start) if leads else None


_SURE = ("carcinoma", "adenocarcinoma", "melanoma", "invasive", "nst", "idc", "ilc", "dcis", "suspicious_finding")
_LESION = (*_SURE, "tumour", "surgery", "biopsy", "specimen", "ductal", "lobular")


def _is_of_nothing_bad(reading: Reading, sentence: Sentence, clause: list[Mention], segment: list[Mention]) -> bool:
    """Whether a side is only told to be free of tumours, or to bear something benign."""
    there = [m for m in segment if m.any(_LESION) and "benign" not in m and not _is_absent(reading, sentence, m)]
    if any("negative" in m for m in clause) and not any(m.any(("er", "pr", "her2", "node", "axilla")) for m in clause):
        return not there
    if any(m.any(("benign", "unchanged")) for m in segment):
        return not any(m.any(_SURE) for m in there)
    if any(m.any(("plain_finding", "negation")) and not _denies_side(reading, m) for m in [*clause, *segment[:5]]):
        absent = any(m.any(("tumour", "suspicious_finding", "carcinoma")) for m in segment if m not in there)
        return not there and (absent or any("plain_finding" in m for m in segment))
    return False


def _is_told_harmless(behind: Iterable[Mention]) -> bool:
    """Whether what is told of the second side of a sentence is benign or nothing at all: `met rechts een fibroadenoom`."""
    told = list(behind)
    return any(m.any(("benign", "plain_finding")) for m in told) and not any(
        m.any(_LESION) and "benign" not in m for m in told
    )


def _is_absent(reading: Reading, sentence: Sentence, mention: Mention) -> bool:
    """Whether a negation right before says that a thing is not there: `geen verdachte letsels`."""
    first, _ = sentence.clause(mention.start)
    before = list(sentence.within(max(first, mention.start - 32), mention.start))
    return any(
        m.any(("negation", "plain_finding", "none_word")) and not _denies_side(reading, m) for m in before
    ) or any("not_seen" in m for m in sentence.within(mention.end, mention.end + 24))


def _denies_side(reading: Reading, negation: Mention) -> bool:
    """Whether a negation says no more than that it is not the other side."""
    following = next(iter(reading.document.between(negation.end, negation.end + 8)), None)
    return following is not None and bool(side_of(following))


def _is_known_organ(reading: Reading, mention: Mention) -> bool:
    return not reading.is_of_breast and mention.any(("limb", "paired_organ"))


def _nearest(reading: Reading, mention: Mention, clause: list[Mention]) -> str:
    """Whether the noun nearest to a side is the tumour's or another thing's."""
    if mention.any(("breast", "carcinoma", "tumour")):
        return "tumour"
    organs = _ELSEWHERE if reading.is_of_breast else ("axilla", "node", "unpaired_organ")
    wanted = TUMOROUS if reading.is_of_breast else (*TUMOROUS, "limb", "paired_organ")
    best: tuple[int, str] | None = None
    for other in clause:
        kind = "tumour" if other.any(wanted) else "elsewhere" if other.any(organs) else ""
        if not kind:
            continue
        gap = max(other.start - mention.end, mention.start - other.end, 0)
        # An adjective belongs to the noun behind it more readily than to the one before it.
        if other.start > mention.start and gap <= 2:
            gap = -1
        if best is None or gap < best[0]:
            best = (gap, kind)
    return best[1] if best else ""
