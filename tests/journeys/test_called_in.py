"""Journey: whoever belongs to the next item and is in the room is told in the page that it comes soon, and nowhere else."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from mdo.kernel.clock import now
from meetings.actions.calling import call_people
from meetings.models import Delivery
from tests.cast import Cast
from tests.factories import make_case, make_item, make_meeting, make_patient, make_referral
from tests.journeys.pages import RoomPage
from tests.journeys.visitors import Visitors
from tests.meetings.acts import by_house, house

pytestmark = pytest.mark.journey


def test_the_requester_hears_that_the_own_case_comes_soon(cast: Cast, visitors: Visitors) -> None:
    meeting = make_meeting(cast.board, starts_at=now())
    for family, given, who in (("Vermeersch", "Annelies", cast.radiologist), ("Öztürk", "Zeynep", cast.requester)):
        patient = make_patient(cast.organiser, family_name=family, given_name=given)
        case = make_case(cast.organiser, who.person, patient=patient)
        make_item(meeting, make_referral(cast.board, cast.organiser, who.person, case=case, status="scheduled"))
    chair, requester = (
        RoomPage(visitors.bring(name, getattr(cast, name)), meeting.pk).enter() for name in ("chair", "requester")
    )
    expect(chair.people.locator("li:not(.absent)")).to_have_count(2)
    # Another one's case is on the table: this requester may not read it, and is told so by the page.
    requester.visitor.expected.append(re.compile("403"))
    chair.start()
    chair.next()
    requester.on_table(1)
    by_house(call_people, meeting_id=meeting.pk)

    soon = (
        requester.page.get_by_role("paragraph")
        .filter(has_text="Stay in the room.")
        .and_(requester.page.locator(".line"))
    )
    expect(soon).to_have_count(1)
    expect(soon).to_contain_text("Soon: 2. Z.Ö.")
    expect(requester.page.locator("[aria-live=polite]").last).to_contain_text("Soon: 2. Z.Ö.")
    requester.visitor.look("called in")
    # The others see who was called, and no bar.
    expect(chair.row(2)).to_contain_text(f"called in: {cast.requester.person.display_name}")
    expect(chair.page.get_by_text("Stay in the room.")).to_have_count(0)
    with house():
        assert not Delivery.objects.filter(kind=Delivery.Kind.CALL_IN, recipient=cast.requester.person).exists()

    # On the table, it is not soon any more.
    chair.press("p")
    chair.press("Space", "Tab", "Enter")
    expect(chair.dialog).to_have_count(0)
    chair.next()
    requester.shows_patient("Öztürk")
    expect(soon).to_have_count(0)
