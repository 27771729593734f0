"""The journal: a durable, gapless sequence of events for each stream (a meeting's room).

The sequence is given out under the stream row's lock in the transaction that changes the tables, so its order is the order
of commits. ``streams_for`` is registered once, by ``meetings``: the kernel knows no meetings.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from mdo.kernel.acting import Actor
from mdo.kernel.clock import now
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


def append(events: Sequence[Event], actor: Actor) -> dict[UUID, int]:
    """Write the events into their streams and return the head reached by each stream. Needs an open transaction.

    Creates a stream that does not exist yet. Streams are locked in the order of their ids, so two writers cannot deadlock.
    """
    by_stream: dict[UUID, list[Event]] = {}
    for event in events:
        for stream_id in _streams_for(event) if _streams_for else ():
            by_stream.setdefault(stream_id, []).append(event)
    heads: dict[UUID, int] = {}
    rows: list[JournalEntry] = []
    at = now()
    for stream_id in sorted(by_stream):
        mine = by_stream[stream_id]
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO kernel_stream AS s (id, head) VALUES (%s, %s)"
                " ON CONFLICT (id) DO UPDATE SET head = s.head + excluded.head RETURNING head",
                [stream_id, len(mine)],
            )
            (head,) = cursor.fetchone()
        heads[stream_id] = head
        for seq, event in enumerate(mine, start=head - len(mine) + 1):
            data = event.model_dump(mode="json")
            rows.append(
                JournalEntry(stream_id=stream_id, seq=seq, at=at, by_id=actor.actor_id, name=event.name, data=data)
            )
    if rows:
        JournalEntry.objects.bulk_create(rows)
        transaction.on_commit(lambda: _deliver(heads))
    return heads


def _deliver(heads: dict[UUID, int]) -> None:
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
