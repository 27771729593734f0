"""Several people before one screen: added by name and discipline, there for as long as that screen is."""

from uuid import UUID

from django.utils.translation import gettext as _

from mdo.directory.access import in_office
from mdo.directory.disciplines import DISCIPLINES
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken
from mdo.kernel.events import Event
from mdo.kernel.ids import derived_id
from meetings import access
from meetings.events import BesideChanged
from meetings.models import Beside, Lease, Meeting

MOST_BESIDE = 12


def _at_table(by: Actor, meeting_id: UUID) -> Meeting:
    meeting = access.access_meeting_for_sharing(by, meeting_id)
    if meeting.state in (Meeting.State.CLOSED, Meeting.State.CANCELLED):
        raise RuleBroken(_("The meeting is over."))
    return meeting


@action("presence.beside", row="share")
def sit_beside(
    *, by: Actor, meeting_id: UUID, name: str, discipline: str, person: UUID | None, command_id: UUID
) -> tuple[Event, ...]:
    """Say that somebody sits before one's own screen. ``person``: somebody of the board, whose name and discipline are known; else
    ``name`` and ``discipline`` are typed.

    Effects: they count as present in the room for as long as the screen is there; for the billing quorum only somebody whom the
    directory knows as a physician. Refused for somebody who is there already.
    """
    meeting = _at_table(by, meeting_id)
    there = Beside.objects.filter(meeting=meeting, until=None)
    if there.filter(host=by.actor_id).count() >= MOST_BESIDE:
        raise RuleBroken(_("So many people do not fit before one screen."))
    name = " ".join(name.split())
    if person is not None:
        role = next((role for role in in_office(meeting.board) if role.person_id == person), None)
        if role is None:
            raise Invalid({"person": [_("Choose somebody of this board.")]})
        here = Lease.objects.filter(meeting=meeting, person=person, ended_at=None).exists()
        if here or there.filter(person=person).exists():
            raise RuleBroken(_("%(name)s is there already.") % {"name": role.person.display_name}, field="person")
        name, discipline = role.person.display_name, role.person.discipline
    elif not name or len(name) > 200:
        raise Invalid({"name": [_("Give a name.")]})
    elif discipline not in DISCIPLINES:
        raise Invalid({"discipline": [_("Choose a discipline from the list.")]})
    beside = Beside(
        id=derived_id(command_id, by.actor_id, "beside"),
        meeting=meeting,
        host_id=by.actor_id,
        organisation_id=access.acting_organisation(),
        person_id=person,
        name=name,
        discipline=discipline,
    )
    beside.save(force_insert=True)
    return (BesideChanged(meeting_id=meeting.pk, person_id=by.actor_id, beside_id=beside.pk),)


@action("presence.beside_leave", row="share")
def leave_beside(*, by: Actor, meeting_id: UUID, beside_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Somebody who sat before a screen left it: said by whose screen it is, or by the chair's side."""
    meeting = _at_table(by, meeting_id)
    beside = Beside.objects.filter(pk=beside_id, meeting=meeting, until=None).first()
    if beside is None:
        raise NotFound()
    if beside.host_id != by.actor_id and not access.chair_at(by, meeting).permits("run"):
        raise Denied()
    beside.until = now()
    beside.save(update_fields=["until"])
    return (BesideChanged(meeting_id=meeting.pk, person_id=beside.host_id, beside_id=beside.pk),)
