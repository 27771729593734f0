"""Saying that a patient was told what was decided, and that the summary was given to them: each time a row of its own, so that what was
said before is kept."""

from datetime import date
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext as _

from mdo.kernel.acting import Actor
from mdo.kernel.action import action, note
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, RuleBroken, Stale
from mdo.kernel.events import Event
from meetings import informing
from meetings.actions import reporting
from meetings.events import PatientInformed, SummaryHandedOver
from meetings.informing.access import access_decision_for_informing, access_summary_for_handing_over
from meetings.models import Decision, Handover, InformedStatement

LONGEST_WORDS = 4000


@action("decision.inform_patient", row="follow_up")
def inform_patient(
    *,
    by: Actor,
    decision_id: UUID,
    statement_id: UUID,
    version: int,
    informed: bool,
    informer: str = "",
    informed_on: date | None = None,
    manner: str = "",
    words: str = "",
    command_id: UUID,
) -> tuple[Event, ...]:
    """Say that the patient was told what this version of a decision says: who told them (``informer``), on which day, in what ``manner``; ``words`` are
    for the patient and stand on their summary. ``informed`` false takes back what was said by mistake. ``version``: the number of the
    newest statement that was read, 0 for none.

    Effects: a new row, the ones before it stay; the letter to the GP is made anew; the summary for the patient is made, or closed again where
    they did not take part themselves. Refused: ``Invalid`` by field, ``Stale``; as a broken rule unless the decision is signed and in force, and for taking back what nobody
    said.
    """
    decision = access_decision_for_informing(by, decision_id)
    assert decision.case is not None  # asked there
    informer, words = informer.strip(), words.strip()
    if informed:
        _check(decision, informer, informed_on, manner, words)
    if decision.state != Decision.State.SIGNED:
        raise RuleBroken(_("Only of a signed decision that is in force can it be said that the patient was informed."))
    known = informing.informed(decision)
    if known.number != version:
        raise Stale(_("Somebody else answered in between."), current=known.number)
    if not informed and not (known.statement and known.statement.informed):
        raise RuleBroken(_("Nobody said that the patient was informed."))
    said = {"informer": informer, "informed_on": informed_on, "how": manner, "words": words} if informed else {}
    statement = InformedStatement.objects.create(
        id=statement_id,
        hospital_id=decision.hospital_id,
        case=decision.case,
        decision=decision,
        number=known.number + 1,
        informed=informed,
        stated_at=now(),
        stated_by_id=by.actor_id,
        **said,
    )
    reporting.order_told(decision, statement)
    note(decision_id=str(decision.pk), number=statement.number, informed=informed)
    return (
        PatientInformed(
            meeting_id=decision.meeting_id,
            item_id=decision.item_id,
            decision_id=decision.pk,
            informed=informed,
            version=statement.number,
        ),
    )


@action("decision.hand_over_summary", row="follow_up")
def hand_over_summary(
    *, by: Actor, decision_id: UUID, handover_id: UUID, way: str, command_id: UUID
) -> tuple[Event, ...]:
    """Say that the summary was given to the patient, as it was printed last: ``way`` is on paper or by post. Effects: a row with who, when and
    which print; the decision's page and the deliveries say it. It may be given more than once. Refused: ``Invalid`` by field; while the
    patient is not informed, and where no summary was made; ``NotFound`` and ``Denied``.
    """
    decision, report = access_summary_for_handing_over(by, decision_id)
    assert decision.case is not None  # asked there
    if way not in Handover.Way:
        raise Invalid({"way": [_("Choose from the list.")]})
    row = Handover.objects.create(
        id=handover_id,
        hospital_id=decision.hospital_id,
        case=decision.case,
        decision=decision,
        report=report,
        way=way,
        handed_at=now(),
        handed_by_id=by.actor_id,
    )
    note(decision_id=str(decision.pk), report_id=str(report.pk), way=way)
    return (
        SummaryHandedOver(
            meeting_id=decision.meeting_id, item_id=decision.item_id, decision_id=decision.pk, handover_id=row.pk
        ),
    )


def _check(decision: Decision, informer: str, informed_on: date | None, manner: str, words: str) -> None:
    errors: dict[str, list[str]] = {}
    if not informer:
        errors["informer"] = [_("Say who informed the patient.")]
    elif len(informer) > 200:
        errors["informer"] = [_("Keep it within 200 characters.")]
    if informed_on is None:
        errors["informed_on"] = [_("Say on which day.")]
    elif informed_on > timezone.localdate(now()):
        errors["informed_on"] = [_("This day has not come yet.")]
    elif informed_on < timezone.localdate(decision.meeting.starts_at):
        errors["informed_on"] = [_("This is before the meeting.")]
    if manner and manner not in InformedStatement.How:
        errors["manner"] = [_("Choose from the list.")]
    if len(words) > LONGEST_WORDS:
        errors["words"] = [_("Keep it within 4,000 characters.")]
    if errors:
        raise Invalid(errors)
