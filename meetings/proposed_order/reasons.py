"""Why an item stands where it stands, as codes with arguments: the words are made where the reader's language is known.

Only what the proposal keeps is a reason; what it does not keep is a violation.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from meetings.proposed_order.cost import Assessment, Miss, Violation, span_of
from meetings.proposed_order.wishes import Item, Person, Window, Wishes, everyone


class Why(StrEnum):
    """What speaks for a place."""

    LOCKED = "locked"
    GUEST = "guest"  # start, until: when the guest can come
    PERSON = "person"  # person, start, until: somebody who is needed comes for a while
    HEAVY_EARLY = "heavy_early"  # in the first half
    TOGETHER_BEFORE = "together_before"  # item, people: people of the item before are needed here too, and not by all
    TOGETHER_AFTER = "together_after"  # item, people: the same with the item after, if not with the one before
    AS_GIVEN = "as_given"  # nothing asks for another place
    FILLS = "fills"  # it gives its place to others: on this one it costs least


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason with the arguments that `Why` names. `people` in the order of the wishes."""

    code: Why
    item: Hashable | None = None
    person: Hashable | None = None
    people: tuple[Hashable, ...] = ()
    start: datetime | None = None
    until: datetime | None = None


def reasons(wishes: Wishes, order: Sequence[Hashable], assessment: Assessment) -> dict[Hashable, tuple[Reason, ...]]:
    """The reasons for the place of each item, the strongest first; never none."""
    by_id = {item.id: item for item in wishes.items}
    items = [by_id[item_id] for item_id in order]
    people = everyone(wishes)
    missed: dict[Hashable | None, list[Violation]] = {}
    for each in assessment.violations:
        missed.setdefault(each.item, []).append(each)
    length = (assessment.timetable.ends_at - wishes.starts_at) // timedelta(minutes=1)
    found = {}
    for place, item in enumerate(items):
        why = [Reason(Why.LOCKED)] if item.locked else []
        why += _of_windows(wishes, item, people, missed.get(item.id, []), length)
        late = {Miss.HEAVY_LATE, Miss.HEAVY_LATE_RESTED}
        if item.heavy and not any(each.code in late for each in missed.get(item.id, [])):
            why.append(Reason(Why.HEAVY_EARLY))
        why += _together(items, people, place)
        if not why:
            why.append(Reason(Why.AS_GIVEN if wishes.items[place].id == item.id else Why.FILLS))
        found[item.id] = tuple(why)
    return found


def _of_windows(
    wishes: Wishes, item: Item, people: Sequence[Person], missed: Sequence[Violation], length: int
) -> list[Reason]:
    outside = {each.person for each in missed if each.code == Miss.PERSON_AWAY}
    found = []
    if _binds(item.guest, wishes, length) and not any(each.code == Miss.GUEST_OUTSIDE for each in missed):
        assert item.guest is not None
        found.append(Reason(Why.GUEST, start=item.guest.start, until=item.guest.until))
    for person in people:
        needed = item.id in person.needed_for and person.id not in outside
        if needed and _binds(person.window, wishes, length):
            found.append(Reason(Why.PERSON, person=person.id, start=person.window.start, until=person.window.until))
    return found


def _binds(window: Window | None, wishes: Wishes, length: int) -> bool:
    """Whether a window shuts out some of the meeting."""
    return not span_of(window, wishes.starts_at).holds(0, length)


def _together(items: Sequence[Item], people: Sequence[Person], place: int) -> list[Reason]:
    for beside, code in ((place - 1, Why.TOGETHER_BEFORE), (place + 1, Why.TOGETHER_AFTER)):
        if 0 <= beside < len(items):
            pair = {items[place].id, items[beside].id}
            same = tuple(p.id for p in people if pair <= p.needed_for and len(p.needed_for) < len(items))
            if same:
                return [Reason(code, item=items[beside].id, people=same)]
    return []
