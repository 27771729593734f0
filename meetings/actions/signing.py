"""The coordinator's signature, and corrections: new versions that name what they replace."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from cases.dossiers.board_kinds import board_kind
from mdo.directory.models import Board, Person
from mdo.kernel.acting import Actor, elevated
from mdo.kernel.action import action, note
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.events import Event
from meetings import access, chain, seals
from meetings import agreed as agreements
from meetings.actions import following_up, registering
from meetings.actions.draft import checked
from meetings.actions.reporting import order_signed
from meetings.events import DecisionCorrected, DecisionSigned
from meetings.models import Decision, Meeting

State = Decision.State


@action("decision.sign", row="sign", proven=True)
def sign_decisions(
    *, by: Actor, meeting_id: UUID, decisions: Sequence[tuple[UUID, str]], command_id: UUID
) -> tuple[Event, ...]:
    """Sign decisions of one closed meeting. ``decisions`` names each with the digest of what was read (``chain.seen``).

    Effects: each gets the next number and the hash in its board's chain and can no longer change; a correction replaces the
    version before it; whether it is carried out is asked from its day on, and its actions wait for their owners; its registration and
    billing are proposed; the signed reports are made, and the signed minutes once nothing waits. What changed since it was read is
    left unsigned and stays in the list; when that is all of it, refused as stale. Refused while the meeting runs, and unless the
    coordinator showed lately that it is them.
    """
    meeting = access.access_meeting_for(by, meeting_id, "sign")
    asked = dict(decisions)
    if not asked:
        raise Invalid({"decisions": [_("Choose what to sign.")]})
    if meeting.state != Meeting.State.CLOSED:
        raise RuleBroken(_("Close the meeting first."))
    found = access.visible_decisions(by).filter(meeting=meeting, pk__in=asked).exclude(state=State.DRAFT).values("pk")
    rows = list(
        Decision.objects.select_for_update(of=("self",))
        .filter(pk__in=found)
        .select_related("replaces")
        .order_by("item__position", "version")
    )
    if len(rows) != len(asked):
        raise NotFound()
    ready = [row for row in rows if row.state == State.RECORDED and chain.seen(row) == asked[row.pk]]
    if not ready and all(row.state != State.RECORDED for row in rows):
        raise Stale(_("All of this is signed already."), current=rows[0].version, field="decisions")
    if not ready:
        raise Stale(_("This changed since you read it. Read it again."), current=rows[0].version, field="decisions")
    events = _sign(ready, by, meeting.board_id)
    note(
        board_id=str(meeting.board_id),
        decisions=[str(row.pk) for row in ready],
        left=len(rows) - len(ready),
        head=chain.head(ready[-1]),
    )
    seals.seal(ready, now())
    order_signed(meeting, ready)
    following_up.begin(meeting, ready)
    registering.propose(by, meeting, ready)
    return tuple(events)


def _sign(rows: Sequence[Decision], by: Actor, board_id: UUID) -> list[Event]:
    # One writer to each chain; not its key, so that the board's running room goes on writing beside it.
    Board.objects.select_for_update(of=("self",), no_key=True).get(pk=board_id)
    number, previous = _head(board_id)
    at = now()
    events: list[Event] = []
    for row in rows:
        number += 1
        row.state, row.signed_at, row.signed_by_id = State.SIGNED, at, by.actor_id
        row.number, row.previous_digest = number, previous
        row.digest = previous = chain.digest(row, previous)
        if row.replaces is not None:
            row.replaces.state = State.REPLACED
            row.replaces.save(update_fields=["state"])
        row.save(update_fields=["state", "signed_at", "signed_by", "number", "previous_digest", "digest"])
        events.append(DecisionSigned(meeting_id=row.meeting_id, item_id=row.item_id, decision_id=row.pk, number=number))
    return events


def _head(board_id: UUID) -> tuple[int, str]:
    """The last link of a board's chain. As the house: it may be a decision that the coordinator can no longer see."""
    with elevated("decision.chain"):
        last = Decision.objects.filter(board=board_id, number__isnull=False).order_by("-number")
        head = last.values_list("number", "digest").first()
    return (head[0] or 0, head[1]) if head else (0, chain.GENESIS)


@action("decision.correct", row="sign")
def correct_decision(
    *,
    by: Actor,
    decision_id: UUID,
    correction_id: UUID,
    version: int,
    text: str,
    intent: str = "",
    steps: list[dict[str, str]],
    deviation: str = "",
    agreed: dict[str, Any] | None = None,
    reason: str,
    command_id: UUID,
) -> tuple[Event, ...]:
    """Write the new version of a signed decision. ``version`` is the draft version that was read: 0 for a first correction, else
    that of the correction which waits already and is written over. ``agreed`` ``None``: as it was.

    Effects: a recorded decision that names what it replaces and why, with the attendance and quorum of the meeting; it counts
    once it is signed, until then the old one stands. Refused without a reason, without content, unless the decision is signed
    and in force, and as stale.
    """
    decision = access.access_decision_for(by, decision_id, "sign")
    reason = reason.strip()
    errors: dict[str, list[str]] = {}
    if not reason:
        errors["reason"] = [_("Say why the decision is corrected.")]
    elif len(reason) > 1000:
        errors["reason"] = [_("Keep the reason within 1,000 characters.")]
    if not text.strip() and not steps:
        errors["text"] = [_("Write the recommendation.")]
    if errors:
        raise Invalid(errors)
    kind = board_kind(decision.meeting.board.kind)
    content = checked(kind, text=text, intent=intent, steps=steps, deviation=deviation)
    if decision.state != State.SIGNED:
        raise RuleBroken(_("Only a signed decision that is in force can be corrected."))
    waiting = Decision.objects.select_for_update(of=("self",)).filter(replaces=decision).first()
    if (waiting.draft_version if waiting else 0) != version:
        raise Stale(_("Somebody else wrote in between."), current=waiting.draft_version if waiting else 0)
    if agreed is None:
        agreed = (waiting or decision).agreed
    elif agreed:
        people = agreements.owners(decision.item)
        agreed = agreements.checked(kind, agreed, {**people, **_owners_before(decision)})
    agreed = agreements.complete(kind, agreed, deviation)
    correction = waiting or Decision(
        id=correction_id,
        hospital_id=decision.hospital_id,
        board_id=decision.board_id,
        meeting_id=decision.meeting_id,
        item_id=decision.item_id,
        case_id=decision.case_id,
        version=decision.version + 1,
        replaces=decision,
        draft_version=0,
    )
    correction.text, correction.intent = content["text"], content["intent"]
    correction.steps, correction.deviation = content["steps"], content["deviation"]
    correction.agreed, correction.content_version = agreed, chain.CURRENT
    correction.attendance, correction.quorum = decision.attendance, decision.quorum
    correction.discussion, correction.voices, correction.protocol = (
        decision.discussion,
        decision.voices,
        decision.protocol,
    )
    correction.correction_reason = reason
    correction.state, correction.recorded_at, correction.recorded_by_id = State.RECORDED, now(), by.actor_id
    correction.edited_by_id = by.actor_id
    correction.draft_version += 1
    correction.save(force_insert=waiting is None)
    return (
        DecisionCorrected(
            meeting_id=decision.meeting_id,
            item_id=decision.item_id,
            decision_id=correction.pk,
            replaces_id=decision.pk,
        ),
    )


def _owners_before(decision: Decision) -> dict[UUID, Person]:
    """Who owned an action of the version before: they may keep it, also when they left the board since."""
    ids = [row["owner"] for row in agreements.action_rows(decision.agreed)]
    return {person.pk: person for person in Person.objects.filter(pk__in=ids)} if ids else {}
