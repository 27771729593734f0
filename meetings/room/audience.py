"""For whom a connection is drawn: worked out from the roles, agreements and slots in force now, and again when they move."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Min, Q

from mdo.directory.models import BoardRole, OrganisationRole, Person
from mdo.kernel.acting import acting
from mdo.kernel.clock import now
from meetings import access
from meetings.models import AgendaItem, Meeting
from meetings.room.snapshot import Audience


@dataclass(frozen=True)
class Place:
    """One person's place in one room: for which organisation, what is drawn, and until when that can hold at most."""

    person: Person
    organisation_id: UUID
    audience: Audience
    you: dict[str, Any]
    holds_until: datetime
    wall_id: UUID | None = None  # the screen on a wall that this is the place of

    @property
    def person_id(self) -> UUID:
        return self.person.pk


def find(person_id: UUID, meeting_id: UUID, preferred: UUID | None) -> Place | None:
    """The place of a person in a room, acting for ``preferred`` where that gives a seat; ``None``: for them there is no room.

    Opens its own door. Somebody may sit for another of their organisations than the one chosen in the page: nobody has to
    switch to enter (TRUST §2).
    """
    person = Person.objects.filter(pk=person_id, is_active=True).first()
    meeting = Meeting.objects.select_related("board__organiser").filter(pk=meeting_id).first()
    if person is None or meeting is None:
        return None
    organisation_id = access.organisation_for(person, meeting, preferred)
    if organisation_id is None:
        return None
    with acting(person, organisation_id, "room"):
        place = access.chair_at(person, meeting)
        can = place.can if not place.is_guest else _in_slot(place, meeting)
    if not place.seats:
        return None
    if not (place.permits("join", ["agr", "invited", "slot"])):
        return None
    guest = place.is_guest
    audience = Audience(
        organisation_id=organisation_id,
        reach=frozenset() if guest else place.reach,
        can=can,
        language=person.language,
        sees_items=place.permits("see_agenda", ["agr", "pseudonyms", "own_row"]),
        pseudonyms=place.pseudonyms,
        guest_items=place.guest_items if guest else None,
    )
    you = {
        "person": str(person.pk),
        "name": person.display_name,
        "organisation": str(organisation_id),
        "roles": [] if guest else sorted(place.standing.roles),
        "can": sorted(audience.can),
        "guest": guest,
    }
    return Place(person, organisation_id, audience, you, _holds_until(person, meeting))


def _in_slot(place: access.Chair, meeting: Meeting) -> frozenset[str]:
    """What a guest may do: point, speak and be seen, while their own item is open."""
    if meeting.current_item_id is None:
        return frozenset()
    own = AgendaItem.objects.filter(pk=meeting.current_item_id, pk__in=place.guest_items).select_related("referral")
    return frozenset(
        name
        for name in ("share", "call", "speak")
        if any(place.permits_item(access.ROOM_RIGHTS[name], item) for item in own)
    )


def _holds_until(person: Person, meeting: Meeting) -> datetime:
    """The next moment at which time alone can change the place: a role ends or begins, or a legal day (agreements) does."""
    at = now()
    ends = [_next_midnight(at)]
    for roles in (
        BoardRole.objects.filter(board=meeting.board_id, person=person),
        OrganisationRole.objects.filter(person=person),
    ):
        found = roles.aggregate(
            ends=Min("valid_until", filter=Q(valid_until__gt=at)), begins=Min("valid_from", filter=Q(valid_from__gt=at))
        )
        ends += [moment for moment in found.values() if moment is not None]
    return min(ends)


def _next_midnight(at: datetime) -> datetime:
    zone = ZoneInfo("Europe/Brussels")
    return datetime.combine(at.astimezone(zone).date() + timedelta(days=1), time.min, zone)
