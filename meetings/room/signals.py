"""Signals: what the presenter looks at, and where people point. Passed on to whoever may see the item, and never stored.

A view is taken from the meeting's presenter only, a point from whoever may share. Each replaces the one before it of the same
person and kind: what comes too fast, or while another process or a reader is slow, is left out, and the newest is kept. Who may
hear a signal is asked of the audience that is in force now, about the item as the room was last told of it, in this process and
again in every other one that passes it on.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer
from django.utils.translation import gettext as _
from pydantic import BaseModel, Field, ValidationError

from mdo.kernel.acting import acting
from meetings.models import AgendaItem, Meeting
from meetings.room import snapshot, work
from meetings.room.bucket import Bucket
from meetings.room.connection import Connection, dumps
from meetings.room.protocol import Malformed, Message, Signal
from meetings.room.snapshot import Audience

if TYPE_CHECKING:
    from meetings.room.hub import Hub

logger = logging.getLogger(__name__)

PER_SECOND = 20
PUBLISH_WITHIN_S = 0.5
GROUP = "mdo.rooms"  # the hub's: there is one listener in a process
# Signals carry no sequence that a reader could fall behind: who has said nothing for so long gets none.
SILENT_FOR_S = 20.0

Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Page = Annotated[int, Field(ge=1, le=100_000)]


class View(Message):
    """What the presenter looks at: the case or the page of a document, and how far down (0 at the top, 1 at the end)."""

    item: UUID
    tab: Literal["case", "document"]
    document: UUID | None = None
    page: Page = 1
    scroll: Fraction = 0.0


class Point(Message):
    """Where somebody points, as fractions of the page of a document or of the case; ``on`` false: not any more."""

    item: UUID
    document: UUID | None = None
    page: Page = 1
    x: Fraction
    y: Fraction
    on: bool


MODELS: dict[str, type[BaseModel]] = {"view": View, "point": Point}


@dataclass(frozen=True)
class Row:
    """What is asked of an item to know who sees it."""

    pk: UUID
    referral_id: UUID | None
    hospital_id: UUID
    state: str


@dataclass(frozen=True)
class Table:
    """Who presents, and the items, as a room was last told of them."""

    presenter_id: UUID | None
    rows: dict[UUID, Row]


def read_table(meeting_id: UUID) -> Table:
    """Two light queries, in a thread of the room's own."""
    with acting(work.HOUSE, None, "room"):
        presenter_id = Meeting.objects.values_list("presenter_id", flat=True).get(pk=meeting_id)
        rows = AgendaItem.objects.filter(meeting=meeting_id).values_list("pk", "referral_id", "hospital_id", "state")
        return Table(presenter_id, {row[0]: Row(*row) for row in rows})


def hears(audience: Audience, row: Row) -> bool:
    """Whether signals about this item reach the audience: it sees the item as things stand."""
    return snapshot.sees(audience, row)  # type: ignore[arg-type]


@dataclass
class _Speaker:
    """What one socket may still say now; the newest of each kind waits for its turn."""

    bucket: Bucket = field(default_factory=lambda: Bucket(PER_SECOND, PER_SECOND))
    waiting: dict[str, BaseModel] = field(default_factory=dict)
    wakes: asyncio.TimerHandle | None = None


Said = dict[str, Any]  # {"by", "name", "kind", "data"}


@dataclass
class _Room:
    """The signals of one room in this process."""

    table: Table | None = None
    stands_for: tuple[int | None, int] = (None, -1)  # the sequence and the access epoch that the table was read at
    last_view: Said | None = None
    waiting: dict[tuple[str, str], Said] = field(default_factory=dict)
    outgoing: dict[tuple[str, str], Said] = field(default_factory=dict)
    passing: bool = False
    publishing: bool = False


class Signals:
    """All signals of this process. Lives on the hub's event loop."""

    def __init__(self, hub: "Hub") -> None:
        self.hub = hub
        self.failures = 0
        self._rooms: dict[UUID, _Room] = {}
        self._speakers: WeakKeyDictionary[Connection, _Speaker] = WeakKeyDictionary()
        self._heard: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()
        self._sending: dict[Connection, dict[tuple[str, str], str]] = {}

    def _room(self, meeting_id: UUID) -> _Room:
        return self._rooms.setdefault(meeting_id, _Room())

    def forget(self, meeting_id: UUID) -> None:
        """Nobody of this room is here any more."""
        self._rooms.pop(meeting_id, None)

    def alive(self, connection: Connection) -> None:
        """This reader has said something just now."""
        self._heard[connection] = monotonic()

    # --- what comes in -----------------------------------------------------------------------------------------------

    def take(self, connection: Connection, meeting_id: UUID, message: Signal) -> None:
        """A signal of one of our own sockets. Raises ``Malformed``; who may not say it is not heard."""
        try:
            data = MODELS[message.kind].model_validate(message.data)
        except ValidationError as error:
            raise Malformed(str(_("This message was not understood."))) from error
        if "share" not in connection.place.audience.can:
            return
        speaker = self._speakers.setdefault(connection, _Speaker())
        speaker.waiting.pop(message.kind, None)
        speaker.waiting[message.kind] = data
        self._pour(connection, meeting_id, speaker)

    def _pour(self, connection: Connection, meeting_id: UUID, speaker: _Speaker) -> None:
        while speaker.waiting and not connection.closing:
            if not speaker.bucket.take():
                if speaker.wakes is None:
                    speaker.wakes = self.hub.loop.call_later(
                        1 / PER_SECOND, self._again, connection, meeting_id, speaker
                    )
                return
            kind = next(iter(speaker.waiting))
            data = speaker.waiting.pop(kind)
            place = connection.place
            said = {
                "by": str(place.person_id),
                "name": place.you["name"],
                "kind": kind,
                "data": data.model_dump(mode="json"),
            }
            self._say(meeting_id, said, frm=connection)

    def _again(self, connection: Connection, meeting_id: UUID, speaker: _Speaker) -> None:
        speaker.wakes = None
        self._pour(connection, meeting_id, speaker)

    def heard(self, message: dict[str, Any]) -> None:
        """Signals that another process passes on."""
        meeting_id = UUID(message["meeting"])
        if meeting_id in self.hub.rooms:
            for said in message["said"]:
                self._say(meeting_id, said, frm=None)

    def _say(self, meeting_id: UUID, said: Said, *, frm: Connection | None) -> None:
        room = self._room(meeting_id)
        key = (said["by"], said["kind"])
        room.waiting.pop(key, None)
        room.waiting[key] = {**said, "from": frm}
        if not room.passing:
            room.passing = True
            self.hub.in_background(self._pass_on(meeting_id, room))

    # --- who hears it ------------------------------------------------------------------------------------------------

    async def _table(self, meeting_id: UUID, room: _Room) -> Table:
        live = self.hub.rooms.get(meeting_id)
        at = (live.seq if live else None, self.hub.epoch)
        if room.table is None or at[0] is None or room.stands_for != at:
            room.table = await self.hub.read(read_table, meeting_id)
            room.stands_for = at
        return room.table

    async def _pass_on(self, meeting_id: UUID, room: _Room) -> None:
        try:
            while room.waiting:
                waiting, room.waiting = room.waiting, {}
                table = await self._table(meeting_id, room)
                for key, said in waiting.items():
                    frm: Connection | None = said.pop("from")
                    if self._may_say(table, said, frm):
                        if said["kind"] == "view":
                            room.last_view = said
                        self._give(meeting_id, table, said, frm)
                        if frm is not None:
                            room.outgoing[key] = said
                if room.outgoing and not room.publishing:
                    room.publishing = True
                    self.hub.in_background(self._publish(meeting_id, room))
        except Exception as error:  # the database is away: the next signal tries again
            logger.warning("signals are not passed on now (%s)", type(error).__name__)
        finally:
            room.passing = False

    @staticmethod
    def _may_say(table: Table, said: Said, frm: Connection | None) -> bool:
        row = table.rows.get(UUID(said["data"]["item"]))
        if row is None or (frm is not None and not hears(frm.place.audience, row)):
            return False
        return said["kind"] != "view" or said["by"] == str(table.presenter_id)

    def _give(self, meeting_id: UUID, table: Table, said: Said, frm: Connection | None) -> None:
        live = self.hub.rooms.get(meeting_id)
        row = table.rows[UUID(said["data"]["item"])]
        frame = dumps({"t": "signal", **said})
        for connection in list(live.connections) if live else []:
            if connection is not frm and connection.seq is not None and hears(connection.place.audience, row):
                self._send(connection, (said["by"], said["kind"]), frame)

    def _send(self, connection: Connection, key: tuple[str, str], frame: str) -> None:
        """Without waiting: a reader that is still busy gets the newest of each when it is done with the one before."""
        silent = monotonic() - self._heard.setdefault(connection, monotonic()) > SILENT_FOR_S
        if connection.closing or silent:
            return
        if connection in self._sending:
            self._sending[connection][key] = frame
        else:
            self._sending[connection] = {key: frame}
            self.hub.in_background(self._sent(connection))

    async def _sent(self, connection: Connection) -> None:
        waiting = self._sending[connection]
        try:
            while waiting and not connection.closing:
                await connection.socket.send_text(waiting.pop(next(iter(waiting))))
        except Exception as error:
            logger.debug("a signal was not sent (%s)", type(error).__name__)
        finally:
            del self._sending[connection]

    async def greet(self, connection: Connection, meeting_id: UUID) -> None:
        """Where the presenter is, for somebody who came just now."""
        room = self._rooms.get(meeting_id)
        said = room.last_view if room else None
        if room is None or said is None:
            return
        try:
            table = await self._table(meeting_id, room)
        except Exception as error:
            logger.warning("nobody is told where the presenter is now (%s)", type(error).__name__)
            return
        row = table.rows.get(UUID(said["data"]["item"]))
        if said["by"] != str(table.presenter_id) or row is None:
            room.last_view = None
        elif hears(connection.place.audience, row) and not connection.closing:
            await connection.socket.send_text(dumps({"t": "signal", **said}))

    async def _publish(self, meeting_id: UUID, room: _Room) -> None:
        """To the other processes: what came while the channel layer was slow goes as one, the newest of each."""
        try:
            while room.outgoing:
                said, room.outgoing = list(room.outgoing.values()), {}
                message = {"type": "signal", "meeting": str(meeting_id), "from": self.hub.process, "said": said}
                async with asyncio.timeout(PUBLISH_WITHIN_S):
                    await get_channel_layer().group_send(GROUP, message)
        except Exception:
            self.failures += 1  # harmless: the presenter says it again
        finally:
            room.publishing = False
