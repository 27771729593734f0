"""Lymph nodes by microscope: how many were examined, and in how many there is a metastasis.

UICC, TNM, eighth edition, breast: isolated tumour cells alone (pN0(i+)) make no positive node. The total decides where
the text gives one. Nodes that were seen on images were not examined.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from cases.coding.proposals.letters import plain_word
from cases.coding.proposals.lexicon import data
from cases.coding.proposals.reading import Finding, Reading
from cases.coding.proposals.sentences import Mention, Sentence

# An article that is also a one: it counts in "één van de drie", not in "een klier".
_ARTICLES = {"een": 1, "un": 1, "une": 1, "one": 1, "ein": 1, "eine": 1}
_MOST = 60


def _small_numbers() -> dict[str, int]:
    found: dict[str, int] = {}
    for value, languages in data("numbers").items():
        for words in languages.values():
            found.update((plain_word(word), int(value)) for word in words)
    return found


_WORDS = _small_numbers() | _ARTICLES
_ALTERNATIVES = "|".join(sorted((re.escape(word) for word in _WORDS), key=lambda word: (-len(word), word)))
_NUMBER = rf"(?:[0-9]{{1,2}}|{_ALTERNATIVES})(?![0-9a-z%]|[ ]?(?:mm|cm|%)|[.,][0-9])"
_NONE = r"(?:geen(?:[ ]enkele)?|aucun|aucune|none|no|neither|keiner|keine|kein|nul|zero|0)"
_OF = r"(?:van|op|uit|sur|of|von|aus|out[ ]of|unter|in|parmi)"
_THE = r"(?:[ ](?:de|het|les|the|den|der|totaal|in totaat))?"
_ARE = r"(?:(?:is|zijn|sind|ist|waren|war|are|was|were|sont|est|er|bevat|bevatten|enthalt|blijkt|blijken)[ ]){0,2}"
_ADJECTIVES = r"(?:[ ][a-z+()-]{2,24})"
_OF_SOME = re.compile(
    rf"(?<![0-9a-z.,/])(?P<positive>{_NUMBER}|{_NONE}){_ADJECTIVES}{{0,4}}?[ ]\(?{_OF}{_THE}[ ](?:[a-z]{{3,12}}[ ])?(?P<examined>{_NUMBER})"
)
_FROM_SOME = re.compile(
    rf"(?<![a-z])(?:van|von|of|sur|parmi|uit|aus|in)(?:[ ](?:de|les|the|den|totaal))?[ ](?P<examined>{_NUMBER})"
    rf"(?:[ ][a-z0-9()-]{{2,24}}){{0,7}}?[ ,:]{{1,3}}{_ARE}(?P<positive>{_NONE}|{_NUMBER})(?![0-9a-z/])"
)
_WHICH = re.compile(
    rf"(?P<examined>{_NUMBER}){_ADJECTIVES}{{0,4}},?[ ](?:waarvan|dont|of which|davon|waarin|darunter)(?:[ ]er)?[ ]"
    rf"(?P<positive>{_NONE}|{_NUMBER})"
)
_WHICH_ONE = re.compile(
    rf"(?P<examined>{_NUMBER}){_ADJECTIVES}{{0,4}}[,:]?[ ](?:in[ ]|dans[ ])?(?P<positive>{_NONE}|{_NUMBER})"
    r"[ ](?:ervan|daarvan|hiervan|of which|of them|of these|d'entre eux|d'entre elles|davon)(?![a-z])"
)
_ONE_WITH = re.compile(
    rf"(?P<examined>{_NUMBER}){_ADJECTIVES}{{1,4}}?[,;:][ ](?:in[ ]|l')?(?P<positive>{_NONE}|{_NUMBER})"
    r"[ ](?:een|eine|a|met|avec|with|mit|contains|containing|bevat|contient|enthalt|toont|shows|showing|zeigt|positie[fv]e?|aangetast|envahie?s?|positive|positif|befallen)(?![a-z])"
)
_FRACTION = re.compile(
    r"(?<![0-9a-z/.,])(?P<positive>[0-9]{1,2})(?P<sign>[ ]?n[ ]?\+?|\+)?[ ]?/[ ]?(?P<examined>[0-9]{1,2})(?![0-9/]|[.,][0-9])"
)
_OF_FIGURES = re.compile(
    rf"(?<![0-9a-z.,/])(?P<positive>[0-9]{{1,2}}|{_NONE})[ ]{_OF}{_THE}[ ](?P<examined>[0-9]{{1,2}})(?![0-9a-z]|[.,][0-9]|[ ]?(?:mm|cm|%))"
)
_CATEGORY = re.compile(r"p?n[0-3xoli][a-c]?(?:mi)?(?:\([a-z+-]{1,4}\))?[ ]?\(?(?:sn[ ,]{0,2})?$")
_ANY_NUMBER = re.compile(rf"(?<![0-9a-z.,/+-])(?!(?:een|un|une|one|ein|eine)[ ])(?P<number>{_NUMBER})")
_NAMES = re.compile(
    r"(?:niveau|niveaus|niveaux|levels?|klier|klieren|lymfeklier|node|ganglion|stations?|graad|grade|segment|stufe|op|coupe|blok)$"
)
_SEEN = re.compile(
    r"schors|cortex|cortical|kortex|kortikal|hilus|hile |verdikt|epaissi|thicken|verdick|captatie|captation|uptake|speicher"
)
_ELSEWHERE = re.compile(r"[ ]?(?:op afstand|a distance|distant|a distans|ailleurs|elders|elsewhere|in der ferne)")
_TOO_SMALL = re.compile(r"micro-?m|mikrom|(?<![a-z])itc|isol|geisol|einzeln")
_OTHERS = ("andere", "overige", "autres", "other", "remaining", "ubrigen", "restlichen", "rest ")
_NONE_HOLDS = re.compile(
    r"(?<![a-z])(?:geen enkele|geen van|none of|no lymph node|aucun|aucune|keiner|keine[rs]?)(?![a-z])[a-z ]{0,40}?"
    r"(?:bevat|bevatten|contains?|contient|contiennent|enthalt|enthalten)[ ]$"
)
_NUMBER_OF = frozenset(["aantal", "nombre", "number", "anzahl"])
_NODES = ("node", "axilla")
_FRACTION_OWNERS = (
    *_NODES, "total_word", "score", "not_figure", "er", "pr", "her2", "grade_word", "grade_system", "margin",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Count:
    value: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Counts:
    """Positive and examined nodes as one place says them; either may be missing."""

    sentence: int
    positive: _Count | None
    examined: _Count | None
    is_total: bool = False
    is_general: bool = False  # no number was given: "all free"


def nodes(reading: Reading) -> Iterator[Finding]:
    """The findings of positive and examined nodes."""
    found = list(_all(reading))
    if any(counts.positive and counts.positive.value for counts in found):
        # Where a node is said to be free, others are not.
        found = [counts for counts in found if not counts.is_general]
    counts_of = {(each.positive and each.positive.value, each.examined and each.examined.value) for each in found}
    if len(counts_of) > 1 and not any(each.is_total for each in found) and _several_stations(found):
        return
    for name in ("positive", "examined"):
        counted = [(counts, count) for counts in found if (count := getattr(counts, name)) is not None]
        totals = [each for each in counted if each[0].is_total]
        for counts, count in totals or counted:
            yield Finding(f"nodes_{name}", count.value, count.start, count.end, counts.sentence)


def _several_stations(found: list[_Counts]) -> bool:
    """Whether one sentence counts the nodes of several places and gives no total: `0/11 (N1), 0/6 (N2)`."""
    places = [each.sentence for each in found if each.positive and each.examined]
    return len(places) != len(set(places))


def _all(reading: Reading) -> Iterator[_Counts]:
    for number, sentence in reading.own():
        about = sentence.has(*_NODES) or _goes_on(reading, number, sentence)
        fractions = list(_fractions(reading, number, sentence, about))
        if fractions:
            yield from fractions
        elif about:
            yield from _told(reading, number, sentence)


def _goes_on(reading: Reading, number: int, sentence: Sentence) -> bool:
    """Whether a sentence without the word goes on about nodes: a total, or right behind one that was about them."""
    if sentence.has("grade_word", "er", "pr", "her2", "specimen"):
        return False
    before = reading.document.sentences[max(0, number - 4) : number]
    if sentence.has("total_word"):
        return any(each.has(*_NODES) for each in before)
    if not before or not sentence.has("involved", "spared", "all_word", "none_word"):
        return False
    return before[-1].line == sentence.line and before[-1].has(*_NODES) and not sentence.has("tumour", "carcinoma")


def _is_total(sentence: Sentence, start: int, end: int) -> bool:
    """Whether these are the nodes of all parts together."""
    first, last = sentence.clause(start)
    near = sentence.within(max(first, start - 40), min(last, end + 16))
    return any("total_word" in m for m in near)


# ----------------------------------------------------------------------------------------------------------- fractions


def _fractions(reading: Reading, number: int, sentence: Sentence, about: bool) -> Iterator[_Counts]:
    """`0/3`, `2N+/14`, `1 van 3`, where nodes or pN stand before it."""
    for pattern in (_FRACTION, _OF_FIGURES):
        for match in pattern.finditer(reading.low, sentence.start, sentence.end):
            positive, examined = _value(match["positive"]), _value(match["examined"])
            if positive is None or examined is None or not reading.is_own(match.start()):
                continue
            if not positive <= examined <= _MOST or examined == 0:
                continue
            before = list(sentence.within(max(sentence.start, match.start() - 90), match.start()))
            owner = next((m for m in reversed(before) if m.any(_FRACTION_OWNERS)), None)
            behind = list(sentence.within(match.end(), match.end() + 24))
            if any("biopsy" in m for m in behind):
                continue
            category = _CATEGORY.search(reading.low, max(sentence.start, match.start() - 18), match.start())
            mine = owner.any((*_NODES, "total_word")) if owner is not None else False
            named = (owner is None or mine) and any(m.any(_NODES) for m in behind[:2])
            named = named or (
                bool(behind) and "node" in behind[0] and not reading.low[match.end() : behind[0].start].strip()
            )
            named = named or "n" in (match.groupdict().get("sign") or "")
            if category or (about and mine) or named:
                counts = _both(number, sentence, match, positive, examined)
                # Behind a category stand the nodes that it counts: all of them.
                yield replace(counts, is_total=True) if category else counts
        if any(True for _ in pattern.finditer(reading.low, sentence.start, sentence.end)):
            return


def _both(number: int, sentence: Sentence, match: re.Match[str], positive: int, examined: int) -> _Counts:
    return _Counts(
        number,
        _Count(positive, *match.span("positive")),
        _Count(examined, *match.span("examined")),
        _is_total(sentence, *match.span()),
    )


# --------------------------------------------------------------------------------------------------------------- prose


def _told(reading: Reading, number: int, sentence: Sentence) -> Iterator[_Counts]:
    """What prose says: of some of the nodes, of all of them, of none."""
    for pattern in (_WHICH, _WHICH_ONE, _ONE_WITH, _OF_SOME, _FROM_SOME):
        for match in pattern.finditer(reading.low, sentence.start, sentence.end):
            counts = _some(reading, number, sentence, match)
            if counts is not None:
                yield counts
                return
    if not reading.is_imaging or sentence.has("examined"):
        yield from _plain(reading, number, sentence)


def _some(reading: Reading, number: int, sentence: Sentence, match: re.Match[str]) -> _Counts | None:
    positive, examined = _value(match["positive"]), _value(match["examined"])
    if positive is None or examined is None or not positive <= examined <= _MOST or not reading.is_own(match.start()):
        return None
    if match["positive"] in _ARTICLES and match["positive"] == match["examined"]:
        return None  # `in één een metastase`
    if (reading.is_imaging and not sentence.has("examined")) or _SEEN.search(
        reading.low, match.start(), match.end() + 30
    ):
        return None
    near = list(sentence.within(max(sentence.start, match.start() - 60), min(sentence.end, match.end() + 60)))
    involved = [m for m in near if m.any(("involved",))]
    spared = [m for m in near if "spared" in m]
    if not (involved or spared) or not any(m.any((*_NODES, "total_word")) for m in near):
        return None
    if match.start("examined") < match.start("positive") and involved and involved[-1].start < match.end("positive"):
        return None  # what is said of these some is not that there is a metastasis in them
    if any("biopsy" in m for m in sentence.within(match.start(), match.end() + 16)):
        return None
    if spared and not involved and positive and re.fullmatch(_NONE, match["positive"]) is None:
        positive = examined - positive  # so many of them are free
    return _both(number, sentence, match, positive, examined)


def _value(text: str) -> int | None:
    if text.isdigit():
        return int(text)
    if re.fullmatch(_NONE, text):
        return 0
    return _WORDS.get(text)


def _plain(reading: Reading, number: int, sentence: Sentence) -> Iterator[_Counts]:
    """Numbers beside their nouns: `14 klieren`, `2 met metastase`, `geen metastase in drie klieren`, `tous indemnes`."""
    examined = positive = None
    for count in _numbered(reading, sentence):
        what = _label(reading, sentence, count) or _noun(reading, sentence, count)
        if what == "positive":
            positive = positive or count
        elif what == "examined" and count.value:
            examined = examined or count
    negative = None if sentence.has("imaging", "suspicious_finding", "exam") else _all_negative(reading, sentence)
    is_general = positive is None and negative is not None
    if positive is None and negative is not None:
        positive = negative
    if examined is not None and positive is not None and positive.value > examined.value:
        return
    if positive is None and sentence.has("imaging", "suspicious_finding"):
        return  # seen, not examined
    if positive is None and not sentence.has("examined", "involved", "spared") and reading.section(number) != "micro":
        return
    if positive is not None or examined is not None:
        place = positive or examined
        assert place is not None
        total = _is_total(sentence, place.start, place.end)
        yield _Counts(number, positive, examined, total, is_general and examined is None)


def _numbered(reading: Reading, sentence: Sentence) -> Iterator[_Count]:
    for match in _ANY_NUMBER.finditer(reading.low, sentence.start, sentence.end):
        value = _value(match["number"])
        if value is None or value > _MOST or match["number"] in _ARTICLES or not reading.is_own(match.start()):
            continue
        if match["number"].startswith("enkel") or _NAMES.search(
            reading.low[max(sentence.start, match.start() - 14) : match.start()].rstrip()
        ):
            continue
        yield _Count(value, *match.span("number"))


def _label(reading: Reading, sentence: Sentence, count: _Count) -> str:
    """What a number is of by its label: `positieve klieren: 2`, `ganglions prélevés = 12`."""
    before = reading.low[sentence.start : count.start].rstrip()
    first, last = sentence.clause(count.start)
    asked = any(m.word in _NUMBER_OF for m in sentence.within(first, count.start)) and last - count.end <= 1
    if not before or not (
        before[-1] in ":=" or asked or (before[-1] == "(" and reading.low[count.end : count.end + 1] == ")")
    ):
        return ""
    start = max((figure.end for figure in sentence.figures if figure.end <= count.start), default=sentence.start)
    mentions = list(sentence.within(start, count.start))
    if not any(m.any(("node", "involved", "examined")) for m in mentions):
        return ""
    ended = reading.low[count.end : count.end + 1] in ";,.)"
    if not ended and any(m.any(("involved", "examined", "node")) for m in sentence.within(count.end, count.end + 16)):
        return ""
    if count.value == 0 and _TOO_SMALL.search(reading.low, start, count.start):
        return ""  # none of them with a micrometastasis does not say that none is positive
    if any("involved" in m for m in mentions):
        return "positive"
    return "examined"


def _noun(reading: Reading, sentence: Sentence, count: _Count) -> str:
    """What a number is of by the words behind it, up to the next number or comma."""
    stop = min(sentence.end, count.end + 50)
    clause = sentence.clause(count.end)[1]
    stop = min(stop, clause if clause > count.end + 2 else stop)
    following = _ANY_NUMBER.search(reading.low, count.end, stop)
    behind = list(sentence.within(count.end, following.start() if following else stop))
    behind = [m for m in behind if m.any((*_NODES, "involved", "spared", "examined", "none_word", "negation"))][:4]
    involved = next((m for m in behind if "involved" in m), None)
    node = next((m for m in behind if "node" in m), None)
    free = any(m.any(("negation", "none_word", "spared")) and involved and m.start < involved.start for m in behind)
    if involved and not free and (node is None or involved.start - node.end < 24):
        return "positive"
    if node or any("examined" in m for m in behind):
        return "examined"
    return ""


def _all_negative(reading: Reading, sentence: Sentence) -> _Count | None:
    """`geen metastase`, `tous indemnes`, `keiner befallen`, `alle tumorfrei`."""
    mentions = [m for m in sentence.mentions if reading.is_own(m.start)]
    for place, mention in enumerate(mentions):
        if "involved" in mention:
            denied = [m for m in mentions[max(0, place - 3) : place] if m.any(("none_word", "negation"))]
            if denied and mention.start - denied[-1].end < 36 and not _ELSEWHERE.match(reading.low, mention.end):
                return _Count(0, denied[-1].start, mention.end)
        elif mention.any(("tumour", "melanoma", "carcinoma")) and (none := _none_of(reading, sentence, mention)):
            return _Count(0, none, mention.end)
        elif "spared" in mention:
            near = any(m.any((*_NODES, "all_word")) for m in mentions[max(0, place - 4) : place + 3])
            if near and not any(word in reading.low[sentence.start : mention.start] for word in _OTHERS):
                return _Count(0, mention.start, mention.end)
    return None


def _none_of(reading: Reading, sentence: Sentence, mention: Mention) -> int | None:
    """Where `none of the five nodes contains tumour` begins, of which this is the tumour."""
    found = _NONE_HOLDS.search(reading.low, max(sentence.start, mention.start - 70), mention.start)
    return found.start() if found is not None else None
