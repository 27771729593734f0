"""What an action left behind: its events as data and its audit rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import translation

from mdo.kernel.action import Done
from mdo.kernel.models import AuditEntry
from tests.cast import Cast, Member


def names(done: Done) -> list[str]:
    return [event.name for event in done.events]


def audited(*actions: str) -> list[dict[str, Any]]:
    """The audit rows of these actions, oldest first, without their moment and key."""
    fields = ("action", "outcome", "actor_kind", "actor_id", "organisation_id", "hospital_id", "purpose", "detail")
    return list(AuditEntry.objects.filter(action__in=actions).order_by("id").values(*fields))


def row(action: str, member: Member, hospital_id: UUID, events: Iterable[str], /, **ids: object) -> dict[str, Any]:
    """The audit row that an action of ``member`` must leave."""
    return {
        "action": action,
        "outcome": "ok",
        "actor_kind": "person",
        "actor_id": member.pk,
        "organisation_id": member.organisation_id,
        "hospital_id": hospital_id,
        "purpose": "care",
        "detail": {key: str(value) for key, value in ids.items()} | {"events": list(events)},
    }


@contextmanager
def english() -> Iterator[None]:
    with translation.override("en"):
        yield


def hold(reached: Event, go_on: Event) -> None:
    """Say that a transaction came so far, and keep it open until it may go on."""
    reached.set()
    assert go_on.wait(20)


def somebody_waits_for_a_lock() -> bool:
    """Whether a session of this database waits for another one's transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock')"
        )
        return bool(cursor.fetchone()[0])


# Who may not even know of an organiser's case, and who sees it but may not change it.
def strangers(cast: Cast) -> list[Member]:
    return [cast.outsider, cast.guest, cast.privacy, cast.admin]


def onlookers(cast: Cast) -> list[Member]:
    return [cast.chair, cast.partner]
