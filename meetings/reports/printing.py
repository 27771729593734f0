"""Documents as PDF: PDF/A-3a for keeping and PDF/UA-1 for reading aloud, both in one file, set by Typst from JSON.

Text is never markup: it travels as a JSON string in `sys.inputs` and is printed as it is. Characters that no shipped
font holds are printed as U+FFFD, and the document says so; the record itself keeps them.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import unicodedata
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import typst
from django.utils.translation import override
from fontTools.ttLib import TTFont

from meetings.reports import layout
from meetings.reports.content import AgendaSheet, CaseReport, CaseSheet, FiguresSheet, Letter, Minutes, Summary
from meetings.reports.registration import RegistrationSheet, registration
from meetings.reports.wording import Wording

log = logging.getLogger(__name__)

_HERE = Path(__file__).parent
FONTS = _HERE / "fonts"
TEMPLATES = _HERE / "templates"
STANDARDS: tuple[Literal["a-3a", "ua-1"], ...] = ("a-3a", "ua-1")
MISSING = "\ufffd"

# Joiners shape Persian, Indic and emoji sequences; every other invisible character is taken out.
_JOINERS = "\u200c\u200d"
# A run this long without a place to break would leave its column.
_UNBROKEN = re.compile(r"[^\s\u200b-]{24,}")
_ZERO_WIDTH_SPACE = "\u200b"
LINE_END = re.compile("\r\n|[\r\u2028\u2029]")

_local = threading.local()


def case_report_pdf(report: CaseReport, language: str, attached: bytes | None = None) -> bytes:
    """The report of one case in `language` (nl, fr, de, en; others read as English). A watermark says when it is
    unsigned. `attached` is the same content as a document of FHIR, for programs, inside of the file.

    The same report and language give the same bytes.
    """
    with override(language):
        data = layout.case_report(report)
    signature = report.signature
    when = signature.signed_at or signature.recorded_at or report.sitting.starts_at
    return _pdf("case_report", data, when, attached)


def letter_pdf(letter: Letter, language: str, attached: bytes | None = None) -> bytes:
    """The letter to a patient's GP in `language`; `attached` as of a report."""
    with override(language):
        data = layout.letter(letter)
    return _pdf("letter", data, letter.signature.signed_at or letter.sitting.starts_at, attached)


def summary_pdf(summary: Summary, language: str) -> bytes:
    """The summary for a patient in `language`."""
    with override(language):
        data = layout.summary(summary)
    return _pdf("summary", data, summary.sitting.starts_at)


def minutes_pdf(minutes: Minutes, language: str) -> bytes:
    """The minutes of a whole meeting in `language`, with the watermark until they are signed."""
    with override(language):
        data = layout.minutes(minutes)
    return _pdf("minutes", data, minutes.signature.signed_at or minutes.closed_at or minutes.sitting.starts_at)


def agenda_pdf(sheet: AgendaSheet, language: str, names: bool) -> bytes:
    """The agenda in `language`; with `names` False only pseudonyms, times and hospitals are in the file at all."""
    with override(language):
        data = layout.agenda(sheet, names=names)
    return _pdf("agenda", data, sheet.published_at or sheet.sitting.starts_at)


def case_sheet_pdf(sheet: CaseSheet, language: str) -> bytes:
    """One case of an agenda before it is discussed, in `language`, with room to write."""
    with override(language):
        data = layout.case_sheet(sheet)
    return _pdf("case_sheet", data, sheet.sitting.starts_at)


def figures_pdf(sheet: FiguresSheet, language: str) -> bytes:
    """A board's figures of a period in `language`."""
    with override(language):
        data = layout.figures(sheet)
    return _pdf("figures", data, sheet.made_at)


def registration_pdf(sheet: RegistrationSheet, language: str) -> bytes:
    """The registration of one tumour in `language`, with the watermark until it is complete."""
    with override(language):
        data = registration(sheet)
    return _pdf("registration_form", data, sheet.sitting.starts_at)


def cover_pdf(*, sender: str, recipient: str, text: str, when: datetime, zone: str, language: str) -> bytes:
    """The page with the address that lies before a letter in an envelope with a window. ``sender`` and ``recipient`` are lines, ``zone`` is
    where it is written."""
    with override(language):
        day = Wording(zone).day(when, weekday=False)
    lines = [each.strip() for each in sender.splitlines() if each.strip()]
    data = {
        "title": text.splitlines()[0] if text else "–",
        "author": lines[0] if lines else "–",
        "sender": ", ".join(lines),
        "recipient": recipient,
        "text": text,
        "day": day,
        "lang": language,
        "labels": {},
    }
    return _pdf("cover", data, when)


def printable(text: str) -> str:
    """`text` as the fonts can show it: composed (NFC), without control and direction-override characters, what no font
    holds as U+FFFD, and with places to break inside very long words."""
    text = unicodedata.normalize("NFC", LINE_END.sub("\n", text).replace("\t", " "))
    # A text of thousands of characters holds some sixty different ones.
    changed = {ord(c): shown for c in set(text) if (shown := _shown(c)) != c}
    shown = text.translate(changed) if changed else text
    return _UNBROKEN.sub(lambda run: _ZERO_WIDTH_SPACE.join(_pieces(run[0])), shown)


@lru_cache(4096)
def _shown(c: str) -> str:
    if not _visible(c):
        return ""
    return c if c == "\n" or ord(c) in _coverage() else MISSING


def _visible(c: str) -> bool:
    if c == "\n" or c in _JOINERS:
        return True
    return unicodedata.category(c) not in ("Cc", "Cf") and not 0xFE00 <= ord(c) <= 0xFE0F


def _pieces(run: str) -> list[str]:
    """Pieces of about 12 characters, never cut before a mark that belongs to the letter in front of it, nor within what such a mark
    joins (the conjuncts of Indic scripts)."""
    pieces, piece = [], ""
    for c in run:
        if len(piece) >= 12 and not (_holds_on(c) or piece[-1] in _JOINERS or _joins(piece[-1])):
            pieces.append(piece)
            piece = ""
        piece += c
    return [*pieces, piece]


def _holds_on(c: str) -> bool:
    return c in _JOINERS or unicodedata.category(c).startswith("M")


def _joins(c: str) -> bool:
    return unicodedata.combining(c) == 9  # virama


@cache
def _coverage() -> frozenset[int]:
    """Code points that some shipped font has a glyph for."""
    points: set[int] = set()
    for path in sorted(FONTS.glob("*-Regular.?tf")):
        with TTFont(path, lazy=True) as font:
            points.update(font.getBestCmap())
    return frozenset(points)


def _pdf(template: str, data: layout.Json, when: datetime, attached: bytes | None = None) -> bytes:
    ready = _each_text(data, printable)
    ready["has_missing"] = MISSING in json.dumps(_without_labels(ready), ensure_ascii=False)
    beside = {"fhir": attached.decode()} if attached else {}
    try:
        return _compile(template, ready, when, STANDARDS, beside)
    except typst.TypstError:
        # A sequence of known characters can still lack a glyph of its own. The document must come out: first without
        # marks that would not combine, then without the claim to a standard.
        log.warning("document %s set again without combining marks", template)
    plain = _each_text(ready, _without_marks)
    try:
        return _compile(template, plain, when, STANDARDS, beside)
    except typst.TypstError:
        log.exception("document %s does not meet %s", template, STANDARDS)
        return _compile(template, plain, when, (), beside)


def _compile(
    template: str,
    data: layout.Json,
    when: datetime,
    standards: tuple[Literal["a-3a", "ua-1"], ...],
    beside: dict[str, str] | None = None,
) -> bytes:
    compiler: typst.Compiler | None = getattr(_local, template, None)
    path = str(TEMPLATES / f"{template}.typ")
    if compiler is None:
        compiler = typst.Compiler(path, root=str(TEMPLATES), font_paths=[str(FONTS)], ignore_system_fonts=True)
        setattr(_local, template, compiler)
    content = compiler.compile(
        path,
        format="pdf",
        sys_inputs={"data": json.dumps(data, ensure_ascii=False), **(beside or {})},
        pdf_standards=[*standards],
        timestamp=when.replace(microsecond=0),  # it takes none
    )
    assert isinstance(content, bytes)
    return content


def _without_marks(text: str) -> str:
    return "".join(c for c in text if not unicodedata.combining(c) and c not in _JOINERS)


def _without_labels(data: layout.Json) -> layout.Json:
    return {key: value for key, value in data.items() if key != "labels"}


def _each_text(value: Any, change: Any) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_each_text(one, change) for one in value]
    if isinstance(value, dict):
        return {key: _each_text(one, change) for key, one in value.items()}
    return value
