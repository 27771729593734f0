"""Typed together: the shared texts of one process, and how what is typed in them reaches everybody.

A text has a *sheet* in this process while somebody here follows it (``text_sheet.py``). News of other processes comes as a hint
over the channel layer or by the look at the database every 500 ms; the rows are the truth. Carets are passed on and never stored.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from channels.layers import get_channel_layer
from django.utils import translation

from mdo.kernel.errors import Denied, NotFound, Refused, Unavailable
from meetings.room import text_work
from meetings.room.connection import Connection, Prepared, dumps, prepare
from meetings.room.protocol import (
    DEFAULT_SENTENCES,
    Close,
    TextCaret,
    TextJoin,
    TextLeave,
    TextMessage,
    TextUpdate,
)
from meetings.room.text_sheet import Line, Newcomer, Sheet, Typed, base64_of
from meetings.room.text_work import Key

if TYPE_CHECKING:
    from meetings.room.hub import Hub

logger = logging.getLogger(__name__)
T = TypeVar("T")

GROUP = "mdo.rooms"  # the hub's: there is one listener in a process
PUBLISH_WITHIN_S = 0.5
SEND_WITHIN_S = 5.0
TOUCHING = (
    "agenda.",
    "decision.",
    "meeting.",
    "readback.",
)  # events after which a text may stand otherwise than before
MOST_WAITING = 32  # updates of one connection
MOST_FOLLOWED = 24  # texts by one connection


class TooFast(Refused):
    code = "too_fast"


class Texts:
    """All typed texts of this process. Lives on the hub's event loop."""

    def __init__(self, hub: "Hub") -> None:
        self.hub = hub
        self.sheets: dict[Key, Sheet] = {}
        self.failures = 0
        self._looking = False
        self._lines: dict[Connection, Line] = {}

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        return await self.hub.run(text_work.text_threads, function, *args)

    # --- what one's own sockets say ----------------------------------------------------------------------------------

    def take(self, connection: Connection, meeting_id: UUID, message: TextMessage) -> None:
        """A message about a text, from one of our own sockets."""
        line = self._lines.get(connection)
        if line is None:
            line = self._lines[connection] = Line(connection, meeting_id)
        key = (message.item, message.field)
        match message:
            case TextJoin():
                self._join(line, key, message.sv)
            case TextLeave():
                self._leave(line, key)
            case TextUpdate():
                self._type(line, key, message)
            case TextCaret():
                self._caret(line, key, message.data)

    def _join(self, line: Line, key: Key, state: bytes) -> None:
        # Who follows it already asks anew, and hears of it meanwhile.
        followed = line.follows.keys() | line.joining
        if (key not in followed and len(followed) >= MOST_FOLLOWED) or not line.joins.take(1):
            self.hub.in_background(self.refuse(line.connection, key, TooFast(), None))
            return
        line.joining.add(key)
        self.hub.in_background(self._enter(line, key, state))

    async def _enter(self, line: Line, key: Key, state: bytes) -> None:
        try:
            entry = await self.run(text_work.enter, line.connection.place, line.meeting_id, *key)
        except Refused as refusal:
            line.joining.discard(key)
            if isinstance(refusal, NotFound | Denied):
                self._leave(line, key)
            await self.refuse(line.connection, key, refusal, None)
        except Exception as error:
            logger.exception("a text could not be joined (%s)", type(error).__name__)
            line.joining.discard(key)
            await self.refuse(line.connection, key, Unavailable(), None)
        else:
            if not line.gone and key in line.joining:
                sheet = self.sheets.get(key)
                if sheet is None:
                    sheet = self.sheets[key] = Sheet(self, line.meeting_id, key)
                sheet.newcomers.append(Newcomer(line, entry.may_type, entry.head.n, state))
                sheet.moved.set()

    def _leave(self, line: Line, key: Key) -> None:
        line.joining.discard(key)
        sheet = line.follows.pop(key, None)
        if sheet is not None:
            sheet.listeners.pop(line.connection, None)
            self.close_if_idle(sheet)

    def _type(self, line: Line, key: Key, message: TextUpdate) -> None:
        sheet = line.follows.get(key)
        refusal: Refused | None = None
        if sheet is None:  # not joined, or not any more: the client joins and sends it again
            refusal = Unavailable()
        elif line.waiting >= MOST_WAITING or not line.bytes.take(len(message.data)):
            refusal = TooFast()
        if sheet is None or refusal is not None:
            self.hub.in_background(self.refuse(line.connection, key, refusal or Unavailable(), message.id))
            return
        line.waiting += 1
        sheet.waiting.append(Typed(line, message.id, message.data))
        sheet.moved.set()

    # --- carets ------------------------------------------------------------------------------------------------------

    def _caret(self, line: Line, key: Key, data: bytes) -> None:
        sheet = line.follows.get(key)
        listener = sheet.listeners.get(line.connection) if sheet else None
        if sheet is None or listener is None or not listener.may_type or not line.carets.take(1):
            return  # the next one says it again
        place = line.connection.place
        said = {**sheet.about, "by": str(place.person_id), "name": place.you["name"], "data": base64_of(data)}
        self._spread(sheet, said, line.connection)
        self.hub.in_background(self._send({"type": "text.caret", "said": said}))

    def _spread(self, sheet: Sheet, said: dict[str, Any], but: Connection | None) -> None:
        frame = prepare(dumps({"t": "text.caret", **said}))
        for connection in list(sheet.listeners):
            if connection is not but and (later := self._put(connection, frame)) is not None:
                self.hub.in_background(later)

    # --- other processes ---------------------------------------------------------------------------------------------

    def publish(self, sheet: Sheet) -> None:
        """Tell the other processes to look; what is stored meanwhile goes with the next word."""
        sheet.publish_again = True
        if not sheet.publishing:
            sheet.publishing = True
            self.hub.in_background(self._publish(sheet))

    async def _publish(self, sheet: Sheet) -> None:
        try:
            while sheet.publish_again:
                sheet.publish_again = False
                await self._send({"type": "text.look", **sheet.about})
        finally:
            sheet.publishing = False

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(PUBLISH_WITHIN_S):
                await get_channel_layer().group_send(GROUP, {**message, "from": self.hub.process})
        except Exception:
            self.failures += 1  # harmless: every process looks by itself, and carets are said again

    def heard(self, message: dict[str, Any]) -> None:
        """What another process says about a text."""
        said = message.get("said", message)
        sheet = self.sheets.get((UUID(said["item"]), said["field"]))
        if sheet is None:
            return
        if message["type"] == "text.caret":
            self._spread(sheet, said, None)
        else:
            sheet.look()

    def pulse(self) -> None:
        """The look at the database: which texts were typed in elsewhere, frozen or thawed. A slow one holds nobody up."""
        if self.sheets and not self._looking:
            self._looking = True
            self.hub.in_background(self._look())

    async def _look(self) -> None:
        try:
            heads = await self.run(text_work.heads, list(self.sheets))
            for key, sheet in list(self.sheets.items()):
                if key in heads and heads[key] != sheet.head:
                    sheet.look()
        except Exception as error:
            logger.warning("cannot look at the texts now (%s)", type(error).__name__)
        finally:
            self._looking = False

    def moved(self, meeting_id: UUID, names: Iterable[str]) -> None:
        """These things happened in this room: its texts may have been begun, frozen or thawed, or left the table, and with the
        table those who may read them only there."""
        if any(name.startswith(TOUCHING) for name in names):
            for sheet in self.sheets.values():
                if sheet.meeting_id == meeting_id:
                    sheet.look()
        if any(name.startswith("agenda.") for name in names):
            self.recheck(meeting_id)

    # --- access ------------------------------------------------------------------------------------------------------

    def recheck(self, meeting_id: UUID) -> None:
        """Who may read or type what may have moved: ask again for everybody who follows a text of this room."""
        for item_id in {key[0] for key, sheet in self.sheets.items() if sheet.meeting_id == meeting_id}:
            self.hub.in_background(self._recheck(meeting_id, item_id))

    async def _recheck(self, meeting_id: UUID, item_id: UUID) -> None:
        sheets = [sheet for key, sheet in self.sheets.items() if key[0] == item_id]
        places = {
            (connection.place.person_id, connection.place.organisation_id): connection.place
            for sheet in sheets
            for connection in sheet.listeners
        }
        found: list[bool | None]
        refusal: Refused = NotFound()
        try:
            found = await self.run(text_work.still_reads, list(places.values()), meeting_id, item_id)
        except Exception as error:
            # Without an answer nobody goes on reading: they ask for it again.
            logger.warning("who reads a text cannot be asked now (%s)", type(error).__name__)
            found, refusal = [None] * len(places), Unavailable()
        standing = dict(zip(places, found, strict=True))
        for sheet in sheets:
            for connection, listener in list(sheet.listeners.items()):
                who = (connection.place.person_id, connection.place.organisation_id)
                if who not in standing:
                    continue  # came after the question was asked
                may_type = standing[who]
                if may_type is None:
                    self._leave(listener.line, sheet.key)
                    await self.refuse(connection, sheet.key, refusal, None)
                elif may_type != listener.may_type:
                    listener.may_type, listener.anew = may_type, True
                    sheet.moved.set()

    # --- giving ------------------------------------------------------------------------------------------------------

    def _put(self, connection: Connection, frame: Prepared) -> Awaitable[None] | None:
        """Send a frame, counted against its reader; where the server takes no prepared frames, what is returned sends it.

        Frames of texts have no sequence: whoever pings has read those before.
        """
        if connection.closing:
            return None
        connection.beside += len(frame.wire)
        if connection.behind:
            return self.hub.drop(connection, Close.BEHIND)
        return None if connection.socket.write(frame.wire) else self._send_slowly(connection, frame)

    async def _send_slowly(self, connection: Connection, frame: Prepared) -> None:
        try:
            async with asyncio.timeout(SEND_WITHIN_S):
                await connection.socket.send_text(frame.text)
        except Exception:
            await self.hub.drop(connection, Close.BEHIND)

    async def give(self, connection: Connection, frame: Prepared) -> None:
        """Send a frame, counted against its reader."""
        later = self._put(connection, frame)
        if later is not None:
            await later

    async def refuse(self, connection: Connection, key: Key, refusal: Refused, update_id: UUID | None) -> None:
        """Say no, in the reader's language."""
        with translation.override(connection.place.audience.language):
            message = refusal.message or str(DEFAULT_SENTENCES.get(refusal.code, ""))
        frame = {
            "t": "text.refused",
            "id": str(update_id) if update_id else None,
            "item": str(key[0]),
            "field": key[1],
            "code": refusal.code,
            "message": message,
        }
        await self.give(connection, prepare(dumps(frame)))

    # --- coming and going --------------------------------------------------------------------------------------------

    def leave(self, connection: Connection) -> None:
        """The socket is gone. What it sent before is stored all the same."""
        line = self._lines.pop(connection, None)
        if line is not None:
            line.gone = True
            for key in list(line.follows):
                self._leave(line, key)

    def close_if_idle(self, sheet: Sheet) -> None:
        """Nobody follows it here any more: forget the copy."""
        if sheet.idle and self.sheets.get(sheet.key) is sheet:
            del self.sheets[sheet.key]
            sheet.task.cancel()

    async def stop(self) -> None:
        """End the sheets' tasks (tests; a process simply ends)."""
        tasks = [sheet.task for sheet in self.sheets.values()]
        self.sheets.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
