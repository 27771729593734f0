"""Claimable work, on reminders: each row is leased by one at a time, comes back when its worker dies, and gives up at last."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, models, transaction

from mdo.kernel import clock, work
from mdo.kernel.acting import System, acting
from mdo.kernel.clock import now
from meetings.models import Reminder
from tests.cast import Cast
from tests.factories import make_meeting, writing

SWEEP = System("sweep")


def remind(cast: Cast, **values: object) -> Reminder:
    values.setdefault("due_at", now() - timedelta(seconds=1))
    with writing():
        meeting = make_meeting(cast.board)
        return Reminder.objects.create(hospital=cast.organiser, meeting=meeting, kind="deadline", **values)


def claim(limit: int = 20) -> list[UUID]:
    with acting(SWEEP, None, "work"):
        return work.claim(Reminder, limit)


def test_due_rows_are_claimed_oldest_first(cast: Cast) -> None:
    second = remind(cast, due_at=now() - timedelta(minutes=1))
    first = remind(cast, due_at=now() - timedelta(minutes=2))
    remind(cast, due_at=now() + timedelta(minutes=1))
    remind(cast, state=work.State.DONE)
    assert claim(1) == [first.pk]
    assert claim() == [second.pk]
    assert claim() == []
    first.refresh_from_db()
    assert (first.attempts, first.state) == (1, "waiting")


def test_a_lease_ends_by_itself(cast: Cast) -> None:
    row = remind(cast)
    moment = now()
    with clock.frozen(moment):
        assert claim() == [row.pk]
    with clock.frozen(moment + work.LEASE):
        assert claim() == []
    with clock.frozen(moment + work.LEASE + timedelta(seconds=1)):
        assert claim() == [row.pk]
    row.refresh_from_db()
    assert row.attempts == 2


def test_done(cast: Cast) -> None:
    row = remind(cast, last_error="timeout", leased_until=now())
    with acting(SWEEP, None, "work"):
        work.done(row)
    row.refresh_from_db()
    assert (row.state, row.leased_until, row.last_error) == ("done", None, "")
    assert row.done_at is not None


def test_dropped_says_why(cast: Cast) -> None:
    row = remind(cast)
    with acting(SWEEP, None, "work"):
        work.dropped(row, "the meeting was cancelled" + "!" * 300)
    row.refresh_from_db()
    assert (row.state, len(row.last_error)) == ("dropped", 200)
    assert claim() == []


@pytest.mark.parametrize(
    ("attempts", "pause"), [(0, 10), (1, 10), (2, 30), (3, 120), (4, 600), (5, 1800), (6, 7200), (11, 7200)]
)
def test_failures_pause_longer_and_longer(cast: Cast, attempts: int, pause: int) -> None:
    row = remind(cast, attempts=attempts)
    moment = now()
    with acting(SWEEP, None, "work"), clock.frozen(moment):
        work.failed(row, "SMTPServerDisconnected")
    row.refresh_from_db()
    assert (row.state, row.due_at, row.leased_until, row.last_error) == (
        "waiting",
        moment + timedelta(seconds=pause),
        None,
        "SMTPServerDisconnected",
    )


def test_the_twelfth_failure_gives_up(cast: Cast) -> None:
    row = remind(cast, attempts=12)
    with acting(SWEEP, None, "work"):
        work.failed(row, "x" * 300)
    row.refresh_from_db()
    assert (row.state, len(row.last_error), row.done_at is not None) == ("given_up", 200, True)


def test_two_workers_never_claim_the_same_row(committed: None, cast: Cast) -> None:
    wanted = {remind(cast).pk for _ in range(12)}
    barrier = threading.Barrier(4)

    def take(_: int) -> list[UUID]:
        try:
            barrier.wait(60)
            return [each for _ in range(4) for each in claim(3)]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        taken = [each for got in pool.map(take, range(4)) for each in got]
    assert len(taken) == len(set(taken))
    assert set(taken) | set(claim()) == wanted


def test_the_guard_is_up_again_after_each_step(cast: Cast) -> None:
    row = remind(cast)
    for step in (lambda: work.claim(Reminder), lambda: work.done(row)):
        with acting(SWEEP, None, "work"):
            step()
            with pytest.raises(DatabaseError, match="outside of an action"), transaction.atomic():
                Reminder.objects.update(attempts=9)


def test_the_next_part_comes_at_once_and_forgets_earlier_failures(cast: Cast) -> None:
    row = remind(cast)
    assert claim() == [row.pk]
    with acting(SWEEP, None, "work"):
        row.refresh_from_db()
        work.failed(row, "a fault")
    assert claim() == []  # it waits
    with acting(SWEEP, None, "work"):
        row.refresh_from_db()
        work.again(row)
    row.refresh_from_db()
    assert (row.attempts, row.last_error) == (0, "")
    assert claim() == [row.pk]


def test_only_those_that_are_asked_for_are_claimed(cast: Cast) -> None:
    row, other = remind(cast), remind(cast)
    with acting(SWEEP, None, "work"):
        assert work.claim(Reminder, 20, models.Q(pk=row.pk)) == [row.pk]
        assert work.claim(Reminder) == [other.pk]


def test_what_is_given_up_waits_for_somebody_and_is_then_as_new(cast: Cast) -> None:
    row = remind(cast, attempts=3, leased_until=now())
    at = now()
    with clock.frozen(at), acting(SWEEP, None, "work"):
        work.give_up(row, "no_address" * 30)
    row.refresh_from_db()
    assert (row.state, row.last_error, row.done_at, row.leased_until) == (
        "given_up",
        ("no_address" * 30)[:200],
        at,
        None,
    )
    assert claim() == []
    with clock.frozen(at), acting(SWEEP, None, "work"):
        work.retry(row)
    row.refresh_from_db()
    assert (row.state, row.last_error, row.done_at, row.attempts, row.due_at) == ("waiting", "", None, 0, at)
    assert claim() == [row.pk]
