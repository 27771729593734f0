"""The interface for programs, below ``/api/``; ``/api/openapi.json`` describes it."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from cases.api import router
from mdo import __version__
from mdo.directory import api as door
from mdo.kernel.errors import Refused

api = NinjaAPI(
    title="MDO",
    version=__version__,
    description="Programs of an organisation bring in cases and ask what became of them. Every request carries the organisation's token.",
    docs_url=None,
    openapi_url="/openapi.json",
    urls_namespace="api",
    auth=door.Bearer(),
)
api.add_router("", router)


@api.exception_handler(Refused)
def _refused(request: HttpRequest, refusal: Refused) -> HttpResponse:
    return door.refuse(request, refusal)


@api.exception_handler(AuthenticationError)
def _unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return door.refused(request, 401, "unauthorized", door.words(401))


@api.exception_handler(HttpError)
def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    code = {413: "too_large", 415: "media_type", 429: "too_many", 400: "syntax"}.get(error.status_code, "refused")
    return door.refused(request, error.status_code, code, str(error) or door.words(error.status_code))


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Names of parameters only: what was sent is not sent back."""
    places = {".".join(str(part) for part in each["loc"][1:]): [door.words(422)] for each in error.errors}
    return door.refused(request, 422, "invalid", door.words(422), field=next(iter(places), None), errors=places)


@csrf_exempt
@login_not_required
def nothing(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Any other address below ``/api/``: answered as a program understands it."""
    return door.refused(request, 404, "not_found", door.words(404))


def _without_session(patterns: list[Any]) -> list[Any]:
    """A token opens these addresses, never a session, so nobody is sent to sign in."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            pattern.callback = login_not_required(pattern.callback)
        elif isinstance(pattern, URLResolver):
            _without_session(pattern.url_patterns)
    return patterns


_patterns, _app, _namespace = api.urls
urls = (_without_session([*_patterns, re_path(r"^(?P<rest>.*)$", nothing, name="nothing")]), _app, _namespace)
urlpatterns = [path("", urls)]
