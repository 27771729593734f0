"""What is written beside an item: chat at the table, and late remarks on what was recorded. Both stay in the dossier."""

from uuid import UUID

from django.utils.translation import gettext as _

from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.errors import Denied, Invalid, RuleBroken
from mdo.kernel.events import Event
from mdo.kernel.ids import derived_id
from meetings import access
from meetings.events import RemarkMade
from meetings.models import AgendaItem, Decision, Meeting, Remark

MOST_LETTERS = 4000
_RECORDED = (Decision.State.RECORDED, Decision.State.SIGNED)


def _write(by: Actor, item: AgendaItem, kind: Remark.Kind, text: str, command_id: UUID) -> tuple[Event, ...]:
    text = text.strip()
    if not text:
        raise Invalid({"text": [_("Write something first.")]})
    if len(text) > MOST_LETTERS:
        raise Invalid({"text": [_("Keep it within 4,000 characters.")]})
    remark = Remark(
        id=derived_id(command_id, by.actor_id, "remark"),
        hospital_id=item.hospital_id,
        board_id=item.meeting.board_id,
        item_id=item.pk,
        case_id=item.referral.case_id if item.referral else None,
        by_id=by.actor_id,
        organisation_id=access.acting_organisation(),
        kind=kind,
        text=text,
    )
    remark.save(force_insert=True)
    return (RemarkMade(meeting_id=item.meeting_id, item_id=item.pk, remark_id=remark.pk, kind=kind),)


@action("remark.say", row="share")
def say(*, by: Actor, meeting_id: UUID, item_id: UUID, text: str, command_id: UUID) -> tuple[Event, ...]:
    """Write in the chat of an item. Effects: it is kept and part of the dossier; whoever may read the case in the room reads it.
    Refused for guests, for whoever may not read the case (a partner's secretary), and once the meeting is over."""
    item = access.access_item_for(by, meeting_id, item_id, "share")
    place = access.chair_at(by, item.meeting)
    if place.is_guest or not place.permits_item(
        "read_case", item
    ):  # it would be a chat about a case that they do not know
        raise Denied()
    if item.meeting.state in (Meeting.State.CLOSED, Meeting.State.CANCELLED):
        raise RuleBroken(_("The meeting is over."))
    return _write(by, item, Remark.Kind.CHAT, text, command_id)


@action("remark.late", row="draft")
def remark_late(*, by: Actor, meeting_id: UUID, item_id: UUID, text: str, command_id: UUID) -> tuple[Event, ...]:
    """Add what came too late for the recommendation of an item: it stands beside the decision, which does not change. Refused
    while nothing is recorded: then it belongs into the text."""
    item = access.access_item_for(by, meeting_id, item_id, "draft")
    if not Decision.objects.filter(item=item, state__in=_RECORDED).exists():
        raise RuleBroken(_("Nothing was recorded yet."), field="item")
    return _write(by, item, Remark.Kind.LATE, text, command_id)
