"""Printed documents: their text is read back from the PDF. Whatever people typed comes out as they typed it."""

import dataclasses
import io
import re
import threading
import unicodedata
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import typst
from django.utils.translation import override
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from meetings.reports import layout, printing
from meetings.reports.content import (
    AgendaLine,
    AgendaSheet,
    CaseReport,
    Dissent,
    Group,
    Imprint,
    Minutes,
    MinutesItem,
    PatientIdentity,
    Present,
    QuorumLine,
    Recommendation,
    Row,
    Signature,
    Sitting,
    Span,
    Step,
)
from meetings.reports.printing import agenda_pdf, case_report_pdf, minutes_pdf, printable
from meetings.reports.registration import RegistrationSheet, registration

START = datetime(2026, 11, 25, 13, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


SITTING = Sitting("Breast board", "MOC", "AZ Elisabeth", ("AZ Elisabeth", "AZ Rembert"), START, place="Room 3")
RECOMMENDATION = Recommendation(
    steps=(Step("Surgery", "Wide excision left."), Step("Radiotherapy")),
    intent="Curative",
    text="Margins ≥ 2 mm.\n\nDiscuss again → after pathology.",
    dissents=(Dissent("Dr. Claes", "Oncology", "Assay first."),),
)
PEOPLE = (
    Present("Dr. Peeters", "Surgery", "AZ Elisabeth", (Span(at(2), at(9), "room"),), "chair"),
    Present("Dr. Janssens", "Radiology", "AZ Rembert", (Span(at(2), at(4), "video"), Span(at(6), None, "phone"))),
    Present("Dr. Absent", "Genetics", "AZ Rembert"),
)
REPORT = CaseReport(
    sitting=SITTING,
    patient=PatientIdentity("Anna Vermeulen", date(1961, 3, 12), "female", "61.03.12-123.45", "INSZ", "AZ Rembert"),
    question="Surgery or neoadjuvant treatment first?",
    requester="Dr. Maes",
    requested_on=date(2026, 11, 19),
    recommendation=RECOMMENDATION,
    opened_at=at(2),
    closed_at=at(9),
    groups=(Group("Clinical summary", (Row("Comorbidity", "Hypertension"),)),),
    tumours=(Group("Left breast", (Row("cTNM", "cT1c cN0"),)), Group("Right breast", (Row("cTNM", "cT2 cN1"),))),
    participants=PEOPLE,
    quorum=QuorumLine(False, 3, 4, ("Not present: genetics.",)),
    signature=Signature("Dr. Peeters", at(9), "Dr. De Wit", at(120)),
    imprint=Imprint("01934a5e-77aa", 2, "01934a5e-0000 version 1", "9f" * 32),
)


def pages(content: bytes) -> list[str]:
    reader = PdfReader(io.BytesIO(content))
    return [(page.extract_text() or "").replace("\u200b", "") for page in reader.pages]


def root_of(content: bytes) -> Any:
    return PdfReader(io.BytesIO(content)).trailer["/Root"]


def flat(content: bytes) -> str:
    """The whole text with single spaces."""
    return " ".join(" ".join(pages(content)).split())


def report_with(**changes: object) -> CaseReport:
    return dataclasses.replace(REPORT, **changes)  # type: ignore[arg-type]


def patient_named(name: str) -> CaseReport:
    return report_with(patient=dataclasses.replace(REPORT.patient, name=name))


def many_items(count: int) -> tuple[MinutesItem, ...]:
    return tuple(
        MinutesItem(
            n,
            "case",
            f"Patient {n:03}",
            "discussed",
            detail="12 March 1961 · AZ Rembert",
            requester="Dr. Maes",
            question="What next?",
            opened_at=at(6 * n),
            closed_at=at(6 * n + 5),
            recommendation=RECOMMENDATION,
            signed=True,
            present=("Dr. Peeters", "Dr. Janssens"),
            quorum=QuorumLine(True, 5, 4),
        )
        for n in range(1, count + 1)
    )


MINUTES = Minutes(
    sitting=SITTING,
    items=(
        *many_items(2),
        MinutesItem(
            3,
            "case",
            "Patient 003",
            "postponed",
            question="And now?",
            postponed_reason="imaging missing",
            postponed_note="MRI on Friday.",
            postponed_to=at(7 * 24 * 60),
        ),
        MinutesItem(
            4,
            "topic",
            "New protocol",
            "discussed",
            recommendation=Recommendation(text="Agreed."),
            signed=False,
            late=True,
        ),
        MinutesItem(None, "case", "Patient 005", "withdrawn"),
    ),
    attendance=PEOPLE,
    imprint=Imprint("01934a5e-88bb"),
    started_at=at(1),
    closed_at=at(70),
    chair="Dr. Peeters",
    secretary="Mia Smets",
    apologies=("Dr. Bos",),
)
SHEET = AgendaSheet(
    sitting=SITTING,
    items=(
        AgendaLine(
            1,
            "case",
            "Anna Vermeulen",
            "A.V. 1961",
            6,
            at(0),
            date(1961, 3, 12),
            "AZ Rembert",
            "Dr. Maes",
            "What next?",
        ),
        AgendaLine(2, "topic", "New protocol", "", 10, at(6)),
    ),
    imprint=Imprint("01934a5e-99cc"),
    ends_at=at(16),
    published_at=at(-1440),
)


def test_a_planned_break_stands_between_its_items_with_names_and_without() -> None:
    first, second = SHEET.items
    sheet = dataclasses.replace(SHEET, items=(first, dataclasses.replace(second, rest=(at(6), 12), expected_at=at(18))))
    for names in (True, False):
        rows = layout.agenda(sheet, names=names)["items"]
        assert [(row["time"], row["title"], row["length"]) for row in rows][1:] == [
            ("14:06", "Break", "12 min"),
            ("14:18", "New protocol", "10 min"),
        ]
        assert "14:06 Break 12 min 14:18 2 New protocol" in flat(agenda_pdf(sheet, "en", names))


# The report of one case


def test_a_report_says_everything() -> None:
    text = flat(case_report_pdf(REPORT, "en"))
    for part in [
        "MOC · Breast board",
        "AZ Elisabeth · AZ Rembert",
        "Wednesday 25 November 2026, 14:00 · Room 3 · organised by AZ Elisabeth",
        "Anna Vermeulen",
        "12 March 1961",
        "female",
        "61.03.12-123.45",
        "Surgery or neoadjuvant treatment first?",
        "Asked by Dr. Maes · Thursday 19 November 2026",
        "1. Surgery Wide excision left.",
        "2. Radiotherapy",
        "Margins ≥ 2 mm. Discuss again → after pathology.",
        "Intent Curative",
        "Dissent Dr. Claes (Oncology): Assay first.",
        "Left breast cTNM cT1c cN0",
        "Right breast cTNM cT2 cN1",
        "Comorbidity Hypertension",
        "Dr. Peeters chair Surgery AZ Elisabeth 14:02–14:09 in the room",
        "14:02–14:04 by video, 14:06 by telephone",
        "Dr. Absent Genetics AZ Rembert –",
        "14:02–14:09 · Quorum not met: 3 present, 4 needed. Not present: genetics.",
        "Recorded by Dr. Peeters on Wednesday 25 November 2026, 14:09.",
        "Signed electronically by Dr. De Wit on Wednesday 25 November 2026, 16:00.",
        "01934a5e-77aa · Version 2",
        "Replaces 01934a5e-0000 version 1",
        "9f" * 32,
    ]:
        assert part in text, part
    assert "DRAFT" not in text


def test_an_unsigned_report_says_draft_on_every_page() -> None:
    long = report_with(
        signature=Signature("Dr. Peeters", at(9)),
        groups=(Group("Summary", tuple(Row(f"Row {n}", "Text") for n in range(90))),),
    )
    found = pages(case_report_pdf(long, "en"))
    assert len(found) == 3
    assert [page.count("DRAFT") for page in found] == [1, 1, 1]
    assert "Not signed yet" in found[-1]


def test_every_page_names_the_patient_and_its_number() -> None:
    long = report_with(groups=(Group("Summary", tuple(Row(f"Row {n}", "Text") for n in range(90))),))
    found = pages(case_report_pdf(long, "en"))
    total = len(found)
    assert total == 3
    for number, page in enumerate(found, start=1):
        assert "Anna Vermeulen" in page
        assert "61.03.12-123.45" in page
        assert f"Page {number} of {total}" in " ".join(page.split())


def test_a_report_follows_the_readers_language() -> None:
    assert "woensdag 25 november 2026, 14:00" in flat(case_report_pdf(REPORT, "nl"))
    assert "mercredi 25 novembre 2026, 14:00" in flat(case_report_pdf(REPORT, "fr"))
    assert "Mittwoch, 25. November 2026, 14:00" in flat(case_report_pdf(REPORT, "de"))


def test_times_are_those_of_the_sitting_across_the_change_of_the_clocks() -> None:
    summer = dataclasses.replace(SITTING, starts_at=datetime(2026, 7, 1, 12, tzinfo=UTC))
    assert "Wednesday 1 July 2026, 14:00" in flat(case_report_pdf(report_with(sitting=summer), "en"))


def test_an_empty_report_can_be_printed() -> None:
    bare = CaseReport(
        sitting=Sitting("", "", "", (), START),
        patient=PatientIdentity("", None, "unknown"),
        question="",
        requester="",
        recommendation=Recommendation(),
        imprint=Imprint(""),
    )
    assert "Not signed yet" in flat(case_report_pdf(bare, "en"))


# Any text


@pytest.mark.parametrize(
    "nasty",
    [
        '#eval("x")',
        "*bold* _it_ `raw` $x^2$",
        '<label> @reference #import "/etc/passwd": *',
        '"}],"draft":false,"x":[{"',
        "\\u{41} \\n // comment /* and */ = heading - item + 1.",
        "]]) #panic()",
        "<script>alert(1)</script> &amp; %s %(name)s {0}",
    ],
)
def test_what_looks_like_code_is_printed_as_it_is(nasty: str) -> None:
    text = flat(case_report_pdf(report_with(question=nasty, requester=nasty), "en"))
    # Once as the question, once as the requester.
    assert re.sub(r"\s", "", text).count(re.sub(r"\s", "", nasty)) == 2


def test_a_name_of_300_letters_stays_on_the_page() -> None:
    name = ("O’Brien-" + "Vandenbroucke" * 30)[:300]
    content = case_report_pdf(patient_named(name), "en")
    assert name in re.sub(r"\s", "", "".join(pages(content)))
    reader = PdfReader(io.BytesIO(content))
    for page in reader.pages:
        width, height = float(page.mediabox.width), float(page.mediabox.height)
        spots: list[Any] = []

        def note(text: str, _cm: Any, matrix: Any, _font: Any, _size: Any, spots: list[Any] = spots) -> None:
            if text.strip():
                spots.append((matrix[4], matrix[5]))

        page.extract_text(visitor_text=note)
        assert spots
        assert all(0 <= x <= width and 0 <= y <= height for x, y in spots)


def test_names_written_from_right_to_left() -> None:
    for name in ["محمد الأحمد", "שרה כהן", "Anna שרה Vermeulen"]:
        content = case_report_pdf(patient_named(name), "en")
        letters = sorted(c for c in name if not c.isspace())
        found = unicodedata.normalize("NFKC", "".join(pages(content)))
        assert all(c in found for c in letters), name
        assert printing.MISSING not in found


def test_names_in_chinese_japanese_and_korean() -> None:
    for name in ["王秀英", "陳美玲", "田中さくら", "김민수"]:
        content = flat(case_report_pdf(patient_named(name), "en"))
        assert name in content
        assert printing.MISSING not in content


NAMES = {
    "Bengali": "মোহাম্মদ রহিম উদ্দিন",
    "Burmese": "ဒေါ်အောင်ဆန်း",
    "Cherokee": "ᏎᏉᏯ",
    "Devanagari": "श्रेष्ठ लक्ष्मी देवी",
    "Ethiopic": "አበበ ቢቂላ",
    "Gujarati": "પટેલ હર્ષદ",
    "Gurmukhi": "ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ",
    "Kannada": "ಶ್ರೀನಿವಾಸ ಗೌಡ",
    "Khmer": "សុខ ស្រីមុំ",
    "Lao": "ສົມພອນ ແກ້ວ",
    "Malayalam": "ശ്രീകുമാർ നായർ",
    "Mongolian": "ᠪᠠᠭᠠᠲᠤᠷ",
    "N’Ko": "ߡߡߊߘߎ ߖߊߟߏ",
    "Odia": "ସୁଭାଷ ଚନ୍ଦ୍ର",
    "Sinhala": "ශ්‍රීමතී පෙරේරා",
    "Syriac": "ܐܦܪܝܡ ܒܪܨܘܡ",
    "Tamil": "முருகன் செல்வராஜ்",
    "Telugu": "శ్రీనివాస రావు",
    "Thaana": "އިބްރާހީމް",
    "Thai": "สมชาย ใจดี",
    "Tibetan": "བསྟན་འཛིན་རྒྱ་མཚོ",
    "Tifinagh": "ⵎⵓⵃⵎⵎⴷ ⴰⵎⵖⵏⴰⵙ",
}


@pytest.mark.parametrize("script", NAMES)
def test_names_in_other_scripts(script: str, caplog: pytest.LogCaptureFixture) -> None:
    content = case_report_pdf(patient_named(NAMES[script]), "en")
    found = "".join(pages(content))
    assert printing.MISSING not in found
    # Which letters, and not in which order: a cluster is written out once for each of its glyphs.
    assert {c for c in NAMES[script] if not c.isspace() and c not in "\u200c\u200d"} <= set(found)
    assert b"pdfaid" in content
    assert not caplog.records  # set at once, marks and all


def test_emoji_greek_cyrillic_and_signs_have_glyphs() -> None:
    text = "🩺👩‍⚕️ Ελένη Наталья Łódź ğış ≤ ≥ ± µ → ✓ ☐ H₂O 10⁹/l ♀"
    content = flat(case_report_pdf(report_with(question=text), "en"))
    assert printing.MISSING not in content
    for part in ["Ελένη", "Наталья", "Łódź", "ğış", "≤", "µ", "→", "✓", "H₂O"]:
        assert part in content, part


def test_what_no_font_holds_is_marked_and_explained() -> None:
    content = flat(case_report_pdf(patient_named("\U00013000 Li"), "en"))
    assert "\ufffd Li" in content
    assert "A character that this document cannot show is printed as" in content
    assert "A character that this document cannot show" not in flat(case_report_pdf(REPORT, "en"))


def test_invisible_and_turning_characters_are_taken_out() -> None:
    assert printable("a\x00b\u202ec\u2066d\u200fe\ufefff\x7f") == "abcdef"
    assert printable("one\r\ntwo\rthree\tfour") == "one\ntwo\nthree four"
    assert printable("one\u2028two\u2029three") == "one\ntwo\nthree"
    assert printable("e\u0301") == "é"
    assert printable("\ud800x") == "\ufffdx"


def test_long_words_may_break_and_nothing_is_lost() -> None:
    word = "a" * 100
    assert printable(word) != word
    assert printable(word).replace("\u200b", "") == word
    thai = "ประเสริฐวัฒนานุกูลประเสริฐวัฒนานุกูลที่นี่"
    indic = "श्रीक्ष्मीक्ष्मीक्ष्मीक्ष्मीक्ष्मीक्ष्मीक्ष्मी"
    for word in (thai, indic):
        pieces = printable(word).split("\u200b")
        assert len(pieces) > 1
        assert "".join(pieces) == word
        assert not any(unicodedata.category(piece[0]).startswith("M") for piece in pieces)
        assert not any(unicodedata.combining(piece[-1]) == 9 for piece in pieces)
    assert printable("short words stay as they are") == "short words stay as they are"


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=200), st.text(max_size=60))
def test_any_text_gives_a_document(text: str, name: str) -> None:
    report = patient_named(name)
    recommendation = dataclasses.replace(RECOMMENDATION, text=text, steps=(Step(name, text),))
    content = case_report_pdf(dataclasses.replace(report, question=text, recommendation=recommendation), "en")
    assert b"pdfaid" in content


def test_marks_that_cannot_combine_still_give_a_document(caplog: pytest.LogCaptureFixture) -> None:
    text = "ا\u0300\u0b3c" + "".join(chr(c) for c in range(0x300, 0x370))
    content = case_report_pdf(report_with(question=text), "en")
    assert b"pdfaid" in content


# The file


def test_it_claims_pdf_a_and_pdf_ua_and_is_tagged() -> None:
    root = root_of(case_report_pdf(REPORT, "nl"))
    metadata = root["/Metadata"].get_data().decode()
    assert re.findall(r"<pdfaid:part>(\d)</pdfaid:part>", metadata) == ["3"]
    assert re.findall(r"<pdfaid:conformance>(\w)</pdfaid:conformance>", metadata) == ["A"]
    assert re.findall(r"<pdfuaid:part>(\d)</pdfuaid:part>", metadata) == ["1"]
    assert root["/Lang"] == "nl"
    assert str(root["/MarkInfo"]["/Marked"]) == "True"


def test_its_properties_hold_nothing_of_the_patient() -> None:
    content = case_report_pdf(REPORT, "en")
    properties = str(PdfReader(io.BytesIO(content)).metadata) + root_of(content)["/Metadata"].get_data().decode()
    assert "Vermeulen" not in properties
    assert "61.03.12" not in properties


def test_the_same_content_gives_the_same_bytes() -> None:
    assert case_report_pdf(REPORT, "en") == case_report_pdf(REPORT, "en")
    assert case_report_pdf(REPORT, "en") != case_report_pdf(REPORT, "nl")


def test_threads_do_not_mix_documents() -> None:
    expected = {name: case_report_pdf(patient_named(name), "en") for name in ("Anna", "Bea", "Cleo", "Dina")}
    found: dict[str, set[bytes]] = {name: set() for name in expected}

    def work(name: str) -> None:
        for _ in range(3):
            found[name].add(case_report_pdf(patient_named(name), "en"))

    threads = [threading.Thread(target=work, args=(name,)) for name in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {name: {content} for name, content in expected.items()}


def test_without_cleaning_the_standards_refuse_a_missing_glyph(monkeypatch: pytest.MonkeyPatch) -> None:
    # The control of test_what_no_font_holds: with the protection off the document fails.
    monkeypatch.setattr(printing, "printable", lambda text: text)
    data = layout.case_report(patient_named("\U00013000"))
    with pytest.raises(typst.TypstError):
        printing._compile("case_report", {**data, "has_missing": False}, START, printing.STANDARDS)


# The minutes


def test_minutes_say_everything() -> None:
    text = flat(minutes_pdf(MINUTES, "en"))
    for part in [
        "Held 14:01–15:10",
        "Chair Dr. Peeters",
        "Secretary Mia Smets",
        "Apologies Dr. Bos",
        "Items 4 cases, 1 topic",
        "1 Patient 001 Dr. Maes 14:06–14:11 discussed",
        "3 Patient 003 postponed: imaging missing",
        "– Patient 005 withdrawn",
        "Dr. Janssens Radiology AZ Rembert",
        "1 Patient 001 12 March 1961 · AZ Rembert · Dr. Maes · 14:06–14:11",
        "Question: What next?",
        "1. Surgery Wide excision left.",
        "Present: Dr. Peeters, Dr. Janssens. Quorum met: 5 present, 4 needed.",
        "MRI on Friday. New date: Wednesday 2 December 2026, 14:00",
        "4 New protocol",
        "Agreed.",
    ]:
        assert part in text, part


def test_minutes_of_forty_cases_hold_each_one() -> None:
    content = minutes_pdf(dataclasses.replace(MINUTES, items=many_items(40)), "en")
    text = flat(content)
    assert [text.count(f"{n} Patient {n:03}") for n in range(1, 41)] == [2] * 40


def test_minutes_without_items() -> None:
    empty = dataclasses.replace(MINUTES, items=(), attendance=(), started_at=None, closed_at=None)
    assert "Items 0 cases" in flat(minutes_pdf(empty, "en"))


# The agenda


def test_an_agenda_with_names() -> None:
    text = flat(agenda_pdf(SHEET, "en", names=True))
    for part in [
        "Expected end 14:16",
        "Items 1 case, 1 topic",
        "Published Tuesday 24 November 2026, 14:00",
        "14:00 1 Anna Vermeulen",
        "12 March 1961",
        "What next?",
        "Dr. Maes",
        "14:06 2 New protocol",
        "10 min",
    ]:
        assert part in text, part
    assert "DRAFT" not in text


def test_an_agenda_without_names_holds_none() -> None:
    content = agenda_pdf(SHEET, "en", names=False)
    text = flat(content)
    assert "14:00 1 A.V. 1961 AZ Rembert 6 min" in text
    assert "New protocol" in text
    for hidden in ["Vermeulen", "Anna", "March", "What next?", "Maes"]:
        assert hidden not in text


def test_an_agenda_of_200_items() -> None:
    lines = tuple(
        AgendaLine(n, "case", f"Patient {n:03}", "", 6, at(6 * n), state="postponed" if n == 7 else "scheduled")
        for n in range(1, 201)
    )
    text = flat(agenda_pdf(dataclasses.replace(SHEET, items=lines, published_at=None), "en", names=True))
    assert [text.count(f"Patient {n:03}") for n in range(1, 201)] == [1] * 200
    assert text.count("postponed") == 1
    assert "DRAFT" in text


# The fonts


@pytest.mark.parametrize(("language", "day"), [("de", "30. November 2026"), ("nl", "30 november 2026")])
def test_the_page_with_the_address_has_the_day_of_where_it_is_written(language: str, day: str) -> None:
    """Half an hour past midnight there, as the language writes it and without its weekday."""
    late = datetime(2026, 11, 29, 23, 30, tzinfo=UTC)
    page = printing.cover_pdf(
        sender="AZ", recipient="dr. Lemmens", text="Bericht", when=late, zone="Europe/Brussels", language=language
    )
    lines = PdfReader(io.BytesIO(page)).pages[0].extract_text().splitlines()
    assert day in [" ".join(line.split()) for line in lines]


def test_a_registration_names_its_patient_as_every_document_does() -> None:
    """Also a number of which nobody said what it is called."""
    patient = dataclasses.replace(REPORT.patient, number_kind="")
    sheet = RegistrationSheet(
        "New diagnosis", SITTING, patient, REPORT.imprint, (), (), (), (), (), "mdo-be-1", complete=True
    )  # fmt: skip
    with override("en"):
        banner = registration(sheet)["banner"]
        assert banner == layout.case_report(dataclasses.replace(REPORT, patient=patient))["banner"]
    assert {"label": "Number", "value": patient.number} in banner["facts"]


def test_fonts_are_shipped_with_their_licence() -> None:
    licence = (printing.FONTS / "OFL.txt").read_text("utf-8")
    assert "SIL Open Font License, Version 1.1" in licence
    shipped = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(printing.FONTS)])
    named = set(re.findall(r'"(Noto [^"]+)"', (printing.TEMPLATES / "frame.typ").read_text("utf-8")))
    assert set(shipped.families()) == named
