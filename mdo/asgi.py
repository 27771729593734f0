"""The whole application: pages over HTTP, rooms over WebSocket."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mdo.settings")
pages = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import OriginValidator  # noqa: E402
from channels.sessions import CookieMiddleware  # noqa: E402
from django.conf import settings  # noqa: E402
from django.urls import path, re_path  # noqa: E402

from meetings.room.call_test import CallTestConsumer  # noqa: E402
from meetings.room.consumer import NowhereConsumer, RoomConsumer  # noqa: E402


class SessionCookieName:
    """Tells the room which cookie holds the session, so that it reads nothing of Django's settings itself."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        return await self.inner({**scope, "session_cookie": settings.SESSION_COOKIE_NAME}, receive, send)


sockets = URLRouter(
    [
        path("ws/meetings/<uuid:meeting_id>/", RoomConsumer.as_asgi()),
        path("ws/call-test/", CallTestConsumer.as_asgi()),
        re_path(r"^.*$", NowhereConsumer.as_asgi()),
    ]
)
# Full origins: Channels' validator for allowed hosts ignores scheme and port.
application = ProtocolTypeRouter(
    {
        "http": pages,
        "websocket": OriginValidator(CookieMiddleware(SessionCookieName(sockets)), settings.MDO_ORIGINS),
    }
)
