"""Around every request: an id for its log lines, a count, and the answer to whoever collects the counts."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from http import HTTPMethod
from time import monotonic

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed

from mdo import logs
from mdo.kernel import metrics, tracing

HEADER = "X-Request-ID"


class Watched:
    """Gives each request an id (a proxy's, where it sent one), counts it under its route's name, and answers ``/metrics``.

    ``/metrics`` is there only with ``MDO_METRICS_TOKEN``, and only for whoever sends it: ``Authorization: Bearer …``. Without the setting the
    address is one that does not exist.
    """

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with logs.request(request.headers.get(HEADER)) as request_id:
            if request.path_info == "/metrics" and settings.MDO_METRICS_TOKEN:
                response: HttpResponseBase = _metrics(request)
            else:
                response = self._answer(request, request_id)
            response.headers[HEADER] = request_id
        return response

    def _answer(self, request: HttpRequest, request_id: str) -> HttpResponseBase:
        began = monotonic()
        method = request.method if request.method in HTTPMethod.__members__ else "_OTHER"
        with tracing.span("request", **{"http.request.method": str(method), "mdo.request": request_id}) as span:
            response = self.get_response(request)
            route = _route(request)
            if span is not None:
                span.update_name(f"{method} {route}")
                span.set_attributes({"http.route": route, "http.response.status_code": response.status_code})
        metrics.request(route, response.status_code, monotonic() - began)
        return response


def _route(request: HttpRequest) -> str:
    """The name of the address in the table of addresses; one word for files, and one for what is no address."""
    if request.resolver_match is not None:
        return request.resolver_match.view_name
    return "static" if request.path_info.startswith(settings.STATIC_URL) else "none"


def _metrics(request: HttpRequest) -> HttpResponse:
    from prometheus_client import CONTENT_TYPE_LATEST

    from mdo.watch import exposition

    said = request.headers.get("Authorization", "").encode("utf-8", "replace")
    if not hmac.compare_digest(said, b"Bearer " + settings.MDO_METRICS_TOKEN.encode()):
        response = HttpResponse("A token is needed.\n", content_type="text/plain", status=401)
        response.headers["WWW-Authenticate"] = "Bearer"
    elif request.method not in ("GET", "HEAD"):
        response = HttpResponseNotAllowed(["GET", "HEAD"])
    else:
        response = HttpResponse(exposition.text(), content_type=CONTENT_TYPE_LATEST)
    response.headers["Cache-Control"] = "no-store"
    return response
