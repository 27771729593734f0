"""Numbers, the next item and moving one; the forecast made from the same state."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetings.agenda import CannotMove, moved, next_item, numbers, open_item, planned_minutes
from meetings.forecast import Forecast, forecast

PLANNED = datetime(2026, 11, 25, 13, tzinfo=UTC)


@dataclass(frozen=True)
class Item:
    id: str
    minutes: int = 6
    state: str = "scheduled"
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    parked: bool = False
    protocol: str = ""
    break_after: int = 0


def at(minutes: float) -> datetime:
    return PLANNED + timedelta(minutes=minutes)


A, B, C, D = (Item(name) for name in "ABCD")


def test_numbers_leave_out_the_withdrawn_and_keep_the_postponed() -> None:
    items = [A, replace(B, state="withdrawn"), replace(C, state="postponed"), D]
    assert numbers(items) == {"A": 1, "C": 2, "D": 3}


def test_what_a_protocol_covers_takes_no_turn_and_no_minutes() -> None:
    items = [A, replace(B, protocol="DCIS"), C]
    assert next_item([items[1], C]) == C
    assert next_item(items[1:2]) is None
    assert forecast(items, starts_at=PLANNED) == Forecast(end=at(12), items={"A": at(0), "C": at(6)})
    assert planned_minutes(items) == 12


def breaks(items: list[Item], **when: datetime) -> dict[object, tuple[float, int]]:
    """By the item behind each: when it begins, in minutes after the start, and for how long."""
    found = forecast(items, starts_at=PLANNED, **when).breaks
    return {key: ((rest.starts_at - PLANNED).total_seconds() / 60, rest.minutes) for key, rest in found.items()}


def test_a_planned_break_comes_between_two_items_and_moves_what_is_behind_it() -> None:
    rested = replace(B, break_after=10)
    assert breaks([A, rested, C, D]) == {"C": (12, 10)}
    assert forecast([A, rested, C], starts_at=PLANNED).items == {"A": at(0), "B": at(6), "C": at(22)}
    assert forecast([A, rested, C], starts_at=PLANNED).end == at(28)
    # Nothing behind it, nothing before it: there is none.
    assert breaks([A, rested]) == {}
    assert breaks([replace(A, state="withdrawn", break_after=10), C]) == {}
    # What fell out keeps the break at its place; of two that meet there is the longer one.
    assert breaks([A, replace(rested, state="postponed"), C]) == {"C": (6, 10)}
    assert breaks([A, replace(rested, protocol="DCIS"), C]) == {"C": (6, 10)}
    assert breaks([replace(A, break_after=5), replace(rested, state="withdrawn"), C]) == {"C": (6, 10)}
    assert breaks([A, replace(rested, parked=True), C, D]) == {}


def test_a_planned_break_of_a_meeting_that_runs() -> None:
    began = {"started_at": PLANNED}
    on_the_table = replace(A, state="open", opened_at=at(0), break_after=10)
    assert breaks([on_the_table, B], **began) == {"B": (6, 10)}
    done = replace(on_the_table, state="discussed", closed_at=at(8))
    assert breaks([done, B], **began) == {"B": (8, 10)}
    # Whoever opens the next one goes on without it, and it does not come back.
    assert breaks([done, replace(B, state="open", opened_at=at(8)), C], **began) == {}
    assert breaks([done, replace(B, state="discussed", opened_at=at(8), closed_at=at(12)), C], **began) == {}
    # An item taken early leaves the break behind those before it.
    early = replace(C, state="open", opened_at=at(0))
    assert breaks([A, replace(B, break_after=5), early, D], **began) == {"D": (18, 5)}


def test_next_is_the_first_that_waits() -> None:
    taken_early = replace(C, state="discussed")
    assert next_item([A, B, taken_early, D]) == A
    assert next_item([replace(A, state="open"), replace(B, state="postponed"), taken_early, D]) == D
    assert next_item([taken_early]) is None
    assert next_item([]) is None


def test_open_item() -> None:
    on_the_table = replace(B, state="open")
    assert open_item([A, on_the_table]) == on_the_table
    assert open_item([A, B]) is None


@pytest.mark.parametrize(
    ("item", "to", "order"),
    [("D", 1, "DABC"), ("A", 4, "BCDA"), ("B", 2, "ABCD"), ("A", 99, "BCDA"), ("D", -5, "DABC"), ("A", 2, "BACD")],
)
def test_moved(item: str, to: int, order: str) -> None:
    assert "".join(i.id for i in moved([A, B, C, D], item, to)) == order


def test_nothing_moves_in_among_what_happened() -> None:
    items = [replace(A, state="discussed"), replace(B, state="open"), C, D]
    assert [i.id for i in moved(items, "D", 1)] == ["A", "B", "D", "C"]
    with pytest.raises(CannotMove):
        moved(items, "A", 3)
    with pytest.raises(KeyError):
        moved(items, "Z", 1)


def test_before_the_start_the_chain_hangs_on_the_planned_start() -> None:
    items = [A, replace(B, minutes=10), replace(C, state="postponed"), replace(D, state="withdrawn"), Item("E")]
    assert planned_minutes(items) == 22
    assert forecast(items, starts_at=PLANNED) == Forecast(at(22), {"A": at(0), "B": at(6), "E": at(16)})


def test_running_it_hangs_on_the_open_item() -> None:
    items = [
        replace(A, state="discussed", opened_at=at(3), closed_at=at(8)),
        replace(B, state="open", opened_at=at(9)),
        C,
        D,
    ]
    assert forecast(items, starts_at=PLANNED, started_at=at(3)) == Forecast(
        at(27), {"A": at(3), "B": at(9), "C": at(15), "D": at(21)}
    )


def test_between_items_it_hangs_on_the_last_closing() -> None:
    items = [
        replace(A, state="discussed", opened_at=at(3), closed_at=at(8)),
        replace(B, state="postponed", opened_at=at(8), closed_at=at(10)),
        C,
    ]
    assert forecast(items, starts_at=PLANNED, started_at=at(3)) == Forecast(at(16), {"A": at(3), "C": at(10)})


def test_started_and_nothing_opened_yet_it_hangs_on_the_start() -> None:
    assert forecast([A], starts_at=PLANNED, started_at=at(4)) == Forecast(at(10), {"A": at(4)})


def test_what_is_parked_comes_last_and_a_break_moves_what_waits() -> None:
    items = [replace(A, state="discussed", opened_at=at(0), closed_at=at(5)), replace(B, parked=True), C]
    assert next_item(items) == C
    assert forecast(items, starts_at=PLANNED, started_at=at(0)).items == {"A": at(0), "C": at(5), "B": at(11)}
    resting = forecast(items, starts_at=PLANNED, started_at=at(0), resumes_at=at(15))
    assert resting == Forecast(at(27), {"A": at(0), "C": at(15), "B": at(21)})


def test_a_closed_meeting_ended_when_it_closed() -> None:
    items = [replace(A, state="discussed", opened_at=at(0), closed_at=at(5)), B]
    assert forecast(items, starts_at=PLANNED, started_at=at(0), closed_at=at(7)) == Forecast(at(7), {"A": at(0)})


def test_an_empty_agenda_ends_when_it_starts() -> None:
    assert forecast([], starts_at=PLANNED) == Forecast(PLANNED)


@st.composite
def agendas(draw: st.DrawFn) -> tuple[list[Item], datetime | None]:
    """An agenda as it can come about: at most one open, opened after all that is closed, the rest waiting or set aside."""
    states = draw(st.lists(st.sampled_from(["discussed", "scheduled", "postponed", "withdrawn"]), max_size=12))
    started = draw(st.none() | st.integers(-10, 30).map(at))
    clock = started or PLANNED
    items = []
    may_open = started is not None
    for n, state in enumerate(states):
        minutes = draw(st.integers(1, 30))
        if started is None and state == "discussed":
            state = "scheduled"
        opened = closed = None
        if state == "discussed":
            opened = clock
            clock += timedelta(seconds=draw(st.integers(0, 3000)))
            closed = clock
        elif state == "scheduled" and may_open and draw(st.booleans()):
            state, may_open = "open", False
        items.append(Item(str(n), minutes, state, opened, closed))
    return [replace(i, opened_at=clock) if i.state == "open" else i for i in items], started


@given(agendas())
def test_waiting_items_follow_each_other_and_end_with_the_meeting(agenda: tuple[list[Item], datetime | None]) -> None:
    items, started = agenda
    result = forecast(items, starts_at=PLANNED, started_at=started)
    waiting = [i for i in items if i.state == "scheduled"]
    times = [result.items[i.id] for i in waiting]
    assert times == sorted(times)
    assert {i.id for i in items if i.state in ("postponed", "withdrawn")} & set(result.items) == set()
    assert {i.id for i in items} - {i.id for i in items if i.state in ("postponed", "withdrawn")} == set(result.items)
    if waiting:
        assert result.end - times[0] == timedelta(minutes=sum(i.minutes for i in waiting))
    assert all(result.end >= moment for moment in result.items.values())


@given(agendas(), st.integers(1, 30))
def test_a_longer_item_never_makes_anything_earlier(agenda: tuple[list[Item], datetime | None], more: int) -> None:
    items, started = agenda
    longer = [replace(i, minutes=i.minutes + more) for i in items]
    before = forecast(items, starts_at=PLANNED, started_at=started)
    after = forecast(longer, starts_at=PLANNED, started_at=started)
    assert after.end >= before.end
    assert all(after.items[key] >= moment for key, moment in before.items.items())


@given(agendas(), st.data())
def test_moving_keeps_every_item_once_and_what_happened_in_front(
    agenda: tuple[list[Item], datetime | None], data: st.DataObject
) -> None:
    items, _started = agenda
    waiting = [i for i in items if i.state == "scheduled"]
    if not waiting:
        return
    item = data.draw(st.sampled_from(waiting))
    after = moved(items, item.id, data.draw(st.integers(-3, 20)))
    assert sorted(i.id for i in after) == sorted(i.id for i in items)
    assert [i.id for i in after if i != item] == [i.id for i in items if i != item]
