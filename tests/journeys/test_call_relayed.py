"""The call through a real relay: when no direct way is open, when the network is cut, and for a guest."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

import pytest
from playwright.sync_api import expect

from meetings.models import AgendaItem, Meeting
from tests.cast import Cast
from tests.factories import make_item, make_meeting, make_referral
from tests.journeys import calling
from tests.journeys.pages import RoomPage
from tests.journeys.test_call import MAY, join
from tests.journeys.visitors import Visitor, Visitors
from tests.parts import NEVER_ASKS, until
from tests.relay import Relay

pytestmark = [pytest.mark.journey, pytest.mark.crowd]

BROWSER_FLAGS = [NEVER_ASKS]


@pytest.fixture
def site(relayed_site: str) -> str:
    return relayed_site


@pytest.fixture
def table(cast: Cast) -> tuple[Meeting, list[AgendaItem]]:
    """A running meeting of two cases; the second one has a guest."""
    meeting = make_meeting(cast.board, state=Meeting.State.RUNNING)
    requester = cast.requester.person
    first = make_referral(cast.board, cast.organiser, requester, status="scheduled")
    second = make_referral(cast.board, cast.organiser, requester, status="scheduled", guest=cast.guest.person)
    return meeting, [make_item(meeting, each) for each in (first, second)]


@pytest.fixture
def forwarders(relay: Relay) -> Iterator[dict[str, calling.Forwarder]]:
    """For each of two browsers the one way to the relay, which a test may cut."""
    found = {name: calling.Forwarder(("127.0.0.1", relay.port)) for name in ("chair", "radiologist")}
    yield found
    for each in found.values():
        each.close()


def through(
    visitors: Visitors, cast: Cast, meeting: Meeting, forwarders: dict[str, calling.Forwarder]
) -> list[Visitor]:
    """Both in the call, by the relay and no other way."""
    people = []
    for name, forwarder in forwarders.items():
        visitor = visitors.bring(name, cast.members[name], **MAY)
        calling.watch(visitor, forwarder.url)
        RoomPage(visitor, meeting.pk).enter()
        people.append(visitor)
    for visitor in people:
        join(visitor)
    for visitor in people:
        calling.lines_stand(visitor, 1)
        calling.hears(visitor)
        calling.sees(visitor)
    return people


def flowing(visitor: Visitor) -> bool:
    """Sound comes in at this moment: more of it between two looks a tenth of a second apart."""
    before, at = calling.counts(visitor), monotonic()
    until(lambda: monotonic() - at >= 0.1, "a tenth of a second")
    after = calling.counts(visitor)
    return before.lines == after.lines == 1 and after.voice > before.voice


def test_the_relay_carries_what_has_no_other_way(
    cast: Cast, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]], forwarders: dict[str, calling.Forwarder]
) -> None:
    for visitor in through(visitors, cast, table[0], forwarders):
        found = calling.counts(visitor)
        assert (found.lines, found.relayed) == (1, 1)


@pytest.mark.parametrize("seconds", [0.5, 5, 15, 30])
def test_picture_and_sound_are_back_within_eight_seconds_of_a_cut(
    cast: Cast,
    visitors: Visitors,
    table: tuple[Meeting, list[AgendaItem]],
    forwarders: dict[str, calling.Forwarder],
    seconds: float,
) -> None:
    people = through(visitors, cast, table[0], forwarders)
    cut_off = people[1]
    with calling.cut(cut_off, forwarders["radiologist"]):
        began = monotonic()
        until(lambda: monotonic() - began >= seconds, "the end of the cut", seconds + 5)
    ended = monotonic()
    for visitor in people:
        until(lambda visitor=visitor: flowing(visitor), f"sound for {visitor.name}", 30)
    took = monotonic() - ended
    for visitor in people:
        calling.sees(visitor)
    assert took <= 8, f"after {seconds} s: back in {took:.1f} s"
    expect(cut_off.page.locator("[data-call-phase=in]")).to_have_count(1)


def test_a_guest_is_heard_in_the_own_slot_and_cut_within_two_seconds(
    cast: Cast, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]]
) -> None:
    meeting, _ = table
    chair = visitors.bring("chair", cast.chair, **MAY)
    calling.watch(chair)
    room = RoomPage(chair, meeting.pk).enter()
    guest = visitors.bring("guest", cast.guest, **MAY)
    calling.watch(guest)
    guest.go(f"/meetings/{meeting.pk}/room/")
    join(chair)
    room.row(2).click()
    chair.page.keyboard.press("o")
    opened = monotonic()
    guest.page.locator("[data-call=open]").click()
    guest.page.get_by_role("dialog").locator("[data-call=join]").press("Enter")
    for visitor in (chair, guest):
        calling.lines_stand(visitor, 1)
        calling.hears(visitor)
        calling.sees(visitor)
        assert calling.counts(visitor).relayed == 1  # nothing else stands between a guest and a member
    assert monotonic() - opened <= 30
    guest.look("a guest in the call")
    # No address of a member's network is in anything that the guest's page was told.
    heard = [line for line in guest.line if '"call.signal"' in line and " < " in line]
    assert heard != []
    assert not [line for line in heard if "typ host" in line or "typ srflx" in line]
    # The slot ends by going on to the other case.
    room.row(1).click()
    began = monotonic()
    chair.page.keyboard.press("o")
    until(lambda: calling.counts(chair).lines == 0, "the guest's line to end", 10)
    until(lambda: guest.page.locator("[data-call-phase=in]").count() == 0, "the guest's page to let go", 10)
    took = monotonic() - began
    assert took <= 2, f"cut after {took:.2f} s"
    assert calling.counts(guest).lines == 0
