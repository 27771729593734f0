"""What a guest who came in by a link may open in their browser: their own few pages, and nothing else of the site.

A guest is signed in as a person like anybody else, so every page asks ``access`` as always. This stands before all of them: for a
visitor any other address is answered as one that does not exist, the sign-in's own pages included, and what they may know of but not see
yet (the case before their turn and after it) as well. So is everything once they were let out, in the browser in which they had been.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from mdo.kernel.errors import NotFound

WAS_IN = "guest_in"  # the session's key for the invitation by which this browser was let in

PAGES = frozenset({"meetings:guest", "meetings:guest_open", "meetings:guest_code", "meetings:guest_identity"})
INSIDE = frozenset(
    {
        "meetings:room",
        "meetings:stage",
        "cases:document",
        "meetings:call_test",
        "meetings:call_relay",
        "jsi18n",
        "set_language",
    }
)
# Shown inside the room alone: a tab or frame of their own would keep them after the room has let go of them.
PARTS = frozenset({"meetings:stage", "cases:document"})
APART = frozenset({"document", "iframe", "frame", "embed", "object"})


def is_guest(request: HttpRequest) -> bool:
    """Whether this browser is, or was, a guest's."""
    return getattr(request.user, "visitor", False) or WAS_IN in request.session


class GuestDoor:
    """Stands after who is there is known and before anybody is sent to sign in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code in (403, 404) and is_guest(request) and not request.path.startswith("/guest/"):
            return render(request, "meetings/guest_nothing.html", status=404)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        match = request.resolver_match
        name = match.view_name if match else ""
        if name in PAGES or not is_guest(request):
            return None
        apart = name in PARTS and request.headers.get("Sec-Fetch-Dest") in APART
        if request.user.is_authenticated and name in INSIDE and not apart:
            return None
        # Written down and answered by the door, as if a page had refused.
        request.refusal = NotFound()  # type: ignore[attr-defined]
        return HttpResponse(status=404)
