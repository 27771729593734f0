"""Every kind of document, in four languages, as pictures: no page is empty, nothing is cut off at an edge, and what the document was given
stands on it, read by two readers that know nothing of each other. The pictures stay in ``tests/artifacts/pdf/``, to be looked at."""

from __future__ import annotations

import dataclasses
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any
from uuid import uuid4

import pypdfium2
import pytest
from django.utils import translation
from PIL import Image, ImageDraw, ImageFont
from pypdf import PdfReader

from meetings.figures import counting
from meetings.figures.facts import Case, Facts, Sitting
from meetings.reports import printing
from meetings.reports.content import Action, CaseReport, FiguresSheet, Group, QuorumLine, Row, Signature
from tests.journeys.visitors import ARTIFACTS
from tests.meetings.test_figures import OTHER, OWN, THIRD, names
from tests.meetings.test_reports import MINUTES, PEOPLE, REPORT, SHEET, at, report_with
from tests.pdf.verify import LANGUAGES, documents

DPI = 100
A4_MM = (210, 297)
EDGE_MM = 5  # what a printer may leave out
LINE_MM = 8  # what is higher is no line of text
APART_MM = 0.35  # the least between two lines, from the foot of a g to an accent
PAPER = 250  # of 255: what is darker is ink
# What a template is told and does not print: switches, and the picture of the code to ask with. A sheet, a form and a summary say no more
# than the id and the version of what they are made from.
SILENT = {"labels", "lang", "qr", "state", "kind"}
UNSIGNED = {"case_sheet", "registration_form", "summary"}
UNSIGNED_SILENT = {"replaces", "digest", "code", "verify_at"}

Box = tuple[float, float, float, float]  # left, bottom, right, top, in millimetres


def draft() -> CaseReport:
    """A report that nobody signed, of several pages."""
    rows = tuple(Row(f"Onderzoek {n}", "Spiculair letsel van 17 mm, BI-RADS 5. " * 3) for n in range(30))
    return report_with(signature=Signature("Dr. Peeters", at(9)), groups=(Group("Beeldvorming", rows),), late=True)


def agreed() -> CaseReport:
    """A report with everything that a table may agree on."""
    everything = dataclasses.replace(
        REPORT.recommendation,
        deviation="Afgeweken wegens de voorkeur van de patiënt.",
        trial="SENTINEL-2, arm B",
        informs="dr. Maes",
        actions=tuple(
            Action("Genetische consultatie aanvragen", "dr. Maes", at(each).date()) for each in (10080, 20160)
        ),
        protocol="DCIS, bijlage 3",
    )
    return report_with(recommendation=everything, quorum=QuorumLine(True, 5, 4))


def year(language: str) -> bytes:
    """The figures of a board of three hospitals, with every table filled."""
    began = datetime(2026, 1, 7, 13, tzinfo=UTC)
    sittings = [Sitting(uuid4(), began + timedelta(days=28 * n), 9.0) for n in range(11)]
    cases = [
        Case(
            sitting=sitting.id,
            hospital=(OWN, OWN, OTHER, OTHER, THIRD)[n % 5],
            waited_days=n % 9,
            reason=("", "", "", "", "", "pathology_missing", "", "", "", "patient_condition")[(n + place) % 10],
            complete=n % 3 != 0,
            late=n % 7 == 0,
            minutes=2.0 + n % 6,
            opened_at=sitting.starts_at + timedelta(minutes=6 * n),
            recommended=n % 8 != 0,
            quorum=n % 6 != 0,
            disciplines=frozenset(("radiology", "surgery")[: 1 + n % 2]),
            hospitals=frozenset((str(OWN), str(OTHER))[: 1 + n % 2]),
            asked=True,
            outcome=("carried_out", "carried_out", "not", "")[n % 4],
            report_minutes=(3.0, 14.0, 70.0)[n % 3],
        )
        for place, sitting in enumerate(sittings)
        for n in range(14)
    ]
    with translation.override(language):
        found = counting.figures(
            Facts(began, began + timedelta(days=365), tuple(sittings), tuple(cases)), names(language=language)
        )
        hospitals = ("AZ Eigen", "AZ Ander", "Ziekenhuis van de Derde Orde en van de Heilige Familie")
        return printing.figures_pdf(
            FiguresSheet("Borst-MOC", "MOC", hospitals, found, began + timedelta(days=366), demo="Demonstratie"),
            language,
        )


def everything() -> dict[str, Callable[[str], bytes]]:
    """What the validator gets, and what only eyes judge: a watermark, an agenda without names, a long agenda, full tables."""
    (first, second) = SHEET.items
    lines = tuple(
        dataclasses.replace(
            (first, second)[n % 5 == 4],
            number=n + 1,
            expected_at=at(6 * n),
            late=n % 6 == 5,
            state="postponed" if n == 7 else "scheduled",
            question="Voorstel voor lokale behandeling en adjuvante therapie na neoadjuvante chemotherapie?",
            note="Beelden van AZ Rembert zijn opgevraagd." if n % 4 == 0 else "",
            rest=(at(60), 12) if n == 10 else None,
            **({"protocol": "DCIS", "protocol_reference": "bijlage 3"} if n > 20 else {}),
        )
        for n in range(26)
    )
    long = dataclasses.replace(SHEET, items=lines)
    return {
        **documents(),
        "draft report": lambda language: printing.case_report_pdf(draft(), language),
        "report with everything": lambda language: printing.case_report_pdf(agreed(), language),
        "short minutes": lambda language: printing.minutes_pdf(MINUTES, language),
        "long agenda": lambda language: printing.agenda_pdf(long, language, True),
        "agenda without names": lambda language: printing.agenda_pdf(long, language, False),
        "figures of a year": year,
    }


def folded(text: str) -> str:
    """Letters and signs alone: how readers put spaces and breaks between words is their own matter."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in text if not c.isspace() and unicodedata.category(c) not in ("Cf", "Cc", "Mn", "Co", "Cn"))


def pages(content: bytes, keep: str = "") -> Iterator[tuple[Image.Image, str, list[Box]]]:
    """Each page as a picture, its words, and where its lines of text are; kept below ``tests/artifacts/pdf/`` under this name."""
    document = pypdfium2.PdfDocument(content)
    try:
        for number, page in enumerate(document, start=1):
            picture = page.render(scale=DPI / 72).to_pil().convert("RGB")
            if keep:
                place = ARTIFACTS / "pdf"
                place.mkdir(parents=True, exist_ok=True)
                picture.save(place / f"{keep}-{number}.png")
            text = page.get_textpage()
            boxes: list[Box] = []
            for rect in (text.get_rect(n) for n in range(text.count_rects())):
                left, bottom, right, top = (each / 72 * 25.4 for each in rect)
                boxes.append((left, bottom, right, top))
            yield picture, text.get_text_range(), boxes
    finally:
        document.close()


def faults(content: bytes, keep: str = "") -> list[str]:
    """What is wrong with how a document looks: a page without ink, ink where a printer has none, words off the page."""
    found = []
    for number, (picture, _words, boxes) in enumerate(pages(content, keep), start=1):
        grey = picture.convert("L")
        width, height = grey.size
        edge = round(EDGE_MM / 25.4 * DPI)
        if grey.getextrema()[0] > PAPER // 2:
            found.append(f"page {number} is empty")
        strips = {
            "left": (0, 0, edge, height),
            "right": (width - edge, 0, width, height),
            "top": (0, 0, width, edge),
            "bottom": (0, height - edge, width, height),
        }
        found += [
            f"page {number} has ink at the {side}"
            for side, strip in strips.items()
            if grey.crop(strip).getextrema()[0] < PAPER
        ]
        found += [f"page {number} has words off the page" for box in boxes if not _fits(box)][:1]
        found += [f"page {number} has words on words" for one, other in combinations(boxes, 2) if _covers(one, other)][
            :1
        ]
    return found


def _fits(box: Box) -> bool:
    return all(EDGE_MM <= each <= size - EDGE_MM for each, size in zip(box, (*A4_MM, *A4_MM), strict=True))


def _covers(one: Box, other: Box) -> bool:
    """Whether a line stands on another one. A watermark may lie below all of them."""
    lines = max(one[3] - one[1], other[3] - other[1]) < LINE_MM
    return lines and _shared(one, other, 0) > 1 and _shared(one, other, 1) > -APART_MM


def _shared(one: Box, other: Box, axis: int) -> float:
    """How many millimetres of this axis both take; less than nothing: how far they are apart."""
    return min(one[axis + 2], other[axis + 2]) - max(one[axis], other[axis])


def told(value: Any, silent: set[str], key: str = "") -> Iterator[str]:
    """Every text that a template was given to print."""
    if key in silent:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from told(each, silent, name)
    elif isinstance(value, list):
        for each in value:
            yield from told(each, silent)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(everything()))
def test_a_document_looks_as_it_should(name: str, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    compiled = printing._compile

    def listening(template: str, data: Any, *rest: Any) -> bytes:
        given.append((template, data))
        return compiled(template, data, *rest)

    monkeypatch.setattr(printing, "_compile", listening)
    content = everything()[name](language)
    assert faults(content, f"{name.replace(' ', '-')}-{language}") == []

    shown = folded(" ".join(words for _picture, words, _boxes in pages(content)))
    [(template, data)] = given  # set once: no glyph was missing
    silent = SILENT | UNSIGNED_SILENT if template in UNSIGNED else SILENT
    lost = [text for text in told(data, silent) if folded(text) and not stands(folded(text), shown)]
    assert lost == []
    assert too_wide(word for label in labels(data) for word in label.split()) == []
    read = folded(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages))
    assert Counter(re.findall(r"[a-z0-9]", shown)) == Counter(re.findall(r"[a-z0-9]", read))


def labels(value: Any) -> Iterator[str]:
    """The labels that stand before a value."""
    if isinstance(value, dict):
        if {"label", "value"} <= value.keys():
            yield value["label"]
        for each in value.values():
            yield from labels(each)
    elif isinstance(value, list):
        for each in value:
            yield from labels(each)


def too_wide(words: Iterable[str]) -> list[str]:
    """The words that reach over the column of labels into the values."""
    width = re.search(r"label-width = (\d+)mm", (printing.TEMPLATES / "frame.typ").read_text(encoding="utf-8"))
    assert width is not None
    font = ImageFont.truetype(str(printing.FONTS / "NotoSans-Regular.ttf"), 950)  # a hundred times 9.5 points
    return [each for each in words if font.getlength(each) / 100 / 72 * 25.4 > int(width[1])]


def stands(text: str, shown: str) -> bool:
    """Whether these letters stand there; a text over two lines, pages or directions is found by its pieces."""
    return text in shown or all(piece in shown for piece in re.findall(r"[a-z0-9]+", text))


# --- the controls --------------------------------------------------------------------------------------------------------


def drawn(box: tuple[int, int, int, int] | None) -> bytes:
    """A page of A4 with a black box on it."""
    sheet = Image.new("RGB", (827, 1169), "white")
    if box:
        ImageDraw.Draw(sheet).rectangle(box, fill="black")
    body = io.BytesIO()
    sheet.save(body, "PDF", resolution=100)
    return body.getvalue()


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ((100, 100, 300, 300), []),
        (None, ["page 1 is empty"]),
        ((0, 100, 300, 300), ["page 1 has ink at the left"]),
        ((700, 100, 820, 300), ["page 1 has ink at the right"]),
        ((100, 1100, 300, 1165), ["page 1 has ink at the bottom"]),
    ],
)
def test_what_looks_wrong_is_seen(box: tuple[int, int, int, int] | None, said: list[str]) -> None:
    assert faults(drawn(box)) == said


def test_a_word_that_is_too_wide_for_a_label_is_seen() -> None:
    assert too_wide(["Tagesordnungspunkte", "Donaudampfschifffahrtsgesellschaft"]) == [
        "Donaudampfschifffahrtsgesellschaft"
    ]


def test_lines_that_stand_on_each_other_are_seen() -> None:
    assert _covers((20, 244.1, 45, 247.1), (20, 240.5, 40, 243.9))
    assert not _covers((20, 244.1, 45, 247.1), (20, 240.5, 40, 243.6))
    assert not _covers((20, 244.1, 45, 247.1), (50, 244.1, 60, 247.1))
    assert not _covers((20, 244.1, 45, 247.1), (10, 100, 200, 260))  # a watermark


def test_words_that_leave_the_page_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without places to break, the long words of a report leave its page."""
    report = report_with(recommendation=dataclasses.replace(REPORT.recommendation, text="x" * 300), participants=PEOPLE)
    assert faults(printing.case_report_pdf(report, "en")) == []
    monkeypatch.setattr(printing, "_UNBROKEN", re.compile(r"(?!)"))
    assert "page 1 has words off the page" in faults(printing.case_report_pdf(report, "en"))
