"""What lies on the table: the pieces of which the actions of a sitting are made.

Everything here is called inside an action that holds the lock of the meeting's row; the items are then safe to read and write
without locks of their own.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from cases import states
from cases.models import Referral
from mdo.kernel.errors import RuleBroken, Stale
from mdo.kernel.events import Event
from mdo.kernel.ids import new_id
from meetings import texts
from meetings.events import (
    BreakEnded,
    ItemAdded,
    ItemChanged,
    ItemClosed,
    ItemOpened,
    ItemPostponed,
    ItemsMoved,
    ItemWithdrawn,
)
from meetings.models import AgendaItem, Decision, Meeting, Topic

State = AgendaItem.State

UNDO_WITHIN = timedelta(seconds=30)


def running(meeting: Meeting) -> None:
    if meeting.state != Meeting.State.RUNNING:
        raise RuleBroken(_("The meeting is not running."))


def not_over(meeting: Meeting) -> None:
    if meeting.state in (Meeting.State.CLOSED, Meeting.State.CANCELLED):
        raise RuleBroken(_("The meeting is over."))


def current(item: AgendaItem, version: int) -> None:
    if item.version != version:
        raise Stale(_("Somebody else changed this item. Look again."), current=item.version)


def all_items(meeting: Meeting) -> list[AgendaItem]:
    """All items in order, each knowing its locked meeting and, as ``decided``, the state of its decision."""
    items = list(with_decision(AgendaItem.objects.filter(meeting=meeting)).order_by("position"))
    for item in items:
        item.meeting = meeting
    return items


def with_decision(items: QuerySet[AgendaItem]) -> QuerySet[AgendaItem]:
    current = (Decision.State.DRAFT, Decision.State.RECORDED, Decision.State.SIGNED)
    decision = Decision.objects.filter(item=OuterRef("pk"), state__in=current)
    return items.select_related("referral").annotate(decided=Subquery(decision.values("state")[:1]))


def is_decided(item: AgendaItem) -> bool:
    return item.decided not in (None, Decision.State.DRAFT)  # type: ignore[attr-defined]


def save(item: AgendaItem, *fields: str) -> None:
    item.version += 1
    item.save(update_fields=[*fields, "version"])


def save_meeting(meeting: Meeting, *fields: str) -> None:
    meeting.version += 1
    meeting.save(update_fields=[*fields, "version"])


LEFT = ("state", "closed_at", "open_intervals", "parked", "read_back_at", "read_back_by")


def leave(item: AgendaItem, state: State, at: datetime) -> None:
    """Take the open item off the table: the clock stops, a read-back ends. The caller saves it and ends its slots."""
    item.state = state
    item.closed_at = at
    item.open_intervals = [*item.open_intervals[:-1], [item.open_intervals[-1][0], at.isoformat()]]
    end_read_back(item)


def end_read_back(item: AgendaItem) -> None:
    """No wording stands on the screens any more. Where nothing was recorded, the text may be written on."""
    if item.read_back_at is not None:
        item.read_back_at, item.read_back_by = None, None
        texts.thaw(item, texts.FIELDS)


def is_withdrawn(item: AgendaItem) -> bool:
    """Whether the requester's side took the case back while it was on the agenda, or on the table."""
    return item.referral is not None and item.referral.status == Referral.Status.WITHDRAWN


def finish(item: AgendaItem, at: datetime, *, put_back: bool) -> list[Event]:
    """Close the open item: discussed when its recommendation was recorded (a topic needs none), else put back or refused.

    A case that was withdrawn meanwhile, or came out of reach, needs no recommendation and holds nobody up.
    """
    decided, hidden = is_decided(item), item.referral_id is not None and item.referral is None
    if not decided and is_withdrawn(item):
        leave(item, State.WITHDRAWN, at)
        return struck(item)
    if not decided and item.referral_id is not None:
        if not (put_back or hidden):
            raise RuleBroken(_("Record the recommendation or postpone the case before you go on."), field="item")
        leave(item, State.SCHEDULED, at)
    else:
        leave(item, State.DISCUSSED, at)
    events: list[Event] = []
    save(item, *LEFT)
    if decided and item.referral is not None and not is_withdrawn(item):
        events.append(states.move(item.referral, Referral.Status.DISCUSSED))
    return [*events, ItemClosed(meeting_id=item.meeting_id, item_id=item.pk, state=item.state, version=item.version)]


def struck(item: AgendaItem) -> list[Event]:
    item.state = State.WITHDRAWN
    save(item, *LEFT)
    return [ItemWithdrawn(meeting_id=item.meeting_id, item_id=item.pk, version=item.version)]


def open_up(item: AgendaItem, meeting: Meeting, at: datetime) -> list[Event]:
    """Put an item on the table: its clock runs, its decision is begun, a break is over. Its texts are begun
    by whoever comes to read them (``room/text_work.py``)."""
    events = end_break(meeting, at)
    item.state, item.opened_at, item.closed_at, item.parked = State.OPEN, at, None, False
    item.open_intervals = [*item.open_intervals, [at.isoformat(), None]]
    save(item, "state", "opened_at", "closed_at", "open_intervals", "parked")
    meeting.current_item = item
    begin_decision(item, meeting)
    return [*events, ItemOpened(meeting_id=meeting.pk, item_id=item.pk, version=item.version)]


def begin_decision(item: AgendaItem, meeting: Meeting) -> Decision:
    """The decision of an item that is being written: a new one, unless it was begun before."""
    if len(item.open_intervals) > (item.state == State.OPEN):  # it was on the table before
        states_open = (Decision.State.DRAFT, Decision.State.RECORDED)
        found = Decision.objects.filter(item=item, state__in=states_open).first()
        if found is not None:
            return found
    decision = Decision(
        id=new_id(),
        hospital_id=item.hospital_id,
        board_id=meeting.board_id,
        meeting=meeting,
        item=item,
        case_id=item.referral.case_id if item.referral else None,
    )
    decision.save(force_insert=True)
    return decision


def end_break(meeting: Meeting, at: datetime) -> list[Event]:
    """The meeting goes on, if it had a break. The caller saves the meeting."""
    if meeting.break_until is None:
        return []
    meeting.break_until = None
    meeting.breaks = [*meeting.breaks[:-1], [meeting.breaks[-1][0], at.isoformat()]]
    return [BreakEnded(meeting_id=meeting.pk)]


def put_off(item: AgendaItem, reason: str, note: str, target: Meeting | None) -> list[Event]:
    """Postpone an item, to another sitting or to the waiting list; one whose case was withdrawn is struck instead."""
    if is_withdrawn(item):
        return struck(item)
    item.state, item.postponed_reason, item.postponed_note, item.postponed_to = State.POSTPONED, reason, note, target
    save(item, *LEFT, "postponed_reason", "postponed_note", "postponed_to")
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


def break_places(items: Sequence[AgendaItem]) -> dict[int, int]:
    """After which place a break of how many minutes is planned, counted over the whole agenda from 1."""
    return {place: each.break_after for place, each in enumerate(items, start=1) if each.break_after}


def reordered(
    meeting: Meeting, ordered: Sequence[AgendaItem], breaks: Mapping[int, int] | None = None
) -> tuple[Event, ...]:
    """Write the places of ``ordered`` (all items of the meeting) where they changed, and the planned ``breaks`` (as ``break_places``;
    ``None``: each stays behind its item); the event names those that changed."""
    changed = []
    for position, each in enumerate(ordered, start=1):
        rest = each.break_after if breaks is None else breaks.get(position, 0)
        if each.position != position or each.break_after != rest:
            each.position, each.break_after = position, rest
            each.version += 1
            changed.append(each)
    if not changed:
        return ()
    AgendaItem.objects.bulk_update(changed, ["position", "break_after", "version"])
    return (ItemsMoved(meeting_id=meeting.pk, positions={str(each.pk): each.position for each in changed}),)


def hand_break_on(items: Sequence[AgendaItem], leaving: AgendaItem) -> list[Event]:
    """The break planned after an item that leaves the order is from now on after the one before it, if there is one that waits or is
    open. The caller saves the item that leaves."""
    rest, leaving.break_after = leaving.break_after, 0
    there = (State.SCHEDULED, State.OPEN)
    earlier = [each for each in items if each.position < leaving.position and each.state in there and not each.protocol]
    if not rest or not earlier or earlier[-1].break_after:
        return []
    earlier[-1].break_after = rest
    save(earlier[-1], "break_after")
    return [ItemChanged(meeting_id=leaving.meeting_id, item_id=earlier[-1].pk, version=earlier[-1].version)]
