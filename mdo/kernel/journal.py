"""The journal: a durable, gapless sequence of events for each stream (a meeting's room).

The sequence is given out under the stream row's lock in the transaction that changes the tables, so its order is the order
of commits. ``streams_for`` is registered once, by ``meetings``: the kernel knows no meetings.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from mdo.kernel.events import Event
from mdo.kernel.models import JournalEntry

StreamsFor = Callable[[Event], Iterable[UUID]]
Delivery = Callable[[UUID, int], None]

_streams_for: StreamsFor | None = None
_deliveries: list[Delivery] = []


@dataclass(frozen=True)
class Entry:
    """One journaled event as read back: sequence, moment, actor, wire name and its ids."""

    seq: int
    at: datetime
    by: UUID
    name: str
    data: dict[str, object]


def register_streams(function: StreamsFor) -> None:
    """Say which streams an event belongs to. Only once: a second registration is a mistake."""
    global _streams_for
    if _streams_for is not None and _streams_for is not function:
        raise RuntimeError("streams_for is registered twice")
    _streams_for = function


def register_delivery(function: Delivery) -> None:
    """``function(stream_id, head)`` is called after each commit that moved a stream; it must not raise and not block."""
    if function not in _deliveries:
        _deliveries.append(function)


def forget_delivery(function: Delivery) -> None:
    """The opposite of ``register_delivery``."""
    if function in _deliveries:
        _deliveries.remove(function)


def streams_of(event: Event) -> Iterable[UUID]:
    """The streams in which an event is journaled."""
    return _streams_for(event) if _streams_for else ()


def deliver(heads: Mapping[UUID, int]) -> None:
    """Tell everybody who registered that these streams moved. Called after the commit."""
    for stream_id, head in heads.items():
        for delivery in _deliveries:
            delivery(stream_id, head)


def read(stream_id: UUID, since: int, limit: int = 500) -> list[Entry]:
    """The entries after ``since``, oldest first, at most ``limit``."""
    rows = JournalEntry.objects.filter(stream_id=stream_id, seq__gt=since).order_by("seq")[:limit]
    return [Entry(row.seq, row.at, row.by_id, row.name, row.data) for row in rows]


def head(stream_id: UUID) -> int:
    """The last sequence given out, 0 for a stream in which nothing happened yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT head FROM kernel_stream WHERE id = %s", [stream_id])
        row = cursor.fetchone()
    return row[0] if row else 0
