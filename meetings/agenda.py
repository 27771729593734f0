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

    `minutes`: planned length. `protocol`: the one that covers it, or empty. `opened_at`, `closed_at`: aware moments, None before they happen.
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
