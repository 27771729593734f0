"""Where an older report was pasted below: by the line that leads to it, or by the date of long ago that it bears."""

import re
from datetime import date
from itertools import pairwise

from cases.coding.proposals.sentences import Document, Sentence, is_separator

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
_FORWARDED = re.compile(
    r"^[-_ ]*(?:original message|oorspronkelijk bericht|message d'origine|message original|ursprungliche nachricht)[-_ :]*$",
    re.MULTILINE,
)


def forwarded_from(document: Document) -> int:
    """Where a mail that was forwarded or answered begins below the own one."""
    low = document.low
    return next((m.start() for m in _FORWARDED.finditer(low) if low[: m.start()].strip()), len(low) + 1)


def fenced_off(document: Document, latest: date | None) -> list[tuple[int, int]]:
    """What stands between two drawn lines and bears only dates of long ago."""
    rulers = [start for start, end in document.lines if is_separator(document.cased[start:end])][:40]
    found = []
    for start, end in pairwise(rulers):
        days = [f.text for f in document.figures if f.kind == "date" and start < f.start < end]
        years = [int(match.group()) for match in YEAR.finditer(document.low, start, end)]
        if latest is None or not (days or years):
            continue
        old_days = all((latest - date.fromisoformat(day)).days > LONG_AGO for day in days)
        if old_days and all(year < latest.year for year in years):
            found.append((start, end))
    return found


def introduces_mail(document: Document, number: int) -> bool:
    """Whether a sentence only says who wrote what follows behind `>`."""
    sentences = document.sentences
    following = sentences[number + 1] if number + 1 < len(sentences) else None
    return (
        following is not None
        and sentences[number].has("wrote")
        and document.line_text(following.line).lstrip().startswith(">")
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
