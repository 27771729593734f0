"""The order of an agenda that is being built: what each item asks for, a whole proposed order at once, and the way back.

The meeting's row is locked first; the items are then safe to read and write without locks of their own.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from mdo.directory.disciplines import DISCIPLINES
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.errors import Invalid, RuleBroken, Stale
from mdo.kernel.events import Event
from meetings import access, wishes
from meetings.actions import table
from meetings.actions.agenda_building import being_built
from meetings.events import ItemChanged
from meetings.models import AgendaItem, Meeting

LONGEST_BREAK = 60  # minutes
AROUND = timedelta(hours=12)  # how far from the meeting a moment may lie that somebody names for it


def window(start: datetime | None, until: datetime | None, meeting: Meeting, fields: tuple[str, str]) -> None:
    """Refuse, at one of the two ``fields``, a time from when until when somebody can be there that makes no sense."""
    for moment, field in ((start, fields[0]), (until, fields[1])):
        if moment is not None and not meeting.starts_at - AROUND <= moment <= meeting.ends_at + AROUND:
            raise Invalid({field: [_("Give a time on the day of the meeting.")]})
    if start is not None and until is not None and until <= start:
        raise Invalid({fields[1]: [_("Give a time after the first one.")]})


def _waiting(by: Actor, meeting_id: UUID, item_id: UUID, version: int) -> AgendaItem:
    item = access.access_item_for(by, meeting_id, item_id, "build_agenda")
    being_built(item.meeting)
    table.current(item, version)
    if item.state != AgendaItem.State.SCHEDULED:
        raise RuleBroken(_("This item does not wait any more."), field="item")
    return item


@action("agenda.set_wishes", row="build_agenda")
def set_wishes(
    *,
    by: Actor,
    meeting_id: UUID,
    item_id: UUID,
    version: int,
    needs: Sequence[str] | None,
    heavy: bool,
    guest_from: datetime | None,
    guest_until: datetime | None,
    command_id: UUID,
) -> tuple[Event, ...]:
    """Say what an item asks for in a proposed order: disciplines that must be there (``needs``; None: what the dossier says),
    whether it is heavy, and when its guest can come. Refused for what no longer waits, once the meeting runs, and as stale."""
    item = _waiting(by, meeting_id, item_id, version)
    if needs is not None and not set(needs) <= set(DISCIPLINES):
        raise Invalid({"needs": [_("Choose disciplines from the list.")]})
    window(guest_from, guest_until, item.meeting, ("guest_from", "guest_until"))
    item.needs = None if needs is None else sorted(set(needs))
    item.heavy, item.guest_from, item.guest_until = heavy, guest_from, guest_until
    table.save(item, "needs", "heavy", "guest_from", "guest_until")
    return (ItemChanged(meeting_id=meeting_id, item_id=item.pk, version=item.version),)


@action("agenda.lock_item", row="build_agenda")
def lock_item(
    *, by: Actor, meeting_id: UUID, item_id: UUID, version: int, locked: bool, command_id: UUID
) -> tuple[Event, ...]:
    """Keep an item at its place in every proposed order, or let it move again; by hand it moves all the same. Refused for what no
    longer waits, once the meeting runs, and as stale."""
    item = _waiting(by, meeting_id, item_id, version)
    if item.locked == locked:
        return ()
    item.locked = locked
    table.save(item, "locked")
    return (ItemChanged(meeting_id=meeting_id, item_id=item.pk, version=item.version),)


@action("agenda.take_order", row="build_agenda")
def take_order(
    *,
    by: Actor,
    meeting_id: UUID,
    order: Sequence[tuple[UUID, int]],
    breaks: Sequence[tuple[UUID, int]] = (),
    command_id: UUID,
) -> tuple[Event, ...]:
    """Give everything that waits in order (``wishes.waits_in_order``) a new order at once. ``order``: each of them with the version
    that was read; ``breaks``: the items after which a break is planned, each with its minutes.

    Effects: the items stand so, with these breaks and no others; the order before is kept until something else changes, for ``restore_order``. What is parked,
    covered by a protocol or done keeps its place. Refused as stale when an item was added, taken off, moved or changed since it was
    read, and once the meeting runs.
    """
    meeting = access.access_meeting_for(by, meeting_id, "build_agenda")
    being_built(meeting)
    items = table.all_items(meeting)
    waiting = {item.pk: item for item in items if wishes.waits_in_order(item)}
    if len(order) != len(waiting) or dict(order) != {item.pk: item.version for item in waiting.values()}:
        raise Stale(_("The agenda changed in between. Look at the order again."), current=meeting.version)
    rests = _rests(breaks, waiting)
    earlier = {"items": [str(item_id) for item_id in waiting], "breaks": _kept(items)}
    events = _stand(meeting, _put(items, waiting, [item_id for item_id, _version in order]), rests)
    if events:
        after = {key: item.version for key, item in ((str(pk), item) for pk, item in waiting.items())}
        meeting.earlier_order = {**earlier, "after": after}
        table.save_meeting(meeting, "earlier_order")
    return events


def _rests(breaks: Sequence[tuple[UUID, int]], waiting: dict[UUID, AgendaItem]) -> dict[UUID, int]:
    found = dict(breaks)
    if not found.keys() <= waiting.keys() or len(found) != len(breaks):
        raise Invalid({"breaks": [_("A break is planned after an item that waits.")]})
    if any(not 1 <= minutes <= LONGEST_BREAK for minutes in found.values()):
        raise Invalid({"breaks": [_("Give between 1 and 60 minutes.")]})
    return found


def _kept(items: Sequence[AgendaItem]) -> dict[str, int]:
    return {str(item.pk): item.break_after for item in items if item.break_after}


def _stand(meeting: Meeting, ordered: Sequence[AgendaItem], rests: Mapping[UUID, int]) -> tuple[Event, ...]:
    """Write an order with these breaks and no others."""
    places = {place: rests[item.pk] for place, item in enumerate(ordered, start=1) if item.pk in rests}
    return table.reordered(meeting, ordered, places)


@action("agenda.plan_break", row="build_agenda")
def plan_break(
    *, by: Actor, meeting_id: UUID, item_id: UUID, version: int, minutes: int, command_id: UUID
) -> tuple[Event, ...]:
    """Plan a break of so many minutes after an item; 0: none. Effects: what comes behind it is expected later. Refused for what no longer
    waits or is covered by a protocol, once the meeting runs, and as stale."""
    item = _waiting(by, meeting_id, item_id, version)
    if item.protocol:
        raise RuleBroken(_("A protocol covers this case: it takes no turn."), field="item")
    if not 0 <= minutes <= LONGEST_BREAK:
        raise Invalid({"minutes": [_("Give between 1 and 60 minutes.")]})
    if item.break_after == minutes:
        return ()
    item.break_after = minutes
    table.save(item, "break_after")
    return (ItemChanged(meeting_id=meeting_id, item_id=item.pk, version=item.version),)


@action("agenda.restore_order", row="build_agenda")
def restore_order(*, by: Actor, meeting_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Take a proposed order back. Effects: the items stand as before it. Refused when the agenda changed since, and once the meeting
    runs."""
    meeting = access.access_meeting_for(by, meeting_id, "build_agenda")
    being_built(meeting)
    items = table.all_items(meeting)
    if not may_be_restored(meeting, items):
        raise RuleBroken(_("The agenda changed since: the order before cannot be brought back any more."))
    waiting = {item.pk: item for item in items if wishes.waits_in_order(item)}
    before = [UUID(each) for each in meeting.earlier_order["items"]]
    rests = {UUID(each): minutes for each, minutes in meeting.earlier_order.get("breaks", {}).items()}
    events = _stand(meeting, _put(items, waiting, before), rests)
    meeting.earlier_order = {}
    table.save_meeting(meeting, "earlier_order")
    return events


def may_be_restored(meeting: Meeting, items: Sequence[AgendaItem]) -> bool:
    """Whether the order before a proposed one is kept, and nothing that it holds changed since."""
    now_there = {str(item.pk): item.version for item in items if wishes.waits_in_order(item)}
    return bool(meeting.earlier_order) and meeting.earlier_order["after"] == now_there


def _put(items: Sequence[AgendaItem], waiting: dict[UUID, AgendaItem], order: Sequence[UUID]) -> list[AgendaItem]:
    """All items, those that wait in their new order on the places that they have together."""
    following = iter(order)
    return [waiting[next(following)] if item.pk in waiting else item for item in items]
