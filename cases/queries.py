"""Lists for the pages of cases. Every one of them starts from what may be seen."""

from collections.abc import Sequence
from typing import Final

from django.db.models import Count, Q, QuerySet

from cases.access import visible_cases, visible_preparation, visible_referrals
from cases.coding import national_number
from cases.coding.names import name_key
from cases.models import Case, Patient, PreparationNote, Referral, living
from mdo.kernel.acting import Actor, current
from mdo.kernel.digits import digits_of

Status = Referral.Status

# What the list of cases shows under each heading, by the code that stands in the address.
SHELVES: Final[dict[str, tuple[Status, ...]]] = {
    "open": Referral.EDITABLE,
    "complete": (Status.DRAFT, Status.RETURNED),
    "submitted": (Status.SUBMITTED, Status.ACCEPTED, Status.POSTPONED),
    "scheduled": (Status.SCHEDULED,),
    "discussed": (Status.DISCUSSED,),
    "withdrawn": (Status.WITHDRAWN,),
}


def own_referrals(by: Actor, *, mine: bool = False) -> QuerySet[Referral]:
    """The referrals of the acting hospital that ``by`` may read; ``mine``: those of which they are the requester."""
    found = visible_referrals(by).filter(hospital=current().organisation_id)
    return found.filter(requester=by.actor_id) if mine else found


def shelf_counts(referrals: QuerySet[Referral]) -> dict[str, int]:
    """How many there are on each shelf. One query."""
    counts = {code: Count("pk", filter=Q(status__in=statuses)) for code, statuses in SHELVES.items()}
    return referrals.order_by().aggregate(**counts)


def on_shelf(referrals: QuerySet[Referral], shelf: str | None) -> QuerySet[Referral]:
    """Those of one shelf (``None``: of all) with what a row shows, the last changed first."""
    return (
        (referrals.filter(status__in=SHELVES[shelf]) if shelf else referrals)
        .select_related("case__patient", "board", "requester")
        .prefetch_related("case__tumours")
        .order_by("-changed_at", "pk")
    )


def matching(referrals: QuerySet[Referral], text: str) -> QuerySet[Referral]:
    """Those whose patient's name holds every word of ``text``, or whose number is ``text`` (or begins with it, from 6 digits)."""
    digits = digits_of(text) or ""
    words = name_key(text).split()
    named = Q(pk__in=[]) if not words else Q()
    for word in words[:8]:
        named &= Q(case__patient__name_key__contains=word)
    numbered = Q(case__patient__other_identifier=text) | Q(case__patient__record_number=text)
    if len(digits) == national_number.LENGTH:
        numbered |= Q(case__patient__national_number=digits)
    elif len(digits) >= 6:
        numbered |= Q(case__patient__national_number__startswith=digits)
    return referrals.filter(named | numbered)


def cases_of(by: Actor, patient: Patient) -> Sequence[Case]:
    """The cases of a patient that ``by`` may read, the newest first, with their referrals."""
    return list(
        visible_cases(by).filter(patient=patient).prefetch_related("referrals__board").order_by("-created_at")[:10]
    )


def live(referrals: QuerySet[Referral]) -> QuerySet[Referral]:
    """**The rule.** Those about which anybody is still asked or reminded of anything: on their way to a discussion, of a patient who lives. Every list of
    what is missing, every digest and every reminder of submissions goes through here."""
    return referrals.filter(living("case__patient"), status__in=Referral.EDITABLE)


def case_referrals(by: Actor, case: Case) -> list[Referral]:
    """The referrals of a case that ``by`` may read, those on their way first, then the newest."""
    found = visible_referrals(by).filter(case=case).select_related("board", "requester", "guest")
    ended = (Status.DISCUSSED, Status.WITHDRAWN)
    return sorted(found.order_by("-created_at"), key=lambda referral: referral.status in ended)


def imported_before(by: Actor, case: Case) -> list[Referral]:
    """The patient's old decisions from another system, of other cases, as far as ``by`` may read those. One query."""
    found = visible_referrals(by).filter(case__patient=case.patient_id, imported=True).exclude(case=case)
    return list(found.select_related("board").order_by("submitted_at"))


def prepared(by: Actor, referrals: Sequence[Referral]) -> list[PreparationNote]:
    """What was prepared of these referrals, as ``by`` may read it: by discipline, then the oldest first. One query."""
    found = visible_preparation(by).filter(referral__in=[referral.pk for referral in referrals])
    return list(found.select_related("author", "referral__board").order_by("discipline", "at", "pk"))
