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
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

from channels.layers import get_channel_layer

from mdo.kernel import journal
from mdo.kernel.clock import now
from meetings.room import audience, presence, work
from meetings.room.audience import Place
from meetings.room.connection import Connection, dumps, event_frame, snapshot_frame
from meetings.room.protocol import Close
from meetings.room.snapshot import Audience

logger = logging.getLogger(__name__)
T = TypeVar("T")

POLL_EVERY_S = 0.5
FLUSH_PRESENCE_EVERY_S = 1.0
PUBLISH_WITHIN_S = 0.5
SEE_OUT_WITHIN_S = 2.0
GROUP = "mdo.rooms"

MOST_PER_PERSON = 5


class Room:
    """One meeting's connections in this process, and the task that tells them what happened."""

    def __init__(self, hub: "Hub", meeting_id: UUID) -> None:
        self.hub = hub
        self.meeting_id = meeting_id
        self.connections: set[Connection] = set()
        self.seq: int | None = None
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
        if found.audiences_moved or found.guests:
            await self.hub.recheck(self)
            audiences = list({connection.place.audience for connection in self.connections})
            found = await self.hub.read(work.news, self.meeting_id, self.seq, audiences)
        if epoch != self.hub.epoch:
            self.moved.set()  # access moved while this was drawn: draw again for who may see it now
            return
        self.seq = found.entries[-1].seq
        frames = {
            who: [event_frame(entry, patch) for entry, patch in zip(found.entries, patches, strict=True)]
            for who, patches in found.patches.items()
        }
        sends = []
        for connection in list(self.connections):
            who = connection.place.audience
            if who in frames:
                sends.append(
                    self.hub.give(connection, [(e.seq, f) for e, f in zip(found.entries, frames[who], strict=True)])
                )
            elif who in found.guests:
                sends.append(self.hub.give_guest(connection, found.guests[who]))
        await asyncio.gather(*sends)


class Hub:
    """All rooms of this process. Made once, on the event loop that serves the sockets."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.process = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"[:60]
        self.rooms: dict[UUID, Room] = {}
        self.epoch = -1
        self.leaving = False
        self.published_failures = 0
        self._came_or_went: dict[UUID, set[UUID]] = {}
        self._tasks = [self.loop.create_task(each()) for each in (self._poll, self._listen, self._breathe, self._flush)]
        self._background: set[asyncio.Task[Any]] = set()
        self._publishing: set[UUID] = set()
        journal.register_delivery(self._committed)

    # --- threads ---------------------------------------------------------------------------------------------------

    async def read(self, function: Callable[..., T], *args: Any) -> T:
        return await self.loop.run_in_executor(work.reading_threads, work.with_connection, lambda: function(*args))

    async def command(self, function: Callable[..., T], *args: Any) -> T:
        return await self.loop.run_in_executor(work.command_threads, work.with_connection, lambda: function(*args))

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
                    if message.get("from") != self.process:
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
        ended = [each for each in connections if each.session_key not in seen.sessions]
        await asyncio.gather(*(self.drop(each, Close.SESSION_ENDED) for each in ended))
        moved = self.epoch not in (-1, seen.epoch)
        self.epoch = seen.epoch
        at = now()
        for room in list(self.rooms.values()):
            if moved or any(each.place.holds_until <= at for each in room.connections):
                await self.recheck(room)
            if room.seq is not None and seen.heads.get(room.meeting_id, 0) > room.seq:
                room.moved.set()
        for each in connections:
            if each.behind:
                await self.drop(each, Close.BEHIND)

    # --- access ----------------------------------------------------------------------------------------------------

    async def recheck(self, room: Room) -> None:
        """Work out everybody's place in the room again; who has none any more is shown out, who sees other things starts anew."""
        connections = list(room.connections)
        wanted = {(each.place.person_id, each.preferred) for each in connections}

        def places() -> dict[tuple[UUID, UUID | None], Place | None]:
            return {key: audience.find(key[0], room.meeting_id, key[1]) for key in wanted}

        found = await self.read(places)
        for connection in connections:
            place = found[(connection.place.person_id, connection.preferred)]
            if place is None:
                await self.drop(connection, Close.NO_ACCESS)
            elif place.audience != connection.place.audience:
                before, connection.place = connection.place.audience, place
                if before.guest_items is None or place.audience.guest_items is None:
                    connection.seq, connection.early = None, []
                    self.in_background(self.begin(connection, room, None))
            else:
                connection.place = place

    # --- giving ----------------------------------------------------------------------------------------------------

    async def give(self, connection: Connection, frames: list[tuple[int, str]]) -> None:
        """Send numbered frames, or keep them for a connection whose first frame is not ready yet."""
        if connection.closing:
            return
        if connection.seq is None:
            connection.early += frames
            return
        for seq, text in frames:
            if seq > connection.seq:
                connection.seq = seq
                connection.unseen.append((seq, len(text), monotonic()))
                connection.unseen_bytes += len(text)
                if connection.behind:
                    await self.drop(connection, Close.BEHIND)
                    return
                await connection.socket.send_text(text)

    async def give_guest(self, connection: Connection, room: dict[str, Any]) -> None:
        """Send the guest's whole small view, if it is another one than before."""
        if connection.closing or connection.seq is None:
            return
        view = dumps(room)
        if view != connection.guest_view:
            connection.guest_view = view
            await connection.socket.send_text(snapshot_frame(0, connection.place, room))

    async def begin(self, connection: Connection, room: Room, since: int | None) -> None:
        """Read and send the first frame of a connection (or its first one under another place), then what came meanwhile."""
        who: Audience = connection.place.audience
        begun = await self.read(work.start, room.meeting_id, who, since)
        if connection.closing or connection.place.audience != who:
            return
        # Two first connections may have read at different moments: the room goes on from the earlier one, and whoever knows
        # more skips what they were told.
        room.seq = begun.seq if room.seq is None else min(room.seq, begun.seq)
        if begun.room is not None:
            connection.guest_view = dumps(begun.room) if who.guest_items is not None else ""
            told = begun.seq if who.guest_items is None else 0  # a guest gets no numbers: they would tell of others
            await connection.socket.send_text(snapshot_frame(told, connection.place, begun.room))
        else:
            for entry, patch in begun.replay:
                await connection.socket.send_text(event_frame(entry, patch))
        early, connection.early = connection.early, []
        connection.seq = begun.seq
        await self.give(connection, early)
        room.moved.set()

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
        mine = [each for each in room.connections if each.place.person_id == place.person_id and each is not connection]
        if len(mine) >= MOST_PER_PERSON:
            oldest = min(mine, key=lambda each: each.lease_id)
            await self.drop(oldest, Close.REPLACED)
        try:
            await self.read(
                presence.begin,
                connection.lease_id,
                meeting_id,
                place.person_id,
                place.organisation_id,
                means,
                self.process,
            )
            self._came_or_went.setdefault(meeting_id, set()).add(place.person_id)
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
        self.in_background(self._end_lease(connection, meeting_id))
        if not room.connections:
            room.task.cancel()
            del self.rooms[meeting_id]

    async def _end_lease(self, connection: Connection, meeting_id: UUID) -> None:
        try:
            await self.read(presence.end, [connection.lease_id])
        except Exception as error:  # the row dies by itself: nobody refreshes it any more
            logger.warning("a lease was not ended (%s)", type(error).__name__)
        self._came_or_went.setdefault(meeting_id, set()).add(connection.place.person_id)

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
                    self._came_or_went.setdefault(meeting_id, set()).add(person_id)
            except Exception as error:
                logger.warning("leases are not refreshed now (%s)", type(error).__name__)

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_PRESENCE_EVERY_S)
            await self.flush_presence()

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
        rooms = [room.task for room in self.rooms.values()]
        for task in (*self._tasks, *rooms, *self._background):
            task.cancel()
        await asyncio.gather(*self._tasks, *rooms, *self._background, return_exceptions=True)
        journal.forget_delivery(self._committed)


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
