"""A referral as a ServiceRequest, and the tumours that it is about as Conditions inside of it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from cases.dossiers import board_kind, title
from cases.exchange.fhir import writing
from cases.exchange.fhir.resources import CODES, SYSTEMS
from cases.exchange.fhir.writing import Json
from cases.models import Referral

Status = Referral.Status
# What FHIR calls where a request stands (request-status). What was returned waits for its requester.
STATUS: Final[Mapping[str, str]] = {
    Status.DRAFT: "draft",
    Status.SUBMITTED: "active",
    Status.RETURNED: "on-hold",
    Status.ACCEPTED: "active",
    Status.SCHEDULED: "active",
    Status.DISCUSSED: "completed",
    Status.POSTPONED: "active",
    Status.WITHDRAWN: "revoked",
}
_LATERALITY = {ours: code for code, ours in CODES["laterality"].items()}
_OTHER: Final = "other"


def request_resource(
    referral: Referral, tumours: Iterable[Mapping[str, Any]], language: str | None, *, inside: bool = False
) -> Json:
    """``referral`` with case, board, hospital and requester at hand; ``tumours`` is the tumour level of its dossier, in order. The
    question stands where a Bundle that is brought in has it: ``reasonCode.text``. ``inside``: of a document."""
    conditions = conditions_of(referral.case.dossier, referral.case.patient_id, tumours, language)
    reason = board_kind(referral.board.kind).option_words("referral_reasons", referral.reason, language)
    return writing.resource(
        "ServiceRequest",
        referral.pk,
        language=language,
        meta=writing.meta(version=referral.version, changed_at=referral.changed_at),
        contained=conditions,
        status=STATUS[referral.status],
        intent="order",
        category=[writing.CATEGORY],
        subject=writing.to("Patient", referral.case.patient_id),
        authoredOn=referral.requested_on.isoformat(),
        requester=writing.person(referral.requester, inside=inside),
        performer=[board_reference(referral.board)],
        reasonCode=[writing.concept("reason", referral.reason, reason, text=referral.question)],
        reasonReference=[{"reference": f"#{each['id']}"} for each in conditions],
        note=[{"text": str(referral.case.data.get("clinical_summary") or "")}],
    )


def board_reference(board: Any) -> Json:
    """A board, by the number under which a request that is brought in names it."""
    return {
        "type": "Organization",
        "identifier": {"system": SYSTEMS["uri"], "value": f"urn:uuid:{board.pk}"},
        "display": board.name,
    }


def conditions_of(
    dossier: str, patient_id: object, tumours: Iterable[Mapping[str, Any]], language: str | None
) -> list[Json]:
    """Each tumour as a Condition to lie inside of another resource (mCODE: primary cancer condition, as far as it is known): site, side,
    morphology, day of the diagnosis."""
    icd_o_3 = CODES["icd_o_3"][0]
    found = []
    for number, data in enumerate(tumours, start=1):
        morphology = data.get("morphology_other") if data.get("morphology") == _OTHER else data.get("morphology")
        side = _LATERALITY.get(data.get("laterality"))
        site, urls = data.get("topography"), CODES["extensions"]
        found.append(
            writing.resource(
                "Condition",
                f"tumour-{number}",
                extension=[
                    {"url": urls["histology"], "valueCodeableConcept": {"coding": [_code(icd_o_3, morphology)]}}
                    if morphology
                    else None,
                    {"url": urls["asserted"], "valueDateTime": data["incidence_date"]}
                    if data.get("incidence_date")
                    else None,
                ],
                clinicalStatus={
                    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
                },
                code={"text": title(dossier, data, language) or str(number)},
                bodySite=[
                    {
                        "extension": [
                            {
                                "url": urls["laterality"],
                                "valueCodeableConcept": {"coding": [_code(SYSTEMS["snomed"], side)]},
                            }
                        ]
                        if side
                        else [],
                        "coding": [_code(icd_o_3, site)] if site else [],
                    }
                ],
                subject=writing.to("Patient", patient_id),
            )
        )
    return found


def _code(system: str, code: object) -> Json:
    return {"system": system, "code": str(code)}
