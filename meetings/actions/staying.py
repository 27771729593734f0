"""What the media server tells of a call: who came into it and left it. Kept as stays, which count for attendance beside the leases."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from django.db.models import QuerySet, Value
from django.db.models.functions import Greatest

from mdo.directory import access as directory
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.events import Event
from meetings import access
from meetings.models import CallStay, Lease


@dataclass(frozen=True)
class Told:
    """One thing that happened in the room of an epoch. ``finished`` is about the whole room, and names nobody.

    ``session`` is the server's own id of a stay; ``joined_at`` is known when somebody leaves, too. ``phone``: a telephone or a room
    system, which has a name and no person.
    """

    what: Literal["joined", "left", "finished"]
    epoch: int
    at: datetime
    session: str = ""
    peer: str = ""
    name: str = ""
    phone: bool = False
    joined_at: datetime | None = None

    @property
    def key(self) -> str:
        """The id of the stay as it is kept: with its epoch, so that the end of a room finds its own."""
        return f"{self.epoch}.{self.session}"[:80]


@action("call.note_stay", row="system")
def note_stay(*, by: Actor, meeting_id: UUID, told: Told) -> tuple[Event, ...]:
    """Keep what the media server tells. Effects: a stay begins or ends; the end of a room ends those that are still open in it, and whoever
    comes again leaves the place that they had. The same thing told twice changes nothing, in whichever order."""
    directory.require_system(by)
    meeting = access.access_meeting_for(by, meeting_id, "system")
    stays = CallStay.objects.filter(meeting=meeting)
    if told.what == "finished":
        ended_with(stays, told).update(left_at=Greatest("joined_at", Value(told.at)))
        return ()
    known = stays.filter(session=told.key).first()
    if told.what == "left" and known is not None:
        if known.left_at is None:
            known.left_at = max(told.at, known.joined_at)
            known.save(update_fields=["left_at"])
    elif known is None:
        joined_at = told.joined_at or told.at
        if told.what == "joined":
            open_in(stays, told.epoch).filter(peer=told.peer[:80], joined_at__lt=joined_at).update(left_at=joined_at)
        who = None if told.phone else holder(meeting_id, told.peer)
        CallStay.objects.create(
            meeting=meeting,
            person_id=who.person_id if who else None,
            organisation_id=who.organisation_id if who else None,
            peer=told.peer[:80],
            session=told.key,
            name="" if who else told.name[:200],
            means=Lease.Means.PHONE if told.phone else Lease.Means.VIDEO,
            joined_at=joined_at,
            left_at=max(told.at, joined_at) if told.what == "left" else None,
        )
    return ()


def open_in(stays: QuerySet[CallStay], epoch: int) -> QuerySet[CallStay]:
    return stays.filter(session__startswith=f"{epoch}.", left_at=None)


def ended_with(stays: QuerySet[CallStay], told: Told) -> QuerySet[CallStay]:
    """The stays that a room took with it; its end is told by the second, and may have been told late."""
    return open_in(stays, told.epoch).filter(joined_at__lt=told.at + timedelta(seconds=1))


def holder(meeting_id: UUID, peer: str) -> Lease | None:
    """The connection that is, or was last, called so in the call of this meeting."""
    try:
        found = Lease.objects.filter(meeting=meeting_id, call_peer=UUID(peer))
    except ValueError:
        return None
    return found.order_by("-call_ticket_at").first()
