"""Foci of one breast that a text tells apart: by a label, by counting, in a list, by their sizes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cases.coding.proposals.quantities import Quantity
from cases.coding.proposals.reading import Reading
from cases.coding.proposals.sentences import Mention, Sentence

_LABEL_AFTER = re.compile(
    r"[ ]?(?:nr\.?|no\.?|n°|#|nummer)?[ ]?(?P<label>[1-4]|[A-D]|I{1,3})(?![0-9A-Za-z'°/+]|[.,][0-9]|[ ]?(?:mm|cm|u\b|uur|h\b|heures|o'clock|uhr|Uhr|%|x[ ]))"
)
_NUMBERED = re.compile(r"(?<![0-9a-z,.])\(?(?P<label>[1-4]|[a-d]|i{1,3})[).:][ ](?![0-9]{4})")
_ONLY_AND = re.compile(
    r"[ ]?(?:\([^()]{1,60}\))?[ ]?(?:,|en|et|and|und|resp\.?|respectievelijk|\+)?[ ]?(?:en|et|and|und)?[ ]?"
    r"(?:een|une?|one|einer)?[ ]?(?:van|de|of|von)?[ ]?"
)
_ORDINALS = (
    ("first", "1"), ("second", "2"), ("third", "3"), ("largest", "1"), ("other_one", "2"), ("additional", "2"),
)  # fmt: skip
_COUNTING = frozenset(noun for noun, _key in _ORDINALS)
_LABELS = {"I": 1, "II": 2, "III": 3, "A": 1, "B": 2, "C": 3, "D": 4} | {str(n): n for n in range(1, 5)}
_MEASURED_FROM = re.compile(
    r"(?:mm|cm)[ ](?:afstand[ ])?(?:van|de|du|from|of|von|vom|zu|zum)[ ](?:(?:de|het|la|le|the|der|dem)[ ])?$"
)
_REST = re.compile(r"rest|resid")
_BULLET = re.compile(r"[ ]*[-•*–][ ]")
_FAR = 14
_DESCRIBES = (
    "quadrant",
    "nst",
    "invasive",
    "upper_outer",
    "lower_outer",
    "upper_inner",
    "lower_inner",
    "grade_word",
    "ductal",
    "lobular",
)


@dataclass(frozen=True, slots=True)
class Switch:
    """From `start` to `end` a tumour is spoken of; without a key, all of them."""

    start: int
    key: str
    end: int = 1 << 60


@dataclass(frozen=True, slots=True)
class _Label:
    """A name of a tumour: where, in which sentence; `end` where its reach is known."""

    start: int
    key: str
    number: int
    sentence: Sentence
    end: int = 0
    is_adjective: bool = False
    is_short: bool = False  # the larger, the other: of no more than its sentence


def foci(reading: Reading) -> list[Switch]:
    """Where each focus is spoken of, in order; nothing where a text tells of one tumour."""
    found = list(_named(reading))
    keys = {label.key for label in found}
    if "1" not in keys or not keys - {"1"}:
        # The largest and the other are a pair; either alone is only an adjective.
        found = [label for label in found if not label.is_adjective]
    found = sorted([*found, *_listed(reading, bool(found))], key=lambda label: label.start)
    switches = list(_reaches(reading, found))
    return switches if {switch.key for switch in switches} - {"1"} else []


# -------------------------------------------------------------------------------------------------------- names, ordinals


def _named(reading: Reading) -> Iterator[_Label]:
    """`Tumor 1:`, `focus B`, `een tweede haard`; once foci were spoken of, `de tweede` alone as well."""
    announced = -_FAR
    for number, sentence in reading.own():
        for place, mention in enumerate(sentence.mentions):
            if not reading.is_own(mention.start):
                continue
            if "foci" in mention:
                announced = number
            if _MEASURED_FROM.search(reading.low, max(sentence.start, mention.start - 30), mention.start):
                continue  # where another one lies: `op 31 mm van haard 1`
            key = _label(reading, sentence, place, mention)
            is_short = adjective = mention.any(("largest", "other_one"))
            if not key and number - announced < _FAR:
                key = _alone(reading, sentence, place, mention)
                is_short, adjective = adjective, adjective and not key
            if key and not _is_benign(sentence, mention):
                announced = max(announced, number - _FAR + 5)
                yield _Label(mention.start, key, number, sentence, is_adjective=adjective, is_short=is_short)


def _label(reading: Reading, sentence: Sentence, place: int, mention: Mention) -> str:
    if "tumour" in mention:
        after = _LABEL_AFTER.match(reading.cased, mention.end, sentence.end)
        if after is not None:
            return str(_LABELS[after["label"]] + (1 if "additional" in mention else 0))
    if not mention.any(_COUNTING):
        return ""
    for noun, key in _ORDINALS:
        if noun in mention and _counts_tumour(reading, sentence, place, mention, noun):
            return key
    return ""


def _counts_tumour(reading: Reading, sentence: Sentence, place: int, mention: Mention, noun: str) -> bool:
    """Whether an ordinal counts tumours: `een tweede haard`, `un foyer satellite`, `a further mass`."""
    if reading.is_denied(sentence, mention.start, mention.end, 20):
        return False
    following = [m for m in sentence.mentions[place + 1 : place + 4] if m.start - mention.end < 40]
    tumour = next((m for m in following if "tumour" in m), None)
    if noun == "additional":
        if "foci" in mention or not any(f.kind == "measure" for f in sentence.figures):
            return False
        before = sentence.mentions[place - 1] if place else None
        if before is not None and "tumour" in before and mention.start - before.end <= 2:
            return not reading.is_denied(sentence, before.start, mention.end, 24)
        if tumour is not None and "foci" in tumour:
            return False
    if tumour is None:
        return "tumour" in mention
    if noun == "additional" and _REST.search(reading.low, mention.end, min(sentence.end, mention.end + 40)):
        return False  # `nog een restletsel`: what is left of the first
    if any(m.any(("biopsy", "node", "benign", "exam", "imaging")) for m in following if m.start < tumour.start):
        return False
    between = reading.low[mention.end : tumour.start]
    return len(between.split()) <= 5 and not re.search(r"[.;:]", between)


def _alone(reading: Reading, sentence: Sentence, place: int, mention: Mention) -> str:
    """`De tweede, onder buiten, meet 9 mm`, after foci were spoken of: an ordinal with no other noun behind it."""
    key = next((key for noun, key in _ORDINALS if noun in mention and noun != "additional"), "")
    if not key or not (_describes(sentence) or sentence.has("er", "her2")) or sentence.has("benign", "node", "axilla"):
        return ""
    following = sentence.mentions[place + 1] if place + 1 < len(sentence.mentions) else None
    if (
        following is not None
        and following.start - mention.end < 3
        and not following.any((*_DESCRIBES, "size_word", "of_word", "place_label"))
    ):
        return ""
    after = reading.low[mention.end : mention.end + 14]
    if re.match(
        r"[ ]?(?:$|[,(:]|[0-9]|van|is|meet|ligt|zit|bevindt|mesure|est|de|se|siege|measures|lies|sits|was|misst|ist|liegt|sitzt|befindet|war|in|im|en|met|avec|with|mit"
        r"|heeft|toont|shows|zeigt|hat|at|a)(?![a-z])",
        after,
    ):
        return key
    return ""


def _is_benign(sentence: Sentence, mention: Mention) -> bool:
    _, last = sentence.clause(mention.start)
    return any("benign" in m for m in sentence.within(mention.start, max(last, mention.end + 60)))


# ----------------------------------------------------------------------------------------------------------------- lists


def _listed(reading: Reading, named: bool) -> Iterator[_Label]:
    """Foci that are counted in a list: lines below `drie haarden`, or `drie haarden van 21, 9 en 6 mm`.

    Where foci have names, the lines are left alone.
    """
    announced, bullets = -99, 0
    for number, sentence in reading.own():
        plural = sentence.first("foci")
        if plural is not None and not reading.is_denied(sentence, plural.start, plural.end):
            announced, bullets = number, 0
            yield from _in_one_sentence(reading, number, sentence, plural)
        elif named or number - announced > 12 or not sentence.first_of_line or not _describes(sentence):
            continue
        elif sentence.item in _LABELS:
            yield _Label(sentence.start, str(_LABELS[sentence.item]), number, sentence)
        elif _BULLET.match(reading.low, sentence.start) and any(f.kind == "measure" for f in sentence.figures):
            bullets += 1
            yield _Label(sentence.start, str(bullets), number, sentence)


def _describes(sentence: Sentence) -> bool:
    return any(f.kind == "measure" for f in sentence.figures) or sentence.has(*_DESCRIBES)


def _in_one_sentence(reading: Reading, number: int, sentence: Sentence, plural: Mention) -> Iterator[_Label]:
    numbered = list(_NUMBERED.finditer(reading.low, plural.end, sentence.end))
    if [match["label"] for match in numbered[:2]] in (["1", "2"], ["a", "b"], ["i", "ii"]):
        for place, match in enumerate(numbered[:4]):
            end = numbered[place + 1].start() if place + 1 < len(numbered) else sentence.end
            yield _Label(match.start(), str(place + 1), number, sentence, end)
        return
    measures = [f for f in sentence.figures if f.kind == "measure" and f.start >= plural.end and len(f.values) < 4]
    before = list(sentence.within(plural.start - 26, plural.start))
    count = next((int(noun[7:]) for m in before for noun in m.nouns if noun.startswith("number_")), 0)
    run = measures if count == len(measures) else _run(reading, plural, measures)
    first = 2 if any(m.any(("other_one", "additional")) for m in before) else 1
    for place, figure in enumerate(run[:4] if len(run) > 1 else []):
        following = run[place + 1].start if place + 1 < len(run) else _end_of_aside(reading, sentence, figure)
        yield _Label(figure.start, str(place + first), number, sentence, following)


def _run(reading: Reading, plural: Mention, measures: list[Quantity]) -> list[Quantity]:
    """Measures that follow the plural at once and are joined to each other."""
    run: list[Quantity] = []
    last = plural.end
    for figure in measures:
        if run and not _ONLY_AND.fullmatch(reading.low, last, figure.start):
            break
        if not run and figure.start - last > 40:
            break
        run.append(figure)
        last = figure.end
    return run


def _end_of_aside(reading: Reading, sentence: Sentence, figure: Quantity) -> int:
    """The end of what stands in brackets behind a measure, or of its clause."""
    aside = re.compile(r"[ ]?\([^()]{1,80}\)").match(reading.low, figure.end, sentence.end)
    return aside.end() if aside else max(sentence.clause(figure.end)[1], figure.end)


# --------------------------------------------------------------------------------------------------------------- reaches


def _reaches(reading: Reading, found: list[_Label]) -> Iterator[Switch]:
    sentences = reading.document.sentences
    previous_start, previous_number = 0, -1
    for place, label in enumerate(found):
        start, sentence = label.start, label.sentence
        if label.end:
            yield Switch(start, label.key, label.end)
            previous_start, previous_number = start, label.number
            continue
        heads = sentence.first_of_line and not reading.low[sentence.start : start].strip(" -*•")
        begin = start
        if reading.low[max(0, start - 1) : start] == "(":
            begin = max(previous_start, sentence.clause(start - 2)[0] if start > 1 else start)
        elif not heads and previous_number != label.number:
            begin = sentence.clause(start)[0]
        previous_start, previous_number = start, label.number
        following = found[place + 1].number + 1 if place + 1 < len(found) else len(sentences)
        end = sentence.end if label.is_short else _end(sentences[label.number : following], heads)
        yield Switch(begin, label.key, end)


def _end(sentences: list[Sentence], heads: bool) -> int:
    """How far a label in the first of these sentences reaches: to the end of its line, or of the block that it heads."""
    sentence = sentences[0]
    end = sentence.end
    for after in sentences[1:]:
        same_line = after.line == sentence.line
        if not same_line and (not heads or after.paragraph != sentence.paragraph or _is_general(after)):
            break
        if same_line and _is_general(after) and not heads:
            break
        end = after.end
    return end


def _is_general(sentence: Sentence) -> bool:
    """Whether a sentence turns to what is told of the whole breast: margins, nodes, the stage."""
    first = sentence.mentions[0] if sentence.mentions else None
    return first is not None and first.any(("node", "axilla", "margin", "both_sides", "total_word", "gap"))
