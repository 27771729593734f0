"""What other servers tell this one. They carry no cookie but a signature, which is looked at before anything else."""

import logging
from typing import Final

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from mdo.kernel.errors import Unavailable
from meetings import call

logger = logging.getLogger(__name__)

LARGEST: Final = 64 * 1024


@csrf_exempt
@login_not_required
@never_cache
@require_POST
def livekit_hook(request: HttpRequest) -> HttpResponse:
    """``POST /hooks/livekit/``: a webhook of the media server (livekit/protocol, ``webhook``), its body signed in a token in the
    header Authorization. 200 also for what is no news here; 400, 401 and 413 in words; 503 when it is to be told again later."""
    if not call.server_configured():
        return _refused(400, _("This site has no media server."))
    body = request.read(LARGEST + 1)
    if len(body) > LARGEST:
        return _refused(413, _("This is too large."))
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token:
        return _refused(401, _("The signature is missing."))
    from google.protobuf.json_format import ParseError
    from livekit import api

    from meetings.room import stays

    verifier = api.TokenVerifier(settings.MDO_LIVEKIT_KEY, settings.MDO_LIVEKIT_SECRET)
    try:
        event = api.WebhookReceiver(verifier).receive(body.decode(), token)
    except (ParseError, UnicodeDecodeError):
        return _refused(400, _("This message was not understood."))
    except Exception as error:  # of the library, of its parts, and of whatever somebody made up
        logger.warning("a webhook of the media server was not signed by it (%s)", type(error).__name__)
        return _refused(401, _("The signature does not fit."))
    try:
        stays.hear(event)
    except OperationalError as error:
        raise Unavailable() from error
    return HttpResponse(status=200)


def _refused(status: int, words: str) -> HttpResponse:
    return HttpResponse(words, status=status, content_type="text/plain; charset=utf-8")
