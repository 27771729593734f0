"""A good order, found by steps whose number depends on the number of items alone, never on the clock.

Simulated annealing from the better of two orders (as given; hospital by hospital), then downhill until no single move
helps. What one item costs at its place depends on what came before, what comes later and the minute at which it begins,
not on how the rest is ordered among itself; so a move is reckoned on the stretch that it turns over. People are bits of
whole numbers. `cost.assess` is the law; here is the same, fast.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from itertools import permutations
from random import Random

from meetings.proposed_order.cost import break_outside, break_span, is_late, span_of
from meetings.proposed_order.wishes import Wishes, breaks_of, everyone

_STEPS_PER_ITEM = 600
_STEPS_MOST = 24_000  # from 40 items on
_WARM, _COLD = 60.0, 2.0  # in minutes of cost
_TRIES = 50_000  # downhill; a tenth is usual for 40 items

# Of two orders that cost the same the one is better that is nearer to the order as given.
_COST = 1_000_000

Order = list[int]


class Search:
    """The wishes of one meeting as numbers: item n is the n-th as given, person n the bit 1 << n."""

    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        items, self.breaks, people = wishes.items, breaks_of(wishes), everyone(wishes)
        self.size = len(items)
        self.minutes = [item.minutes for item in items]
        self.work = sum(self.minutes)
        self.heavy = [item.heavy for item in items]
        self.late, self.late_rested = wishes.weights.heavy_late * _COST, wishes.weights.heavy_late_rested * _COST
        self.free = [place for place, item in enumerate(items) if not item.locked]
        self.needs = [sum(1 << n for n, p in enumerate(people) if item.id in p.needed_for) for item in items]
        self._everybody = (1 << len(people)) - 1
        self._spans = [(1 << n, span_of(p.window, wishes.starts_at)) for n, p in enumerate(people)]
        self._spans = [(bit, span) for bit, span in self._spans if (span.start, span.until) != (None, None)]
        able = {code: 0 for item in items for code in sorted(item.disciplines)}
        for n, person in enumerate(people):
            if person.discipline in able:
                able[person.discipline] |= 1 << n
        self._able = [[able[code] for code in sorted(item.disciplines)] for item in items]
        self._guests = [span_of(item.guest, wishes.starts_at) for item in items]
        self._break_spans = [break_span(rest, wishes.starts_at) for rest in self.breaks]
        # What `at` answered, by the minute.
        self.begun: list[dict[int, tuple[int, int]]] = [{} for _ in items]

    def at(self, item: int, start: int) -> tuple[int, int]:
        """What an item costs by itself that begins at `start`, and who can be there for the whole of it."""
        weights, until = self.wishes.weights, start + self.minutes[item]
        there = self._everybody
        for bit, span in self._spans:
            if not span.holds(start, until):
                there ^= bit
        cost = weights.person_away * (self.needs[item] & ~there).bit_count()
        cost += weights.discipline_missing * sum(not who & there for who in self._able[item])
        if outside := self._guests[item].outside(start, until):
            cost += weights.guest_outside + outside
        self.begun[item][start] = found = (cost * _COST, there)
        return found

    def now(self, item: int, start: int, staying: int) -> int:
        """What an item costs that begins at `start` while the people `staying` were needed and will be."""
        at, there = self.begun[item].get(start) or self.at(item, start)
        return at + self.minutes[item] * (staying & ~self.needs[item] & there).bit_count() * _COST

    def break_cost(self, number: int, begins: int | None, end: int) -> int:
        _code, outside = break_outside(self._break_spans[number], begins, end)
        return (self.wishes.weights.break_outside + outside) * _COST if outside else 0


class State:
    """One order with its breaks, and for each place what the places before and after it come to."""

    def __init__(self, search: Search, order: Order, gaps: list[int]) -> None:
        self.search, self.order = search, order
        size = search.size
        self.clock = [0] * (size + 1)  # when the breaks at this place begin, or its item where there are none
        self.done = [0] * (size + 1)  # minutes of items before it
        self.seen = [0] * (size + 1)  # people needed before it
        self.later = [0] * size  # people needed after it
        self.each = [0] * size  # what it costs, breaks before it included
        self.set_breaks(gaps)

    def set_breaks(self, gaps: list[int]) -> None:
        """Put the breaks after so many items each, and reckon everything anew."""
        self.gaps = gaps
        self._first_break = min(gaps, default=self.search.size)
        self._here: list[list[int]] = [[] for _ in range(self.search.size + 1)]
        for number, gap in enumerate(gaps):
            self._here[gap].append(number)
        if self.search.size:
            self.take(self.order, 0, self.search.size - 1)
        else:
            self.total = self._left_out()

    def cost(self, low: int, high: int) -> int:
        """What the places `low` to `high` cost now."""
        return sum(self.each[low : high + 1])

    def stretch(self, order: Order, low: int, high: int, limit: float, keep: bool = False) -> int | None:
        """What `order` costs from place `low` to `high`, if it holds the same items there as this one; None as soon as it
        is more than `limit`. `keep`: let it be the order's from now on."""
        search = self.search
        needs, minutes, begun, heavy = search.needs, search.minutes, search.begun, search.heavy
        later, behind = self.later[high], []
        for place in range(high, low - 1, -1):
            behind.append(later)
            later |= needs[order[place]]
        if keep:
            self.later[low : high + 1] = behind[::-1]
        clock, done, seen, cost = self.clock[low], self.done[low], self.seen[low], 0
        for place in range(low, high + 1):
            item, before = order[place], cost
            for number in self._here[place]:
                cost += search.break_cost(number, clock, 0)
                clock += search.breaks[number].minutes
            known = begun[item].get(clock)
            at, there = search.at(item, clock) if known is None else known
            cost += at + (item - place if item > place else place - item)
            length, need = minutes[item], needs[item]
            idle = seen & behind.pop() & ~need & there
            if idle:
                cost += length * idle.bit_count() * _COST
            if heavy[item] and is_late(done, search.work):
                cost += search.late_rested if place >= self._first_break else search.late
            if cost > limit:
                return None
            clock += length
            done += length
            seen |= need
            if keep:
                self.each[place] = cost - before
                self.clock[place + 1], self.done[place + 1], self.seen[place + 1] = clock, done, seen
        return cost

    def take(self, order: Order, low: int, high: int) -> None:
        """Let `order` be the order, which differs from it between two places only."""
        self.order = order
        self.stretch(order, low, high, math.inf, keep=True)
        self.total = sum(self.each) + self._left_out()

    def _left_out(self) -> int:
        size, end = self.search.size, self.clock[self.search.size]
        return sum(self.search.break_cost(n, None, end) for n, gap in enumerate(self.gaps) if gap >= size)

    def told(self) -> tuple[tuple[Hashable, ...], tuple[int, ...]]:
        """The order and its breaks as `cost.assess` takes them."""
        items = self.search.wishes.items
        return tuple(items[n].id for n in self.order), tuple(self.gaps)

    def copy(self) -> State:
        return State(self.search, self.order[:], self.gaps[:])

    def place_breaks(self) -> bool:
        """Put each break where it costs least in this order, one after the other; whether that helped."""
        helped = False
        for number in range(len(self.gaps)):
            kept = self.gaps
            found = [(self.total, -1, kept)]
            for gap in range(1, self.search.size + 1):
                self.set_breaks([*kept[:number], gap, *kept[number + 1 :]])
                found.append((self.total, gap, self.gaps))
            _total, gap, gaps = min(found)
            self.set_breaks(gaps)
            helped |= gap != -1
        return helped


def as_given(search: Search) -> State:
    """The order as given, its breaks where they cost least."""
    return _with_breaks(search, list(range(search.size)))


def by_hospital(search: Search) -> State:
    """Hospital by hospital, as a careful secretary does it: among what is left of a hospital comes next what costs least
    at that moment, then what was given first; locked items stay. Breaks where they cost least."""
    items = search.wishes.items
    left = search.free[:]
    order = list(range(search.size))
    clock = seen = 0
    hospital: Hashable | None = None
    for place in range(search.size):
        if not items[place].locked:
            same = [item for item in left if items[item].hospital == hospital] or left
            later = 0
            for item in (*left, *(o for o in range(place + 1, search.size) if items[o].locked)):
                later |= search.needs[item]
            best = min(same, key=lambda item: (search.now(item, clock, seen & later), item))
            left.remove(best)
            order[place] = best
            hospital = items[best].hospital
        clock += search.minutes[order[place]]
        seen |= search.needs[order[place]]
    return _with_breaks(search, order)


def _with_breaks(search: Search, order: Order) -> State:
    state = State(search, order, [search.size] * len(search.breaks))
    state.place_breaks()
    return state


def anneal(search: Search, start: State, steps: int) -> State:
    """The best order met on a walk of `steps` from `start`; the same walk for the same wishes."""
    free, last = search.free, len(search.free) - 1
    if last < 1 or steps < 1:
        return start
    random = Random(20260519).random  # noqa: S311 - chance without secrets, the same in every Python
    state, best = start.copy(), start
    cooling = (_COLD / _WARM) ** (1 / steps)
    heat = _WARM * _COST
    for _ in range(steps):
        heat *= cooling
        slack = -heat * math.log(1.0 - random())
        if state.gaps and random() < 0.03:
            number = int(random() * len(state.gaps))
            gaps = state.gaps[:]
            gaps[number] = 1 + int(random() * search.size)
            kept, total = state.gaps, state.total
            state.set_breaks(gaps)
            if state.total > total + slack:
                state.set_breaks(kept)
        else:
            low, high, held = _move(state.order, free, random)
            first, final = free[low], free[high]
            order = state.order[:]
            for place, item in zip(free[low : high + 1], held, strict=True):
                order[place] = item
            if state.stretch(order, first, final, state.cost(first, final) + slack) is not None:
                state.take(order, first, final)
        if state.total < best.total:
            best = state.copy()
    return best


def _move(order: Order, free: Sequence[int], random: Callable[[], float]) -> tuple[int, int, list[int]]:
    """A stretch of the free places, and its items in another order: one or some moved to its other end, the two ends
    exchanged, or all turned about."""
    size = len(free)
    low = int(random() * size)
    high = (low + 1 + int(random() * (size - 1))) % size
    low, high = min(low, high), max(low, high)
    held = [order[place] for place in free[low : high + 1]]
    kind = random()
    if kind < 0.85:
        some = 1 if random() < 0.5 else 1 + int(random() * (len(held) - 1))
        held = held[some:] + held[:some] if random() < 0.5 else held[-some:] + held[:-some]
    elif kind < 0.95:
        held[0], held[-1] = held[-1], held[0]
    else:
        held.reverse()
    return low, high, held


def downhill(state: State) -> State:
    """`state` with single items and breaks moved until nothing helps, or `_TRIES` were made."""
    free, tries, helped = state.search.free, 0, True
    while helped and tries < _TRIES:
        helped = state.place_breaks()
        for source, target in permutations(range(len(free)), 2):
            helped |= _try(state, free, source, target)
        tries += max(1, len(free) ** 2)
    return state


def put(order: Order, free: Sequence[int], source: int, target: int) -> Order:
    """`order` with the item on free place `source` moved to free place `target`; locked ones stay."""
    held = [order[place] for place in free]
    held.insert(target, held.pop(source))
    moved = order[:]
    for place, item in zip(free, held, strict=True):
        moved[place] = item
    return moved


def _try(state: State, free: Sequence[int], source: int, target: int) -> bool:
    first, final = free[min(source, target)], free[max(source, target)]
    order = put(state.order, free, source, target)
    if state.stretch(order, first, final, state.cost(first, final) - 1) is None:
        return False
    state.take(order, first, final)
    return True


def search_order(wishes: Wishes, steps: int | None = None) -> tuple[State, State]:
    """The order as given, and the best that was found; never a dearer one, nor one dearer than hospital by hospital."""
    search = Search(wishes)
    given = as_given(search)
    start = min(given, by_hospital(search), key=lambda state: state.total)
    if steps is None:
        steps = min(_STEPS_MOST, _STEPS_PER_ITEM * len(search.free))
    return given, downhill(anneal(search, start, steps).copy())


def back(state: State) -> dict[Hashable, int]:
    """For each item by how much the whole gets dearer if it alone goes back to the place that it was given."""
    search, free = state.search, state.search.free
    found = {item.id: 0 for item in search.wishes.items}
    for source, place in enumerate(free):
        item = state.order[place]
        target = free.index(item)
        low, high = min(source, target), max(source, target)
        order = put(state.order, free, source, target)
        dearer = state.stretch(order, free[low], free[high], math.inf)
        assert dearer is not None
        found[search.wishes.items[item].id] = _minutes(dearer) - _minutes(state.cost(free[low], free[high]))
    return found


def _minutes(cost: int) -> int:
    return cost // _COST
