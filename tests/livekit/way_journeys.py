"""The way through LiveKit in real browsers against real LiveKit: picture and sound, epochs, lost nodes. Without the room around it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from mdo.kernel.clock import now
from meetings import call
from meetings.models import CallRoom, Meeting
from meetings.room import livekit
from tests.cast import Cast
from tests.factories import make_meeting
from tests.livekit.nodes import Cluster
from tests.livekit.plain import Seat, Seats, apart
from tests.parts import NEVER_ASKS, until

# The plain page comes from nowhere that a browser knows to be on this machine.
BROWSER_FLAGS = [NEVER_ASKS, "--disable-features=LocalNetworkAccessChecks"]


@pytest.fixture
def seats(browser: Any, cluster: Cluster) -> Iterator[Seats]:
    people = Seats(browser)
    yield people
    people.leave()


@pytest.fixture
def meeting(committed: None, cast: Cast) -> Meeting:
    return make_meeting(cast.board)


def everybody(seats: list[Seat], *, pictures: bool) -> None:
    """Sound comes to everybody from everybody, and pictures are decoded."""
    for seat in seats:
        what = "picture" if pictures else "voice"
        until(
            lambda seat=seat, what=what: seat.page.evaluate("what => call.count(what)", what) == len(seats) - 1,
            f"all for {seat.name}",
        )
        seat.hears()
        if pictures:
            seat.sees()


def measured(condition: Any, what: str, within_s: float) -> float:
    began = time.monotonic()
    until(condition, what, within_s)
    return round(time.monotonic() - began, 2)


# --- picture and sound ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [2, 4, 6])
def test_picture_and_sound_of_everybody(
    seats: Seats, meeting: Meeting, cluster: Cluster, figures: dict[str, Any], number: int
) -> None:
    people = seats.together(meeting, number)
    everybody(people, pictures=True)
    node = cluster.node_of(livekit.room_name(meeting.pk, 0))
    assert node is not None
    before, began, worked = [each.counts() for each in people], time.monotonic(), node.cpu_s
    until(lambda: time.monotonic() - began > 4, "a while")
    after = [each.counts() for each in people]
    lasted = time.monotonic() - began
    figures[f"picture_{number}"] = {
        "sent_kbps": [round((a.sent - b.sent) * 8 / 1000 / lasted) for a, b in zip(after, before, strict=True)],
        "received_kbps": [round((a.bytes - b.bytes) * 8 / 1000 / lasted) for a, b in zip(after, before, strict=True)],
        "frames_per_s": [round((a.frames - b.frames) / lasted, 1) for a, b in zip(after, before, strict=True)],
        "node_cpu": round((node.cpu_s - worked) / lasted, 3),
    }
    assert all(a.frames > b.frames and a.voice > b.voice for a, b in zip(after, before, strict=True))


def test_whoever_is_alone_is_not_taken_for_lost(seats: Seats, meeting: Meeting) -> None:
    """Nothing is said and nothing comes but the answer that somebody listens; for longer than silence may last."""
    alone, later = (seats.bring(name) for name in ("alone", "later"))
    alone.open(camera=False)
    alone.join(alone.ticket(meeting), later)
    alone.page.evaluate("window.first = call.way.hall")
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 9, "a while")
    assert alone.page.evaluate("window.first === call.way.hall && call.downs.length === 0") is True
    later.open(camera=False)
    later.join(later.ticket(meeting), alone)
    alone.hears()


def test_sound_of_eight(seats: Seats, meeting: Meeting) -> None:
    people = seats.together(meeting, 8, camera=False)
    everybody(people, pictures=False)


def test_a_screen_is_seen(seats: Seats, meeting: Meeting) -> None:
    one, other = seats.together(meeting, 2, camera=False)
    one.page.evaluate("call.share()")
    until(lambda: other.page.evaluate("call.count('screen')") == 1, "the screen")
    other.sees()


def test_a_microphone_that_is_off_stays_off_and_comes_on(seats: Seats, meeting: Meeting) -> None:
    """The library would switch it on: what it is given is a copy that follows the person's own switch."""
    one, other = (seats.bring(name) for name in ("one", "other"))
    one.open(camera=False, mic=False)
    other.open(camera=False)
    loud = """async peer => {
        const context = new AudioContext();
        const analyser = context.createAnalyser();
        context.createMediaStreamSource(new MediaStream([call.streams.get(peer).voice])).connect(analyser);
        const values = new Float32Array(analyser.fftSize);
        let most = 0;
        const until = performance.now() + 2500;
        while (performance.now() < until) {
            analyser.getFloatTimeDomainData(values);
            for (const value of values) most = Math.max(most, Math.abs(value));
            await new Promise(resolve => setTimeout(resolve, 20));
        }
        await context.close();
        return most;
    }"""
    one.join(one.ticket(meeting), other)
    other.join(other.ticket(meeting), one)
    until(lambda: other.page.evaluate("call.count('voice')") == 1, "a voice")
    assert one.page.evaluate("call.own.voice.enabled") is False
    assert other.page.evaluate(loud, str(one.peer)) < 0.001
    one.page.evaluate("call.own.voice.enabled = true")
    assert other.page.evaluate(loud, str(one.peer)) > 0.01


def test_whoever_may_only_listen_hears_and_says_nothing(seats: Seats, meeting: Meeting) -> None:
    one, listener = (seats.bring(name) for name in ("one", "listener"))
    one.open()
    listener.open()
    one.join(one.ticket(meeting), listener)
    listener.join(listener.ticket(meeting, speak=False), one)
    listener.hears()
    listener.sees()
    assert one.page.evaluate("call.count('voice') + call.count('picture')") == 0


def test_pictures_that_nobody_looks_at_do_not_come(seats: Seats, meeting: Meeting) -> None:
    one, other = seats.together(meeting, 2)
    everybody([one, other], pictures=True)
    other.page.evaluate("call.way.use({picture: 'none', peers: 2, low: false, active: null})")

    def dark() -> bool:
        before, at = other.counts().frames, time.monotonic()
        until(lambda: time.monotonic() - at > 0.7, "a moment")
        return other.counts().frames == before

    until(dark, "no pictures")
    other.hears()
    other.page.evaluate("call.way.use({picture: 'all', peers: 2, low: false, active: null})")
    other.sees()
    # Sound only means one's own picture, too.
    one.page.evaluate("call.way.use({picture: 'none', peers: 2, low: true, active: null})")
    until(lambda: other.page.evaluate("call.count('picture')") == 0, "the picture gone")
    other.hears()


# --- from end to end -----------------------------------------------------------------------------------------------------


def test_with_the_key_of_the_epoch_pictures_are_seen_and_without_it_not(seats: Seats, meeting: Meeting) -> None:
    one, other, stranger = (seats.bring(name) for name in ("one", "other", "stranger"))
    for seat in (one, other, stranger):
        seat.open()
    tickets = [seat.ticket(meeting, encrypted=True) for seat in (one, other)]
    assert tickets[0]["key"] == tickets[1]["key"] is not None
    wrong = stranger.ticket(meeting, encrypted=True, key="A" * 43 + "=")
    one.join(tickets[0], other, stranger)
    other.join(tickets[1], one, stranger)
    stranger.join(wrong, one, other)
    one.sees()
    other.sees()
    # Negative control: what comes to whoever has another key is no picture, though it comes.
    until(lambda: stranger.counts().bytes > 20_000, "something for the stranger")
    assert stranger.counts().frames == 0
    assert not [line for seat in (one, other) for line in seat.said if "Content Security Policy" in line]


# --- epochs --------------------------------------------------------------------------------------------------------------


def test_a_new_epoch_is_not_noticed_and_leaves_behind_whoever_may_not_follow(
    seats: Seats, meeting: Meeting, figures: dict[str, Any]
) -> None:
    one, other, guest = seats.together(meeting, 3)
    everybody([one, other, guest], pictures=True)
    old = guest.ticket(meeting)
    ended = now()
    tickets = [seat.ticket(meeting, 1) for seat in (one, other)]
    CallRoom.objects.filter(meeting=meeting, epoch=0).update(ends_at=ended + call.OLD_ROOM_LASTS)
    watching = "peer => { call.dark = call.longestDarkness(peer, 6000); }"
    one.page.evaluate(watching, str(other.peer))
    other.page.evaluate(watching, str(one.peer))
    began = time.monotonic()
    for seat, ticket in zip((one, other), tickets, strict=True):
        seat.begin_to_renew(ticket)
    apart(lambda: livekit.remove(meeting.pk, 0, guest.peer))

    def silent() -> bool:
        before, at = guest.counts(), time.monotonic()
        until(lambda: time.monotonic() - at > 0.15, "a moment")
        after = guest.counts()
        return (before.lines, before.bytes) == (after.lines, after.bytes)

    until(silent, "the guest cut", 5)
    figures["guest_cut_s"] = round(time.monotonic() - began, 2)
    dark = [round(seat.page.evaluate("call.dark")) for seat in (one, other)]
    figures["epoch_longest_darkness_ms"] = dark
    assert figures["guest_cut_s"] <= 2
    assert max(dark) < 1500
    apart(livekit.end_due)
    assert apart(livekit.alive) is True
    everybody([one, other], pictures=False)
    assert (one.downs, other.downs) == ([], [])
    # The old token is still good for minutes, and opens nothing: the room is gone and nobody makes it again.
    refused = guest.page.evaluate(
        "async ticket => { try { await call.join(ticket, []); return 'in'; } catch { return 'out'; } }", old
    )
    assert refused == "out"
    expired = CallRoom.objects.get(meeting=meeting, epoch=0)
    assert expired.ended_at is not None


# --- nodes ---------------------------------------------------------------------------------------------------------------


def test_meetings_spread_over_the_nodes_and_each_lives_on_one(
    seats: Seats, committed: None, cast: Cast, cluster: Cluster, figures: dict[str, Any]
) -> None:
    urls = [node.url for node in cluster.nodes]
    found = []
    for number in range(4):
        meeting = make_meeting(cast.board)
        name = livekit.room_name(meeting.pk, 0)
        pair = [seats.bring(f"{number}{side}") for side in "ab"]
        for seat, order in zip(pair, (urls, urls[::-1]), strict=True):  # each talks to another node
            seat.open(camera=False)
            seat.join(seat.ticket(meeting, urls=order), *(other for other in pair if other is not seat))
        for seat in pair:
            seat.hears()
        node = cluster.node_of(name)
        assert node is not None
        found.append(node.number)
        for seat in pair:
            assert seat.link(next(other for other in pair if other is not seat)) == "connected"
    figures["meetings_on_nodes"] = found
    assert set(found) == {0, 1}


@pytest.mark.parametrize("talks_to", ["the node that dies", "the other one"])
def test_a_node_is_killed_and_its_meeting_comes_back(
    seats: Seats, meeting: Meeting, cluster: Cluster, figures: dict[str, Any], talks_to: str
) -> None:
    pair = [seats.bring(name) for name in ("one", "other")]
    for seat in pair:
        seat.open()
    first = pair[0].ticket(meeting)
    carrying = cluster.node_of(livekit.room_name(meeting.pk, 0))
    assert carrying is not None
    other_node = next(node for node in cluster.nodes if node is not carrying)
    urls = [carrying.url, other_node.url] if talks_to == "the node that dies" else [other_node.url, carrying.url]
    pair[0].join({**first, "urls": urls}, pair[1])
    pair[1].join(pair[1].ticket(meeting, urls=urls), pair[0])
    everybody(pair, pictures=True)
    carrying.kill()
    began = time.monotonic()
    for seat in pair:
        until(lambda seat=seat: seat.page.evaluate("call.losses") > 0, "the loss", 12)
    for seat in pair:
        seat.hears(15)
        seat.sees(15)
    back = round(time.monotonic() - began, 2)
    figures.setdefault("node_killed_back_s", {})[talks_to] = back
    assert cluster.node_of(livekit.room_name(meeting.pk, 0)) is other_node
    assert [seat.downs for seat in pair] == [[], []]
    assert back <= 10


def test_a_server_that_is_gone_altogether_is_told_soon(
    seats: Seats, meeting: Meeting, cluster: Cluster, figures: dict[str, Any]
) -> None:
    pair = seats.together(meeting, 2, camera=False)
    everybody(pair, pictures=False)
    for node in cluster.nodes:
        node.kill()
    began = time.monotonic()
    for seat in pair:
        until(lambda seat=seat: seat.downs != [], "down", 15)
    figures["server_gone_told_s"] = round(time.monotonic() - began, 2)
    assert [seat.downs for seat in pair] == [["server"], ["server"]]
    assert figures["server_gone_told_s"] <= 8


@pytest.mark.parametrize("seconds", [2, 10, 30])
def test_after_a_cut_they_are_back(
    seats: Seats, meeting: Meeting, cluster: Cluster, figures: dict[str, Any], seconds: int
) -> None:
    """One server alone, and nothing goes in or out for a while: neither its socket nor picture and sound."""
    pair = [seats.bring(name) for name in ("one", "other")]
    for seat in pair:
        seat.open()
    tickets = [seat.ticket(meeting) for seat in pair]
    node = cluster.node_of(livekit.room_name(meeting.pk, 0))
    assert node is not None
    for seat, ticket in zip(pair, tickets, strict=True):
        seat.join({**ticket, "urls": [node.url]}, *(other for other in pair if other is not seat))
    everybody(pair, pictures=True)
    node.freeze()
    cut = time.monotonic()
    try:
        until(lambda: time.monotonic() - cut > seconds, "the cut", seconds + 5)
    finally:
        node.thaw()
    began = time.monotonic()
    for seat, other in (pair, pair[::-1]):
        if seat.downs:  # given up meanwhile, and asked for another ticket: as the room does
            seat.join(seat.ticket(meeting, urls=[node.url]), other)
    for seat in pair:
        seat.hears(15)
        seat.sees(15)
    back = round(time.monotonic() - began, 2)
    figures.setdefault("cut_back_s", {})[str(seconds)] = back
    assert back <= 8


# --- rooms of the past -----------------------------------------------------------------------------------------------------


def test_a_room_whose_node_was_lost_is_ended_all_the_same(meeting: Meeting, cluster: Cluster, seats: Seats) -> None:
    seat = seats.bring("one")
    seat.open(camera=False)
    seat.join(seat.ticket(meeting))
    name = livekit.room_name(meeting.pk, 0)
    carrying = cluster.node_of(name)
    assert carrying is not None
    CallRoom.objects.filter(meeting=meeting).update(ends_at=now() - timedelta(seconds=1))
    carrying.kill()

    def ended() -> bool:
        CallRoom.objects.filter(meeting=meeting, ended_at=None).update(ends_at=now() - timedelta(seconds=1))
        apart(livekit.end_due)
        return CallRoom.objects.get(meeting=meeting).ended_at is not None

    until(ended, "the end of the room", 20)
