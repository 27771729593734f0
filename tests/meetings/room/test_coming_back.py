"""Who comes back: told from memory what they missed, or from one reading of the room for all who come at the same moment."""

import asyncio
import struct

import pytest
from asgiref.sync import sync_to_async

from meetings.room import hub, work
from meetings.room.connection import prepare
from tests.cast import Cast
from tests.factories import make_item, make_meeting, make_referral
from tests.room_client import RoomClient, communicator, enter, room_of, sign_in

pytestmark = pytest.mark.usefixtures("committed")

MANY = ("coordinator", "secretary", "radiologist", "requester")


@sync_to_async
def set_table(cast: Cast):
    meeting = make_meeting(cast.board)
    for _ in range(3):
        make_item(meeting, make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled"))
    return meeting


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Each reading of a room for somebody who comes."""
    seen: list[object] = []
    read = work.stand

    def stand(meeting_id, since):
        seen.append(since)
        return read(meeting_id, since)

    monkeypatch.setattr(work, "stand", stand)
    return seen


async def back(meeting_id, member, since: int) -> RoomClient:
    """Connected again with ``since``, before the first frame is read."""
    key = await sync_to_async(sign_in)(member)
    client = RoomClient(communicator(meeting_id, key, query=f"?since={since}"))
    accepted, _ = await client.communicator.connect(8)
    assert accepted
    client.seq, client.room = since, {"items": [], "people": []}
    return client


async def test_one_reading_serves_all_who_come_back_at_once(
    cast: Cast, readings: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = await set_table(cast)
    members = [cast.members[name] for name in MANY]
    async with room_of(meeting.pk, cast.chair, *members) as (chair, *others):
        await chair.until(lambda frame: frame["t"] == "event" and sum(p["present"] for p in chair.room["people"]) == 5)
        seen = chair.seq

        async def later() -> None:
            """Who left is no news meanwhile: it would be read as well, by whoever comes after it."""

        monkeypatch.setattr(hub.here(), "flush_presence", later)
        for other in others:
            await other.reach(seen)
            await other.leave()
        for _ in range(3):
            await chair.done("agenda.add_topic", title="Rondvraag", minutes=5)
        # Nobody of theirs was here: what they missed was drawn for nobody, and has to be read, once.
        here = hub.here()
        here.rooms[meeting.pk].forget()
        readings.clear()
        again = await asyncio.gather(*(back(meeting.pk, member, seen) for member in members))
        head = chair.seq
        for client in again:
            await client.reach(head)  # without a gap: the client itself asserts it
            assert client.frames[0]["seq"] == seen + 1
        assert readings == [seen]
        for client in again:
            await client.leave()


async def test_what_is_remembered_needs_no_reading(cast: Cast, readings: list[object]) -> None:
    meeting = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        await chair.until(lambda frame: frame["t"] == "event" and sum(p["present"] for p in chair.room["people"]) == 2)
        seen = chair.seq
        for _ in range(3):
            seq = await chair.done("agenda.add_topic", title="Rondvraag", minutes=5)
        await radiologist.reach(seq)
        readings.clear()
        # The same person on another screen, who last heard `seen`: the same frames, out of memory.
        second = await back(meeting.pk, cast.radiologist, seen)
        await second.reach(seq)
        told = [frame for frame in radiologist.frames if frame["t"] == "event" and seen < frame["seq"] <= seq]
        assert [frame for frame in second.frames if frame["t"] == "event" and frame["seq"] <= seq] == told
        assert readings == []
        await second.leave()


async def test_a_number_from_the_future_gets_the_whole_room(cast: Cast) -> None:
    meeting = await set_table(cast)
    async with room_of(meeting.pk, cast.chair) as (chair,):
        await chair.done("meeting.start")
        client = await enter(meeting.pk, cast.radiologist, query="?since=999999")
        assert client.frames[0]["t"] == "snapshot"
        await client.leave()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_prepared_frame_is_one_whole_text_frame(size: int) -> None:
    """RFC 6455 §5.2, read back by its three lengths."""
    ready = prepare("é" * (size // 2) + "x" * (size % 2))
    wire, body = ready.wire, ready.text.encode()
    assert wire[0] == 0x81
    if wire[1] < 126:
        length, rest = wire[1], wire[2:]
    elif wire[1] == 126:
        length, rest = struct.unpack("!H", wire[2:4])[0], wire[4:]
    else:
        length, rest = struct.unpack("!Q", wire[2:10])[0], wire[10:]
    assert (length, rest) == (size, body)
    assert wire[1] == min(size, 125) or size > 125
