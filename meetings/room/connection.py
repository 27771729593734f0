"""One socket in a room: its place, what it was last told, and whether its reader keeps up. And the frames that it is sent."""

import json
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

    async def send_text(self, text: str) -> None: ...

    async def close_with(self, code: int) -> None: ...


def dumps(frame: dict[str, Any]) -> str:
    return json.dumps(frame, separators=(",", ":"), ensure_ascii=False)


def iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


@dataclass(eq=False)
class Connection:
    """One socket in one room. ``seq`` is ``None`` until its first frame is ready; what comes before waits in ``early``."""

    socket: Socket
    session_key: str
    place: Place
    preferred: UUID | None
    lease_id: UUID
    seq: int | None = None
    early: list[tuple[int, str]] = field(default_factory=list)
    guest_view: str = ""
    unseen: list[tuple[int, int, float]] = field(default_factory=list)  # (seq, bytes, sent at)
    unseen_bytes: int = 0
    beside: int = 0  # bytes of frames that have no sequence, since the reader last said something
    closing: bool = False

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


def snapshot_frame(seq: int, place: Place, room: dict[str, Any]) -> str:
    return dumps({"t": "snapshot", "seq": seq, "now": iso(now()), "you": place.you, "room": room})
