"""The rooms of one process: who is connected, what they were last told, and how news reaches them.

News comes by three ways, each of which suffices: a commit of this process (at once), a look published by another process over
the channel layer (a hint that may be lost), and a look at the database every 500 ms. The journal is the truth; nothing here
is. Everything in this file runs on the event loop; what blocks is in ``work.py`` and runs in threads.
"""

import asyncio
import contextlib
import logging
import os
import socket
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

from channels.layers import get_channel_layer

from mdo.kernel import journal
from mdo.kernel.clock import now
from meetings.room import audience, presence, threads, wall, work
from meetings.room.audience import Place
from meetings.room.calls import Calls
from meetings.room.connection import Connection, Prepared, dumps, event_frame, prepare, snapshot_frame
from meetings.room.protocol import Close
from meetings.room.signals import Signals
from meetings.room.snapshot import Audience
from meetings.room.text import Texts

logger = logging.getLogger(__name__)
T = TypeVar("T")

POLL_EVERY_S = 0.5
FLUSH_PRESENCE_EVERY_S = 1.0
LOOKS = 4  # at everybody's place, before a room in which something happens meanwhile is told
PUBLISH_WITHIN_S = 0.5
SEE_OUT_WITHIN_S = 2.0
GROUP = "mdo.rooms"

MOST_PER_PERSON = 5

# When many come back at once, one reading of the room serves them all; what it missed is told from memory.
READING_SERVES_S = 10.0
REMEMBERED = work.REPLAY_AT_MOST


@dataclass(frozen=True)
class Beginning:
    """How the connections of one audience begin at ``seq``, made ready once: with the whole room, or with what they missed."""

    seq: int
    room: str | None
    replay: list[tuple[int, Prepared]]


@dataclass(frozen=True)
class Reading:
    """The room as read at one moment, and the beginnings that were drawn from it."""

    at: float
    since: int | None
    state: "asyncio.Future[work.Stand]"
    beginnings: "dict[tuple[Audience, int | None], asyncio.Future[Beginning]]"


class Room:
    """One meeting's connections in this process, and the task that tells them what happened."""

    def __init__(self, hub: "Hub", meeting_id: UUID) -> None:
        self.hub = hub
        self.meeting_id = meeting_id
        self.connections: set[Connection] = set()
        self.seq: int | None = None
        self.told: deque[tuple[int, dict[Audience, Prepared]]] = deque(maxlen=REMEMBERED)
        self.reading: Reading | None = None
        self.moved = asyncio.Event()
        self.task = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        while True:
            await self.moved.wait()
            self.moved.clear()
            try:
                await self._tell_once()
            except Exception as error:
                # The database is away, or a row is locked for long: the next look tries again from the same sequence.
                logger.warning("room %s: cannot read news now (%s)", self.meeting_id, type(error).__name__)

    async def _tell_once(self) -> None:
        if self.seq is None or not self.connections:
            return
        epoch = self.hub.epoch
        audiences = list({connection.place.audience for connection in self.connections})
        found = await self.hub.read(work.news, self.meeting_id, self.seq, audiences)
        if not found.entries:
            return
        looked_at = -1
        for _ in range(LOOKS):
            if looked_at == found.entries[-1].seq or not (found.audiences_moved or found.guests):
                break  # nothing happened after everybody's place was worked out
            looked_at = found.entries[-1].seq
            await self.hub.recheck(self)
            audiences = list({connection.place.audience for connection in self.connections})
            found = await self.hub.read(work.news, self.meeting_id, self.seq, audiences)
        self.hub.texts.moved(self.meeting_id, [entry.name for entry in found.entries])
        self.hub.calls.moved(self.meeting_id)
        if epoch != self.hub.epoch or any(
            each.seq is not None
            and each.place.audience not in found.patches
            and each.place.audience not in found.guests
            for each in self.connections
        ):
            self.moved.set()  # access moved while this was drawn, or somebody new came: draw again for who may see it now
            return
        frames = {
            who: [
                (entry.seq, prepare(event_frame(entry, patch)))
                for entry, patch in zip(found.entries, patches, strict=True)
            ]
            for who, patches in found.patches.items()
        }
        self._remember([entry.seq for entry in found.entries], frames)
        self.seq = found.entries[-1].seq
        if self.seq != looked_at and (found.audiences_moved or found.guests):
            # So much happens here that places never stand still: told now, and once more with the places as they are then.
            self.seq = looked_at
            self.moved.set()
        sends = []
        for connection in list(self.connections):
            who = connection.place.audience
            if who in frames:
                sends.append(self.hub.give(connection, frames[who]))
            elif who in found.guests:
                sends.append(self.hub.give_guest(connection, found.guests[who]))
        await asyncio.gather(*(each for each in sends if each is not None))

    def _remember(self, seqs: list[int], frames: dict[Audience, list[tuple[int, Prepared]]]) -> None:
        if self.told and self.told[-1][0] != seqs[0] - 1:
            self.told.clear()  # the room went back to an earlier connection's sequence
        for place, seq in enumerate(seqs):
            self.told.append((seq, {who: each[place][1] for who, each in frames.items()}))

    def remembered(self, who: Audience, since: int) -> list[tuple[int, Prepared]] | None:
        """What this audience was told after ``since``; ``None`` when not all of it is remembered."""
        if self.seq is None or since > self.seq:
            return None
        frames = [(seq, told[who]) for seq, told in self.told if seq > since and who in told]
        return frames if [seq for seq, _ in frames] == list(range(since + 1, self.seq + 1)) else None

    def forget(self) -> None:
        """Who may see what has moved: nothing that was drawn before is given to anybody who comes now."""
        self.told.clear()
        self.reading = None


class Hub:
    """All rooms of this process. Made once, on the event loop that serves the sockets."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.process = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"[:60]
        self.rooms: dict[UUID, Room] = {}
        self.epoch = -1
        self.leaving = False
        self.published_failures = 0
        self.texts = Texts(self)
        self.signals = Signals(self)
        self.calls = Calls(self)
        self._came_or_went: dict[UUID, set[UUID]] = {}
        self._tasks = [self.loop.create_task(each()) for each in (self._poll, self._listen, self._breathe, self._flush)]
        self._background: set[asyncio.Task[Any]] = set()
        self._running: set[Future[Any]] = set()
        self._publishing: set[UUID] = set()
        self._arriving: list[tuple[presence.Arrival, asyncio.Future[None]]] = []
        self._departed: list[tuple[UUID, UUID, UUID]] = []  # (lease, meeting, person)
        self._identities: dict[Hashable, tuple[float, asyncio.Future[Any]]] = {}
        journal.register_delivery(self._committed)

    # --- threads ---------------------------------------------------------------------------------------------------

    def run(self, pool: Executor, function: Callable[..., T], *args: Any) -> "asyncio.Future[T]":
        """A blocking function in a thread of the pool, on that thread's connection."""
        running = pool.submit(threads.with_connection, lambda: function(*args))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        return asyncio.wrap_future(running)

    async def read(self, function: Callable[..., T], *args: Any) -> T:
        return await self.run(threads.reading_threads, function, *args)

    async def command(self, function: Callable[..., T], *args: Any) -> T:
        return await self.run(threads.command_threads, function, *args)

    async def shared(self, key: Hashable, function: Callable[..., T], *args: Any) -> T:
        """As ``read``, once for all who ask the same within a second: five hundred who come back ask much alike."""
        at = monotonic()
        self._identities = {each: found for each, found in self._identities.items() if at - found[0] < 1.0}
        known = self._identities.get(key)
        if known is None or (known[1].done() and (known[1].cancelled() or known[1].exception() is not None)):
            self._identities[key] = (at, asyncio.ensure_future(self.read(function, *args)))
        return await asyncio.shield(self._identities[key][1])

    # --- news ------------------------------------------------------------------------------------------------------

    def _committed(self, stream_id: UUID, head: int) -> None:
        """After a commit, in the thread that made it: local sockets first, then a look for the other processes."""
        with contextlib.suppress(RuntimeError):  # the loop is closing
            self.loop.call_soon_threadsafe(self._moved_here, stream_id)

    def _moved_here(self, meeting_id: UUID) -> None:
        self.look(meeting_id)
        if meeting_id not in self._publishing:
            self._publishing.add(meeting_id)
            self.in_background(self._publish(meeting_id))

    def look(self, meeting_id: UUID) -> None:
        """Something may have happened in this room."""
        room = self.rooms.get(meeting_id)
        if room is not None:
            room.moved.set()

    def in_background(self, work_to_do: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(work_to_do)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _publish(self, meeting_id: UUID) -> None:
        try:
            layer = get_channel_layer()
            async with asyncio.timeout(PUBLISH_WITHIN_S):
                await layer.group_send(GROUP, {"type": "look", "meeting": str(meeting_id), "from": self.process})
        except Exception:
            self.published_failures += 1  # harmless: every process looks by itself
        finally:
            self._publishing.discard(meeting_id)

    async def _listen(self) -> None:
        """The one listener of this process on the channel layer; begins again whatever happens to Redis."""
        while True:
            try:
                layer = get_channel_layer()
                async with asyncio.timeout(5):
                    channel = await layer.new_channel()
                    await layer.group_add(GROUP, channel)
                while True:
                    message = await layer.receive(channel)
                    if message.get("from") == self.process:
                        continue
                    if message["type"] == "signal":
                        self.signals.heard(message)
                    elif message["type"].startswith("text."):
                        self.texts.heard(message)
                    elif message["type"].startswith("call."):
                        self.calls.heard(message)
                    else:
                        self.look(UUID(message["meeting"]))
            except asyncio.CancelledError:
                raise
            except Exception as error:
                logger.warning("the channel layer is away (%s)", type(error).__name__)
                await asyncio.sleep(1)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_EVERY_S)
            if self.rooms:
                try:
                    await self._look_at_database()
                except Exception as error:
                    logger.warning("cannot look at the rooms now (%s)", type(error).__name__)

    async def _look_at_database(self) -> None:
        connections = [connection for room in self.rooms.values() for connection in room.connections]
        sessions = list({connection.session_key for connection in connections})
        seen = await self.read(work.pulse, list(self.rooms), sessions)
        ended = [each for each in connections if not (each.place.wall_id or each.session_key in seen.sessions)]
        await asyncio.gather(*(self.drop(each, Close.SESSION_ENDED) for each in ended))
        self.calls.shut(ended)
        moved = self.epoch not in (-1, seen.epoch)
        self.epoch = seen.epoch
        at = now()
        for room in list(self.rooms.values()):
            if moved:
                room.forget()
            if moved or any(each.place.holds_until <= at for each in room.connections):
                await self.recheck(room)
            if room.seq is not None and seen.heads.get(room.meeting_id, 0) > room.seq:
                room.moved.set()
        self.texts.pulse()
        for each in connections:
            if each.behind:
                await self.drop(each, Close.BEHIND)

    # --- access ----------------------------------------------------------------------------------------------------

    async def recheck(self, room: Room) -> None:
        """Work out everybody's place in the room again; who has none any more is shown out, who sees other things starts anew."""
        self._identities.clear()
        connections = list(room.connections)
        wanted = {(each.place.person_id, each.preferred, each.place.wall_id) for each in connections}

        def places() -> dict[tuple[UUID, UUID | None, UUID | None], Place | None]:
            return {
                key: wall.find(key[2], room.meeting_id) if key[2] else audience.find(key[0], room.meeting_id, key[1])
                for key in wanted
            }

        found = await self.read(places)
        for connection in connections:
            place = found[(connection.place.person_id, connection.preferred, connection.place.wall_id)]
            if place is None:
                await self.drop(connection, Close.NO_ACCESS)
            elif place.audience != connection.place.audience:
                before, connection.place = connection.place.audience, place
                if before.guest_items is None or place.audience.guest_items is None or before.wall:
                    connection.seq = None
                    self.in_background(self.begin(connection, room, None))
            else:
                connection.place = place
        self.texts.recheck(room.meeting_id)
        self.calls.recheck(room.meeting_id)

    # --- giving ----------------------------------------------------------------------------------------------------

    def give(self, connection: Connection, frames: Sequence[tuple[int, Prepared]]) -> Awaitable[None] | None:
        """Send numbered frames. A connection whose first frame is not ready yet gets them with it.

        Where the server takes prepared frames they are gone when this returns; else what it returns sends them.
        """
        if connection.closing or connection.seq is None:
            return None
        at, socket, later = monotonic(), connection.socket, []
        for seq, frame in frames:
            if seq > connection.seq:
                connection.seq = seq
                connection.unseen.append((seq, len(frame.wire), at))
                connection.unseen_bytes += len(frame.wire)
                if connection.behind:
                    return self.drop(connection, Close.BEHIND)
                if not socket.write(frame.wire):
                    later.append(frame.text)
        return self._send(connection, later) if later else None

    async def _send(self, connection: Connection, texts: list[str]) -> None:
        for text in texts:
            await connection.socket.send_text(text)

    async def give_guest(self, connection: Connection, room: dict[str, Any]) -> None:
        """Send the guest's whole small view, if it is another one than before."""
        if connection.closing or connection.seq is None:
            return
        view = dumps(room)
        if view != connection.guest_view:
            connection.guest_view = view
            await connection.socket.send_text(snapshot_frame(0, connection.place, view))

    async def begin(self, connection: Connection, room: Room, since: int | None) -> None:
        """Send the first frame of a connection (or its first one under another place), then what came meanwhile.

        Whoever missed only what is remembered here is told it at once; else the room is read, once for all who come now.
        """
        who: Audience = connection.place.audience
        guest = who.guest_items is not None
        missed = room.remembered(who, since) if since and not guest else None
        if since is None or missed is None:
            begun = await self._beginning(room, who, since)
            if connection.closing or connection.place.audience != who:
                return
            if begun.room is not None:
                connection.guest_view = begun.room if guest else ""
                told = 0 if guest else begun.seq  # a guest gets no numbers: they would tell of others
                await connection.socket.send_text(snapshot_frame(told, connection.place, begun.room))
            for _seq, frame in begun.replay:
                if not connection.socket.write(frame.wire):
                    await connection.socket.send_text(frame.text)
            since, missed = begun.seq, room.remembered(who, begun.seq)
            # What was told between the reading and now, and is not remembered, is told again to the whole room: whoever knows
            # more skips it.
            if room.seq is None or (missed is None and since < room.seq):
                room.seq = since
            room.moved.set()
        connection.seq = since
        sent = self.give(connection, missed or [])
        if sent is not None:
            await sent
        await self.signals.greet(connection, room.meeting_id)

    async def _beginning(self, room: Room, who: Audience, since: int | None) -> Beginning:
        """The beginning for one audience, out of the last reading of the room where that still serves. Raises ``DatabaseError``."""
        reading = room.reading
        if reading is None or not self._serves(room, reading, who, since):
            state = asyncio.ensure_future(self.read(work.stand, room.meeting_id, since))
            reading = room.reading = Reading(monotonic(), since, state, {})
        stand = await asyncio.shield(reading.state)
        key = (who, since)
        if key not in reading.beginnings:
            reading.beginnings[key] = asyncio.ensure_future(self.read(_drawn, stand, who, since))
        return await asyncio.shield(reading.beginnings[key])

    def _serves(self, room: Room, reading: Reading, who: Audience, since: int | None) -> bool:
        if monotonic() - reading.at > READING_SERVES_S or self.leaving:
            return False
        if since is not None and (reading.since is None or reading.since > since):
            return False
        if not reading.state.done():
            return who.guest_items is None
        if reading.state.cancelled() or reading.state.exception() is not None:
            return False
        head = reading.state.result().head
        if room.seq is None or head >= room.seq:
            return True
        return who.guest_items is None and room.remembered(who, head) is not None

    # --- coming and going ------------------------------------------------------------------------------------------

    async def join(self, connection: Connection, meeting_id: UUID, means: str, since: int | None) -> Room:
        """Take a connection into its room, write its lease and send its first frame. Raises ``DatabaseError``."""
        if self.epoch == -1:
            self.epoch = (await self.read(work.pulse, [], [])).epoch
        room = self.rooms.get(meeting_id)
        if room is None:
            room = self.rooms[meeting_id] = Room(self, meeting_id)
        place = connection.place
        room.connections.add(connection)
        mine = [
            each
            for each in room.connections
            if (each.place.person_id, each.place.wall_id) == (place.person_id, place.wall_id) and each is not connection
        ]
        if len(mine) >= MOST_PER_PERSON:
            oldest = min(mine, key=lambda each: each.lease_id)
            await self.drop(oldest, Close.REPLACED)
        try:
            if place.wall_id is None:  # a screen is nobody: it is not present
                await self._arrive(
                    presence.Arrival(
                        connection.lease_id, meeting_id, place.person_id, place.organisation_id, means, self.process
                    )
                )
                self.came_or_went(meeting_id, place.person_id)
            await self.begin(connection, room, since)
        except BaseException:
            self.leave(connection, meeting_id)
            raise
        return room

    def leave(self, connection: Connection, meeting_id: UUID) -> None:
        """The socket is gone."""
        room = self.rooms.get(meeting_id)
        if room is None or connection not in room.connections:
            return
        room.connections.discard(connection)
        self.texts.leave(connection)
        self.calls.left(connection, meeting_id)
        if connection.place.wall_id is None:
            if not self._departed:
                self.in_background(self._end_leases())
            self._departed.append((connection.lease_id, meeting_id, connection.place.person_id))
        if not room.connections:
            room.task.cancel()
            del self.rooms[meeting_id]
            self.signals.forget(meeting_id)

    async def _arrive(self, arrival: presence.Arrival) -> None:
        """Write a lease, together with all that come at the same moment. Raises ``DatabaseError``."""
        written: asyncio.Future[None] = self.loop.create_future()
        self._arriving.append((arrival, written))
        if len(self._arriving) == 1:
            self.in_background(self._write_leases())
        await written

    async def _write_leases(self) -> None:
        while self._arriving:
            await asyncio.sleep(0)  # who comes in the same turn of the loop comes along
            batch = list(self._arriving)
            try:
                await self.read(presence.begin, [arrival for arrival, _ in batch])
            except Exception as error:
                for _, written in batch:
                    if not written.done():
                        written.set_exception(error)
            for _, written in batch:
                if not written.done():
                    written.set_result(None)
            del self._arriving[: len(batch)]

    async def _end_leases(self) -> None:
        await asyncio.sleep(0)
        while self._departed:
            batch = list(self._departed)
            try:
                await self.read(presence.end, [lease_id for lease_id, _, _ in batch])
            except Exception as error:  # the rows die by themselves: nobody refreshes them any more
                logger.warning("leases were not ended (%s)", type(error).__name__)
            for _, meeting_id, person_id in batch:
                self.came_or_went(meeting_id, person_id)
            del self._departed[: len(batch)]

    async def drop(self, connection: Connection, code: int) -> None:
        """Close a connection politely; it leaves its room when the socket says that it is gone, at the latest now."""
        if connection.closing:
            return
        connection.closing = True
        with contextlib.suppress(Exception):
            await connection.socket.close_with(code)

    async def _breathe(self) -> None:
        while True:
            await asyncio.sleep(presence.REFRESH_EVERY.total_seconds())
            try:
                mine = [each.lease_id for room in self.rooms.values() for each in room.connections]
                if mine:
                    await self.read(presence.refresh, mine)
                for meeting_id, person_id in await self.read(presence.bury):
                    self.came_or_went(meeting_id, person_id)
            except Exception as error:
                logger.warning("leases are not refreshed now (%s)", type(error).__name__)

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_PRESENCE_EVERY_S)
            await self.flush_presence()

    def came_or_went(self, meeting_id: UUID, person_id: UUID) -> None:
        """Something about this person's being there is another: said in the journal with the next flush."""
        self._came_or_went.setdefault(meeting_id, set()).add(person_id)

    async def flush_presence(self) -> None:
        """Journal who came and went since the last time, one event for each room."""
        waiting, self._came_or_went = self._came_or_went, {}
        for meeting_id, people in waiting.items():
            try:
                await self.command(work.note_presence, meeting_id, list(people))
            except Exception as error:
                logger.warning("presence is not noted now (%s)", type(error).__name__)
                self._came_or_went.setdefault(meeting_id, set()).update(people)

    async def goodbye(self) -> None:
        """The process ends: tell everybody to come back at once (1012), see them out, and end the leases."""
        self.leaving = True
        connections = [each for room in self.rooms.values() for each in room.connections]
        await asyncio.gather(*(self.drop(each, Close.RESTART) for each in connections))
        if connections:
            with contextlib.suppress(Exception):
                await self.read(presence.end, [each.lease_id for each in connections])
        # A server that stops at once would cut the lines before the word is out.
        until = monotonic() + SEE_OUT_WITHIN_S
        while self.rooms and monotonic() < until:  # noqa: ASYNC110  (bounded, and the process ends)
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """End the hub's tasks (tests; a process simply ends)."""
        await self.texts.stop()
        rooms = [room.task for room in self.rooms.values()]
        for task in (*self._tasks, *rooms, *self._background):
            task.cancel()
        await asyncio.gather(*self._tasks, *rooms, *self._background, return_exceptions=True)
        # A thread cannot be cancelled: what it does with the database is done before anybody else goes on.
        await asyncio.gather(*(asyncio.wrap_future(each) for each in list(self._running)), return_exceptions=True)
        journal.forget_delivery(self._committed)


def _drawn(stand: work.Stand, who: Audience, since: int | None) -> Beginning:
    """A beginning, drawn and made ready. In a thread: it is the longest piece of a connection's way in."""
    begun = work.drawn(stand, who, since)
    replay = [(entry.seq, prepare(event_frame(entry, patch))) for entry, patch in begun.replay]
    return Beginning(begun.seq, dumps(begun.room) if begun.room is not None else None, replay)


_hubs: dict[int, Hub] = {}


def here() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(id(loop))
    if hub is None or hub.loop is not loop:
        hub = _hubs[id(loop)] = Hub()
    return hub


async def goodbye() -> None:
    """Called by the server before it stops."""
    hub = _hubs.get(id(asyncio.get_running_loop()))
    if hub is not None:
        await hub.goodbye()


async def stop() -> None:
    """End the hub of this loop, if there is one (tests)."""
    hub = _hubs.pop(id(asyncio.get_running_loop()), None)
    if hub is not None:
        await hub.stop()
