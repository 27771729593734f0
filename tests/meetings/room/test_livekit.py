"""LiveKit's way: what a ticket holds and what it does not, the rooms of epochs, and a server that is gone. No LiveKit runs here."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from django.db import connection, transaction

from mdo.directory.models import Board
from mdo.kernel import clock
from mdo.kernel.clock import now
from meetings import call
from meetings.models import CallRoom, Meeting
from meetings.room import call_work, livekit, media, relay, stays
from meetings.tasks import sweep
from tests.cast import Cast
from tests.factories import make_meeting
from tests.meetings.room.media_server import (
    KEY,
    SECRET,
    MediaServer,
    media_server,
    nothing_there,
    silent_server,
)

PEER = UUID("01990000-0000-7000-8000-000000000001")


@pytest.fixture
def server(settings: Any) -> Iterator[MediaServer]:
    with media_server() as running:
        settings.MDO_LIVEKIT = ["wss://media-1.example.org", "wss://media-2.example.org"]
        settings.MDO_LIVEKIT_API = [running.url]
        settings.MDO_LIVEKIT_KEY, settings.MDO_LIVEKIT_SECRET = KEY, SECRET
        yield running


@pytest.fixture
def meeting(db: None, cast: Cast) -> Meeting:
    return make_meeting(cast.board)


def asking(meeting: Meeting, epoch: int = 0, **more: Any) -> media.Ask:
    """A member who may speak asks for a ticket of this epoch, whose row is there as the room makes it."""
    CallRoom.objects.get_or_create(meeting=meeting, epoch=epoch)
    member = media.Ask(
        meeting_id=meeting.pk,
        epoch=epoch,
        peer=PEER,
        name="An Peeters",
        guest=False,
        speak=True,
        encrypted=False,
        at=now(),
    )
    return replace(member, **more)


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, SECRET, algorithms=["HS256"], options={"require": ["exp", "nbf"]})
    return found


# --- tickets -------------------------------------------------------------------------------------------------------------


def test_a_ticket_is_for_this_room_and_ten_minutes_and_grants_nothing_else(
    server: MediaServer, meeting: Meeting
) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    ticket = livekit.ticket(asking(meeting))
    found = claims(ticket.pop("token"))
    expires, begins = found.pop("exp"), found.pop("nbf")
    assert expires - begins == 600
    assert before <= datetime.fromtimestamp(begins, UTC) <= datetime.now(UTC)
    name = f"{meeting.pk}.{call.tag(meeting.pk, 0)}"
    assert found == {
        "iss": KEY,
        "sub": str(PEER),
        "name": "An Peeters",
        "video": {
            "roomJoin": True,
            "room": name,
            "canPublish": True,
            "canPublishSources": ["microphone", "camera", "screen_share"],
            "canPublishData": False,
            "canSubscribe": True,
        },
    }
    assert (ticket.pop("ice"), ticket.pop("relay_only"), ticket.pop("key")) == ([], False, None)
    assert sorted(ticket.pop("urls")) == ["wss://media-1.example.org", "wss://media-2.example.org"]
    assert ticket == {}
    assert server.asked == [("ListRooms", name), ("CreateRoom", name)]


def test_whoever_may_only_listen_sends_nothing(server: MediaServer, meeting: Meeting) -> None:
    found = claims(livekit.ticket(asking(meeting, speak=False))["token"])["video"]
    assert (found["canPublish"], found.get("canPublishSources"), found["canSubscribe"]) == (False, None, True)


def test_the_whole_ticket_says_which_way_and_until_when(server: MediaServer, meeting: Meeting) -> None:
    at = datetime(2026, 11, 3, 9, tzinfo=UTC)
    ticket = media.ticket("livekit", asking(meeting, at=at))
    assert {name: ticket[name] for name in ("way", "peer", "epoch", "speak", "expires_at")} == {
        "way": "livekit",
        "peer": str(PEER),
        "epoch": call.tag(meeting.pk, 0),
        "speak": True,
        "expires_at": "2026-11-03T09:10:00Z",
    }


def test_the_room_is_made_once(server: MediaServer, meeting: Meeting) -> None:
    for _ in range(3):
        livekit.ticket(asking(meeting, peer=uuid4()))
    assert [method for method, _ in server.asked].count("CreateRoom") == 1
    assert server.rooms == {livekit.room_name(meeting.pk, 0)}


def test_each_epoch_has_a_room_of_its_own_with_a_name_that_tells_nothing(server: MediaServer, meeting: Meeting) -> None:
    rooms = [claims(livekit.ticket(asking(meeting, epoch))["token"])["video"]["room"] for epoch in (0, 1)]
    assert len(set(rooms)) == 2
    assert [room.partition(".")[0] for room in rooms] == [str(meeting.pk)] * 2
    assert server.rooms == set(rooms)


def test_an_epoch_that_ended_gets_no_room_and_no_ticket(server: MediaServer, meeting: Meeting) -> None:
    ask = asking(meeting)
    CallRoom.objects.filter(meeting=meeting).update(ended_at=now())
    with pytest.raises(media.WayDown):
        livekit.ticket(ask)
    assert (server.rooms, server.asked) == (set(), [])


def test_a_room_that_ended_while_it_was_being_made_is_ended(
    server: MediaServer, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, made = asking(meeting), livekit._asked

    def asked(*args: Any, **more: Any) -> Any:
        found = made(*args, **more)
        CallRoom.objects.filter(meeting=meeting).update(ended_at=now())
        return found

    monkeypatch.setattr(livekit, "_asked", asked)
    with pytest.raises(media.WayDown):
        livekit.ticket(ask)
    assert server.rooms == set()


def test_the_key_is_of_the_epoch_and_only_where_the_board_wants_it(
    server: MediaServer, meeting: Meeting, settings: Any
) -> None:
    keys = [livekit.ticket(asking(meeting, epoch, encrypted=True))["key"] for epoch in (0, 0, 1)]
    assert keys[0] == keys[1] != keys[2]
    secret = hashlib.sha256(b"mdo.call.key" + settings.SECRET_KEY.encode()).digest()
    expected = hmac.new(secret, f"{meeting.pk}:0".encode(), hashlib.sha256).digest()
    assert base64.b64decode(keys[0]) == expected
    assert keys[0] not in livekit.ticket(asking(meeting, encrypted=True))["token"]
    assert livekit.ticket(asking(meeting))["key"] is None


def test_the_relay_goes_with_the_ticket(server: MediaServer, meeting: Meeting, settings: Any) -> None:
    settings.MDO_TURN, settings.MDO_TURN_SECRET = ["turn:relay.example.org:3478?transport=udp"], "r" * 24
    ask = asking(meeting, guest=True)
    ticket = livekit.ticket(ask)
    assert (ticket["ice"], ticket["relay_only"]) == (relay.ice_servers(str(PEER), ask.at), False)


def test_several_servers_are_begun_with_in_turn(server: MediaServer, cast: Cast, db: None) -> None:
    first = {livekit.ticket(asking(make_meeting(cast.board)))["urls"][0] for _ in range(24)}
    assert first == {"wss://media-1.example.org", "wss://media-2.example.org"}


# --- rooms ---------------------------------------------------------------------------------------------------------------


def test_a_room_is_ended_once_and_again_without_harm(server: MediaServer) -> None:
    server.rooms = {"a.1", "b.1"}
    livekit.end_room("a.1")
    livekit.end_room("a.1")
    assert server.rooms == {"b.1"}


def test_somebody_is_removed_and_nobody_is_no_fault(server: MediaServer, meeting: Meeting) -> None:
    name = livekit.room_name(meeting.pk, 3)
    server.people = {(name, str(PEER)), (name, "other")}
    livekit.remove(meeting.pk, 3, PEER)
    livekit.remove(meeting.pk, 3, PEER)
    assert server.people == {(name, "other")}


def test_rooms_that_are_due_are_ended_and_no_others(server: MediaServer, meeting: Meeting, cast: Cast) -> None:
    at = now()
    due, later, _ = (CallRoom.objects.create(meeting=meeting, epoch=epoch) for epoch in range(3))
    CallRoom.objects.filter(pk=due.pk).update(ends_at=at - timedelta(seconds=1))
    CallRoom.objects.filter(pk=later.pk).update(ends_at=at + timedelta(seconds=30))
    names = [livekit.room_name(meeting.pk, epoch) for epoch in range(3)]
    server.rooms = set(names)
    stays.sweep()
    assert server.rooms == {names[1], names[2]}
    rows = dict(CallRoom.objects.values_list("epoch", "ended_at"))
    assert (rows[0] is not None, rows[1], rows[2]) == (True, None, None)


def test_a_room_that_could_not_be_ended_is_tried_again(server: MediaServer, meeting: Meeting, settings: Any) -> None:
    at = now()
    with clock.frozen(at):
        CallRoom.objects.create(meeting=meeting, epoch=0, ends_at=at)
        server.rooms = {livekit.room_name(meeting.pk, 0)}
        settings.MDO_LIVEKIT_API = [nothing_there()]
        livekit.end_due()
    settings.MDO_LIVEKIT_API = [server.url]
    with clock.frozen(at + livekit.TRIED_AGAIN_AFTER - timedelta(seconds=1)):
        livekit.end_due()
        assert server.rooms != set()
    with clock.frozen(at + livekit.TRIED_AGAIN_AFTER):
        livekit.end_due()
        assert server.rooms == set()
        assert CallRoom.objects.get().ended_at == at + livekit.TRIED_AGAIN_AFTER


def test_without_a_server_rooms_are_over_by_themselves(meeting: Meeting, settings: Any) -> None:
    settings.MDO_LIVEKIT = settings.MDO_LIVEKIT_API = []
    CallRoom.objects.create(meeting=meeting, epoch=0, ends_at=now())
    livekit.end_due()
    assert CallRoom.objects.get().ended_at is not None


def test_the_sweep_ends_what_is_due(committed: None, server: MediaServer, cast: Cast) -> None:
    meeting = make_meeting(cast.board)
    CallRoom.objects.create(meeting=meeting, epoch=0, ends_at=now())
    server.rooms = {livekit.room_name(meeting.pk, 0)}
    sweep()
    assert (server.rooms, CallRoom.objects.get().ended_at is not None) == (set(), True)


def test_two_who_sweep_at_once_end_a_room_once(committed: None, server: MediaServer, cast: Cast) -> None:
    meeting = make_meeting(cast.board)
    CallRoom.objects.create(meeting=meeting, epoch=0, ends_at=now())
    server.rooms = {livekit.room_name(meeting.pk, 0)}
    claimed: list[int] = []

    def other() -> None:
        claimed.append(len(livekit._claimed()))
        connection.close()

    with transaction.atomic():  # the first one has claimed and not committed
        assert len(livekit._claimed()) == 1
        beside = Thread(target=other)
        beside.start()
        beside.join(10)
    assert claimed == [0]


# --- a server that is gone -----------------------------------------------------------------------------------------------


def test_nothing_listens(server: MediaServer, meeting: Meeting, settings: Any) -> None:
    settings.MDO_LIVEKIT_API = [nothing_there(), nothing_there()]
    for act in (
        lambda: livekit.ticket(asking(meeting)),
        lambda: livekit.end_room("a"),
        lambda: livekit.remove(meeting.pk, 0, PEER),
    ):
        began = monotonic()
        with pytest.raises(media.WayDown):
            act()
        assert monotonic() - began < 1
    assert livekit.alive() is False


@pytest.mark.parametrize("servers", [1, 2])
def test_a_server_that_takes_connections_and_never_answers(
    server: MediaServer, meeting: Meeting, settings: Any, servers: int
) -> None:
    with silent_server() as first, silent_server() as second:
        settings.MDO_LIVEKIT_API = [first, second][:servers]
        began = monotonic()
        with pytest.raises(media.WayDown):
            livekit.ticket(asking(meeting))
        assert 2.5 < monotonic() - began < 3.5
        began = monotonic()
        assert livekit.alive() is False
        assert 1.8 < monotonic() - began < 2.7


def test_another_server_answers_for_one_that_hangs_and_is_asked_first_from_then_on(
    server: MediaServer, meeting: Meeting, settings: Any
) -> None:
    with silent_server() as hanging:
        settings.MDO_LIVEKIT_API = [hanging, server.url]
        livekit._answered.clear()
        began = monotonic()
        livekit.ticket(asking(meeting))
        assert 1.2 < monotonic() - began < 3
        began = monotonic()
        livekit.ticket(asking(meeting))
        assert monotonic() - began < 1.2


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_that_fails(server: MediaServer, meeting: Meeting, status: int) -> None:
    server.fails_with = status
    with pytest.raises(media.WayDown):
        livekit.ticket(asking(meeting))
    assert livekit.alive() is False


def test_a_server_that_does_not_know_our_key(server: MediaServer, meeting: Meeting, settings: Any) -> None:
    assert livekit.alive() is True
    settings.MDO_LIVEKIT_SECRET = "another-secret-of-these-tests-0123456789"
    assert livekit.alive() is False
    with pytest.raises(media.WayDown):
        livekit.ticket(asking(meeting))


def test_who_is_shut_out_is_cut_first_and_the_call_moves_on_whatever_the_server_does(
    committed: None, server: MediaServer, cast: Cast, settings: Any
) -> None:
    Board.objects.filter(pk=cast.board.pk).update(call="livekit")
    meeting = make_meeting(cast.board)
    name = livekit.room_name(meeting.pk, 0)
    CallRoom.objects.create(meeting=meeting, epoch=0)
    server.people = {(name, str(PEER))}
    call_work.shut_out(meeting.pk, 0, [PEER])
    meeting.refresh_from_db()
    assert (server.people, meeting.call_epoch, CallRoom.objects.get().ends_at is not None) == (set(), 1, True)
    settings.MDO_LIVEKIT_API = [nothing_there()]
    with pytest.raises(media.WayDown):
        call_work.shut_out(meeting.pk, 1, [PEER])
    meeting.refresh_from_db()
    assert meeting.call_epoch == 2
