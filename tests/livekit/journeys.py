"""The call of the room, by way of LiveKit: in real browsers, before the real site and two real nodes."""

from __future__ import annotations

import re
import signal
from time import monotonic
from typing import Any

import pytest
from playwright.sync_api import expect

from mdo.directory.models import Board
from meetings.models import AgendaItem, CallRoom, CallStay, Meeting
from meetings.room import livekit
from tests.cast import Cast
from tests.factories import make_item, make_meeting, make_referral
from tests.journeys import calling
from tests.journeys.pages import RoomPage
from tests.journeys.test_call import MAY, join
from tests.journeys.visitors import Visitor, Visitors
from tests.livekit.nodes import Cluster, Node
from tests.parts import NEVER_ASKS, until

BROWSER_FLAGS = [NEVER_ASKS]

# What browsers say of a media server that was killed, and of a network that is cut.
LOST = (
    r"ERR_CONNECTION_(REFUSED|RESET|CLOSED)",
    r"ERR_EMPTY_RESPONSE",
    r"ERR_INTERNET_DISCONNECTED",
    r"WebSocket connection to .* failed",
)
LOST_ANSWERS = (r"status of (404|500|503)", r"^.*: (404|500|503) of GET http://127")


@pytest.fixture
def table(cast: Cast, cluster: Cluster) -> tuple[Meeting, list[AgendaItem]]:
    """A running meeting of two cases on a board that calls through LiveKit; the second case has a guest."""
    Board.objects.filter(pk=cast.board.pk).update(call="livekit")
    meeting = make_meeting(Board.objects.get(pk=cast.board.pk), state=Meeting.State.RUNNING)
    requester = cast.requester.person
    first = make_referral(cast.board, cast.organiser, requester, status="scheduled")
    second = make_referral(cast.board, cast.organiser, requester, status="scheduled", guest=cast.guest.person)
    return meeting, [make_item(meeting, each) for each in (first, second)]


def come(visitors: Visitors, cast: Cast, cluster: Cluster, meeting: Meeting, *names: str) -> list[Visitor]:
    """Into the room, and nothing but the site and the media servers is asked for anything."""
    found = []
    for name in names:
        visitor = bring(visitors, cast, cluster, name)
        RoomPage(visitor, meeting.pk).enter()
        found.append(visitor)
    return found


def bring(visitors: Visitors, cast: Cast, cluster: Cluster, name: str) -> Visitor:
    visitor = visitors.bring(name, cast.members[name], **MAY)
    visitor.expected += [
        re.compile(rf"request to another host: http://127\.0\.0\.1:{node.ports[0]}/") for node in cluster.nodes
    ]
    calling.watch(visitor)
    return visitor


def everybody(people: list[Visitor], *, pictures: bool, within_s: float = 30) -> None:
    for visitor in people:
        expect(visitor.page.locator(".tile[data-link=connected]")).to_have_count(len(people), timeout=within_s * 1000)
    for visitor in people:
        calling.hears(visitor, within_s)
        if pictures:
            calling.sees(visitor, within_s)


def carrying(cluster: Cluster, meeting: Meeting) -> Node:
    meeting.refresh_from_db()
    node = cluster.node_of(livekit.room_name(meeting.pk, meeting.call_epoch))
    assert node is not None
    return node


def flowing(visitor: Visitor) -> bool:
    before, at = calling.counts(visitor), monotonic()
    until(lambda: monotonic() - at >= 0.15, "a moment")
    return calling.counts(visitor).voice > before.voice > 0


# --- together ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names", [("chair", "radiologist"), ("chair", "radiologist", "partner", "coordinator")], ids=["two", "four"]
)
def test_picture_and_sound_of_everybody(
    cast: Cast,
    cluster: Cluster,
    visitors: Visitors,
    table: tuple[Meeting, list[AgendaItem]],
    figures: dict[str, Any],
    names: tuple[str, ...],
) -> None:
    meeting, _ = table
    people = come(visitors, cast, cluster, meeting, *names)
    for visitor in people:
        join(visitor)
    everybody(people, pictures=True)
    node = carrying(cluster, meeting)
    before, at, worked = [calling.counts(each) for each in people], monotonic(), node.cpu_s
    until(lambda: monotonic() - at >= 5, "a while")
    lasted = monotonic() - at
    after = [calling.counts(each) for each in people]
    figures[f"room_{len(names)}"] = {
        "sent_kbps": [round((a.sent - b.sent) * 8 / 1000 / lasted) for a, b in zip(after, before, strict=True)],
        "received_kbps": [round((a.bytes - b.bytes) * 8 / 1000 / lasted) for a, b in zip(after, before, strict=True)],
        "frames_per_s": [round((a.frames - b.frames) / lasted, 1) for a, b in zip(after, before, strict=True)],
        "node_cpu": round((node.cpu_s - worked) / lasted, 3),
    }
    if len(names) == 2:
        return
    chair = people[0]
    chair.page.locator("[data-call=mute-all]").press("Enter")
    for visitor in people[1:]:
        expect(visitor.page.locator("[data-call=mic]")).to_have_attribute("aria-pressed", "false")
    expect(chair.page.locator("[data-call=mic]")).to_have_attribute("aria-pressed", "true")
    people[1].page.keyboard.press("i")
    expect(people[1].page.locator("[data-call=mic]")).to_have_attribute("aria-pressed", "true")


def test_eight_with_sound(
    cast: Cast, cluster: Cluster, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]]
) -> None:
    names = ("chair", "radiologist", "partner", "coordinator", "secretary", "partnersecretary", "requester", "observer")
    people = come(visitors, cast, cluster, table[0], *names)
    for visitor, name in zip(people, names, strict=True):
        if name == "observer":  # who watches has nothing to switch on
            visitor.page.keyboard.press("0")
            visitor.page.get_by_role("dialog").locator("[data-call=join]").press("Enter")
        else:
            join(visitor, camera=False)
    everybody(people, pictures=False, within_s=60)
    # A server carries them: nobody says that one would be better.
    expect(people[0].page.get_by_text("With more than six, cameras stay off")).to_have_count(0)


def test_a_shared_screen_is_seen(
    cast: Cast, cluster: Cluster, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]]
) -> None:
    chair, radiologist = come(visitors, cast, cluster, table[0], "chair", "radiologist")
    join(chair, camera=False)
    join(radiologist, camera=False)
    everybody([chair, radiologist], pictures=False)
    radiologist.page.locator("[data-call=screen]").press("Enter")
    shown = chair.page.locator("[data-shared-screen]")
    expect(shown).to_contain_text(f"Screen of {cast.radiologist.person.display_name}")
    calling.sees(chair)
    radiologist.page.locator("[data-call=screen]").press("Enter")
    expect(shown).to_have_count(0)


def test_encrypted_from_end_to_end(
    cast: Cast, cluster: Cluster, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]]
) -> None:
    Board.objects.filter(pk=cast.board.pk).update(call_encrypted=True)
    people = come(visitors, cast, cluster, table[0], "chair", "radiologist")
    for visitor in people:
        join(visitor)
    everybody(people, pictures=True)


def test_who_came_and_left_is_told_and_kept(
    cast: Cast, cluster: Cluster, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]]
) -> None:
    meeting, _ = table
    people = come(visitors, cast, cluster, meeting, "chair", "radiologist")
    for visitor in people:
        join(visitor, camera=False)
    everybody(people, pictures=False)

    def stays() -> set[tuple[Any, str, bool]]:
        found = CallStay.objects.filter(meeting=meeting).values_list("person_id", "means", "left_at")
        return {(person, means, left is None) for person, means, left in found}

    until(lambda: stays() == {(cast.chair.pk, "video", True), (cast.radiologist.pk, "video", True)}, "both stays")
    people[1].page.keyboard.press("0")
    until(lambda: stays() == {(cast.chair.pk, "video", True), (cast.radiologist.pk, "video", False)}, "the end of one")


# --- a guest ---------------------------------------------------------------------------------------------------------------


def test_a_guest_is_let_in_and_cut_within_two_seconds(
    cast: Cast, cluster: Cluster, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]], figures: dict[str, Any]
) -> None:
    meeting, _ = table
    chair, radiologist = come(visitors, cast, cluster, meeting, "chair", "radiologist")
    for visitor in (chair, radiologist):
        join(visitor)
    everybody([chair, radiologist], pictures=True)
    room = RoomPage(chair, meeting.pk)
    guest = bring(visitors, cast, cluster, "guest")
    guest.go(f"/meetings/{meeting.pk}/room/")
    room.row(2).click()
    chair.page.keyboard.press("o")
    opened = monotonic()
    guest.page.locator("[data-call=open]").click()
    guest.page.get_by_role("dialog").locator("[data-call=join]").press("Enter")
    calling.hears(guest)
    calling.sees(guest)
    figures["guest_in_s"] = round(monotonic() - opened, 2)
    expect(chair.page.locator(".tile[data-link=connected]")).to_have_count(3)
    # No other person's address is in anything that the guest's page was told.
    assert not [line for line in guest.line if '"call.signal"' in line]
    room.row(1).click()
    began = monotonic()
    chair.page.keyboard.press("o")

    def cut_off() -> bool:
        before, at = calling.counts(guest), monotonic()
        until(lambda: monotonic() - at > 0.1, "a moment")
        after = calling.counts(guest)
        return after.lines == 0 or (after.bytes, after.sent) == (before.bytes, before.sent)

    until(cut_off, "the guest cut", 10)
    figures["guest_cut_in_room_s"] = round(monotonic() - began, 2)
    assert figures["guest_cut_in_room_s"] <= 2
    for visitor in (chair, radiologist):
        expect(visitor.page.locator(".tile[data-link=connected]")).to_have_count(2)
        expect(visitor.page.locator("[data-call-phase=in]")).to_have_count(1)
        calling.hears(visitor)
        calling.sees(visitor)
    # The rooms of the past are gone from the server.
    until(
        lambda: not CallRoom.objects.filter(meeting=meeting, ended_at=None).exclude(ends_at=None).exists(),
        "the old rooms' end",
        20,
    )


# --- lost servers, cut lines -------------------------------------------------------------------------------------------------


def test_a_node_is_killed_and_the_meeting_comes_back(
    cast: Cast, cluster: Cluster, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]], figures: dict[str, Any]
) -> None:
    meeting, _ = table
    people = come(visitors, cast, cluster, meeting, "chair", "radiologist")
    for visitor in people:
        join(visitor)
    everybody(people, pictures=True)
    node = carrying(cluster, meeting)
    for visitor in people:
        visitor.expected += [re.compile(each) for each in LOST + LOST_ANSWERS]
    node.kill()
    began = monotonic()
    until(lambda: not any(flowing(visitor) for visitor in people), "the loss", 10)
    for visitor in people:
        until(lambda visitor=visitor: flowing(visitor), f"sound for {visitor.name}", 30)
        calling.sees(visitor)
    figures["room_node_killed_back_s"] = round(monotonic() - began, 2)
    assert figures["room_node_killed_back_s"] <= 10
    everybody(people, pictures=True)
    meeting.refresh_from_db()
    assert (meeting.call_way, carrying(cluster, meeting) is node) == ("", False)


def test_a_server_that_is_gone_leaves_a_small_call_to_the_mesh(
    cast: Cast, cluster: Cluster, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]], figures: dict[str, Any]
) -> None:
    meeting, _ = table
    people = come(visitors, cast, cluster, meeting, "chair", "radiologist")
    for visitor in people:
        join(visitor)
    everybody(people, pictures=True)
    for visitor in people:
        visitor.expected += [re.compile(each) for each in LOST + LOST_ANSWERS]
    for node in cluster.nodes:
        node.kill()
    began = monotonic()
    until(lambda: not any(flowing(visitor) for visitor in people), "the loss", 10)
    for visitor in people:
        until(lambda visitor=visitor: flowing(visitor), f"sound for {visitor.name}", 40)
        calling.sees(visitor)
    figures["fell_back_to_the_mesh_s"] = round(monotonic() - began, 2)
    meeting.refresh_from_db()
    assert meeting.call_way == "mesh"
    everybody(people, pictures=True)
    for visitor in people:
        assert calling.counts(visitor).lines == 1
    # When everybody has left and the server is there again, it is the way again.
    for visitor in people:
        visitor.page.keyboard.press("0")
        expect(visitor.page.locator("[data-call-phase=out]")).to_have_count(1)
    cluster.ensure()
    for visitor in people:
        join(visitor)
    everybody(people, pictures=True)
    meeting.refresh_from_db()
    assert meeting.call_way == ""


@pytest.mark.parametrize("seconds", [0.5, 5, 15, 30])
def test_after_a_cut_they_are_back_within_eight_seconds(
    cast: Cast,
    cluster: Cluster,
    visitors: Visitors,
    table: tuple[Meeting, list[AgendaItem]],
    figures: dict[str, Any],
    seconds: float,
) -> None:
    """No network at all for anybody: neither the room's socket, nor that of the media server, nor picture and sound."""
    people = come(visitors, cast, cluster, table[0], "chair", "radiologist")
    for visitor in people:
        join(visitor)
    everybody(people, pictures=True)
    for visitor in people:
        visitor.expected += [re.compile(each) for each in LOST + LOST_ANSWERS]
        visitor.context.set_offline(True)
    for node in cluster.nodes:
        node.freeze()
    began = monotonic()
    until(lambda: monotonic() - began >= seconds, "the end of the cut", seconds + 5)
    for node in cluster.nodes:
        assert node.child is not None
        node.child.process.send_signal(signal.SIGCONT)
    for visitor in people:
        visitor.context.set_offline(False)
    ended = monotonic()
    for visitor in people:
        until(lambda visitor=visitor: flowing(visitor), f"sound for {visitor.name}", 30)
        calling.sees(visitor)
    back = round(monotonic() - ended, 2)
    figures.setdefault("room_cut_back_s", {})[str(seconds)] = back
    assert back <= 8
    for visitor in people:
        expect(visitor.page.locator("[data-call-phase=in]")).to_have_count(1)
