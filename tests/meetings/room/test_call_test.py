"""The socket on which people try out their connection: who is let in, what it answers, and that nothing it is sent does harm."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import connections
from hypothesis import given
from hypothesis import strategies as st

from mdo.asgi import application
from mdo.directory.models import Person
from mdo.kernel.errors import Refused
from meetings.room import call_test, hub
from meetings.room.call_test import BURST, ECHOES_AT_MOST, LONGEST, MOST_AT_ONCE, decode
from meetings.room.protocol import Close
from tests.cast import Cast, Member
from tests.room_client import sign_in

WITHIN_S = 8.0


class Line:
    """One page's socket of the test."""

    def __init__(self, key: str | None, origin: str | None = None) -> None:
        headers = [(b"origin", (origin or settings.MDO_ORIGINS[0]).encode()), (b"host", b"127.0.0.1")]
        if key is not None:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={key}".encode()))
        self.communicator = WebsocketCommunicator(application, "/ws/call-test/", headers=headers)

    async def open(self) -> "Line":
        assert (await self.communicator.connect(WITHIN_S))[0]
        return self

    async def begin(self) -> "Line":
        """Open, and read the first frame."""
        await self.open()
        assert await self.next() == {"t": "ready", "lasts_s": call_test.LASTS_S, "echoes": ECHOES_AT_MOST}
        return self

    async def next(self) -> dict[str, Any]:
        message = await self.communicator.receive_output(WITHIN_S)
        assert message["type"] == "websocket.send", message
        frame: dict[str, Any] = json.loads(message["text"])
        return frame

    async def say(self, **message: Any) -> None:
        await self.communicator.send_to(text_data=json.dumps(message))

    async def ask(self, **message: Any) -> dict[str, Any]:
        await self.say(do="echo", **message)
        return await self.next()

    async def closed(self) -> int:
        """Read until the server closes; returns the code."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                message = await self.communicator.receive_output(WITHIN_S)
                if message["type"] == "websocket.close":
                    return int(message["code"])


@pytest.fixture
async def lines(committed: None) -> AsyncIterator[list[Line]]:
    """Everything that is opened through ``come`` is closed again."""
    found: list[Line] = []
    yield found
    for line in found:
        await line.communicator.disconnect()
    assert call_test._open == []
    await hub.stop()
    await sync_to_async(connections.close_all)()


async def come(lines: list[Line], member: Member) -> Line:
    line = Line(await sync_to_async(sign_in)(member))
    lines.append(line)
    return await line.begin()


async def test_an_echo_comes_back_as_it_was(cast: Cast, lines: list[Line]) -> None:
    line = await come(lines, cast.outsider)  # whoever has an account, whatever their seat
    assert await line.ask(n=0, data="") == {"t": "echo", "n": 0, "data": ""}
    whole = "x" * LONGEST
    assert await line.ask(n=2**31 - 1, data=whole) == {"t": "echo", "n": 2**31 - 1, "data": whole}
    assert await line.ask(n=1, data="é\u0001😀") == {"t": "echo", "n": 1, "data": "é\u0001😀"}


async def test_either_direction_is_measured_alone(cast: Cast, lines: list[Line]) -> None:
    line = await come(lines, cast.radiologist)
    assert await line.ask(n=1, data="x" * LONGEST, back=0) == {"t": "echo", "n": 1, "data": ""}
    filled = (await line.ask(n=2, data="", back=LONGEST))["data"]
    assert len(filled) == LONGEST
    assert len(set(filled)) > 32  # nothing that shrinks on the way
    assert (await line.ask(n=3, data="", back=7))["data"] == filled[:7]


async def test_without_a_session_there_is_no_test(cast: Cast, lines: list[Line]) -> None:
    ended, closed = await sync_to_async(sign_in)(cast.chair), await sync_to_async(sign_in)(cast.radiologist)
    await sync_to_async(_end)(ended)
    await Person.objects.filter(pk=cast.radiologist.pk).aupdate(is_active=False)
    for key in (None, "", "nothing", "x" * 5000, ended, closed):
        line = await Line(key).open()
        assert await line.closed() == Close.SESSION_ENDED, key
    line = await Line(await sync_to_async(sign_in)(cast.chair)).begin()  # the control
    await line.communicator.disconnect()


def _end(key: str) -> None:
    from django.contrib.sessions.models import Session

    Session.objects.filter(session_key=key).delete()


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "http://127.0.0.1:1", "null"])
async def test_a_page_of_another_site_is_not_connected(cast: Cast, lines: list[Line], origin: str) -> None:
    key = await sync_to_async(sign_in)(cast.chair)
    stray = Line(key, origin)
    assert (await stray.communicator.connect(WITHIN_S))[0] is False


async def test_a_frame_that_is_too_large_closes(cast: Cast, lines: list[Line]) -> None:
    line = await come(lines, cast.chair)
    await line.communicator.send_to(text_data="x" * (call_test.MAX_BYTES + 1))
    assert await line.closed() == Close.TOO_LARGE


async def test_three_malformed_frames_close(cast: Cast, lines: list[Line]) -> None:
    line = await come(lines, cast.chair)
    await line.communicator.send_to(bytes_data=b"\x00\xff")
    await line.communicator.send_to(text_data='{"do":"ping","seen":1}')
    await line.say(do="echo", n=1, data="x" * (LONGEST + 1))
    answers = [await line.next() for _ in range(3)]
    assert {(each["t"], each["code"], each["id"]) for each in answers} == {("refused", "invalid", None)}
    assert await line.closed() == Close.MALFORMED


async def test_a_flood_closes(cast: Cast, lines: list[Line]) -> None:
    line = await come(lines, cast.chair)
    for n in range(BURST * 2):
        await line.say(do="echo", n=n, data="")
    assert await line.closed() == Close.TOO_FAST


async def test_the_number_of_echoes_is_bounded(cast: Cast, lines: list[Line], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_test, "BURST", 2 * ECHOES_AT_MOST)
    line = await come(lines, cast.chair)
    for n in range(ECHOES_AT_MOST):
        assert (await line.ask(n=n, data=""))["n"] == n
    await line.say(do="echo", n=0, data="")
    assert await line.closed() == Close.TOO_FAST


async def test_it_closes_by_itself(cast: Cast, lines: list[Line], monkeypatch: pytest.MonkeyPatch) -> None:
    assert call_test.LASTS_S == 60.0
    monkeypatch.setattr(call_test, "LASTS_S", 2.0)
    line = await come(lines, cast.chair)
    assert (await line.ask(n=1, data="x"))["data"] == "x"
    assert await line.closed() == 1000
    assert call_test._open == []


async def test_a_third_test_of_one_person_ends_the_oldest(cast: Cast, lines: list[Line]) -> None:
    first, second, third = [await come(lines, cast.chair) for _ in range(3)]
    assert await first.closed() == Close.REPLACED
    for line in (second, third):
        assert (await line.ask(n=1, data="x"))["data"] == "x"


async def test_not_everybody_at_once(cast: Cast, lines: list[Line], monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_AT_ONCE == 12
    monkeypatch.setattr(call_test, "MOST_AT_ONCE", 2)
    await come(lines, cast.chair)
    second = await come(lines, cast.radiologist)
    late = await Line(await sync_to_async(sign_in)(cast.partner)).open()
    assert await late.closed() == Close.BEHIND
    await second.communicator.disconnect()
    await come(lines, cast.partner)


async def test_a_process_that_leaves_begins_no_test(cast: Cast, lines: list[Line]) -> None:
    key = await sync_to_async(sign_in)(cast.chair)
    hub.here().leaving = True
    line = await Line(key).open()
    assert await line.closed() == Close.RESTART


@given(st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_no_text_is_a_fault(text: str) -> None:
    with contextlib.suppress(Refused):
        decode(text)


NASTY = [
    "",
    "null",
    "[]",
    "{}",
    "\0",
    '"\\ud800"',
    "[" * 15_000,
    '{"do":"echo"}',
    '{"do":"echo","n":"1","data":""}',
    '{"do":"echo","n":1.5,"data":""}',
    '{"do":"echo","n":-1,"data":""}',
    '{"do":"echo","n":2147483648,"data":""}',
    '{"do":"echo","n":' + "9" * 5000 + ',"data":""}',
    '{"do":"echo","n":1,"data":null}',
    '{"do":"echo","n":1,"data":"\\u0000"}',
    '{"do":"echo","n":1,"data":"\\ud800"}',
    '{"do":"echo","n":1,"data":"","back":-1}',
    '{"do":"echo","n":1,"data":"","back":16385}',
    '{"do":"echo","n":1,"data":"","back":1e300}',
    '{"do":"echo","n":1,"data":"","by":"somebody else"}',
    '{"do":"text.join","n":1,"data":""}',
    '{"do":"echo","n":1,"data":"' + "é" * (LONGEST // 2 + 1) + '"}',
]


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_what_is_no_echo_is_refused_in_words(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        decode(text)
    assert refusal.value.message
