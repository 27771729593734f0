"""Work to be done is a row: a reminder, a delivery, minutes to make. Celery only wakes whoever looks for due rows.

Each row is claimed with ``FOR UPDATE SKIP LOCKED`` and a lease, so that a killed worker's rows come back by themselves.
Work is done at least once; what leaves the house repeats with the same identity (Message-ID).
"""

from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from django.db import connection, models, transaction

from mdo.kernel.clock import now

LEASE = timedelta(seconds=60)
PAUSES = (10, 30, 120, 600, 1800, 7200)  # seconds before the next attempt
GIVE_UP_AFTER = 12


class State(models.TextChoices):
    WAITING = "waiting"
    DONE = "done"
    GIVEN_UP = "given_up"
    DROPPED = "dropped"  # no longer wanted: nothing was sent


class ClaimableWork(models.Model):
    """Abstract: one thing to do, when, and how often it was tried."""

    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    due_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


Work = TypeVar("Work", bound=ClaimableWork)


def claim(model: type[Work], limit: int = 20, among: models.Q | None = None) -> list[UUID]:
    """Lease at most ``limit`` due rows of ``model`` (``among``: of these alone) for 60 s and return their ids, oldest due first.

    Runs in its own transaction inside the door; the write guard knows it as the action "work.claim".
    """
    at = now()
    with transaction.atomic():
        _guard("work.claim")
        rows = (
            model._default_manager.select_for_update(skip_locked=True)
            .filter(state=State.WAITING, due_at__lte=at)
            .filter(models.Q(leased_until=None) | models.Q(leased_until__lt=at), among or models.Q())
            .order_by("due_at")
            .values_list("pk", flat=True)[:limit]
        )
        ids = list(rows)
        if ids:
            model._default_manager.filter(pk__in=ids).update(leased_until=at + LEASE, attempts=models.F("attempts") + 1)
        _guard("")
    return ids


def done(row: ClaimableWork) -> None:
    """Mark the row as done. Call it inside the action or the door that did the work."""
    row.state, row.done_at, row.leased_until, row.last_error = State.DONE, now(), None, ""
    _save(row, "state", "done_at", "leased_until", "last_error")


def dropped(row: ClaimableWork, why: str) -> None:
    """Mark the row as no longer wanted (a past reminder, a meeting that was cancelled)."""
    row.state, row.done_at, row.leased_until, row.last_error = State.DROPPED, now(), None, why[:200]
    _save(row, "state", "done_at", "leased_until", "last_error")


def failed(row: ClaimableWork, error: str) -> None:
    """Put the row back with a growing pause, or give up after 12 attempts. ``error`` names the fault, never content."""
    row.last_error, row.leased_until = error[:200], None
    if row.attempts >= GIVE_UP_AFTER:
        row.state, row.done_at = State.GIVEN_UP, now()
    else:
        row.due_at = now() + timedelta(seconds=PAUSES[min(max(row.attempts, 1), len(PAUSES)) - 1])
    _save(row, "state", "due_at", "done_at", "leased_until", "last_error")


def again(row: ClaimableWork) -> None:
    """Put the row back for its next part at once: it went well so far, so earlier failures no longer count."""
    row.due_at, row.leased_until, row.attempts, row.last_error = now(), None, 0, ""
    _save(row, "due_at", "leased_until", "attempts", "last_error")


def retry(row: ClaimableWork) -> None:
    """Somebody asked for it: due at once and as if it had never been tried, also when it was given up."""
    row.state, row.done_at = State.WAITING, None
    _save(row, "state", "done_at")
    again(row)


def give_up(row: ClaimableWork, error: str) -> None:
    """No attempt will do any better: it waits for somebody. ``error`` names what is missing, never content."""
    row.state, row.done_at, row.leased_until, row.last_error = State.GIVEN_UP, now(), None, error[:200]
    _save(row, "state", "done_at", "leased_until", "last_error")


def _save(row: ClaimableWork, *fields: str) -> None:
    with transaction.atomic():
        _guard("work.mark")
        row.save(update_fields=fields)
        _guard("")


def _guard(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('mdo.action', %s, true)", [name])
