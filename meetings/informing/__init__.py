"""Whether the patient was told what was decided. Who may say so stands in ``access``."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from meetings import agreed
from meetings.models import Decision, InformedStatement, Report

TOOK_PART = "informed"  # among the board's words for who informs: the patient sat at the table
REQUESTER = "requester"
ASKED_FOR = timedelta(days=90)  # after its signature nobody is asked any more
TELLING = (
    Report.Kind.LETTER,
    Report.Kind.SUMMARY,
)  # what says whether the patient knows, and is made anew when that changes


@dataclass(frozen=True)
class Informed:
    """What is known of one version of a decision. ``number``: of the newest statement, 0 where there is none. ``earlier``: the newest
    statement that holds of a version before it, which the patient was told instead."""

    statement: InformedStatement | None
    took_part: bool
    earlier: InformedStatement | None = None

    @property
    def number(self) -> int:
        return self.statement.number if self.statement else 0

    @property
    def statement_id(self) -> UUID | None:
        return self.statement.pk if self.statement else None

    @property
    def said(self) -> bool:
        """Whether the patient was told this very version."""
        return self.took_part or (self.statement is not None and self.statement.informed)

    @property
    def on(self) -> date | None:
        return self.statement.informed_on if self.statement else None


def took_part(decision: Decision) -> bool:
    """Whether the decision itself says that the patient was there."""
    return bool(decision.agreed.get("informs") == TOOK_PART)


def newest(decision_ids: Collection[UUID]) -> Mapping[UUID, InformedStatement]:
    """The statement that counts, of each decision that has one. One query."""
    found = InformedStatement.objects.filter(decision__in=decision_ids).select_related("stated_by")
    return {each.decision_id: each for each in found.order_by("decision", "number")}


def informed(decision: Decision) -> Informed:
    """What is known of this version. At most three queries."""
    versions = [decision.pk]
    if decision.version > 1:
        before = Decision.objects.filter(item=decision.item_id, version__lt=decision.version)
        versions += before.order_by("-version").values_list("pk", flat=True)
    found = newest(versions)
    earlier = next((found[key] for key in versions[1:] if key in found and found[key].informed), None)
    return Informed(found.get(decision.pk), took_part(decision), earlier)


def outdated(report: Report) -> bool:
    """Whether a letter or summary tells what holds no longer: a statement came since, or a newer version of the decision, which is at hand."""
    if report.kind not in TELLING:
        return False
    assert report.decision is not None
    said = newest([report.decision.pk]).get(report.decision.pk)
    return report.decision.state != Decision.State.SIGNED or (said.pk if said else None) != report.statement_id


def summaries(decision: Decision, known: Informed) -> QuerySet[Report]:
    """The prints of the summary for the patient that say what was said last: none while that one is being made."""
    found = Report.objects.filter(decision=decision, kind=Report.Kind.SUMMARY, statement=known.statement_id)
    return found.exclude(storage_name="")


def informer(decision: Decision) -> str:
    """The name of whoever is to inform the patient, as far as it is known: proposed to whoever says that it was done. ``decision`` with
    its item's referral and its case's patient at hand."""
    said, referral = agreed.filled(decision.agreed), decision.item.referral
    assert decision.case is not None
    patient = decision.case.patient
    names: dict[str, Any] = {
        "gp": patient.gp.display_name if patient.gp else patient.gp_name,
        "coordinator": decision.signed_by.display_name if decision.signed_by else "",
        agreed.OTHER: said["informs_who"],
        "nurse": "",
    }
    asked = referral.requester.display_name if referral else ""
    return str(names.get(said["informs"], asked))


def not_made_sentence() -> str:
    """Why the summary cannot be handed over although it is open."""
    return _("The summary for the patient is being made. Try again in a minute.")


def closed_sentence() -> str:
    """Why the summary for the patient cannot be opened yet."""
    return _("The summary for the patient stays closed until somebody says that the patient was informed.")
