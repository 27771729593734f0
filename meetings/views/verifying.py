"""Whether a printed report is signed and still in force: open to anybody who holds the paper, and silent about what is on it."""

from allauth.account import app_settings
from allauth.core.internal import ratelimit  # its public face lets every GET through
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from meetings import seals
from meetings.models import DecisionSeal


@login_not_required
@never_cache
@require_safe
def verify(request: HttpRequest, code: str = "") -> HttpResponse:
    """``/verify/`` asks for the code; ``/verify/<code>/`` (or ``?code=``) says *signed*, *replaced* or that no such report is known (404).
    429 for too many questions from one address."""
    typed = code or request.GET.get("code", "")
    if not typed:
        return _page(request, "ask")
    if not _may_ask(request):
        return _page(request, "busy", status=429)
    read = seals.read(typed)
    found = DecisionSeal.objects.select_related("board").filter(code=read).first() if read else None
    if found is None:
        return _page(request, "unknown", status=404)
    return _page(request, "replaced" if found.replaced_at else "signed", seal=found, spelled=seals.spelled(found.code))


def _may_ask(request: HttpRequest) -> bool:
    limits = app_settings.RATE_LIMITS
    used = ratelimit.consume(request, app="allauth.account", action="verify", config=limits, limit_get=True)
    return used is not None


def _page(request: HttpRequest, state: str, *, status: int = 200, **context: object) -> HttpResponse:
    response = render(request, "meetings/verify.html", {"state": state, **context}, status=status)
    response["X-Robots-Tag"] = "noindex"
    return response
