"""What every address of the programs' interface has: a token instead of a session, the door, limits, and refusals as JSON.

A program sends ``Authorization: Bearer mdo_…``. A session's cookie counts for nothing here, so no page of another site can make a browser
of ours do anything at these addresses, and they need no token against forged requests.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Final, cast

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from ninja import Schema
from ninja.errors import HttpError
from ninja.security import HttpBearer

from mdo.directory import tokens
from mdo.directory.models import ApiToken
from mdo.kernel import audit
from mdo.kernel.acting import acting
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, Invalid, NotFound, Refused, Unavailable

PURPOSE: Final = "care"
FHIR_JSON: Final = "application/fhir+json"


class Refusal(Schema):
    """Why something was not done. ``errors`` holds the sentences by the place in what was sent, where there is one."""

    code: str
    message: str
    field: str | None = None
    errors: dict[str, list[str]] = {}


class Bearer(HttpBearer):
    """Lets a program in by its token; ``request.auth`` is the token, which is also the actor."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken | None:
        found = tokens.find(token)
        if found is None:
            fine = _within(f"from:{request.META.get('REMOTE_ADDR', '')}", settings.MDO_API_TRIES_A_MINUTE)
        else:
            fine = _within(f"token:{found.pk}", settings.MDO_API_REQUESTS_A_MINUTE)
        if not fine:
            raise HttpError(429, "")
        return found


def _within(whose: str, most: int) -> bool:
    """Whether this is at most the ``most``-th request of this minute. Counted in the cache that all processes share; two at the very
    same moment may count as one."""
    key = f"api:{hashlib.sha256(whose.encode()).hexdigest()}:{int(now().timestamp()) // 60}"
    if cache.get(key) is None:  # an `add` of what is there already is an error in PostgreSQL's log
        cache.add(key, 0, 120)
    try:
        return cache.incr(key) <= most
    except ValueError:  # thrown out meanwhile, to make room
        return True


def program(request: HttpRequest) -> ApiToken:
    """Which program asks."""
    return cast(ApiToken, request.auth)  # type: ignore[attr-defined]


def in_door(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Run an operation inside of the program's door: one transaction, undone by any refusal."""

    @wraps(operation)
    def inside(request: HttpRequest, *args: Any, **values: Any) -> Any:
        here = program(request)
        with acting(here, here.organisation_id, PURPOSE):
            return operation(request, *args, **values)

    return inside


def wants_fhir(request: HttpRequest) -> bool:
    """Whether a refusal is to be an OperationOutcome."""
    if request.path.startswith("/fhir/"):
        return True
    told = f"{request.headers.get('Accept', '')},{request.headers.get('Content-Type', '')}"
    return FHIR_JSON in told


def refused(
    request: HttpRequest,
    status: int,
    code: str,
    message: str,
    *,
    field: str | None = None,
    errors: Mapping[str, Sequence[str]] | None = None,
) -> HttpResponse:
    """A refusal as JSON, or as a FHIR OperationOutcome where FHIR was spoken."""
    sentences = {place: list(found) for place, found in (errors or {}).items()}
    if wants_fhir(request):
        issues = [
            {"severity": "error", "code": _ISSUES.get(code, "invalid"), "diagnostics": each}
            | ({"expression": [place]} if place else {})
            for place, found in (sentences or {field or "": [message]}).items()
            for each in found
        ]
        outcome = {"resourceType": "OperationOutcome", "issue": issues}
        response = JsonResponse(outcome, status=status, content_type=FHIR_JSON)
    else:
        body = {"code": code, "message": message, "field": field, "errors": sentences}
        response = JsonResponse(body, status=status)
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if status in (429, 503):
        response["Retry-After"] = "60" if status == 429 else "5"
    return response


_ISSUES = {
    "unauthorized": "login",
    "too_many": "throttled",
    "forbidden": "forbidden",
    "method": "not-supported",
    "format": "not-supported",
    "not_found": "not-found",
    "too_large": "too-long",
    "stale": "conflict",
    "id_reused": "duplicate",
    "unavailable": "transient",
    "syntax": "structure",
    "media_type": "not-supported",
}


def refuse(request: HttpRequest, refusal: Refused) -> HttpResponse:
    """Answer a refusal that undid an operation; one for lack of rights or knowledge leaves a trace of its own."""
    if isinstance(refusal, Denied | NotFound):
        here, match = program(request), request.resolver_match
        try:
            with acting(here, here.organisation_id, PURPOSE):
                audit.refused(match.view_name if match else "api", refusal.code)
        except Unavailable as unavailable:
            refusal = unavailable
    errors = refusal.errors if isinstance(refusal, Invalid) else None
    return refused(
        request,
        refusal.status,
        refusal.code,
        refusal.message or words(refusal.status),
        field=refusal.field,
        errors=errors,
    )


def words(status: int) -> str:
    """A sentence for a status that came without one."""
    return {
        401: _("Send a token that is in force: “Authorization: Bearer …”."),
        403: _("The token does not allow this."),
        404: _("There is nothing here."),
        413: _("This is too large."),
        415: _("Send JSON: application/json or application/fhir+json."),
        422: _("This was not understood."),
        429: _("Too many requests. Wait a minute and try again."),
        503: _("Try again in a moment."),
    }.get(status, _("This was not understood."))
