"""Journey: the radiologist prepares next week's sitting: numbers into the archive, one note, the rest seen; the table reads the note."""

from __future__ import annotations

import io
import re

import pytest
from playwright.sync_api import expect
from pypdf import PdfReader

from cases.models import PreparationNote
from mdo.directory.models import Organisation
from meetings.models import Meeting
from tests.cast import Cast
from tests.factories import case_data, make_case, make_document, make_item, make_meeting, make_patient, make_referral
from tests.factories import writing as writing_down
from tests.journeys.counting import Counter
from tests.journeys.pages import RoomPage, pdf_text
from tests.journeys.visitors import Visitor, Visitors
from tests.meetings.acts import house

pytestmark = pytest.mark.journey

CASES = 8
NOTE = "MRI toont een tweede letsel op 3 uur, 9 mm: biopsie voor de keuze van ingreep."
MOST = 8  # keys and buttons besides the words of the note


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    """A sitting that has just begun, with six cases of the own hospital and two of the partner."""
    with writing_down():
        Organisation.objects.filter(pk=cast.organiser.pk).update(
            pacs_address="https://pacs.example.org/viewer?accession={accession}"
        )
    meeting = make_meeting(cast.board, state=Meeting.State.RUNNING)
    for number in range(CASES):
        partner = number % 4 == 3
        hospital = cast.partner_hospital if partner else cast.organiser
        requester = cast.partner.person if partner else cast.requester.person
        case = make_case(
            hospital,
            requester,
            patient=make_patient(hospital, family_name=f"Patiënt {number:02}", given_name="Rosa"),
            data=case_data(image_references=f"MG-{number}01, US-{number}02"),
        )
        if number == 0:
            make_document(case, kind="imaging", name="Verslag MRI.pdf")
        make_item(meeting, make_referral(cast.board, hospital, requester, case=case, status="scheduled"))
    return meeting


def test_the_radiologist_prepares_a_sitting(cast: Cast, visitors: Visitors, meeting: Meeting) -> None:
    radiologist = visitors.bring("radiologist", cast.radiologist, permissions=["clipboard-read", "clipboard-write"])
    chair = visitors.bring("chair", cast.chair)
    page = radiologist.page
    counter = Counter(radiologist)
    radiologist.go("/")
    page.get_by_role("link", name=f"{CASES} cases to look at").click()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    rows = page.locator("tr[data-row]")
    expect(rows).to_have_count(CASES)
    radiologist.look("worklist")

    # All accession numbers of the own hospital, one on a line; each opens in its own archive, an outside one does not.
    page.keyboard.press("c")
    expect(page.locator("#toast")).to_have_text("Copied")
    own = [
        f"{kind}-{number}{tail}"
        for number in range(CASES)
        if number % 4 != 3
        for kind, tail in (("MG", "01"), ("US", "02"))
    ]
    assert page.evaluate("navigator.clipboard.readText()").split("\n") == own
    links = page.locator("a[href^='https://pacs']")
    expect(links).to_have_count(len(own))
    assert links.first.get_attribute("href") == "https://pacs.example.org/viewer?accession=MG-001"
    expect(page.get_by_text("Outside images")).to_have_count(2)

    # One note, by keys; then the rest is seen.
    page.keyboard.press("j")
    page.keyboard.press("n")
    page.keyboard.insert_text(NOTE)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"{CASES - 1} not seen by you")).to_be_visible()
    expect(rows.first.get_by_role("button", name=re.compile("^Seen"))).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name=f"Mark the other {CASES - 1} as seen").click()
    expect(page.get_by_text("all seen by you")).to_be_visible()
    expect(page.get_by_text(f"{CASES - 1} cases marked as seen.")).to_be_visible()
    pressed = counter.pressed
    print(f"pressed {pressed} times")
    assert 0 < pressed <= MOST
    with house():
        notes = PreparationNote.objects.filter(replaced_at=None, author=cast.radiologist.person)
        assert sorted(notes.values_list("text", flat=True)) == [*[""] * (CASES - 1), NOTE]

    prints(radiologist)

    # The chair reads it on the stage, under its discipline; a change arrives while the case is open.
    room = RoomPage(chair, meeting.pk).enter()
    room.next()
    room.on_table(1)
    stage = room.case.get_by_label("Preparation")
    expect(stage).to_contain_text("Radiology")
    expect(stage).to_contain_text(NOTE)
    chair.look("room with a note")
    box = rows.first.get_by_role("textbox")
    box.fill("Biopsie gebeurd: goedaardig.")
    rows.first.get_by_role("button", name="Save").click()
    expect(stage).to_contain_text("Biopsie gebeurd: goedaardig.")
    expect(stage).not_to_contain_text(NOTE)


def prints(radiologist: Visitor) -> None:
    """On paper stand the cases, every number of them and the notes; nothing that only a screen can use."""
    page = radiologist.page
    controls = page.locator("button, .button, nav, textarea, select, .header, .footer, .tabs").filter(visible=True)
    assert controls.count() > CASES  # the control: on the screen they are there
    page.emulate_media(media="print")
    expect(controls).to_have_count(0)
    paper = page.pdf(prefer_css_page_size=True)
    page.emulate_media(media="screen")
    words = pdf_text(paper)
    for number in range(CASES):
        for part in (f"Patiënt {number:02} Rosa", f"MG-{number}01", f"US-{number}02"):
            assert words.count(part) == 1, part
    assert words.count(NOTE) == 1
    assert words.count("Seen") == CASES
    assert f"printed by {radiologist.member.person.display_name}" in words
    for control in ("Copy", "Save", "PACS", "Sign out", "Print", "Mark the"):
        assert control not in words, control
    for number, sheet in enumerate(PdfReader(io.BytesIO(paper)).pages, start=1):
        said = " ".join(sheet.extract_text().split())
        assert "Accession numbers" in said, (
            number
        )  # the head of the table is repeated, and so is what to do with the paper
        assert "destroy it after use" in said, number
