"""What people say to an invitation."""

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from mdo.directory.access import in_office
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, RuleBroken
from mdo.kernel.events import Event
from mdo.kernel.ids import derived_id
from meetings import access
from meetings.actions import table
from meetings.actions.ordering import window
from meetings.events import MeetingAnswered
from meetings.models import Meeting, Reply


@action("meeting.answer", row="join")
def answer_invitation(
    *,
    by: Actor,
    meeting_id: UUID,
    answer: str,
    deputy: UUID | None,
    can_from: datetime | None = None,
    can_until: datetime | None = None,
    command_id: UUID,
) -> tuple[Event, ...]:
    """Say whether one comes to a sitting. ``deputy``: somebody of the board who comes instead, where one does not. ``can_from``,
    ``can_until``: whoever comes for a while only.

    Effects: the reply replaces an earlier one; who is expected is reckoned anew. Refused once the sitting runs or is over, for a
    deputy who is not of the board, is oneself, or does not come either, and for a time that is not on the day of the sitting.
    """
    meeting = access.access_meeting_for_replying(by, meeting_id)
    table.not_over(meeting)
    if meeting.state == Meeting.State.RUNNING:
        raise RuleBroken(_("The meeting is running already."))
    if answer not in Reply.Answer:
        raise Invalid({"answer": [_("Choose an answer from the list.")]})
    if deputy is not None:
        _check(by, meeting, answer, deputy)
    if answer == Reply.Answer.NO:
        can_from = can_until = None
    window(can_from, can_until, meeting, ("can_from", "can_until"))
    said = {"answer": answer, "deputy_id": deputy, "can_from": can_from, "can_until": can_until, "at": now()}
    Reply.objects.update_or_create(
        meeting=meeting,
        person_id=by.actor_id,
        defaults=said,
        create_defaults={
            "id": derived_id(command_id, by.actor_id, "reply"),
            "hospital_id": meeting.hospital_id,
            **said,
        },
    )
    return (MeetingAnswered(meeting_id=meeting.pk, person_id=by.actor_id, what=answer),)


def _check(by: Actor, meeting: Meeting, answer: str, deputy: UUID) -> None:
    if answer != Reply.Answer.NO:
        raise Invalid({"deputy": [_("Whoever comes needs no deputy.")]})
    if deputy == by.actor_id or not any(role.person_id == deputy for role in in_office(meeting.board)):
        raise Invalid({"deputy": [_("Choose somebody else of this board.")]})
    if Reply.objects.filter(meeting=meeting, person=deputy, answer=Reply.Answer.NO).exists():
        raise Invalid({"deputy": [_("Your deputy does not come either.")]})
