"""Who speaks in a text: the report itself, or an older report in it, a relative's story, a laboratory's explanation.

What is not said of the tumour under discussion is closed off, place by place, before any value is looked for: quoted
mails, older reports given again, earlier tumours, relatives, standing explanations, and what hangs on a condition.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date

from cases.coding.proposals.boxes import not_chosen
from cases.coding.proposals.explanations import explains, reported_earlier
from cases.coding.proposals.pasted import (
    LONG_AGO,
    YEAR,
    fenced_off,
    forwarded_from,
    heads_old,
    introduces_mail,
    leads_to_old,
)
from cases.coding.proposals.sentences import Document, Mention, Sentence, is_separator

Section = str
PARTS: dict[str, Section] = {
    "history_part": "history",
    "family_part": "family",
    "plan_part": "plan",
    "explanation_part": "explanation",
    "gross_part": "gross",
    "material_part": "gross",
    "micro_part": "micro",
    "conclusion_part": "conclusion",
    "clinical_part": "clinical",
}
_RETOLD = ("biopsy", "report_word", "surgery")
_CLOSED_PARTS = frozenset({"history", "family", "explanation"})

_BOOK = re.compile(
    r"(?:(?:tnm|uicc|ajcc|who|oms|asco|cap|icd|esmo|edit|auflage|classif|klassif|guideline|richtlijn|leitlinie)[^;]{0,25}"
    r"|(?<![a-z])(?:sinds|depuis|since|seit|vergeleken met|vergelijking met|par rapport a|ten opzichte van|tov|t\.o\.v\.|gegenuber|versus|compared (?:with|to)|vergleich (?:mit|zu))[ ](?:[a-z]{3,9}[ ])?"
    r"|(?:geb|geboren|nee?|born|°|jahrgang|geboortejaar)[ .:(]{0,3}(?:en[ ]|in[ ]|im[ ])?)$"
)
_NUMBERED = re.compile(r"\([^()]{0,20}(?:[A-Z]{1,3}[ -]?[0-9]{2}|[0-9]{2}[A-Z]{1,2})[-/. ]?[0-9]{2,7}")
_BRACKETS = re.compile(r"\([^()\n]{1,200}:[^()\n]{1,200}\)")
_RULER = re.compile(r"[-=_*~]{3,}")
_FIGURE_LAST = tuple("0123456789%)")
_STOP = re.compile(r"(?<=[a-z]{4})\. |\n")
_PRONOUN = re.compile(r"[ ]*(?:zij|ze|hij|elle|il|she|he|sie|er)[ ]")
_SCREENED = frozenset({"patient", "imaging", "biopsy", "clinical_part", "micro_part", "conclusion_part", "surgery"})


@dataclass(slots=True)
class Speech:
    """The section of each sentence, and the places where the text does not speak for itself."""

    sections: list[Section] = field(default_factory=list)
    closed: list[tuple[int, int]] = field(default_factory=list)
    letter_from: int | None = None
    latest: date | None = None

    def is_own(self, place: int) -> bool:
        """Whether the text speaks there in its own words of the tumour under discussion."""
        index = bisect_right(self.closed, (place, 1 << 60)) - 1
        return index < 0 or self.closed[index][1] <= place


def speech(document: Document) -> Speech:
    """Walk through a text once and say who speaks where."""
    return _Walk(document).speech()


class _Walk:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.spans: list[tuple[int, int]] = []
        self.sections: list[Section] = []
        self.mode = ""
        self.reach = (
            ""  # line: to the end of what was begun on this line; block: to a blank line; fence: to a drawn line
        )
        self.mode_line = 0
        self.mode_paragraph = 0
        self.story_paragraph = -1  # where a relative's story is told
        dates = [date.fromisoformat(figure.text) for figure in document.figures if figure.kind == "date"]
        self.latest = max(dates, default=None)
        self.is_of_specimen = any(s.has("gross_part", "micro_part") for s in document.sentences)
        self.is_of_operation = any("surgery" in m for sentence in document.sentences[:12] for m in sentence.mentions)

    def speech(self) -> Speech:
        document = self.document
        section, inline, opened = "", False, 0
        mail_from = forwarded_from(document)
        fenced = fenced_off(document, self.latest)
        for number, sentence in enumerate(document.sentences):
            line = document.line_text(sentence.line)
            if sentence.start >= mail_from or line.lstrip().startswith(">"):
                self._close(sentence.start, sentence.end)
                self.sections.append("mail")
                continue
            if any(start <= sentence.start < end for start, end in fenced):
                self._close(sentence.start, sentence.end)
                self.sections.append("old")
                continue
            if introduces_mail(document, number):
                self._close(sentence.start, sentence.end)
            part = self._part(sentence)
            self._leave(sentence, part)
            if part and self.mode != "old":
                section = "" if part in _CLOSED_PARTS else part
                inline = not self._is_alone(sentence, self._head(sentence))
                opened = sentence.paragraph
            elif sentence.paragraph > opened and (inline or self._is_heading(sentence)):
                section = ""
            self._enter(number, sentence, part)
            if self.mode:
                self._close(sentence.start, sentence.end)
                self.sections.append(self.mode)
                continue
            self.sections.append(section)
            self._close_inside(sentence)
        self.spans.extend(not_chosen(document.cased))
        found = Speech(self.sections, _merged(self.spans), None, self.latest)
        found.letter_from = next((s.start for s in document.sentences if _greets(s)), None)
        return found

    def _close(self, start: int, end: int) -> None:
        self.spans.append((start, end))

    # ---------------------------------------------------------------------------------------------------------- parts

    def _part(self, sentence: Sentence) -> Section:
        """The part of a report that a sentence opens by its label or as a heading."""
        head = self._head(sentence)
        if head is None:
            return ""
        for mention in sentence.within(sentence.start, head):
            if mention.any(PARTS):
                return next(section for noun, section in PARTS.items() if noun in mention)
            if mention.any(("relative",)) and head - sentence.start < 40:
                return "family"
            return ""
        return ""

    def _head(self, sentence: Sentence) -> int | None:
        """Where the label or heading at the start of a sentence ends."""
        if sentence.label_end > sentence.start:
            return sentence.label_end
        text = self.document.cased[sentence.start : sentence.end].strip(" .")
        alone = sentence.first_of_line and not sentence.figures and len(text.split()) <= 5
        return sentence.end if alone and (text.isupper() or len(text) < 34) else None

    def _is_heading(self, sentence: Sentence) -> bool:
        """Whether a line is a heading that names no part that is known here."""
        text = self.document.cased[sentence.start : sentence.end].strip()
        short = sentence.first_of_line and not sentence.figures and len(text.split()) <= 5
        return short and (text.isupper() or text.endswith(":"))

    def _is_alone(self, sentence: Sentence, head: int | None) -> bool:
        """Whether nothing follows the head on its line."""
        if head is None:
            return False
        _start, end = self.document.lines[sentence.line]
        return not self.document.low[head:end].strip(" .:-=_*")

    # --------------------------------------------------------------------------------------------------- older reports

    def _enter(self, number: int, sentence: Sentence, part: Section) -> None:
        if self.mode == "old":
            return
        if leads_to_old(self.document, self.latest, number, sentence) or heads_old(
            self.document, self.latest, number, sentence
        ):
            self.mode, self.reach = "old", "rest"
            self.mode_line, self.mode_paragraph = sentence.line, sentence.paragraph
            return
        old = self._old_report(sentence)
        if old is not None:
            head = self._head(sentence)
            self.mode = "old"
            self.mode_line, self.mode_paragraph = sentence.line, sentence.paragraph
            line = self.document.line_text(sentence.line)
            if (_RULER.search(line) and not is_separator(line)) or self._is_ruled(sentence):
                self.reach = "fence" if self._has_ruler_below(sentence) else "block"
            elif self._is_alone(sentence, head if head and head > old.end else sentence.end):
                self.reach = "block"
            else:
                self.reach = "line"
            return
        if part in _CLOSED_PARTS:
            if part == "family":
                self.story_paragraph = sentence.paragraph
            self.mode = part
            self.mode_line, self.mode_paragraph = sentence.line, sentence.paragraph
            self.reach = "block" if self._is_alone(sentence, self._head(sentence)) else "line"

    def _old_report(self, sentence: Sentence) -> Mention | None:
        """The words by which an older report is given again from here on; None where it is only spoken of."""
        named = sentence.mentions if sentence.has("old_report", "earlier_word") else ()
        for place, mention in enumerate(named):
            if mention.start - sentence.start > 60:
                break
            if not self._names_old_report(sentence, place):
                continue
            before = self.document.low[sentence.start : mention.start].strip(" -=_*(")
            if len(before.split()) > 2:
                return None
            after = self.document.low[mention.end : sentence.end]
            colon = after.find(":")
            heading = self._head(sentence) is not None
            return mention if heading or 0 <= colon < 80 or _RULER.search(after) else None
        return self._numbered_back(sentence) or self._dated_back(sentence)

    def _numbered_back(self, sentence: Sentence) -> Mention | None:
        """`Biopt (T23-8812, 02/11/2023): …` in the report of an operation: told with its number, so told again."""
        if not self.is_of_operation or sentence.label_end == sentence.start:
            return None
        label = self.document.cased[sentence.start : sentence.label_end]
        named = next((m for m in sentence.within(sentence.start, sentence.label_end) if "biopsy" in m), None)
        if named is None:
            return None
        retold = self.is_of_specimen and YEAR.search(self.document.low, sentence.start, sentence.label_end)
        return named if retold or _NUMBERED.search(label) else None

    def _names_old_report(self, sentence: Sentence, place: int) -> bool:
        """Whether an older report or biopsy is named: by a word for it, or by an adjective and a noun side by side."""
        mention = sentence.mentions[place]
        if "old_report" in mention:
            return True
        if not mention.any(("earlier_word", *_RETOLD)):
            return False
        for other in sentence.mentions[max(place - 1, 0) : place + 2]:
            gap = max(other.start - mention.end, mention.start - other.end)
            if other is mention or gap > 14:
                continue
            if "earlier_word" in mention and other.any(_RETOLD):
                return True
            if "earlier_word" in other and mention.any(_RETOLD):
                return True
        return False

    def _dated_back(self, sentence: Sentence) -> Mention | None:
        """A heading of a report that bears a date of another year: `Compte rendu du 12/05/2019 :`."""
        head = self._head(sentence)
        if head is None or self.latest is None or sentence.has("not_own_date", "patient"):
            return None
        nouns = ("report_word", "biopsy", "exam")
        named = next((m for m in sentence.within(sentence.start, head) if m.any(nouns)), None)
        if named is None:
            return None
        days = [date.fromisoformat(f.text) for f in sentence.figures if f.kind == "date" and f.start < head + 14]
        if days:
            return named if all((self.latest - day).days > LONG_AGO for day in days) else None
        years = [int(match.group()) for match in YEAR.finditer(self.document.low, sentence.start, head)]
        return named if years and all(year < self.latest.year - 1 for year in years) else None

    def _is_ruled(self, sentence: Sentence) -> bool:
        """Whether a drawn line stands right above."""
        return sentence.line > 0 and is_separator(self.document.line_text(sentence.line - 1))

    def _has_ruler_below(self, sentence: Sentence) -> bool:
        last = min(sentence.line + 60, len(self.document.lines))
        return any(_RULER.match(self.document.line_text(n).strip()) for n in range(sentence.line + 1, last))

    def _leave(self, sentence: Sentence, part: Section) -> None:
        """End what was closed off where its reach ends."""
        if not self.mode:
            return
        if self.reach == "rest":
            days = [date.fromisoformat(figure.text) for figure in sentence.figures if figure.kind == "date"]
            recent = self.latest is not None and any((self.latest - day).days <= LONG_AGO for day in days)
            drawn = any(is_separator(self.document.line_text(n)) for n in range(self.mode_line + 2, sentence.line))
            if drawn or (sentence.first_of_line and (sentence.has("now") or recent or _greets(sentence))):
                self.mode = ""
            return
        if self.reach == "fence":
            first, last = self.mode_line + 1, sentence.line
            if any(_RULER.match(self.document.line_text(n).strip()) for n in range(first, last + 1)):
                self.mode = ""
            return
        if (part and part not in _CLOSED_PARTS and sentence.line > self.mode_line) or (
            part and part != self.mode and sentence.start > 0 and self.mode != "old"
        ):
            self.mode = ""
        elif self.reach == "block":
            blank = sentence.paragraph > self.mode_paragraph
            if blank and self._holds_nothing_yet(sentence):
                self.mode_paragraph = sentence.paragraph
            elif blank:
                self.mode = ""
        elif sentence.line > self.mode_line:
            previous = self.document.low[: sentence.start].rstrip()
            ended = not previous or previous[-1] in ".!?" or sentence.label_end > sentence.start
            if sentence.paragraph > self.mode_paragraph or ended or sentence.line > self.mode_line + 3:
                self.mode = ""
        elif self.mode == "old" and sentence.has("now") and not sentence.first_of_line:
            self.mode = ""

    def _holds_nothing_yet(self, sentence: Sentence) -> bool:
        between = self.document.low[self.document.lines[self.mode_line][1] : sentence.start]
        return not between.strip(" \n-=_*")

    # ------------------------------------------------------------------------------------------------- inside sentences

    def _close_inside(self, sentence: Sentence) -> None:
        if self._is_of_relatives(sentence):
            self._close(self._begin_of_story(sentence), sentence.end)
            return
        if self._is_of_the_past(sentence) or explains(self.document, sentence):
            self._close(sentence.start, sentence.end)
            return
        if (earlier := reported_earlier(self.document, sentence)) is not None:
            self._close(*earlier)
        if self.is_of_operation:
            for bracket in _BRACKETS.finditer(self.document.low, sentence.start, sentence.end):
                named = sentence.within(bracket.start(), bracket.start() + 4)
                if any(m.any(_RETOLD) for m in named) and _tells(sentence, *bracket.span()):
                    self._close(*bracket.span())  # `(biopt van 12/01: IDC graad 2)` in the report of the operation
        if not sentence.has("old_report", "earlier_word", "condition"):
            return
        for place, mention in enumerate(sentence.mentions):
            if self._names_old_report(sentence, place):
                start, end = self._aside(sentence, mention)
                self._close(start, end)
            elif "condition" in mention and self._is_condition(sentence, mention):
                semicolon = self.document.low.find(";", mention.end, sentence.end)
                self._close(mention.start, semicolon if semicolon > 0 else sentence.end)

    def _aside(self, sentence: Sentence, mention: Mention) -> tuple[int, int]:
        """An older report that is told in passing: within its brackets, or from its words to the end."""
        opened = self.document.low.rfind("(", sentence.start, mention.start)
        if opened >= 0 and self.document.low.find(")", opened, mention.start) < 0:
            closing = self.document.low.find(")", mention.end, sentence.end)
            return opened, closing if closing > 0 else sentence.end
        return mention.start, sentence.end

    def _is_condition(self, sentence: Sentence, mention: Mention) -> bool:
        if mention.word not in ("als", "bei"):
            return True
        # "as" and "with" as often as "if": a condition where it opens a clause.
        before = self.document.low[sentence.start : mention.start].rstrip()
        return not before or before[-1] in ",;(:"

    def _begin_of_story(self, sentence: Sentence) -> int:
        """Where a relative is first spoken of, from the last full stop on: in hasty letters no capital follows it."""
        relative = sentence.first("relative")
        if relative is None:
            return sentence.start
        stops = [match.end() for match in _STOP.finditer(self.document.low, sentence.start, relative.start)]
        lines = self.document.lines
        number = bisect_right(lines, (relative.start, 1 << 60)) - 1
        begin = lines[number][0]
        if (
            number
            and sentence.start < begin
            and relative.start - begin < 12
            and self.document.low[max(0, begin - 8) : begin].rstrip().endswith(_FIGURE_LAST)
        ):
            stops.append(begin)  # a hasty mail: a line for each thing, and no full stops
        return max(stops, default=sentence.start)

    def _is_of_relatives(self, sentence: Sentence) -> bool:
        if sentence.has("relative"):
            self.story_paragraph = sentence.paragraph
            return True
        if self.story_paragraph == sentence.paragraph and sentence.label_end == sentence.start:
            pronoun = _PRONOUN.match(self.document.low, sentence.start)
            if pronoun or not sentence.has(*_SCREENED):
                return True
        self.story_paragraph = -1
        return False

    def _is_of_the_past(self, sentence: Sentence) -> bool:
        """Whether a sentence tells of a tumour of years ago, by the years that it names."""
        low = self.document.low
        latest = self.latest.year if self.latest else None
        years = [
            int(match.group())
            for match in YEAR.finditer(low, sentence.start, sentence.end)
            if not _BOOK.search(low, max(sentence.start, match.start() - 40), match.start())
        ]
        if latest is not None and any(year <= latest - 2 for year in years):
            return True
        if latest is not None and self.latest is not None:
            for figure in sentence.figures:
                if (
                    figure.kind == "date"
                    and int(figure.text[:4]) <= latest - 2
                    and not sentence.has("not_own_date", "patient", "own_date")
                ):
                    return True
        treated = sentence.first("treated")
        return bool(years) and treated is not None


def _greets(sentence: Sentence) -> bool:
    """Whether a sentence greets somebody, as letters do."""
    if not sentence.first_of_line or not sentence.mentions:
        return False
    first = sentence.mentions[0]
    return "salutation" in first and first.start - sentence.start <= 2 and sentence.label_end == sentence.start


def _tells(sentence: Sentence, start: int, end: int) -> bool:
    """Whether a stretch bears a date and what was found then."""
    return any(figure.kind == "date" and start < figure.start < end for figure in sentence.figures)


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
