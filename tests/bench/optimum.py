"""The least that any order of a small agenda costs, found by itself: over all sets of items that may come first.

What an item costs at its place depends on which items and breaks came before it, not on their order; so of all orders of
the same first items only the cheapest is kept. Up to some 14 items.
"""

from meetings.proposed_order.search import Search, State
from meetings.proposed_order.wishes import Wishes

_COST = 1_000_000  # `search`: one minute


def optimum(wishes: Wishes) -> int:
    """The cost of the best order, with the breaks at each choice of gaps."""
    search = Search(wishes)
    best = None
    choices: list[tuple[int, ...]] = [()]
    for _ in search.breaks:
        choices = [(*gaps, gap) for gaps in choices for gap in range(1, max(2, search.size + 1))]
    for gaps in choices:
        found = _with_breaks(search, tuple(min(gap, search.size) for gap in gaps))
        best = found if best is None else min(best, found)
    assert best is not None
    return best


def _with_breaks(search: Search, gaps: tuple[int, ...]) -> int:
    size = search.size
    every = (1 << size) - 1
    locked = sorted(set(range(size)) - set(search.free))
    ending = State(search, list(range(size)), list(gaps)).total - sum(State(search, list(range(size)), list(gaps)).each)
    costs = {0: 0}
    for place in range(size):
        after: dict[int, int] = {}
        for first, cost in costs.items():
            clock = sum(search.minutes[n] for n in range(size) if first >> n & 1)
            done = clock
            clock += sum(search.breaks[n].minutes for n, gap in enumerate(gaps) if gap < place)
            seen = later = 0
            for n in range(size):
                if first >> n & 1:
                    seen |= search.needs[n]
                else:
                    later |= search.needs[n]
            for number, gap in enumerate(gaps):
                if gap == place:
                    cost += search.break_cost(number, clock, 0)
                    clock += search.breaks[number].minutes
            for item in [place] if place in locked else search.free:
                if first >> item & 1:
                    continue
                dearer = cost + search.now(item, clock, seen & later)
                if search.heavy[item] and done > 0 and 2 * done >= search.work:
                    dearer += search.late_rested if min(gaps, default=size) <= place else search.late
                both = first | 1 << item
                after[both] = min(dearer, after.get(both, dearer))
        costs = after
    return (costs[every] + ending) // _COST
