"""Who is invited to a sitting, and as what."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from cases.models import living
from mdo.directory import access as directory
from mdo.directory.models import BoardRole
from meetings.models import AgendaItem, Meeting

_EXPECTED = (AgendaItem.State.SCHEDULED, AgendaItem.State.OPEN)


def lives(item_id: UUID) -> bool:
    """Whether an item may still be a reason to invite somebody: it is not about a patient who died."""
    return AgendaItem.objects.filter(living("referral__case__patient"), pk=item_id).exists()


def invited(meeting: Meeting, roles: Iterable[BoardRole] | None = None) -> dict[UUID, dict[str, Any]]:
    """Person → in what capacity: ``{"as": "member", "required": bool, "for": organisation}``, ``{"as": "requester", …}``, or
    ``{"as": "guest", "item": id, …}``.

    Members of the board, requesters of what is still expected on the agenda, and guests of one item, who get an invitation that
    names nobody. Nobody is invited for the sake of a patient who died. Who is several of these is invited once, with the most rights.
    ``roles``: the board's people in office, where they
    were read already.
    """
    found: dict[UUID, dict[str, Any]] = {}
    items = AgendaItem.objects.filter(
        living("referral__case__patient"), meeting=meeting, state__in=_EXPECTED, referral__isnull=False
    )
    requesters: dict[UUID, UUID] = {}
    columns = items.values_list("pk", "hospital", "referral__requester", "referral__guest")
    for item_id, hospital_id, requester_id, guest_id in columns.order_by("position"):
        if requester_id is not None:
            requesters.setdefault(requester_id, hospital_id)
        if guest_id is not None:
            found.setdefault(guest_id, {"as": "guest", "item": str(item_id), "required": False})
    for person_id, hospital_id in requesters.items():
        found[person_id] = {"as": "requester", "required": True, "for": str(hospital_id)}
    for role in directory.in_office(meeting.board) if roles is None else roles:
        required = role.role != BoardRole.Role.OBSERVER or found.get(role.person_id, {}).get("required", False)
        found[role.person_id] = {"as": "member", "required": required, "for": str(role.organisation_id)}
    return found
