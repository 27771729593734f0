"""Journey: a case that was discussed comes back: its answers stand, are confirmed or changed, and the table reads what changed since."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from cases import states
from cases.models import Referral
from mdo.kernel import clock
from meetings.models import Meeting
from tests.cast import Cast
from tests.factories import make_case, make_item, make_meeting, make_patient, make_referral, writing
from tests.journeys.pages import CasePage, RoomPage
from tests.journeys.visitors import Visitors
from tests.meetings.acts import house

pytestmark = pytest.mark.journey

BEFORE = "Wenst een borstsparende behandeling als dat veilig is."
NOW = "Wenst na overleg met haar dochter toch een mastectomie."


def test_a_case_comes_back_with_what_changed_since(cast: Cast, visitors: Visitors) -> None:
    case = make_case(
        cast.organiser, cast.requester.person, patient=make_patient(cast.organiser, family_name="Terugkomst")
    )
    discussed = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="scheduled")
    with clock.frozen(clock.now() - timedelta(days=30)), writing():
        states.move(discussed, Referral.Status.DISCUSSED)
    meeting = make_meeting(cast.board, state=Meeting.State.RUNNING, starts_at=clock.now())
    requester = visitors.bring("requester", cast.requester)
    page = requester.page

    # Back to the board: nothing is typed again.
    requester.go(f"/cases/{case.pk}/")
    page.get_by_role("link", name="Back to the board with a new question").click()
    page.get_by_label("Question to the board").fill("Mastectomie nu zij dat wenst?")
    page.get_by_label("Reason").select_option("progression")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.get_by_text("The answers are those of the discussion of")).to_be_visible()
    expect(page.get_by_text("answers are still to be confirmed.")).to_be_visible()
    requester.look("case, carried forward")

    # What may be another by now is confirmed, or answered anew.
    shown = CasePage(requester)
    shown.change()
    wishes = page.get_by_role("textbox", name="Patient's wishes", exact=False).first
    expect(wishes).to_have_value(BEFORE)
    wishes.fill(NOW)
    for box in page.get_by_role("checkbox", name="This is still right", exact=False).all():
        if box.is_visible():
            box.check()
    shown.save()
    since = page.locator(".since").first
    expect(since.get_by_role("heading")).to_contain_text("Changed since the last discussion")
    row = since.locator("tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text(BEFORE)
    expect(row).to_contain_text(NOW)
    expect(page.get_by_text("answers are still to be confirmed.")).to_have_count(0)
    shown.hand_in()
    shown.is_state("Submitted")

    # At the table everybody reads the same.
    with house():
        again = Referral.objects.get(case=case, status=Referral.Status.SUBMITTED)
    with writing():
        Referral.objects.filter(pk=again.pk).update(status=Referral.Status.SCHEDULED)
    make_item(meeting, again)
    chair = visitors.bring("chair", cast.chair)
    room = RoomPage(chair, meeting.pk).enter()
    chair.page.keyboard.press("n")
    expect(room.case.get_by_text("Changed since the last discussion")).to_be_visible()
    expect(room.case.get_by_text(NOW).first).to_be_visible()
