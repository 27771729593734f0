"""The report of a signed decision as a document: Composition, the Bundle around it, and the DocumentReference that leads to both files."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import override

from cases.exchange.fhir import writing, writing_patients
from cases.exchange.fhir.resources import CODES, SYSTEMS
from cases.exchange.fhir.writing import Json
from cases.exchange.fhir.writing_requests import request_resource
from cases.models import Discussion, Referral
from mdo.directory.models import Organisation, Person
from meetings.exchange.fhir.plans import Signed, patient_of, plan_resource
from meetings.models import Decision, Report
from meetings.reports.writing import present

FHIR_JSON = "application/fhir+json"
PDF = "application/pdf"


def composition_resource(signed: Signed, language: str | None, *, inside: bool = False) -> Json:
    """The report: question, recommendation, who was there. ``item.referral`` with its requester at hand."""
    decision = signed.decision
    assert decision.case is not None
    referral = decision.item.referral
    plan = plan_resource(signed, language)
    wording = [_activity(each["detail"]) for each in plan.get("activity", ())]
    wording += [("", plan.get("description", ""))] + [("", note["text"]) for note in plan.get("note", ())]
    author = writing.person(decision.signed_by, inside=inside)
    sections = [
        _section(
            _("Question"),
            [("", referral.question if referral else "")],
            [writing.to("ServiceRequest", referral.pk)] if referral else [],
            language,
        ),
        _section(_("Recommendation"), wording, [writing.to("CarePlan", decision.pk)], language),
        _section(_("Discussion"), [("", decision.discussion)], [], language) if decision.discussion.strip() else None,
        _section(_("Participants"), [("", "\n".join(_present(decision.attendance)))], [], language)
        if decision.attendance
        else None,
    ]
    return writing.resource(
        "Composition",
        decision.pk,
        language=language,
        meta=signed.meta(),
        identifier=_number(decision.pk),
        status="amended" if decision.replaces_id else "final",
        type=_type(),
        category=[writing.CATEGORY],
        subject=patient_of(signed),
        date=writing.moment(decision.signed_at),
        author=[author],
        title=decision.board.name,
        attester=[{"mode": "legal", "time": writing.moment(decision.signed_at), "party": author}],
        custodian=writing.organisation(decision.board.organiser, inside=inside),
        relatesTo=[{"code": "replaces", "targetReference": writing.to("Composition", decision.replaces_id)}]
        if decision.replaces_id
        else [],
        event=[
            {
                "period": {
                    "start": writing.moment(decision.meeting.starts_at),
                    "end": writing.moment(max(decision.meeting.starts_at, decision.meeting.ends_at)),
                }
            }
        ],
        section=sections,
    )


def document_bundle(signed: Signed, resources: Sequence[Json], base: str, language: str | None) -> Json:
    """The document of a signed decision, which needs nothing beside it: ``resources`` are the patient and the request; Composition, plan, people and organisations are
    written here. ``base`` is this server's address. The same content gives the same bytes."""
    decision = signed.decision
    assert decision.case is not None
    bodies = [
        composition_resource(signed, language, inside=True),
        *resources,
        plan_resource(signed, language, inside=True),
    ]
    referral = decision.item.referral
    people: list[Person | None] = [decision.signed_by, referral.requester if referral else None]
    houses = [decision.board.organiser, decision.case.hospital]
    entries = [{"fullUrl": f"{base}/{each['resourceType']}/{each['id']}", "resource": each} for each in bodies]
    entries += [
        {"fullUrl": f"urn:uuid:{each['id']}", "resource": each} for each in (*_people(people), *_houses(houses))
    ]
    return writing.resource(
        "Bundle",
        decision.pk,
        language=language,
        meta=signed.meta(),
        identifier=_number(decision.pk),
        type="document",
        timestamp=writing.moment(decision.signed_at),
        entry=entries,
    )


def on_table(decisions: Sequence[Decision]) -> dict[UUID | None, tuple[Mapping[str, Any], ...]]:
    """The tumours of each referral as they lay on the table when it was discussed last. One query."""
    referrals = {each.item.referral_id for each in decisions}
    found = Discussion.objects.filter(referral__in=referrals, outcome=Referral.Status.DISCUSSED).order_by("at")
    return {each.referral_id: tuple(tumour["data"] for tumour in each.tumours) for each in found}


def signed_document(signed: Signed, base: str, language: str | None) -> Json:
    """The same, with the patient and the request written here too."""
    decision = signed.decision
    assert decision.case is not None
    resources = [writing_patients.patient_resource(decision.case.patient)]
    if decision.item.referral is not None:
        decision.item.referral.case = decision.case
        resources.append(request_resource(decision.item.referral, signed.tumours, language, inside=True))
    return document_bundle(signed, resources, base, language)


def document_of(decision_id: UUID, language: str) -> bytes:
    """The document of one signed decision as JSON, in ``language``, for whoever prints its report. As the house."""
    found = Decision.objects.select_related(
        "board__organiser", "meeting", "item__referral__requester", "item__referral__board", "signed_by",
        "case__patient__hospital", "case__patient__gp", "case__hospital",
    ).prefetch_related("case__tumours").get(pk=decision_id)  # fmt: skip
    assert found.case is not None
    tumours = on_table([found]).get(found.item.referral_id) or tuple(each.data for each in found.case.tumours.all())
    with override(language):
        body = signed_document(Signed(found, tumours), base(), language)
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def base() -> str:
    """The address below which this server answers for FHIR."""
    return f"{settings.MDO_ORIGINS[0]}/fhir"


def reference_resource(signed: Signed, base: str, language: str | None) -> Json:
    """Where the report lies: as a PDF, once it is made, and as a document of FHIR."""
    decision = signed.decision
    assert decision.case is not None
    title = decision.board.name
    return writing.resource(
        "DocumentReference",
        decision.pk,
        language=language,
        meta=signed.meta(),
        masterIdentifier=_number(decision.pk),
        status="current" if signed.in_force else "superseded",
        docStatus="amended" if decision.replaces_id else "final",
        type=_type(),
        category=[writing.CATEGORY],
        subject=patient_of(signed),
        date=writing.moment(decision.signed_at),
        author=[writing.person(decision.signed_by)],
        custodian=writing.organisation(decision.board.organiser),
        relatesTo=[{"code": "replaces", "target": writing.to("DocumentReference", decision.replaces_id)}]
        if decision.replaces_id
        else [],
        content=[
            *(
                {
                    "attachment": {
                        "contentType": PDF,
                        "language": report.language,
                        "url": f"{base}/Binary/{report.pk}",
                        "size": report.size,
                        "title": title,
                        "creation": writing.moment(report.created_at),
                    }
                }
                for report in signed.reports
            ),
            {
                "attachment": {
                    "contentType": FHIR_JSON,
                    "url": f"{base}/Bundle/{decision.pk}",
                    "title": title,
                    "creation": writing.moment(decision.signed_at),
                }
            },
        ],
        context={
            "period": {"start": writing.moment(decision.meeting.starts_at)},
            "related": [
                writing.to("ServiceRequest", decision.item.referral_id) if decision.item.referral_id else None,
                writing.to("CarePlan", decision.pk),
            ],
        },
    )


def binary_resource(report: Report, content: bytes) -> Json:
    """A PDF inside of FHIR's own JSON, for whoever asks for that."""
    return writing.resource("Binary", report.pk, contentType=PDF, data=base64.b64encode(content).decode())


def _activity(detail: Json) -> tuple[str, str]:
    """A step with its heading, or what somebody is to do, who, and by when."""
    if "code" in detail:
        return detail["code"]["text"], detail.get("description", "")
    people = [each["display"] for each in detail.get("performer", ())]
    return "", ", ".join(
        [detail["description"], *people, *filter(None, [detail.get("scheduledPeriod", {}).get("end")])]
    )


def _number(key: object) -> Json:
    return {"system": SYSTEMS["uri"], "value": f"urn:uuid:{key}"}


def _type() -> Json:
    return writing.concept("loinc", CODES["plan"], "Plan of care note")


def _section(title: str, paragraphs: Iterable[tuple[str, str]], entries: list[Json], language: str | None) -> Json:
    return {"title": title, "text": writing.narrative(paragraphs, language=language), "entry": entries}


def _present(attendance: Iterable[Any]) -> Iterable[str]:
    for row in attendance:
        line = present(row)
        yield ", ".join(filter(None, (line.name, str(line.discipline), str(line.organisation), str(line.role))))


def _people(people: Iterable[Person | None]) -> list[Json]:
    known = {each.pk: each for each in people if each is not None}
    return [writing.practitioner_resource(known[key]) for key in sorted(known)]


def _houses(houses: Iterable[Organisation]) -> list[Json]:
    known = {each.pk: each for each in houses}
    return [writing.organisation_resource(known[key]) for key in sorted(known)]
