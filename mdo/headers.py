"""What every answer carries for the browser, and what every page knows about the mode."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from mdo import __version__


def policy() -> str:
    """The content security policy: everything from this site, nothing inline, nothing from other hosts.

    Sockets are named beside 'self' because older Safari does not count `ws:` of the same host as 'self'. An IPv6 address cannot be
    written in a policy: browsers complain about it and ignore it.
    """
    sockets = [origin.replace("http", "ws", 1) for origin in settings.MDO_ORIGINS]
    # The hospital's own media servers: their client asks over HTTP what went wrong when its socket does not open.
    media = [url for server in settings.MDO_LIVEKIT for url in (server, server.replace("ws", "http", 1))]
    reached = " ".join(url for url in (*sockets, *media) if "[" not in url)
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            f"connect-src 'self' {reached}",
            "frame-src 'self'",
            "worker-src 'self'",
            "manifest-src 'self'",
            "form-action 'self'",
            "frame-ancestors 'self'",
            "base-uri 'none'",
            "object-src 'none'",
        )
    )


class ContentSecurityPolicy:
    """Sets the policy on every answer and keeps pages of people who are signed in out of shared caches."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.policy = policy()

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.policy)
        response.headers.setdefault(
            "Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), geolocation=()"
        )
        if not request.path.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "no-store, private")
        return response


def mode(request: HttpRequest) -> dict[str, bool | str]:
    """For templates: `demo` (the mailbox link and the banner that says the data are fictional) and `version` (the footer)."""
    return {"demo": settings.DEMO, "version": __version__}
