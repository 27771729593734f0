"""A proposed order for an agenda, so that specialists wait less. Pure: wishes in, an order with times and reasons out.

    wishes = Wishes(items, with_needs(items, people), starts_at, ends_at)
    proposal = propose(wishes)

**What an order costs.** Items follow each other without gaps, each break between two of them. Minutes that people wait
plus the weights of wishes that are not met:

- *Waiting*: whoever is needed for an earlier and for a later item, is not needed for this one and can be there for the
  whole of it waits its minutes. Whoever comes for their first item and leaves after their last waits for no other; a
  break is nobody's waiting.
- *Violations* (`Miss`), each with its weight (`Weights`, in minutes that one person waits): a person who is needed and
  cannot be there for the whole item; on top of it, a needed discipline of which nobody can; a guest's item outside of
  the guest's window, and each minute outside; a heavy item that begins when half of the minutes of all items are done,
  less after a break; a break that begins outside of its window or is left out, and each minute. A meeting that goes on
  past its end is told and weighs nothing, since the order does not change it.

`cost.assess` reckons it so, plainly, for any order. What cannot be met is told as a violation and never raised.

**Before and after.** `before` is the order as given with each break where it costs least in that order (one after the
other where there are several). The proposal never costs more than that, nor more than going hospital by hospital;
where nothing is gained nothing moves far: of two orders that cost the same the one nearer to the given one wins.
Locked items keep their place. The same wishes give the same proposal.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta

from meetings.proposed_order.cost import Assessment, Cost, Miss, Timetable, Violation, assess
from meetings.proposed_order.reasons import Reason, Why, reasons
from meetings.proposed_order.search import back, search_order
from meetings.proposed_order.wishes import Break, Item, Person, Weights, Window, Wishes, breaks_of, with_needs

__all__ = [
    "Assessment",
    "Break",
    "Cost",
    "Item",
    "Miss",
    "Person",
    "Place",
    "Proposal",
    "Reason",
    "Rest",
    "Timetable",
    "Violation",
    "Weights",
    "Why",
    "Window",
    "Wishes",
    "assess",
    "propose",
    "with_needs",
]


@dataclass(frozen=True, slots=True)
class Place:
    """One item in the proposed order. `place` and `was`: from 1, proposed and given. `saves`: how much dearer the whole
    would be if this item alone went back to `was`; 0 where it stayed."""

    item: Hashable
    place: int
    was: int
    starts_at: datetime
    ends_at: datetime
    reasons: tuple[Reason, ...]
    saves: int


@dataclass(frozen=True, slots=True)
class Rest:
    """A break after so many items. `proposed`: nobody asked for it; it comes after about an hour."""

    after: int
    starts_at: datetime
    ends_at: datetime
    proposed: bool

    @property
    def minutes(self) -> int:
        return round((self.ends_at - self.starts_at).total_seconds() / 60)


@dataclass(frozen=True, slots=True)
class Proposal:
    """`places` in the proposed order, `breaks` in the order of time, both in UTC. `before` and `after`: what the order as
    given and the proposed one cost, and which wishes they do not meet."""

    places: tuple[Place, ...]
    breaks: tuple[Rest, ...]
    ends_at: datetime
    before: Assessment
    after: Assessment

    @property
    def order(self) -> tuple[Hashable, ...]:
        return tuple(each.item for each in self.places)

    @property
    def moves(self) -> bool:
        """Whether anything stands elsewhere than before."""
        return any(each.place != each.was for each in self.places)


def propose(wishes: Wishes, *, steps: int | None = None) -> Proposal:
    """A good order for the wishes. `steps` of the search: None for as many as suit the number of items."""
    given, found = search_order(wishes, steps)
    before = assess(wishes, *given.told())
    order, gaps = found.told()
    after = assess(wishes, order, gaps)
    why = reasons(wishes, order, after)
    was = {item.id: place for place, item in enumerate(wishes.items, start=1)}
    minutes = {item.id: timedelta(minutes=item.minutes) for item in wishes.items}
    saves = back(found)
    starts = after.timetable.items
    places = tuple(
        Place(item, place, was[item], starts[item], starts[item] + minutes[item], why[item], saves[item])
        for place, item in enumerate(order, start=1)
    )
    rests = [
        Rest(gap, begins, begins + timedelta(minutes=each.minutes), wishes.breaks is None)
        for gap, begins, each in zip(gaps, after.timetable.breaks, breaks_of(wishes), strict=True)
        if begins is not None
    ]
    rests.sort(key=lambda rest: rest.starts_at)
    return Proposal(places, tuple(rests), after.timetable.ends_at, before, after)
