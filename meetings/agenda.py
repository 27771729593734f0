"""The order of an agenda: numbers, the next item, moving one. Pure; the actions save what these functions answer."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

SCHEDULED = "scheduled"
OPEN = "open"
DISCUSSED = "discussed"
POSTPONED = "postponed"
WITHDRAWN = "withdrawn"


class Slot(Protocol):
    """What order and forecast need to know of an agenda item; the stored item has these fields too.

    `minutes`: planned length. `protocol`: the one that covers it, or empty. `break_after`: minutes of the break planned after it, or 0. `opened_at`, `closed_at`: aware moments, None before they happen.
    """

    @property
    def id(self) -> Hashable: ...
    @property
    def minutes(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def parked(self) -> bool: ...
    @property
    def protocol(self) -> str: ...
    @property
    def break_after(self) -> int: ...
    @property
    def opened_at(self) -> datetime | None: ...
    @property
    def closed_at(self) -> datetime | None: ...


S = TypeVar("S", bound=Slot)


class CannotMove(ValueError):
    """The item is not waiting any more, so its place is history."""


def numbers(items: Sequence[Slot]) -> dict[Hashable, int]:
    """The number shown before each item, from 1 in the given order.

    Withdrawn items have none; postponed ones keep theirs, since people have the printed agenda in their hands.
    """
    shown = [item.id for item in items if item.state != WITHDRAWN]
    return {item_id: number for number, item_id in enumerate(shown, start=1)}


def open_item(items: Sequence[S]) -> S | None:
    """The item on the table, or None."""
    return next((item for item in items if item.state == OPEN), None)


def waiting(items: Sequence[S]) -> list[S]:
    """What still waits to be discussed, in the order in which it comes: the agenda's, then what was parked. What a protocol covers
    is recorded without discussion and waits for nothing."""
    found = [item for item in items if item.state == SCHEDULED and not item.protocol]
    return sorted(found, key=lambda item: item.parked)


def planned_breaks(items: Sequence[S]) -> list[tuple[S, S]]:
    """The breaks that are still to come, each as the item after which it is planned and the one that waits behind it.

    A break that nothing precedes or follows is none. One after an item that fell out (postponed, withdrawn, parked, covered by a protocol) keeps
    its place; one after an item that was discussed is to come until another item was opened since.
    """
    waits = {item.id for item in waiting(items)}
    held = open_item(items)
    last = max((item.closed_at for item in items if item.opened_at and item.closed_at), default=None)
    found: list[tuple[S, S]] = []
    carrier: S | None = None
    preceded = False
    # Parked items come after all others, and with them the breaks behind them.
    for item in sorted(items, key=lambda one: one.parked and one.state == SCHEDULED):
        done = item.state not in (SCHEDULED, OPEN) and item.opened_at is not None
        if item.id in waits:
            if carrier is not None and preceded:
                found.append((carrier, item))
            carrier, preceded = None, True
        preceded = preceded or item.state == OPEN or done
        passed = done and (held is not None or item.closed_at != last)
        if item.break_after and not passed and (carrier is None or item.break_after > carrier.break_after):
            carrier = item
    return found


def next_item(items: Sequence[S]) -> S | None:
    """The item that *Next* opens: the first that waits, in the order of the agenda. So one taken early (its specialist
    has to leave) does not make the meeting forget those before it, and the forecast runs in this same order. Parked
    items come after all others."""
    return next(iter(waiting(items)), None)


def moved(items: Sequence[S], item_id: Hashable, to: int) -> tuple[S, ...]:
    """All items with `item_id` at place `to` (1-based, clipped to the agenda).

    Only waiting items move, and never in among the first ones that no longer wait: what happened keeps its order.
    Raises KeyError for an unknown item, CannotMove for one that no longer waits.
    """
    item = next((one for one in items if one.id == item_id), None)
    if item is None:
        raise KeyError(item_id)
    if item.state != SCHEDULED:
        raise CannotMove(item.state)
    rest = [one for one in items if one.id != item_id]
    past = next((n for n, one in enumerate(rest) if one.state == SCHEDULED), len(rest))
    place = min(max(to - 1, past), len(rest))
    return (*rest[:place], item, *rest[place:])


def planned_minutes(items: Sequence[Slot]) -> int:
    """Minutes planned for everything that is discussed: not postponed, withdrawn or covered by a protocol."""
    return sum(item.minutes for item in items if item.state not in (POSTPONED, WITHDRAWN) and not item.protocol)
