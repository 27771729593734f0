"""Reading where it does no harm that the answer is some seconds old: from a server that follows the primary, behind the same door.

For counts that name nobody, and nothing else (docs/decisions/replica.md): who may look is always decided on the primary before, and
care content is never read here, since each read of it is traced on the primary first. Row-level security holds on the replica as it
does on the primary; the replica's door is told the same actor.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any, TypeVar

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, connections, transaction

from mdo.kernel import metrics
from mdo.kernel.acting import current, tell

T = TypeVar("T")
logger = logging.getLogger(__name__)

ALIAS = "replica"
RESTS_S = 15.0
"""After a fault the replica is left alone for so long: whoever asks meanwhile does not wait for it."""

_reading: ContextVar[bool] = ContextVar("mdo_replica_reading", default=False)
_rests_until = 0.0


class Router:
    """Django's router: everything is asked of the primary, but what ``read`` runs."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        if _reading.get():
            return ALIAS
        return self.db_for_write(model, **hints)

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        instance = hints.get("instance")
        if instance is not None and instance._state.db == ALIAS:
            return DEFAULT_DB_ALIAS  # what was read there is followed and changed on the primary
        return None

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool | None:
        return True if {one._state.db, other._state.db} <= {ALIAS, DEFAULT_DB_ALIAS, None} else None

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == ALIAS else None


def read(ask: Callable[[], T]) -> T:
    """What ``ask`` gives, of the replica where there is one that is near enough, else of the primary. Inside an open door.

    ``ask`` reads with the ORM, writes nothing, gives back no queryset that is still to be asked, and may be run twice: when the replica
    fails under it, the primary answers.
    """
    global _rests_until
    if ALIAS not in connections:
        return ask()
    if monotonic() >= _rests_until:
        try:
            with _door() as near:
                if near:
                    found = ask()
                    metrics.REPLICA_READS.labels("replica").inc()
                    return found
        except (OperationalError, InterfaceError) as error:
            _rests_until = monotonic() + RESTS_S
            logger.warning("The replica failed (%s); the primary answers.", type(error).__name__)
            connections[ALIAS].close()
    metrics.REPLICA_READS.labels("primary").inc()
    return ask()


@contextmanager
def _door() -> Iterator[bool]:
    """The replica's own transaction, which knows who acts and cannot write; whether it is near enough to be read."""
    head, at = _head()
    here = current()
    with transaction.atomic(using=ALIAS):
        if not _near(head, at):
            yield False
            return
        tell(
            here.actor.actor_kind, here.actor.actor_id, here.organisation_id, here.purpose, using=ALIAS, read_only=True
        )
        token = _reading.set(True)
        try:
            yield True
        finally:
            _reading.reset(token)


def _head() -> tuple[str, Any]:
    """How far the primary's log is, and what its clock says."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_lsn()::text, clock_timestamp()")
        head, at = cursor.fetchone()
    return head, at


def _near(head: str, at: Any) -> bool:
    """Whether the replica has all that the primary has, or what it replayed last was committed within ``MDO_REPLICA_LAG_S`` seconds.

    Both moments are the primary's. A server that follows nobody any more (it was promoted) is none.
    """
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT pg_is_in_recovery() AND (pg_last_wal_replay_lsn() >= %s::pg_lsn"
            " OR coalesce(%s - pg_last_xact_replay_timestamp() < make_interval(secs => %s), false))",
            [head, at, settings.MDO_REPLICA_LAG_S],
        )
        return bool(cursor.fetchone()[0])
