"""The door for web requests: every request of somebody who is signed in runs inside ``acting()``."""

from collections.abc import Callable
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import translation

from mdo.directory import access, proofs
from mdo.directory.models import Organisation, Person
from mdo.kernel import audit
from mdo.kernel.acting import acting
from mdo.kernel.errors import Denied, Invalid, NotFound, Refused, Stale, Unavailable

FOR = "for"  # in an address: the organisation that this page is looked at for
# Pages of a screen, another server or a program, not of a person, and the way in: they open their own door, also in the browser of
# somebody who is signed in.
OWN_DOOR = ("/wall/", "/hooks/", "/api/", "/fhir/", "/scim/", "/sign-in/")
ORGANISATION = "organisation"  # the session's key for the organisation that the person acts for


class ActingMiddleware:
    """Sets ``request.organisation`` (the acting one, or ``None``) and ``request.organisations`` (the choices).

    The whole request is one transaction. A refusal (``mdo.kernel.errors``) or a fault undoes it; refusals for lack of rights or
    knowledge are then audited in a door of their own. What a page shows is audited in its own transaction: when that cannot
    be committed, the page is not sent.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.organisation = None  # type: ignore[attr-defined]
        request.organisations = []  # type: ignore[attr-defined]
        request.refusal = None  # type: ignore[attr-defined]
        if isinstance(request.user, AnonymousUser) or request.path.startswith(OWN_DOOR):
            response = self.get_response(request)
            refusal: Refused | None = request.refusal  # type: ignore[attr-defined]
            return answer(request, refusal) if refusal else response
        with translation.override(request.user.language):  # before signing in, the cookie or the browser decides
            request.LANGUAGE_CODE = translation.get_language()
            response = self._inside(request, request.user)
            response.headers.setdefault("Content-Language", request.LANGUAGE_CODE)
            return response

    def _inside(self, request: HttpRequest, person: Person) -> HttpResponse:
        organisation = self._organisation(request, person)
        with acting(person, organisation.pk if organisation else None, "care", proof=lambda: proofs.latest(request)):
            response = self.get_response(request)
            refusal = request.refusal  # type: ignore[attr-defined]
            if refusal is not None or response.status_code >= 500:
                transaction.set_rollback(True)
        if refusal is None:
            return response
        try:
            with acting(person, organisation.pk if organisation else None, "care"):
                if isinstance(refusal, Denied | NotFound):
                    match = request.resolver_match
                    audit.refused(match.view_name if match else "unknown", refusal.code)
                return answer(request, refusal)
        except Unavailable as unavailable:  # not even the refusal can be recorded
            with acting(person, organisation.pk if organisation else None, "care"):
                return answer(request, unavailable)

    @staticmethod
    def _organisation(request: HttpRequest, person: Person) -> Organisation | None:
        choices = access.organisations_of(person)
        # A room's addresses say for whom one sits there, so that nobody has to switch to enter (TRUST §2).
        chosen = request.GET.get(FOR) or request.session.get(ORGANISATION)
        found = next((each for each in choices if str(each.pk) == chosen), choices[0] if choices else None)
        request.organisation, request.organisations = found, choices  # type: ignore[attr-defined]
        return found

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refused):
            return None
        request.refusal = exception  # type: ignore[attr-defined]
        return HttpResponse(status=exception.status)  # replaced by answer() once the transaction is undone


def answer(request: HttpRequest, refusal: Refused) -> HttpResponse:
    """A refusal in words: JSON where JSON was asked for, else a page with the same status."""
    if request.headers.get("Accept", "").startswith("application/json"):
        body = {"code": refusal.code, "message": refusal.message, "field": refusal.field}
        if isinstance(refusal, Stale):
            body["current"] = refusal.current  # type: ignore[assignment]
        if isinstance(refusal, Invalid):
            body["errors"] = refusal.errors  # type: ignore[assignment]
        return JsonResponse(body, status=refusal.status)
    response = render(request, f"errors/{refusal.status}.html", {"message": refusal.message}, status=refusal.status)
    if isinstance(refusal, Unavailable):
        response["Retry-After"] = "5"
    return response


def is_id(text: str) -> UUID | None:
    """The id in a form's field, or ``None``: a field that holds no id names nothing that exists."""
    try:
        return UUID(text)
    except ValueError:
        return None
