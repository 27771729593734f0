"""TNM in its own notation: prefix, T, N, M, and the edition by which they were given.

UICC, TNM Classification of Malignant Tumours, eighth edition (2017), general rules: prefixes c, p, y, r, a; the suffixes
(m), (sn), (f) and counts say how a category was found and are no part of it; (i+), (i-) and mi are. Nothing is derived:
"no metastases" is not M0. Letters alone are no TNM: T2 is a magnetic resonance sequence, a vertebra and a slide as well.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cases.coding.proposals.reading import Finding, Reading
from cases.coding.proposals.sentences import Sentence

_VALUES = {
    "t": r"x|is|[0o]|[1li](?:mi(?:c)?|[abc])?|2[abcd]?|3[ab]?|4[a-e]?",
    "n": r"x|[0o]|[1li](?:mi(?:c)?|[abc])?|2[abc]?|3[abc]?",
    "m": r"x|[0o]|[1li][abc]?",
}
_CATEGORY = re.compile(
    r"(?P<prefix>\(y\)[cp]|y[cp]|ry?[cp]|[cpra])?(?P<gap>[ ]?)(?P<axis>[tnm])(?P<space>[ ]{0,8}[:=]?[ ]{0,8})"
    r"(?=[0-4xiol])"
)
_VALUE = {
    axis: re.compile(rf"(?P<value>{value})(?P<more>\((?:i[+-]|mi|mol[+-])\)|[ ]\(i[+-]\))?")
    for axis, value in _VALUES.items()
}
_START = re.compile(
    r"(?=[(ycpratnm ])(?<![a-z0-9+-])(?=(?:\(y\)[cp]|y[cp]|ry?[cp]|[cpra])?[ ]?[tnm][ ]{0,8}[:=]?[ ]{0,8}(?:[0-4oli]|x|is))"
)
_GAP = re.compile(
    r"(?:[ ,;/|_.\n-]|\((?:m|sn|f|[0-9]{1,2}|[0-9]{1,2}/[0-9]{1,2}|[0-9]{0,2} ?sn|dcis|ccis|lcis|paget|m, ?[0-9]|[0-9] ?foci)\)"
    r"|(?:[lvr][0-2x]|pn[01x](?![a-z(])|g[1-4x]|n[+-])(?![a-z0-9])){0,8}"
)
_NEXT_CLINICAL = re.compile(r"c[nm][0-3x]")
_TORN = re.compile(r"[ ][a-c](?=[ ]{2}|[ ]?\(|[ ]?$)", re.MULTILINE)
_AFTER = re.compile(r"[a-z0-9%]")
_NAMED = re.compile(
    r"(?<![a-z])(?P<prefix>y[cp]|[cp])?tnm|uicc|ajcc|(?<![a-z])stad(?:ium|e)|(?<![a-z])stage|(?<![a-z])stag|classifi|klassifi"
)
_CONDITION_BEFORE = re.compile(r"(?:bij|bei|als|indien|si|if|cas de|wenn|when)[ ]{1,2}(?:een[ ]|einem[ ]|un[ ])?$")

_CONDITION_AFTER = re.compile(
    r"[ ,(]{0,3}(?:si|indien|if|falls|wenn|sofern|mits|pourvu)(?![a-z])|[ ,(]{0,3}(?:nur|erst|alleen|slechts|pas|seulement|uniquement|only)[ ](?:bij|als|wanneer|indien|na|bei|wenn|nach|si|en cas|apres|if|when|after)(?![a-z])"
)

_EDITIONS = (
    re.compile(
        r"(?:tnm|uicc|ajcc)[ -]?(?:[a-z]{0,4}(?:klassifi[ck]ation|classificati(?:e|on)))?[ ,:(]{0,3}(?:(?:uicc|ajcc|tnm)[ ,/:(-]{0,3})?"
        r"(?:versie|version|ed\.?|editie|edition|v\.?)?[ ]?(?P<edition>(?<![0-9.])[6-9])(?![0-9]|[.,][0-9]|[ ]?(?:mm|cm|%))"
    ),
    re.compile(
        r"(?<![0-9.,])(?P<edition>[6-9])(?:[ ]?(?:de|ste|th|eme|ieme|e))?\.?[ ]?(?:editie|edition|ed\b|auflage|uitgave|aufl)"
    ),
    re.compile(
        r"(?P<word>achtste|huitieme|eighth|achte|achten|zevende|septieme|seventh|siebte|siebten|negende|neuvieme|ninth|neunte"
        r"|neunten)[ ](?:editie|edition|auflage|uitgave|ed\b)"
    ),
    re.compile(r"(?:editie|edition|auflage|ed\.)[ ](?P<edition>[6-9])(?![0-9.,])"),
)
_OF_EDITION = re.compile(r"tnm|uicc|ajcc|edit|aufl|uitg|ed\b")
_ORDINALS = {"a": "8", "h": "8", "e": "8", "z": "7", "s": "7", "n": "9"}
_OTHER_BOOK = re.compile(r"(?:who|oms|asco|bi-?rads|acr|icd)[^.;]{0,20}$")
_BOOK = re.compile(r"tnm|uicc|ajcc|(?<![a-z])y?[cp][tn][0-4x]")


@dataclass(frozen=True, slots=True)
class _Category:
    axis: str
    prefix: str
    value: str
    start: int
    end: int
    bare: bool


def tnm(reading: Reading) -> Iterator[Finding]:
    """The findings of prefix, T, N and M."""
    for number, sentence in reading.own():
        position = sentence.start
        named = _NAMED.search(reading.low, sentence.start, sentence.end)
        named_at = named.start() if named else len(reading.low)
        while (match := _START.search(reading.low, position, sentence.end)) is not None:
            chain, position = _chain(reading, match.start(), sentence.end)
            position = max(position, match.start() + 1)
            if chain and _counts(reading, sentence, chain, named_at < match.start()):
                yield from _findings(reading, number, sentence, chain)


def _chain(reading: Reading, start: int, end: int) -> tuple[list[_Category], int]:
    """Categories that follow one another, such as `pT1c N0(sn) M0`."""
    chain: list[_Category] = []
    position = start
    while position < end:
        match = _CATEGORY.match(reading.low, position, end)
        if match is None:
            break
        category = _category(reading, match)
        if category is None or any(known.axis == category.axis for known in chain):
            break
        chain.append(category)
        gap = _GAP.match(reading.low, category.end, end)
        position = gap.end() if gap else category.end
    return chain, chain[-1].end if chain else start


def _category(reading: Reading, match: re.Match[str]) -> _Category | None:
    axis = match["axis"]
    prefix = (match["prefix"] or "").replace("(", "").replace(")", "")
    found = _VALUE[axis].match(reading.low, match.end())
    if found is None or (not prefix and match["space"]):
        return None
    written, end = found["value"], found.end()
    if prefix == "c" and written == "2c" and reading.is_of_breast and _NEXT_CLINICAL.match(reading.low, end - 1):
        written, end = "2", end - 1  # `cT2cN0`: the letter is the next one's prefix
    if _TORN.match(reading.low, end):
        return None  # `p N 1 a (sn)`: a scanner took the letter off
    following = reading.low[end : end + 1]
    # Another category may follow at once (T2N1, pT1cpN0), anything else makes it a word.
    if following and _AFTER.match(following) and _CATEGORY.match(reading.low, end) is None:
        return None
    if match["gap"] and not prefix:
        return None
    cased = reading.cased[match.start("axis")]
    if prefix and cased.islower() and reading.cased[match.start()].isupper():
        return None  # Pn0 is about nerves
    if prefix in ("a", "r") and (cased.islower() or match["gap"]):
        return None  # "at 3 o'clock", "a T1c"
    if not prefix and reading.cased[found.start()] == "o":
        return None  # the word "no", at the head of a sentence
    value = written.replace("mic", "mi")
    if value[0] in "oli" and value != "is":
        if prefix and reading.cased[match.start()].isupper():
            return None  # PNI is about nerves
        value = {"o": "0", "l": "1", "i": "1"}[value[0]] + value[1:]
        if cased.islower():
            return None
    if more := found["more"]:
        inner = more.strip(" ()").lower()
        if inner == "mi" or inner.startswith("i"):
            value = f"{value}mi" if inner == "mi" else f"{value}({inner})"
    if value == "x":
        value = "X"
    return _Category(axis, prefix, value, match.start(), end, bare=not prefix)


def _counts(reading: Reading, sentence: Sentence, chain: list[_Category], named: bool) -> bool:
    """Whether these letters are a classification, of the tumour as it is."""
    first = chain[0]
    if not reading.is_own(first.start) or reading.is_doubted(sentence, first.start, chain[-1].end):
        return False
    if sentence.has("hoped"):
        return False
    before = reading.low[max(sentence.start, first.start - 16) : first.start]
    if _CONDITION_BEFORE.search(before) or _CONDITION_AFTER.match(reading.low, chain[-1].end, sentence.end):
        return False
    if not first.bare:
        # Small letters without a figure behind them (c, m) are words; with one they are meant.
        return True
    if len(chain) == 1 and not named:
        return False
    axes = {category.axis for category in chain}
    plain = all(len(category.value) == 1 and category.value in "123" for category in chain)
    graded = any(m.any(("grade_word", "other_grade")) for m in sentence.within(first.start - 80, first.start))
    prefixed = any(category.prefix for category in chain)
    if plain and graded and not prefixed:
        return False  # the scores of tubules, nuclei and mitoses
    if reading.cased[first.start].islower() and not prefixed:
        return named or {"t", "n"} <= axes
    if named or prefixed:
        return True
    return {"t", "n"} <= axes and not (plain and "," in reading.low[first.start : chain[-1].end])


def _findings(reading: Reading, number: int, sentence: Sentence, chain: list[_Category]) -> Iterator[Finding]:
    axes = {category.axis: category for category in chain}
    leading = axes.get("t") or axes.get("n")
    if leading is not None:
        prefix = leading.prefix
        at = (leading.start, leading.start + len(prefix))
        if not prefix:
            named = [
                m
                for m in _NAMED.finditer(reading.low, max(sentence.start, leading.start - 60), leading.start)
                if m["prefix"]
            ]
            if named:
                prefix, at = named[-1]["prefix"], named[-1].span("prefix")
        if prefix:
            yield Finding("tnm_prefix", prefix, *at, number)
        other = axes.get("n")
        if prefix and other is not None and other is not leading and other.prefix == prefix:
            yield Finding("tnm_prefix", prefix, other.start, other.start + len(prefix), number)
    for category in chain:
        yield Finding(
            category.axis, category.value, category.start, category.end, number, leading.prefix if leading else ""
        )


def editions(reading: Reading) -> Iterator[Finding]:
    """The findings of the edition."""
    for number, sentence in reading.own():
        if _OF_EDITION.search(reading.low, sentence.start, sentence.end) is None:
            continue
        for place, pattern in enumerate(_EDITIONS):
            for match in pattern.finditer(reading.low, sentence.start, sentence.end):
                if not reading.is_own(match.start()):
                    continue
                before = reading.low[max(sentence.start, match.start() - 40) : match.start()]
                if _OTHER_BOOK.search(before):
                    continue
                around = reading.low[max(0, match.start() - 120) : match.end() + 80]
                if place and not _BOOK.search(around):
                    continue
                edition = match["edition"] if "edition" in match.groupdict() else _ORDINALS[match["word"][0]]
                yield Finding("tnm_edition", edition, *match.span(), number)
