"""Journey: the chair's whole meeting without a mouse: park, rest, take back, protocol, hand over, talk, postpone to a named sitting."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from mdo.kernel.clock import now
from meetings.models import AgendaItem, Decision, Meeting, Remark
from tests.cast import Cast
from tests.factories import make_case, make_item, make_meeting, make_patient, make_referral, writing
from tests.journeys.pages import RoomPage
from tests.journeys.visitors import Visitors
from tests.meetings.acts import house

pytestmark = pytest.mark.journey

NAMES = (("Vermeersch", "Annelies"), ("Öztürk", "Zeynep"), ("D'Hondt", "Lutgart"), ("Claessens", "Rita"))


@pytest.fixture
def later(cast: Cast) -> Meeting:
    return make_meeting(cast.board, starts_at=now() + timedelta(days=7))


@pytest.fixture
def meeting(cast: Cast, later: Meeting) -> Meeting:
    """Four cases wait."""
    with writing():
        cast.board.read_back = "no_objection"
        cast.board.save()
    meeting = make_meeting(cast.board, starts_at=now())
    for family, given in NAMES:
        patient = make_patient(cast.organiser, family_name=family, given_name=given)
        case = make_case(cast.organiser, cast.requester.person, patient=patient)
        make_item(
            meeting, make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="scheduled")
        )
    return meeting


def labels(room: RoomPage) -> list[str]:
    return room.agenda.locator("[data-row] .label").all_inner_texts()


def test_a_meeting_without_a_mouse(cast: Cast, visitors: Visitors, meeting: Meeting, later: Meeting) -> None:
    chair, radiologist = (
        RoomPage(visitors.bring(name, getattr(cast, name)), meeting.pk).enter() for name in ("chair", "radiologist")
    )
    expect(chair.people.locator("li:not(.absent)")).to_have_count(2)
    order = labels(chair)
    chair.start()

    # The list of keys says all of them.
    chair.press("?")
    expect(chair.dialog).to_contain_text("Undo the last step")
    chair.visitor.look("keys")
    chair.press("Escape")
    expect(chair.dialog).to_have_count(0)

    # The first case is parked from the table; that is taken back, and done again.
    chair.next()
    chair.on_table(1)
    chair.press("a")
    expect(chair.agenda.get_by_role("region", name="Parked").locator("[data-row]")).to_have_count(1)
    undo = chair.page.locator(".undo")
    expect(undo).to_contain_text(f"parked 1. {order[0]}")
    chair.visitor.look("undo")
    chair.press("u")
    chair.on_table(1)
    radiologist.on_table(1)
    expect(undo).to_have_count(0)
    chair.press("a")
    parked = radiologist.agenda.get_by_role("region", name="Parked")
    expect(parked.locator("[data-row] .label")).to_have_text([order[0]])

    # The last but one falls under a protocol and is recorded without discussion.
    chair.press("j")
    for _each in range(6):
        if chair.page.evaluate("document.activeElement.querySelector?.('.label')?.textContent") == order[2]:
            break
        chair.press("j")
    chair.press("m")
    expect(chair.dialog).to_contain_text(f"Protocol for 3. {order[2]}")
    chair.page.keyboard.type("DCIS, low risk")
    chair.press("Enter")
    expect(chair.dialog).to_have_count(0)
    expect(radiologist.agenda).to_contain_text("Protocol: DCIS, low risk")
    chair.press("g")
    expect(chair.dialog).to_contain_text("without discussion")
    chair.visitor.look("protocol cases")
    chair.press("Enter")
    expect(chair.dialog).to_have_count(0)

    # The second is decided in the usual way, by reading back and going on, with a word beside it.
    chair.next()
    expect(radiologist.row(1)).to_have_attribute("aria-current", "step")
    radiologist.press("t")
    radiologist.page.keyboard.type("The images of last week are in PACS.")
    radiologist.press("Enter")
    expect(chair.row(1)).to_contain_text("1 message")
    chair.press("t")
    expect(chair.page.get_by_role("region", name="Chat")).to_contain_text("The images of last week are in PACS.")
    expect(chair.page.get_by_text("Chat is kept and becomes part of the file.")).to_be_visible()
    chair.visitor.look("chat")
    chair.press("Escape")
    chair.write("Surgery.")
    chair.press("Escape", "r")
    expect(radiologist.recommendation.get_by_role("region", name="Read back by")).to_contain_text("Surgery.")

    # A break: what was read back has to be settled first, so it is recorded; then everybody rests.
    chair.page.wait_for_function("() => document.querySelector('.panel-read')")
    expect(chair.recommendation.get_by_role("button", name="Record")).to_be_visible()
    chair.recommendation.get_by_role("button", name="Record").press("Enter")
    chair.state_of(1, "recorded")
    chair.press("b")
    expect(chair.dialog).to_contain_text("10 minutes")
    chair.press("Enter")
    expect(radiologist.case).to_contain_text("Break until")
    chair.visitor.look("break")
    chair.press("b")
    expect(radiologist.case).not_to_contain_text("Break until")

    # A deputy takes the chair: the radiologist opens the next case, and the chair takes it back.
    chair.press("h")
    expect(chair.dialog.get_by_role("combobox", name="To whom")).to_be_focused()
    chair.page.keyboard.type(cast.radiologist.person.display_name)
    chair.visitor.look("hand over")
    chair.press("Tab", "Enter")
    expect(chair.dialog).to_have_count(0)
    name = cast.radiologist.person.display_name
    for room in (chair, radiologist):
        expect(room.page.get_by_role("heading", level=1)).to_contain_text(f"Chair: {name}")
    radiologist.press("Escape", "n")
    for room in (chair, radiologist):
        room.shows_patient("Claessens")
    chair.press("h")
    chair.dialog.get_by_role("button", name="Take the chair back").press("Enter")
    expect(chair.dialog).to_have_count(0)
    expect(radiologist.page.get_by_role("button", name="Next")).to_have_count(0)

    # It is postponed to the sitting of next week; then only the parked one is left.
    chair.press("p")
    expect(chair.dialog).to_contain_text("Postpone")
    chair.press("Space", "Tab", "ArrowDown", "Tab", "Enter")
    expect(chair.dialog).to_have_count(0)
    chair.next()
    for room in (chair, radiologist):
        room.shows_patient("Vermeersch")
    expect(chair.agenda.get_by_role("region", name="Parked")).to_have_count(0)
    chair.write("Surveillance.")
    chair.press("Escape", "r")
    expect(radiologist.recommendation.get_by_role("region", name="Read back by")).to_contain_text("Surveillance.")
    chair.next()
    expect(chair.case).to_contain_text("Every item has been dealt with.")
    chair.press("c")
    chair.dialog.get_by_role("button", name="Close the meeting").press("Enter")
    expect(radiologist.case).to_contain_text("The meeting is closed.")

    with house():
        items = list(AgendaItem.objects.filter(meeting=meeting).order_by("position"))
        assert [(item.state, item.protocol) for item in items] == [
            ("discussed", ""),
            ("discussed", ""),
            ("discussed", "DCIS, low risk"),
            ("postponed", ""),
        ]
        assert items[3].postponed_to_id == later.pk
        assert AgendaItem.objects.filter(meeting=later, referral=items[3].referral_id).count() == 1
        texts = Decision.objects.filter(meeting=meeting).exclude(state="draft").order_by("item__position")
        assert list(texts.values_list("text", flat=True)) == [
            "Surveillance.",
            "Surgery.",
            "According to the protocol: DCIS, low risk.",
        ]
        assert list(Remark.objects.values_list("text", flat=True)) == ["The images of last week are in PACS."]
        assert len(Meeting.objects.get(pk=meeting.pk).breaks) == 1
