"""What a proposed order has to do justice to: items, people who are needed, guests, breaks; and what each wish weighs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` until `until`, both aware; None leaves that side open. One that ends before it starts is never."""

    start: datetime | None = None
    until: datetime | None = None


ALWAYS = Window()


@dataclass(frozen=True, slots=True)
class Item:
    """One item that waits. `disciplines`: codes of those that must have somebody there. `guest`: when the guest can come,
    None without a guest or without a wish. `locked`: keeps the place that it has in the order as given."""

    id: Hashable
    minutes: int
    hospital: Hashable
    disciplines: frozenset[str] = frozenset()
    requester: Hashable | None = None
    guest: Window | None = None
    heavy: bool = False
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is needed for the items `needed_for`, and can be there in `window`."""

    id: Hashable
    discipline: str
    hospital: Hashable
    window: Window = ALWAYS
    needed_for: frozenset[Hashable] = frozenset()


@dataclass(frozen=True, slots=True)
class Break:
    """A break of `minutes` that begins between `not_before` and `not_after`, between two items."""

    minutes: int
    not_before: datetime | None = None
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Weights:
    """What a wish that is not met weighs, in minutes that one person waits. A board may set its own."""

    person_away: int = 120  # a person who is needed cannot be there for the whole item
    discipline_missing: int = 120  # nobody of a needed discipline can: as a rule the case is postponed
    guest_outside: int = 120  # and one more for each minute outside
    heavy_late: int = 20  # a heavy item begins in the second half, with no break before it
    heavy_late_rested: int = 5  # the same after a break
    break_outside: int = 20  # and one more for each minute outside


@dataclass(frozen=True, slots=True)
class Wishes:
    """Everything about one meeting. `items` in the order as given; only those that wait, without parked ones.

    `starts_at`: when the first of them begins (planned start, or what the forecast says of a running meeting).
    `breaks` None: one is proposed after about an hour where the items take long enough; () is a meeting without.
    """

    items: Sequence[Item]
    people: Sequence[Person]
    starts_at: datetime
    ends_at: datetime
    breaks: Sequence[Break] | None = None
    weights: Weights = Weights()

    def __post_init__(self) -> None:
        if len({item.id for item in self.items}) < len(self.items):
            raise ValueError("an item stands in it twice")
        if len({person.id for person in self.people}) < len(self.people):
            raise ValueError("a person stands in it twice")
        lengths = [item.minutes for item in self.items] + [rest.minutes for rest in self.breaks or ()]
        if min(lengths, default=0) < 0:
            raise ValueError("minutes below zero")


# Discussion is worse in the second half of a meeting, and hardly so with a break: BMJ Open 2019;9:e027303.
BREAK_FROM = timedelta(minutes=90)  # what takes less needs none
_BREAK_MINUTES = 10
_BREAK_BETWEEN = timedelta(minutes=45), timedelta(minutes=75)


def breaks_of(wishes: Wishes) -> tuple[Break, ...]:
    """The breaks that were given, or the one that is proposed after about an hour."""
    if wishes.breaks is not None:
        return tuple(wishes.breaks)
    if timedelta(minutes=sum(item.minutes for item in wishes.items)) < BREAK_FROM:
        return ()
    begins = wishes.starts_at.astimezone(UTC)
    return (Break(_BREAK_MINUTES, begins + _BREAK_BETWEEN[0], begins + _BREAK_BETWEEN[1]),)


def everyone(wishes: Wishes) -> tuple[Person, ...]:
    """All people with the items for which they are needed, their own requests among them. A requester who is not listed
    can be there throughout."""
    known = {item.id for item in wishes.items}
    asks: dict[Hashable, list[Item]] = {}
    for item in wishes.items:
        if item.requester is not None:
            asks.setdefault(item.requester, []).append(item)
    found = []
    for person in wishes.people:
        own = frozenset(item.id for item in asks.pop(person.id, ()))
        found.append(replace(person, needed_for=(person.needed_for & known) | own))
    found += [Person(who, "", own[0].hospital, ALWAYS, frozenset(i.id for i in own)) for who, own in asks.items()]
    return tuple(found)


def with_needs(items: Iterable[Item], people: Sequence[Person]) -> tuple[Person, ...]:
    """People with `needed_for` as a board usually works; an agenda that knows better gives its own.

    For each discipline of an item one person: of the item's own hospital, who has the pictures and slides, else of
    another; and who can be there throughout before who comes for a while; then in the order given.
    """
    needed: dict[Hashable, set[Hashable]] = {person.id: set(person.needed_for) for person in people}
    for item in items:
        for code in sorted(item.disciplines):
            able = [person for person in people if person.discipline == code]
            if able:
                best = min(able, key=lambda person: (person.hospital != item.hospital, person.window != ALWAYS))
                needed[best.id].add(item.id)
    return tuple(replace(person, needed_for=frozenset(needed[person.id])) for person in people)
