"""Looking back from a case: everything that boards decided for this patient, and, where the site wants it, for others alike."""

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from cases import access as cases
from cases.views.identity import identity
from mdo.kernel.errors import Denied
from meetings.timeline import alike, timeline
from meetings.views.showing import acting_for, person, private


@private
@require_safe
def case_timeline(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """``GET /cases/<id>/timeline/``: for those who read the whole case. Writes the read row, and which decisions were shown."""
    by = person(request)
    case = cases.access_case_for_reading(by, case_id)
    place = cases.place(by, case)
    if place.is_guest or place.pseudonyms:
        raise Denied()
    context = {
        "acting_for": acting_for(request),
        "case": case,
        "identity": identity(case.patient, case.hospital),
        "moments": timeline(by, case, get_language()),
        "looks_alike": settings.MDO_SIMILAR_CASES,
        "alike": alike(by, case, get_language()) if settings.MDO_SIMILAR_CASES else [],
    }
    return render(request, "meetings/timeline.html", context)
