"""`mdo prepare`: migrate as the tables' owner beside a site that goes on working.

A statement that needs a table for itself waits behind whoever reads it, and everybody who comes after waits behind the statement: one
forgotten transaction would stop the site. So each statement waits a moment only (`lock_timeout`); then the migration is undone, which
lets go of whatever it had, the queue runs free, and it is tried again.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import call_command
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors, sql

from mdo.cli.home import CannotRun

LOCK_WAIT_S = 1.0
"""How long a statement may wait for a lock, and so how long others may wait behind it: less than the two seconds a room's command waits."""

TRIES = 40
PAUSE_S = (0.5, 3.0)
"""Between two tries, at random: forty take about two minutes."""

# These take no lock that readers or writers would wait behind, but wait themselves for every transaction that was there before them.
PATIENT = re.compile(r"\b(CREATE|DROP)\s+(UNIQUE\s+)?INDEX\s+CONCURRENTLY\b|\bREINDEX\b.*\bCONCURRENTLY\b", re.I)
INDEX = re.compile(r"\bCREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+NOT\s+EXISTS\s+)?(\"[^\"]+\"|\w+)", re.I)

ONE_AT_A_TIME = 7_302_026
"""The advisory lock of whoever migrates: two that start at once go one after the other."""


def in_the_way(error: BaseException) -> bool:
    """Whether somebody held what was needed: worth another try."""
    return isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected)


def migrate(
    *,
    lock_wait_s: float = LOCK_WAIT_S,
    tries: int = TRIES,
    pause: Callable[[], None] = lambda: time.sleep(random.uniform(*PAUSE_S)),  # noqa: S311
    tell: Callable[[str], None] = print,
) -> None:
    """Apply what is missing, each migration whole or not at all; safe to run again. Raises CannotRun when somebody stood in the way at every try."""
    if "owner" not in connections:
        raise CannotRun("DATABASE_OWNER_URL is missing: the tables are made by the role that owns them.")
    connection = connections["owner"]
    try:
        connection.ensure_connection()
    except OperationalError as error:
        raise CannotRun(f"The owner (DATABASE_OWNER_URL) does not reach PostgreSQL: {error}") from None

    def again(attempt: int, words: str) -> None:
        if attempt == tries:
            raise CannotRun(
                f"{words}, {tries} times. What was done before stays, the site goes on, nothing is half done: run it again at a quieter"
                " moment, or look who holds the table (pg_stat_activity, pg_locks)."
            )
        tell(f"  {words}; trying again ({attempt} of {tries}).")
        pause()

    with alone(connection, pause), impatient(connection, lock_wait_s, again):
        for attempt in range(1, tries + 1):
            try:
                call_command("migrate", database="owner", verbosity=1, interactive=False)
                break
            except OperationalError as error:
                if not in_the_way(error):
                    raise
                again(attempt, f"A table was in use for longer than {lock_wait_s:g} s")
    call_command("createcachetable", database="owner", verbosity=0)


@contextmanager
def alone(connection: BaseDatabaseWrapper, pause: Callable[[], None]) -> Iterator[None]:
    """As the only one that migrates this database; waits without holding anything."""

    def ask(statement: str) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(statement, [ONE_AT_A_TIME])
            return bool(cursor.fetchone()[0])

    while not ask("SELECT pg_try_advisory_lock(%s)"):
        pause()
    try:
        yield
    finally:
        if connection.is_usable():
            ask("SELECT pg_advisory_unlock(%s)")


@contextmanager
def impatient(connection: BaseDatabaseWrapper, lock_wait_s: float, again: Callable[[int, str], None]) -> Iterator[None]:
    """Statements of this connection wait a moment for a lock. Inside a transaction the error goes on, so that all of it is undone; a
    statement that stands alone is tried again here."""

    def set_wait(seconds: float) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {round(seconds * 1000)}")

    def run(execute: Callable[..., Any], statement: str, values: Any, many: bool, context: dict[str, Any]) -> Any:
        words = str(statement)
        if connection.in_atomic_block or words.startswith("SET lock_timeout"):
            return execute(statement, values, many, context)
        if PATIENT.search(words):
            if index := INDEX.search(words):
                # Its DROP comes through here too, and leaves the wait behind that is set at its end.
                forget_half_made(connection, index[1].strip('"'))
            set_wait(0)
            try:
                return execute(statement, values, many, context)
            finally:
                set_wait(lock_wait_s)
        attempt = 0
        while True:
            attempt += 1
            try:
                return execute(statement, values, many, context)
            except OperationalError as error:
                if not in_the_way(error):
                    raise
                again(attempt, f"A table was in use for longer than {lock_wait_s:g} s")

    set_wait(lock_wait_s)
    with connection.execute_wrapper(run):
        try:
            yield
        finally:
            if connection.is_usable():
                set_wait(0)


def forget_half_made(connection: BaseDatabaseWrapper, name: str) -> None:
    """Drop an index that was begun and never finished: PostgreSQL leaves it behind, slows writes by it and asks nobody of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid WHERE c.oid = to_regclass(quote_ident(%s)) AND NOT i.indisvalid",
            [name],
        )
        if cursor.fetchone():
            cursor.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(sql.Identifier(name)))
