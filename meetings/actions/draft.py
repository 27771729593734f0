"""The recommendation: steps and intent saved with a version, the wording typed together (``meetings/texts.py``), then recorded."""

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from cases import states
from cases.dossiers.board_kinds import BoardKind, board_kind
from cases.models import Referral
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, RuleBroken, Stale
from mdo.kernel.events import Event
from meetings import access, attendance, chain, readback, texts
from meetings import agreed as agreements
from meetings.actions import table
from meetings.events import DecisionRecorded, DecisionReopened, DraftSaved, ItemClosed
from meetings.models import AgendaItem, Decision, Meeting

MOST_STEPS = 30


def on_the_table(item: AgendaItem) -> Decision:
    """The decision that is being written, if the item is open in a running meeting."""
    if item.meeting.state != Meeting.State.RUNNING or item.state != AgendaItem.State.OPEN:
        raise RuleBroken(_("This item is not on the table."), field="item")
    current = (Decision.State.DRAFT, Decision.State.RECORDED)
    decision = Decision.objects.filter(item=item, state__in=current).first()
    if decision is None:
        raise RuleBroken(_("The recommendation of this item was signed."), field="item")
    return decision


@action("draft.save", row="draft")
def save_draft(
    *,
    by: Actor,
    meeting_id: UUID,
    item_id: UUID,
    version: int,
    intent: str | None = "",
    steps: list[dict[str, str]],
    deviation: str = "",
    agreed: dict[str, Any] | None = None,
    command_id: UUID,
) -> tuple[Event, ...]:
    """Save the structured part of the recommendation, on top of ``version``. ``agreed``: as ``meetings/agreed.py`` has it; ``None``
    leaves it as it is. Refused as stale on another version, while the wording
    is read back, and once it is recorded."""
    item = access.access_item_for(by, meeting_id, item_id, "draft")
    decision = on_the_table(item)
    if decision.state == Decision.State.RECORDED:
        raise RuleBroken(_("The recommendation was recorded."), field="item")
    if item.read_back_at is not None:
        raise RuleBroken(_("The wording is being read back."), field="item")
    if decision.draft_version != version:
        raise Stale(_("Somebody else wrote in between."), current=decision.draft_version)
    kind = board_kind(item.meeting.board.kind)
    content = checked(kind, text="", intent=intent or "", steps=steps, deviation=deviation)
    if agreed is not None:
        decision.agreed = agreements.checked(kind, agreed, agreements.owners(item) if agreed.get("actions") else {})
    decision.intent, decision.steps, decision.deviation = content["intent"], content["steps"], content["deviation"]
    decision.draft_version += 1
    decision.edited_by_id = by.actor_id
    decision.save(update_fields=["intent", "steps", "deviation", "agreed", "draft_version", "edited_by"])
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
def record_decision(
    *, by: Actor, meeting_id: UUID, item_id: UUID, version: int, seen: int | None, command_id: UUID
) -> tuple[Event, ...]:
    """State the recommendation as it stands at ``version`` (steps) and ``seen`` (number of the wording's last update that the caller
    has seen; ``None``: it stood read back).

    Effects: wording, discussion, voices, attendance and quorums are frozen, what remains is the coordinator's signature; nothing
    that was done before can be taken back. Refused without a step or a text, with a deviation that has no reason or an action without
    owner or date, as stale, and while the board's read-back asks for more.
    """
    item = access.access_item_for(by, meeting_id, item_id, "record")
    decision = on_the_table(item)
    if decision.state == Decision.State.RECORDED:
        raise RuleBroken(_("The recommendation was recorded already."), field="item")
    if decision.draft_version != version:
        raise Stale(_("The text changed in between. Read it again."), current=decision.draft_version)
    voices = readback.required(item)
    _freeze(item, decision, seen)
    if not decision.steps and not decision.text.strip():
        raise RuleBroken(_("Write the recommendation first."), field="text")
    decision.agreed = agreements.complete(board_kind(item.meeting.board.kind), decision.agreed, decision.deviation)
    decision.content_version = chain.CURRENT
    decision.voices = voices
    decision.attendance, decision.quorum = attendance.frozen(item)
    decision.state, decision.recorded_at, decision.recorded_by_id = Decision.State.RECORDED, now(), by.actor_id
    decision.save()
    if item.read_back_at is not None:
        item.read_back_at, item.read_back_by = None, None
        table.save(item, "read_back_at", "read_back_by")
    return (
        DecisionRecorded(meeting_id=meeting_id, item_id=item.pk, decision_id=decision.pk, version=decision.version),
    )


def _freeze(item: AgendaItem, decision: Decision, seen: int | None) -> None:
    frozen = texts.freeze(item, texts.FIELDS, seen)
    if len(frozen) < len(texts.FIELDS):  # it was never on the table
        texts.begin(item, decision)
        frozen = texts.freeze(item, texts.FIELDS, seen)
    words = {field: text for field, (_n, text) in frozen.items()}
    decision.text, decision.discussion = words[texts.RECOMMENDATION], words[texts.DISCUSSION]
    decision.text_digest = texts.digest(words)


@action("decision.reopen", row="record")
def reopen_decision(*, by: Actor, meeting_id: UUID, item_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Write on what was recorded, while its item is still on the table. Effects: it is a draft again, its voices are asked anew."""
    item = access.access_item_for(by, meeting_id, item_id, "record")
    decision = on_the_table(item)
    if decision.state != Decision.State.RECORDED:
        raise RuleBroken(_("Nothing was recorded yet."), field="item")
    decision.state, decision.recorded_at, decision.recorded_by = Decision.State.DRAFT, None, None
    decision.voices, decision.text_digest = [], ""
    decision.save(update_fields=["state", "recorded_at", "recorded_by", "voices", "text_digest"])
    texts.thaw(item, texts.FIELDS)
    return (DecisionReopened(meeting_id=meeting_id, item_id=item.pk, decision_id=decision.pk),)


@action("decision.record_protocol", row="record")
def record_protocol(*, by: Actor, meeting_id: UUID, items: list[UUID], command_id: UUID) -> tuple[Event, ...]:
    """Record cases that a protocol covers, in one gesture and without discussion (DOMAIN §3, §6: they give no billing line).

    Effects: each becomes discussed, with what was prepared as its recommendation, or the protocol's name where nothing was; nobody
    counts as having taken part. Refused as a whole when one of them does not wait any more or has no protocol.
    """
    if not items:
        raise Invalid({"items": [_("Choose what to record.")]})
    events: list[Event] = []
    meeting: Meeting | None = None
    at = now()
    for item_id in dict.fromkeys(items):
        item = access.access_item_for(by, meeting_id, item_id, "record", lock=meeting is None)
        meeting = item.meeting = meeting or item.meeting
        table.running(meeting)
        if item.state != AgendaItem.State.SCHEDULED or item.referral is None or table.is_withdrawn(item):
            raise RuleBroken(_("Only a case that still waits can be recorded by its protocol."), field="items")
        if not item.protocol:
            raise RuleBroken(_("Name the protocol of this case first."), field="items")
        decision = table.begin_decision(item, meeting)
        _freeze(item, decision, None)
        if not decision.steps and not decision.text.strip():
            named = f"{item.protocol} ({item.protocol_reference})" if item.protocol_reference else item.protocol
            decision.text = _("According to the protocol: %(protocol)s.") % {"protocol": named}
        decision.protocol, decision.content_version = item.protocol, chain.CURRENT
        decision.attendance, decision.quorum = attendance.nobody(meeting.board)
        decision.state, decision.recorded_at, decision.recorded_by_id = Decision.State.RECORDED, at, by.actor_id
        decision.save()
        item.state, item.closed_at, item.parked = AgendaItem.State.DISCUSSED, at, False
        table.save(item, "state", "closed_at", "parked")
        events += [
            DecisionRecorded(meeting_id=meeting_id, item_id=item.pk, decision_id=decision.pk, version=decision.version),
            states.move(item.referral, Referral.Status.DISCUSSED),
            ItemClosed(meeting_id=meeting_id, item_id=item.pk, state=item.state, version=item.version),
        ]
    return tuple(events)
