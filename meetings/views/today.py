"""Today: the first page after signing in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from mdo.kernel.clock import now
from meetings import waiting
from meetings.views.showing import person, private, trace


@private
@require_safe
def today(request: HttpRequest) -> HttpResponse:
    """The next meeting with its button, what waits for whoever asks, and nothing else."""
    page = waiting.today(person(request))
    named = [(each.hospital_id, each.case_id) for each in (*page.returned.shown, *page.drafts.shown)]
    named += [(each.hospital_id, each.case_id) for each in page.outcomes if each.case_id]
    trace("today.listed", named)
    return render(request, "today.html", {"today": page, "now": now()})
