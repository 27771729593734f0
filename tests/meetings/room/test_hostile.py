"""Any bytes from a client get a clear error or a 44xx close; a flood or a stalled reader costs only its own connection."""

import contextlib
import json
from time import monotonic
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from hypothesis import given
from hypothesis import strategies as st

from mdo.kernel.errors import Refused
from meetings.room import connection, hub
from meetings.room.commands import COMMANDS
from meetings.room.protocol import MAX_BYTES, Close, decode
from tests.cast import Cast
from tests.factories import make_item, make_meeting, make_referral
from tests.room_client import enter, room_of, sign_in, unhurried

NASTY = [
    "",
    "null",
    "[]",
    "{}",
    "{",
    "\0",
    '{"do":"ping"}',
    '{"do":"ping","seen":-1}',
    '{"do":"ping","seen":1e400}',
    '{"do":"ping","seen":' + "9" * 5000 + "}",
    '{"do":"resume","since":"x"}',
    '{"id":"x","do":"meeting.start"}',
    '{"id":"0199aaaa-0000-7000-8000-000000000001","do":["meeting.start"]}',
    '{"id":"0199aaaa-0000-7000-8000-000000000002","do":"meeting.start","args":{},"by":"somebody else"}',
    "[" * 20_000,
    '{"a":' * 5_000 + "1" + "}" * 5_000,
    '"\\ud800"',
    '{"do":"\\ud800","seen":1}',
]


@pytest.mark.parametrize("text", NASTY)
def test_what_is_no_message_is_refused_in_words(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        decode(text)
    assert refusal.value.message


@given(st.text())
def test_no_text_is_a_fault(text: str) -> None:
    with contextlib.suppress(Refused):
        decode(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda each: st.lists(each) | st.dictionaries(st.text(), each),
    )
)
def test_no_json_is_a_fault(value: object) -> None:
    with contextlib.suppress(Refused):
        decode(json.dumps(value))


@sync_to_async
def set_table(cast: Cast):
    meeting = make_meeting(cast.board)
    return meeting, make_item(
        meeting, make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled")
    )


async def test_three_malformed_frames_close(committed: None, cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.chair) as (chair,):
        for _ in range(3):
            await chair.communicator.send_to(text_data="{")
        answers = [await chair.until(lambda frame: frame["t"] == "refused") for _ in range(3)]
        assert {(each["code"], each["id"]) for each in answers} == {("invalid", None)}
        assert await chair.closed() == Close.MALFORMED


async def test_a_binary_frame_is_malformed_and_a_large_one_closes(committed: None, cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        await chair.communicator.send_to(bytes_data=b"\x00\xff")
        assert (await chair.until(lambda frame: frame["t"] == "refused"))["code"] == "invalid"
        await radiologist.communicator.send_to(text_data="x" * (MAX_BYTES + 1))
        assert await radiologist.closed() == Close.TOO_LARGE


ARGUMENTS = [
    {},
    {"item": "x"},
    {"item": str(uuid4()), "version": "9" * 40},
    {"item": str(uuid4()), "version": 1, "by": str(uuid4())},
    {"item": None, "version": None, "text": "\0", "steps": [{"kind": "\0"}]},
    {"referral": str(uuid4()), "minutes": 10**30},
    {"title": "a\0b", "minutes": 5},
    {"from_item": {"a": []}},
]


async def test_wrong_arguments_are_refused_with_their_field(committed: None, cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.chair) as (chair,):
        for name in [*sorted(COMMANDS), "no.such_command", "x" * 60]:
            for args in ARGUMENTS if name not in ("call.mute_all", "meeting.start", "meeting.close") else ARGUMENTS[1:]:
                answer = await chair.do(name, **args)
                assert answer["t"] == "refused", (name, args)
                assert answer["code"] in ("invalid", "not_found", "rule"), (name, args, answer)
                assert answer["message"]
                unhurried(meeting.pk)
                await chair.send({"do": "ping", "seen": chair.seq})  # nor of who falls behind


async def test_foreign_ids_are_not_found(committed: None, cast: Cast) -> None:
    """An item of another meeting and a referral of the hospital in no agreement do not exist here."""
    meeting, _ = await set_table(cast)
    other, item = await set_table(cast)
    foreign = await sync_to_async(make_referral)(cast.board, cast.outside, cast.outsider.person, status="submitted")
    async with room_of(meeting.pk, cast.chair) as (chair,):
        await chair.done("meeting.start")
        for name, args in (
            ("agenda.open_item", {"item": item.pk, "version": item.version}),
            ("agenda.postpone", {"item": item.pk, "version": item.version, "reason": "other"}),
            ("draft.save", {"item": item.pk, "version": 1, "steps": []}),
            ("agenda.park", {"item": item.pk, "version": item.version}),
            ("readback.begin", {"item": item.pk, "version": 1, "text": 0}),
            ("remark.say", {"item": item.pk, "text": "x"}),
            ("agenda.add_late", {"referral": foreign.pk, "minutes": 5}),
        ):
            answer = await chair.do(name, **args)
            assert (answer["t"], answer["code"]) == ("refused", "not_found"), name
    assert other.pk != meeting.pk


async def test_a_flood_closes_its_sender_only(committed: None, cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.radiologist, cast.chair) as (flood, chair):
        began = monotonic()
        for _ in range(400):
            await flood.send({"do": "ping", "seen": 0})
        assert await flood.closed() == Close.TOO_FAST
        assert monotonic() - began <= 2
        assert (await chair.do("meeting.start"))["t"] == "ack"


async def test_a_reader_that_falls_behind_is_closed_and_catches_up(
    committed: None, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MOST_UNSEEN_FRAMES", 5)
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.radiologist, cast.chair) as (stalled, chair):
        last = stalled.seq
        await chair.done("meeting.start")
        for number in range(8):
            seq = await chair.done("agenda.add_topic", title=f"Punt {number}", minutes=5)
            await chair.send({"do": "ping", "seen": seq})
        assert await stalled.closed() == Close.BEHIND
        again = await enter(meeting.pk, cast.radiologist, query=f"?since={last}")
        await again.leave()
        assert again.frames[0]["t"] in ("event", "snapshot")


async def test_many_sockets_of_one_person_replace_the_oldest(committed: None, cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, *[cast.radiologist] * 6) as clients:
        assert await clients[0].closed() == Close.REPLACED
        for client in clients[1:]:
            await client.send({"do": "ping", "seen": 0})
            await client.until(lambda frame: frame["t"] == "head")


async def test_an_unknown_address_is_answered_as_no_access(committed: None, cast: Cast) -> None:
    from channels.testing import WebsocketCommunicator
    from django.conf import settings

    from mdo.asgi import application

    key = await sync_to_async(sign_in)(cast.chair)
    headers = [
        (b"origin", settings.MDO_ORIGINS[0].encode()),
        (b"cookie", f"{settings.SESSION_COOKIE_NAME}={key}".encode()),
    ]
    for path in ("/ws/", "/ws/meetings/1/", "/elsewhere"):
        stray = WebsocketCommunicator(application, path, headers=headers)
        assert (await stray.connect(5))[0]
        assert (await stray.receive_output(5))["code"] == Close.NO_ACCESS
    await hub.stop()
