"""The journal: gapless, in the order of commits, delivered after the commit and only then."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from mdo.kernel import events, journal, ledger
from mdo.kernel.acting import System, acting, current
from mdo.kernel.clock import now
from mdo.kernel.models import AccessEpoch, JournalEntry, Stream

CLERK = System("clerk")


class BellRang(events.Event):
    """A bell rang in some rooms."""

    name: ClassVar[str] = "test.bell_rang"
    rooms: tuple[UUID, ...]
    times: int = 1


del events.EVENTS["test.bell_rang"]  # a test's event is no event of the product


def append(happened: list[BellRang]) -> dict[UUID, int]:
    return ledger.write(current(), "test.ring", happened, hospital_id=None, detail={}, command_id=None, digest=b"")


@pytest.fixture(autouse=True)
def rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_streams_for", lambda event: event.rooms)
    monkeypatch.setattr(journal, "_deliveries", [])


@pytest.fixture
def heard() -> list[tuple[UUID, int]]:
    calls: list[tuple[UUID, int]] = []

    def hear(stream: UUID, head: int) -> None:
        calls.append((stream, head))

    journal.register_delivery(hear)
    journal.register_delivery(hear)  # a second time changes nothing
    return calls


def test_streams_are_registered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_streams_for", None)

    def one(event: events.Event) -> tuple[UUID, ...]:
        return ()

    journal.register_streams(one)
    journal.register_streams(one)
    with pytest.raises(RuntimeError, match="twice"):
        journal.register_streams(lambda event: ())


def test_without_streams_nothing_is_written(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_streams_for", None)
    with acting(CLERK, None, "work"):
        assert append([BellRang(rooms=(uuid4(),))]) == {}
    assert not JournalEntry.objects.exists()


def test_each_stream_counts_for_itself(db: None) -> None:
    kitchen, hall = uuid4(), uuid4()
    with acting(CLERK, None, "work"):
        assert append([BellRang(rooms=(kitchen, hall)), BellRang(rooms=(hall,), times=2)]) == {
            kitchen: 1,
            hall: 2,
        }
        assert append([BellRang(rooms=(kitchen,))]) == {kitchen: 2}
        assert append([]) == {}
    assert (journal.head(kitchen), journal.head(hall), journal.head(uuid4())) == (2, 2, 0)
    entries = journal.read(hall, 0)
    assert [(entry.seq, entry.name, entry.by, entry.data["times"]) for entry in entries] == [
        (1, "test.bell_rang", CLERK.actor_id, 1),
        (2, "test.bell_rang", CLERK.actor_id, 2),
    ]
    assert [entry.seq for entry in journal.read(hall, 1)] == [2]
    assert [entry.seq for entry in journal.read(hall, 0, limit=1)] == [1]


def test_delivery_follows_the_commit(committed: None, heard: list[tuple[UUID, int]]) -> None:
    room = uuid4()
    with acting(CLERK, None, "work"):
        append([BellRang(rooms=(room,)), BellRang(rooms=(room,))])
        assert heard == []
    assert heard == [(room, 2)]


def test_delivery_can_be_forgotten(committed: None, heard: list[tuple[UUID, int]]) -> None:
    (hear,) = journal._deliveries
    journal.forget_delivery(hear)
    journal.forget_delivery(hear)
    with acting(CLERK, None, "work"):
        append([BellRang(rooms=(uuid4(),))])
    assert heard == []


def test_what_is_undone_is_not_delivered_and_leaves_no_gap(committed: None, heard: list[tuple[UUID, int]]) -> None:
    room = uuid4()
    with pytest.raises(KeyError), acting(CLERK, None, "work"):
        raise KeyError(append([BellRang(rooms=(room,))]))
    assert (heard, journal.head(room)) == ([], 0)
    with acting(CLERK, None, "work"):
        assert append([BellRang(rooms=(room,))]) == {room: 1}


def test_many_writers_leave_no_gap_and_no_double(committed: None) -> None:
    room, other = uuid4(), uuid4()
    barrier = threading.Barrier(4)

    def write(n: int) -> list[int]:
        try:
            barrier.wait(60)
            got = []
            for _ in range(10):
                with acting(CLERK, None, "work"):
                    # Both orders of the rooms: streams are locked by id, so nobody waits for ever.
                    pair = (room, other) if n % 2 else (other, room)
                    got.append(append([BellRang(rooms=pair)])[room])
            return got
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(write, range(4)))
    assert sorted(seq for each in results for seq in each) == list(range(1, 41))
    assert all(each == sorted(each) for each in results)
    assert [entry.seq for entry in journal.read(room, 0)] == list(range(1, 41))
    assert (journal.head(room), journal.head(other)) == (40, 40)


@pytest.mark.parametrize("statement", ["UPDATE kernel_journalentry SET name = 'x'", "DELETE FROM kernel_journalentry"])
def test_the_program_cannot_rewrite_the_journal(db: None, statement: str) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_rows_name_themselves_without_content() -> None:
    room = UUID(int=5)
    assert str(Stream(id=room, head=3)) == f"{room}@3"
    assert str(JournalEntry(stream_id=room, seq=3, at=now(), name="test.bell_rang")) == f"{room} 3 test.bell_rang"
    assert str(AccessEpoch(id=1, value=9)) == "9"
