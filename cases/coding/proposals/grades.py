"""The histological grade of the invasive tumour: 1 to 3, I to III, or how well it is differentiated.

Nottingham grade (Elston and Ellis, Histopathology 1991;19:403) and its names in four languages (SBR, Bloom-Richardson).
Not the scores that make it up, not nuclear grade, regression, Gleason or ISUP, and not the grade of a side effect.
"""

import re
from collections.abc import Iterator

from cases.coding.proposals.reading import Finding, Reading
from cases.coding.proposals.sentences import Mention, Sentence

_ROMAN = {"i": 1, "ii": 2, "iii": 3, "l": 1, "ll": 2, "lll": 3, "1": 1, "2": 2, "3": 3}
_WORDS = {
    "een": 1, "twee": 2, "drie": 3, "un": 1, "deux": 2, "trois": 3, "one": 1, "two": 2, "three": 3,
    "eins": 1, "zwei": 2, "drei": 3,
}  # fmt: skip
_VALUE = re.compile(
    r"\.?[ ]?\)?(?:[ ]?\([^()0-9]{0,40}\))?[ ]?[:=]?[ ]{0,60}(?:g[ ]?)?\(?"
    r"(?P<value>[1-3](?![0-9]|[.,][0-9]|[ ]?(?:mm|cm|%|\+)|[ ]?-[ ]?[0-9])|iii|ii|i(?![a-z])|lll|ll|l(?![a-z'])"
    r"|een|twee|drie|deux|trois|one|two|three|eins|zwei|drei)(?![a-z0-9]|[ ]?\+[ ]?[0-9])"
)
_FILLED = re.compile(r"[ ]?[:=]?[ ]?\(?")
# The letter stands first, so that the search leaps from one to the next.
_LETTER = re.compile(r"[Gg](?<![A-Za-z0-9-].)(?:(?<=G)|r\.?)[ ]?(?P<value>[1-3])(?![0-9A-Za-z]|[.,][0-9])")
_BESIDE = 34


def grades(reading: Reading) -> Iterator[Finding]:
    """The findings of the grade; those of an in situ part alone carry `dcis` as their source."""
    for number, sentence in reading.own():
        named = sentence.mentions if sentence.has("grade_word", "differentiated") else ()
        for mention in named:
            if "grade_word" in mention and reading.is_own(mention.start):
                yield from _after_word(reading, number, sentence, mention)
            elif "differentiated" in mention and reading.is_own(mention.start):
                yield from _differentiated(reading, number, sentence, mention)
        for match in _LETTER.finditer(reading.cased, sentence.start, sentence.end):
            if reading.is_own(match.start()) and not _beside_other(reading, sentence, match.start(), match.end()):
                source = _source(reading, sentence, match.start(), match.end())
                if source and _about_tumour(reading, number, sentence):
                    yield Finding("grade", int(match["value"]), *match.span("value"), number, source)


def _after_word(reading: Reading, number: int, sentence: Sentence, mention: Mention) -> Iterator[Finding]:
    position = mention.end
    fillers = list(sentence.within(mention.end, mention.end + 60))
    if mention.word.startswith("differen") and not mention.word.endswith("graad"):
        fillers = [m for m in fillers if "grade_word" in m][:1]  # glandular differentiation has a score of its own
    for filler in fillers:
        gap = reading.low[position : filler.start]
        if not filler.any(("grade_filler", "grade_system", "grade_word")) or len(gap.strip(" :=(&-/")) > 0:
            break
        position = filler.end
    match = _VALUE.match(reading.low, position, min(sentence.end, position + 130))
    if match is None:
        closing = reading.low.find(")", position, position + 40)
        match = _VALUE.match(reading.low, closing + 1, min(sentence.end, closing + 100)) if closing > 0 else None
    if match is None:
        return
    if reading.low[match.end() :].startswith("?") or _is_interval(reading, match.end()):
        return
    if _beside_other(reading, sentence, mention.start, match.end()):
        return
    if reading.is_doubted(sentence, mention.start, match.end()):
        return
    source = _source(reading, sentence, mention.start, match.end())
    nuclear = any("nuclear" in m for m in sentence.within(mention.start - 14, mention.end))
    if (nuclear and source != "dcis") or not _about_tumour(reading, number, sentence):
        return
    text = match["value"]
    yield Finding("grade", _ROMAN.get(text) or _WORDS[text], *match.span("value"), number, source)


def _is_interval(reading: Reading, end: int) -> bool:
    return re.match(r"[ ]?(?:-|a|tot|bis|to)[ ]?(?:[1-3]|ii{1,2})(?![0-9a-z])", reading.low[end : end + 8]) is not None


def _differentiated(reading: Reading, number: int, sentence: Sentence, mention: Mention) -> Iterator[Finding]:
    before = [m for m in sentence.within(mention.start - 26, mention.start) if m.any(("well", "moderately", "poorly"))]
    if not before or reading.low[before[-1].end : mention.start].strip(" -"):
        return
    word = before[-1]
    if (
        not _about_tumour(reading, number, sentence)
        or _source(reading, sentence, word.start, mention.end) != "invasive"
    ):
        return
    value = 1 if "well" in word else 2 if "moderately" in word else 3
    yield Finding("grade", value, word.start, mention.end, number, "words")


def _beside_other(reading: Reading, sentence: Sentence, start: int, end: int) -> bool:
    """Whether the grade belongs to something else that is named right before or behind it."""
    last = sentence.clause(start)[1]
    first = max(reading.low.rfind(mark, sentence.start, start) for mark in ",;.")
    for mention in sentence.within(max(first, start - _BESIDE, sentence.start), start):
        if "other_grade" in mention and not any(
            m.any(("carcinoma", "invasive", "grade_word")) for m in sentence.within(mention.end, start)
        ):
            return True
    for mention in sentence.within(end, min(last, end + 24)):
        if "other_grade" in mention and not reading.low[end : mention.start].strip(" -:("):
            return True
    return _beside_unknown(reading, sentence, start, end)


def _beside_unknown(reading: Reading, sentence: Sentence, start: int, end: int) -> bool:
    """Whether a clause without a tumour grades a thing by a word that is not known here: most are side effects."""
    low = reading.low
    first = max(low.rfind(mark, sentence.start, start) + 1 for mark in ",;:.(")
    first = max(first, sentence.start)
    stop = min((place for mark in ",;.)(" if (place := low.find(mark, end, sentence.end)) > 0), default=sentence.end)
    mentions = list(sentence.within(first, stop))
    if any(m.any(_TUMOROUS) for m in mentions):
        return False
    known = {place for m in mentions for place in range(m.start, m.end)}
    for match in _LONG_WORD.finditer(low, first, start):
        if match.start() not in known and match.group() not in _SMALL:
            return True
    following = _LONG_WORD.match(low, end + 1, stop) if low[end : end + 1] in (" ", "-") else None
    return following is not None and following.start() not in known and following.group() not in _SMALL


_TUMOROUS = (
    "carcinoma", "adenocarcinoma", "melanoma", "invasive", "nst", "dcis", "tumour", "idc", "ilc", "grade_system", "biopsy", "breast",
    "differentiated", "kind_label", "ductal", "lobular", "surgery", "malignant",
)  # fmt: skip
_LONG_WORD = re.compile(r"[a-z]{3,}")
_SMALL = frozenset(
    [
        "entsprechend",
        "overeenkomend",
        "overeenkomstig",
        "passend",
        "soit",
        "donc",
        "ie",
        "zijnde",
        "van",
        "het",
        "een",
        "met",
        "dus",
        "nog",
        "den",
        "der",
        "die",
        "das",
        "les",
        "des",
        "une",
        "pour",
        "avec",
        "qui",
        "the",
        "and",
        "with",
        "has",
        "von",
        "mit",
        "und",
        "ist",
        "dus",
        "een",
        "twee",
        "drie",
        "volgens",
        "selon",
        "according",
        "nach",
        "uit",
        "bij",
        "niet",
        "naar",
        "ook",
        "werd",
        "wordt",
        "geeft",
        "met",
        "total",
        "totaal",
        "punten",
        "points",
        "punkte",
    ]
)


def _source(reading: Reading, sentence: Sentence, start: int, end: int) -> str:
    """`invasive`, `dcis` where it is the grade of an in situ part, or nothing where that is not the question."""
    _first, last = sentence.clause(start)
    label = list(sentence.within(sentence.start, sentence.label_end))
    if any("dcis" in m for m in label) and not any(m.any(("invasive", "carcinoma", "tumour")) for m in label):
        return "dcis"
    about = [m for m in sentence.mentions if m.any(("dcis", "invasive", "carcinoma", "tumour", "nst", "idc", "ilc"))]
    before = [m for m in about if m.start < start]
    if before and "dcis" in before[-1]:
        return "dcis"
    behind = [m for m in about if end <= m.start < last and m.start - end < 30]
    if behind and "dcis" in behind[0] and not reading.low[end : behind[0].start].strip(" -"):
        return "dcis"
    return "invasive"


def _about_tumour(reading: Reading, number: int, sentence: Sentence) -> bool:
    """Whether the sentence, its label or the one before speaks of a tumour, or the line is that of a form."""
    if sentence.has(
        "carcinoma",
        "adenocarcinoma",
        "melanoma",
        "invasive",
        "nst",
        "grade_system",
        "dcis",
        "tumour",
        "idc",
        "ilc",
        "er",
        "her2",
    ):
        return True
    first = sentence.mentions[0] if sentence.mentions else None
    if (
        first is not None
        and first.any(("grade_word", "differentiated", "kind_label", "well", "moderately", "poorly"))
        and first.start - sentence.start < 24
    ):
        return True
    before = reading.document.sentences[max(0, number - 4) : number]
    return any(
        each.has("carcinoma", "adenocarcinoma", "invasive", "nst", "melanoma")
        and (each.line == sentence.line or each is before[-1])
        for each in before
    )
