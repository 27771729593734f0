"""The room's threads keep their connection and the plans on it; what broke is given up, and nobody else gets what they prepared."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.db.backends.postgresql.base import Cursor  # type: ignore[attr-defined]

from mdo.kernel.acting import System, acting
from meetings.models import Meeting
from meetings.room import threads

pytestmark = pytest.mark.usefixtures("committed")

HOUSE = System("test")


@pytest.fixture
def room_thread() -> Iterator[Any]:
    """Runs functions one after the other in one thread of a room."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda function: pool.submit(threads.with_connection, function).result(20)
        pool.submit(threads._give_back).result(20)


def ask(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def look() -> int:
    with acting(HOUSE, None, "room"):
        return Meeting.objects.filter(place="").count()


def look_elsewhere() -> int:
    """As ``look``, in other words: nothing that a room's thread asked on this connection before it came here."""
    with acting(HOUSE, None, "room"):
        return Meeting.objects.filter(series_day=None).count()


def prepared() -> list[str]:
    """Of these very questions: a connection out of the pool may know others, from another room's thread."""
    statements = [name for (name,) in ask("SELECT statement FROM pg_prepared_statements")]
    start = 'SELECT COUNT(*) AS "__count" FROM "meetings_meeting" WHERE'
    return [each for each in statements if each.startswith(start) and ('"place"' in each or '"series_day"' in each)]


def process() -> int:
    return int(ask("SELECT pg_backend_pid()")[0][0])


def test_what_is_asked_again_is_planned_once(room_thread: Any) -> None:
    for _ in range(4):
        room_thread(look)
    # Behind PgBouncer a connection is another one after each transaction: nothing is prepared.
    assert len([each for each in room_thread(prepared) if '"place"' in each]) == (0 if settings.MDO_POOLED else 1)
    assert settings.MDO_POOLED or room_thread(process) == room_thread(process)


def test_pages_prepare_nothing() -> None:
    """The control: outside of a room's thread the same query is planned each time."""
    for _ in range(4):
        look_elsewhere()
    assert [each for each in prepared() if '"series_day"' in each] == []


def test_what_the_door_said_ends_with_the_transaction(room_thread: Any) -> None:
    room_thread(look)
    assert room_thread(lambda: ask("SELECT coalesce(current_setting('mdo.actor', true), '')")) == [("",)]


def test_a_broken_connection_is_given_up(room_thread: Any) -> None:
    first = room_thread(process)
    with pytest.raises(OperationalError):
        room_thread(lambda: ask("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert room_thread(process) != first
    assert room_thread(look) == 0


def test_who_comes_after_gets_a_plain_connection(room_thread: Any) -> None:
    room_thread(look)

    def back() -> tuple[Any, Any]:
        line = connection.connection
        threads._give_back()
        return line.cursor_factory, line.prepare_threshold

    assert room_thread(back) == (Cursor, None)
