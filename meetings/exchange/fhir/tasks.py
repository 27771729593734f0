"""The way of a referral as Tasks: the five steps of IHE PCC XTB-WD (DOMAIN §3), each with where it stands.

No step is a row of its own: where it stands follows from the referral and from whether its decision was signed. One table says so, for
writing and for searching.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from cases.exchange.fhir import writing
from cases.exchange.fhir.writing import Json
from cases.models import Referral

Status = Referral.Status
SIGNED: Final = "signed"  # discussed, and the decision is signed
STEPS: Final = ("request", "schedule", "prepare", "meet-and-report", "finalise")
WORDS: Final = {
    "request": "Request the discussion",
    "schedule": "Schedule the discussion",
    "prepare": "Prepare the discussion",
    "meet-and-report": "Meet and report",
    "finalise": "Finalise and sign the report",
}
_STANDS: Final[Mapping[str, tuple[str, str, str, str, str]]] = {
    # request, schedule, prepare, meet and report, finalise
    Status.DRAFT: ("in-progress", "draft", "draft", "draft", "draft"),
    Status.RETURNED: ("on-hold", "draft", "draft", "draft", "draft"),
    Status.SUBMITTED: ("completed", "requested", "requested", "draft", "draft"),
    Status.ACCEPTED: ("completed", "accepted", "requested", "draft", "draft"),
    Status.SCHEDULED: ("completed", "completed", "in-progress", "ready", "draft"),
    Status.POSTPONED: ("completed", "on-hold", "on-hold", "draft", "draft"),
    Status.DISCUSSED: ("completed", "completed", "completed", "completed", "in-progress"),
    SIGNED: ("completed", "completed", "completed", "completed", "completed"),
    Status.WITHDRAWN: ("cancelled", "cancelled", "cancelled", "cancelled", "cancelled"),
}
STATUSES: Final = frozenset(status for row in _STANDS.values() for status in row)


def stands(place: str, step: int) -> str:
    """The status of a step (its index) of a referral that stands at ``place``: its status, or ``SIGNED``."""
    return _STANDS[place][step]


def places(step: int, wanted: frozenset[str] | None) -> list[str]:
    """Where a referral may stand so that the step has one of these statuses; ``None``: any."""
    return [place for place, row in _STANDS.items() if wanted is None or row[step] in wanted]


def key_of(referral_id: UUID, step: int) -> str:
    """The id of a Task."""
    return f"{referral_id}.{STEPS[step]}"


def task_resource(
    referral: Referral, step: int, place: str, signed: Sequence[tuple[UUID, datetime]], language: str | None
) -> Json:
    """One step. ``referral`` with case, hospital and requester at hand; ``signed`` are the decisions that it led to, with
    the moments of their signatures."""
    outputs = signed if step >= STEPS.index("meet-and-report") else ()
    changed_at = max(referral.changed_at, *(at for _key, at in outputs)) if outputs else referral.changed_at
    return writing.resource(
        "Task",
        key_of(referral.pk, step),
        language=language,
        meta=writing.meta(changed_at=changed_at),
        status=stands(place, step),
        intent="order",
        code=writing.concept("stage", STEPS[step], WORDS[STEPS[step]]),
        focus=writing.to("ServiceRequest", referral.pk),
        **{"for": writing.to("Patient", referral.case.patient_id)},
        authoredOn=writing.moment(referral.created_at),
        lastModified=writing.moment(changed_at),
        requester=writing.person(referral.requester),
        reasonCode={"text": referral.returned_reason}
        if referral.status == Status.RETURNED and step == 0 and referral.returned_reason
        else None,
        output=[{"type": {"text": "CarePlan"}, "valueReference": writing.to("CarePlan", key)} for key, _at in outputs],
    )
