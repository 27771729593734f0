"""One socket of the room: who is behind it, what it may send and how fast. What it hears comes from the hub."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from time import monotonic
from urllib.parse import parse_qs
from uuid import UUID

from channels.generic.websocket import AsyncWebsocketConsumer
from django.utils import translation

from mdo.kernel import metrics
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, Refused, Unavailable
from mdo.kernel.ids import new_id
from meetings import walls
from meetings.models import Lease
from meetings.room import audience, hub, wall, work
from meetings.room.audience import Place
from meetings.room.bucket import Bucket
from meetings.room.commands import COMMANDS
from meetings.room.connection import Connection, dumps, iso, prepare
from meetings.room.protocol import (
    MAX_BYTES,
    SUBPROTOCOL,
    CallMessage,
    Close,
    Envelope,
    Malformed,
    Ping,
    Resume,
    Signal,
    TextMessage,
    decode,
    refused,
)
from meetings.room.sessions import id_of, signed_in

logger = logging.getLogger(__name__)

# A token bucket: a person at the keyboard never meets it, a flood does within a second or two.
BURST = 120
PER_SECOND = 40
MOST_WAITING = 32
MALFORMED_AT_MOST = 3


def identify(session_key: str | None, meeting_id: UUID, wished: str | None) -> tuple[Place | None, UUID | None, bool]:
    """Who is behind a session key, and their place in the room: (place, organisation wished for, whether signed in at all).

    Runs in a thread.
    """
    found = signed_in(session_key)
    if found is None:
        return None, None, False
    person, chosen = found
    organisation_id = id_of(wished or chosen)
    return audience.find(person.pk, meeting_id, organisation_id), organisation_id, True


class RoomConsumer(AsyncWebsocketConsumer):
    """``/ws/meetings/<id>/``. Accepts first, then closes with a reason: before ``accept()`` the code would be lost."""

    channel_layer_alias = "no layer of its own"  # the hub has the one listener of this process

    async def connect(self) -> None:
        self.meeting_id: UUID = self.scope["url_route"]["kwargs"]["meeting_id"]
        self.connection: Connection | None = None
        self.hub = hub.here()
        self.lock = asyncio.Lock()
        self.closed = False
        # A server that takes prepared frames says so (mdo/server.py); with any other they go through ASGI.
        self.line: Callable[[bytes], bool] | None = self.scope.get("extensions", {}).get("mdo.frame")
        self.bucket, self.malformed = Bucket(BURST, PER_SECOND), 0
        self.waiting: asyncio.Queue[Envelope] = asyncio.Queue(MOST_WAITING)
        self.worker: asyncio.Task[None] | None = None
        offered = self.scope.get("subprotocols", [])
        await self.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        if SUBPROTOCOL not in offered:
            await self.close_with(Close.PROTOCOL)
            return
        if self.hub.leaving:
            await self.close_with(Close.RESTART)
            return
        self.query = {
            key: values[-1] for key, values in parse_qs(self.scope["query_string"].decode("ascii", "replace")).items()
        }
        session_key = self.scope["cookies"].get(self.scope["session_cookie"])
        try:
            who = (session_key, self.meeting_id, self.query.get("for"))
            if "wall" in self.query:
                key = self.scope["cookies"].get(walls.COOKIE)
                place, preferred, signed_in = await self.hub.read(wall.identify, key, self.meeting_id), None, True
            else:
                place, preferred, signed_in = await self.hub.shared(who, identify, *who)
            if place is None:
                await self.close_with(Close.NO_ACCESS if signed_in else Close.SESSION_ENDED)
                return
            self.connection = Connection(self, session_key, place, preferred, new_id())
            self.worker = asyncio.create_task(self._work())
            means = self.query.get("means", Lease.Means.VIDEO)
            known = means if means in Lease.Means.values else Lease.Means.VIDEO
            await self.hub.join(self.connection, self.meeting_id, known, _since(self.query.get("since")))
        except Exception as error:
            # Without a database there is no room: the client comes back, with pauses that grow.
            logger.warning("a connection could not begin (%s)", type(error).__name__, exc_info=True)
            await self.close_with(Close.RESTART)

    async def disconnect(self, code: int) -> None:
        self.closed = True
        if self.worker is not None:
            self.worker.cancel()
        if self.connection is not None:
            self.connection.closing = True
            self.hub.leave(self.connection, self.meeting_id)

    # --- what the hub needs ------------------------------------------------------------------------------------------

    def write(self, wire: bytes) -> bool:
        return self.closed or (self.line is not None and self.line(wire))

    async def send_text(self, text: str) -> None:
        if not self.closed and not (self.line is not None and self.line(prepare(text).wire)):
            async with self.lock:
                await self.send(text_data=text)

    async def close_with(self, code: int) -> None:
        if not self.closed:
            self.closed = True
            if self.connection is not None:
                self.connection.closing = True
            await self.close(code=code)

    # --- what the client says ----------------------------------------------------------------------------------------

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.closed or self.connection is None:
            return
        if not self.bucket.take():
            await self.close_with(Close.TOO_FAST)
            return
        if text_data is not None and len(text_data.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            await self.close_with(Close.TOO_LARGE)
            return
        try:
            message = decode(text_data)
        except Malformed as error:
            await self._misunderstood(error)
            return
        if isinstance(message, Ping):
            self.connection.saw(message.seen)
            self.hub.signals.alive(self.connection)
            await self._head()
        elif self.connection.place.wall_id is not None:
            await self._refuse(getattr(message, "id", None), Denied())  # a screen on a wall has nothing to say
        elif isinstance(message, Signal):
            await self._signal(self.hub.signals.take, message)
        elif isinstance(message, Resume):
            await self._resume(message.since)
        elif isinstance(message, TextMessage):
            self.hub.texts.take(self.connection, self.meeting_id, message)
        elif isinstance(message, CallMessage):
            await self._signal(self.hub.calls.take, message)
        else:
            try:
                self.waiting.put_nowait(message)
            except asyncio.QueueFull:
                await self.close_with(Close.TOO_FAST)

    async def _signal(self, take: Callable[..., int | None], message: Signal | CallMessage) -> None:
        """Hand over what is passed on to others; it may be none that can be, or too much."""
        try:
            code = take(self.connection, self.meeting_id, message)
        except Malformed as error:
            await self._misunderstood(error)
        else:
            if code is not None:
                await self.close_with(code)

    async def _misunderstood(self, error: Malformed) -> None:
        self.malformed += 1
        await self._refuse(None, error)
        if self.malformed >= MALFORMED_AT_MOST:
            await self.close_with(Close.MALFORMED)

    async def _head(self) -> None:
        assert self.connection is not None
        room = self.hub.rooms.get(self.meeting_id)
        guest = self.connection.place.audience.guest_items is not None
        seq = 0 if guest or room is None else self.connection.seq or 0
        await self.send_text(dumps({"t": "head", "seq": seq, "now": iso(now())}))

    async def _resume(self, since: int) -> None:
        """The client found a gap: tell it again from ``since``, or the whole."""
        assert self.connection is not None
        room = self.hub.rooms.get(self.meeting_id)
        if room is not None:
            self.connection.seq = None
            self.connection.saw(2**53)
            try:
                await self.hub.begin(self.connection, room, since)
            except Exception as error:
                logger.warning("a connection could not resume (%s)", type(error).__name__)
                await self.close_with(Close.RESTART)

    async def _work(self) -> None:
        """Commands of one socket in their order, one at a time."""
        while True:
            message = await self.waiting.get()
            await self._command(message)

    async def _command(self, message: Envelope) -> None:
        assert self.connection is not None
        place = self.connection.place
        began, refused_as = monotonic(), ""
        try:
            done = await self.hub.command(
                work.run_command, place, self.meeting_id, message.id, message.do, message.args
            )
        except Refused as error:
            refused_as = error.code
            await self._refuse(message.id, error)
        except Exception as error:
            # Ours to mend, but nobody else's trouble: nothing was stored, and the client is told so.
            logger.exception("a command failed (%s, %s)", message.do[:60], type(error).__name__)
            refused_as = "fault"
            await self._refuse(message.id, Unavailable())
        else:
            await self.send_text(dumps({"t": "ack", "id": str(message.id), "seq": done.seqs.get(self.meeting_id, 0)}))
        name = message.do if message.do in COMMANDS else "unknown"  # a client may send any word
        metrics.command(name, monotonic() - began, refused_as)

    async def _refuse(self, command_id: UUID | None, error: Refused) -> None:
        language = self.connection.place.audience.language if self.connection else "en"
        with translation.override(language):
            frame = refused(command_id, error)
        with contextlib.suppress(Exception):
            await self.send_text(dumps(frame))


def _since(text: str | None) -> int | None:
    """The ``since`` of the address, if it is a number that a sequence could be."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 15:
        return None
    return int(text)


class NowhereConsumer(AsyncWebsocketConsumer):
    """Any other WebSocket address: answered like a room that does not exist, instead of a fault."""

    channel_layer_alias = "no layer of its own"

    async def connect(self) -> None:
        await self.accept()
        await self.close(code=Close.NO_ACCESS)
