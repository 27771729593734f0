"""Taking back the last step at the table, within 30 seconds and while nothing was recorded.

A step keeps on the meeting's row what the items that it touched were before. Only the last one is kept: the next step at the
table, a recorded recommendation or half a minute ends it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.utils.translation import gettext as _

from cases import states
from cases.models import Referral
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.errors import RuleBroken
from mdo.kernel.events import Event
from meetings import access, agenda
from meetings.actions import table
from meetings.actions.slots import change_slots
from meetings.events import ItemRemoved, StepUndone
from meetings.models import AgendaItem, Decision, Meeting

_PLAIN = (
    "state",
    "position",
    "break_after",
    "open_intervals",
    "parked",
    "postponed_reason",
    "postponed_note",
    "postponed_to_id",
)
_MOMENTS = ("opened_at", "closed_at")


def before(meeting: Meeting, items: Iterable[AgendaItem | None]) -> dict[str, Any]:
    """What ``items`` and the meeting are now, to be handed to ``keep`` after the step. Ids, states and moments only."""
    return {
        "current": str(meeting.current_item_id) if meeting.current_item_id else None,
        "break_until": meeting.break_until.isoformat() if meeting.break_until else None,
        "breaks": list(meeting.breaks),
        "items": {str(item.pk): _remembered(item) for item in items if item is not None},
    }


def differs(earlier: dict[str, Any], item: AgendaItem) -> bool:
    """Whether the place of an item, or the break after it, is another one than ``before`` remembered."""
    was = earlier["items"][str(item.pk)]
    return bool((was["position"], was["break_after"]) != (item.position, item.break_after))


def _remembered(item: AgendaItem) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(item, name) for name in _PLAIN}
    found["postponed_to_id"] = str(item.postponed_to_id) if item.postponed_to_id else None
    for name in _MOMENTS:
        moment = getattr(item, name)
        found[name] = moment.isoformat() if moment else None
    found["referral"] = item.referral.status if item.referral is not None else None
    return found


def keep(
    meeting: Meeting,
    by: Actor,
    what: str,
    at: datetime,
    earlier: dict[str, Any],
    items: Iterable[AgendaItem | None],
    added: tuple[UUID, UUID] | None = None,
) -> None:
    """Keep the step ``what`` (the command's name) for taking it back, and save the meeting. ``added``: (meeting, item) that it
    put onto another agenda."""
    meeting.last_step = {
        **earlier,
        "what": what,
        "by": str(by.actor_id),
        "at": at.isoformat(),
        "until": (at + table.UNDO_WITHIN).isoformat(),
        "after": {str(item.pk): item.version for item in items if item is not None},
        "added": [str(each) for each in added] if added else None,
    }
    table.save_meeting(meeting, "last_step", "current_item", "break_until", "breaks")


def standing(meeting: Meeting, last_recorded: datetime | None) -> dict[str, Any]:
    """The last step, if nothing was recorded in it or since; ``last_recorded`` is the meeting's last recorded decision."""
    step: dict[str, Any] = meeting.last_step
    if not step or (last_recorded is not None and last_recorded >= datetime.fromisoformat(step["at"])):
        return {}
    return step


@action("agenda.undo", row="run")
def undo_step(*, by: Actor, meeting_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Take back the last step. Effects: its items, the table and a break stand again as before, the clocks run on as if it had not
    been; slots follow. Refused after 30 s, after something was recorded, and when an item was changed since."""
    meeting = access.access_meeting_for(by, meeting_id, "run")
    recorded = Decision.objects.filter(meeting=meeting).aggregate(last=Max("recorded_at"))["last"]
    step, at = standing(meeting, recorded), now()
    if meeting.state != Meeting.State.RUNNING or not step or datetime.fromisoformat(step["until"]) < at:
        raise RuleBroken(_("There is nothing to undo any more."))
    items = {str(item.pk): item for item in table.all_items(meeting)}
    touched = [items[key] for key in step["items"] if key in items]
    if len(touched) != len(step["items"]) or any(item.version != step["after"][str(item.pk)] for item in touched):
        raise RuleBroken(_("This was changed meanwhile and cannot be undone."))
    if any(table.is_withdrawn(item) for item in touched):
        raise RuleBroken(_("This was changed meanwhile and cannot be undone."))
    was_open = agenda.open_item(list(items.values()))
    events: list[Event] = []
    if step["added"]:
        events.append(_take_off(*(UUID(each) for each in step["added"])))
    # The one that lies on the table leaves it before another one takes its place: at most one is open.
    for item in sorted(touched, key=lambda each: step["items"][str(each.pk)]["state"] == AgendaItem.State.OPEN):
        events += _restore(item, step["items"][str(item.pk)])
    opened = next((item for item in touched if item.state == AgendaItem.State.OPEN), None)
    left = was_open if was_open is not None and was_open.state != AgendaItem.State.OPEN else None
    if opened is not was_open:
        change_slots(meeting, at, closing=left, opening=opened)
    meeting.current_item_id = UUID(step["current"]) if step["current"] else None
    meeting.break_until = datetime.fromisoformat(step["break_until"]) if step["break_until"] else None
    meeting.breaks, meeting.last_step = step["breaks"], {}
    table.save_meeting(meeting, "current_item", "break_until", "breaks", "last_step")
    return (
        *events,
        StepUndone(meeting_id=meeting.pk, what=step["what"], item_ids=[str(item.pk) for item in touched]),
    )


def _restore(item: AgendaItem, earlier: dict[str, Any]) -> list[Event]:
    if item.state == AgendaItem.State.OPEN:
        table.end_read_back(item)
    for name in _PLAIN:
        setattr(item, name, earlier[name])
    for name in _MOMENTS:
        setattr(item, name, datetime.fromisoformat(earlier[name]) if earlier[name] else None)
    table.save(item, *_PLAIN, *_MOMENTS, "read_back_at", "read_back_by")
    if item.referral is not None and item.referral.status != earlier["referral"]:
        return [states.take_back(item.referral, Referral.Status(earlier["referral"]))]
    return []


def _take_off(meeting_id: UUID, item_id: UUID) -> Event:
    """Take the item off the other sitting's agenda again, where it was put a moment ago."""
    Meeting.objects.select_for_update(of=("self",)).get(pk=meeting_id)
    item = AgendaItem.objects.filter(
        pk=item_id, meeting=meeting_id, version=1, state=AgendaItem.State.SCHEDULED
    ).first()
    if item is None:
        raise RuleBroken(_("This was changed meanwhile and cannot be undone."))
    item.delete()
    return ItemRemoved(meeting_id=meeting_id, item_id=item_id)
