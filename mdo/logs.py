"""Log lines without care content.

Messages of exceptions may quote what somebody typed (PostgreSQL quotes whole rows), so a traceback is written as types and places only.
Query strings hold search words, so paths are written without them.
"""

from __future__ import annotations

import json
import logging
import re
import time
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any

_REQUEST_ID = re.compile(r"[0-9a-f-]{16,64}", re.IGNORECASE)
"""Hexadecimal digits and dashes, as proxies make them: room for an id, none for a name, and too long for a number of a person."""

_request: ContextVar[str] = ContextVar("mdo_request", default="")


@contextmanager
def request(given: str | None) -> Iterator[str]:
    """Names what is logged inside after one request: by the id that came with it, or by a new one where none came or it is no id."""
    found = given if given and _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    token = _request.set(found)
    try:
        yield found
    finally:
        _request.reset(token)


def describe(error: BaseException) -> str:
    """Type, SQLSTATE and constraint of an error; never its message."""
    words = [f"{type(error).__module__}.{type(error).__qualname__}"]
    cause: BaseException | None = error
    while cause is not None:
        sqlstate = getattr(cause, "sqlstate", None)
        if sqlstate:
            words.append(f"sqlstate={sqlstate}")
            constraint = getattr(getattr(cause, "diag", None), "constraint_name", None)
            if constraint:
                words.append(f"constraint={constraint}")
            break
        cause = cause.__cause__
    return " ".join(words)


class PlainFormatter(logging.Formatter):
    """`2026-11-25T13:00:00Z WARNING name: message`, with types and places for an error."""

    def __init__(self) -> None:
        super().__init__("%(asctime)sZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime

    def formatException(  # noqa: N802 (the name is logging's)
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        lines = []
        error = ei[1]
        while error is not None:
            places = traceback.extract_tb(error.__traceback__)
            lines.append(describe(error))
            lines += [f"  {place.filename}:{place.lineno} in {place.name}" for place in places]
            error = error.__cause__ or error.__context__
        return "\n".join(lines)

    def format(self, record: logging.LogRecord) -> str:
        return super().format(_without_content(record))


class JsonFormatter(PlainFormatter):
    """One JSON object a line: `time`, `level`, `logger`, `event`, and `request` and `error` where there are such."""

    def format(self, record: logging.LogRecord) -> str:
        record = _without_content(record)
        said = {
            "time": f"{self.formatTime(record, self.datefmt)}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        if _request.get():
            said["request"] = _request.get()
        if record.exc_info and record.exc_info[1]:
            said["error"] = self.formatException(record.exc_info)
        return json.dumps(said)


def _without_content(record: logging.LogRecord) -> logging.LogRecord:
    """A copy whose arguments and error cannot tell what somebody typed."""
    record = logging.makeLogRecord(record.__dict__)
    record.exc_text = None
    if isinstance(record.args, dict):
        record.args = {key: _quiet(value) for key, value in record.args.items()}
        # Celery puts the error's text, its traceback and the task's arguments into its own line.
        for key in ("exc", "traceback", "args", "kwargs"):
            if key in record.args:
                record.args[key] = "(not logged)"
    elif isinstance(record.args, tuple):
        record.args = tuple(_quiet(value) for value in record.args)
    return record


def _quiet(value: Any) -> Any:
    return describe(value) if isinstance(value, BaseException) else value
