"""What a hospital's programs read as FHIR R4: each kind of resource with its searches, starting from what the program may see.

A page begins after the key of the row before it, so that what is made meanwhile moves nothing: every row that was there when the search
began comes exactly once. A page is a fixed number of queries, however many rows it has.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db.models import BooleanField, Count, ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from cases import access as cases
from cases import merged
from cases.exchange.fhir.resources import SYSTEMS
from cases.exchange.fhir.searching import Search, uuid_of
from cases.exchange.fhir.writing import Json
from cases.exchange.fhir.writing_patients import merged_resource, patient_resource
from cases.exchange.fhir.writing_requests import STATUS, request_resource
from cases.models import Referral
from mdo.directory import access as directory
from mdo.directory.models import ApiToken, Organisation, Person
from mdo.kernel.acting import Actor, current
from mdo.kernel.digits import digits_of
from mdo.kernel.models import AuditEntry
from meetings import access
from meetings.exchange.fhir.audits import audit_resource
from meetings.exchange.fhir.documents import composition_resource, on_table, reference_resource, signed_document
from meetings.exchange.fhir.plans import Signed, plan_resource
from meetings.exchange.fhir.tasks import SIGNED, STATUSES, STEPS, places, task_resource
from meetings.models import Report


@dataclass(frozen=True)
class Shown:
    """One resource, and what the access log says that was shown: the thing itself, and whose it is."""

    body: Json
    key: tuple[Any, ...]
    object_id: UUID
    patient_id: UUID | None


@dataclass(frozen=True)
class Page:
    """``more``: whether anything comes after the last one."""

    shown: Sequence[Shown]
    total: int
    more: bool = False


@dataclass(frozen=True)
class Kind:
    """One type of resource: the word that the access log has for it, its search parameters with their FHIR types, and its pages."""

    name: str
    about: str
    parameters: Mapping[str, str]
    page: Callable[[Actor, Search, str, str | None], Page]


def _paged(
    rows: QuerySet[Any], search: Search, *, key: str = "pk", descending: bool = False
) -> tuple[list[Any], int, bool]:
    """The rows of this page, how many there are in all, and whether more follow. Two queries, or one for the number alone."""
    total = rows.count()
    if search.summary or search.count == 0:
        return [], total, False
    if search.after:
        rows = rows.filter(**{f"{key}__{'lt' if descending else 'gt'}": search.after[0]})
    found = list(rows.order_by(f"-{key}" if descending else key)[: search.count + 1])
    return found[: search.count], total, len(found) > search.count


def _ids(search: Search) -> list[UUID]:
    return [uuid_of(each) for each in (search.one("_id") or "").split(",")]


def _id(search: Search, column: str = "pk") -> Q:
    return Q() if search.one("_id") is None else Q(**{f"{column}__in": _ids(search)})


def _of(search: Search, name: str, column: str) -> Q:
    found = search.identifier(name)
    return Q() if found is None else Q(**{column: found})


# --- patients and requests -----------------------------------------------------------------------------------------------


def _patients(by: Actor, search: Search, base: str, language: str | None) -> Page:
    hospital_id = cases.access_hospital_for_reading_out(by)
    rows = cases.visible_patients(by).filter(_id(search), _numbered(search), hospital=hospital_id)
    found, total, more = _paged(rows.select_related("hospital", "gp"), search)
    doubles = merged.merged_into([each.pk for each in found])
    shown = [Shown(patient_resource(each, doubles.get(each.pk, ())), (each.pk,), each.pk, each.pk) for each in found]
    if not shown and search.one("_id") is not None and set(search.values) == {"_id"}:
        shown = [
            Shown(merged_resource(double, survivor), (double.pk,), double.pk, double.pk)
            for double, survivor in merged.visible_merged(by, _ids(search))
        ]
        total = len(shown)
    return Page(shown, total, more)


def _numbered(search: Search) -> Q:
    """Patients by a number, with its system (``…/ssin|65041235794``) or without one."""
    text = search.one("identifier")
    if text is None:
        return Q()
    system, stroke, value = text.rpartition("|")
    value = value.strip()
    national = Q(national_number=digits_of(value) or "-")
    if system:
        return national if system == SYSTEMS["national_number"] else Q(pk__in=[])
    own = Q(other_identifier=value or "-") | Q(record_number=value or "-")
    return own if stroke else national | own


def _requests(by: Actor, search: Search, base: str, language: str | None) -> Page:
    statuses = search.codes("status", STATUS.values())
    asked = _id(search) & _of(search, "patient", "case__patient") & search.moments("_lastUpdated", "changed_at")
    if statuses is not None:
        asked &= Q(status__in=[ours for ours, theirs in STATUS.items() if theirs in statuses])
    found, total, more = _paged(_referrals(by).filter(asked).prefetch_related("case__tumours"), search)
    shown = [
        Shown(
            request_resource(each, [tumour.data for tumour in each.case.tumours.all()], language),
            (each.pk,),
            each.pk,
            each.case.patient_id,
        )
        for each in found
    ]
    return Page(shown, total, more)


def _referrals(by: Actor) -> QuerySet[Referral]:
    hospital_id = cases.access_hospital_for_reading_out(by)
    found = cases.visible_referrals(by).filter(hospital=hospital_id)
    return found.select_related("case__patient", "board", "requester")


# --- decisions -----------------------------------------------------------------------------------------------------------


def _decisions(by: Actor, search: Search) -> tuple[list[Signed], int, bool]:
    rows = access.visible_signed(by).annotate(changed=Coalesce("replaced_by__signed_at", "signed_at"))
    rows = rows.filter(
        _id(search),
        _of(search, "patient", "case__patient"),
        search.moments("date", "signed_at"),
        search.moments("_lastUpdated", "changed"),
    )
    found, total, more = _paged(
        rows.annotate(after=F("replaced_by__pk"), after_at=F("replaced_by__signed_at")).select_related(
            "board__organiser", "meeting", "item__referral__requester", "item__referral__board", "signed_by",
            "case__patient__hospital", "case__patient__gp", "case__hospital",
        ).prefetch_related("case__tumours"),
        search,
    )  # fmt: skip
    as_discussed = on_table(found)
    reports: dict[UUID, list[Report]] = defaultdict(list)
    if found:
        for report in access.visible_printed(by).filter(decision__in=found).order_by("language"):
            reports[report.decision_id].append(report)  # type: ignore[index]
    signed = [
        Signed(
            each,
            as_discussed.get(each.item.referral_id) or tuple(tumour.data for tumour in each.case.tumours.all()),
            each.after if each.after_at else None,
            each.after_at,
            tuple(reports[each.pk]),
        )
        for each in found
    ]
    return signed, total, more


def _written(write: Callable[[Signed, str, str | None], Json]) -> Callable[[Actor, Search, str, str | None], Page]:
    """The pages of a resource that is written from a signed decision."""

    def page(by: Actor, search: Search, base: str, language: str | None) -> Page:
        signed, total, more = _decisions(by, search)
        shown = [
            Shown(write(each, base, language), (each.decision.pk,), each.decision.pk, each.decision.case.patient_id)  # type: ignore[union-attr]
            for each in signed
        ]
        return Page(shown, total, more)

    return page


# --- steps ---------------------------------------------------------------------------------------------------------------


def _tasks(by: Actor, search: Search, base: str, language: str | None) -> Page:
    wanted = search.codes("status", STATUSES)
    asked, steps = _of(search, "patient", "case__patient") & _of(search, "focus", "pk"), range(len(STEPS))
    if (text := search.one("_id")) is not None:
        referral, _dot, name = text.partition(".")
        asked &= Q(pk=uuid_of(referral))
        steps = range(STEPS.index(name), STEPS.index(name) + 1) if name in STEPS else range(0)
    matching = {step: frozenset(places(step, wanted)) for step in steps}
    rows = _referrals(by).filter(asked)
    # Whether a decision is signed is asked only where that decides about a step: it is the dear part of the question.
    signed_of = access.visible_signed(by).filter(item__referral__isnull=False).values("item__referral")
    decided = signed_of if any(map(_by_signature, matching.values())) else None
    total = _steps_in(rows, matching, decided)
    if search.summary or not search.count or not total:
        return Page([], total)
    after = (UUID(search.after[0]), int(search.after[1])) if search.after else (UUID(int=0), -1)
    # Of the row in which the page before ended some steps may still come, or none: so two more than fit.
    anywhere = rows.filter(_stands(frozenset().union(*matching.values()), decided), pk__gte=after[0])
    referrals = list(anywhere.order_by("pk")[: search.count + 2])
    signed: dict[UUID | None, list[tuple[UUID, Any]]] = defaultdict(list)
    for key, at, referral_id in (
        access.visible_signed(by)
        .filter(item__referral__in=referrals)
        .order_by("signed_at", "pk")
        .values_list("pk", "signed_at", "item__referral")
    ):
        assert at is not None
        signed[referral_id].append((key, at))
    tasks: list[Shown] = []
    for each in referrals:
        place = SIGNED if each.status == Referral.Status.DISCUSSED and signed[each.pk] else each.status
        for step in steps:
            if place in matching[step] and (each.pk, step) > after:
                body = task_resource(each, step, place, signed[each.pk], language)
                tasks.append(Shown(body, (each.pk, step), each.pk, each.case.patient_id))
    return Page(tasks[: search.count], total, len(tasks) > search.count)


def _by_signature(where: frozenset[str]) -> bool:
    """Whether of the discussed referrals only those with a signed decision stand at one of these places, or only those without."""
    return (SIGNED in where) != (Referral.Status.DISCUSSED in where)


def _steps_in(
    rows: QuerySet[Referral], matching: Mapping[int, frozenset[str]], decided: QuerySet[Any, Any] | None
) -> int:
    """How many steps stand where they are asked for. One query."""
    grouped = rows.order_by()
    if decided is None:
        counts = grouped.values_list("status", Value(False), Count("pk"))
    else:
        is_decided = ExpressionWrapper(Q(pk__in=decided), output_field=BooleanField())
        counts = grouped.annotate(is_decided=is_decided).values_list("status", "is_decided", Count("pk"))
    total = 0
    for status, signed, count in counts:
        place = SIGNED if status == Referral.Status.DISCUSSED and signed else status
        total += count * sum(place in where for where in matching.values())
    return total


def _stands(where: frozenset[str], decided: QuerySet[Any, Any] | None) -> Q:
    """Referrals that stand at one of these places."""
    discussed = Referral.Status.DISCUSSED
    found = Q(status__in=[place for place in where if place != SIGNED])
    if decided is None or not _by_signature(where):
        return found
    if SIGNED in where:
        return found | Q(status=discussed, pk__in=decided)
    return found & ~Q(status=discussed, pk__in=decided)


# --- the access log ------------------------------------------------------------------------------------------------------


def _audits(by: Actor, search: Search, base: str, language: str | None) -> Page:
    asked = _id(search, "uid") & search.moments("date", "at")
    patient_id = search.identifier("patient")
    if patient_id is not None:  # of a page the row names those who were on it
        asked &= Q(patient_id=patient_id) | Q(detail__patients__contains=[str(patient_id)])
    rows = directory.visible_audit(by).filter(asked)
    found, total, more = _paged(rows, search, key="id", descending=True)
    names = _names(found)
    hospital_id = current().organisation_id
    assert hospital_id is not None
    hospital = Organisation.objects.values_list("name", flat=True).get(pk=hospital_id)
    shown = [Shown(audit_resource(each, names, hospital), (each.pk,), each.uid, each.patient_id) for each in found]
    return Page(shown, total, more)


def _names(entries: Sequence[AuditEntry]) -> dict[UUID, str]:
    """Of people, programs and organisations. Three queries."""
    actors = {each.actor_id for each in entries}
    organisations = [each.organisation_id for each in entries if each.organisation_id is not None]
    return {
        **{each.pk: each.display_name for each in Person.objects.filter(pk__in=actors)},
        **dict(ApiToken.objects.filter(pk__in=actors).values_list("pk", "name")),
        **dict(Organisation.objects.filter(pk__in=organisations).values_list("pk", "name")),
    }


_DECISION: Final = {"_id": "token", "patient": "reference", "date": "date", "_lastUpdated": "date"}
KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("AuditEvent", "audit", {"_id": "token", "date": "date", "patient": "reference"}, _audits),
        Kind("CarePlan", "decision", _DECISION, _written(lambda each, _base, words: plan_resource(each, words))),
        Kind(
            "Composition", "decision", _DECISION, _written(lambda each, _base, words: composition_resource(each, words))
        ),
        Kind("DocumentReference", "decision", _DECISION, _written(reference_resource)),
        Kind("Patient", "patient", {"_id": "token", "identifier": "token"}, _patients),
        Kind(
            "ServiceRequest",
            "referral",
            {"_id": "token", "patient": "reference", "status": "token", "_lastUpdated": "date"},
            _requests,
        ),
        Kind(
            "Task",
            "referral",
            {"_id": "token", "patient": "reference", "focus": "reference", "status": "token"},
            _tasks,
        ),
    )
}
# What is read by its id alone.
DOCUMENT: Final = Kind("Bundle", "decision", {"_id": "token"}, _written(signed_document))
BINARY: Final = "Binary"
