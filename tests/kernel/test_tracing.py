"""Traces reach a collector that asked for them, whole and without content; nobody else pays for them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from django.test import Client
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from mdo.directory.actions.account import choose_language
from mdo.environment import BASE_DIR
from mdo.kernel import tracing
from mdo.kernel.errors import Invalid
from tests.architecture.world import CANARY
from tests.cast import Cast, acting_as
from tests.parts import child_environment

ERROR = 2


class Heard(ThreadingHTTPServer):
    """A collector of traces on loopback, as OTLP over HTTP has it; what it was sent, in spans and in bytes."""

    def __init__(self) -> None:
        self.bytes = b""
        super().__init__(("127.0.0.1", 0), Listening)
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}/v1/traces"

    @property
    def spans(self) -> list[Any]:
        """In the order in which they ended."""
        told = ExportTraceServiceRequest.FromString(self.bytes)  # messages behind each other are one message
        return [span for each in told.resource_spans for scope in each.scope_spans for span in scope.spans]


class Listening(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Heard)
        self.server.bytes += self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing on the screen."""


@pytest.fixture
def collector(settings: Any) -> Iterator[Heard]:
    with Heard() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        settings.MDO_TRACES = server.endpoint
        yield server
        tracing.provider(server.endpoint).shutdown()
        server.shutdown()
    tracing.provider.cache_clear()


def told(collector: Heard) -> list[Any]:
    assert tracing.provider(collector.endpoint).force_flush()
    return collector.spans


def words(span: Any) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def test_a_request_and_what_it_does_are_one_trace(cast: Cast, collector: Heard) -> None:
    client = Client()
    client.force_login(cast.chair.person)
    answer = client.post("/language/", {"language": "fr", "next": f"/cases/?q={CANARY}"})
    client.generic(CANARY, f"/{CANARY}/")
    action, request, nowhere = told(collector)
    assert (action.name, request.name, nowhere.name) == ("person.choose_language", "POST set_language", "_OTHER none")
    assert (action.parent_span_id, action.trace_id) == (request.span_id, request.trace_id)
    assert (request.parent_span_id, nowhere.trace_id != request.trace_id) == (b"", True)
    assert words(request) == {
        "http.request.method": "POST",
        "http.route": "set_language",
        "http.response.status_code": answer.status_code,
        "mdo.request": answer["X-Request-ID"],
    }
    assert words(action) == {}
    for content in (CANARY, str(cast.chair.pk), "/cases/", str(BASE_DIR)):
        assert content.encode() not in collector.bytes


def test_what_goes_wrong_is_told_by_its_type(cast: Cast, collector: Heard) -> None:
    with acting_as(cast.chair) as by, pytest.raises(Invalid):
        choose_language(by=by, language=CANARY)
    (span,) = told(collector)
    assert (span.name, span.status.code, words(span)) == ("person.choose_language", ERROR, {"error.type": "Invalid"})
    assert (CANARY.encode() in collector.bytes, list(span.events)) == (False, [])


def test_without_a_collector_nothing_is_traced(cast: Cast, settings: Any) -> None:
    assert settings.MDO_TRACES == ""
    with tracing.span("nothing") as opened:
        assert opened is None
    look = (
        "import django, sys; django.setup(); from django.test import Client; Client().get('/accounts/login/');"
        " print(any(name.startswith('opentelemetry.exporter') for name in sys.modules))"
    )
    command = [sys.executable, "-c", look]
    found = subprocess.run(command, env=child_environment(), cwd=BASE_DIR, capture_output=True, text=True, check=True)
    assert found.stdout.split()[-1] == "False"
