"""Which tumour a place of the text speaks of.

Separate foci and separate breasts are separate tumours, numbered as they appear; benign lesions, nodes and metastases
are none. A text names them by a label (tumour 1, focus B), by an ordinal (a second lesion), by side, or in the columns of
a table. What is said once for all belongs to the first.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from cases.coding.proposals.foci import Switch, foci
from cases.coding.proposals.reading import Reading
from cases.coding.proposals.sentences import Mention, Sentence
from cases.coding.proposals.sides import LEFT, RIGHT, Side, sides

_AND = re.compile(r"(?:[,;]|[ ](?:en|et|and|und|dan|alsook|ainsi)[ ])")
_ONCE = ("date", "tnm_edition", "m")
_PER_BREAST = ("t", "n", "tnm_prefix", "nodes_positive", "nodes_examined")
_MANY = 8
_BLOCK = 14
_BEHIND_ITEM = 24


@dataclass(slots=True)
class Tumours:
    """The tumours of a text."""

    keys: list[str] = field(default_factory=list)
    switches: list[Switch] = field(default_factory=list)
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
    labels = foci(reading)
    keys = sorted(_in_order(labels))
    if labels:
        if "1" not in keys:
            keys.insert(0, "1")
        found.keys = keys[:_MANY]
        found.switches = labels
        starts = [sentence.start for sentence in reading.document.sentences]
        found.own_line = {bisect_right(starts, switch.start) - 1 for switch in labels}
        return found
    both = _Sides(reading, found.sides)
    if both.are_both_diagnosed():
        found.by_side = True
        found.switches = both.switches()
        found.keys = _in_order(found.switches)
    return found


def _in_order(switches: list[Switch]) -> list[str]:
    keys: list[str] = []
    for switch in switches:
        if switch.key and switch.key not in keys:
            keys.append(switch.key)
    return keys


# ---------------------------------------------------------------------------------------------------------------- sides


def _main_side(found: list[Side]) -> str:
    """The side on which the tumour lies, where there is one."""
    weights = {LEFT: 0.0, RIGHT: 0.0}
    for side in found:
        weights[side.side] += side.weight
    if weights[LEFT] == weights[RIGHT]:
        return next((side.side for side in found if side.weight), "")
    return max(weights, key=lambda side: weights[side])


class _Sides:
    """The sides of a text with what is told of each, looked up once."""

    def __init__(self, reading: Reading, found: list[Side]) -> None:
        self.reading = reading
        self.found = found
        self.of_sentence: dict[int, list[Side]] = {}
        for side in found:
            self.of_sentence.setdefault(side.sentence, []).append(side)
        self._items: dict[str, bool] = {}

    def are_both_diagnosed(self) -> bool:
        """Whether each side has a tumour of its own: a diagnosis or a highly suspicious finding, in its own stretch."""
        return all(
            any(self._is_diagnosis(place, side) for place, side in enumerate(self.found) if side.side == which)
            for which in (LEFT, RIGHT)
        )

    def _is_diagnosis(self, place: int, side: Side) -> bool:
        sentence = self.reading.document.sentences[side.sentence]
        heads = bool(side.weight) and _heads_block(self.reading, sentence, side)
        if side.weight < 1 and not heads:
            return False
        if side.weight >= 3:
            return True
        start, end = self.stretch(side)
        if any(_is_malignant(self.reading, sentence, mention) for mention in sentence.within(start, end)):
            return True
        if side.weight >= 2 and self.reading.is_imaging and self._is_measured(sentence, start, end):
            return True
        if heads and self._block_has_diagnosis(place, side):
            return True
        return bool(sentence.item) and self._item_has_diagnosis(sentence.item)

    def _is_measured(self, sentence: Sentence, start: int, end: int) -> bool:
        """Whether a thing that looks bad is measured on an image."""
        suspicious = next((m for m in sentence.within(start, end) if "suspicious_finding" in m), None)
        return (
            suspicious is not None
            and not self.reading.is_denied(sentence, suspicious.start, suspicious.end)
            and any(f.kind == "measure" and start < f.start < end for f in sentence.figures)
        )

    def stretch(self, side: Side) -> tuple[int, int]:
        """What is said of a side in its sentence: up to the clause of the other side."""
        sentence = self.reading.document.sentences[side.sentence]
        start, end = sentence.start, sentence.end
        for other in self.of_sentence[side.sentence]:
            if other.side == side.side:
                continue
            if other.start > side.start:
                return start, min(end, _cut(self.reading, sentence, side.end, other.start))
            start = max(start, _cut(self.reading, sentence, other.end, side.start))
        return start, end

    def _block_has_diagnosis(self, place: int, side: Side) -> bool:
        """Whether a carcinoma is named below a heading, before the other side is."""
        last = side.sentence + _BLOCK
        stop = len(self.reading.low)
        for other in self.found[place + 1 :]:
            if other.sentence > last:
                break
            if other.side != side.side:
                stop = other.start
                break
        return any(
            _is_malignant(self.reading, sentence, mention)
            for sentence in self.reading.document.sentences[side.sentence : last]
            for mention in sentence.within(max(sentence.start, side.start), min(sentence.end, stop))
        )

    def _item_has_diagnosis(self, item: str) -> bool:
        """Whether the part with this letter or number is a carcinoma, wherever the report says so."""
        if item not in self._items:
            self._items[item] = any(
                mention.any(("carcinoma", "invasive", "nst", "idc", "ilc"))
                and not self.reading.is_denied(after, mention.start, mention.end)
                for number, sentence in self.reading.own()
                if sentence.item == item
                for after in self.reading.document.sentences[number : number + 6]
                if after.line == sentence.line
                for mention in after.mentions
            )
        return self._items[item]

    def switches(self) -> list[Switch]:
        """From side to side; a part of the report with a letter keeps the side that it had where it was first named."""
        sentences = self.reading.document.sentences
        items: dict[str, str] = {}
        marks: list[Switch] = []
        marked: set[int] = set()
        for side in self.found:
            sentence = sentences[side.sentence]
            if sentence.item and not side.is_benign:
                items.setdefault(sentence.item, side.side)
            told = side.weight >= 1 or (side.weight and _heads_block(self.reading, sentence, side))
            if told or side.is_benign:
                marks.append(Switch(self.stretch(side)[0], side.side if side.weight else ""))
                marked.add(side.sentence)
        for number, sentence in self.reading.own():
            if sentence.item in items and number not in marked:
                marks.append(Switch(sentence.start, items[sentence.item]))
            elif sentence.has("both_sides"):
                marks.append(Switch(sentence.start, ""))
        return sorted(marks, key=lambda mark: mark.start)


def _heads_block(reading: Reading, sentence: Sentence, side: Side) -> bool:
    """Whether a side stands in a heading or a label, and what follows is told of it."""
    text = reading.low[sentence.start : sentence.end]
    return sentence.first_of_line and (
        len(text.split()) <= 6
        or side.end <= sentence.label_end
        or (bool(sentence.item) and side.start - sentence.start < _BEHIND_ITEM)
    )


def _is_malignant(reading: Reading, sentence: Sentence, mention: Mention) -> bool:
    return (
        mention.any(("carcinoma", "invasive", "nst", "idc", "ilc", "dcis", "ductal", "lobular"))
        and reading.is_own(mention.start)
        and not reading.is_denied(sentence, mention.start, mention.end)
        and not reading.is_doubted(sentence, mention.start, mention.end)
    )


def _cut(reading: Reading, sentence: Sentence, end: int, start: int) -> int:
    """Where one stretch ends and the next begins: at the last comma or "and" between them."""
    clause = sentence.clause(start)[0]
    if clause >= end:
        return clause
    joined = [match.start() for match in _AND.finditer(reading.low, end, start)]
    return joined[-1] if joined else start
