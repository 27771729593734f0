"""What happens at the table: start, open, next, order, postpone, late cases, close.

Every action here takes the lock of the meeting's row first (``access_meeting_for``, ``access_item_for``); the items are then
safe to read and write without locks of their own.
"""

from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cases import states
from cases.access import visible_referrals
from cases.dossiers.board_kinds import board_kind
from cases.models import Referral
from mdo.kernel.acting import Actor, elevated
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.events import Event
from mdo.kernel.ids import derived_id
from meetings import access, agenda, call, missing
from meetings.actions import inviting, table, undoing
from meetings.actions.draft import record_decision, record_protocol
from meetings.actions.reporting import order_reports
from meetings.actions.slots import change_slots
from meetings.actions.walls import end_walls
from meetings.events import ItemAdded, MeetingClosed, MeetingStarted
from meetings.models import AgendaItem, Decision, Meeting, Topic
from meetings.waking import wake

State = AgendaItem.State


@action("meeting.start", row="run")
def start_meeting(*, by: Actor, meeting_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Open the meeting. Effects: it runs, from now on items can be opened; which cases are complete is kept for the figures. Refused when it runs already or is over."""
    meeting = access.access_meeting_for(by, meeting_id, "run")
    table.not_over(meeting)
    if meeting.state == Meeting.State.RUNNING:
        raise RuleBroken(_("The meeting is running already."))
    meeting.state, meeting.started_at = Meeting.State.RUNNING, now()
    table.save_meeting(meeting, "state", "started_at")
    missing.note_completeness(meeting)
    wake()
    return (MeetingStarted(meeting_id=meeting.pk, version=meeting.version),)


@action("agenda.open_item", row="run")
def open_item(*, by: Actor, meeting_id: UUID, item_id: UUID, version: int, command_id: UUID) -> tuple[Event, ...]:
    """Put an item on the table. Effects: the one that was open is closed (discussed when recorded, else put back), a draft is
    begun, the item's guest and the observers may see the case. Refused for an item that was discussed or withdrawn, and for a
    case that a protocol covers."""
    item = access.access_item_for(by, meeting_id, item_id, "run")
    meeting = item.meeting
    table.running(meeting)
    table.current(item, version)
    if item.state not in (State.SCHEDULED, State.POSTPONED):
        raise RuleBroken(_("Only an item that still waits can be opened."), field="item")
    if item.protocol:
        raise RuleBroken(_("A protocol covers this case. Take it from under the protocol to discuss it."), field="item")
    at = now()
    events: list[Event] = []
    items = table.all_items(meeting)
    open_now = agenda.open_item(items)
    earlier = undoing.before(meeting, [open_now, item])
    if open_now is not None:
        events += table.finish(open_now, at, put_back=True)
    if item.state == State.POSTPONED:
        if item.postponed_to_id is not None:
            raise RuleBroken(_("This case was moved to another meeting."), field="item")
        item.postponed_reason, item.postponed_note = "", ""
        item.save(update_fields=["postponed_reason", "postponed_note"])
        if item.referral is not None:
            events.append(states.move(item.referral, Referral.Status.SCHEDULED))
    events += table.open_up(item, meeting, at)
    change_slots(meeting, at, closing=open_now, opening=item)
    wake()  # whoever comes next is called in
    undoing.keep(meeting, by, "agenda.open_item", at, earlier, [open_now, item])
    return tuple(events)


@action("agenda.next", row="run")
def next_item(*, by: Actor, meeting_id: UUID, from_item: UUID | None, command_id: UUID) -> tuple[Event, ...]:
    """Close the open item and open the next one that waits. ``from_item`` is the item that the caller sees open (``None``: none).

    Effects: as for opening an item; a wording that stands read back is recorded first, where the board asks for no objection (then
    the caller has to be somebody who may record, and the step cannot be taken back); a break is over.
    Two chairs who press at once move one step: the second one's ``from_item`` is no longer the open one, which is refused as
    stale. Refused when the open case has no recommendation yet, or nothing waits.
    """
    meeting = access.access_meeting_for(by, meeting_id, "run")
    table.running(meeting)
    items = table.all_items(meeting)
    open_now = agenda.open_item(items)
    if (open_now.pk if open_now else None) != from_item:
        raise Stale(_("Somebody else went on already."), current=meeting.version, field="from_item")
    at = now()
    events: list[Event] = []
    if open_now is not None:
        _record_unopposed(by, open_now, command_id)
    earlier = undoing.before(meeting, items)
    if open_now is not None:
        events += table.finish(open_now, at, put_back=False)
    # A case that came out of reach (its agreement ended) is not there for anybody any more.
    following = agenda.next_item([item for item in items if item.referral_id is None or item.referral is not None])
    if following is not None:
        events += table.open_up(following, meeting, at)
    elif open_now is None:
        if any(item.protocol and item.state == State.SCHEDULED for item in items):
            raise RuleBroken(_("Only protocol cases wait. Record them, then close the meeting."))
        raise RuleBroken(_("Nothing waits any more. Close the meeting."))
    else:
        meeting.current_item = None
    change_slots(meeting, at, closing=open_now, opening=following)
    wake()  # whoever comes next is called in
    touched = [each for each in (open_now, following) if each is not None]
    earlier["items"] = {str(each.pk): earlier["items"][str(each.pk)] for each in touched}
    undoing.keep(meeting, by, "agenda.next", at, earlier, touched)
    return tuple(events)


def _record_unopposed(by: Actor, item: AgendaItem, command_id: UUID) -> None:
    """Record the wording that stands read back, where no objection is enough: *Next* closes it (EXPERIENCE, the room)."""
    board = item.meeting.board
    if item.read_back_at is None or board.read_back != board.ReadBack.NO_OBJECTION:
        return
    if not access.chair_at(by, item.meeting).permits_item("record", item):
        raise RuleBroken(_("The wording stands read back: somebody who may record has to go on."), field="item")
    decision = Decision.objects.get(item=item, state=Decision.State.DRAFT)
    record_decision(
        by=by,
        meeting_id=item.meeting_id,
        item_id=item.pk,
        version=decision.draft_version,
        seen=None,
        command_id=derived_id(command_id, by.actor_id, "record"),
    )
    item.refresh_from_db(fields=["version", "read_back_at", "read_back_by"])
    item.decided = Decision.State.RECORDED  # type: ignore[attr-defined]


@action("agenda.move_item", row="run")
def move_item(
    *, by: Actor, meeting_id: UUID, item_id: UUID, to: int, version: int, command_id: UUID
) -> tuple[Event, ...]:
    """Give an item that still waits another place (``to``, 1-based, counted over the whole agenda)."""
    item = access.access_item_for(by, meeting_id, item_id, "run")
    table.not_over(item.meeting)
    table.current(item, version)
    items = table.all_items(item.meeting)
    try:
        ordered = agenda.moved(items, item.pk, to)
    except agenda.CannotMove as error:
        raise RuleBroken(_("Only an item that still waits can be moved."), field="item") from error
    earlier = undoing.before(item.meeting, items)
    # A break is planned after so many cases: it stays there when another case comes before it.
    events = table.reordered(item.meeting, ordered, table.break_places(items))
    changed = [each for each in ordered if undoing.differs(earlier, each)]
    if changed and item.meeting.state == Meeting.State.RUNNING:
        earlier["items"] = {str(each.pk): earlier["items"][str(each.pk)] for each in changed}
        undoing.keep(item.meeting, by, "agenda.move_item", now(), earlier, changed)
    return events


@action("agenda.postpone", row="run")
def postpone_item(
    *,
    by: Actor,
    meeting_id: UUID,
    item_id: UUID,
    version: int,
    reason: str,
    note: str = "",
    to_meeting: UUID | None = None,
    command_id: UUID,
) -> tuple[Event, ...]:
    """Postpone an item that waits or is open, with a reason of the board kind's list, to a later sitting or to the waiting list.

    Effects: the item is postponed; its case comes onto the end of the other agenda, or back among the cases to schedule.
    """
    item = access.access_item_for(by, meeting_id, item_id, "run")
    meeting = item.meeting
    table.not_over(meeting)
    table.current(item, version)
    if item.state not in (State.SCHEDULED, State.OPEN):
        raise RuleBroken(_("Only an item that waits or is open can be postponed."), field="item")
    recorded = (Decision.State.RECORDED, Decision.State.SIGNED)
    if item.open_intervals and Decision.objects.filter(item=item, state__in=recorded).exists():
        raise RuleBroken(_("The recommendation was recorded already."), field="item")
    if reason not in {option.code for option in board_kind(meeting.board.kind).postponement_reasons}:
        raise Invalid({"reason": [_("Choose a reason from the list.")]})
    target = _later_sitting(meeting, to_meeting) if to_meeting is not None else None
    at = now()
    earlier = undoing.before(meeting, [item])
    if item.state == State.OPEN:
        table.leave(item, State.POSTPONED, at)
        change_slots(meeting, at, closing=item, opening=None)
        meeting.current_item = None
    events = table.put_off(item, reason, note.strip()[:500], target)
    if meeting.state == Meeting.State.RUNNING:
        added = [(event.meeting_id, event.item_id) for event in events if isinstance(event, ItemAdded)]
        undoing.keep(meeting, by, "agenda.postpone", at, earlier, [item], added=added[0] if added else None)
    return tuple(events)


def _later_sitting(meeting: Meeting, meeting_id: UUID) -> Meeting:
    target = Meeting.objects.select_for_update(of=("self",)).filter(pk=meeting_id, board=meeting.board_id).first()
    if target is None or target.pk == meeting.pk:
        raise Invalid({"to_meeting": [_("Choose a sitting of this board.")]})
    if target.state not in (Meeting.State.PLANNED, Meeting.State.PUBLISHED) or target.starts_at <= meeting.starts_at:
        raise Invalid({"to_meeting": [_("Choose a later sitting.")]})
    return target


def _minutes(minutes: int) -> int:
    if not 1 <= minutes <= 120:
        raise Invalid({"minutes": [_("Give between 1 and 120 minutes.")]})
    return minutes


@action("agenda.add_late", row="run")
def add_late_case(
    *, by: Actor, meeting_id: UUID, referral_id: UUID, minutes: int, command_id: UUID
) -> tuple[Event, ...]:
    """Bring a case onto the agenda of a meeting that was published or runs; it is marked as late."""
    meeting = access.access_meeting_for(by, meeting_id, "run")
    table.not_over(meeting)
    found = visible_referrals(by).filter(pk=referral_id, board=meeting.board_id).values("pk")
    referral = Referral.objects.select_for_update(of=("self",)).filter(pk__in=found).first()
    if referral is None:
        raise NotFound()
    if AgendaItem.objects.filter(meeting=meeting, referral=referral).exists():
        raise RuleBroken(_("This case is on the agenda already."), field="referral")
    if referral.status not in (Referral.Status.SUBMITTED, Referral.Status.ACCEPTED, Referral.Status.POSTPONED):
        raise RuleBroken(_("This case cannot be put on the agenda now."), field="referral")
    events: list[Event] = []
    if referral.status == Referral.Status.SUBMITTED:
        events.append(states.move(referral, Referral.Status.ACCEPTED))
    referral.late = True
    referral.save(update_fields=["late"])
    events.append(states.move(referral, Referral.Status.SCHEDULED))
    added = table.append_item(meeting, referral.hospital_id, minutes=_minutes(minutes), referral=referral, late=True)
    return (*events, added)


@action("agenda.add_topic", row="run")
def add_late_topic(*, by: Actor, meeting_id: UUID, title: str, minutes: int, command_id: UUID) -> tuple[Event, ...]:
    """Bring a topic that is about no patient onto the agenda of a meeting that is not over."""
    meeting = access.access_meeting_for(by, meeting_id, "run")
    table.not_over(meeting)
    title = " ".join(title.split())
    if not title:
        raise Invalid({"title": [_("Give the topic a title.")]})
    if len(title) > 300:
        raise Invalid({"title": [_("Keep the title within 300 characters.")]})
    topic = Topic(hospital_id=meeting.hospital_id, board_id=meeting.board_id, title=title)
    topic.save(force_insert=True)
    late = meeting.state == Meeting.State.RUNNING
    return (table.append_item(meeting, meeting.hospital_id, minutes=_minutes(minutes), topic=topic, late=late),)


RECORD = "record"
NOT_REACHED = "out_of_time"


@action("meeting.close", row="run")
def close_meeting(*, by: Actor, meeting_id: UUID, covered: str = "", command_id: UUID) -> tuple[Event, ...]:
    """End the meeting. ``covered``: what becomes of the cases under a protocol that wait, which nobody was to discuss: ``record`` (by
    their protocol, as ``draft.record_protocol``; whoever may not record may not say so) or a reason to postpone them, any but lack of time.

    Effects: the open item is closed, what was not reached is postponed for lack of time, guests by link are outside, screens on walls
    dark, the reports and minutes are ordered. Refused while the open case has no recommendation, and while cases wait under a protocol
    and nobody said what becomes of them.
    """
    meeting = access.access_meeting_for(by, meeting_id, "run")
    table.running(meeting)
    at = now()
    events: list[Event] = []
    reason = _settle_covered(by, meeting, covered, command_id)
    # As the house: what is left is put back for everybody, also a case that came out of the chair's reach meanwhile.
    with elevated("meeting.close"):
        for item in table.all_items(meeting):
            if item.state == State.OPEN:
                events += table.finish(item, at, put_back=False)
                change_slots(meeting, at, closing=item, opening=None)
            elif item.state == State.SCHEDULED:
                events += table.put_off(item, reason if item.protocol else NOT_REACHED, "", None)
        inviting.end_all(meeting, at)
        end_walls(meeting)
        call.last_words(meeting, at)
    events += table.end_break(meeting, at)
    meeting.state, meeting.closed_at, meeting.current_item = Meeting.State.CLOSED, at, None
    meeting.presenter, meeting.last_step = None, {}
    table.save_meeting(meeting, "state", "closed_at", "current_item", "break_until", "breaks", "presenter", "last_step")
    order_reports(meeting)
    return (*events, MeetingClosed(meeting_id=meeting.pk, version=meeting.version))


def _settle_covered(by: Actor, meeting: Meeting, covered: str, command_id: UUID) -> str:
    """Record the cases under a protocol that wait, or answer the reason for which they are postponed: somebody has to say which."""
    waiting = [
        item
        for item in table.all_items(meeting)
        if item.protocol
        and item.state == State.SCHEDULED
        and item.referral is not None
        and not table.is_withdrawn(item)
    ]
    reasons = [option.code for option in board_kind(meeting.board.kind).postponement_reasons]
    if not waiting:
        return reasons[-1]  # for one that is out of everybody's reach here: the last of the list is any other reason
    if not covered:
        n = len(waiting)
        text = ngettext(
            "%(n)d case under a protocol waits: record it, or say why it is postponed.",
            "%(n)d cases under a protocol wait: record them, or say why they are postponed.",
            n,
        )
        raise RuleBroken(text % {"n": n}, field="covered")
    if covered == RECORD:
        record_protocol(
            by=by,
            meeting_id=meeting.pk,
            items=[item.pk for item in waiting],
            command_id=derived_id(command_id, by.actor_id, "covered"),
        )
        return reasons[-1]
    if covered not in reasons or covered == NOT_REACHED:
        raise Invalid({"covered": [_("Choose a reason from the list.")]})
    return covered
