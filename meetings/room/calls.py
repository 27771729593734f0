"""The call in a room: who takes part, and what one browser has to say to another so that picture and sound flow between the two.

A connection is in the call once it was given a ticket (``media.py``), until it leaves, its socket goes or its right ends. What it is
called there (``peer``) stays when it comes back after a cut, so that the others hold on. Signals from browser to browser go to that
one peer, through this process or another, and are never stored: what gets lost is said again. They are bounded in size and number;
who goes beyond is closed. Between a guest and anybody else only relayed addresses pass (``relay.py``), and of somebody who may only
listen no picture or sound is announced.
"""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer
from django.utils import translation
from django.utils.translation import gettext as _
from pydantic import Field, TypeAdapter, ValidationError

from mdo.kernel.errors import Denied, Refused, Unavailable
from meetings import call
from meetings.room import call_work, relay
from meetings.room.bucket import Bucket
from meetings.room.call_work import Asker
from meetings.room.connection import Caller, Connection, dumps, prepare
from meetings.room.protocol import (
    DEFAULT_SENTENCES,
    CallJoin,
    CallLeave,
    CallMessage,
    CallShow,
    CallSignal,
    CallTicket,
    Close,
    Malformed,
    Message,
    Text,
)

if TYPE_CHECKING:
    from meetings.room.hub import Hub

logger = logging.getLogger(__name__)

GROUP = "mdo.rooms"  # the hub's: there is one listener in a process
PUBLISH_WITHIN_S = 0.5
SHOWN_EVERY_S = 0.2  # what somebody switches on and off reaches the others so often at most
TOLD_WITHIN_S = 0.05

# Signals: what browsers that find each other never need, and a flood does.
LONGEST_SDP = 48 * 1024
MOST_CANDIDATES = 32
CANDIDATES_BURST = 400
CANDIDATES_PER_SECOND = 10
MOST_WAITING = 128


class Description(Message):
    """An offer or an answer (RFC 8829)."""

    kind: Literal["description"]
    type: Literal["offer", "answer"]
    sdp: Annotated[Text, Field(max_length=LONGEST_SDP)]


class Candidate(Message):
    """One address that the sender could be reached at (RFC 8839); an empty one says that there are no more."""

    candidate: Annotated[Text, Field(max_length=1024)]
    sdpMid: Annotated[Text, Field(max_length=64)] | None = None  # noqa: N815  (the names of RTCIceCandidateInit)
    sdpMLineIndex: Annotated[int, Field(ge=0, lt=256)] | None = None  # noqa: N815
    usernameFragment: Annotated[Text, Field(max_length=256)] | None = None  # noqa: N815


class Candidates(Message):
    """Several at once."""

    kind: Literal["candidates"]
    candidates: Annotated[list[Candidate], Field(max_length=MOST_CANDIDATES)]


class Want(Message):
    """What the sender can use of the other one's picture: none, or so many lines."""

    kind: Literal["want"]
    picture: bool
    height: Annotated[int, Field(ge=0, le=4320)]


class Again(Message):
    """The sender hears nothing of the other one, whose part it is to begin: from the start, or by another path."""

    kind: Literal["again"]
    rebuild: bool


class Bye(Message):
    """The sender leaves the call on purpose: nobody has to wait for them."""

    kind: Literal["bye"]


DATA = (Description, Candidates, Want, Again, Bye)
Data = Annotated[Description | Candidates | Want | Again | Bye, Field(discriminator="kind")]
_DATA: TypeAdapter[Description | Candidates | Want | Again | Bye] = TypeAdapter(Data)
_SENDS = re.compile(r"^a=(sendrecv|sendonly)\s*$", re.MULTILINE)


@dataclass
class _Sender:
    """What one connection may still say now, and what of it waits."""

    candidates: Bucket = field(default_factory=lambda: Bucket(CANDIDATES_BURST, CANDIDATES_PER_SECOND))
    waiting: deque[CallMessage] = field(default_factory=deque)
    working: bool = False
    showing: bool = False


class Calls:
    """All calls of this process. Lives on the hub's event loop."""

    def __init__(self, hub: "Hub") -> None:
        self.hub = hub
        self.failures = 0
        self._here: dict[tuple[UUID, UUID], Connection] = {}  # (meeting, peer)
        self._senders: WeakKeyDictionary[Connection, _Sender] = WeakKeyDictionary()
        self._telling = False
        self._ending = False
        self._left_behind = False

    # --- what comes in -----------------------------------------------------------------------------------------------

    def take(self, connection: Connection, meeting_id: UUID, message: CallMessage) -> int | None:
        """A message of one of our own sockets; a close code where its sender goes too far. Raises ``Malformed``."""
        sender = self._senders.setdefault(connection, _Sender())
        if isinstance(message, CallSignal):
            data = message.data
            if len(str(data.get("sdp", ""))) > LONGEST_SDP:
                return Close.TOO_LARGE
            listed = data.get("candidates")
            if isinstance(listed, list) and not (
                len(listed) <= MOST_CANDIDATES and sender.candidates.take(len(listed))
            ):
                return Close.TOO_FAST
        if len(sender.waiting) >= MOST_WAITING:
            return Close.TOO_FAST
        if isinstance(message, CallSignal):
            self._checked(message)
        sender.waiting.append(message)
        if not sender.working:
            sender.working = True
            self.hub.in_background(self._work(connection, meeting_id, sender))
        return None

    @staticmethod
    def _checked(message: CallSignal) -> None:
        try:
            _DATA.validate_python(message.data)
        except ValidationError as error:
            raise Malformed(str(_("This message was not understood."))) from error

    async def _work(self, connection: Connection, meeting_id: UUID, sender: _Sender) -> None:
        """The messages of one socket in their order, one at a time."""
        try:
            while sender.waiting and not connection.closing:
                message = sender.waiting.popleft()
                if isinstance(message, CallSignal):
                    self._pass_on(connection, meeting_id, message)
                elif isinstance(message, CallJoin | CallTicket):
                    await self._admit(connection, meeting_id, message)
                elif isinstance(message, CallShow):
                    self._show(connection, meeting_id, message, sender)
                elif isinstance(message, CallLeave):
                    await self._leave(connection, meeting_id)
        except Exception as error:
            logger.warning("a call's message was lost (%s)", type(error).__name__, exc_info=True)
        finally:
            sender.working = False

    # --- taking part -------------------------------------------------------------------------------------------------

    async def _admit(self, connection: Connection, meeting_id: UUID, message: CallJoin | CallTicket) -> None:
        place, caller = connection.place, connection.call
        try:
            if "call" not in place.audience.can or place.wall_id is not None:
                raise Denied()
            asker = Asker(
                connection.lease_id,
                place.person_id,
                place.you["name"],
                place.audience.guest_items is not None,
                "speak" in place.audience.can,
                place.audience.language,
            )
            if isinstance(message, CallJoin):
                state = message.state.model_dump()
                entry = await self.hub.read(call_work.enter, meeting_id, asker, message.peer, state)
            elif caller is not None:
                state = caller.state
                entry = await self.hub.read(call_work.renew, meeting_id, asker, caller.peer)
            else:
                raise Denied()
        except Refused as error:
            self._refuse(connection, message.id, error)
            return
        except Exception as error:
            logger.warning("nobody comes into the call now (%s)", type(error).__name__, exc_info=True)
            self._refuse(connection, message.id, Unavailable())
            return
        connection.call = Caller(entry.peer, entry.epoch, entry.way, asker.guest, asker.speak, state)
        before = self._here.get((meeting_id, entry.peer))
        if before is not None and before is not connection:
            before.call = None
        self._here[meeting_id, entry.peer] = connection
        self._say(connection, {"t": "call.ticket", "id": str(message.id), **entry.ticket})
        if isinstance(message, CallJoin):
            self._changed(meeting_id, connection)
        if connection.closing or "call" not in connection.place.audience.can:  # the right ended meanwhile
            self._end([connection], meeting_id)

    def _refuse(self, connection: Connection, message_id: UUID, error: Refused) -> None:
        with translation.override(connection.place.audience.language):
            words = error.message or str(DEFAULT_SENTENCES.get(error.code, ""))
        code = error.field or error.code
        self._say(connection, {"t": "call.refused", "id": str(message_id), "code": code, "message": words})

    def _show(self, connection: Connection, meeting_id: UUID, message: CallShow, sender: _Sender) -> None:
        if connection.call is None:
            return
        connection.call.state = message.state.model_dump()
        if not sender.showing:
            sender.showing = True
            self.hub.in_background(self._shown(connection, meeting_id, sender))

    async def _shown(self, connection: Connection, meeting_id: UUID, sender: _Sender) -> None:
        told: dict[str, bool] | None = None
        try:
            while connection.call is not None and connection.call.state != told:
                told = connection.call.state
                await self.hub.read(call_work.show, connection.lease_id, told)
                self._changed(meeting_id, connection)
                await asyncio.sleep(SHOWN_EVERY_S)
        except Exception as error:
            logger.warning("what somebody shows is not told now (%s)", type(error).__name__)
        finally:
            sender.showing = False

    async def _leave(self, connection: Connection, meeting_id: UUID) -> None:
        if self._forget(connection, meeting_id) is not None:
            await self.hub.read(call_work.leave, [connection.lease_id])
            self._changed(meeting_id, connection)

    def left(self, connection: Connection, meeting_id: UUID) -> None:
        """The socket is gone. Picture and sound may still flow: the lease ends, and whoever comes back goes on."""
        self._forget(connection, meeting_id)

    def _forget(self, connection: Connection, meeting_id: UUID) -> Caller | None:
        caller, connection.call = connection.call, None
        if caller is not None and self._here.get((meeting_id, caller.peer)) is connection:
            del self._here[meeting_id, caller.peer]
        return caller

    def _changed(self, meeting_id: UUID, connection: Connection) -> None:
        """Who is in the call, or what they send, is another: said in the room's journal, sooner than that people came and went."""
        self.hub.came_or_went(meeting_id, connection.place.person_id)
        if not self._telling:
            self._telling = True
            self.hub.in_background(self._tell_soon())

    async def _tell_soon(self) -> None:
        await asyncio.sleep(TOLD_WITHIN_S)
        self._telling = False
        await self.hub.flush_presence()

    # --- when a right ends ---------------------------------------------------------------------------------------------

    def shut(self, connections: Iterable[Connection]) -> None:
        """These were closed because their session ended: what they hold of the call ends too."""
        for connection in connections:
            for (meeting_id, _peer), known in list(self._here.items()):
                if known is connection:
                    self._end([connection], meeting_id)

    def recheck(self, meeting_id: UUID) -> None:
        """Places moved: whoever may not be in the call any more is out of it now."""
        mine = [each for (meeting, _peer), each in self._here.items() if meeting == meeting_id]
        out, served = [], False
        for connection in mine:
            caller, can = connection.call, connection.place.audience.can
            if caller is None:
                continue
            served = served or caller.way == call.LIVEKIT
            if connection.closing or "call" not in can:
                out.append(connection)
            elif caller.speak != ("speak" in can):
                self._say(
                    connection, {"t": "call.ended", "reason": "moved"}
                )  # to be asked for anew, with another right
        if out:
            self._end(out, meeting_id)
        if served:
            self.hub.in_background(self._sweep(meeting_id))

    def _end(self, connections: list[Connection], meeting_id: UUID) -> None:
        """Out of the call, now: told to themselves and to everybody who hears them, and cut off on the media server."""
        served: dict[int, list[UUID]] = {}
        peers = []
        for connection in connections:
            caller = self._forget(connection, meeting_id)
            if caller is None:
                continue
            peers.append(str(caller.peer))
            if caller.way == call.LIVEKIT:
                served.setdefault(caller.epoch, []).append(caller.peer)
            if not connection.closing:
                self._say(connection, {"t": "call.ended", "reason": "slot" if caller.guest else "access"})
            self._changed(meeting_id, connection)
        self._gone(meeting_id, peers)
        self.hub.in_background(self._publish({"type": "call.gone", "meeting": str(meeting_id), "peers": peers}))
        self.hub.in_background(self._ended(meeting_id, [each.lease_id for each in connections], served))

    async def _ended(self, meeting_id: UUID, leases: list[UUID], served: dict[int, list[UUID]]) -> None:
        try:
            await self.hub.read(call_work.leave, leases)
            for epoch, peers in served.items():
                await self.hub.read(call_work.shut_out, meeting_id, epoch, peers)
        except Exception as error:
            logger.warning("a call was not cut on the media server (%s)", type(error).__name__)
        if served:
            await self.end_rooms()

    def _gone(self, meeting_id: UUID, peers: list[str]) -> None:
        for (meeting, _peer), connection in list(self._here.items()):
            if meeting == meeting_id:
                self._say(connection, {"t": "call.gone", "peers": peers})

    async def _sweep(self, meeting_id: UUID) -> None:
        """Access moved: does somebody who is not connected here any more still hold a ticket of the media server?"""
        try:
            epoch = await self.hub.read(call_work.leftover, meeting_id)
            if epoch is not None:
                await self.hub.read(call_work.shut_out, meeting_id, epoch, [])
        except Exception as error:
            logger.warning("tickets were not looked at (%s)", type(error).__name__)

    def moved(self, meeting_id: UUID) -> None:
        """The room moved: where the call did too, the room that it left behind on the media server is ended in a moment."""
        mine = (each.call for (meeting, _peer), each in self._here.items() if meeting == meeting_id)
        if any(caller is not None and caller.way == call.LIVEKIT for caller in mine):
            self.hub.in_background(self.end_rooms())

    async def end_rooms(self) -> None:
        """End what is left behind on the media server, once everybody went over; and what is left behind while this waits."""
        self._left_behind = True
        if self._ending:
            return
        self._ending = True
        try:
            while self._left_behind:
                self._left_behind = False
                await asyncio.sleep(call.OLD_ROOM_LASTS.total_seconds())
                await self.hub.read(call_work.end_due)
        except Exception as error:  # the sweep does it
            logger.warning("a room of the media server was not ended now (%s)", type(error).__name__)
        finally:
            self._ending = False

    # --- from browser to browser ---------------------------------------------------------------------------------------

    def _pass_on(self, connection: Connection, meeting_id: UUID, message: CallSignal) -> None:
        caller = connection.call
        if caller is None or message.to == caller.peer:
            return
        said = {"peer": str(caller.peer), "to": str(message.to), "data": message.data, "guest": caller.guest}
        if not caller.speak and _SENDS.search(str(message.data.get("sdp", ""))):
            return  # somebody who may only listen
        if not self._deliver(meeting_id, said):
            self.hub.in_background(self._publish({"type": "call.signal", "meeting": str(meeting_id), **said}))

    def heard(self, message: dict[str, Any]) -> None:
        """What another process passes on."""
        meeting_id = UUID(message["meeting"])
        if message["type"] == "call.gone":
            self._gone(meeting_id, message["peers"])
        else:
            self._deliver(meeting_id, message)

    def _deliver(self, meeting_id: UUID, said: dict[str, Any]) -> bool:
        """To the peer, if it is here; whether it is. Between a guest and anybody only what the relay stands between."""
        target = self._here.get((meeting_id, UUID(said["to"])))
        if target is None or target.call is None:
            return False
        data = said["data"]
        if "call" in target.place.audience.can and (said["guest"] or target.call.guest):
            data = _relayed(data)
        if data is not None and "call" in target.place.audience.can:
            self._say(target, {"t": "call.signal", "from": said["peer"], "data": data})
        return True

    async def _publish(self, message: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(PUBLISH_WITHIN_S):
                await get_channel_layer().group_send(GROUP, {**message, "from": self.hub.process})
        except Exception:
            self.failures += 1  # harmless: browsers that do not find each other begin again

    def _say(self, connection: Connection, frame: dict[str, Any]) -> None:
        text = dumps(frame)
        connection.beside += len(text)
        if connection.closing or connection.behind:  # a reader that does not keep up is closed at the next look
            return
        if not connection.socket.write(prepare(text).wire):
            self.hub.in_background(connection.socket.send_text(text))


def _relayed(data: dict[str, Any]) -> dict[str, Any] | None:
    """A signal without anybody's address but the relay's; ``None`` where nothing is left of it."""
    try:
        if data["kind"] == "description":
            return {**data, "sdp": relay.only_relayed_sdp(data["sdp"])}
        if data["kind"] == "candidates":
            kept = []
            for each in data["candidates"]:
                candidate = relay.only_relayed_candidate(each["candidate"]) if each["candidate"] else ""
                if candidate is not None:
                    kept.append({**each, "candidate": candidate})
            return {**data, "candidates": kept} if kept else None
    except ValueError:
        return None
    return data
