"""The site's addresses and a few more, behind which requests are refused in every way."""

from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

from cases.access import access_case_for_reading
from cases.models import Case
from mdo.directory.models import Organisation
from mdo.kernel import errors
from mdo.kernel.acting import current
from mdo.urls import urlpatterns as site

REFUSALS: dict[str, Callable[[], Exception]] = {
    "not_found": lambda: errors.NotFound(),
    "forbidden": lambda: errors.Denied(),
    "rule": lambda: errors.RuleBroken("The meeting is over.", field="item"),
    "invalid": lambda: errors.Invalid({"title": ["Give a title."], "minutes": ["Too long."]}),
    "stale": lambda: errors.Stale("It changed.", current=7),
    "id_reused": lambda: errors.IdReused("Sent before.", field="id"),
    "unavailable": lambda: errors.Unavailable("Try again."),
}


def refuse(request: HttpRequest, kind: str) -> HttpResponse:
    """Write something, then refuse: what was written must be undone."""
    if request.user.is_authenticated:
        Organisation.objects.create(name="Nowhere", short_name="N")
    raise REFUSALS[kind]()


def fail(request: HttpRequest) -> HttpResponse:
    Organisation.objects.create(name="Nowhere", short_name="N")
    return HttpResponse("It went wrong.", status=500)


def raise_fault(request: HttpRequest) -> HttpResponse:
    raise KeyError(Organisation.objects.create(name="Nowhere", short_name="N"))


def here(request: HttpRequest) -> HttpResponse:
    """Who acts, for whom, and what the database was told."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('mdo.kind'), current_setting('mdo.organisation')")
        kind, organisation = cursor.fetchone()
    door = current()
    Organisation.objects.create(name="Somewhere", short_name="S")
    return HttpResponse(f"{kind} {organisation} {door.purpose} {request.organisation.short_name}")  # type: ignore[attr-defined]


def case(request: HttpRequest) -> HttpResponse:
    found = access_case_for_reading(request.user, Case.objects.get().pk)  # type: ignore[arg-type]
    return HttpResponse(found.patient.display_name)


@login_not_required
def refuse_anybody(request: HttpRequest, kind: str) -> HttpResponse:
    return refuse(request, kind)


urlpatterns = [
    path("refuse/<kind>/", refuse, name="refuse"),
    path("refuse-anybody/<kind>/", refuse_anybody),
    path("fail/", fail),
    path("raise/", raise_fault),
    path("here/", here),
    path("case/", case),
    *site,
]
