"""The page on which anybody tries out, before a meeting, whether picture and sound will reach the others.

Everything is measured in the browser and stays there. The server gives two things: echoes (``meetings/room/call_test.py``) and
credentials of the relay that end after a few minutes, for a peer that is in no call.
"""

from uuid import uuid4

from allauth.core import ratelimit
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from mdo.kernel.clock import now
from meetings.room import relay
from meetings.room.connection import iso


@never_cache
@require_GET
def call_test(request: HttpRequest) -> HttpResponse:
    """The page. Shows nothing of anybody; a guest by link sees it without the site around it."""
    return render(request, "meetings/call_test.html")


@never_cache
@require_POST
def call_relay(request: HttpRequest) -> JsonResponse:
    """``{"ice": [RTCIceServer], "expires_at": iso, "servers": [wss…]}``: how to reach the relay, and where the media server is.

    The peer is made up: what one is given here opens no call. 429 for whoever asks too often.
    """
    if not ratelimit.consume(request, action="call_test"):
        return JsonResponse({"message": _("Too many attempts. Wait a few minutes and try again.")}, status=429)
    at = now()
    return JsonResponse(
        {
            "ice": relay.ice_servers(str(uuid4()), at),
            "expires_at": iso(at + relay.LASTS),
            "servers": settings.MDO_LIVEKIT,
        }
    )
