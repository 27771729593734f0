"""A room as a test sees it: a real WebSocket conversation with the whole ``mdo.asgi.application``, in this process.

``RoomClient`` keeps the room as a browser does (snapshot, then patches by id) and remembers every frame, so that tests can say
what somebody was shown and what not.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db import connections

from mdo.asgi import application
from mdo.directory.middleware import ORGANISATION
from meetings.room import hub
from meetings.room.protocol import SUBPROTOCOL
from tests.cast import Member

WITHIN_S = 20.0


def sign_in(member: Member) -> str:
    """A session of this person, acting for their organisation; returns its key."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(member.person.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = member.person.get_session_auth_hash()
    session[ORGANISATION] = str(member.organisation.pk)
    session.create()
    return str(session.session_key)


def apply(room: dict[str, Any], patch: dict[str, Any]) -> None:
    """A patch onto a room, in place: replace by id. The same law as ``frontend/src/room/state.ts``."""
    for key in ("items", "people"):
        known = {each["id"]: each for each in room.get(key) or []}
        known.update({each["id"]: each for each in patch.get(key, [])})
        room[key] = list(known.values())
    gone = set(patch.get("removed", []))
    room["items"] = sorted(
        (each for each in room["items"] if each["id"] not in gone), key=lambda each: each["position"]
    )
    room["people"] = sorted(room["people"], key=lambda each: each["id"])
    room["organisations"] = {**room.get("organisations", {}), **patch.get("organisations", {})}
    for key in ("meeting", "forecast", "quorum", "candidates", "walls"):
        if key in patch:
            room[key] = patch[key]


def unhurried(meeting_id: UUID) -> None:
    """Whoever is in this room may say much at once from here on: a test that asks faster than a person is no test of the speed limit."""
    for each in hub.here().rooms[meeting_id].connections:
        each.socket.bucket.left = 100.0  # type: ignore[attr-defined]


class Looks:
    """How often this process's rooms began to look at the database since this was made (each half second), and how long ago that is. *Within a
    second* is at most two looks, and a second by the clock."""

    def __init__(self) -> None:
        assert hub.POLL_EVERY_S <= 0.5
        self.begun, self.at, here = 0, monotonic(), hub.here()
        look = here._look_at_database

        async def counted() -> None:
            self.begun += 1
            await look()

        here._look_at_database = counted  # type: ignore[method-assign]

    @property
    def within_a_second(self) -> bool:
        return self.within(1.0)

    def within(self, seconds: float) -> bool:
        return self.begun <= seconds / hub.POLL_EVERY_S and monotonic() - self.at <= seconds


class Closed(Exception):
    """The server closed the socket with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class RoomClient:
    """One person's browser in the room."""

    def __init__(self, communicator: WebsocketCommunicator) -> None:
        self.communicator = communicator
        self.frames: list[dict[str, Any]] = []
        self.room: dict[str, Any] = {}
        self.you: dict[str, Any] = {}
        self.seq = -1

    async def next_frame(self, within_s: float = WITHIN_S) -> dict[str, Any]:
        """The next frame, taken into the room. Raises ``Closed`` when the server closed, ``TimeoutError`` when nothing comes."""
        message = await self.communicator.receive_output(within_s)
        if message["type"] == "websocket.close":
            raise Closed(message["code"])
        frame: dict[str, Any] = json.loads(message["text"])
        self.frames.append(frame)
        if frame["t"] == "snapshot":
            self.seq, self.room, self.you = frame["seq"], json.loads(json.dumps(frame["room"])), frame["you"]
        elif frame["t"] == "event":
            assert frame["seq"] == self.seq + 1, f"gap: {self.seq} then {frame['seq']}"
            self.seq = frame["seq"]
            apply(self.room, frame["data"])
        return frame

    async def until(self, condition: Callable[[dict[str, Any]], bool], within_s: float = WITHIN_S) -> dict[str, Any]:
        """Read frames until one fits."""
        async with asyncio.timeout(within_s):
            while True:
                frame = await self.next_frame(within_s)
                if condition(frame):
                    return frame

    async def reach(self, seq: int) -> None:
        """Read until the room is drawn up to this sequence."""
        while self.seq < seq:
            await self.next_frame()

    async def send(self, message: dict[str, Any]) -> None:
        await self.communicator.send_to(text_data=json.dumps(message))

    async def do(self, name: str, command_id: UUID | None = None, **args: Any) -> dict[str, Any]:
        """Send a command and read until its answer (``ack`` or ``refused``)."""
        sent = str(command_id or uuid4())
        plain = {key: str(value) if isinstance(value, UUID) else value for key, value in args.items()}
        await self.send({"id": sent, "do": name, "args": plain})
        return await self.until(lambda frame: frame["t"] in ("ack", "refused") and frame["id"] == sent)

    async def done(self, name: str, **args: Any) -> int:
        """Send a command that must succeed; read until the room is drawn up to it."""
        answer = await self.do(name, **args)
        assert answer["t"] == "ack", answer
        await self.reach(answer["seq"])
        return int(answer["seq"])

    async def closed(self, within_s: float = WITHIN_S) -> int:
        """Read until the server closes; returns the code."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    await self.next_frame(within_s)
        except Closed as closed:
            return closed.code

    def item(self, item_id: UUID | str) -> dict[str, Any]:
        return next(each for each in self.room["items"] if each["id"] == str(item_id))

    @property
    def text(self) -> str:
        """Everything that was ever shown, as one text to search."""
        return json.dumps(self.frames, ensure_ascii=False)

    async def leave(self) -> None:
        await self.communicator.disconnect()


def communicator(
    meeting_id: UUID,
    session_key: str | None,
    *,
    query: str = "",
    origin: str | None = None,
    subprotocols: list[str] | None = None,
) -> WebsocketCommunicator:
    headers = [(b"origin", (origin or settings.MDO_ORIGINS[0]).encode()), (b"host", b"127.0.0.1")]
    if session_key is not None:
        headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session_key}".encode()))
    return WebsocketCommunicator(
        application,
        f"/ws/meetings/{meeting_id}/{query}",
        headers=headers,
        subprotocols=[SUBPROTOCOL] if subprotocols is None else subprotocols,
    )


async def enter(meeting_id: UUID, member: Member, *, query: str = "", session_key: str | None = None) -> RoomClient:
    """Connect as this member and read the first frame. Raises ``Closed`` when the door stays shut."""
    key = session_key or await sync_to_async(sign_in)(member)
    client = RoomClient(communicator(meeting_id, key, query=query))
    accepted, _ = await client.communicator.connect(WITHIN_S)
    assert accepted
    await client.next_frame()
    return client


@asynccontextmanager
async def room_of(meeting_id: UUID, *members: Member) -> AsyncIterator[list[RoomClient]]:
    """These members in one room; everybody leaves and the hub stops at the end."""
    clients: list[RoomClient] = []
    try:
        for member in members:
            clients.append(await enter(meeting_id, member))
        yield clients
    finally:
        for client in clients:
            await client.leave()
        await hub.stop()
        await sync_to_async(connections.close_all)()
