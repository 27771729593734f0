"""What is no typing is refused in words, what cannot be stored is not pretended, and a flood costs only its sender."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async

from mdo.kernel.errors import Refused
from meetings import texts
from meetings.room import connection, hub, text_sheet, threads
from meetings.room.protocol import Close, decode
from tests.cast import Cast
from tests.database import as_owner, audit_cannot_be_written, nobody_connects
from tests.meetings.room.typists import Typist, b64, open_table, rows, stored
from tests.meetings.test_text_updates import DANGLING, NO_UPDATES
from tests.room_client import RoomClient, room_of

ITEM = "0199aaaa-0000-7000-8000-000000000001"
ABOUT = {"item": ITEM, "field": "discussion"}
NO_MESSAGES = [
    {"do": "text.join", **ABOUT},
    {"do": "text.join", **ABOUT, "sv": "A"},
    {"do": "text.join", **ABOUT, "sv": "AA==\n"},
    {"do": "text.join", **ABOUT, "sv": "é"},
    {"do": "text.join", **ABOUT, "sv": None},
    {"do": "text.join", **ABOUT, "sv": [1]},
    {"do": "text.join", **ABOUT, "sv": b64(b"x" * (16 * 1024 + 1))},
    {"do": "text.join", "item": ITEM, "field": "steps", "sv": "AA=="},
    {"do": "text.join", "item": 1, "field": "discussion", "sv": "AA=="},
    {"do": "text.join", **ABOUT, "sv": "AA==", "by": ITEM},
    {"do": "text.leave", "item": ITEM},
    {"do": "text.update", **ABOUT, "data": "AAA="},
    {"do": "text.update", "id": "x", **ABOUT, "data": "AAA="},
    {"do": "text.update", "id": ITEM, **ABOUT, "data": "AAA=", "n": 5},
    {"do": "text.update", "id": ITEM, **ABOUT, "data": b64(b"x" * (48 * 1024 + 1))},
    {"do": "text.caret", **ABOUT, "data": b64(b"x" * 2049)},
    {"do": "text.saved", "id": ITEM, **ABOUT, "n": 1},
]


@pytest.mark.parametrize("message", NO_MESSAGES)
def test_what_is_no_message_about_a_text_is_refused(message: dict[str, object]) -> None:
    with pytest.raises(Refused):
        decode(json.dumps(message))


async def still_works(typist: Typist) -> None:
    before = typist.n
    assert (await typist.type("goed"))["n"] == before + 1


async def test_no_bytes_of_a_member_harm_the_text(committed: None, cast: Cast) -> None:
    meeting, item = await open_table(cast)
    async with room_of(meeting.pk, cast.radiologist, cast.chair) as (radiologist, chair):
        bad, good = Typist(item.pk), Typist(item.pk)
        await bad.join(radiologist)
        await good.join(chair)
        await good.type("Begin.")
        for name, data in {**NO_UPDATES, **DANGLING}.items():
            if len(data) > 48 * 1024:
                continue  # no message at all
            answer = await bad.try_to_send(data)
            assert (answer["t"], answer["code"], answer["message"] != "") == ("text.refused", "invalid", True), name
            for live in hub.here().rooms[meeting.pk].connections:
                live.socket.tokens = 100.0  # type: ignore[attr-defined]  # this is no test of the speed limit
        await still_works(good)
        await bad.reach(good.n)
        assert bad.plain == good.plain == "Begin.goed"
        assert await sync_to_async(rows)(item) == [(1, cast.chair.pk), (2, cast.chair.pk)]


async def test_a_text_that_is_too_long_is_said_to_be(committed: None, cast: Cast) -> None:
    meeting, item = await open_table(cast)
    async with room_of(meeting.pk, cast.chair) as (chair,):
        typist = Typist(item.pk)
        await typist.join(chair)
        refused = await typist.try_to_send(typist.write("x" * (texts.MOST_CHARACTERS + 1)))
        assert (refused["t"], refused["code"]) == ("text.refused", "too_long")
        again = Typist(item.pk)
        await again.join(chair)
        await again.type("x" * texts.MOST_CHARACTERS)
        assert (await sync_to_async(stored)(item))[0] == 1


async def test_wrong_state_vectors_are_refused_in_words(committed: None, cast: Cast) -> None:
    meeting, item = await open_table(cast)
    async with room_of(meeting.pk, cast.chair) as (chair,):
        typist = Typist(item.pk)
        typist.client = chair
        for state in (b"", b"\x01", b"\xff" * 16_000):
            await chair.send({"do": "text.join", **typist.about, "sv": b64(state)})
            refused = await typist.until("text.refused", "text.state")
            assert (refused["t"], refused["id"], refused["code"]) == ("text.refused", None, "invalid")
        await typist.join(chair)
        await still_works(typist)


async def test_a_flood_of_updates_closes_its_sender_only(committed: None, cast: Cast) -> None:
    meeting, item = await open_table(cast)
    async with room_of(meeting.pk, cast.radiologist, cast.chair) as (radiologist, chair):
        flood, good = Typist(item.pk), Typist(item.pk)
        await flood.join(radiologist)
        await good.join(chair)
        for _ in range(400):
            await flood.send(b"\0\0")
        assert await radiologist.closed() == Close.TOO_FAST
        await still_works(good)


async def test_who_types_more_than_anybody_can_is_asked_to_wait(committed: None, cast: Cast) -> None:
    meeting, item = await open_table(cast)
    async with room_of(meeting.pk, cast.radiologist) as (radiologist,):
        typist = Typist(item.pk)
        await typist.join(radiologist)
        codes = [(await typist.try_to_send(b"\1" * 40_000))["code"] for _ in range(30)]
        allowed = text_sheet.BYTES_BURST // 40_000
        assert codes[:allowed] == ["invalid"] * allowed
        assert codes[-1] == "too_fast"


async def test_a_flood_of_joins_is_asked_to_wait(committed: None, cast: Cast) -> None:
    meeting, item = await open_table(cast)
    async with room_of(meeting.pk, cast.chair) as (chair,):
        for _ in range(60):
            await chair.send({"do": "text.join", "item": str(uuid4()), "field": "discussion", "sv": "AA=="})
        answers = [await chair.until(lambda frame: frame["t"] == "text.refused") for _ in range(60)]
        assert {each["code"] for each in answers} == {"not_found", "too_fast"}
        assert all(each["message"] for each in answers)
        for bucket in hub.here().texts._lines.values():
            bucket.joins.left = 1.0
        typist = Typist(item.pk)
        await typist.join(chair)
        await still_works(typist)


async def test_a_reader_of_a_text_that_does_not_read_is_closed(
    committed: None, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting, item = await open_table(cast)
    async with room_of(meeting.pk, cast.radiologist, cast.chair) as (stalled, chair):
        reading, typing = Typist(item.pk), Typist(item.pk)
        await reading.join(stalled)
        await typing.join(chair)
        monkeypatch.setattr(connection, "MOST_UNSEEN_BYTES", 6000)
        for _ in range(8):
            await typing.type("x" * 1000)
            await chair.send({"do": "ping", "seen": chair.seq})
        assert await stalled.closed() == Close.BEHIND
        await still_works(typing)


# --- what cannot be stored -------------------------------------------------------------------------------------------------


@contextmanager
def locked_away() -> Iterator[None]:
    """Another transaction holds all texts for longer than anybody waits."""
    with as_owner() as owner, owner.transaction():
        owner.execute("LOCK TABLE meetings_textdocument IN ACCESS EXCLUSIVE MODE")
        yield


class Enter:
    """A context manager of threads, entered and left by a test's loop."""

    def __init__(self, manager) -> None:
        self.manager = manager

    async def __aenter__(self) -> None:
        await sync_to_async(self.manager.__enter__)()

    async def __aexit__(self, *error) -> None:
        await sync_to_async(self.manager.__exit__)(*error)


async def unavailable(client: RoomClient, typist: Typist) -> None:
    """An update and a join are refused, and nothing is told to anybody."""
    refused = await typist.try_to_send(typist.write("verloren?"))
    assert (refused["t"], refused["code"], refused["message"] != "") == ("text.refused", "unavailable", True)
    other = Typist(UUID(typist.about["item"]), texts.DISCUSSION)
    other.patience_s = typist.patience_s
    refused = await other.join(client)
    assert (refused["t"], refused["id"], refused["code"]) == ("text.refused", None, "unavailable")


@pytest.mark.parametrize("trouble", [nobody_connects, locked_away, audit_cannot_be_written])
async def test_what_cannot_be_stored_is_not_pretended(
    committed: None, cast: Cast, trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "KEPT_S", -1.0)  # no thread holds on to a connection of before
    meeting, item = await open_table(cast)
    async with room_of(meeting.pk, cast.radiologist, cast.chair) as (radiologist, chair):
        reading, typing = Typist(item.pk), Typist(item.pk)
        await reading.join(radiologist)
        await typing.join(chair)
        typing.patience_s = reading.patience_s = 60  # one waits a while for a database that is away
        listening = asyncio.create_task(reading.reach(1))
        async with Enter(trouble()):
            await unavailable(chair, typing)
        assert await sync_to_async(stored)(item) == (0, "")
        assert not [frame for frame in radiologist.frames if frame["t"] == "text.update"]
        # The page still has the words, and sends them again until they are held: connections come back one by one.
        async with asyncio.timeout(60):
            while (await typing.try_to_send(typing.doc.get_update(typing.acknowledged)))["t"] != "text.saved":
                continue
        await listening
        assert reading.plain == "verloren?"
