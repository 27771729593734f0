"""What somebody gets to see when the site itself failed, or has no such page."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError, connections
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views import defaults

LOST = (OperationalError, InterfaceError)


def fault(request: HttpRequest) -> HttpResponse:
    """500, or 503 where the database went away or would not answer in time: not a fault of the page, and gone in a moment. What was sent
    is then done once or not at all, and sending it again (a reload) does nothing twice; the page says so."""
    lost = isinstance(sys.exc_info()[1], LOST)
    sent = request.method not in ("GET", "HEAD")
    # Without the request: whatever draws the head of a page asks the database.
    page = render_to_string("errors/503.html" if lost else "500.html", {"sent": sent})
    response = HttpResponse(page, status=503 if lost else 500)
    if lost:
        response["Retry-After"] = "5"
    return response


def misunderstood(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 of what Django refuses before anybody is asked who it is, as a host that ``MDO_ORIGINS`` does not name."""
    return HttpResponse(render_to_string("400.html"), status=400)


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 of an address that there is not."""
    with _given_back():
        return defaults.page_not_found(request, exception)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403 of what Django itself refuses; our own refusals are answered by the door."""
    with _given_back():
        return defaults.permission_denied(request, exception)


@contextmanager
def _given_back() -> Iterator[None]:
    """Django draws these pages in a thread beside the request's own, at whose end nobody gives the connection back: it would be kept
    out of the pool for good, and be a dead one after PostgreSQL was restarted."""
    try:
        yield
    finally:
        for each in connections.all(initialized_only=True):
            if not each.in_atomic_block:
                each.close()
