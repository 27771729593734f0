"""Following up what was signed: rows begin with the signature, follow a correction, and are answered once somebody knows."""

from collections.abc import Iterable
from datetime import date, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from cases.actions.referrals import Request, create_referral
from cases.dossiers.board_kinds import board_kind
from mdo.directory.access import today
from mdo.kernel.acting import Actor, person_id
from mdo.kernel.action import action, note
from mdo.kernel.clock import now
from mdo.kernel.dates import local
from mdo.kernel.errors import Invalid, RuleBroken, Stale
from mdo.kernel.events import Event
from meetings import agreed, following_up, reminded
from meetings.events import ActionFinished, FollowUpAnswered
from meetings.models import Decision, DecisionAction, FollowUp, Meeting

Outcome = FollowUp.Outcome
WITH_REASON = (Outcome.PARTLY, Outcome.NOT)
RULE = "follow_up"  # the board's reminder says after how many days it is asked


def begin(meeting: Meeting, signed: Iterable[Decision]) -> None:
    """Ask for what was signed now: whether it was done (of a case), and its actions. A correction takes over what the version before
    it began: answers and finished actions stay. Inside the action that signs."""
    for decision in signed:
        if decision.case_id is not None:
            FollowUp.objects.update_or_create(
                item_id=decision.item_id,
                defaults={"decision": decision},
                create_defaults={
                    "decision": decision,
                    "hospital_id": decision.hospital_id,
                    "board_id": decision.board_id,
                    "case_id": decision.case_id,
                    "due_on": _due_on(meeting),
                },
            )
        _keep_actions(decision)


def _due_on(meeting: Meeting) -> date:
    manner = reminded.manner_of(meeting)
    rule = manner.rule(RULE)
    days = rule.days if rule is not None else 0
    return manner.hours.day(meeting.closed_at or meeting.ends_at) + timedelta(days=days)


def _keep_actions(decision: Decision) -> None:
    rows = agreed.action_rows(decision.agreed)
    if not rows and decision.replaces_id is None:
        return
    for row in rows:
        values = {
            "decision": decision,
            "text": row["text"],
            "owner_id": UUID(row["owner"]),
            "due_on": date.fromisoformat(row["due"]),
            "dropped": False,
        }
        DecisionAction.objects.update_or_create(
            item_id=decision.item_id,
            key=UUID(row["id"]),
            defaults=values,
            create_defaults={
                **values,
                "hospital_id": decision.hospital_id,
                "board_id": decision.board_id,
                "case_id": decision.case_id,
            },
        )
    gone = DecisionAction.objects.filter(item=decision.item_id, dropped=False)
    gone.exclude(key__in=[UUID(row["id"]) for row in rows]).update(dropped=True, decision=decision)


@action("followup.answer", row="follow_up")
def answer_follow_up(
    *,
    by: Actor,
    follow_up_id: UUID,
    version: int,
    outcome: str,
    reason: str = "",
    note_text: str = "",
    command_id: UUID,
) -> tuple[Event, ...]:
    """Say whether what was recommended for a case was done; may be said anew. ``reason``: a code of the board's kind, needed for
    *partly* and *not*, and only there. Effects: it is not asked any more. Refused: ``Invalid`` by field, ``Stale``."""
    row = following_up.access.access_follow_up_for(by, follow_up_id)
    note_text = note_text.strip()
    errors: dict[str, list[str]] = {}
    if outcome not in Outcome:
        errors["outcome"] = [_("Choose from the list.")]
    reasons = {option.code for option in board_kind(row.board.kind).follow_up_reasons}
    if outcome in WITH_REASON and reason not in reasons:
        errors["reason"] = [_("Choose a reason from the list.")]
    if outcome not in WITH_REASON and reason:
        errors["reason"] = [_("A reason belongs to what was not done, or partly.")]
    if len(note_text) > 1000:
        errors["note"] = [_("Keep it within 1,000 characters.")]
    if errors:
        raise Invalid(errors)
    if row.version != version:
        raise Stale(_("Somebody else answered in between."), current=row.version)
    if not row.outcome == outcome == Outcome.OTHER:  # a note added later would ask again for a discussion that was held
        row.answered_at = now()
    row.outcome, row.reason, row.note = outcome, reason, note_text
    row.answered_by_id = person_id(by)
    row.version += 1
    row.save(update_fields=["outcome", "reason", "note", "answered_at", "answered_by", "version"])
    note(follow_up_id=str(row.pk), decision_id=str(row.decision_id))
    return (
        FollowUpAnswered(
            meeting_id=row.decision.meeting_id,
            item_id=row.item_id,
            follow_up_id=row.pk,
            version=row.version,
        ),
    )


@action("followup.propose", row="submit")
def propose_discussion(*, by: Actor, follow_up_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Draft the discussion that an answer *other treatment* proposes, before the board that decided. Effects: those of
    ``create_referral``, with a question that names the earlier decision and is to be completed; who hands it in decides. Once it is
    there, nothing more happens. Refused for another answer, and as ``create_referral`` is."""
    row = following_up.access.access_follow_up_for_referring(by, follow_up_id)
    if row.outcome != Outcome.OTHER:
        raise RuleBroken(_("Only where another treatment was given is it proposed to discuss the case again."))
    referral_id = following_up.proposed_id(row)
    note(follow_up_id=str(row.pk), referral_id=str(referral_id))
    if not following_up.proposed(by, [row]):
        create_referral(by=by, referral_id=referral_id, case_id=row.case_id, request=_request(row))
    return ()


def _request(row: FollowUp) -> Request:
    referral = row.item.referral
    assert referral is not None, "only cases are followed up"
    words = _(
        "Discussed on %(day)s at %(board)s. Since then another treatment was given than the one that was recommended. Question: "
    )
    return Request(
        board_id=row.board_id,
        question=words % {"day": local(row.decision.meeting.starts_at, "j F Y"), "board": row.board.name},
        reason="other",
        requester_id=referral.requester_id,
        requested_on=today(),
        informs_patient=referral.informs_patient,
    )


@action("action.finish", row="follow_up")
def finish_action(*, by: Actor, action_id: UUID, version: int, done: bool, command_id: UUID) -> tuple[Event, ...]:
    """Say that an action of a signed decision is done, or that it is not after all. Refused for one that a correction took away, and as
    stale."""
    row = following_up.access.access_action_for(by, action_id)
    if row.version != version:
        raise Stale(_("Somebody else answered in between."), current=row.version)
    if row.dropped:
        raise RuleBroken(_("A correction took this action away."))
    row.done_at, row.done_by_id = (now(), person_id(by)) if done else (None, None)
    row.version += 1
    row.save(update_fields=["done_at", "done_by", "version"])
    note(action_id=str(row.pk), decision_id=str(row.decision_id))
    return (
        ActionFinished(
            meeting_id=row.item.meeting_id, item_id=row.item_id, action_id=row.pk, done=done, version=row.version
        ),
    )
