"""Log lines without care content.

Messages of exceptions may quote what somebody typed (PostgreSQL quotes whole rows), so a traceback is written as types and places only.
Query strings hold search words, so paths are written without them.
"""

from __future__ import annotations

import logging
import time
import traceback
from types import TracebackType
from typing import Any


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
        return super().format(record)


def _quiet(value: Any) -> Any:
    return describe(value) if isinstance(value, BaseException) else value
