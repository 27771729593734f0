"""Where an older report was pasted below: by the line that leads to it, or by the date of long ago that it bears."""

import re
from datetime import date

from cases.coding.proposals.sentences import Document, Sentence

# A year that stands alone, and not in a number, an amount, or the name of a book.
YEAR = re.compile(r"(?<![0-9a-z./-])(?:19[5-9]|20[0-4])[0-9](?![0-9/-]|[.][0-9]|[ ]?(?:mg|g|ml|cc|kcal|u)\b)")
LONG_AGO = 330  # days
_PASTED = re.compile(
    r"hieronder|onderaan|bijgevoegd|in bijlage|plak|kopieer|ter info|volledigheid|ci-dessous|ci-joint|recopie|copie|voici|pour info|ci-apres|en annexe|below|here is"
    r"|attached|copied|pasted|completeness|enclosed|unten|anbei|folgend|nachstehend|hier der|kopie|zur information|beigefugt"
)
_THEN = re.compile(
    r"(?<![a-z])(?:toen|destijds|van vroeger|de l'epoque|a l'epoque|d'epoque|back then|at the time|of that time|damals|von damals|seinerzeit)(?![a-z])"
)


def leads_to_old(document: Document, latest: date | None, number: int, sentence: Sentence) -> bool:
    """Whether a line of its own only leads to an older report that was pasted below: `hieronder het verslag van 2018:`."""
    low = document.low
    if number == 0 or low[sentence.start : sentence.end].rstrip()[-1:] != ":":
        return False
    if not sentence.has("report_word", "exam", "biopsy", "surgery", "old_report") or sentence.has(
        "now", "patient_label"
    ):
        return False
    _start, end = document.lines[sentence.line]
    if sentence.end < end or not _PASTED.search(low, sentence.start, sentence.end):
        return False
    newest = latest.year if latest else 9999
    years = [int(match.group()) for match in YEAR.finditer(low, sentence.start, sentence.end)]
    told = sentence.has("earlier_word", "old_report", "compared", "first") or _THEN.search(
        low, sentence.start, sentence.end
    )
    return bool(told) or any(year < newest for year in years)


def heads_old(document: Document, latest: date | None, number: int, sentence: Sentence) -> bool:
    """Whether a short line below a blank one bears a date of long ago and names a place, a report or an operation."""
    if number < 3 or latest is None or not sentence.first_of_line or sentence.has("not_own_date", "patient"):
        return False
    if sentence.paragraph == document.sentences[number - 1].paragraph or sentence.end - sentence.start > 70:
        return False
    if not sentence.has("report_word", "exam", "surgery", "biopsy") or any(f.kind != "date" for f in sentence.figures):
        return False
    days = [date.fromisoformat(figure.text) for figure in sentence.figures]
    return bool(days) and all((latest - day).days > LONG_AGO for day in days)
