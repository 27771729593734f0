"""Journey (b): four people hold a meeting of three items; one of them loses the network on the way and misses nothing."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from cases.models import Referral
from mdo.kernel.clock import now
from meetings.models import AgendaItem, Decision, Meeting
from tests.cast import Cast
from tests.factories import make_case, make_document, make_item, make_meeting, make_patient, make_referral
from tests.journeys.pages import RoomPage, same_screens
from tests.journeys.visitors import Visitors
from tests.meetings.acts import house

pytestmark = pytest.mark.journey


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    """Published, about to begin: a case of the organiser, one of the partner; a third case was handed in too late."""
    meeting = make_meeting(cast.board, starts_at=now())
    patients = (
        (cast.organiser, cast.requester, "Vermeersch", "Annelies", "scheduled"),
        (cast.partner_hospital, cast.partner, "Öztürk", "Zeynep", "scheduled"),
        (cast.organiser, cast.requester, "D'Hondt", "Lutgart", "submitted"),
    )
    for hospital, requester, family, given, status in patients:
        case = make_case(
            hospital, requester.person, patient=make_patient(hospital, family_name=family, given_name=given)
        )
        make_document(case)
        referral = make_referral(
            cast.board,
            hospital,
            requester.person,
            case=case,
            status=status,
            question=f"Welke behandeling voor {given}?",
        )
        if status == "scheduled":
            make_item(meeting, referral)
    return meeting


def test_four_people_hold_a_meeting(cast: Cast, visitors: Visitors, meeting: Meeting) -> None:
    rooms = [
        RoomPage(visitors.bring(name, getattr(cast, name)), meeting.pk)
        for name in ("chair", "secretary", "radiologist", "partner")
    ]
    chair, secretary, radiologist, partner = rooms
    for room in rooms:
        room.enter()
    for room in rooms:
        expect(room.people.locator("li:not(.absent)")).to_have_count(4)

    # The first case: the radiologist writes, loses the network in the middle of it, goes on, and nothing is lost.
    chair.start()
    chair.next()
    for room in rooms:
        room.on_table(1)
        room.shows_patient("Vermeersch")
        expect(room.case).to_contain_text("Welke behandeling voor Annelies?")
    radiologist.write("Breast-conserving surgery")
    expect(chair.recommendation).to_contain_text("Breast-conserving surgery")
    with radiologist.visitor.network_cut():
        radiologist.link_is("Reconnecting")
        radiologist.page.keyboard.type(", then radiotherapy.")
        expect(radiologist.recommendation.locator(".head").get_by_role("status")).to_have_text("Not saved")
    radiologist.link_is("Connected")
    radiologist.saved()
    radiologist.press("Escape")
    for room in rooms:
        expect(room.recommendation).to_contain_text("Breast-conserving surgery, then radiotherapy.")
    chair.visitor.look("room")
    partner.visitor.look("room")
    chair.press("r")
    expect(chair.dialog).to_contain_text("Breast-conserving surgery, then radiotherapy.")
    chair.visitor.look("record dialog")
    chair.press("Escape")
    expect(chair.dialog).to_have_count(0)
    chair.record()
    for room in rooms:
        room.state_of(1, "recorded")

    # Without the radiologist: the second case is postponed, a late one comes in and is decided.
    with radiologist.visitor.network_cut():
        radiologist.link_is("Reconnecting")
        chair.next()
        for room in (chair, secretary, partner):
            room.on_table(2)
            room.shows_patient("Öztürk")
        chair.postpone("Pathology missing", "HER2 by FISH is still to come.")
        chair.bring_in_late("L.D.")
        expect(chair.agenda.locator("[data-row]")).to_have_count(3)
        chair.next()
        for room in (chair, secretary, partner):
            room.on_table(3)
            room.shows_patient("D'Hondt")
        chair.write("Neoadjuvant chemotherapy, reassess after three cycles.")
        chair.record()
        secretary.state_of(3, "recorded")
        radiologist.link_is("Reconnecting")
        expect(radiologist.agenda.locator("[data-row]")).to_have_count(2)
    radiologist.link_is("Connected")
    for room in rooms:
        room.on_table(3)
        room.shows_patient("D'Hondt")
        room.state_of(1, "recorded")
        expect(room.row(2)).to_contain_text("Pathology missing")
        expect(room.row(3)).to_contain_text("late")
        expect(room.recommendation).to_contain_text("Neoadjuvant chemotherapy")
    same_screens(rooms)

    chair.next()
    for room in rooms:
        expect(room.case).to_contain_text("Every item has been dealt with.")
    same_screens(rooms)

    with house():
        items = list(AgendaItem.objects.filter(meeting=meeting).order_by("position"))
        assert [(item.state, item.late, item.postponed_reason) for item in items] == [
            ("discussed", False, ""),
            ("postponed", False, "pathology_missing"),
            ("discussed", True, ""),
        ]
        decided = Decision.objects.filter(meeting=meeting).exclude(state="draft").order_by("item__position")
        assert [(decision.item_id, decision.state, decision.text) for decision in decided] == [
            (items[0].pk, "recorded", "Breast-conserving surgery, then radiotherapy."),
            (items[2].pk, "recorded", "Neoadjuvant chemotherapy, reassess after three cycles."),
        ]
        # Who was cut off for a moment was present all the same: gaps of up to a minute are stitched.
        names = [{each["name"] for each in decision.attendance} for decision in decided]
        everybody = {room.visitor.member.person.display_name for room in rooms}
        assert names[0] == everybody
        assert Referral.objects.filter(status="postponed").values_list("pk", flat=True).get() == items[1].referral_id
