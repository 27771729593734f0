"""A wall display in the room: whose eyes it has, and what is drawn for it.

It shows the shared view alone: the item on the table, the wording while it is read back, the time. No agenda, no people, no counts,
no sequence; like a guest's, its view is small and drawn whole each time. What it may show is what the person who paired it may see
now; when their right to run the meeting ends, so does the pairing.
"""

from dataclasses import replace
from uuid import UUID

from meetings import walls
from meetings.models import Meeting, WallDisplay
from meetings.room import audience
from meetings.room.audience import Place

_OVER = (Meeting.State.CLOSED, Meeting.State.CANCELLED)


def recognise(key: str | None) -> WallDisplay | None:
    """The living pairing of the screen with this secret."""
    if not key:
        return None
    return WallDisplay.objects.filter(key_digest=walls.digest("key", key), ended_at=None).first()


def find(wall_id: UUID, meeting_id: UUID) -> Place | None:
    """The place of a paired screen in this room as things stand; ``None``: it has none, or not any more. Opens its own door."""
    display = (
        WallDisplay.objects.filter(pk=wall_id, meeting=meeting_id, ended_at=None)
        .exclude(meeting__state__in=_OVER)
        .first()
    )
    if display is None:
        return None
    place = audience.find(display.paired_by_id, meeting_id, display.organisation_id)
    if place is None or place.organisation_id != display.organisation_id or "run" not in place.audience.can:
        return None
    seen = replace(place.audience, can=frozenset(), sees_items=False, guest_items=frozenset(), wall=True)
    you = {
        "person": "",
        "name": "",
        "organisation": str(place.organisation_id),
        "roles": [],
        "can": [],
        "guest": True,
    }
    return replace(place, audience=seen, you=you, wall_id=wall_id)


def identify(key: str | None, meeting_id: UUID) -> Place | None:
    """The place of the screen with this secret in a room; ``None`` where it is not paired with it. Runs in a thread."""
    display = recognise(key)
    return find(display.pk, meeting_id) if display is not None and display.meeting_id == meeting_id else None
