"""From a row of work to the files: which document is made of what; and the same again for a reader, in their language."""

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any, NamedTuple

from django.utils import translation
from django.utils.translation import gettext as _

from mdo.kernel.acting import elevated
from mdo.kernel.clock import now
from meetings.exchange.fhir.documents import document_of
from meetings.models import Decision, Meeting, Report
from meetings.reports import addressed, printing, word, writing
from meetings.reports.wording import Wording

Kind = Report.Kind

_PDF: dict[str, Callable[..., bytes]] = {
    Kind.CASE: printing.case_report_pdf,
    Kind.LETTER: printing.letter_pdf,
    Kind.SUMMARY: printing.summary_pdf,
    Kind.MINUTES: printing.minutes_pdf,
}
_WORD: dict[str, Callable[..., bytes]] = {
    Kind.CASE: word.case_report_docx,
    Kind.LETTER: word.letter_docx,
    Kind.SUMMARY: word.summary_docx,
    Kind.MINUTES: word.minutes_docx,
}
WORD_KEPT = (Kind.CASE, Kind.LETTER)
"""What is kept as DOCX beside the PDF. Minutes and summary are seldom written on: their DOCX is made when somebody asks for it."""


class Made(NamedTuple):
    """The files of one row: the PDF, and where it is kept the DOCX."""

    pdf: bytes
    word: bytes | None = None


def made(report: Report, meeting: Meeting) -> Made:
    """The document of one row. Of a signed decision, report and letter carry the same as a document of FHIR, in the same language."""
    content = _content(report, meeting)
    kept = _WORD[report.kind](content, report.language) if report.kind in WORD_KEPT else None
    return Made(_pdf(report, content), kept)


def made_anew(report: Report, language: str, *, as_word: bool) -> bytes:
    """The document of a row that is there, in another language or as DOCX, for somebody who may have the row's own: made of the same
    tables as they are now, kept nowhere, and it says so. Nothing of the row changes, so what was delivered, its number and what
    programs read stay as they are."""
    with elevated("report.anew"):
        meeting = Meeting.objects.select_related("board__organiser").get(pk=report.meeting_id)
        row = copy(report)
        row.language = language
        content = _content(row, meeting)
        with translation.override(language):
            said = _made_for_reader(report, Wording(meeting.board.time_zone))
        content = replace(content, imprint=replace(content.imprint, made=said))
        return _WORD[row.kind](content, language) if as_word else _pdf(row, content)


def _content(report: Report, meeting: Meeting) -> Any:
    """What the document says: the dataclass of ``meetings.reports.content`` of its kind."""
    if report.kind == Kind.MINUTES:
        return writing.minutes_of(meeting, report)
    decision = report.decision
    assert decision is not None
    decision.board = meeting.board
    if report.kind == Kind.SUMMARY:
        return addressed.summary(decision, meeting, report)
    if report.kind == Kind.LETTER:
        return addressed.letter(decision, meeting, report)
    return writing.case_report(decision, meeting, report)


def _pdf(report: Report, content: Any) -> bytes:
    if report.kind not in (Kind.CASE, Kind.LETTER):
        return _PDF[report.kind](content, report.language)
    decision = report.decision
    assert decision is not None
    signed = decision.state != Decision.State.RECORDED
    attached = document_of(decision.pk, report.language) if signed else None
    return _PDF[report.kind](content, report.language, attached)


def _made_for_reader(report: Report, words: Wording) -> str:
    kept = translation.get_language_info(report.language)["name_local"]
    return _(
        "Made for its reader on %(day)s, from the data of that day. Kept and delivered: the document of %(moment)s (%(language)s)."
    ) % {"day": words.day(now()), "moment": words.moment(report.done_at or report.created_at), "language": kept}
