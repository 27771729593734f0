"""Traces for a hospital's collector (OpenTelemetry), where ``MDO_TRACES`` names one; without it nothing is traced or sent.

As with ``metrics``: a span's name and attributes are words that stand in the code (a route, an action, a class of error), a status, and the id
by which a request's log lines belong together. Never an id of something, a path, a statement, a message, anything that somebody sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

EXPORT_WITHIN_S = 5
"""A collector that is away or slow holds nothing up but the thread that sends, and the end of a process no longer than this."""


@contextmanager
def span(name: str, **told: str | int) -> Iterator[Span | None]:
    """What is done inside is one span, below the one around it; ``None`` where nobody wants traces. What goes wrong is told by its type."""
    if not settings.MDO_TRACES:
        yield None
        return
    from opentelemetry.trace import StatusCode

    tracer = provider(settings.MDO_TRACES).get_tracer("mdo")
    with tracer.start_as_current_span(
        name, attributes=told, record_exception=False, set_status_on_exception=False
    ) as opened:
        try:
            yield opened
        except BaseException as error:
            opened.set_attribute("error.type", type(error).__name__)
            opened.set_status(StatusCode.ERROR)
            raise


@cache
def provider(endpoint: str) -> TracerProvider:
    """What collects this process's spans and sends them from a thread of its own; made with the first span, so after any fork."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # Not Resource.create(): it would add the command line, the folder and the host's name.
    made = TracerProvider(resource=Resource({"service.name": "mdo"}))
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_WITHIN_S)
    made.add_span_processor(BatchSpanProcessor(exporter, export_timeout_millis=EXPORT_WITHIN_S * 1000))
    return made
