"""Somebody who types in a shared text, as a page does: an own Yjs document, and the frames to and from the room."""

import asyncio
import base64
from typing import Any, Protocol
from uuid import UUID, uuid4

from asgiref.sync import sync_to_async
from pycrdt import Doc, Text

from mdo.kernel.acting import System, acting
from meetings import texts
from meetings.models import AgendaItem, Meeting, TextDocument, TextUpdate
from tests.cast import Cast
from tests.factories import make_item, make_meeting, make_referral, writing
from tests.room_client import WITHIN_S

HOUSE = System("test")
FIELD = texts.RECOMMENDATION


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def unb64(text: str) -> bytes:
    return base64.b64decode(text)


@sync_to_async
def open_table(cast: Cast, *, hospital: Any = None, requester: Any = None) -> tuple[Meeting, AgendaItem]:
    """A running meeting with one case on the table, whose texts are begun."""
    meeting = make_meeting(cast.board, state=Meeting.State.RUNNING)
    return meeting, open_item(cast, meeting, hospital=hospital, requester=requester)


def open_item(cast: Cast, meeting: Meeting, *, hospital: Any = None, requester: Any = None) -> AgendaItem:
    referral = make_referral(
        cast.board, hospital or cast.organiser, requester or cast.requester.person, status="scheduled"
    )
    item = make_item(meeting, referral, state=AgendaItem.State.OPEN)
    with writing():
        texts.begin(item, None)
    return item


def stored(item: AgendaItem, field: str = FIELD) -> tuple[int, str]:
    """What the rows say: the number of the last one and the words."""
    with acting(HOUSE, None, "work"):
        return texts.current(item, field)


def rows(item: AgendaItem, field: str = FIELD) -> list[tuple[int, UUID | None]]:
    with acting(HOUSE, None, "work"):
        document = TextDocument.objects.get(item=item, field=field)
        return list(TextUpdate.objects.filter(document=document).order_by("n").values_list("n", "by_id"))


class Line(Protocol):
    """What a typist needs of a line to the room: ``RoomClient``, or a WebSocket to a real process."""

    async def send(self, message: dict[str, Any]) -> None: ...

    async def next_frame(self, within_s: float = ...) -> dict[str, Any]: ...


class Typist:
    """One text in one page."""

    def __init__(self, item_id: UUID, field: str = FIELD) -> None:
        self.about = {"item": str(item_id), "field": field}
        self.doc: Doc[Text] = Doc({"text": Text()})
        self.text: Text = self.doc["text"]
        self.client: Any = None
        self.patience_s = 2 * WITHIN_S
        self.n = 0
        self.frozen: bool | None = None
        self.editable = False
        self.acknowledged = b"\0"  # state vector of what the server has said that it holds

    def is_mine(self, frame: dict[str, Any]) -> bool:
        return frame["t"].startswith("text.") and {key: frame[key] for key in self.about} == self.about

    def hear(self, frame: dict[str, Any]) -> None:
        """Take a frame into the document."""
        if not self.is_mine(frame):
            return
        if frame["t"] == "text.state":
            self.doc.apply_update(unb64(frame["data"]))
            self.n, self.frozen, self.editable = frame["n"], frame["frozen"], frame["editable"]
        elif frame["t"] == "text.update":
            assert frame["n"] == self.n + 1, f"update {frame['n']} after {self.n}"
            self.doc.apply_update(unb64(frame["data"]))
            self.n = frame["n"]
        elif frame["t"] == "text.saved":
            assert frame["n"] <= self.n + 1, f"saved {frame['n']} after {self.n}"
            self.n = max(self.n, frame["n"])
        elif frame["t"] == "text.frozen":
            self.frozen = frame["frozen"]

    async def until(self, *kinds: str, **values: Any) -> dict[str, Any]:
        """Read frames until one of this text and these kinds, with these values; says how far it has read, as a page does."""
        async with asyncio.timeout(self.patience_s):
            while True:
                frame = await self.client.next_frame(self.patience_s)
                self.hear(frame)
                if frame["t"] == "event":
                    await self.client.send({"do": "ping", "seen": frame["seq"]})
                if (
                    self.is_mine(frame)
                    and frame["t"] in kinds
                    and all(frame.get(key) == value for key, value in values.items())
                ):
                    return frame

    async def join(self, client: Line) -> dict[str, Any]:
        """Follow the text on this line: ``text.state``, or ``text.refused``."""
        self.client = client
        await self.ask_in()
        answer = await self.until("text.state", "text.refused")
        if answer["t"] == "text.state":
            self.acknowledged = unb64(answer["sv"])
        return answer

    async def ask_in(self) -> None:
        await self.client.send({"do": "text.join", **self.about, "sv": b64(self.doc.get_state())})

    async def leave(self) -> None:
        await self.client.send({"do": "text.leave", **self.about})

    async def send(self, data: bytes, update_id: UUID | None = None) -> str:
        """Send an update without waiting; returns its id."""
        sent = str(update_id or uuid4())
        await self.client.send({"do": "text.update", "id": sent, **self.about, "data": b64(data)})
        return sent

    async def answer(self, update_id: str) -> dict[str, Any]:
        return await self.until("text.saved", "text.refused", id=update_id)

    async def try_to_send(self, data: bytes) -> dict[str, Any]:
        return await self.answer(await self.send(data))

    def write(self, words: str, at: int | None = None) -> bytes:
        """Type here only; returns the update that it made. ``at`` counts characters."""
        before = self.doc.get_state()
        where = len(self.plain) if at is None else at
        self.text.insert(len(self.plain[:where].encode()), words)
        return self.doc.get_update(before)

    def strike(self, at: int, length: int) -> bytes:
        before = self.doc.get_state()
        begin, end = (len(self.plain[:each].encode()) for each in (at, at + length))
        del self.text[begin:end]
        return self.doc.get_update(before)

    async def type(self, words: str, at: int | None = None) -> dict[str, Any]:
        """Type and wait until it is saved."""
        answer = await self.try_to_send(self.write(words, at))
        assert answer["t"] == "text.saved", answer
        return answer

    async def reach(self, n: int) -> None:
        while self.n < n:
            await self.until("text.update", "text.saved", "text.state")

    @property
    def plain(self) -> str:
        return str(self.text)
