"""Where in the breast: the quadrant as an ICD-O-3 code, or a code as it was written.

ICD-O-3 topography C50.1 to C50.5; an ICD-10 code of the same digits counts. Several quadrants at once are none of them,
nor are clock positions, which mean another quadrant on the other side.
"""

from collections.abc import Iterator

from cases.coding.proposals.reading import Finding, Reading
from cases.coding.proposals.sentences import Mention, Sentence

_WHOLE = {"upper_outer": "C50.4", "lower_outer": "C50.5", "upper_inner": "C50.2", "lower_inner": "C50.3"}
_HALVES = {
    ("upper", "outer"): "C50.4",
    ("lower", "outer"): "C50.5",
    ("upper", "inner"): "C50.2",
    ("lower", "inner"): "C50.3",
}
_VERTICAL = {"upper": "upper", "lower": "lower", "upper_quadrant": "upper", "lower_quadrant": "lower"}
_HORIZONTAL = {"outer": "outer", "inner": "inner", "outer_quadrant": "outer", "inner_quadrant": "inner"}
_PLACES = (*_WHOLE, *_VERTICAL, *_HORIZONTAL, "quadrant", "central")
_NAMES = ("quadrant", "upper_quadrant", "lower_quadrant", "outer_quadrant", "inner_quadrant")


def topography(reading: Reading) -> Iterator[Finding]:
    """The findings of the place in the breast; a code counts for every organ."""
    for number, sentence in reading.own():
        for figure in sentence.figures:
            if figure.kind == "topography" and reading.is_own(figure.start):
                if figure.text.startswith(("C77", "C78", "C79")) or not _is_code(reading, sentence, figure.start):
                    continue
                yield Finding("icdo3_topography", figure.text, figure.start, figure.end, number, "code")
        if reading.is_of_breast and not _is_benign(sentence):
            found = list(_quadrants(reading, sentence))
            yield from (
                Finding("icdo3_topography", code, start, end, number, "words")
                for code, start, end in _without_pairs(reading, sentence, found)
            )


def _is_benign(sentence: Sentence) -> bool:
    """Whether a sentence tells of something benign and of nothing else."""
    return sentence.has("benign", "bed") and not sentence.has(
        "carcinoma", "invasive", "nst", "idc", "ilc", "dcis", "suspicious_finding", "adenocarcinoma", "tumour"
    )


def _is_code(reading: Reading, sentence: Sentence, place: int) -> bool:
    return not reading.is_doubted(sentence, place, place + 5)


def _quadrants(reading: Reading, sentence: Sentence) -> Iterator[tuple[str, int, int]]:
    if not sentence.has(*_PLACES):
        return
    mentions = [m for m in sentence.mentions if reading.is_own(m.start)]
    place = 0
    while place < len(mentions):
        mention = mentions[place]
        whole = next((code for noun, code in _WHOLE.items() if noun in mention), None)
        if whole is not None:
            yield whole, mention.start, mention.end
        elif (pair := _pair(reading, mentions, place)) is not None:
            code, end, used = pair
            if not _is_second_of_two(reading, mentions, place):
                yield code, mention.start, end
            place += used
            continue
        elif "central" in mention and _is_place(reading, sentence, mentions, place):
            yield "C50.1", mention.start, mention.end
        place += 1


def _pair(reading: Reading, mentions: list[Mention], place: int) -> tuple[str, int, int] | None:
    """`bovenste buiten(kwadrant)`, `laterale bovenkwadrant`, `quadrant supérieur externe`: two halves side by side."""
    vertical = horizontal = None
    named = False
    end = mentions[place].end
    used = 0
    for mention in mentions[place : place + 4]:
        if used and not _beside(reading, end, mention.start):
            break
        up = next((half for noun, half in _VERTICAL.items() if noun in mention), None)
        side = next((half for noun, half in _HORIZONTAL.items() if noun in mention), None)
        if up is None and side is None and not mention.any(_NAMES):
            break
        if (up and vertical) or (side and horizontal):
            break
        vertical, horizontal = vertical or up, horizontal or side
        named = named or mention.any(_NAMES)
        end = mention.end
        used += 1
    if vertical is None or horizontal is None or not (named or _is_adverb(mentions[place : place + used])):
        return None
    return _HALVES[vertical, horizontal], end, used


def _is_second_of_two(reading: Reading, mentions: list[Mention], place: int) -> bool:
    """`bovenste en onderste buitenkwadrant`: the other half stands before."""
    if place == 0 or not mentions[place - 1].any((*_VERTICAL, *_HORIZONTAL)):
        return False
    return reading.low[mentions[place - 1].end : mentions[place].start].strip(" -/") in _JOINS


_ADVERBS = frozenset({"oben", "unten", "aussen", "innen", "supero", "infero", "boven", "onder", "buiten", "binnen"})


def _is_adverb(mentions: list[Mention]) -> bool:
    return all(
        mention.word in _ADVERBS or mention.word.startswith(("extern", "intern", "later", "media"))
        for mention in mentions
    )


def _beside(reading: Reading, end: int, start: int) -> bool:
    return start - end <= 3 and not reading.low[end:start].strip(" -/")


def _is_place(reading: Reading, sentence: Sentence, mentions: list[Mention], place: int) -> bool:
    """Whether "central" says where a tumour lies, and not how something looks."""
    mention = mentions[place]
    following = mentions[place + 1] if place + 1 < len(mentions) else None
    if following is not None and _beside(reading, mention.end, following.start):
        return following.any(("quadrant", "part", "breast"))
    previous = mentions[place - 1] if place else None
    if (
        previous is not None
        and previous.any(("quadrant", "place_label", "breast", "left", "right", "tumour", "part", "size_word"))
        and len(reading.low[previous.end : mention.start].strip(" .:,")) == 0
    ):
        return True
    return (
        sentence.label_end > sentence.start
        and reading.low[sentence.label_end : mention.start].strip() == ""
        and sentence.mentions[0].any(("place_label", "quadrant", "tumour"))
    )


def _without_pairs(
    reading: Reading, sentence: Sentence, found: list[tuple[str, int, int]]
) -> Iterator[tuple[str, int, int]]:
    """Leave out two quadrants that are joined, and those on whose border a tumour lies."""
    for place, (code, start, end) in enumerate(found):
        joined = False
        for other in found[max(place - 1, 0) : place + 2]:
            if other[0] != code:
                between = reading.low[min(end, other[2]) : max(start, other[1])]
                words = between.split()
                joined = (
                    joined
                    or (len(words) <= 3 and any(w in _JOINS for w in words))
                    or between.strip() in ("/", "-", "+")
                )
        before = list(sentence.within(start - 40, start))
        if not joined and not any("junction" in m for m in before[-6:]):
            yield code, start, end


_JOINS = frozenset({"en", "et", "and", "und", "naar", "tot", "vers", "to", "bis", "of", "ou", "or"})
