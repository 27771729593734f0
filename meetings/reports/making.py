"""From a row of work to the files: which document is made of what."""

from typing import NamedTuple

from meetings.exchange.fhir.documents import document_of
from meetings.models import Decision, Meeting, Report
from meetings.reports import addressed, printing, word, writing

Kind = Report.Kind


class Made(NamedTuple):
    """The files of one row: the PDF, and where there is one the DOCX."""

    pdf: bytes
    word: bytes | None = None


def made(report: Report, meeting: Meeting) -> Made:
    """The document of one row. Of a signed decision, report and letter carry the same as a document of FHIR, in the same language."""
    language = report.language
    if report.kind == Kind.MINUTES:
        return Made(printing.minutes_pdf(writing.minutes_of(meeting, report), language))
    decision = report.decision
    assert decision is not None
    decision.board = meeting.board
    if report.kind == Kind.SUMMARY:
        return Made(printing.summary_pdf(addressed.summary(decision, meeting, report), language))
    signed = decision.state != Decision.State.RECORDED
    attached = document_of(decision.pk, language) if signed else None
    if report.kind == Kind.LETTER:
        letter = addressed.letter(decision, meeting, report)
        return Made(printing.letter_pdf(letter, language, attached), word.letter_docx(letter, language))
    content = writing.case_report(decision, meeting, report)
    return Made(printing.case_report_pdf(content, language, attached), word.case_report_docx(content, language))
