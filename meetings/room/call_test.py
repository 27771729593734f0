"""The socket of the page on which people try out their connection: echoes, bounded. It knows no room and nobody else.

What it measures is the way to this site, as the room's own socket takes it: the same origin rule, the same session. Nothing that
is sent here is kept.
"""

import asyncio
import contextlib
import secrets
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer
from pydantic import AfterValidator, Field

from mdo.directory.models import Person
from meetings.room import hub
from meetings.room.bucket import Bucket
from meetings.room.connection import dumps
from meetings.room.protocol import Close, Malformed, Message, Text, decoded, refused
from meetings.room.sessions import signed_in

LONGEST = 16 * 1024  # bytes of one echo
MAX_BYTES = LONGEST + 1024
LASTS_S = 60.0
# A test needs some 200 echoes at 50 a second. All sockets together stay below what would be felt in the rooms of this process.
BURST = 64
PER_SECOND = 64
ECHOES_AT_MOST = 400
MOST_PER_PERSON = 2
MOST_AT_ONCE = 12
MALFORMED_AT_MOST = 3
OVER = 1000

_open: "list[CallTestConsumer]" = []


def _short(text: str) -> str:
    if len(text.encode()) > LONGEST:
        raise ValueError("is too long")
    return text


class Echo(Message):
    """``{"do": "echo", "n", "data"}``: answered by ``{"t": "echo", "n", "data"}`` with the same; with ``back``: by that many
    characters instead, so that either direction can be measured alone."""

    do: Literal["echo"]
    n: int = Field(ge=0, lt=2**31)
    data: Annotated[Text, AfterValidator(_short)] = ""
    back: int | None = Field(None, ge=0, le=LONGEST)


def decode(text: str | None) -> Echo:
    """One frame as a message; ``None`` for one of bytes. Raises ``Malformed``, whatever stands in it."""
    return decoded(text, partial(Echo.model_validate_json, strict=True))


class CallTestConsumer(AsyncWebsocketConsumer):
    """``/ws/call-test/``. Accepts first, then closes with a reason, like the room; and closes by itself after a minute."""

    channel_layer_alias = "no layer of its own"

    async def connect(self) -> None:
        self.closed = False
        self.person_id: UUID | None = None
        self.bucket, self.left, self.malformed = Bucket(BURST, PER_SECOND), ECHOES_AT_MOST, 0
        self.filling = ""
        self.timer = asyncio.get_running_loop().call_later(LASTS_S, self._time_is_over)
        self.closing: asyncio.Task[None] | None = None
        await self.accept()
        here = hub.here()
        if here.leaving:
            await self.close_with(Close.RESTART)
            return
        key = self.scope["cookies"].get(self.scope["session_cookie"])
        try:
            found = await here.read(signed_in, key)
        except Exception:
            # Without a database nobody is known: the page says that the site does not answer now.
            await self.close_with(Close.RESTART)
            return
        if found is None:
            await self.close_with(Close.SESSION_ENDED)
            return
        await self._begin(found[0])

    async def _begin(self, person: Person) -> None:
        if self.closed:
            return
        own = [each for each in _open if each.person_id == person.pk]
        for each in own[: max(0, len(own) - MOST_PER_PERSON + 1)]:
            _leave(each)
            await each.close_with(Close.REPLACED)
        if len(_open) >= MOST_AT_ONCE:
            await self.close_with(Close.BEHIND)
            return
        self.person_id = person.pk
        _open.append(self)
        await self.send(text_data=dumps({"t": "ready", "lasts_s": LASTS_S, "echoes": ECHOES_AT_MOST}))

    async def disconnect(self, code: int) -> None:
        self.closed = True
        self.timer.cancel()
        _leave(self)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.closed or self.person_id is None:
            return
        if not self._in_time():
            await self.close_with(Close.TOO_FAST)
            return
        if text_data is not None and len(text_data.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            await self.close_with(Close.TOO_LARGE)
            return
        try:
            echo = decode(text_data)
        except Malformed as error:
            self.malformed += 1
            await self.send(text_data=dumps(refused(None, error)))
            if self.malformed >= MALFORMED_AT_MOST:
                await self.close_with(Close.MALFORMED)
            return
        data = echo.data if echo.back is None else self._fill(echo.back)
        await self.send(text_data=dumps({"t": "echo", "n": echo.n, "data": data}))

    def _fill(self, length: int) -> str:
        # Random, so that nothing on the way makes it shorter than it is.
        self.filling = self.filling or secrets.token_urlsafe(LONGEST)[:LONGEST]
        return self.filling[:length]

    def _in_time(self) -> bool:
        self.left -= 1
        return self.bucket.take() and self.left >= 0

    def _time_is_over(self) -> None:
        self.closing = asyncio.get_running_loop().create_task(self.close_with(OVER))

    async def close_with(self, code: int) -> None:
        if not self.closed:
            self.closed = True
            self.timer.cancel()
            _leave(self)
            with contextlib.suppress(Exception):  # the line may be gone already
                await self.close(code=code)


def _leave(consumer: CallTestConsumer) -> None:
    if consumer in _open:
        _open.remove(consumer)
