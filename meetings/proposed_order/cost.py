"""What an order costs, reckoned plainly from the wishes: the law by which the search is judged.

An order is told by the ids of its items and, for each break, the number of items before it; `len(items)` leaves the
break out.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from meetings.proposed_order.wishes import Break, Item, Person, Window, Wishes, breaks_of, everyone

_MINUTE = timedelta(minutes=1)


class Miss(StrEnum):
    """A wish that is not met."""

    PERSON_AWAY = "person_away"  # item, person
    DISCIPLINE_MISSING = "discipline_missing"  # item, discipline
    GUEST_OUTSIDE = "guest_outside"  # item, minutes
    HEAVY_LATE = "heavy_late"  # item
    HEAVY_LATE_RESTED = "heavy_late_rested"  # item
    BREAK_OUTSIDE = "break_outside"  # number, minutes
    BREAK_LEFT_OUT = "break_left_out"  # number, minutes
    PAST_END = "past_end"  # minutes; weighs nothing, since no order changes it but by leaving out a break


@dataclass(frozen=True, slots=True)
class Violation:
    """One wish that is not met, what it costs, and the arguments that `Miss` names. `number`: of the break, from 1."""

    code: Miss
    cost: int
    item: Hashable | None = None
    person: Hashable | None = None
    discipline: str = ""
    number: int = 0
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """`waiting`: minutes, of all people together. `violations`: weighted."""

    waiting: int
    violations: int

    @property
    def total(self) -> int:
        return self.waiting + self.violations


@dataclass(frozen=True, slots=True)
class Timetable:
    """When everything begins, in UTC. `breaks`: in the order of the wishes, None where one is left out."""

    items: dict[Hashable, datetime]
    breaks: tuple[datetime | None, ...]
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Assessment:
    """What an order comes to. The costs of the violations add up to `cost.violations`."""

    cost: Cost
    violations: tuple[Violation, ...]
    timetable: Timetable


@dataclass(frozen=True, slots=True)
class Span:
    """A window in whole minutes after the start: its start rounded up, its end rounded down; None where it is open."""

    start: int | None
    until: int | None

    @classmethod
    def of(cls, start: datetime | None, until: datetime | None, begins: datetime) -> Span:
        # In UTC: two local times of one zone are subtracted by the clock on the wall, across a change of the hour too.
        zero = begins.astimezone(UTC)
        return cls(
            None if start is None else -((zero - start.astimezone(UTC)) // _MINUTE),
            None if until is None else (until.astimezone(UTC) - zero) // _MINUTE,
        )

    def holds(self, start: int, until: int) -> bool:
        return (self.start is None or self.start <= start) and (self.until is None or until <= self.until)

    def outside(self, start: int, until: int) -> int:
        """By how many minutes too early and too late, together."""
        early = 0 if self.start is None else max(0, self.start - start)
        late = 0 if self.until is None else max(0, until - self.until)
        return early + late


def span_of(window: Window | None, begins: datetime) -> Span:
    return Span.of(window.start, window.until, begins) if window is not None else Span(None, None)


def break_span(rest: Break, begins: datetime) -> Span:
    return Span.of(rest.not_before, rest.not_after, begins)


def assess(wishes: Wishes, order: Sequence[Hashable], gaps: Sequence[int]) -> Assessment:
    """The cost of `order` with each break after so many items, exactly as the package says it."""
    by_id = {item.id: item for item in wishes.items}
    items = [by_id[item_id] for item_id in order]
    breaks = breaks_of(wishes)
    starts, rests, end = _times(items, breaks, gaps)
    people = everyone(wishes)
    spans = {person.id: span_of(person.window, wishes.starts_at) for person in people}
    missed: list[Violation] = []
    waiting = 0
    for place, item in enumerate(items):
        start, until = starts[place], starts[place] + item.minutes
        there = [person for person in people if spans[person.id].holds(start, until)]
        missed += _away(wishes, item, people, there)
        missed += _of_item(wishes, items, place, start, rested=any(gap <= place for gap in gaps))
        earlier, later = {one.id for one in items[:place]}, {one.id for one in items[place + 1 :]}
        idle = [p for p in there if item.id not in p.needed_for and p.needed_for & earlier and p.needed_for & later]
        waiting += item.minutes * len(idle)
    missed += _of_breaks(wishes, breaks, rests, end)
    zero = wishes.starts_at.astimezone(UTC)
    if (over := (zero + end * _MINUTE - wishes.ends_at) // _MINUTE) > 0:
        missed.append(Violation(Miss.PAST_END, 0, minutes=over))
    return Assessment(
        Cost(waiting, sum(each.cost for each in missed)),
        tuple(missed),
        Timetable(
            {item.id: zero + start * _MINUTE for item, start in zip(items, starts, strict=True)},
            tuple(None if rest is None else zero + rest * _MINUTE for rest in rests),
            zero + end * _MINUTE,
        ),
    )


def _times(
    items: Sequence[Item], breaks: Sequence[Break], gaps: Sequence[int]
) -> tuple[list[int], list[int | None], int]:
    clock, starts = 0, []
    rests: list[int | None] = [None] * len(breaks)
    for place, item in enumerate(items):
        for number, rest in enumerate(breaks):
            if gaps[number] == place:
                rests[number] = clock
                clock += rest.minutes
        starts.append(clock)
        clock += item.minutes
    return starts, rests, clock


def _away(wishes: Wishes, item: Item, people: Sequence[Person], there: Sequence[Person]) -> list[Violation]:
    """Who is needed and cannot be there; then the disciplines of which nobody can, needed for this item or not."""
    weights = wishes.weights
    here = {person.id for person in there}
    found = [
        Violation(Miss.PERSON_AWAY, weights.person_away, item.id, person.id)
        for person in people
        if item.id in person.needed_for and person.id not in here
    ]
    able = {person.discipline for person in there}
    found += [
        Violation(Miss.DISCIPLINE_MISSING, weights.discipline_missing, item.id, discipline=code)
        for code in sorted(item.disciplines - able)
    ]
    return found


def _of_item(wishes: Wishes, items: Sequence[Item], place: int, start: int, *, rested: bool) -> list[Violation]:
    item, weights = items[place], wishes.weights
    found = []
    outside = span_of(item.guest, wishes.starts_at).outside(start, start + item.minutes)
    if outside:
        found.append(Violation(Miss.GUEST_OUTSIDE, weights.guest_outside + outside, item.id, minutes=outside))
    if item.heavy and is_late(sum(one.minutes for one in items[:place]), sum(one.minutes for one in items)):
        code = Miss.HEAVY_LATE_RESTED if rested else Miss.HEAVY_LATE
        found.append(Violation(code, weights.heavy_late_rested if rested else weights.heavy_late, item.id))
    return found


def is_late(done: int, work: int) -> bool:
    """Whether an item begins in the second half of the work; breaks are no work."""
    return done > 0 and 2 * done >= work


def _of_breaks(wishes: Wishes, breaks: Sequence[Break], rests: Sequence[int | None], end: int) -> list[Violation]:
    found = []
    for number, (rest, begins) in enumerate(zip(breaks, rests, strict=True), start=1):
        span = break_span(rest, wishes.starts_at)
        code, outside = break_outside(span, begins, end)
        if outside:
            cost = wishes.weights.break_outside + outside
            found.append(Violation(code, cost, number=number, minutes=outside))
    return found


def break_outside(span: Span, begins: int | None, end: int) -> tuple[Miss, int]:
    """By how many minutes a break misses its window. One that is left out misses nothing if the items end within or
    before the window; else as much as if it came after them."""
    if begins is None:
        return Miss.BREAK_LEFT_OUT, 0 if span.until is None else max(0, end - span.until)
    return Miss.BREAK_OUTSIDE, span.outside(begins, begins)
