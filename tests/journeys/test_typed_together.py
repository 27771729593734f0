"""Journey: two people type in one text at the same time, a third comes late, one types without a network and is too late."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from mdo.kernel.clock import now
from meetings.models import Decision, Meeting, Remark
from tests.cast import Cast
from tests.factories import make_case, make_item, make_meeting, make_patient, make_referral
from tests.journeys.pages import RoomPage
from tests.journeys.visitors import Visitors
from tests.meetings.acts import house

pytestmark = pytest.mark.journey


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    meeting = make_meeting(cast.board, starts_at=now())
    for family, given in (("Vermeersch", "Annelies"), ("Öztürk", "Zeynep")):
        case = make_case(
            cast.organiser,
            cast.requester.person,
            patient=make_patient(cast.organiser, family_name=family, given_name=given),
        )
        make_item(
            meeting, make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="scheduled")
        )
    return meeting


def test_a_text_is_typed_together(cast: Cast, visitors: Visitors, meeting: Meeting) -> None:
    chair, radiologist = (
        RoomPage(visitors.bring(name, getattr(cast, name)), meeting.pk).enter() for name in ("chair", "radiologist")
    )
    chair.start()
    chair.next()
    chair.on_table(1)
    radiologist.on_table(1)

    # Both in one text: each sees the other's words and name.
    chair.press("e")
    expect(chair.text).to_be_focused()
    chair.page.keyboard.insert_text("Surgery first.")  # one step to take back, however slowly the machine types
    chair.saved()
    radiologist.press("e")
    expect(radiologist.text).to_have_value("Surgery first.")
    radiologist.press("Control+Home")
    radiologist.page.keyboard.type("BI-RADS 5. ")
    expect(chair.text).to_have_value("BI-RADS 5. Surgery first.")
    expect(chair.recommendation.locator(".other")).to_have_text(cast.radiologist.person.display_name)
    chair.press("Control+z")
    expect(radiologist.text).to_have_value("BI-RADS 5. ")
    chair.press("Control+y")
    expect(radiologist.text).to_have_value("BI-RADS 5. Surgery first.")

    # Without a network both go on; it comes together.
    with radiologist.visitor.network_cut():
        radiologist.link_is("Reconnecting")
        radiologist.press("Control+End")
        radiologist.page.keyboard.type(" MRI of the other side.")
        expect(radiologist.recommendation.locator(".head").get_by_role("status")).to_have_text("Not saved")
        chair.page.keyboard.type(" Then radiotherapy.")
        chair.saved()
    radiologist.link_is("Connected")
    radiologist.saved()
    expect(chair.text).to_have_value(re.compile("Surgery first.*Then radiotherapy"))
    expect(chair.text).to_have_value(re.compile("MRI of the other side"))
    whole = chair.text.input_value()
    expect(radiologist.text).to_have_value(whole)

    # Who comes late has all of it at once.
    secretary = RoomPage(visitors.bring("secretary", cast.secretary), meeting.pk).enter()
    expect(secretary.recommendation).to_contain_text("Then radiotherapy.")
    chair.visitor.look("typed together")

    # What is typed without a network while the item is recorded stands in no record: it becomes a late remark.
    with radiologist.visitor.network_cut():
        radiologist.link_is("Reconnecting")
        radiologist.page.keyboard.type(" Too late.")
        chair.record()
        chair.next()
        chair.on_table(2)
    radiologist.link_is("Connected")
    expect(radiologist.page.get_by_text("You are still writing on item 1.")).to_be_visible()
    kept = radiologist.recommendation.get_by_role("alert", name="Not saved")
    expect(kept).to_contain_text("They are not in the recorded text.")
    expect(kept).to_contain_text("Too late.")
    radiologist.visitor.look("too late")
    kept.get_by_role("button", name="Add as late remark").click()
    expect(kept).to_have_count(0)
    with house():
        recorded = Decision.objects.filter(meeting=meeting).exclude(state="draft").get()
        assert recorded.text == whole
        assert [(remark.kind, remark.text) for remark in Remark.objects.all()] == [("late", "Too late.")]
