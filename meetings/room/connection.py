"""One socket in a room: its place, what it was last told, and whether its reader keeps up. And the frames that it is sent."""

import json
import struct
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any, Protocol
from uuid import UUID

from mdo.kernel import journal
from mdo.kernel.clock import now
from meetings.room.audience import Place

# A reader that does not keep up is closed before it costs anything to others.
MOST_UNSEEN_FRAMES = 256
MOST_UNSEEN_BYTES = 1024 * 1024
LONGEST_UNSEEN_S = 10.0


class Socket(Protocol):
    """What the hub needs of a connection; the consumer is one."""

    def write(self, wire: bytes) -> bool:
        """Hand over a prepared frame at once, in order; false where the server cannot: then ``send_text``."""

    async def send_text(self, text: str) -> None: ...

    async def close_with(self, code: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A frame made ready once for all who get it: its text, and that text as the WebSocket frame that goes over the line."""

    text: str
    wire: bytes


def prepare(text: str) -> Prepared:
    """One whole, unmasked text frame of RFC 6455 §5.2."""
    body = text.encode("utf-8")
    size = len(body)
    if size < 126:
        head = bytes((0x81, size))
    elif size < 65_536:
        head = struct.pack("!BBH", 0x81, 126, size)
    else:
        head = struct.pack("!BBQ", 0x81, 127, size)
    return Prepared(text, head + body)


def dumps(frame: dict[str, Any]) -> str:
    return json.dumps(frame, separators=(",", ":"), ensure_ascii=False)


def iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


@dataclass
class Caller:
    """One connection's part in the call: what it is called there, and what it was given last."""

    peer: UUID
    epoch: int
    way: str
    guest: bool
    speak: bool
    state: dict[str, bool]


@dataclass(eq=False)
class Connection:
    """One socket in one room. ``seq`` is ``None`` until its first frame is ready."""

    socket: Socket
    session_key: str
    place: Place
    preferred: UUID | None
    lease_id: UUID
    seq: int | None = None
    guest_view: str = ""
    unseen: list[tuple[int, int, float]] = field(default_factory=list)  # (seq, bytes, sent at)
    unseen_bytes: int = 0
    beside: int = 0  # bytes of frames that have no sequence, since the reader last said something
    closing: bool = False
    call: "Caller | None" = None  # in the call, while it is

    def saw(self, seq: int) -> None:
        """The client has drawn everything up to ``seq``."""
        rest = [entry for entry in self.unseen if entry[0] > seq]
        self.unseen, self.unseen_bytes = rest, sum(entry[1] for entry in rest)
        self.beside = 0

    @property
    def behind(self) -> bool:
        if self.beside > MOST_UNSEEN_BYTES:
            return True
        if not self.unseen:
            return False
        return (
            len(self.unseen) > MOST_UNSEEN_FRAMES
            or self.unseen_bytes > MOST_UNSEEN_BYTES
            or monotonic() - self.unseen[0][2] > LONGEST_UNSEEN_S
        )


def event_frame(entry: journal.Entry, patch: dict[str, Any]) -> str:
    """The frame of one entry for one audience. An entry of which it sees nothing still takes its number, without name or actor."""
    if not patch:
        return dumps(
            {"t": "event", "seq": entry.seq, "at": iso(entry.at), "by": None, "name": "room.moved", "data": {}}
        )
    return dumps(
        {"t": "event", "seq": entry.seq, "at": iso(entry.at), "by": str(entry.by), "name": entry.name, "data": patch}
    )


def snapshot_frame(seq: int, place: Place, room: str) -> str:
    """The frame with the whole room, which is JSON already: it is the same for everybody of an audience."""
    head = dumps({"t": "snapshot", "seq": seq, "now": iso(now()), "you": place.you})
    return f'{head[:-1]},"room":{room}}}'
