"""The size of the invasive tumour in millimetres: its largest measure, by whichever method measures it now.

CAP, Protocol for the Examination of Resection Specimens from Patients with Invasive Carcinoma of the Breast: the size is
that of the invasive part, by microscope where there is one. Every measure has an owner: the noun right behind it, else
the nearest before it. Nodes, margins, specimens, cores, the tumour bed, the extent with DCIS and benign things are none.
"""

import re
from collections.abc import Iterator

from cases.coding.proposals.quantities import Quantity
from cases.coding.proposals.reading import Finding, Reading
from cases.coding.proposals.sentences import Mention, Sentence

_TUMOUR = ("tumour", "carcinoma", "adenocarcinoma", "melanoma", "invasive", "nst", "idc", "ilc", "suspicious_finding")
_WEAK = ("size_word", "imaging")
_OTHERS = (
    "node", "axilla", "margin", "specimen", "biopsy", "core_length", "bed", "dcis", "extent", "benign", "metastasis", "distance",
    "other_finding", "limb",
)  # fmt: skip
_OWNERS = (*_TUMOUR, *_WEAK, *_OTHERS)
_FROM = re.compile(
    r"[ ]?(?:van|vanaf|tot|boven|onder|lateraal van|de la|du|des|de l'|from|to|above|below|von|vom|zur|zum|entfernt|afstand|distance"
    r"|caudaal|craniaal|diep|deep|breed|verwijderd|away|apart)(?:[ ](?:de|het|la|le|the|der|dem|den))?[ ]?"
)
_AT = re.compile(
    r"(?:^|[ (,])(?:op|a|at|in|auf|tot op|within|binnen|boven)[ ](?:een afstand van[ ]|une distance de[ ]|ca\.?[ ]|environ[ ]|circa[ ])?$"
)
_APART = ("margin", "distance", "axilla", "first", "tumour", "breast")
_BEFORE_NOW = re.compile(r"(?:van|de|from|von)[ ]{1,2}$")
_TO_NOW = re.compile(r"[^.;]{0,40}?(?:naar|tot|a|to|auf|vers|bis)[ ]{1,2}(?:ca\.?[ ])?[0-9]")
_AND = re.compile(r"[ ](?:en|et|and|und|met|avec|with|mit)[ ]")
_AGO = re.compile(r"il y a|geleden|(?<![a-z])ago|vor einem jahr")
_YEAR = re.compile(r"(?P<year>(?:19|20)[0-9]{2})[ ]?:?[ ]?$")
_BEHIND = 26


def sizes(reading: Reading) -> Iterator[Finding]:
    """The findings of the size; `gross` is the source of one by the naked eye."""
    for number, sentence in reading.own():
        for figure in sentence.figures:
            if figure.kind != "measure" or figure.is_range or not reading.is_own(figure.start):
                continue
            value = max(figure.values)
            if not 0 < value <= 400 or not _is_of_tumour(reading, number, sentence, figure):
                continue
            yield Finding(
                "size_mm",
                int(value) if value == int(value) else value,
                figure.start,
                figure.end,
                number,
                _source(reading, number, sentence, figure),
            )


def _is_of_tumour(reading: Reading, number: int, sentence: Sentence, figure: Quantity) -> bool:
    if _is_distance(reading, sentence, figure) or _is_past(reading, sentence, figure):
        return False
    behind = _behind(reading, sentence, figure)
    if behind is not None:
        return behind.any(_TUMOUR) and not _is_dcis_only(sentence, behind)
    first, last = sentence.clause(figure.start)
    if any("gap" in m for m in sentence.within(max(first, figure.start - 44), min(last, figure.end + 22))):
        return False
    if any("core_length" in m for m in sentence.within(first, min(last, figure.end + 16))):
        return False
    before = [m for m in sentence.within(sentence.start, figure.start) if m.any(_OWNERS)]
    owner = _owner(reading, sentence, before, figure)
    if owner is None:
        return _inherits(reading, number, sentence, figure)
    if owner.any(_OTHERS) and not owner.any(("invasive",)):
        return False
    if owner.any(_TUMOUR):
        return not (_denied(reading, sentence, owner) or _is_of_other_organ(reading, sentence, owner, figure))
    return _weak(reading, number, sentence, before, owner, figure)


def _owner(reading: Reading, sentence: Sentence, before: list[Mention], figure: Quantity) -> Mention | None:
    """The nearest noun before a measure; a size word hands it on to the noun of which it is the size."""
    if not before:
        return None
    first, _ = sentence.clause(figure.start)
    clause = [m for m in before if m.start >= first]
    strong = [m for m in clause if not m.any(_WEAK) or m.any(_TUMOUR)]
    if strong:
        return _unless_said_of_tumour(strong, before)
    if clause:
        earlier = [m for m in before if m.start < first and not m.any(_WEAK)]
        if "size_word" in clause[-1] and not earlier:
            return clause[-1]
        if earlier:
            return earlier[-1]
        return clause[-1]
    return (
        before[-1]
        if not before[-1].any(_WEAK)
        else (next((m for m in reversed(before) if not m.any(_WEAK)), before[-1]))
    )


def _unless_said_of_tumour(strong: list[Mention], before: list[Mention]) -> Mention:
    """The last noun; one that only says where or how the tumour was seen gives way to the tumour before it."""
    last = strong[-1]
    if last.any(("extent",)) and len(strong) > 1 and strong[-2].any(("suspicious_finding",)):
        return last
    return last


def _behind(reading: Reading, sentence: Sentence, figure: Quantity) -> Mention | None:
    """The noun right behind a measure that is its owner: `23 mm mass`, `een 9 mm groot letsel`, `18 mm kliertje`."""
    _, last = sentence.clause(figure.start)
    for mention in sentence.within(figure.end, min(last, figure.end + _BEHIND)):
        between = reading.low[figure.end : mention.start]
        if any(c in between for c in ".,;:()|\n") or "  " in between:
            return None
        words = between.split()
        if any(word in _STOPS for word in words):
            return None
        if mention.any(_WEAK) and not mention.any(_TUMOUR):
            continue
        if mention.any(_OWNERS):
            if "suspicious_finding" in mention:
                continue
            return mention
        if len(words) > 2:
            return None
    return None


_STOPS = frozenset(
    [
        "op",
        "in",
        "van",
        "de",
        "du",
        "des",
        "of",
        "from",
        "von",
        "vom",
        "met",
        "avec",
        "with",
        "mit",
        "en",
        "et",
        "and",
        "und",
        "naast",
        "naar",
        "to",
        "sur",
        "bij",
        "au",
        "aux",
        "a",
        "is",
        "ist",
        "est",
        "was",
        "maar",
        "dans",
        "auf",
        "im",
        "am",
        "links",
        "rechts",
        "gauche",
        "droit",
        "droite",
        "left",
        "right",
        "zonder",
        "sans",
        "without",
        "ohne",
        "tot",
        "im",
    ]
)


def _is_distance(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    """`op 4 mm van het snijvlak`, `à 5 cm du mamelon`, `35 mm from the nipple`, `3 mm breed`."""
    low = reading.low
    at = _AT.search(low, max(sentence.start, figure.start - 26), figure.start) is not None
    away = _FROM.match(low, figure.end, min(sentence.end, figure.end + 30))
    if at and away:
        return True
    if away is not None:
        following = next(iter(sentence.within(away.end(), away.end() + 24)), None)
        if following is not None and following.any(("distance", "margin", "axilla")):
            return True
    following = next(iter(sentence.within(figure.end, figure.end + 14)), None)
    return following is not None and following.any(("distance", "margin")) and following.start - figure.end <= 3


def _is_past(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    """What is compared with: `voorheen 32 mm, nu 6 mm`, `35 mm bij start`, `van 35 naar 12 mm`."""
    low = reading.low
    first, _last = sentence.clause(figure.start)
    near = list(sentence.within(max(first, figure.start - 26), figure.start))
    for mention in near:
        if "compared" in mention and mention.word not in ("from", "van", "war", "was", "vor", "voor"):
            return True
        if mention.word in ("was", "war", "mesurait", "etait") and low[mention.end : figure.start].strip() == "":
            return len([f for f in sentence.figures if f.kind == "measure"]) > 1
    behind = [m for m in sentence.within(figure.end, min(sentence.end, figure.end + 22)) if "compared_after" in m]
    if (
        behind
        and len(low[figure.end : behind[0].start].split()) <= 1
        and not any(c in low[figure.end : behind[0].start] for c in ",(")
    ) and behind[0].word not in ("naar", "to", "auf", "before"):
        return True
    if _BEFORE_NOW.search(low, max(sentence.start, figure.start - 8), figure.start) and _TO_NOW.match(
        low, figure.end, min(sentence.end, figure.end + 60)
    ):
        after = low[figure.end : figure.end + 60]
        return re.match(r"[^.;]{0,40}?(?:naar|to|auf|vers|a)[ ]", after) is not None and len(sentence.figures) > 1
    if _AGO.search(low, max(first - 1, figure.start - 24), figure.start):
        return True
    year = _YEAR.search(low, max(first - 1, figure.start - 8), figure.start)
    return year is not None and not any(f.kind == "date" and f.end == year.end("year") for f in sentence.figures)


def _denied(reading: Reading, sentence: Sentence, owner: Mention) -> bool:
    return reading.is_denied(sentence, owner.start, owner.start, 16)


def _is_of_other_organ(reading: Reading, sentence: Sentence, owner: Mention, figure: Quantity) -> bool:
    """Whether a lesion is one of the liver, the lung, a node: named right before it, or behind its size."""
    kinds = ("other_finding", "node", "axilla", "benign")
    if any(m.any(kinds) for m in sentence.within(owner.start - 14, owner.start)):
        return True
    _, last = sentence.clause(figure.start)
    joined = _AND.search(reading.low, figure.end, min(last, figure.end + 40))
    last = joined.start() if joined else last
    for mention in sentence.within(figure.end, min(last, figure.end + 40)):
        if mention.any(("breast", "quadrant", "tumour")):
            return False
        if mention.any(("other_finding", "node")):
            return True
    return False


def _is_dcis_only(sentence: Sentence, mention: Mention) -> bool:
    return "dcis" in mention


def _weak(
    reading: Reading, number: int, sentence: Sentence, before: list[Mention], owner: Mention, figure: Quantity
) -> bool:
    """A size word or a method alone: the size of what the line, or the sentence before, is about."""
    if any(m.any(("node", "margin", "specimen", "benign", "bed", "biopsy", "metastasis")) for m in before):
        return False
    return _inherits(reading, number, sentence, figure) or "size_word" in owner or reading.section(number) != "gross"


def _inherits(reading: Reading, number: int, sentence: Sentence, figure: Quantity) -> bool:
    """Whether a measure without an owner in its sentence belongs to the tumour of the sentence before."""
    if any(m.any(_TUMOUR) for m in sentence.within(figure.end, sentence.end)):
        return not any(m.any(_OTHERS) for m in sentence.within(figure.end, min(sentence.end, figure.end + 40)))
    if number == 0:
        return False
    previous = reading.document.sentences[number - 1]
    if previous.line != sentence.line:
        return False
    owners = [m for m in previous.mentions if m.any(_OWNERS)]
    return bool(owners) and owners[-1].any(_TUMOUR)


def _source(reading: Reading, number: int, sentence: Sentence, figure: Quantity) -> str:
    first, last = sentence.clause(figure.start)
    if any("gross_part" in m for m in sentence.within(max(first - 2, figure.start - 40), min(last, figure.end + 24))):
        return "gross"
    if any("micro_part" in m for m in sentence.within(first, min(last, figure.end + 24))):
        return "micro"
    if reading.section(number) == "gross":
        return "gross"
    if sentence.has("imaging") or reading.section(number) == "clinical" or reading.is_imaging:
        return "seen"
    return "micro"
