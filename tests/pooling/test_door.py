"""Behind PgBouncer in transaction pooling, nothing of one actor meets the next: many threads share one or two server connections."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from cases.models import Case
from mdo.kernel import acting as door
from mdo.kernel.acting import System, acting, elevated
from tests.cast import Cast, Member
from tests.factories import make_case
from tests.kernel.test_acting import KEYS, NOTHING, told
from tests.pooling import bouncer
from tests.pooling.bouncer import Bouncer

THREADS, TURNS = 8, 30
PATIENCE = ("lock_timeout", "statement_timeout", "TimeZone", "search_path", "role")


@pytest.fixture
def pool(committed: None, request: pytest.FixtureRequest) -> Iterator[Bouncer]:
    """One server connection for everybody, or as many as the test is told."""
    size = str(getattr(request, "param", 1))
    with bouncer.running(bouncer.test_url(), default_pool_size=size, reserve_pool_size="0") as running:
        yield running


@dataclass
class Seen:
    """What the threads met, added up."""

    leaks: list[str] = field(default_factory=list)
    threads_of: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    turns: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def expect(self, what: str, found: Any, wanted: Any) -> None:
        if found != wanted:
            with self.lock:
                self.leaks.append(f"{what}: {found!r} instead of {wanted!r}")

    def here(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid = int(cursor.fetchone()[0])
        with self.lock:
            self.threads_of[pid].add(threading.get_ident())


def plain_settings() -> tuple[str, ...]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(f"current_setting('{name}')" for name in PATIENCE))
        return tuple(cursor.fetchone())


def visible() -> set[UUID]:
    return set(Case.objects.values_list("pk", flat=True))


def fine() -> None:
    """A door that is closed as it should be."""


def raises() -> None:
    raise KeyError("ours")


def breaks_the_transaction() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1/0")


def breaks_a_savepoint() -> None:
    with pytest.raises(DatabaseError, match="division by zero"), transaction.atomic():
        breaks_the_transaction()


def reads_as_the_house() -> None:
    with elevated("label"):
        visible()


def breaks_as_the_house() -> None:
    with elevated("label"):
        raise KeyError("ours")


def loses_the_line() -> None:
    connection.connection.close()
    raise KeyError("gone")


WAYS: tuple[Callable[[], None], ...] = (
    fine,
    fine,
    raises,
    breaks_the_transaction,
    breaks_a_savepoint,
    reads_as_the_house,
    breaks_as_the_house,
    loses_the_line,
)


def people(cast: Cast) -> list[tuple[Member, set[UUID]]]:
    """Who acts, and the cases of their hospital: each sees these and no others."""
    found = []
    for member in (cast.requester, cast.partner, cast.outsider):
        made = {make_case(member.organisation, member.person).pk for _ in range(2)}
        found.append((member, made))
    return found


def turns(number: int, cast: Cast, acts: list[tuple[Member, set[UUID]]], seen: Seen, plain: tuple[str, ...]) -> None:
    """One thread: door after door, each another actor, closed in another way; and between them a look without any door."""
    rng = random.Random(number)
    try:
        for _ in range(TURNS):
            member, own = rng.choice(acts)
            way = rng.choice(WAYS)
            try:
                with acting(member.person, member.organisation_id, "care", lock_timeout_ms=rng.choice((None, 1500))):
                    expected = ("person", str(member.pk), str(member.organisation_id), "care", "")
                    seen.expect("within the door", told(), expected)
                    seen.expect("cases within the door", visible(), own)
                    seen.here()
                    way()
            except (KeyError, DatabaseError, psycopg.OperationalError):
                pass
            seen.expect("after the door", told(), NOTHING)
            with transaction.atomic():
                seen.expect("in a transaction without a door", told(), NOTHING)
                seen.expect("cases without a door", visible(), set())
                seen.expect("settings", plain_settings(), plain)
            if rng.random() < 0.3:
                connection.close()
            with seen.lock:
                seen.turns += 1
    finally:
        connection.close()


def everybody(cast: Cast) -> Seen:
    seen = Seen()
    acts = people(cast)
    plain = plain_settings()
    connection.close()
    with ThreadPoolExecutor(THREADS) as threads:
        for each in [threads.submit(turns, number, cast, acts, seen, plain) for number in range(THREADS)]:
            each.result()
    return seen


@pytest.mark.parametrize("pool", [1, 2], indirect=True)
def test_nothing_of_the_door_meets_the_next_client(pool: Bouncer, cast: Cast) -> None:
    with bouncer.led_through(pool):
        seen = everybody(cast)
    assert seen.leaks == []
    assert seen.turns == THREADS * TURNS
    # Or the test would show nothing: one server connection served many of the threads.
    assert max(len(each) for each in seen.threads_of.values()) >= THREADS // 2


def test_settings_of_the_session_would(pool: Bouncer, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: the same threads, with a door that sets for the session instead of the transaction."""

    def for_the_session(kind: str, actor_id: object, organisation_id: object, purpose: str, **_: Any) -> None:
        values = (kind, str(actor_id), str(organisation_id or ""), purpose)
        calls = ", ".join("set_config(%s, %s, false)" for _ in values)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {calls}", [part for pair in zip(KEYS, values, strict=False) for part in pair])

    with bouncer.led_through(pool):
        acts = people(cast)
        connection.close()
        monkeypatch.setattr(door, "tell", for_the_session)
        seen = Seen()
        with ThreadPoolExecutor(THREADS) as threads:
            for each in [threads.submit(turns, number, cast, acts, seen, ()) for number in range(THREADS)]:
                each.result()
    assert any(leak.startswith("in a transaction without a door") for leak in seen.leaks)
    assert any(leak.startswith("cases without a door") for leak in seen.leaks)  # another hospital's, to nobody


def test_a_statement_prepared_for_one_is_missing_for_the_next(pool: Bouncer) -> None:
    """The negative control of `prepare_threshold`: what the room's threads do without a pooler fails behind one."""
    with closing(psycopg.connect(pool.url, prepare_threshold=0)) as one, one.transaction():
        one.execute("SELECT 1")
    with (
        closing(psycopg.connect(pool.url, prepare_threshold=0)) as other,
        pytest.raises(psycopg.errors.DuplicatePreparedStatement),
    ):
        other.execute("SELECT 1")


def test_rooms_prepare_nothing_and_long_lists_keep_no_cursor(pool: Bouncer) -> None:
    with bouncer.led_through(pool):
        assert connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"] is True
        connection.ensure_connection()
        assert connection.connection.prepare_threshold is None
        with acting(System("verify"), None, "work"):
            assert [case.pk for case in Case.objects.iterator(1)] == []


def test_the_limits_of_a_transaction_hold_behind_the_pooler(pool: Bouncer) -> None:
    """They cannot be asked for at the start of a connection there, so the role has them."""
    with bouncer.led_through(pool), connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')"
        )
        assert cursor.fetchone() == ("1min", "1min")
