"""The call: who may take part, what reaches whom, and what ends it. Real sockets of the whole application; no browser."""

import asyncio
import json
from contextlib import suppress
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from mdo.directory.models import Agreement, Board, BoardRole
from mdo.kernel.clock import now
from mdo.kernel.models import AuditEntry
from meetings import call
from meetings.models import AgendaItem, Lease, Meeting
from meetings.room import hub, relay
from meetings.room.protocol import Close
from tests.cast import Cast
from tests.factories import make_item, make_meeting, make_referral, writing
from tests.room_client import RoomClient, enter, room_of

pytestmark = pytest.mark.usefixtures("committed")

SILENT = {"mic": False, "camera": False, "screen": False, "hand": False, "low": False}
QUIET_S = 0.4
SDP = "v=0\r\no=- 1 2 IN IP4 192.0.2.7\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 192.0.2.7\r\na=sendrecv\r\n"
HOST = "candidate:1 1 udp 2122260223 192.0.2.7 50001 typ host generation 0 ufrag a1b2"
RELAYED = "candidate:2 1 udp 41885439 198.51.100.9 50002 typ relay raddr 192.0.2.7 rport 50001 generation 0 ufrag a1b2"


@pytest.fixture
def with_relay(settings: Any) -> None:
    settings.MDO_TURN = ["turn:relay.example.org:3478?transport=udp"]
    settings.MDO_TURN_SECRET = "relay-secret-of-this-test-only"


@sync_to_async
def set_table(cast: Cast, **board: Any) -> tuple[Meeting, list[AgendaItem]]:
    """The organiser's case, then the guest's case."""
    if board:
        Board.objects.filter(pk=cast.board.pk).update(**board)
    meeting = make_meeting(Board.objects.get(pk=cast.board.pk))
    requester = cast.requester.person
    first = make_referral(cast.board, cast.organiser, requester, status="scheduled")
    second = make_referral(cast.board, cast.organiser, requester, status="scheduled", guest=cast.guest.person)
    return meeting, [make_item(meeting, each) for each in (first, second)]


async def join(client: RoomClient, *, peer: str | None = None, **state: bool) -> dict[str, Any]:
    """Ask to take part; the ticket, or the refusal."""
    sent = str(uuid4())
    await client.send({"do": "call.join", "id": sent, "state": {**SILENT, **state}, "peer": peer})
    return await client.until(lambda frame: frame["t"] in ("call.ticket", "call.refused") and frame["id"] == sent)


def parts(client: RoomClient) -> dict[str, dict[str, Any]]:
    """Who is in the call as this client sees it: peer → what they show."""
    return {each["peer"]: each for person in client.room["people"] for each in person["calls"]}


async def sees(client: RoomClient, *peers: str) -> None:
    """Read until exactly these are in the call."""
    while set(parts(client)) != set(peers):
        await client.next_frame()


def signal(to: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"do": "call.signal", "to": to, "data": data}


def offer(sdp: str = SDP) -> dict[str, Any]:
    return {"kind": "description", "type": "offer", "sdp": sdp}


def candidates(*each: str) -> dict[str, Any]:
    listed = [{"candidate": one, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "a1b2"} for one in each]
    return {"kind": "candidates", "candidates": listed}


async def hears(client: RoomClient) -> dict[str, Any]:
    return await client.until(lambda frame: frame["t"] == "call.signal")


async def hears_nothing(client: RoomClient, kind: str = "call.signal") -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(QUIET_S):
            while True:
                frame = await client.next_frame()
                assert frame["t"] != kind, frame


async def test_members_take_part_and_everybody_sees_who(cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.partner, cast.observer) as (chair, partner, observer):
        ticket = await join(chair, mic=True)
        epoch = call.tag(meeting.pk, 0)
        given = {key: ticket[key] for key in ("t", "way", "epoch", "speak", "ice", "relay_only")}
        assert given == {
            "t": "call.ticket",
            "way": "mesh",
            "epoch": epoch,
            "speak": True,
            "ice": [],
            "relay_only": False,
        }
        assert chair.room["meeting"]["call"] == {
            "way": "mesh",
            "epoch": epoch,
            "muted_at": None,
            "muted_by": None,
            "link": None,
            "dial_in": None,
            "server": False,
        }
        for other in (chair, partner, observer):
            await sees(other, ticket["peer"])
        shown = parts(partner)[ticket["peer"]]
        since = shown.pop("since")
        assert shown == {
            "peer": ticket["peer"],
            **SILENT,
            "mic": True,
            "guest": False,
            "speak": True,
            "hand_at": None,
        }
        assert since
        # Somebody who watches hears, and says nothing.
        watching = await join(observer)
        assert (watching["t"], watching["speak"]) == ("call.ticket", False)
        await chair.send({"do": "call.leave"})
        await sees(partner, watching["peer"])


async def test_what_somebody_shows_reaches_the_others_and_hands_have_an_order(cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.partner) as (chair, partner):
        mine, theirs = (await join(chair))["peer"], (await join(partner))["peer"]
        await partner.send({"do": "call.state", "state": {**SILENT, "hand": True, "camera": True}})
        while not parts(chair).get(theirs, {}).get("hand"):
            await chair.next_frame()
        up = parts(chair)[theirs]
        assert (up["camera"], up["hand_at"] is not None) == (True, True)
        # What is switched on and off meanwhile leaves the hand where it is in the order.
        await partner.send({"do": "call.state", "state": {**SILENT, "hand": True, "mic": True}})
        while not parts(chair)[theirs]["mic"]:
            await chair.next_frame()
        assert parts(chair)[theirs]["hand_at"] == up["hand_at"]
        await partner.send({"do": "call.state", "state": SILENT})
        while parts(chair)[theirs]["hand"]:
            await chair.next_frame()
        assert (parts(chair)[theirs]["hand_at"], parts(chair)[mine]["hand"]) == (None, False)


async def test_a_signal_reaches_that_peer_alone(cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.partner, cast.radiologist) as (chair, partner, radiologist):
        peers = [(await join(each))["peer"] for each in (chair, partner, radiologist)]
        await chair.send(signal(peers[1], offer()))
        await chair.send(signal(peers[1], candidates(HOST, RELAYED)))
        assert await hears(partner) == {"t": "call.signal", "from": peers[0], "data": offer()}
        assert (await hears(partner))["data"] == candidates(HOST, RELAYED)
        await hears_nothing(radiologist)
        # To somebody who is not in the call, to oneself, and before one is in it: nowhere.
        await chair.send(signal(str(uuid4()), offer()))
        await chair.send(signal(peers[0], offer()))
        await partner.send({"do": "call.leave"})
        await partner.send(signal(peers[0], offer()))
        await hears_nothing(chair)


async def test_peers_of_two_meetings_do_not_meet(cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    elsewhere, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.chair) as (chair,):
        mine = (await join(chair))["peer"]
        other = await enter(elsewhere.pk, cast.partner)
        await join(other)
        await other.send(signal(mine, offer()))
        await hears_nothing(chair)
        await other.leave()


async def test_whoever_may_only_listen_announces_nothing(cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.observer) as (chair, observer):
        peers = [(await join(each))["peer"] for each in (chair, observer)]
        for line in ("a=sendrecv", "a=sendonly"):
            await observer.send(signal(peers[0], offer(SDP.replace("a=sendrecv", line))))
        await hears_nothing(chair)
        await observer.send(signal(peers[0], offer(SDP.replace("a=sendrecv", "a=recvonly"))))
        assert (await hears(chair))["from"] == peers[1]


async def test_somebody_who_comes_back_is_the_same_and_nobody_takes_another_s_name(cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.partner) as (chair, partner):
        before = (await join(partner))["peer"]
        await sees(chair, before)
        # The line is cut and a new one begins before anybody noticed.
        again = await enter(meeting.pk, cast.partner)
        back = await join(again, peer=before)
        assert back["peer"] == before
        await chair.send({"do": "call.join", "id": str(uuid4()), "state": SILENT, "peer": before})
        mine = await chair.until(lambda frame: frame["t"] == "call.ticket")
        assert mine["peer"] != before
        await chair.send(signal(before, offer()))
        assert (await hears(again))["data"] == offer()
        await hears_nothing(partner)
        await again.leave()


async def test_a_guest_takes_part_in_the_own_slot_through_the_relay_and_nobody_s_address_is_seen(
    cast: Cast, with_relay: None
) -> None:
    meeting, (first, own) = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.guest) as (chair, guest):
        mine = (await join(chair, mic=True))["peer"]
        assert (await join(guest))["code"] == "forbidden"
        assert (guest.room["people"], guest.room["meeting"]["call"]["way"]) == ([], "none")
        await chair.done("meeting.start")
        await chair.done("agenda.open_item", item=own.pk, version=chair.item(own.pk)["version"])
        await guest.until(lambda frame: frame["t"] == "snapshot" and frame["room"]["items"] != [])
        assert guest.you["can"] == ["call", "share", "speak"]
        ticket = await join(guest)
        assert (ticket["way"], ticket["relay_only"], len(ticket["ice"])) == ("mesh", True, 1)
        # They see who is in the call, by name, without a time; nobody else and nothing of the agenda.
        await sees(guest, mine, ticket["peer"])
        names = {person["name"] for person in guest.room["people"]}
        assert names == {cast.chair.person.display_name, cast.guest.person.display_name}
        assert {person["since"] for person in guest.room["people"]} == {None}
        assert {each["since"] for each in parts(guest).values()} == {None}
        await sees(chair, mine, ticket["peer"])
        for one, other, to in ((chair, guest, ticket["peer"]), (guest, chair, mine)):
            await one.send(signal(to, offer()))
            said = json.dumps(await hears(other))
            assert "192.0.2.7" not in said
            assert "m=audio" in said
            await one.send(signal(to, candidates(HOST)))
            await one.send(signal(to, candidates(RELAYED)))
            said = json.dumps(await hears(other))
            assert "192.0.2.7" not in said
            assert "198.51.100.9" in said
        # The slot ends: told, and out for everybody within two seconds.
        began = monotonic()
        await chair.done("agenda.open_item", item=first.pk, version=chair.item(first.pk)["version"])
        ended = await guest.until(lambda frame: frame["t"] == "call.ended")
        assert ended["reason"] == "slot"
        if not any(frame["t"] == "call.gone" for frame in chair.frames):
            gone = await chair.until(lambda frame: frame["t"] == "call.gone")
            assert gone["peers"] == [ticket["peer"]]
        assert monotonic() - began <= 2.0
        await sees(chair, mine)
        await guest.send(signal(mine, offer()))
        await hears_nothing(chair)
        assert (await join(guest))["code"] == "forbidden"


async def test_without_the_filter_a_guest_would_see_addresses(
    cast: Cast, with_relay: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: it is the filter that keeps a member's address from a guest."""
    monkeypatch.setattr(relay, "only_relayed_sdp", lambda sdp: sdp)
    meeting, (_, own) = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.guest) as (chair, guest):
        await join(chair)
        await chair.done("meeting.start")
        await chair.done("agenda.open_item", item=own.pk, version=chair.item(own.pk)["version"])
        await guest.until(lambda frame: frame["t"] == "snapshot" and frame["room"]["items"] != [])
        theirs = (await join(guest))["peer"]
        await chair.send(signal(theirs, offer()))
        assert "192.0.2.7" in json.dumps(await hears(guest))


async def test_without_a_relay_there_is_nothing_for_guests_but_the_number(cast: Cast) -> None:
    meeting, (_, own) = await set_table(cast, call_dial_in="+32 2 555 01 01, code 1234#")
    async with room_of(meeting.pk, cast.chair, cast.guest) as (chair, guest):
        await chair.done("meeting.start")
        assert guest.room["meeting"]["call"]["dial_in"] is None
        await chair.done("agenda.open_item", item=own.pk, version=chair.item(own.pk)["version"])
        await guest.until(lambda frame: frame["t"] == "snapshot" and frame["room"]["items"] != [])
        shown = guest.room["meeting"]["call"]
        assert (shown["way"], shown["dial_in"]) == ("none", "+32 2 555 01 01, code 1234#")
        assert (await join(guest))["code"] == "no_relay"


async def test_the_hospital_s_own_system_is_a_link_for_members_and_not_for_guests(cast: Cast) -> None:
    link = "https://call.example.org/borst-42"
    meeting, (_, own) = await set_table(cast, call="own", call_link=link, call_dial_in="+32 2 555 01 01")
    async with room_of(meeting.pk, cast.chair, cast.partner, cast.guest) as (chair, partner, guest):
        for member in (chair, partner):
            shown = member.room["meeting"]["call"]
            assert (shown["way"], shown["link"], shown["dial_in"]) == ("own", link, "+32 2 555 01 01")
            assert (await join(member))["code"] == "none"
        await chair.done("meeting.start")
        await chair.done("agenda.open_item", item=own.pk, version=chair.item(own.pk)["version"])
        await guest.until(lambda frame: frame["t"] == "snapshot" and frame["room"]["items"] != [])
        assert guest.room["meeting"]["call"]["dial_in"] == "+32 2 555 01 01"
        assert link not in guest.text


async def test_no_call_and_no_board_s_call_are_said(cast: Cast) -> None:
    meeting, _ = await set_table(cast, call="off")
    async with room_of(meeting.pk, cast.chair) as (chair,):
        assert chair.room["meeting"]["call"]["way"] == "none"
        assert (await join(chair))["code"] == "none"


async def test_a_call_is_over_with_its_meeting(cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.partner) as (chair, partner):
        await chair.done("meeting.start")
        await chair.done("meeting.close")
        assert (await join(partner))["code"] == "over"


async def test_the_chair_mutes_all_and_a_guest_hears_of_nothing_from_before(cast: Cast, with_relay: None) -> None:
    meeting, (_, own) = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.partner, cast.guest) as (chair, partner, guest):
        assert (await partner.do("call.mute_all"))["code"] == "forbidden"
        await chair.done("meeting.start")
        seq = await chair.done("call.mute_all")
        await partner.reach(seq)
        muted = partner.room["meeting"]["call"]
        assert (muted["muted_by"], muted["muted_at"] is not None) == (str(cast.chair.pk), True)
        await chair.done("agenda.open_item", item=own.pk, version=chair.item(own.pk)["version"])
        await guest.until(lambda frame: frame["t"] == "snapshot" and frame["room"]["items"] != [])
        assert guest.room["meeting"]["call"]["muted_at"] is None
        await chair.done("call.mute_all")
        await guest.until(lambda frame: frame["t"] == "snapshot" and frame["room"]["meeting"]["call"]["muted_at"])

    @sync_to_async
    def written() -> list[tuple[str, str]]:
        return list(AuditEntry.objects.filter(action="call.mute_all").values_list("action", "outcome").order_by("id"))

    assert await written() == [("call.mute_all", "forbidden"), ("call.mute_all", "ok"), ("call.mute_all", "ok")]


async def test_a_right_that_ends_ends_the_call_within_a_second(cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.partner) as (chair, partner):
        mine, theirs = (await join(chair))["peer"], (await join(partner))["peer"]
        await sees(chair, mine, theirs)
        await sync_to_async(Agreement.objects.filter(pk=cast.agreement.pk).update)(status=Agreement.Status.ENDED)
        began = monotonic()
        gone = await chair.until(lambda frame: frame["t"] == "call.gone")
        assert (gone["peers"], monotonic() - began <= 1.0) == ([theirs], True)
        assert await partner.closed() == Close.NO_ACCESS
        await sees(chair, mine)


async def test_a_member_who_becomes_an_observer_asks_anew_and_only_listens(cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.radiologist) as (radiologist,):
        peer = (await join(radiologist))["peer"]

        @sync_to_async
        def demote() -> None:
            roles = BoardRole.objects.filter(person=cast.radiologist.person, board=cast.board)
            roles.update(role=BoardRole.Role.OBSERVER)

        await demote()
        assert (await radiologist.until(lambda frame: frame["t"] == "call.ended"))["reason"] == "moved"
        again = await join(radiologist, peer=peer)
        assert (again["peer"], again["speak"]) == (peer, False)


async def test_a_socket_that_goes_is_out_of_the_call_with_its_lease(cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    partner = await enter(meeting.pk, cast.partner)
    async with room_of(meeting.pk, cast.chair) as (chair,):
        await sees(chair, (await join(partner))["peer"])
        await partner.leave()
        await sees(chair)

    @sync_to_async
    def open_leases() -> int:
        return Lease.objects.filter(ended_at=None, call__isnull=False).count()

    assert await open_leases() == 0


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (offer("v=0\r\n" + "a=" * 24_600), Close.TOO_LARGE),
        (candidates(*["x"] * 33), Close.TOO_FAST),
    ],
)
async def test_what_is_too_much_closes_its_sender(cast: Cast, data: dict[str, Any], code: int) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.partner) as (chair, partner):
        mine = (await join(chair))["peer"]
        await join(partner)
        await partner.send(signal(mine, data))
        assert await partner.closed() == code
        await hears_nothing(chair)


async def test_a_hundred_kibibytes_and_five_hundred_candidates_close_their_sender(cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.partner, cast.radiologist) as (chair, partner, radiologist):
        mine = (await join(chair))["peer"]
        for each in (partner, radiologist):
            await join(each)
        await partner.send(signal(mine, offer("a" * 100 * 1024)))
        assert await partner.closed() == Close.TOO_LARGE
        for _ in range(500 // 25):
            await radiologist.send(signal(mine, candidates(*[HOST] * 25)))
        assert await radiologist.closed() == Close.TOO_FAST
        # Nobody else felt it.
        await chair.send({"do": "ping", "seen": chair.seq})
        await chair.until(lambda frame: frame["t"] == "head")


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"kind": "nothing"},
        {"kind": "description", "type": "rollback", "sdp": ""},
        {"kind": "description", "type": "offer", "sdp": "a\0b"},
        {"kind": "candidates", "candidates": [{"candidate": 1}]},
        {"kind": "candidates", "candidates": {"0": "x"}},
        {"kind": "want", "picture": "all", "height": -1},
        {"kind": "bye", "from": "somebody else"},
    ],
)
async def test_what_is_no_signal_is_refused_and_three_close(cast: Cast, data: dict[str, Any]) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.partner) as (chair, partner):
        mine = (await join(chair))["peer"]
        await join(partner)
        await partner.send(signal(mine, data))
        refused = await partner.until(lambda frame: frame["t"] == "refused")
        assert (refused["code"], refused["id"]) == ("invalid", None)
        for _ in range(2):
            await partner.send(signal(mine, data))
        assert await partner.closed() == Close.MALFORMED
        await hears_nothing(chair)


async def test_processes_pass_signals_on(cast: Cast, with_relay: None) -> None:
    meeting, (_, _own) = await set_table(cast)
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(hub.GROUP, channel)
    async with room_of(meeting.pk, cast.chair, cast.guest) as (chair, _guest):
        mine = (await join(chair))["peer"]
        far = str(uuid4())
        await chair.send(signal(far, offer()))
        async with asyncio.timeout(5):
            published = await layer.receive(channel)
            while published["type"] != "call.signal":
                published = await layer.receive(channel)
        said = {key: published[key] for key in ("meeting", "peer", "to", "data", "guest")}
        assert said == {"meeting": str(meeting.pk), "peer": mine, "to": far, "data": offer(), "guest": False}
        message = {**said, "type": "call.signal", "peer": far, "to": mine, "from": "elsewhere"}
        await layer.group_send(hub.GROUP, message)
        assert (await hears(chair))["from"] == far
        # A guest of another process, a guest here: the relay stands between all the same.
        await layer.group_send(hub.GROUP, {**message, "guest": True})
        assert "192.0.2.7" not in json.dumps(await hears(chair))
        await layer.group_send(
            hub.GROUP, {"type": "call.gone", "meeting": str(meeting.pk), "peers": [far], "from": "x"}
        )
        assert (await chair.until(lambda frame: frame["t"] == "call.gone"))["peers"] == [far]


async def test_a_ticket_is_renewed_by_whoever_is_in_the_call(cast: Cast, with_relay: None) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.chair) as (chair,):
        sent = str(uuid4())
        await chair.send({"do": "call.ticket", "id": sent})
        assert (await chair.until(lambda frame: frame["t"] == "call.refused"))["code"] == "forbidden"
        first = await join(chair)
        await chair.send({"do": "call.ticket", "id": sent})
        fresh = await chair.until(lambda frame: frame["t"] == "call.ticket" and frame["id"] == sent)
        assert fresh["peer"] == first["peer"]
        until = fresh["ice"][0]["username"].partition(":")[0]
        assert now().timestamp() < int(until) <= (now() + call.TICKET_LASTS + timedelta(seconds=1)).timestamp()


async def test_a_lost_media_server_leaves_a_small_call_to_the_mesh_and_a_large_one_in_words(
    cast: Cast, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing listens where the media server should be: a real refusal of the connection."""
    settings.MDO_LIVEKIT, settings.MDO_LIVEKIT_API = ["ws://127.0.0.1:9"], ["http://127.0.0.1:9"]
    settings.MDO_LIVEKIT_KEY, settings.MDO_LIVEKIT_SECRET = "key", "secret-of-at-least-thirty-two-characters"
    meeting, _ = await set_table(cast, call="livekit")
    async with room_of(meeting.pk, cast.chair, cast.partner) as (chair, partner):
        assert chair.room["meeting"]["call"]["way"] == "livekit"
        ticket = await join(chair)
        assert (ticket["way"], ticket["epoch"]) == ("mesh", call.tag(meeting.pk, 1))
        while partner.room["meeting"]["call"]["way"] != "mesh":
            await partner.next_frame()
        assert (await join(partner))["epoch"] == ticket["epoch"]
        monkeypatch.setattr(call, "MESH_AT_MOST", 0)

        @sync_to_async
        def as_the_board_wishes() -> None:
            with writing():
                Meeting.objects.filter(pk=meeting.pk).update(call_way="")

        await as_the_board_wishes()
        radiologist = await enter(meeting.pk, cast.radiologist)
        assert (await join(radiologist))["code"] == "server_gone"
        await radiologist.leave()


async def test_a_ticket_of_somebody_who_is_gone_moves_the_call_when_their_access_ends(
    cast: Cast, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MDO_LIVEKIT = ["ws://127.0.0.1:9"]
    removed: list[UUID] = []
    given = {"ice": [], "relay_only": False}
    from meetings.room import livekit

    # The media server itself is met in `make test-livekit`; here only whether it would be asked.
    monkeypatch.setattr(livekit, "ticket", lambda ask: given)
    monkeypatch.setattr(livekit, "remove", lambda meeting, epoch, peer: removed.append(peer))
    meeting, _ = await set_table(cast, call="livekit")
    partner = await enter(meeting.pk, cast.partner)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        await join(chair)
        await join(partner)
        watching = (await join(radiologist))["peer"]
        await partner.leave()
        await sync_to_async(Agreement.objects.filter(pk=cast.agreement.pk).update)(status=Agreement.Status.ENDED)
        while chair.room["meeting"]["call"]["epoch"] != call.tag(meeting.pk, 1):
            await chair.next_frame()
        assert removed == []
        await radiologist.send({"do": "call.ticket", "id": str(uuid4())})
        await radiologist.until(lambda frame: frame["t"] == "call.ticket")

        @sync_to_async
        def end() -> None:
            BoardRole.objects.filter(person=cast.radiologist.person).update(valid_until=now())

        await end()
        while chair.room["meeting"]["call"]["epoch"] == call.tag(meeting.pk, 1):
            await chair.next_frame()
        assert [str(each) for each in removed] == [watching]
