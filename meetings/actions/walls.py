"""Wall displays: pairing a screen with a meeting, and letting it go."""

from uuid import UUID

from django.utils.translation import gettext as _

from mdo.kernel.acting import Actor, current
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.errors import NotFound, RuleBroken
from mdo.kernel.events import Event
from mdo.kernel.ids import derived_id
from meetings import access, walls
from meetings.events import WallPaired, WallUnpaired
from meetings.models import Meeting, WallDisplay

MOST_WALLS = 10


@action("wall.pair", row="run")
def pair_wall(*, by: Actor, meeting_id: UUID, code: str, command_id: UUID) -> tuple[Event, ...]:
    """Let the screen that shows ``code`` show this meeting. Effects: until the meeting ends, the pairing is ended or the right to run
    this meeting ends for whoever paired it, the screen shows what they may see of the item on the table, and its reading is theirs
    in the audit. A pairing that the screen had before ends. Refused for a wrong code, and when the meeting is over."""
    meeting = access.access_meeting_for(by, meeting_id, "run")
    if meeting.state in (Meeting.State.CLOSED, Meeting.State.CANCELLED):
        raise RuleBroken(_("The meeting is over."))
    organisation_id = current().organisation_id
    if organisation_id is None:
        raise NotFound()
    screen = walls.screen_of(code, by.actor_id)
    if WallDisplay.objects.filter(meeting=meeting, ended_at=None).count() >= MOST_WALLS:
        raise RuleBroken(_("More screens cannot be paired with one meeting."), field="code")
    at = now()
    WallDisplay.objects.filter(key_digest=screen, ended_at=None).update(ended_at=at)
    display = WallDisplay.objects.create(
        id=derived_id(command_id, by.actor_id, "wall"),
        hospital_id=meeting.hospital_id,
        meeting=meeting,
        key_digest=screen,
        paired_by_id=by.actor_id,
        organisation_id=organisation_id,
        paired_at=at,
    )
    walls.withdraw_code(screen)
    return (WallPaired(meeting_id=meeting.pk, wall_id=display.pk),)


@action("wall.unpair", row="run")
def unpair_wall(*, by: Actor, meeting_id: UUID, wall_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """End the pairing of a screen with this meeting: it goes dark. Raises ``NotFound`` for one that is not paired with it."""
    meeting = access.access_meeting_for(by, meeting_id, "run")
    ended = WallDisplay.objects.filter(pk=wall_id, meeting=meeting, ended_at=None).update(ended_at=now())
    if not ended:
        raise NotFound()
    return (WallUnpaired(meeting_id=meeting.pk, wall_id=wall_id),)


def end_walls(meeting: Meeting) -> None:
    """The meeting is over, and so are its pairings. Called inside the action that ends it."""
    WallDisplay.objects.filter(meeting=meeting, ended_at=None).update(ended_at=now())
