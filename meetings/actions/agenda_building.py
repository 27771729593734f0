"""The agenda before the meeting: accept and return what was handed in, put it on a sitting, order, publish.

The order of items is changed with ``sitting.move_item``, which the same people may use before and during the meeting. The
meeting's row is locked first, then the referral's.
"""

from uuid import UUID

from django.utils.translation import gettext as _

from cases import states
from cases.access import access_referral_for_agenda
from cases.models import Referral
from mdo.directory import access as directory
from mdo.kernel.acting import Actor
from mdo.kernel.action import action, granted, note
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, RuleBroken, Stale
from mdo.kernel.events import Event
from meetings import access
from meetings.actions import mailing
from meetings.actions.table import append_item, hand_break_on, reordered
from meetings.events import ItemAdded, ItemChanged, ItemRemoved, ItemWithdrawn, MeetingPublished
from meetings.models import AgendaItem, Delivery, Meeting, Topic
from meetings.series import deadline

Status = Referral.Status
State = AgendaItem.State
LONGEST_REASON = 1000


# --- what was handed in ------------------------------------------------------------------------------------------------


@action("referral.accept", row="build_agenda")
def accept_referral(*, by: Actor, referral_id: UUID, version: int, command_id: UUID) -> tuple[Event, ...]:
    """Accept what was handed in; it waits for a sitting. Refused for what was not handed in, and as stale."""
    referral = access_referral_for_agenda(by, referral_id)
    _current(referral, version)
    return (states.move(referral, Status.ACCEPTED),)


@action("referral.return", row="build_agenda")
def return_referral(*, by: Actor, referral_id: UUID, version: int, reason: str, command_id: UUID) -> tuple[Event, ...]:
    """Give back what was handed in, with the reason. Effects: the requester may complete and hand it in again, and gets a mail
    with a link (the reason stays in the house). Refused without a reason, for what stands on an agenda, and as stale."""
    referral = access_referral_for_agenda(by, referral_id)
    reason = reason.strip()
    if not reason:
        raise Invalid({"reason": [_("Say what is missing, so that the requester can complete it.")]})
    if len(reason) > LONGEST_REASON:
        raise Invalid({"reason": [_("Keep the reason within 1,000 characters.")]})
    _current(referral, version)
    if referral.status == Status.SCHEDULED:
        raise RuleBroken(_("This case stands on an agenda. Take it off first."))
    referral.returned_reason = reason
    moved = states.move(referral, Status.RETURNED)
    mailing.order(
        Delivery.Kind.RETURNED,
        {
            referral.requester_id: {
                "referral": str(referral.pk),
                "case": str(referral.case_id),
                "for": str(referral.hospital_id),
            }
        },
        meeting=None,
        hospital_id=referral.hospital_id,
        occasion=f"returned:{referral.version}",
    )
    return (moved,)


def _current(referral: Referral, version: int) -> None:
    if referral.version != version:
        raise Stale(_("This submission changed in between. Look again."), current=referral.version)


# --- the agenda --------------------------------------------------------------------------------------------------------


def being_built(meeting: Meeting) -> None:
    """Refuse to build the agenda of a meeting that runs or is over."""
    if meeting.state == Meeting.State.RUNNING:
        raise RuleBroken(_("The meeting is running: change its agenda in the room."))
    if meeting.state not in (Meeting.State.PLANNED, Meeting.State.PUBLISHED):
        raise RuleBroken(_("The meeting is over."))


def _minutes(minutes: int) -> int:
    if not 1 <= minutes <= 120:
        raise Invalid({"minutes": [_("Give between 1 and 120 minutes.")]})
    return minutes


@action("agenda.schedule", row="build_agenda")
def schedule_referral(
    *,
    by: Actor,
    meeting_id: UUID,
    referral_id: UUID,
    version: int,
    item_id: UUID,
    minutes: int | None = None,
    command_id: UUID,
) -> tuple[Event, ...]:
    """Put a case on the agenda of a sitting that is not running yet, at the end. What was only handed in is accepted with it.

    Effects: the referral is scheduled, the item gets the board's usual minutes unless others are given, and is marked as late
    when the case was handed in after the sitting's deadline. A case that was postponed on this very agenda comes back to its
    place. Refused for a case that stands on an agenda already, and as stale.
    """
    meeting = access.access_meeting_for(by, meeting_id, "build_agenda")
    referral = access_referral_for_agenda(by, referral_id)
    if referral.board_id != meeting.board_id:
        raise RuleBroken(_("This case was referred to another board."), field="referral")
    being_built(meeting)
    _current(referral, version)
    events: list[Event] = []
    if referral.status == Status.SUBMITTED:
        events.append(states.move(referral, Status.ACCEPTED))
    late = referral.submitted_at is not None and referral.submitted_at > deadline(meeting)
    if late != referral.late:
        referral.late = late
        referral.save(update_fields=["late"])
    events.append(states.move(referral, Status.SCHEDULED))
    length = _minutes(meeting.board.minutes_per_item if minutes is None else minutes)
    before = AgendaItem.objects.filter(meeting=meeting, referral=referral).first()
    if before is None:
        events.append(
            append_item(meeting, referral.hospital_id, minutes=length, referral=referral, late=late, item_id=item_id)
        )
    else:
        events.append(_back(before, length, late))
    return tuple(events)


def _back(item: AgendaItem, minutes: int, late: bool) -> ItemAdded:
    item.state, item.postponed_reason, item.postponed_note, item.postponed_to = State.SCHEDULED, "", "", None
    item.minutes, item.late = minutes, late
    item.version += 1
    item.save()
    return ItemAdded(meeting_id=item.meeting_id, item_id=item.pk, position=item.position, late=late)


@action("agenda.remove", row="build_agenda")
def unschedule(*, by: Actor, meeting_id: UUID, item_id: UUID, version: int, command_id: UUID) -> tuple[Event, ...]:
    """Take an item off the agenda before the meeting. Effects: its case waits for a sitting again, a topic is gone, those after
    it move up. Refused for what no longer waits, once the meeting runs, and as stale."""
    item = access.access_item_for(by, meeting_id, item_id, "build_agenda")
    meeting = item.meeting
    being_built(meeting)
    _item_current(item, version)
    if item.state not in (State.SCHEDULED, State.WITHDRAWN):
        raise RuleBroken(_("Only an item that still waits can be taken off."), field="item")
    events: list[Event] = [ItemRemoved(meeting_id=meeting.pk, item_id=item.pk)]
    events += hand_break_on(list(AgendaItem.objects.filter(meeting=meeting).order_by("position")), item)
    topic = item.topic
    referral = locked_referral(item)
    note(referral_id=str(item.referral_id or ""))
    item.delete()
    if topic is not None:
        topic.delete()
    if referral is not None and referral.status == Status.SCHEDULED:
        events.append(states.move(referral, Status.ACCEPTED))
    rest = list(AgendaItem.objects.filter(meeting=meeting).order_by("position"))
    return (*events, *reordered(meeting, rest))


@action("agenda.set_minutes", row="build_agenda")
def set_minutes(
    *, by: Actor, meeting_id: UUID, item_id: UUID, version: int, minutes: int, command_id: UUID
) -> tuple[Event, ...]:
    """Plan another length for an item that still waits; everything after it moves. Refused outside of 1 to 120 minutes."""
    item = access.access_item_for(by, meeting_id, item_id, "build_agenda")
    if item.meeting.state in (Meeting.State.CLOSED, Meeting.State.CANCELLED):
        raise RuleBroken(_("The meeting is over."))
    _item_current(item, version)
    if item.state != State.SCHEDULED:
        raise RuleBroken(_("Only an item that still waits can get another length."), field="item")
    item.minutes = _minutes(minutes)
    item.version += 1
    item.save(update_fields=["minutes", "version"])
    return (ItemChanged(meeting_id=meeting_id, item_id=item.pk, version=item.version),)


def locked_referral(item: AgendaItem) -> Referral | None:
    """The referral behind an item, locked: its requester's side may be withdrawing it at this very moment."""
    if item.referral_id is None:
        return None
    return Referral.objects.select_for_update(of=("self",)).filter(pk=item.referral_id).first()


def _item_current(item: AgendaItem, version: int) -> None:
    if item.version != version:
        raise Stale(_("Somebody else changed this item. Look again."), current=item.version)


@action("agenda.plan_topic", row="build_agenda")
def add_topic(
    *, by: Actor, meeting_id: UUID, item_id: UUID, title: str, text: str = "", minutes: int, command_id: UUID
) -> tuple[Event, ...]:
    """Put a topic that is about no patient at the end of an agenda that is being built. Refused without a title."""
    meeting = access.access_meeting_for(by, meeting_id, "build_agenda")
    being_built(meeting)
    title = " ".join(title.split())
    if not title:
        raise Invalid({"title": [_("Give the topic a title.")]})
    if len(title) > 300:
        raise Invalid({"title": [_("Keep the title within 300 characters.")]})
    if len(text) > 4000:
        raise Invalid({"text": [_("Keep the text within 4,000 characters.")]})
    topic = Topic(hospital_id=meeting.hospital_id, board_id=meeting.board_id, title=title, text=text.strip())
    topic.save(force_insert=True)
    return (append_item(meeting, meeting.hospital_id, minutes=_minutes(minutes), topic=topic, item_id=item_id),)


@action("agenda.publish", row="build_agenda")
def publish_meeting(*, by: Actor, meeting_id: UUID, version: int, command_id: UUID) -> tuple[Event, ...]:
    """Publish the agenda, or publish it again. Effects: one mail with an invitation for each member, each requester of a case on
    the agenda and each guest of an item (who learns of nobody); published again, the invitation has a higher sequence, and who
    is no longer invited gets a cancellation. Refused once the meeting runs or is over, and as stale."""
    meeting = access.access_meeting_for(by, meeting_id, "build_agenda")
    being_built(meeting)
    if meeting.version != version:
        raise Stale(_("Somebody else changed this sitting. Look again."), current=meeting.version)
    if meeting.state == Meeting.State.PUBLISHED:
        meeting.calendar_sequence += 1
    meeting.state, meeting.published_at = Meeting.State.PUBLISHED, now()
    meeting.version += 1
    meeting.save(update_fields=["state", "published_at", "calendar_sequence", "version"])
    mailing.invite(meeting)
    return (
        MeetingPublished(meeting_id=meeting.pk, version=meeting.version, calendar_sequence=meeting.calendar_sequence),
    )


# --- by the house ------------------------------------------------------------------------------------------------------


def withdrawn_items() -> list[UUID]:
    """The meetings (not over) on whose agenda a case waits that its requester's side withdrew. For the sweep."""
    live = (Meeting.State.PLANNED, Meeting.State.PUBLISHED, Meeting.State.RUNNING)
    found = AgendaItem.objects.filter(state=State.SCHEDULED, referral__status=Status.WITHDRAWN, meeting__state__in=live)
    return list(found.values_list("meeting", flat=True).distinct().order_by("meeting"))


@action("agenda.withdraw_items", row="system")
def withdraw_items(*, by: Actor, meeting_id: UUID) -> tuple[Event, ...]:
    """Strike from an agenda what was withdrawn from the board: ``cases`` knows no meetings, so the house follows. Effects: the
    items are withdrawn and no longer count in the forecast."""
    directory.require_system(by)
    meeting = Meeting.objects.select_for_update(of=("self",)).get(pk=meeting_id)
    granted("system", hospital_id=meeting.hospital_id)
    events = []
    for item in AgendaItem.objects.filter(meeting=meeting, state=State.SCHEDULED, referral__status=Status.WITHDRAWN):
        item.state = State.WITHDRAWN
        item.version += 1
        item.save(update_fields=["state", "version"])
        events.append(ItemWithdrawn(meeting_id=meeting.pk, item_id=item.pk, version=item.version))
    return tuple(events)
