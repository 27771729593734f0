"""What happens at the table: start, open, next, order, postpone, late cases, close.

Every action here takes the lock of the meeting's row first (``access_meeting_for``, ``access_item_for``); the items are then
safe to read and write without locks of their own.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from cases import states
from cases.access import visible_referrals
from cases.dossiers.board_kinds import board_kind
from cases.models import Referral
from mdo.kernel.acting import Actor, elevated
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.events import Event
from mdo.kernel.ids import new_id
from meetings import access, agenda
from meetings.actions.reporting import order_reports
from meetings.actions.slots import change_slots
from meetings.events import (
    ItemAdded,
    ItemClosed,
    ItemOpened,
    ItemPostponed,
    ItemsMoved,
    ItemWithdrawn,
    MeetingClosed,
    MeetingStarted,
    PenReleased,
)
from meetings.models import AgendaItem, Decision, Meeting, Topic

State = AgendaItem.State


# --- pieces ------------------------------------------------------------------------------------------------------------


def _running(meeting: Meeting) -> None:
    if meeting.state != Meeting.State.RUNNING:
        raise RuleBroken(_("The meeting is not running."))


def _not_over(meeting: Meeting) -> None:
    if meeting.state in (Meeting.State.CLOSED, Meeting.State.CANCELLED):
        raise RuleBroken(_("The meeting is over."))


def _current(item: AgendaItem, version: int) -> None:
    if item.version != version:
        raise Stale(_("Somebody else changed this item. Look again."), current=item.version)


def _items(meeting: Meeting) -> list[AgendaItem]:
    """All items in order, each knowing its locked meeting and, as ``decided``, the state of its decision."""
    items = list(_with_decision(AgendaItem.objects.filter(meeting=meeting)).order_by("position"))
    for item in items:
        item.meeting = meeting
    return items


def _with_decision(items: QuerySet[AgendaItem]) -> QuerySet[AgendaItem]:
    current = (Decision.State.DRAFT, Decision.State.RECORDED, Decision.State.SIGNED)
    decision = Decision.objects.filter(item=OuterRef("pk"), state__in=current)
    return items.select_related("referral").annotate(decided=Subquery(decision.values("state")[:1]))


def _is_decided(item: AgendaItem) -> bool:
    return item.decided not in (None, Decision.State.DRAFT)  # type: ignore[attr-defined]


def _save(item: AgendaItem, *fields: str) -> None:
    item.version += 1
    item.save(update_fields=[*fields, "version"])


def _save_meeting(meeting: Meeting, *fields: str) -> None:
    meeting.version += 1
    meeting.save(update_fields=[*fields, "version"])


_LEFT = ("state", "closed_at", "open_intervals", "pen_holder", "pen_taken_at")


def _leave(item: AgendaItem, state: State, at: datetime) -> list[Event]:
    """Take the open item off the table: the clock stops, the pen is laid down. The caller saves it and ends its slots."""
    item.state = state
    item.closed_at = at
    item.open_intervals = [*item.open_intervals[:-1], [item.open_intervals[-1][0], at.isoformat()]]
    events: list[Event] = []
    if item.pen_holder_id is not None:
        item.pen_holder, item.pen_taken_at = None, None
        events.append(PenReleased(meeting_id=item.meeting_id, item_id=item.pk))
    return events


def _is_withdrawn(item: AgendaItem) -> bool:
    """Whether the requester's side took the case back while it was on the agenda, or on the table."""
    return item.referral is not None and item.referral.status == Referral.Status.WITHDRAWN


def _finish(item: AgendaItem, at: datetime, *, put_back: bool) -> list[Event]:
    """Close the open item: discussed when its recommendation was recorded (a topic needs none), else put back or refused.

    A case that was withdrawn meanwhile, or came out of reach, needs no recommendation and holds nobody up.
    """
    decided, hidden = _is_decided(item), item.referral_id is not None and item.referral is None
    if not decided and _is_withdrawn(item):
        return [*_leave(item, State.WITHDRAWN, at), *_struck(item)]
    if not decided and item.referral_id is not None:
        if not (put_back or hidden):
            raise RuleBroken(_("Record the recommendation or postpone the case before you go on."), field="item")
        events = _leave(item, State.SCHEDULED, at)
    else:
        events = _leave(item, State.DISCUSSED, at)
    _save(item, *_LEFT)
    if decided and item.referral is not None and not _is_withdrawn(item):
        events.append(states.move(item.referral, Referral.Status.DISCUSSED))
    return [*events, ItemClosed(meeting_id=item.meeting_id, item_id=item.pk, state=item.state, version=item.version)]


def _struck(item: AgendaItem) -> list[Event]:
    item.state = State.WITHDRAWN
    _save(item, *_LEFT)
    return [ItemWithdrawn(meeting_id=item.meeting_id, item_id=item.pk, version=item.version)]


def _open(item: AgendaItem, meeting: Meeting, at: datetime) -> list[Event]:
    item.state, item.opened_at, item.closed_at = State.OPEN, at, None
    item.open_intervals = [*item.open_intervals, [at.isoformat(), None]]
    _save(item, "state", "opened_at", "closed_at", "open_intervals")
    meeting.current_item = item
    _save_meeting(meeting, "current_item")
    _begin_draft(item, meeting)
    return [ItemOpened(meeting_id=meeting.pk, item_id=item.pk, version=item.version)]


def _begin_draft(item: AgendaItem, meeting: Meeting) -> None:
    """Begin the decision of an item, unless it was begun the last time that the item was open."""
    Decision.objects.bulk_create(
        [
            Decision(
                id=new_id(),
                hospital_id=item.hospital_id,
                board_id=meeting.board_id,
                meeting=meeting,
                item=item,
                case_id=item.referral.case_id if item.referral else None,
            )
        ],
        ignore_conflicts=True,  # one current decision for each item
    )


# --- actions -----------------------------------------------------------------------------------------------------------


@action("meeting.start", row="run")
def start_meeting(*, by: Actor, meeting_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Open the meeting. Effects: it runs, from now on items can be opened. Refused when it runs already or is over."""
    meeting = access.access_meeting_for(by, meeting_id, "run")
    _not_over(meeting)
    if meeting.state == Meeting.State.RUNNING:
        raise RuleBroken(_("The meeting is running already."))
    meeting.state, meeting.started_at = Meeting.State.RUNNING, now()
    _save_meeting(meeting, "state", "started_at")
    return (MeetingStarted(meeting_id=meeting.pk, version=meeting.version),)


@action("agenda.open_item", row="run")
def open_item(*, by: Actor, meeting_id: UUID, item_id: UUID, version: int, command_id: UUID) -> tuple[Event, ...]:
    """Put an item on the table. Effects: the one that was open is closed (discussed when recorded, else put back), a draft is
    begun, the item's guest and the observers may see the case. Refused for an item that was discussed or withdrawn."""
    item = access.access_item_for(by, meeting_id, item_id, "run")
    meeting = item.meeting
    _running(meeting)
    _current(item, version)
    if item.state not in (State.SCHEDULED, State.POSTPONED):
        raise RuleBroken(_("Only an item that still waits can be opened."), field="item")
    at = now()
    events: list[Event] = []
    open_now = _with_decision(AgendaItem.objects.filter(meeting=meeting, state=State.OPEN)).first()
    if open_now is not None:
        open_now.meeting = meeting
        events += _finish(open_now, at, put_back=True)
    if item.state == State.POSTPONED:
        if item.postponed_to_id is not None:
            raise RuleBroken(_("This case was moved to another meeting."), field="item")
        item.postponed_reason, item.postponed_note = "", ""
        item.save(update_fields=["postponed_reason", "postponed_note"])
        if item.referral is not None:
            events.append(states.move(item.referral, Referral.Status.SCHEDULED))
    events += _open(item, meeting, at)
    change_slots(meeting, at, closing=open_now, opening=item)
    return tuple(events)


@action("agenda.next", row="run")
def next_item(*, by: Actor, meeting_id: UUID, from_item: UUID | None, command_id: UUID) -> tuple[Event, ...]:
    """Close the open item and open the next one that waits. ``from_item`` is the item that the caller sees open (``None``: none).

    Two chairs who press at once move one step: the second one's ``from_item`` is no longer the open one, which is refused as
    stale. Refused when the open case has no recommendation yet, or nothing waits.
    """
    meeting = access.access_meeting_for(by, meeting_id, "run")
    _running(meeting)
    items = _items(meeting)
    open_now = agenda.open_item(items)
    if (open_now.pk if open_now else None) != from_item:
        raise Stale(_("Somebody else went on already."), current=meeting.version, field="from_item")
    at = now()
    events: list[Event] = []
    if open_now is not None:
        events += _finish(open_now, at, put_back=False)
    # A case that came out of reach (its agreement ended) is not there for anybody any more.
    following = agenda.next_item([item for item in items if item.referral_id is None or item.referral is not None])
    if following is not None:
        events += _open(following, meeting, at)
    elif open_now is None:
        raise RuleBroken(_("Nothing waits any more. Close the meeting."))
    else:
        meeting.current_item = None
        _save_meeting(meeting, "current_item")
    change_slots(meeting, at, closing=open_now, opening=following)
    return tuple(events)


@action("agenda.move_item", row="run")
def move_item(
    *, by: Actor, meeting_id: UUID, item_id: UUID, to: int, version: int, command_id: UUID
) -> tuple[Event, ...]:
    """Give an item that still waits another place (``to``, 1-based, counted over the whole agenda)."""
    item = access.access_item_for(by, meeting_id, item_id, "run")
    _not_over(item.meeting)
    _current(item, version)
    items = _items(item.meeting)
    try:
        ordered = agenda.moved(items, item.pk, to)
    except agenda.CannotMove as error:
        raise RuleBroken(_("Only an item that still waits can be moved."), field="item") from error
    return reordered(item.meeting, ordered)


def reordered(meeting: Meeting, ordered: Sequence[AgendaItem]) -> tuple[Event, ...]:
    """Write the places of ``ordered`` (all items of the meeting) where they changed; the event names those."""
    changed = []
    for position, each in enumerate(ordered, start=1):
        if each.position != position:
            each.position = position
            each.version += 1
            changed.append(each)
    if not changed:
        return ()
    AgendaItem.objects.bulk_update(changed, ["position", "version"])
    return (ItemsMoved(meeting_id=meeting.pk, positions={str(each.pk): each.position for each in changed}),)


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
    _not_over(meeting)
    _current(item, version)
    if item.state not in (State.SCHEDULED, State.OPEN):
        raise RuleBroken(_("Only an item that waits or is open can be postponed."), field="item")
    recorded = (Decision.State.RECORDED, Decision.State.SIGNED)
    if item.open_intervals and Decision.objects.filter(item=item, state__in=recorded).exists():
        raise RuleBroken(_("The recommendation was recorded already."), field="item")
    if reason not in {option.code for option in board_kind(meeting.board.kind).postponement_reasons}:
        raise Invalid({"reason": [_("Choose a reason from the list.")]})
    target = _later_sitting(meeting, to_meeting) if to_meeting is not None else None
    at = now()
    events: list[Event] = []
    if item.state == State.OPEN:
        events += _leave(item, State.POSTPONED, at)
        change_slots(meeting, at, closing=item, opening=None)
        meeting.current_item = None
        _save_meeting(meeting, "current_item")
    return (*events, *_postpone(item, at, reason, note.strip()[:500], target))


def _later_sitting(meeting: Meeting, meeting_id: UUID) -> Meeting:
    target = Meeting.objects.select_for_update(of=("self",)).filter(pk=meeting_id, board=meeting.board_id).first()
    if target is None or target.pk == meeting.pk:
        raise Invalid({"to_meeting": [_("Choose a sitting of this board.")]})
    if target.state not in (Meeting.State.PLANNED, Meeting.State.PUBLISHED) or target.starts_at <= meeting.starts_at:
        raise Invalid({"to_meeting": [_("Choose a later sitting.")]})
    return target


def _postpone(item: AgendaItem, at: datetime, reason: str, note: str, target: Meeting | None) -> list[Event]:
    if _is_withdrawn(item):
        return _struck(item)
    item.state, item.postponed_reason, item.postponed_note, item.postponed_to = State.POSTPONED, reason, note, target
    _save(item, *_LEFT, "postponed_reason", "postponed_note", "postponed_to")
    events: list[Event] = [
        ItemPostponed(meeting_id=item.meeting_id, item_id=item.pk, reason=reason, version=item.version)
    ]
    if item.referral is not None:
        events.append(states.move(item.referral, Referral.Status.POSTPONED))
        if target is not None:
            events.append(states.move(item.referral, Referral.Status.SCHEDULED))
            events.append(append_item(target, item.hospital_id, minutes=item.minutes, referral=item.referral))
    return events


def append_item(
    meeting: Meeting,
    hospital_id: UUID,
    *,
    minutes: int,
    referral: Referral | None = None,
    topic: Topic | None = None,
    late: bool = False,
    item_id: UUID | None = None,
) -> ItemAdded:
    """Put a referral or a topic at the end of an agenda whose meeting is locked."""
    last = (
        AgendaItem.objects.filter(meeting=meeting).order_by("-position").values_list("position", flat=True).first() or 0
    )
    item = AgendaItem(
        id=item_id or new_id(),
        hospital_id=hospital_id,
        meeting=meeting,
        referral=referral,
        topic=topic,
        position=last + 1,
        minutes=minutes,
        late=late,
    )
    item.save(force_insert=True)
    return ItemAdded(meeting_id=meeting.pk, item_id=item.pk, position=item.position, late=late)


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
    _not_over(meeting)
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
    added = append_item(meeting, referral.hospital_id, minutes=_minutes(minutes), referral=referral, late=True)
    return (*events, added)


@action("agenda.add_topic", row="run")
def add_late_topic(*, by: Actor, meeting_id: UUID, title: str, minutes: int, command_id: UUID) -> tuple[Event, ...]:
    """Bring a topic that is about no patient onto the agenda of a meeting that is not over."""
    meeting = access.access_meeting_for(by, meeting_id, "run")
    _not_over(meeting)
    title = " ".join(title.split())
    if not title:
        raise Invalid({"title": [_("Give the topic a title.")]})
    if len(title) > 300:
        raise Invalid({"title": [_("Keep the title within 300 characters.")]})
    topic = Topic(hospital_id=meeting.hospital_id, board_id=meeting.board_id, title=title)
    topic.save(force_insert=True)
    late = meeting.state == Meeting.State.RUNNING
    return (append_item(meeting, meeting.hospital_id, minutes=_minutes(minutes), topic=topic, late=late),)


@action("meeting.close", row="run")
def close_meeting(*, by: Actor, meeting_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """End the meeting. Effects: the open item is closed, what was not reached is postponed for lack of time, the reports and
    minutes are ordered. Refused while the open case has no recommendation."""
    meeting = access.access_meeting_for(by, meeting_id, "run")
    _running(meeting)
    at = now()
    events: list[Event] = []
    # As the house: what is left is put back for everybody, also a case that came out of the chair's reach meanwhile.
    with elevated("meeting.close"):
        for item in _items(meeting):
            if item.state == State.OPEN:
                events += _finish(item, at, put_back=False)
                change_slots(meeting, at, closing=item, opening=None)
            elif item.state == State.SCHEDULED:
                events += _postpone(item, at, "out_of_time", "", None)
    meeting.state, meeting.closed_at, meeting.current_item = Meeting.State.CLOSED, at, None
    _save_meeting(meeting, "state", "closed_at", "current_item")
    order_reports(meeting)
    return (*events, MeetingClosed(meeting_id=meeting.pk, version=meeting.version))
