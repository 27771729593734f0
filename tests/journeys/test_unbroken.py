"""Nothing breaks the room: a laptop that slept an hour, one person in two tabs, a new deployment, two chairs at once."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from mdo.cli.process import Child
from meetings.models import AgendaItem, Meeting
from tests.cast import Cast
from tests.factories import make_case, make_item, make_meeting, make_patient, make_referral, make_topic
from tests.journeys.pages import RoomPage, same_screens
from tests.journeys.visitors import Visitor, Visitors
from tests.meetings.acts import house
from tests.parts import answers, run_part, site_url, until

pytestmark = [pytest.mark.journey, pytest.mark.crowd]

BACK_WITHIN_S = 3.0


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    meeting = make_meeting(cast.board)
    for name in ("Aelbrecht", "Blomme", "Callewaert"):
        case = make_case(cast.organiser, cast.requester.person, patient=make_patient(cast.organiser, family_name=name))
        make_item(
            meeting, make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="scheduled")
        )
    for number in range(1, 4):
        make_item(meeting, topic=make_topic(cast.board, title=f"Onderwerp {number}"))
    return meeting


def test_a_laptop_that_slept_an_hour_comes_back_by_itself(cast: Cast, visitors: Visitors, meeting: Meeting) -> None:
    chair = RoomPage(visitors.bring("chair", cast.chair), meeting.pk).enter()
    sleeper = visitors.bring("radiologist", cast.radiologist)
    sleeper.page.clock.install()
    radiologist = RoomPage(sleeper, meeting.pk).enter()
    chair.start()
    chair.next()
    radiologist.on_table(1)
    with sleeper.network_cut():
        for number in (1, 2, 3):  # more than one step went by
            chair.postpone("Imaging missing", "")
            chair.next()
            chair.on_table(number + 1)
        sleeper.page.clock.fast_forward("01:00:00")
    began = time.monotonic()
    radiologist.link_is("Connected")
    radiologist.on_table(4)
    assert time.monotonic() - began <= BACK_WITHIN_S
    same_screens([chair, radiologist])


def second_tab(visitor: Visitor) -> Visitor:
    """Another tab of the same browser."""
    tab = Visitor(visitor.name, visitor.member, visitor.context, visitor.context.new_page(), visitor.site)
    tab.faults = visitor.faults
    return tab


def test_two_tabs_of_one_chair_are_one_person(cast: Cast, visitors: Visitors, meeting: Meeting) -> None:
    person = visitors.bring("chair", cast.chair)
    first = RoomPage(person, meeting.pk).enter()
    second = RoomPage(second_tab(person), meeting.pk).enter()
    first.start()
    expect(second.page.get_by_role("button", name="Next", exact=False)).to_be_visible()
    second.next()
    first.on_table(1)
    second.on_table(1)
    same_screens([first, second])
    # Typed in both, it is one text; who closes one tab is still there.
    first.write("Surgery first.")
    second.press("e")
    expect(second.text).to_have_value("Surgery first.")
    second.press("End")
    second.page.keyboard.type(" Then radiotherapy.")
    expect(first.text).to_have_value("Surgery first. Then radiotherapy.")
    first.saved()
    second.saved()
    second.page.close()
    expect(first.people.locator("li:not(.absent) .person-name")).to_have_count(1)
    first.press("Escape")
    first.record()
    first.next()
    first.on_table(2)


def test_two_chairs_who_press_at_once_go_one_step(cast: Cast, visitors: Visitors, meeting: Meeting) -> None:
    chair = RoomPage(visitors.bring("chair", cast.chair), meeting.pk).enter()
    coordinator = RoomPage(visitors.bring("coordinator", cast.coordinator), meeting.pk).enter()
    chair.start()
    coordinator.link_is("Connected")
    expect(coordinator.page.get_by_role("button", name="Next", exact=False)).to_be_visible()
    chair.next()
    coordinator.next()
    chair.on_table(1)
    coordinator.on_table(1)
    with house():
        assert list(AgendaItem.objects.filter(meeting=meeting).values_list("state", flat=True)).count("open") == 1
        assert AgendaItem.objects.filter(meeting=meeting, state="discussed").count() == 0


def test_a_new_deployment_brings_everybody_back_without_a_click(
    cast: Cast, visitors: Visitors, meeting: Meeting, site_process: Child
) -> None:
    rooms = [
        RoomPage(visitors.bring(name, getattr(cast, name)), meeting.pk).enter()
        for name in ("chair", "radiologist", "partner")
    ]
    chair = rooms[0]
    chair.start()
    chair.next()
    chair.on_table(1)
    for room in rooms:
        room.shows_patient("Aelbrecht")
    refused = (r"ERR_CONNECTION_(REFUSED|RESET)", r"ERR_EMPTY_RESPONSE", r"WebSocket connection to .* failed")
    with (
        rooms[0].visitor.expecting(*refused),
        rooms[1].visitor.expecting(*refused),
        rooms[2].visitor.expecting(*refused),
    ):
        site_process.stop()
        for room in rooms:
            room.link_is("Reconnecting")
        fresh = run_part("web", "web")
        vars(site_process).update(vars(fresh))  # it is the site of the tests that follow, too
        until(lambda: answers(site_url() + "/healthz"), "the new site", log=fresh.program.log)
        began = time.monotonic()
        for room in rooms:
            room.link_is("Connected")
        assert time.monotonic() - began <= BACK_WITHIN_S
    chair.postpone("Imaging missing", "")
    chair.next()
    for room in rooms:
        room.on_table(2)
    same_screens(rooms)
