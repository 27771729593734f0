"""Journeys: a wording is read back, somebody dissents, and both stand in the record; each discipline is asked where the board wants it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from mdo.kernel.clock import now
from meetings.models import AgendaItem, Decision, Meeting
from tests.cast import Cast
from tests.factories import make_case, make_item, make_meeting, make_patient, make_referral, writing
from tests.journeys.pages import RoomPage
from tests.journeys.visitors import Visitors
from tests.meetings.acts import house
from tests.parts import until

pytestmark = pytest.mark.journey

TEXT = "Breast-conserving surgery with sentinel node biopsy."
WHY = "Neoadjuvant chemotherapy first: the tumour is at the limit of cT2."


def a_meeting(cast: Cast, read_back: str) -> Meeting:
    """Two cases wait; the board reads back as given."""
    with writing():
        cast.board.read_back = read_back
        cast.board.save()
    meeting = make_meeting(cast.board, starts_at=now())
    for family, given in (("Vermeersch", "Annelies"), ("Öztürk", "Zeynep")):
        patient = make_patient(cast.organiser, family_name=family, given_name=given)
        case = make_case(cast.organiser, cast.requester.person, patient=patient)
        make_item(
            meeting, make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="scheduled")
        )
    return meeting


def wording(room: RoomPage) -> Locator:
    return room.recommendation.get_by_role("region", name="Read back by")


def test_a_dissent_stands_in_the_record(cast: Cast, visitors: Visitors) -> None:
    meeting = a_meeting(cast, "no_objection")
    chair, radiologist, partner = (
        RoomPage(visitors.bring(name, getattr(cast, name)), meeting.pk).enter()
        for name in ("chair", "radiologist", "partner")
    )
    chair.start()
    chair.next()
    for room in (chair, radiologist, partner):
        room.on_table(1)
    chair.write(TEXT)

    # The wording stands on every screen, and rests: nobody types in it.
    chair.press("Escape", "r")
    for room in (chair, radiologist, partner):
        expect(wording(room)).to_contain_text(TEXT)
        expect(room.text).to_have_count(0)
    expect(radiologist.page.locator("[aria-live=polite]").last).to_contain_text("is read back")
    expect(wording(radiologist)).to_contain_text("It stands if nobody dissents.")
    for room in (radiologist, partner):
        expect(room.page.get_by_role("button", name="Record")).to_have_count(0)

    # One confirms, one dissents and says why; everybody sees both.
    partner.press("y")
    expect(partner.page.get_by_role("button", name="Confirmed")).to_be_visible()
    radiologist.press("d")
    expect(radiologist.dialog).to_contain_text("Your reason is kept in the record")
    radiologist.visitor.look("dissent dialog")
    radiologist.page.keyboard.type(WHY)
    radiologist.press("Control+Enter")
    expect(radiologist.dialog).to_have_count(0)
    for room in (chair, radiologist, partner):
        expect(wording(room)).to_contain_text(WHY)
        expect(wording(room)).to_contain_text("1 dissent")
    chair.visitor.look("read back")
    radiologist.visitor.look("read back")

    # The wording is changed after all: what was said of the old one counts no more.
    chair.press("w")
    expect(wording(radiologist)).to_have_count(0)
    chair.press("e")
    expect(chair.text).to_be_focused()
    chair.press("Control+End")
    chair.page.keyboard.type(" Radiotherapy afterwards.")
    chair.saved()
    chair.press("Escape", "r")
    for room in (chair, radiologist, partner):
        expect(wording(room)).to_contain_text("Radiotherapy afterwards.")
        expect(wording(room)).not_to_contain_text("1 dissent")
    radiologist.press("d")
    radiologist.page.keyboard.type(WHY)
    radiologist.press("Control+Enter")
    expect(wording(chair)).to_contain_text("1 dissent")

    # Next records it, with the dissent, and goes on.
    chair.next()
    for room in (chair, radiologist, partner):
        room.on_table(2)
    with house():
        decision = Decision.objects.get(item=AgendaItem.objects.get(meeting=meeting, position=1))
        assert decision.state == "recorded"
        assert decision.text == f"{TEXT} Radiotherapy afterwards."
        voices = [(voice["name"], voice["kind"], voice["reason"]) for voice in decision.voices]
        assert voices == [(cast.radiologist.person.display_name, "dissent", WHY)]

    # It stands on the page of the decision.
    page = chair.visitor.go(f"/decisions/{decision.pk}/")
    expect(page.get_by_role("main")).to_contain_text(WHY)
    expect(page.get_by_role("main")).to_contain_text(cast.radiologist.person.display_name)
    chair.visitor.look("decision with a dissent")


def test_each_discipline_is_asked(cast: Cast, visitors: Visitors) -> None:
    meeting = a_meeting(cast, "each")
    chair, radiologist = (
        RoomPage(visitors.bring(name, getattr(cast, name)), meeting.pk).enter() for name in ("chair", "radiologist")
    )
    expect(chair.people.locator("li:not(.absent)")).to_have_count(2)
    chair.start()
    chair.next()
    chair.on_table(1)
    radiologist.on_table(1)
    chair.write(TEXT)
    chair.press("Escape", "r")
    expect(wording(chair).locator(".missing")).to_have_count(2)
    chair.press("y")
    expect(wording(chair).locator(".missing")).to_have_count(1)
    expect(wording(chair).locator(".missing")).to_contain_text("Radiology")

    # Recording is refused as long as a discipline is not heard.
    record = chair.recommendation.get_by_role("button", name="Record")
    record.click()
    expect(chair.page.get_by_role("alert").filter(has_text="Not confirmed yet: Radiology.")).to_be_visible()
    radiologist.press("y")
    expect(wording(chair)).to_contain_text("Every discipline has been heard.")

    def recorded() -> bool:
        """A wording that has just begun to stand is not recorded by the key that began it: press it again."""
        chair.press("r")
        return chair.row(1).locator(".mark").inner_text() == "recorded"

    until(recorded, "the recommendation to be recorded", 15)
    for room in (chair, radiologist):
        room.state_of(1, "recorded")

    # While it lies on the table, it can be taken up again.
    chair.recommendation.get_by_role("button", name="Change what was recorded").click()
    expect(chair.text).to_have_value(TEXT)
    with house():
        assert Decision.objects.get(meeting=meeting).state == "draft"
