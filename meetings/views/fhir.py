"""``/fhir/``: a hospital's programs read its patients, requests, decisions and access log as FHIR R4. Nothing is written here.

A program sends ``Authorization: Bearer mdo_…``; a session's cookie counts for nothing. Refusals are OperationOutcomes. Which resources there
are, and whose, says ``meetings/reading_out.py``.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from ninja.errors import HttpError

from cases.exchange.fhir import searching
from cases.exchange.fhir.searching import Search, uuid_of
from cases.exchange.fhir.writing import Json
from mdo.directory import api as door
from mdo.kernel import audit
from mdo.kernel.acting import Actor, acting, current
from mdo.kernel.errors import NotFound, Refused
from meetings import access
from meetings.exchange.fhir.capabilities import capability_statement
from meetings.exchange.fhir.documents import PDF, base, binary_resource
from meetings.reading_out import DOCUMENT, KINDS, Kind
from meetings.views.showing import printed

FHIR: Final = f"{door.FHIR_JSON}; fhirVersion=4.0"
_JSON: Final = ("*/*", "application/*", "application/json", door.FHIR_JSON)
_FORM: Final = "application/x-www-form-urlencoded"

Work = Callable[[HttpRequest, Actor], HttpResponseBase]


def program(methods: tuple[str, ...], *, also: str = "") -> Callable[[Callable[..., HttpResponseBase]], Any]:
    """A view for programs: by their token, in their door, with these methods; ``also`` is a format that it gives beside JSON."""

    def around(view: Callable[..., HttpResponseBase]) -> Any:
        @csrf_exempt
        @login_not_required
        def answer(request: HttpRequest, **names: str) -> HttpResponseBase:
            response = _answered(request, methods, also, lambda asked, by: view(asked, by, **names))
            response["Cache-Control"] = "no-store"
            return response

        return answer

    return around


def _answered(request: HttpRequest, methods: tuple[str, ...], also: str, work: Work) -> HttpResponseBase:
    try:
        token = door.Bearer()(request)
    except HttpError:
        return door.refused(request, 429, "too_many", door.words(429))
    if token is None:
        return door.refused(request, 401, "unauthorized", door.words(401))
    request.auth = token  # type: ignore[attr-defined]
    if request.method not in methods:
        response = door.refused(request, 405, "method", _("Nothing can be changed here, only read."))
        response["Allow"] = ", ".join(methods)
        return response
    if not _accepts(request, also):
        return door.refused(request, 406, "format", _("Ask for application/fhir+json."))
    try:
        with acting(token, token.organisation_id, door.PURPOSE):
            return work(request, token)
    except Refused as refusal:
        return door.refuse(request, refusal)


def _accepts(request: HttpRequest, also: str) -> bool:
    wanted = request.GET.get("_format") or request.headers.get("Accept") or "*/*"
    asked = {each.split(";")[0].strip().lower().replace(" ", "+") for each in wanted.split(",")}
    return bool(asked & {*_JSON, "json", also or "json"})


def _json(body: Json, status: int = 200) -> HttpResponse:
    """The same content is always the same bytes."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(text, content_type=FHIR, status=status)


@csrf_exempt
@login_not_required
def metadata(request: HttpRequest) -> HttpResponseBase:
    """``/fhir/metadata``: what this server answers, for whoever asks; it says nothing of anybody."""
    if request.method not in ("GET", "HEAD"):
        response = door.refused(request, 405, "method", _("Nothing can be changed here, only read."))
        response["Allow"] = "GET, HEAD"
        return response
    if not _accepts(request, ""):
        return door.refused(request, 406, "format", _("Ask for application/fhir+json."))
    return _json(capability_statement(base()))


@csrf_exempt
@login_not_required
def nothing(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Any other address below ``/fhir/``."""
    return door.refused(request, 404, "not_found", door.words(404))


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise NotFound()
    return KINDS[name]


@program(("GET", "HEAD"))
def search(request: HttpRequest, by: Actor, kind: str) -> HttpResponseBase:
    """``GET /fhir/<kind>``."""
    sent = [(name, value) for name in request.GET for value in request.GET.getlist(name)]
    return _found(request, by, _kind(kind), sent, posted=False)


@program(("POST",))
def search_posted(request: HttpRequest, by: Actor, kind: str) -> HttpResponseBase:
    """``POST /fhir/<kind>/_search``: the same, with what is searched for in the body, so that no number stands in an address."""
    if request.content_type != _FORM:
        return door.refused(request, 415, "media_type", _("Send the parameters as a form: %(type)s.") % {"type": _FORM})
    sent = [
        (name, value) for fields in (request.GET, request.POST) for name in fields for value in fields.getlist(name)
    ]
    return _found(request, by, _kind(kind), sent, posted=True)


def _found(
    request: HttpRequest, by: Actor, kind: Kind, sent: list[tuple[str, str]], *, posted: bool
) -> HttpResponseBase:
    strict = "handling=strict" in request.headers.get("Prefer", "").replace(" ", "")
    asked = searching.read_search(kind.name, kind.parameters, sent, strict=strict, reader=by.actor_id)
    page = kind.page(by, asked, base(), get_language())
    audit.act(
        "fhir.search",
        hospital_id=current().organisation_id,
        detail={
            "kind": kind.name,
            "found": page.total,
            "shown": [str(each.object_id) for each in page.shown],
            "patients": sorted({str(each.patient_id) for each in page.shown if each.patient_id}),
        },
    )
    after = searching.cursor(asked, page.shown[-1].key, by.actor_id) if page.more else None
    bodies = [each.body for each in page.shown]
    return _json(searching.searchset(base(), asked, bodies, page.total, after, posted=posted))


@program(("GET", "HEAD"))
def read(request: HttpRequest, by: Actor, kind: str, resource_id: str) -> HttpResponseBase:
    """``GET /fhir/<kind>/<id>``."""
    return _json(_one(by, DOCUMENT if kind == DOCUMENT.name else _kind(kind), resource_id))


@program(("GET", "HEAD"))
def document(request: HttpRequest, by: Actor, resource_id: str) -> HttpResponseBase:
    """``GET /fhir/Composition/<id>/$document``."""
    return _json(_one(by, DOCUMENT, resource_id))


def _one(by: Actor, kind: Kind, key: str) -> Json:
    page = kind.page(by, Search(kind.name, {"_id": (key.replace(",", ""),)}, count=1), base(), get_language())
    if not page.shown:
        raise NotFound()
    found, hospital_id = page.shown[0], current().organisation_id
    assert hospital_id is not None
    audit.read(kind.about, found.object_id, hospital_id=hospital_id, patient_id=found.patient_id)
    return found.body


@program(("GET", "HEAD"), also=PDF)
def binary(request: HttpRequest, by: Actor, resource_id: str) -> HttpResponseBase:
    """``GET /fhir/Binary/<id of a report>``: the file itself, or inside of JSON for whoever asks for FHIR."""
    report = access.access_report_for_reading_out(by, uuid_of(resource_id))
    assert report.decision is not None
    assert report.decision.case is not None
    audit.read("report", report.pk, hospital_id=report.hospital_id, patient_id=report.decision.case.patient_id)
    content = printed(report)
    told = f"{request.headers.get('Accept', '')},{request.GET.get('_format', '')}"
    if "json" in told:
        return _json(binary_resource(report, content))
    return HttpResponse(content, content_type=PDF)
