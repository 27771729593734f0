"""The recommendation: one pen at a time, saved as it is typed with a version, then recorded."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from cases.dossiers.board_kinds import BoardKind, board_kind
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, RuleBroken, Stale
from mdo.kernel.events import Event
from meetings import access, attendance
from meetings.events import DecisionRecorded, DraftSaved, PenReleased, PenTaken
from meetings.models import AgendaItem, Decision, Lease, Meeting

PEN_RESTS = timedelta(seconds=90)  # a pen that was not used for so long may be taken by anybody who may write
MOST_STEPS = 30


def _on_the_table(item: AgendaItem) -> Decision:
    """The decision that is being written, if the item is open in a running meeting."""
    if item.meeting.state != Meeting.State.RUNNING or item.state != AgendaItem.State.OPEN:
        raise RuleBroken(_("This item is not on the table."), field="item")
    current = (Decision.State.DRAFT, Decision.State.RECORDED)
    decision = Decision.objects.filter(item=item, state__in=current).first()
    if decision is None:
        raise RuleBroken(_("The recommendation of this item was signed."), field="item")
    return decision


@action("draft.take_pen", row="draft")
def take_pen(*, by: Actor, meeting_id: UUID, item_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Take the pen of the open item. Free when nobody holds it, its holder left the room or let it rest; the chair's side may
    always take it. Refused otherwise, with the holder's name."""
    item = access.access_item_for(by, meeting_id, item_id, "draft")
    _on_the_table(item)
    if item.pen_holder_id == by.actor_id:
        return ()
    if item.pen_holder_id is not None and not _free(by, item):
        raise RuleBroken(_("%(name)s is writing.") % {"name": item.pen_holder.display_name}, field="item")  # type: ignore[union-attr]
    item.pen_holder_id, item.pen_taken_at = by.actor_id, now()
    item.save(update_fields=["pen_holder", "pen_taken_at"])
    return (PenTaken(meeting_id=meeting_id, item_id=item.pk, person_id=by.actor_id),)


def _free(by: Actor, item: AgendaItem) -> bool:
    if item.pen_taken_at is None or item.pen_taken_at < now() - PEN_RESTS:
        return True
    if access.chair_at(by, item.meeting).permits("run"):
        return True
    return not Lease.objects.filter(meeting=item.meeting, person=item.pen_holder_id, ended_at=None).exists()


@action("draft.release_pen", row="draft")
def release_pen(*, by: Actor, meeting_id: UUID, item_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Lay the pen down. Nothing happens when one does not hold it."""
    item = access.access_item_for(by, meeting_id, item_id, "draft")
    if item.pen_holder_id != by.actor_id:
        return ()
    item.pen_holder, item.pen_taken_at = None, None
    item.save(update_fields=["pen_holder", "pen_taken_at"])
    return (PenReleased(meeting_id=meeting_id, item_id=item.pk),)


@action("draft.save", row="draft")
def save_draft(
    *,
    by: Actor,
    meeting_id: UUID,
    item_id: UUID,
    version: int,
    text: str,
    intent: str | None = "",
    steps: list[dict[str, str]],
    deviation: str = "",
    command_id: UUID,
) -> tuple[Event, ...]:
    """Save what the pen wrote, on top of ``version``. Refused without the pen, and as stale on another version.

    A recorded recommendation that is still on the table becomes a draft again; only somebody who may record may do that.
    """
    item = access.access_item_for(by, meeting_id, item_id, "draft")
    decision = _on_the_table(item)
    if item.pen_holder_id != by.actor_id:
        raise RuleBroken(_("Take the pen first."), field="item")
    if decision.draft_version != version:
        raise Stale(_("Somebody else wrote in between."), current=decision.draft_version)
    if decision.state == Decision.State.RECORDED and not access.chair_at(by, item.meeting).permits_item("record", item):
        raise RuleBroken(_("The recommendation was recorded."), field="item")
    content = checked(
        board_kind(item.meeting.board.kind), text=text, intent=intent or "", steps=steps, deviation=deviation
    )
    decision.text, decision.intent = content["text"], content["intent"]
    decision.steps, decision.deviation = content["steps"], content["deviation"]
    decision.draft_version += 1
    decision.edited_by_id = by.actor_id
    decision.state = Decision.State.DRAFT
    decision.recorded_at, decision.recorded_by = None, None
    decision.save()
    item.pen_taken_at = now()
    item.save(update_fields=["pen_taken_at"])
    return (DraftSaved(meeting_id=meeting_id, item_id=item.pk, version=decision.draft_version),)


def checked(kind: BoardKind, *, text: str, intent: str, steps: list[dict[str, str]], deviation: str) -> dict[str, Any]:
    """The content of a recommendation, held against the board kind's lists. Raises ``Invalid`` with the field."""
    errors: dict[str, list[str]] = {}
    if len(text) > 20_000:
        errors["text"] = [_("Keep the text within 20,000 characters.")]
    if intent and intent not in {option.code for option in kind.intents}:
        errors["intent"] = [_("Choose an intent from the list.")]
    known = {option.code for option in kind.steps}
    if len(steps) > MOST_STEPS or any(step["kind"] not in known for step in steps):
        errors["steps"] = [_("Choose at most %(n)d steps from the list.") % {"n": MOST_STEPS}]
    elif any(len(step["text"]) > 1000 for step in steps):
        errors["steps"] = [_("Keep each step within 1,000 characters.")]
    if len(deviation) > 1000:
        errors["deviation"] = [_("Keep the reason within 1,000 characters.")]
    if errors:
        raise Invalid(errors)
    clean = [{"kind": step["kind"], "text": step["text"]} for step in steps]
    return {"text": text, "intent": intent, "steps": clean, "deviation": deviation}


@action("decision.record", row="record")
def record_decision(*, by: Actor, meeting_id: UUID, item_id: UUID, version: int, command_id: UUID) -> tuple[Event, ...]:
    """State the recommendation as it stands at ``version``. Effects: the wording, attendance and quorums are frozen; the pen is
    laid down; what remains is the coordinator's signature. Refused without a step or a text, and as stale."""
    item = access.access_item_for(by, meeting_id, item_id, "record")
    decision = _on_the_table(item)
    if decision.draft_version != version:
        raise Stale(_("The text changed in between. Read it again."), current=decision.draft_version)
    if not decision.steps and not decision.text.strip():
        raise RuleBroken(_("Write the recommendation first."), field="text")
    decision.attendance, decision.quorum = attendance.frozen(item)
    decision.state, decision.recorded_at, decision.recorded_by_id = Decision.State.RECORDED, now(), by.actor_id
    decision.save()
    events: list[Event] = [
        DecisionRecorded(meeting_id=meeting_id, item_id=item.pk, decision_id=decision.pk, version=decision.version)
    ]
    if item.pen_holder_id is not None:
        item.pen_holder, item.pen_taken_at = None, None
        item.save(update_fields=["pen_holder", "pen_taken_at"])
        events.append(PenReleased(meeting_id=meeting_id, item_id=item.pk))
    return tuple(events)
