"""Documents as DOCX: read back by python-docx. Whatever people typed comes out as they typed it, as text and as nothing else."""

import dataclasses
import io
import zipfile
from datetime import date

import docx
import pytest

from meetings.reports.content import Dissent, Letter, PlainStep, Recommendation, Step, Summary, Told
from meetings.reports.printing import letter_pdf
from meetings.reports.word import case_report_docx, kept, letter_docx, minutes_docx, summary_docx
from tests.meetings.test_reports import (
    MINUTES,
    PEOPLE,
    RECOMMENDATION,
    REPORT,
    SITTING,
    flat,
    pages,
    patient_named,
    report_with,
)

NASTY = '#eval("1+1") =HYPERLINK("http://x") {{ 7*7 }} {% for %} <b>&amp;</b> \\link ]]>'
NAMES = ("Łukasz Şahin-Ñúñez", "محمد العلي", "כהן מרים", "王秀英", "Ирина Ковалёва", "გიორგი", "D'Hondt & <Zoon>")
LETTER = Letter(
    sitting=SITTING,
    patient=REPORT.patient,
    to="dr. An Lemmens",
    told=Told(informs="the requester"),
    question=REPORT.question,
    requester=REPORT.requester,
    requester_organisation="AZ Rembert",
    recommendation=REPORT.recommendation,
    signature=REPORT.signature,
    imprint=REPORT.imprint,
    participants=tuple(each.name for each in PEOPLE),
)


def docx_text(content: bytes) -> str:
    """Every word of the body and its tables, with single spaces."""
    document = docx.Document(io.BytesIO(content))
    body = [
        node.text or ("\n" if node.tag.endswith("}br") else "")
        for node in document.element.body.iter()
        if node.tag.endswith(("}t", "}br"))
    ]
    return " ".join(" ".join(body).split())


def test_it_says_what_the_pdf_says() -> None:
    text = docx_text(case_report_docx(REPORT, "nl"))
    for words in ("Anna Vermeulen", "12 maart 1961", "Surgery or neoadjuvant", "Wide excision left.", "Margins ≥ 2 mm.", "Curative",
                  "Assay first.", "Left breast", "cT1c cN0", "Hypertension", "Dr. Janssens", "woensdag 25 november 2026", "Dr. De Wit"):  # fmt: skip
        assert words in text
    assert "CONCEPT" in docx_text(case_report_docx(report_with(signature=type(REPORT.signature)()), "nl")).upper()
    assert not {"{{", "{%"} & set(text.split())


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nl", "nog niet ingelicht"),
        ("fr", "pas encore informé"),
        ("de", "noch nicht informiert"),
        ("en", "not informed yet"),
    ],
)
def test_the_letter_in_each_language_with_the_status(language: str, words: str) -> None:
    assert words in docx_text(letter_docx(LETTER, language))
    assert words in flat(letter_pdf(LETTER, language))
    told = dataclasses.replace(LETTER, told=Told(said=True, by="dr. Mia Maes", on=date(2026, 11, 26)))
    for text in (docx_text(letter_docx(told, language)), flat(letter_pdf(told, language))):
        assert words not in text
        assert "dr. Mia Maes" in text
    mute = dataclasses.replace(LETTER, told=Told(mute=True))
    assert words not in docx_text(letter_docx(mute, language))


SUMMARY = Summary(
    SITTING,
    REPORT.patient,
    (PlainStep("Surgery", "The tumour is taken out."),),
    Told(said=True, by="dr. Mia Maes", on=date(2026, 11, 26)),
    REPORT.imprint,
    aim="To cure.",
    tasks=(("dr. Maes", date(2026, 12, 1)),),
    words="Bring somebody.\nAsk.",
    words_by="dr. Maes",
    requester="dr. Claes",
    gp="dr. Lemmens",
)


def test_minutes_and_summary_say_what_their_pdf_says() -> None:
    text = docx_text(minutes_docx(MINUTES, "en"))
    for words in ("Patient 001", "Patient 003", "imaging missing", "Dr. Janssens", "Radiology", "What next?", "Wide excision left.",
                  "Quorum met: 5 present, 4 needed.", "New date: Wednesday 2 December 2026, 14:00", "New protocol", "Agreed.", "Chair", "Mia Smets"):  # fmt: skip
        assert words in text, words
    text = docx_text(summary_docx(SUMMARY, "en"))
    for words in ("Anna Vermeulen", "12 March 1961", "1. Surgery", "The tumour is taken out.", "To cure.", "dr. Maes does something for you",
                  "Bring somebody. Ask.", "Written for you by dr. Maes.", "dr. Claes, dr. Lemmens", "dr. Mia Maes talked with you"):  # fmt: skip
        assert words in text, words
    assert "Wat er voor u geadviseerd is" in docx_text(summary_docx(SUMMARY, "nl"))
    odd = dataclasses.replace(SUMMARY, words=NASTY, words_by=NASTY)
    assert docx_text(summary_docx(odd, "en")).count(NASTY) == 2
    items = (dataclasses.replace(MINUTES.items[0], title=NASTY, question=NASTY),)
    assert docx_text(minutes_docx(dataclasses.replace(MINUTES, items=items), "en")).count(NASTY) == 2


@pytest.mark.parametrize("name", NAMES)
def test_names_of_any_script(name: str) -> None:
    assert name in docx_text(case_report_docx(patient_named(name), "nl"))


def test_what_looks_like_code_is_text() -> None:
    said = Recommendation(
        steps=(Step("Surgery", NASTY),),
        text=NASTY,
        deviation=NASTY,
        dissents=(Dissent("Dr. Claes", "Oncology", NASTY),),
    )
    report = report_with(question=NASTY, recommendation=said, requester=NASTY)
    content = case_report_docx(report, "en")
    assert docx_text(content).count(NASTY) == 6
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        body = parts.read("word/document.xml").decode()
        assert "instrText" not in body  # no field, which a program would fill in
        assert "http://x" not in parts.read("word/_rels/document.xml.rels").decode()
    letter = dataclasses.replace(LETTER, to=NASTY, question=NASTY, recommendation=said)
    assert flat(letter_pdf(letter, "en")).replace(" ", "").count(NASTY.replace(" ", "")) == 6
    assert docx_text(letter_docx(letter, "en")).count(NASTY) == 6


def test_without_escaping_it_would_break(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of `autoescape`."""
    from docxtpl import DocxTemplate

    render = DocxTemplate.render
    monkeypatch.setattr(DocxTemplate, "render", lambda self, content, **_given: render(self, content, autoescape=False))
    with pytest.raises(Exception):  # noqa: B017 - the XML does not parse, or lost its words
        assert NASTY in docx_text(case_report_docx(report_with(question=NASTY), "en"))


def test_line_ends_stay_and_what_no_xml_holds_goes() -> None:
    content = case_report_docx(report_with(question="een\r\ntwee\rdrie\x00\x0b\u202evier\ud800\ufffe"), "nl")
    assert "een twee drievier" in docx_text(content)
    assert kept("a\tb\r\nc\u200dd") == "a b\nc\u200dd"
    assert kept("a\u2028b\u2029c") == "a\nb\nc"


@pytest.mark.parametrize("lines", range(12, 30, 3))
@pytest.mark.parametrize("protocol", ["", "DCIS"])
def test_the_signature_of_a_letter_never_stands_alone(lines: int, protocol: str) -> None:
    """However long the advice is: on the page of the signature stands who took part, or the protocol by which nobody had to."""
    text = "\n".join(f"Line {n} of the advice." for n in range(lines))
    letter = dataclasses.replace(
        LETTER,
        participants=() if protocol else LETTER.participants,
        recommendation=dataclasses.replace(RECOMMENDATION, text=text, protocol=protocol),
    )
    last = pages(letter_pdf(letter, "en"))[-1]
    assert "Dr. De Wit" in last
    assert (protocol or "Janssens") in last
