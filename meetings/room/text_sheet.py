"""One typed text in one process: who follows it here, what waits to be stored, and the task that tends it.

The task does one thing at a time, so the copy in memory is never touched by two threads, and everybody hears the rows in their
order: it stores what waits (one transaction for each person; what comes meanwhile goes along next time), reads rows that other
processes added, and lets newcomers in. An update is acknowledged after its commit and not before.
"""

import asyncio
import logging
from base64 import b64encode
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from mdo.kernel.errors import Refused, Unavailable
from meetings.room import text_work
from meetings.room.bucket import Bucket
from meetings.room.connection import Connection, Prepared, dumps, prepare
from meetings.room.text_copy import Copy
from meetings.room.text_work import Head, Held, Key, NotUnderstood, Row
from meetings.text_updates import NoUpdate

if TYPE_CHECKING:
    from meetings.room.text import Texts

logger = logging.getLogger(__name__)

REMEMBERED = 128  # rows of a sheet that can be told without reading them again

# What one connection may type: a person never meets it, a program that fills the tables does.
BYTES_BURST = 384 * 1024
BYTES_PER_SECOND = 48 * 1024
CARETS_BURST = 20
CARETS_PER_SECOND = 10
JOINS_BURST = 40
JOINS_PER_SECOND = 4


@dataclass(eq=False)
class Line:
    """What one connection does with texts."""

    connection: Connection
    meeting_id: UUID
    follows: "dict[Key, Sheet]" = field(default_factory=dict)
    joining: set[Key] = field(default_factory=set)
    waiting: int = 0
    bytes: Bucket = field(default_factory=lambda: Bucket(BYTES_BURST, BYTES_PER_SECOND))
    carets: Bucket = field(default_factory=lambda: Bucket(CARETS_BURST, CARETS_PER_SECOND))
    joins: Bucket = field(default_factory=lambda: Bucket(JOINS_BURST, JOINS_PER_SECOND))
    gone: bool = False


@dataclass(eq=False)
class Listener:
    """A line that follows a sheet: what it was told of it last, and whether its person may type while the item is on the table."""

    line: Line
    n: int
    frozen: bool
    may_type: bool
    anew: bool = False  # is to be told the whole …
    owed: list[Prepared] = field(default_factory=list)  # … and then this


@dataclass(frozen=True)
class Typed:
    """An update that waits to be stored."""

    line: Line
    id: UUID
    data: bytes


@dataclass(frozen=True)
class Newcomer:
    """Somebody who may read the text and waits for it; ``n`` is where it stood when that was asked."""

    line: Line
    may_type: bool
    n: int
    state: bytes


@dataclass(frozen=True)
class Told:
    """A row as it is told to everybody but its maker, who hears that it is saved; ``None``: made in another process, or by the house."""

    n: int
    frame: Prepared
    maker: Typed | None


def base64_of(data: bytes) -> str:
    return b64encode(data).decode("ascii")


class Sheet:
    """One text in this process."""

    def __init__(self, texts: "Texts", meeting_id: UUID, key: Key) -> None:
        self.texts = texts
        self.meeting_id = meeting_id
        self.key = key
        self.about = {"item": str(key[0]), "field": key[1]}
        self.copy = Copy()
        self.head = text_work.NOT_BEGUN
        self.listeners: dict[Connection, Listener] = {}
        self.waiting: deque[Typed] = deque()
        self.newcomers: deque[Newcomer] = deque()
        self.told: deque[Told] = deque(maxlen=REMEMBERED)
        self.behind = True  # rows may have come that are not in the copy
        self.busy = False
        self.publishing = self.publish_again = False
        self.moved = asyncio.Event()
        self.task = texts.hub.loop.create_task(self._tend())

    @property
    def idle(self) -> bool:
        return not (self.busy or self.listeners or self.waiting or self.newcomers)

    def look(self) -> None:
        """Rows may have come, or the text may have been frozen or thawed."""
        self.behind = True
        self.moved.set()

    async def _tend(self) -> None:
        while True:
            await self.moved.wait()
            self.moved.clear()
            self.busy = True
            try:
                await self._tend_once()
            except Exception as error:
                # The database is away: nothing was stored, and who waits is told so. The next look tries again.
                logger.warning("a text cannot be tended now (%s)", type(error).__name__)
                self.behind = True
                await self._turn_away(Unavailable())
            finally:
                self.busy = False
            self.texts.close_if_idle(self)

    async def _tend_once(self) -> None:
        if self.waiting:
            await self._store()
        if self.behind or any(each.n > self.copy.n for each in self.newcomers):
            await self._follow()
        if self.newcomers:
            await self._let_in()
        for listener in [each for each in self.listeners.values() if each.anew]:
            listener.anew = False
            listener.n, listener.frozen = self.copy.n, self.head.frozen
            await self.texts.give(listener.line.connection, await self._state(b"\0", listener.may_type))
            owed, listener.owed = listener.owed, []
            for each in owed:
                await self.texts.give(listener.line.connection, each)

    # --- storing -----------------------------------------------------------------------------------------------------

    async def _store(self) -> None:
        """Everything that waits, one transaction for each person."""
        batch, self.waiting = self.waiting, deque()
        people: dict[tuple[UUID, UUID], list[Typed]] = {}
        for typed in batch:
            place = typed.line.connection.place  # as it is now
            people.setdefault((place.person_id, place.organisation_id), []).append(typed)
        for group in people.values():
            try:
                stored = await self.texts.run(
                    text_work.store,
                    group[0].line.connection.place,
                    self.meeting_id,
                    self.key,
                    self.copy,
                    [typed.data for typed in group],
                )
            except Refused as refusal:
                self.behind = True  # frozen, or something else that this process has not heard yet
                await self._answer_all(group, refusal)
            except Exception as error:
                logger.exception("typed text was not stored (%s)", type(error).__name__)
                self.behind = True
                await self._answer_all(group, Unavailable())
            else:
                await self._stored(group, stored)

    async def _stored(self, group: list[Typed], stored: text_work.Stored) -> None:
        answers = list(zip(group, stored.answers, strict=True))
        makers = {held.n: typed for typed, held in answers if isinstance(held, Held) and held.made}
        self._remember(stored.rows, makers)
        self.head = stored.head
        await self.tell()
        for typed, answer in answers:
            typed.line.waiting -= 1
            if isinstance(answer, Refused):
                await self.texts.refuse(typed.line.connection, self.key, answer, typed.id)
            elif not answer.made or typed.line.connection not in self.listeners:
                # The others had theirs in its place among the rows.
                await self.texts.give(typed.line.connection, self._saved(typed.id, answer.n))
        if makers:
            self.texts.publish(self)

    async def _answer_all(self, group: Iterable[Typed], refusal: Refused) -> None:
        for typed in group:
            typed.line.waiting -= 1
            await self.texts.refuse(typed.line.connection, self.key, refusal, typed.id)

    def _remember(self, rows: Iterable[Row], makers: dict[int, Typed]) -> None:
        for n, data, by in rows:
            frame = {"t": "text.update", **self.about, "n": n, "data": base64_of(data), "by": str(by) if by else None}
            self.told.append(Told(n, prepare(dumps(frame)), makers.get(n)))

    def _saved(self, update_id: UUID, n: int) -> Prepared:
        return prepare(dumps({"t": "text.saved", "id": str(update_id), **self.about, "n": n}))

    # --- following ---------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        self.behind = False
        self.head, rows = await self._read()
        self._remember(rows[-REMEMBERED:], {})
        await self.tell()

    async def _read(self) -> tuple[Head, list[Row]]:
        try:
            return await self.texts.run(text_work.follow, self.copy, self.key)
        except (ValueError, NoUpdate):
            # A hole in the rows, or one that does not fit: not while the rows are the truth, so the copy is wrong. Begin again.
            logger.exception("a copy of a text is made anew")
            self.copy = Copy()
            self.told.clear()
            return await self.texts.run(text_work.follow, self.copy, self.key)

    async def tell(self) -> None:
        """Bring everybody who follows to where the rows are: each row once and in its order, then whether it is frozen."""
        await asyncio.gather(*(self._tell(listener) for listener in list(self.listeners.values())))

    async def _tell(self, listener: Listener) -> None:
        frames: list[Prepared] = []
        if listener.n < self.copy.n:
            missed = [told for told in self.told if told.n > listener.n]
            if len(missed) < self.copy.n - listener.n:  # longer ago than is remembered
                listener.anew = True
                self.moved.set()
            for told in missed:
                if told.maker is not None and told.maker.line is listener.line:
                    (listener.owed if listener.anew else frames).append(self._saved(told.maker.id, told.n))
                elif not listener.anew:
                    frames.append(told.frame)
            listener.n = self.copy.n
        if listener.frozen != self.head.frozen:
            listener.frozen = self.head.frozen
            frame = {"t": "text.frozen", **self.about, "frozen": listener.frozen, "n": self.copy.n}
            frames.append(prepare(dumps(frame)))
        for each in frames:
            await self.texts.give(listener.line.connection, each)

    # --- letting in --------------------------------------------------------------------------------------------------

    async def _let_in(self) -> None:
        newcomers, self.newcomers = self.newcomers, deque()
        for each in newcomers:
            line = each.line
            if line.gone or self.key not in line.joining:
                continue
            line.joining.discard(self.key)
            try:
                frame = await self._state(each.state, each.may_type)
            except NoUpdate:
                await self.texts.refuse(line.connection, self.key, NotUnderstood(), None)
                continue
            if not line.gone:
                self.listeners[line.connection] = Listener(line, self.copy.n, self.head.frozen, each.may_type)
                line.follows[self.key] = self
                await self.texts.give(line.connection, frame)

    async def _state(self, state: bytes, may_type: bool) -> Prepared:
        """What somebody with this state vector lacks. Raises ``NoUpdate``."""
        data, vector = await self.texts.run(self.copy.missing, state)
        standing = {
            "n": self.copy.n,
            "frozen": self.head.frozen,
            "editable": may_type and not self.head.frozen,
        }
        return prepare(
            dumps({"t": "text.state", **self.about, **standing, "data": base64_of(data), "sv": base64_of(vector)})
        )

    async def _turn_away(self, refusal: Refused) -> None:
        newcomers, self.newcomers = self.newcomers, deque()
        for each in newcomers:
            each.line.joining.discard(self.key)
            await self.texts.refuse(each.line.connection, self.key, refusal, None)
        batch, self.waiting = self.waiting, deque()
        await self._answer_all(batch, refusal)
