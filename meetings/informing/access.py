"""Who may say that a patient was informed, who is asked to, and who reads the letter to a GP and the summary for a patient.

**Who.** Whoever follows a case up (the row ``follow_up`` of the matrix: the organiser's chair, coordinator and secretary, the requester for
the own patient, secretaries and members for the own hospital's) says whether its patient was informed. The letter and the summary are
read by whoever gets the report (``read_report``); the letter also by the GP to whom it is addressed, for as long as the patient is theirs
(``letter``), from wherever they work: that is why its case is looked up as the house.
"""

from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from cases.access import place as case_place
from cases.access import visible_cases
from cases.models import living
from mdo.directory.matrix import Seat, permits
from mdo.kernel import audit
from mdo.kernel.acting import Actor, current, elevated
from mdo.kernel.action import granted
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, NotFound, RuleBroken
from meetings import access, informing
from meetings.models import Decision, InformedStatement, Report

_BESIDE = ("board", "meeting", "item__referral__requester", "case__patient__gp", "case__hospital", "signed_by")


def access_decision_for_informing(by: Actor, decision_id: UUID, *, lock: bool = True) -> Decision:
    """The decision, locked, with case, patient, item and signer, for whoever may say that its patient was informed. Raises ``NotFound`` or
    ``Denied``."""
    found = access.visible_decisions(by, [decision_id]).exclude(state=Decision.State.DRAFT)
    if lock:
        found = Decision.objects.select_for_update(of=("self",)).filter(pk__in=found.values("pk"))
    row = found.select_related(*_BESIDE).first()
    if row is None:
        raise NotFound()
    if not may_inform(by, row):
        raise Denied()
    granted("follow_up", hospital_id=row.hospital_id)
    return row


def access_decision_for_informing_reading(by: Actor, decision_id: UUID) -> Decision:
    """The same, not locked, for the pages that draw the patient and what was recommended; writes the read row. Raises ``NotFound`` or
    ``Denied``."""
    row = access_decision_for_informing(by, decision_id, lock=False)
    patient_id = row.case.patient_id if row.case else None
    audit.read("decision", row.pk, hospital_id=row.hospital_id, patient_id=patient_id)
    return row


def may_inform(by: Actor, decision: Decision) -> bool:
    """Whether somebody who may read the decision may say so. A topic has no patient."""
    return decision.case is not None and case_place(by, decision.case).permits("follow_up")


def visible_to_inform(by: Actor) -> QuerySet[Decision]:
    """Signed decisions whose patient the actor is to inform, as their requester, and of which nobody said so yet: of living patients, and
    not for ever."""
    newest = InformedStatement.objects.filter(decision=OuterRef("pk")).order_by("-number").values("informed")[:1]
    asked = Decision.objects.filter(
        living("case__patient"),
        state=Decision.State.SIGNED,
        signed_at__gt=now() - informing.ASKED_FOR,
        agreed__informs=informing.REQUESTER,
        item__referral__requester=by.actor_id,
        hospital=current().organisation_id,
        case__in=visible_cases(by),
    )
    return asked.alias(said=Coalesce(Subquery(newest), False)).filter(said=False)


def _newest(rows: QuerySet[Report]) -> Report | None:
    return rows.select_related("statement").order_by("-created_at", "-pk").first()


def access_letter_of(by: Actor, decision_id: UUID) -> tuple[Decision, Report]:
    """The newest letter to the GP about a decision, for whoever gets its report. Writes the read row. Raises ``NotFound`` or ``Denied``."""
    return _access(by, decision_id, Report.Kind.LETTER)


def access_summary_of(by: Actor, decision_id: UUID) -> tuple[Decision, Report]:
    """The summary for the patient with what was said last. Raises ``RuleBroken`` while it is closed, ``NotFound`` (also while it is made anew)
    and ``Denied``."""
    return _access(by, decision_id, Report.Kind.SUMMARY)


def access_summary_for_handing_over(by: Actor, decision_id: UUID) -> tuple[Decision, Report]:
    """The decision, locked, with the summary for its patient as of what was said last, for whoever may say that they were informed. Raises
    ``RuleBroken`` while it is closed or not made yet, ``NotFound`` and ``Denied``."""
    decision = access_decision_for_informing(by, decision_id)
    known = informing.informed(decision)
    if not known.said:
        raise RuleBroken(informing.closed_sentence())
    row = _newest(informing.summaries(decision, known))
    if row is None:
        raise RuleBroken(informing.not_made_sentence())
    return decision, row


def _access(by: Actor, decision_id: UUID, kind: str) -> tuple[Decision, Report]:
    decision = access.access_decision_for_reading(by, decision_id)
    if decision.case is None:
        raise NotFound()
    if not access.may_read_report(by, decision):
        raise Denied()
    rows = Report.objects.filter(decision=decision, kind=kind).exclude(storage_name="")
    if kind == Report.Kind.SUMMARY:
        known = informing.informed(decision)
        if not known.said:
            raise RuleBroken(informing.closed_sentence())
        rows = informing.summaries(decision, known)
    row = _newest(rows)
    if row is None:
        raise NotFound()
    return decision, row


def may_read_letter(by: Actor, row: Report) -> bool:
    """Whether a letter is addressed to the actor, whose patient it still is about."""
    assert row.decision is not None
    assert row.decision.case is not None
    facts = ("letter",) if by.actor_id == row.recipient_id == row.decision.case.patient.gp_id else ()
    return permits("read_report", (Seat.GUEST,), facts)


def access_letter_for_gp(by: Actor, report_id: UUID) -> Report:
    """A letter, for the GP to whom it is addressed. Writes the read row. Raises ``NotFound`` for everybody else."""
    with elevated("letter.gp"):
        letters = Report.objects.filter(pk=report_id, kind=Report.Kind.LETTER).exclude(storage_name="")
        row = letters.select_related("decision__case__patient", "meeting").first()
    if row is None or not may_read_letter(by, row):
        raise NotFound()
    assert row.decision is not None
    assert row.decision.case is not None
    granted("read_report", hospital_id=row.hospital_id)
    audit.read("letter", row.pk, hospital_id=row.hospital_id, patient_id=row.decision.case.patient_id)
    return row
