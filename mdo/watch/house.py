"""The house in numbers, read from the database, the shared folder and Redis: how late the work is, how far the access log is sealed.

Only numbers: nothing here knows what the work is about. Every question is bounded: it stops counting, and PostgreSQL ends it after two seconds.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Q, QuerySet

from cases.models import ImportJob
from mdo import health
from mdo.kernel import forwarding
from mdo.kernel.acting import System, acting
from mdo.kernel.clock import now
from mdo.kernel.models import AuditEntry
from mdo.kernel.work import State
from meetings.models import Delivery, Dispatch, Reminder, Report
from meetings.models.dispatch import Channel

HOUSE = System("watch")

QUEUES: Final[dict[str, Callable[[], QuerySet[Any]]]] = {
    "deliveries": lambda: Delivery.objects.all(),
    "dispatches": lambda: Dispatch.objects.exclude(channel=Channel.PAPER),  # a letter on paper waits for somebody
    "reports": lambda: Report.objects.all(),
    "reminders": lambda: Reminder.objects.all(),
    "imports": lambda: ImportJob.objects.all(),
}
"""The outbox and the other rows that wait for a worker, by the word that metrics and pages have for them."""

COUNTED: Final = 10_000  # more than this is "at least": the question stays short
GIVEN_UP_DAYS: Final = 7
LATE_AFTER: Final = timedelta(seconds=60)
READ_WITHIN_MS: Final = 2000
KEPT_S: Final = 5.0


@dataclass(frozen=True)
class Queue:
    """Rows of one kind that are due and not done, the age of the oldest of them, and how many were given up in the last days."""

    due: int
    oldest_s: float
    given_up: int


@dataclass(frozen=True)
class Figures:
    """What one look found. ``None``: it is not known (nothing was written there yet, or it cannot be reached)."""

    queues: dict[str, Queue]
    reminders_late: int
    unsealed: int
    seal_lag_s: float
    unsent: int | None
    unsent_age_s: float | None
    anchor_age_s: float | None
    backup_age_s: float | None
    base_backup_age_s: float | None
    heartbeat_age_s: float | None


def figures(hospital_id: UUID | None = None) -> Figures:
    """One look, inside an open door of the house (or as it). With ``hospital_id`` only its own rows count as given up; how late the work
    is concerns everybody. Raises ``DatabaseError``.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {READ_WITHIN_MS}")
    unsealed, seal_lag_s = _seal()
    unsent, unsent_age_s = forwarding.waiting() if settings.MDO_ACCESS_LOG_SYSLOG else (None, None)
    covered, base = _backup(settings.MDO_VAR / "backup-state.json")
    found = Figures(
        queues={name: _queue(rows(), hospital_id) for name, rows in QUEUES.items()},
        reminders_late=_bounded(Reminder.objects.filter(state=State.WAITING, due_at__lt=now() - LATE_AFTER)),
        unsealed=unsealed,
        seal_lag_s=seal_lag_s,
        unsent=unsent,
        unsent_age_s=unsent_age_s,
        anchor_age_s=_file_age(settings.MDO_VAR / "anchors" / "audit.jsonl"),
        backup_age_s=covered,
        base_backup_age_s=base,
        heartbeat_age_s=_heartbeat(),
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout TO DEFAULT")  # a page goes on after this
    return found


def _queue(rows: QuerySet[Any], hospital_id: UUID | None) -> Queue:
    due = rows.filter(state=State.WAITING, due_at__lte=now())
    oldest = due.order_by("due_at").values_list("due_at", flat=True).first()
    given_up = rows.filter(state=State.GIVEN_UP, done_at__gte=now() - timedelta(days=GIVEN_UP_DAYS))
    if hospital_id is not None:
        given_up = given_up.filter(Q(hospital_id=hospital_id))  # each of them has one
    return Queue(_bounded(due), _age(oldest) if oldest else 0.0, _bounded(given_up))


def _bounded(rows: Any) -> int:
    return int(rows.order_by()[:COUNTED].count())


def _seal() -> tuple[int, float]:
    """How many of the newest audit rows are not sealed, and the age of the oldest of them by the database's own clock, which dated them."""
    table = AuditEntry._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(e.at)), 0)::float FROM {table} e"  # noqa: S608
            f" WHERE e.id > (SELECT coalesce(max(id), 0) FROM {table}) - %s"
            " AND NOT EXISTS (SELECT FROM kernel_auditseal s WHERE s.entry_id = e.id)",
            [COUNTED],
        )
        count, lag = cursor.fetchone()
    return count, max(0.0, lag)


def _age(moment: datetime) -> float:
    return max(0.0, (now() - moment).total_seconds())


def _file_age(path: Path) -> float | None:
    try:
        return max(0.0, now().timestamp() - path.stat().st_mtime)
    except OSError:
        return None


def _backup(path: Path) -> tuple[float | None, float | None]:
    """The ages of what the backups cover and of their base, as whoever keeps them says it; a file that cannot be read says nothing."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None, None
    return _said(said, "covered_until"), _said(said, "base_at")


def _said(said: Any, name: str) -> float | None:
    try:
        moment = datetime.fromisoformat(said[name])
        return _age(moment) if moment.tzinfo else None
    except (KeyError, TypeError, ValueError):
        return None


def _heartbeat() -> float | None:
    try:
        age: float | None = health.check_worker()["heartbeat_age_s"]
    except Exception:  # Redis is away, or frozen: the age is not known
        return None
    return age


class Kept:
    """The last look, for five seconds: however often it is asked, the database is asked seldom."""

    def __init__(self, read: Callable[[], Figures], ticks: Callable[[], float] = time.monotonic) -> None:
        self._read, self._ticks = read, ticks
        self._lock = threading.Lock()
        self._at: float | None = None
        self._found: Figures | None = None

    def get(self) -> Figures | None:
        """The figures, at most five seconds old; ``None`` when the last look failed."""
        with self._lock:
            if self._at is None or self._ticks() - self._at >= KEPT_S:
                try:
                    self._found = self._read()
                except Exception:  # told by a number of its own: the process' own numbers are wanted all the same
                    self._found = None
                self._at = self._ticks()
            return self._found


def look() -> Figures:
    """One look through a door of the house's own. Raises ``DatabaseError``."""
    with acting(HOUSE, None, "watch"):
        return figures()
