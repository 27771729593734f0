"""The room's own threads, and the database connection that each of them keeps.

Bounded: a slow room waits for a thread of its own kind and takes none from the pages. Reading has threads of its own, so that
commands that wait for a lock never hold back what other rooms see.

A room asks the same few dozen statements again and again, and under row-level security their planning costs PostgreSQL several
times what their execution costs. So these threads, and only they, let the server keep the plans (``PREPARE``, by psycopg), and
keep their connection from one piece of work to the next: a plan belongs to a connection. What the door tells PostgreSQL still
ends with each transaction. Behind PgBouncer a connection is another one after each transaction, so there nothing is prepared.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor  # type: ignore[attr-defined]  # missing in the stubs

T = TypeVar("T")

KEPT_S = 5.0  # idle for longer: back to the pool, which looks whether it still lives before it gives it out again
# The second time that a connection is asked the same; never behind PgBouncer.
PREPARED_FROM = None if settings.MDO_POOLED else 2

command_threads = ThreadPoolExecutor(6, thread_name_prefix="room-command")
reading_threads = ThreadPoolExecutor(4, thread_name_prefix="room-reading")


class _Own(threading.local):
    used_at = 0.0
    plain: Any = None


_own = _Own()


def with_connection(function: Callable[[], T]) -> T:
    """Run a blocking function in a room's thread, on its connection. After a fault of the database the connection is given up."""
    if monotonic() - _own.used_at > KEPT_S:
        _give_back()
    try:
        _take()
        return function()
    finally:
        _own.used_at = monotonic()
        if connection.errors_occurred or connection.in_atomic_block:
            if connection.connection is not None:
                connection.connection.close()  # for good: it, and whatever was prepared on it
            _give_back()


def _take() -> None:
    connection.ensure_connection()
    line = connection.connection
    if line.cursor_factory is not ServerBindingCursor:
        _own.plain = (line.cursor_factory, line.prepare_threshold)
        line.cursor_factory, line.prepare_threshold = ServerBindingCursor, PREPARED_FROM


def _give_back() -> None:
    line = connection.connection
    if line is not None and _own.plain is not None:
        line.cursor_factory, line.prepare_threshold = _own.plain
    _own.plain = None
    connection.close()
