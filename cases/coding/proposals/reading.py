"""What the rules are given: the text with its sentences, who speaks where, and what kind of text it is."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from cases.coding.proposals.proposal import Value
from cases.coding.proposals.sections import Speech, speech
from cases.coding.proposals.sentences import Document, Mention, Sentence

_IN_DOUBT = 70
_DIFFERENTIAL = frozenset(
    ["dd", "differentiaaldiagnose", "differentieeldiagnose", "differentialdiagnose", "differential"]
)
_NOT_EXCLUDED = re.compile(
    r"(?:niet|not|pas|nicht)[ ][a-z ]{0,20}?(?:uit(?:ge)?sl|exclu|ausgeschl|ausschl|ruled[ ]out|ecart)|uit te sluiten|a exclure|auszuschliessen"
)
_METHODS = {
    "ultrasound": ("echo", "ech", "son", "mammason", "us", "ultra"),
    "mammography": ("mammo", "rx", "tomos"),
    "resonance": ("mr", "irm", "nmr", "mammamr"),
    "pet": ("pet", "tep"),
    "ct": ("ct", "tdm", "scan"),
    "hand": ("palp", "klin", "clin", "tast", "exam"),
}
_OF_THE_BREAST = (
    "quadrant",
    "upper_outer",
    "upper_inner",
    "lower_outer",
    "lower_inner",
    "outer_quadrant",
    "inner_quadrant",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A value that a rule found, in places of the plain text, before it is given to a tumour.

    `sentence` is the number of the sentence; `source` says how it was found where that decides between two values.
    """

    field: str
    value: Value
    start: int
    end: int
    sentence: int
    source: str = ""


class Reading:
    """A text that was read once, for all rules."""

    def __init__(self, text: str) -> None:
        self.document = Document(text)
        self.speech: Speech = speech(self.document)
        self.low, self.cased = self.document.low, self.document.cased

    def own(self) -> Iterator[tuple[int, Sentence]]:
        """The sentences of which at least the beginning or a part is the text's own, with their numbers."""
        return iter(self._own)

    @cached_property
    def _own(self) -> list[tuple[int, Sentence]]:
        sections = self.speech.sections
        return [
            (number, sentence)
            for number, sentence in enumerate(self.document.sentences)
            if sections[number] not in ("mail", "old", "history", "family", "explanation")
        ]

    def is_own(self, place: int) -> bool:
        """Whether the text speaks for itself there."""
        return self.speech.is_own(place)

    def section(self, number: int) -> str:
        """The part of a report in which a sentence stands."""
        return self.speech.sections[number]

    def report(self, place: int) -> int:
        """Which of the reports that were pasted one below the other a place belongs to, from 0."""
        return bisect_right(self._reports, place)

    @cached_property
    def _reports(self) -> list[int]:
        """Where a further report begins: a line that names a report or an examination and bears a date, below a blank or drawn one."""
        starts = []
        for number, sentence in self.own():
            previous = self.document.sentences[number - 1] if number else None
            if previous is None or not sentence.first_of_line or sentence.paragraph == previous.paragraph:
                continue
            dated = any(figure.kind == "date" for figure in sentence.figures)
            head = sentence.mentions[0] if sentence.mentions else None
            if (
                dated
                and head is not None
                and head.start - sentence.start < 4
                and head.any(("exam", "report_word", "biopsy", "surgery"))
            ):
                starts.append(sentence.start)
        return starts

    def own_mentions(self, *nouns: str) -> Iterator[tuple[int, Sentence, Mention]]:
        """Every mention of one of these in the text's own words."""
        spoken = self._spoken
        places = {place for noun in nouns for place in spoken.get(noun, ())}
        for place in sorted(places):
            yield self._own_mentions[place]

    def method(self, place: int) -> str:
        """By which kind of image, or by hand, a thing was seen that is told at a place: the one named last before it."""
        index = bisect_right(self._methods, (place, "~")) - 1
        return self._methods[index][1] if index >= 0 else ""

    @cached_property
    def _methods(self) -> list[tuple[int, str]]:
        """Where each method is named; where a sentence that names several ends, none is meant any more ("mammography and ultrasound of …")."""
        found: list[tuple[int, str]] = []
        named: dict[int, set[str]] = {}
        for number, sentence, mention in self.own_mentions("imaging"):
            kind = next((kind for kind, beginnings in _METHODS.items() if mention.word.startswith(beginnings)), None)
            if kind is not None:
                found.append((mention.start, kind))
                named.setdefault(number, set()).add(kind)
                if len(named[number]) > 1:
                    found.append((sentence.end, ""))
        return sorted(set(found))

    @cached_property
    def _own_mentions(self) -> list[tuple[int, Sentence, Mention]]:
        return [(n, s, m) for n, s in self._own for m in s.mentions if self.is_own(m.start)]

    @cached_property
    def _spoken(self) -> dict[str, list[int]]:
        """Where each noun is spoken of, as places in the own mentions."""
        found: dict[str, list[int]] = {}
        for place, (_number, _sentence, mention) in enumerate(self._own_mentions):
            for noun in mention.nouns:
                found.setdefault(noun, []).append(place)
        return found

    # ---------------------------------------------------------------------------------------------------------- doubt

    def is_denied(self, sentence: Sentence, start: int, end: int, reach: int = 40) -> bool:
        """Whether a negation stands in the same clause shortly before, or "not seen" behind."""
        first, last = sentence.clause(start)
        for mention in sentence.within(max(first, start - reach), start):
            if mention.any(("negation", "plain_finding", "none_word")):
                return True
        after = sentence.clause(end - 1)[1] if end - 1 >= last else last
        return any("not_seen" in mention for mention in sentence.within(end, min(after, end + reach)))

    def is_doubted(self, sentence: Sentence, start: int, end: int) -> bool:
        """Whether it is only thought of: a word of doubt before it in the clause, a question mark behind it."""
        first, last = sentence.clause(start)
        if _names_differential(sentence, start) or _NOT_EXCLUDED.search(
            self.low, end, max(min(last, end + _IN_DOUBT), end)
        ):
            return True
        for mention in sentence.within(max(first, start - _IN_DOUBT), start):
            if "doubt" in mention or ("fits" in mention and self.is_imaging):
                return True
        return self.low[end : end + 3].lstrip(" )").startswith("?")

    # ----------------------------------------------------------------------------------------------------- kind of text

    @cached_property
    def is_imaging(self) -> bool:
        """Whether the text reports what was seen on images, and nothing that a pathologist saw."""
        seen = sum(1 for _ in self.own_mentions("imaging"))
        cut = sum(1 for _ in self.own_mentions("specimen", "micro_part", "grade_system", "surgery"))
        return seen > 0 and cut == 0

    @cached_property
    def is_biopsy(self) -> bool:
        """Whether the text reports a biopsy: no operation is spoken of, nothing was seen on images, no letter tells it."""
        if self.speech.letter_from is not None:
            return False
        if any(not self.is_denied(s, m.start, m.end) for _, s, m in self.own_mentions("surgery", "specimen", "bed")):
            return False
        taken = [m.start for _, s, m in self.own_mentions("biopsy") if not s.has("planned", "condition")]
        seen = [m.start for _, _, m in self.own_mentions("imaging")]
        return bool(taken) and (not self.is_imaging or min(taken) < min(seen))

    @cached_property
    def microscope_from(self) -> int:
        """Where a text that begins with a specimen first says what the microscope showed; 0 where it does not say so."""
        cut = next((m.start for _, _, m in self.own_mentions("specimen")), None)
        seen = next((m.start for _, _, m in self.own_mentions("micro_part")), 0)
        return seen if cut is not None and cut < seen else 0

    @cached_property
    def is_of_breast(self) -> bool:
        """Whether the breast is what is spoken of; other organs are only where it is not named."""
        codes = [figure.text for figure in self.document.figures if figure.kind == "topography"]
        if codes and not any(code.startswith("C50") for code in codes):
            return any(True for _ in self.own_mentions("breast"))
        return any(True for _ in self.own_mentions("breast", "her2", "dcis", *_OF_THE_BREAST))

    @cached_property
    def invasive(self) -> bool:
        """Whether something invasive is there, by words, by code or by its T category."""
        for _number, sentence, mention in self.own_mentions("invasive", "idc", "ilc", "nst"):
            if self.is_denied(sentence, mention.start, mention.end) or self.is_doubted(
                sentence, mention.start, mention.end
            ):
                continue
            if mention.any(("idc", "ilc", "nst")) or _near(sentence, mention):
                return True
        return any(
            figure.kind == "morphology" and figure.text.endswith("3") and self.is_own(figure.start)
            for figure in self.document.figures
        )


def _names_differential(sentence: Sentence, end: int) -> bool:
    """Whether a list of what it may be stands before a place: `DD papilloom, mucineus carcinoom`."""
    return sentence.has("doubt") and any(m.word in _DIFFERENTIAL for m in sentence.within(sentence.start, end))


def _near(sentence: Sentence, mention: Mention) -> bool:
    """Whether a carcinoma or a tumour stands beside the word that calls it invasive."""
    return any(
        other.any(("carcinoma", "adenocarcinoma", "tumour", "ductal", "lobular"))
        for other in sentence.within(mention.start - 60, mention.end + 60)
    )
