"""When each item is expected and when the meeting ends. Pure, and from state only, never from the present moment: every
process and every client that knows the same state computes the same times; a client adds the overrun of the open
item."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from meetings.agenda import DISCUSSED, OPEN, Slot, planned_breaks, waiting


@dataclass(frozen=True, slots=True)
class Rest:
    """A planned break: when it is expected to begin, and how many minutes it takes."""

    starts_at: datetime
    minutes: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """`end`: expected end of the meeting. `items`: moment at which each item began or is expected to begin. `breaks`: the planned ones
    that are still to come, by the item that waits behind each.

    Postponed and withdrawn items are absent, and so is what still waits on a closed meeting.
    """

    end: datetime
    items: dict[Hashable, datetime] = field(default_factory=dict)
    breaks: dict[Hashable, Rest] = field(default_factory=dict)


def forecast(
    items: Sequence[Slot],
    *,
    starts_at: datetime,
    started_at: datetime | None = None,
    closed_at: datetime | None = None,
    resumes_at: datetime | None = None,
) -> Forecast:
    """The forecast of one meeting from its items in agenda order.

    Before the start the first item is expected at the planned `starts_at`. While it runs the chain hangs on the open
    item (its opening plus its minutes), else on the last closing or the end of the last break (`resumes_at`), else on
    `started_at`. Parked items come last. A closed meeting ends at `closed_at`.
    """
    began = {item.id: item.opened_at for item in items if item.state in (OPEN, DISCUSSED) and item.opened_at}
    if closed_at is not None:
        return Forecast(end=closed_at, items=began)
    cursor = starts_at if started_at is None else _anchor(items, max(started_at, resumes_at or started_at))
    expected = dict(began)
    rests = {following.id: carrier.break_after for carrier, following in planned_breaks(items)}
    breaks = {}
    for item in waiting(items):
        if item.id in rests:
            breaks[item.id] = Rest(cursor, rests[item.id])
            cursor += timedelta(minutes=rests[item.id])
        expected[item.id] = cursor
        cursor += timedelta(minutes=item.minutes)
    return Forecast(end=cursor, items=expected, breaks=breaks)


def _anchor(items: Sequence[Slot], started_at: datetime) -> datetime:
    for item in items:
        if item.state == OPEN and item.opened_at is not None:
            return item.opened_at + timedelta(minutes=item.minutes)
    # An item postponed while it was open has taken its time as well, so every closing counts.
    return max([started_at, *(item.closed_at for item in items if item.closed_at is not None)])
