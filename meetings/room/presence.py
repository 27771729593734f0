"""Who is in the room: one lease row for each connection, kept alive by its process, ended when it falls silent.

These rows are written outside of ``@action``: they are the room's breath, not somebody's deed. That people came or went is
journaled by the one action here, at most once a second for a room.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection

from mdo.directory import access as directory
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.events import Event
from meetings.events import PresenceChanged
from meetings.models import Lease

REFRESH_EVERY = timedelta(seconds=5)
DEAD_AFTER = timedelta(seconds=15)


@dataclass(frozen=True)
class Arrival:
    """One connection that comes: its lease's id, room, person, for which organisation, by which means, in which process."""

    lease_id: UUID
    meeting_id: UUID
    person_id: UUID
    organisation_id: UUID
    means: str
    process: str


def begin(arrivals: Iterable[Arrival]) -> None:
    """These connected: one statement, however many come at once."""
    at = now()
    Lease.objects.bulk_create(
        Lease(
            id=each.lease_id,
            meeting_id=each.meeting_id,
            person_id=each.person_id,
            organisation_id=each.organisation_id,
            means=each.means,
            process=each.process,
            opened_at=at,
            seen_at=at,
        )
        for each in arrivals
    )


def end(lease_ids: Iterable[UUID]) -> None:
    """Connections were closed."""
    Lease.objects.filter(pk__in=list(lease_ids), ended_at=None).update(ended_at=now(), seen_at=now())


def refresh(lease_ids: Iterable[UUID]) -> None:
    """All living connections of this process, in one statement. One that was taken for dead lives on."""
    Lease.objects.filter(pk__in=list(lease_ids)).update(seen_at=now(), ended_at=None)


def bury() -> list[tuple[UUID, UUID]]:
    """End the leases of processes that fell silent, at the moment they were last seen; returns (meeting, person) of each."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE meetings_lease SET ended_at = seen_at WHERE id IN (SELECT id FROM meetings_lease"
            " WHERE ended_at IS NULL AND seen_at < %s FOR UPDATE SKIP LOCKED) RETURNING meeting_id, person_id",
            [now() - DEAD_AFTER],
        )
        return [(meeting_id, person_id) for meeting_id, person_id in cursor.fetchall()]


@action("presence.note", row="system")
def note_presence(*, by: Actor, meeting_id: UUID, person_ids: list[UUID]) -> tuple[Event, ...]:
    """Say in the room's journal that these people came or went. The leases hold who is there."""
    directory.require_system(by)
    return (PresenceChanged(meeting_id=meeting_id, person_ids=[str(each) for each in sorted(set(person_ids))]),)
