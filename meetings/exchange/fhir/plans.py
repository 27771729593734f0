"""A signed decision as a CarePlan."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from cases.dossiers import board_kind
from cases.exchange.fhir import writing
from cases.exchange.fhir.writing import Json
from cases.exchange.fhir.writing_requests import board_reference, conditions_of
from meetings.models import Decision
from meetings.reports.content import Recommendation
from meetings.reports.writing import recommendation


@dataclass(frozen=True)
class Signed:
    """A signed decision with what is written beside it. ``decision`` has its case with patient and hospital, item with referral, board,
    meeting and signer at hand; ``tumours`` is that level of the dossier as it lay on the table."""

    decision: Decision
    tumours: tuple[Mapping[str, Any], ...] = ()
    replaced_by: UUID | None = None
    replaced_at: datetime | None = None
    reports: tuple[Any, ...] = field(default=())

    @property
    def in_force(self) -> bool:
        return self.decision.state == Decision.State.SIGNED

    @property
    def changed_at(self) -> datetime | None:
        """When it last became something else: by its signature, or by that of the version in its place."""
        return self.replaced_at or self.decision.signed_at

    def meta(self) -> Json:
        return writing.meta(version=self.decision.version, changed_at=self.changed_at)


def patient_of(signed: Signed) -> Json:
    """A reference to the patient whom it is about."""
    assert signed.decision.case is not None
    return writing.to("Patient", signed.decision.case.patient_id)


def plan_resource(signed: Signed, language: str | None, *, inside: bool = False) -> Json:
    """The steps, the wording, and what it is for. A version that was replaced is revoked; the new one names it."""
    decision = signed.decision
    assert decision.case is not None
    kind = board_kind(decision.board.kind)
    said = recommendation(decision, kind, language)
    conditions = conditions_of(decision.case.dossier, decision.case.patient_id, signed.tumours, language)
    signed_at = writing.moment(decision.signed_at)
    return writing.resource(
        "CarePlan",
        decision.pk,
        language=language,
        meta=signed.meta(),
        contained=conditions,
        replaces=[writing.to("CarePlan", decision.replaces_id)] if decision.replaces_id else [],
        status="active" if signed.in_force else "revoked",
        intent="plan",
        category=[
            writing.CATEGORY,
            writing.concept("intent", decision.intent, kind.option_words("intents", decision.intent, language))
            if decision.intent
            else None,
        ],
        title=decision.board.name,
        description=decision.text,
        subject=patient_of(signed),
        period={"start": signed_at, "end": writing.moment(signed.replaced_at)},
        created=signed_at,
        author=writing.person(decision.signed_by, inside=inside),
        contributor=[board_reference(decision.board)],
        addresses=[{"reference": f"#{each['id']}"} for each in conditions],
        supportingInfo=[writing.to("ServiceRequest", decision.item.referral_id)] if decision.item.referral_id else [],
        activity=[
            {
                "detail": {
                    "code": writing.concept("step", step["kind"], kind.option_words("steps", step["kind"], language)),
                    "status": "not-started" if signed.in_force else "cancelled",
                    "description": step["text"],
                }
            }
            for step in decision.steps
        ]
        + _actions(said, signed.in_force),
        note=[{"text": text} for text in _notes(said, decision)],
    )


def _actions(said: Recommendation, in_force: bool) -> list[Json]:
    """What somebody is to do, by when."""
    return [
        {
            "detail": {
                "status": "not-started" if in_force else "cancelled",
                "description": str(action.text),
                "scheduledPeriod": {"end": action.due.isoformat()} if action.due else None,
                "performer": [{"type": "Practitioner", "display": action.owner}] if action.owner else [],
            }
        }
        for action in said.actions
    ]


def _notes(said: Recommendation, decision: Decision) -> Iterable[str]:
    """What qualifies the recommendation, each as a sentence of its own."""
    if decision.protocol:
        yield _("Decided by a protocol, without discussion: %(protocol)s") % {"protocol": decision.protocol}
    if said.guideline:
        yield _("Guideline: %(words)s") % {"words": said.guideline}
    if decision.deviation:
        yield _("Deviates from the guideline: %(reason)s") % {"reason": decision.deviation}
    if said.trial:
        yield _("Trial: %(words)s") % {"words": said.trial}
    if said.informs:
        yield _("Informs the patient: %(who)s") % {"who": said.informs}
    for dissent in said.dissents:
        yield _("Dissent, %(discipline)s: %(reason)s") % {"discipline": dissent.discipline, "reason": dissent.reason}
    if decision.correction_reason:
        yield _("Why this version replaces the one before it: %(reason)s") % {"reason": decision.correction_reason}
