"""Cases for programs: bringing one in as a FHIR Bundle, asking what became of it."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from ninja import Router, Schema
from ninja.errors import HttpError

from cases import access, intake
from cases.actions.referrals import boards_for
from cases.actions.taking_in import take_in_case
from cases.dossiers import board_kind
from cases.exchange.fhir import Finding, Submission, operation_outcome, read_bundle
from cases.exchange.json_input import InvalidJson, read_json
from cases.queries import case_referrals
from cases.views.dossier import missing_for
from mdo.directory.api import FHIR_JSON, Refusal, in_door, program, refused, wants_fhir
from mdo.kernel.acting import Actor
from mdo.kernel.errors import RuleBroken
from mdo.kernel.ids import new_id

router = Router(tags=["cases"])

JSON_TYPES: Final = ("application/json", FHIR_JSON)
REFUSALS: Final[dict[int, Any]] = {401: Refusal, 403: Refusal, 429: Refusal, 503: Refusal}


class Remark(Schema):
    """Something in the Bundle that was not taken over, and its place (FHIRPath)."""

    expression: str
    message: str


class Received(Schema):
    """A case that was brought in, now or by an earlier request with the same number."""

    case_id: UUID
    url: str
    created: bool
    remarks: list[Remark] = []


class ReferralState(Schema):
    """Where a request to a board stands: draft, submitted, returned, accepted, scheduled, discussed, postponed or withdrawn."""

    referral_id: UUID
    board_id: UUID
    board: str
    status: str
    requested_on: date
    changed_at: datetime
    submitted_at: datetime | None
    returned_reason: str
    missing: list[str]


class CaseState(Schema):
    """What became of a case. Nothing of its dossier: for that, its people open it."""

    case_id: UUID
    url: str
    version: int
    created_at: datetime
    changed_at: datetime
    documents: int
    referrals: list[ReferralState]


class Reason(Schema):
    code: str
    words: str


class BoardState(Schema):
    """A board to which the organisation may refer now, with the reasons that a request may give."""

    board_id: UUID
    name: str
    organiser: str
    dossier: str
    reasons: list[Reason]


_BUNDLE_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["resourceType", "type", "entry"],
    "properties": {
        "resourceType": {"type": "string", "enum": ["Bundle"]},
        "type": {"type": "string", "enum": ["collection", "transaction"]},
        "entry": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["resource"],
                "properties": {
                    "fullUrl": {"type": "string"},
                    "resource": {
                        "type": "object",
                        "required": ["resourceType"],
                        "properties": {"resourceType": {"type": "string"}},
                    },
                },
            },
        },
    },
}
_OUTCOME: Final = {"content": {FHIR_JSON: {"schema": {"type": "object", "required": ["resourceType", "issue"]}}}}


@router.post(
    "/cases/bundles",
    summary="Bring in a case as a FHIR R4 Bundle",
    response={200: Received, 201: Received, **dict.fromkeys((400, 409, 413, 415, 422), Refusal), **REFUSALS},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {each: {"schema": _BUNDLE_SCHEMA} for each in JSON_TYPES},
        },
        "responses": dict.fromkeys((400, 401, 403, 409, 413, 415, 422, 429, 503), _OUTCOME),
    },
)
@in_door
def bring_in(request: HttpRequest) -> Any:
    """One patient, one ServiceRequest, and what belongs to it (Condition, Observation, DocumentReference with the file inside, as mCODE
    STU4 profiles them) become a patient, a case, the draft of a referral and documents: all of it or nothing. A request whose number came
    before makes nothing twice: 200 with the case that there is, 409 when it says something else this time."""
    by = program(request)
    hospital_id = access.access_hospital_for_submitting(by)
    try:
        value = read_json(_body(request))
    except InvalidJson as error:
        return refused(request, 422 if error.well_formed else 400, "syntax", str(error))
    reading = read_bundle(value, intake.around(by))
    if reading.submission is None:
        return _invalid(request, list(reading.errors))
    digest = intake.digest_of(value)
    known = intake.find(hospital_id, reading.submission, digest)
    created = known is None and _take_in(by, reading.submission, digest)
    known = known or intake.find(hospital_id, reading.submission, digest)
    assert known is not None
    if not known.same:
        sentence = _("A request with this number was brought in before, with other content. Change its case instead.")
        return refused(request, 409, "already", sentence)
    remarks = [
        {"expression": each.expression, "message": each.sentence}
        for each in reading.findings
        if each.severity == "information"
    ]
    return (201 if created else 200), {
        "case_id": known.case_id,
        "url": _url(known.case_id),
        "created": created,
        "remarks": remarks,
    }


def _take_in(by: Actor, submission: Submission, digest: str) -> bool:
    """Whether the case was made now; not when the same request arrived twice at this very moment."""
    try:
        take_in_case(by=by, case_id=new_id(), submission=submission, digest=digest, command_id=new_id())
    except RuleBroken:
        return False
    return True


def _body(request: HttpRequest) -> bytes:
    """The body, as far as it may be: 415 for another kind of content, 413 for too much of it."""
    if request.content_type not in JSON_TYPES:
        raise HttpError(415, "")
    length = request.META.get("CONTENT_LENGTH") or "0"
    largest = settings.MDO_API_LARGEST
    if length.isdecimal() and int(length) > largest:
        raise HttpError(413, "")
    body: bytes = request.read(largest + 1)
    if len(body) > largest:
        raise HttpError(413, "")
    return body


def _invalid(request: HttpRequest, errors: list[Finding]) -> HttpResponse:
    if wants_fhir(request):
        return JsonResponse(operation_outcome(errors), status=422, content_type=FHIR_JSON)
    by_place: dict[str, list[str]] = {}
    for each in errors:
        by_place.setdefault(each.expression, []).append(each.sentence)
    return refused(request, 422, "invalid", errors[0].sentence, field=errors[0].expression, errors=by_place)


def _url(case_id: UUID) -> str:
    return f"{settings.MDO_ORIGINS[0]}{reverse('cases:detail', args=[case_id])}"


@router.get(
    "/cases/{case_id}",
    summary="What became of a case",
    response={200: CaseState, 404: Refusal, 422: Refusal, **REFUSALS},
)
@in_door
def case_state(request: HttpRequest, case_id: UUID) -> Any:
    """Its referrals with their states, and what each board still misses. Written into the access log as a reading."""
    by = program(request)
    case = access.access_case_for_reading(by, case_id)
    tumours = list(case.tumours.order_by("position"))
    language = get_language()
    return {
        "case_id": case.pk,
        "url": _url(case.pk),
        "version": case.version,
        "created_at": case.created_at,
        "changed_at": case.changed_at,
        "documents": access.visible_documents(by).filter(case=case).count(),
        "referrals": [
            {
                "referral_id": each.pk,
                "board_id": each.board_id,
                "board": each.board.name,
                "status": each.status,
                "requested_on": each.requested_on,
                "changed_at": each.changed_at,
                "submitted_at": each.submitted_at,
                "returned_reason": each.returned_reason,
                "missing": [gap.field for gap in missing_for(case, tumours, each.board, language)],
            }
            for each in case_referrals(by, case)
        ],
    }


@router.get(
    "/boards", summary="The boards to which cases may be referred", response={200: list[BoardState], **REFUSALS}
)
@in_door
def boards(request: HttpRequest) -> Any:
    """With their ids, which a ServiceRequest names as its performer, and the codes of reasons."""
    hospital_id = access.access_hospital_for_submitting(program(request))
    language = get_language()
    return [
        {
            "board_id": board.pk,
            "name": board.name,
            "organiser": board.organiser.name,
            "dossier": board.dossier,
            "reasons": [
                {"code": code, "words": words}
                for code, words in board_kind(board.kind).choices("referral_reasons", language)
            ],
        }
        for board in boards_for(hospital_id)
    ]
