"""Which tumour a place of the text speaks of.

Separate foci and separate breasts are separate tumours, numbered as they appear; benign lesions, nodes and metastases
are none. A text names them by a label (tumour 1, focus B), by an ordinal (a second lesion), by side, or in the columns of
a table. What is said once for all belongs to the first.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from cases.coding.proposals.reading import Reading
from cases.coding.proposals.sentences import Mention, Sentence
from cases.coding.proposals.sides import LEFT, RIGHT, Side, sides

_LABEL_AFTER = re.compile(
    r"[ ]?(?:nr\.?|no\.?|n°|#|nummer)?[ ]?(?P<label>[1-4]|[A-D]|I{1,3})(?![0-9A-Za-z'°/+]|[.,][0-9]|[ ]?(?:mm|cm|u\b|uur|h\b|heures|o'clock|uhr|Uhr|%|x[ ]))"
)
_AND = re.compile(r"(?:[,;]|[ ](?:en|et|and|und|dan|alsook|ainsi)[ ])")
_ONCE = ("date", "tnm_edition", "m")
_PER_BREAST = ("t", "n", "tnm_prefix", "nodes_positive", "nodes_examined")
_ROMAN = {"I": 1, "II": 2, "III": 3}
_MANY = 8


@dataclass(frozen=True, slots=True)
class _Switch:
    """From this place on another tumour is spoken of (0: all of them)."""

    start: int
    key: str
    end: int = 1 << 60


@dataclass(slots=True)
class Tumours:
    """The tumours of a text."""

    keys: list[str] = field(default_factory=list)
    switches: list[_Switch] = field(default_factory=list)
    by_side: bool = False
    side: str = ""
    sides: list[Side] = field(default_factory=list)
    own_line: set[int] = field(default_factory=set)

    def number(self, place: int, name: str, sentence: int) -> int:
        """The tumour of which a field is told at a place."""
        if len(self.keys) < 2 or name in _ONCE:
            return 1
        if name in _PER_BREAST and not self.by_side and sentence not in self.own_line:
            return 1
        key = self.key(place)
        return self.keys.index(key) + 1 if key in self.keys else 1

    def key(self, place: int) -> str:
        """What the tumour at a place is called in the text: a side, a label, or nothing."""
        index = bisect_right(self.switches, place, key=lambda switch: switch.start) - 1
        if index < 0 or self.switches[index].end <= place:
            return ""
        return self.switches[index].key


def tumours(reading: Reading) -> Tumours:
    """Find the tumours of a text and where each is spoken of."""
    found = Tumours(sides=sides(reading))
    found.side = _main_side(found.sides)
    labels = list(_labels(reading))
    keys = _in_order(labels)
    if len(keys) > 1 or any(switch.key not in ("1", "") for switch in labels):
        if "1" not in keys:
            keys.insert(0, "1")
        found.keys = keys[:_MANY]
        found.switches = labels
        found.own_line = {
            n for n, s in enumerate(reading.document.sentences) for w in labels if s.start <= w.start < s.end
        }
        return found
    if _is_bilateral(reading, found.sides):
        found.by_side = True
        found.switches = list(_side_switches(reading, found.sides))
        found.keys = _in_order(found.switches)
    return found


def _in_order(switches: list[_Switch]) -> list[str]:
    keys: list[str] = []
    for switch in switches:
        if switch.key and switch.key not in keys:
            keys.append(switch.key)
    return keys


# --------------------------------------------------------------------------------------------------------------- labels


def _labels(reading: Reading) -> Iterator[_Switch]:
    """`Tumor 1:`, `focus B`, `een tweede haard`: from the label to the end of its line or block."""
    found: list[tuple[int, str, int, Sentence]] = []
    for number, sentence in reading.own():
        for place, mention in enumerate(sentence.mentions):
            if not reading.is_own(mention.start):
                continue
            key, start = _label(reading, sentence, place, mention)
            if key and not _is_benign(reading, sentence, mention):
                found.append((start, key, number, sentence))
    yield from _with_ends(reading, found)


def _label(reading: Reading, sentence: Sentence, place: int, mention: Mention) -> tuple[str, int]:
    if "tumour" in mention:
        after = _LABEL_AFTER.match(reading.cased, mention.end, sentence.end)
        if after is not None:
            label = after["label"]
            if label.isdigit() or label in _ROMAN:
                return str(_ROMAN.get(label) or label), mention.start
            return str(ord(label) - ord("A") + 1), mention.start
    for noun, key in (("first", "1"), ("second", "2"), ("third", "3")):
        if noun in mention:
            following = [m for m in sentence.mentions[place + 1 : place + 4] if m.start - mention.end < 40]
            tumour = next((m for m in following if "tumour" in m), None)
            if tumour is None or any(m.any(("biopsy", "node", "benign")) for m in following):
                return "", 0
            between = reading.low[mention.end : tumour.start]
            if len(between.split()) <= 3 and not re.search(r"[.;:]", between):
                if key == "1" and mention.word == "grootste":
                    return "", 0
                if not reading.is_denied(sentence, mention.start, mention.end, 20):
                    return key, mention.start
    return "", 0


def _is_benign(reading: Reading, sentence: Sentence, mention: Mention) -> bool:
    _, last = sentence.clause(mention.start)
    return any("benign" in m for m in sentence.within(mention.start, max(last, mention.end + 60)))


def _with_ends(reading: Reading, found: list[tuple[int, str, int, Sentence]]) -> Iterator[_Switch]:
    sentences = reading.document.sentences
    previous_end = 0
    for start, key, number, sentence in found:
        heads = sentence.first_of_line and not reading.low[sentence.start : start].strip(" -*•\t")
        begin = start
        bracket = reading.low[max(0, start - 1) : start] == "("
        if bracket:
            begin = max(previous_end, sentence.clause(start - 2)[0] if start > 1 else start)
        elif not heads and not any(other[2] == number and other[0] < start for other in found):
            begin = sentence.clause(start)[0]
        end = sentence.end
        following = number + 1
        while following < len(sentences):
            after = sentences[following]
            same_line = after.line == sentence.line
            if not same_line and (not heads or after.paragraph != sentence.paragraph or _is_general(after)):
                break
            if same_line and _is_general(after) and not heads:
                break
            end = after.end
            following += 1
        previous_end = start
        yield _Switch(begin, key, end)


def _is_general(sentence: Sentence) -> bool:
    """Whether a sentence turns to what is told of the whole breast: margins, nodes, the stage."""
    first = sentence.mentions[0] if sentence.mentions else None
    return first is not None and first.any(("node", "axilla", "margin", "both_sides", "total_word", "distance"))


# ---------------------------------------------------------------------------------------------------------------- sides


def _main_side(found: list[Side]) -> str:
    """The side on which the tumour lies, where there is one."""
    weights = {LEFT: 0.0, RIGHT: 0.0}
    for side in found:
        weights[side.side] += side.weight
    if weights[LEFT] == weights[RIGHT]:
        return next((side.side for side in found if side.weight), "")
    return max(weights, key=lambda side: weights[side])


def _is_bilateral(reading: Reading, found: list[Side]) -> bool:
    """Whether each side has a tumour of its own: a diagnosis or a highly suspicious finding, in its own stretch."""
    return all(
        any(_is_diagnosis(reading, side, found) for side in found if side.side == which) for which in (LEFT, RIGHT)
    )


def _is_diagnosis(reading: Reading, side: Side, found: list[Side]) -> bool:
    if side.weight < 1:
        return False
    sentence = reading.document.sentences[side.sentence]
    start, end = _stretch(reading, side, found)
    mentions = [m for m in sentence.within(start, end) if reading.is_own(m.start)]
    if side.weight >= 3:
        return True
    for mention in mentions:
        if mention.any(("carcinoma", "invasive", "nst", "idc", "ilc", "dcis", "ductal", "lobular")):
            if reading.is_denied(sentence, mention.start, mention.end) or reading.is_doubted(
                sentence, mention.start, mention.end
            ):
                continue
            return True
    if not sentence.item:
        return False
    return _item_has_diagnosis(reading, sentence.item)


def _item_has_diagnosis(reading: Reading, item: str) -> bool:
    """Whether the part with this letter or number is a carcinoma, wherever the report says so."""
    for number, sentence in reading.own():
        if sentence.item == item:
            for after in reading.document.sentences[number : number + 6]:
                if after.line != sentence.line:
                    break
                for mention in after.mentions:
                    if mention.any(("carcinoma", "invasive", "nst", "idc", "ilc")) and not reading.is_denied(
                        after, mention.start, mention.end
                    ):
                        return True
    return False


def _stretch(reading: Reading, side: Side, found: list[Side]) -> tuple[int, int]:
    """What is said of a side in its sentence: up to the clause of the other side."""
    sentence = reading.document.sentences[side.sentence]
    start, end = sentence.start, sentence.end
    for other in found:
        if other.sentence != side.sentence or other.side == side.side:
            continue
        if other.start > side.start:
            end = min(end, _cut(reading, sentence, side.end, other.start))
        else:
            start = max(start, _cut(reading, sentence, other.end, side.start))
    return start, end


def _cut(reading: Reading, sentence: Sentence, end: int, start: int) -> int:
    """Where one stretch ends and the next begins: at the last comma or "and" between them."""
    clause = sentence.clause(start)[0]
    if clause >= end:
        return clause
    joined = [match.start() for match in _AND.finditer(reading.low, end, start)]
    return joined[-1] if joined else start


def _side_switches(reading: Reading, found: list[Side]) -> Iterator[_Switch]:
    """From side to side; a part of the report with a letter keeps the side that it had where it was first named."""
    items: dict[str, str] = {}
    for side in found:
        sentence = reading.document.sentences[side.sentence]
        if sentence.item and side.weight and sentence.item not in items:
            items[sentence.item] = side.side
    marks: list[_Switch] = []
    for side in found:
        if side.weight or side.is_benign:
            start, _ = _stretch(reading, side, found)
            marks.append(_Switch(start, side.side if side.weight else ""))
    for _, sentence in reading.own():
        if sentence.item in items and not any(sentence.start <= mark.start < sentence.end for mark in marks):
            marks.append(_Switch(sentence.start, items[sentence.item]))
        elif sentence.has("both_sides") and sentence.first("both_sides") is not None:
            marks.append(_Switch(sentence.start, ""))
    yield from sorted(marks, key=lambda mark: mark.start)
