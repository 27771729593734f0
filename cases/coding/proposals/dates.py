"""The dates of a text: of the report, the sample, the operation, the examination, the letter, the visit.

Not of birth, of earlier or later or retold examinations, of a stay, of a fax. A date counts where its label says so, in
the head of a text, or where a letter tells of the visit. Parsers for dates in any form were tried and not taken: see
docs/decisions/proposals.md.
"""

import re
from collections.abc import Iterator

from cases.coding.proposals.quantities import Quantity
from cases.coding.proposals.reading import Finding, Reading
from cases.coding.proposals.sentences import Mention, Sentence

_TIME = re.compile(r"(?<![0-9])[0-2]?[0-9][:.hu][0-5][0-9](?![0-9])")
_PAGE = re.compile(r"(?<![a-z])(?:fax|p\.|pag|blz|page|seite|pg)|t[1il]?elecopie|telefax")
_OPEN_WORDS = re.compile(r"[ ,:;(.]*(?:le|den|dd\.?|d\.d\.?|op|du|vom|am|on|of|van|de|datum|date)?[ :.]*$")
_BORN = re.compile(
    r"(?:°|\*|(?<![a-z])geb(?:oren)?\.?|ne(?:e)?|dob|d\.o\.b\.?|born|geburtsdatum|geboortedatum|date de naissance|date of birth|ddn)[ ]?(?:op|le|am|on|den)?[ :.]*$"
)
# An addendum names the report to which it belongs, with its date.
_OF_ANOTHER = re.compile(
    r"(?:addendum|aanvulling|aanvullend|complement|additif|supplementary|supplement|nachtrag[a-z]*|zusatzbefund)[^\n:]{0,40}[ ]"
    r"(?:bij|op|van|to|au|du|zu|zum|for|de)[ ](?:het[ ]|ons[ ]|our[ ]|dem[ ]|the[ ])?(?:verslag|rapport|report|compte[ -]rendu|befund|onderzoek|examen)"
    r"[^\n:]{0,40}[ ](?:van|dd\.?|d\.d\.?|du|of|dated|vom)[ ]$"
)
_IN_REPORT = re.compile(
    r"(?<![a-z])(?:in|im|dans|bij|see|zie|voir|cf|siehe)[ ](?:het|ons|our|the|le|notre|unserem|dem|votre|your|mijn|my)?[ ]?(?:verslag|rapport|report|letter|brief|compte[ -]rendu|courrier|befund|bericht)"
    r"[ ](?:van|dd\.?|d\.d\.?|du|of|dated|vom)[ ]$"
)
_OF_FIRST = re.compile(
    r"(?:eerste|oorspronkelijke?|initiele?|premier|initial|first|original|erste[nrs]?|ursprungliche[nrs]?) ?"
    r"(?:verslag|rapport|uitslag|report|compte[ -]rendu|befund|bericht)[^\n:]{0,24}[ ](?:van|dd\.?|d\.d\.?|du|of|dated|vom)[ ]$"
)
_AS_TOLD = re.compile(
    r"(?:as|previously|earlier|zoals|reeds|eerder|comme|deja|wie|bereits)[ ](?:[a-z]{2,10}[ ])?(?:reported|described|gerapporteerd|gemeld|beschreven|rapportee?s?"
    r"|decrite?s?|berichtet|beschrieben|mitgeteilt)[ ](?:on|op|le|am|dd\.?)[ ]$"
)
_RESULT = re.compile(r"[ )]{0,2}:[ ]?[^\n]{12}")
_GAP = re.compile(r"[ ]{2}|[ ][:|]|[|·;]|\n")
_RULER = re.compile(r"[-=_*~]{3,}")
_HEAD_LINES = 8
_LINE = 300
_AFTER = 30
_BEFORE = 60
_DATE_LIKE = ("own_date", "exam", "visit", "biopsy", "surgery", "specimen")


def dates(reading: Reading) -> Iterator[Finding]:
    """The findings of the text's own dates."""
    heads = _head_lines(reading)
    first = _first_end(reading)
    for number, sentence in reading.own():
        for figure in sentence.figures:
            if (
                figure.kind == "date"
                and reading.is_own(figure.start)
                and _counts(reading, number, sentence, figure, heads, first)
            ):
                yield Finding("date", figure.text, figure.start, figure.end, number)


def birth_dates(text: str) -> set[str]:
    """The dates of birth that a text names, as ISO dates: whose report it is. Of a year in two digits the century is a guess."""
    reading = Reading(text)
    return {
        figure.text
        for figure in reading.document.figures
        if figure.kind == "date" and _BORN.search(reading.low, max(0, figure.start - 24), figure.start)
    }


def _head_lines(reading: Reading) -> frozenset[int]:
    """The first lines that say anything: letterhead, title, who it is about."""
    lines = [n for n, (start, end) in enumerate(reading.document.lines) if reading.low[start:end].strip()]
    return frozenset(lines[:_HEAD_LINES])


def _counts(
    reading: Reading, number: int, sentence: Sentence, figure: Quantity, heads: frozenset[int], first: int
) -> bool:
    line_start, line_end = _line_of(reading, figure.start)
    line = reading.low[line_start:line_end]
    if _is_fax(line) or _BORN.search(reading.low, max(line_start, figure.start - 24), figure.start):
        return False
    if _tells_result(reading, sentence, figure, line_end) and _is_not_first(reading, figure, heads, first):
        return False
    before = _before(reading, sentence, figure)
    nearest = before[-1] if before else None
    is_named = (
        nearest is not None and nearest.any(("own_date", "visit")) and not nearest.any(("not_own_date", "planned"))
    )
    if not is_named and any(m.any(("not_own_date", "planned", "compared", "doubt")) for m in before[-4:]):
        return False
    if not is_named and any(
        "planned" in m for m in sentence.within(_clause_start(reading, sentence, figure), figure.start)
    ):
        return False
    if any(
        pattern.search(reading.low, line_start, figure.start)
        for pattern in (_OF_ANOTHER, _IN_REPORT, _OF_FIRST, _AS_TOLD)
    ):
        return False
    behind = _behind(reading, sentence, figure)
    is_visit = nearest is not None and any("visit" in m for m in before[-3:])
    if any(m.any(("planned", "not_own_date", "old_report")) for m in behind) and not is_visit:
        return False
    in_letter = _in_letter(reading, number, sentence)
    if (
        in_letter
        and line.strip(" .,").removeprefix("le ").startswith(reading.low[figure.start : figure.end])
        and len(line.split()) <= 5
    ):
        return True  # below the greetings, alone on its line
    if any("visit" in m for m in [*before[-3:], *behind]):
        return True
    if in_letter:
        received = [*([nearest] if nearest is not None else []), *behind[:1]]
        return any("received" in m for m in received)
    if reading.section(number) == "plan":
        return False
    if reading.section(number) == "clinical" and not (nearest is not None and "own_date" in nearest):
        return sentence.line in heads and _is_title(reading, sentence, figure)
    if nearest is not None and "own_date" in nearest and _follows(reading, nearest, figure):
        return True
    if sentence.line in heads and _is_title(reading, sentence, figure):
        return True
    return _opens_report(reading, sentence, figure)


def _tells_result(reading: Reading, sentence: Sentence, figure: Quantity, line_end: int) -> bool:
    """Whether a date leads to what was found on that day: `biopt 12/01/2026: IDC graad 2`."""
    if _RESULT.match(reading.low, figure.end, line_end):
        return True
    return any(other.kind in ("measure", "percent") for other in sentence.figures if 0 < other.start - figure.end < 40)


def _first_end(reading: Reading) -> int:
    """Where the first date of a text ends that is none of birth; the length of the text where there is none."""
    ends = (
        figure.end
        for figure in reading.document.figures
        if figure.kind == "date" and not _BORN.search(reading.low, max(0, figure.start - 24), figure.start)
    )
    return min(ends, default=len(reading.low))


def _is_not_first(reading: Reading, figure: Quantity, heads: frozenset[int], first: int) -> bool:
    """Whether the head of the text bears a date of its own in a line above this one."""
    lines = reading.document.lines
    above = [lines[number][1] for number in heads if lines[number][1] <= figure.start]
    return first <= max(above, default=0)


def _line_of(reading: Reading, place: int) -> tuple[int, int]:
    """The line around a place; of one that has no end, what is near."""
    start = max(reading.low.rfind("\n", max(0, place - _LINE), place) + 1, place - _LINE)
    end = reading.low.find("\n", place, place + _LINE)
    return start, end if end >= 0 else min(len(reading.low), place + _LINE)


def _is_fax(line: str) -> bool:
    return bool(_PAGE.search(line)) and ("fax" in line or "elecopie" in line or _TIME.search(line) is not None)


def _before(reading: Reading, sentence: Sentence, figure: Quantity) -> list[Mention]:
    """The words that lead to a date: behind the date before it, in its cell or clause."""
    start = max(sentence.start, figure.start - _BEFORE)
    for other in sentence.figures:
        if other.kind == "date" and other.end <= figure.start:
            start = max(start, other.end)
    return list(sentence.within(start, figure.start))


def _behind(reading: Reading, sentence: Sentence, figure: Quantity) -> list[Mention]:
    _, last = sentence.clause(figure.end - 1)
    last = min(last, figure.end + _AFTER)
    # Behind a bar or a gap stands the label of the next date; what is compared with is the next one, too.
    if (gap := _GAP.search(reading.low, figure.end, last)) is not None:
        last = gap.start()
    return [m for m in sentence.within(figure.end, last) if not m.word.startswith(("vergel", "compar"))]


def _clause_start(reading: Reading, sentence: Sentence, figure: Quantity) -> int:
    """Behind the last semicolon before a date: what is planned there is told with a comma between."""
    return max(reading.low.rfind(";", sentence.start, figure.start), sentence.start)


def _follows(reading: Reading, mention: Mention, figure: Quantity) -> bool:
    """Whether little stands between a label and its date."""
    between = reading.low[mention.end : figure.start]
    return len(between.split()) <= 4 and "." not in between.strip(" .")


def _in_letter(reading: Reading, number: int, sentence: Sentence) -> bool:
    """Whether a sentence belongs to the body of a letter, which retells; a report pasted below does not."""
    start = reading.speech.letter_from
    if start is None or sentence.start < start:
        return False
    pasted = reading.document.ruled_after(start)
    return pasted is None or pasted > sentence.start


def _is_title(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    """Whether a date stands in a head line: alone, behind the place, or beside the name of an examination."""
    start, end = _line_of(reading, figure.start)
    line = reading.low[start:end]
    alone = line.strip(" .,-").startswith(reading.low[figure.start : figure.end]) and len(line.split()) <= 6
    rest = line.replace(reading.low[figure.start : figure.end], "").strip(" .,;-")
    if alone or (len(rest.split()) <= 5 and not any(c in rest for c in ":")):
        return True
    mentions = list(sentence.within(sentence.start, sentence.end))
    return any(m.any(("exam", "own_date", "visit", "surgery", "biopsy")) for m in mentions)


def _opens_report(reading: Reading, sentence: Sentence, figure: Quantity) -> bool:
    """Whether a line begins a report with an examination and its date; results told one line each are retold."""
    if not sentence.first_of_line:
        return False
    mentions = list(sentence.within(sentence.start, figure.start))
    if not mentions or mentions[0].start - sentence.start > 4 or figure.start - sentence.start > 60:
        return False
    if not mentions[0].any(("exam", "own_date", "biopsy", "surgery")):
        return False
    _, end = _line_of(reading, figure.start)
    if not reading.low[figure.end : end].strip(" .:)"):
        return True
    above = sentence.line - 1
    while above > 0 and not reading.document.line_text(above).strip():
        above -= 1
    line = reading.document.line_text(max(above, 0)).strip()
    return _RULER.match(line) is not None or line.isupper() or (len(line.split()) <= 4 and line.endswith(":"))
