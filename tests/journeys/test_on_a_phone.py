"""Journey: an oncologist of a partner hospital joins from a phone between two consultations: in, the document, the wording, out; later,
whether it was done, in one search."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from mdo.kernel.clock import now
from meetings.models import Meeting
from tests.cast import Cast
from tests.factories import (
    make_case,
    make_decision,
    make_document,
    make_item,
    make_meeting,
    make_patient,
    make_referral,
    writing,
)
from tests.journeys.counting import Counter
from tests.journeys.pages import RoomPage
from tests.journeys.visitors import Visitors
from tests.meetings.acts import house

pytestmark = pytest.mark.journey

PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
TEXT = "Mastectomy; discuss again with the specimen."


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    """A sitting that starts now, with one case of the partner hospital and its report; and what was decided for another one."""
    with writing():
        cast.board.read_back = "no_objection"
        cast.board.save()
    before = make_meeting(cast.board, state=Meeting.State.CLOSED)
    meeting = make_meeting(cast.board, starts_at=now())
    hospital, person = cast.partner_hospital, cast.partner.person
    for family, sitting, status in (("Öztürk", before, "discussed"), ("Desmet", meeting, "scheduled")):
        case = make_case(hospital, person, patient=make_patient(hospital, family_name=family, given_name="Zeynep"))
        make_document(case, name="Report.pdf")
        item = make_item(sitting, make_referral(cast.board, hospital, person, case=case, status=status))
        if sitting is before:
            make_decision(item, state="signed", text="Lumpectomy and radiotherapy.")
    return meeting


def test_in_and_out_from_a_phone(cast: Cast, visitors: Visitors, meeting: Meeting) -> None:
    chair = RoomPage(visitors.bring("chair", cast.chair), meeting.pk).enter()
    chair.start()
    chair.next()
    chair.on_table(1)
    phone = visitors.bring("partner", cast.partner, **PHONE)
    counter, page = Counter(phone), phone.page
    phone.go("/")
    page.get_by_role("link", name="Join").tap()
    expect(page.get_by_role("region", name="Case", exact=True)).to_contain_text("Desmet Zeynep")
    page.locator(".stage-jump").get_by_role("link", name="Documents").tap()
    page.get_by_role("link", name="Report.pdf").first.tap()
    expect(page.locator("canvas").first).to_be_visible()

    # The wording comes by itself, wherever one looks, and also to whoever comes back while it stands.
    chair.write(TEXT)
    chair.press("Escape", "r")
    confirm = page.get_by_role("button", name="Confirm", exact=True)
    expect(confirm).to_be_visible()
    page.reload()
    expect(confirm).to_be_visible()
    phone.look("read back, on a phone")
    confirm.tap()
    expect(page.get_by_role("button", name="Confirmed")).to_be_visible()
    page.locator("header").get_by_role("link").first.tap()
    page.wait_for_url(f"**/meetings/{meeting.pk}/")
    assert counter.pressed == 5  # join, documents, the report, confirm, out
    with house():
        assert [voice.kind for voice in meeting.items.get().voices.all()] == ["confirm"]


def test_what_was_decided_and_was_it_done_in_one_search(cast: Cast, visitors: Visitors, meeting: Meeting) -> None:
    phone = visitors.bring("partner", cast.partner, **PHONE)
    page = phone.page
    phone.go("/")
    page.get_by_role("link", name="Decisions", exact=True).tap()
    page.get_by_label("Words, patient or national number").fill("ozturk")
    page.keyboard.press("Enter")
    found = page.locator(".hits > li")
    expect(found).to_have_count(1)
    expect(found).to_contain_text("Lumpectomy and radiotherapy.")
    assert found.locator(".hit-end").bounding_box()["y"] < found.locator(".rows-main").bounding_box()["y"]  # type: ignore[index]
    phone.look("search, on a phone")
