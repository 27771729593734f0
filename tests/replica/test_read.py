"""A board's figures from a server that follows: near enough it is asked, else the primary; who may look is decided on the primary."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections, router, transaction
from django.test import Client

from cases.models import Case
from mdo import settings as ours
from mdo.directory.models import BoardRole, Person
from mdo.kernel import metrics, replica
from mdo.kernel.acting import tell
from mdo.kernel.clock import now
from tests.cast import Cast, acting_as
from tests.factories import make_case, make_meeting
from tests.failover import follower
from tests.failover.follower import Server
from tests.room_client import sign_in

SECOND_SITTING = "the primary has a sitting that the replica has not"


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[Server]:
    """One that follows the PostgreSQL of this run, every database of it."""
    folder = follower.new_folder()
    programs = Path(os.environ["MDO_BACKUP_PROGRAMS"])
    made = follower.make(
        "reader", os.environ["DATABASE_BACKUP_URL"], programs, folder / "f", ["hot_standby_feedback=on"]
    )
    try:
        follower.until(lambda: follower.answers(address(made)), "the replica", made)
        yield made
    finally:
        follower.end(made)
        folder.rmdir()


def address(server: Server) -> str:
    own = settings.DATABASES["default"]
    return server.url(own["USER"], own["PASSWORD"], own["NAME"])


@pytest.fixture
def reader(committed: None, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The same, as DATABASE_REPLICA_URL would name it."""
    with replica_at(address(server), monkeypatch):
        yield server


@contextmanager
def replica_at(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    connections.settings[replica.ALIAS] = connections.configure_settings(
        {"default": {}, replica.ALIAS: ours._database(url, pool=False)}
    )[replica.ALIAS]
    monkeypatch.setattr(router, "routers", [replica.Router()])
    monkeypatch.setattr(replica, "_rests_until", 0.0)
    try:
        yield
    finally:
        connections[replica.ALIAS].close()
        del connections[replica.ALIAS]
        del connections.settings[replica.ALIAS]


def caught_up(server: Server) -> None:
    """Until it has replayed all that was committed before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn()::text")
        (head,) = cursor.fetchone()
    statement = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"

    def there() -> bool:
        with psycopg.connect(address(server)) as line:
            found = line.execute(statement, [head]).fetchone()
        return bool(found and found[0])

    # The last bit of the log may wait for the next commit, or for PostgreSQL's own writer.
    follower.until(there, "the replica has it all", server)


def given() -> dict[str, float]:
    return {name: metrics.REPLICA_READS.labels(name)._value.get() for name in ("replica", "primary")}


def asked_where() -> str:
    """By which server a page would be drawn now: the primary's, or the replica's address of its socket."""

    def ask() -> str:
        Person.objects.exists()
        alias = router.db_for_read(Person)
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT pg_is_in_recovery()")
            return "replica" if cursor.fetchone()[0] else "primary"

    return replica.read(ask)


@contextmanager
def held_back(server: Server) -> Iterator[None]:
    """What is committed from now on is replayed an hour later."""
    server.set("recovery_min_apply_delay", "1h")
    try:
        yield
    finally:
        server.set("recovery_min_apply_delay", "0")


def test_a_replica_that_is_near_is_read(reader: Server, cast: Cast) -> None:
    before = given()
    caught_up(reader)
    with acting_as(cast.chair):
        assert asked_where() == "replica"
    assert given() == {**before, "replica": before["replica"] + 1}


def test_the_page_of_figures_comes_from_it(reader: Server, cast: Cast, client: Client) -> None:
    make_meeting(cast.board, state="closed", starts_at=now() - timedelta(days=2))
    client.cookies[settings.SESSION_COOKIE_NAME] = sign_in(cast.chair)
    caught_up(reader)
    before = given()
    page = client.get(f"/boards/{cast.board.pk}/figures/")
    report = client.get(f"/boards/{cast.board.pk}/figures.pdf")
    assert (page.status_code, report.status_code) == (200, 200)
    assert given() == {**before, "replica": before["replica"] + 2}


def test_who_may_look_is_asked_of_the_primary(reader: Server, cast: Cast, client: Client) -> None:
    """The role ended a moment ago; the replica does not know it yet."""
    client.cookies[settings.SESSION_COOKIE_NAME] = sign_in(cast.secretary)
    caught_up(reader)
    with held_back(reader):
        BoardRole.objects.filter(person=cast.secretary.person).delete()
        cast.secretary.person.organisation_roles.all().delete()
        assert client.get(f"/boards/{cast.board.pk}/figures/").status_code == 404
        with psycopg.connect(address(reader)) as line:  # the control: the replica would have let them in
            found = line.execute("SELECT count(*) FROM directory_boardrole WHERE person_id = %s", [cast.secretary.pk])
            assert found.fetchone() == (1,)
    caught_up(reader)


def test_a_replica_that_is_behind_is_left(reader: Server, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    caught_up(reader)
    with held_back(reader):
        make_meeting(cast.board)
        # Within the seconds that it may be behind it still answers.
        with acting_as(cast.chair):
            assert asked_where() == "replica"
        monkeypatch.setattr(settings, "MDO_REPLICA_LAG_S", 0)
        before = given()
        with acting_as(cast.chair):
            assert asked_where() == "primary"
        assert given() == {**before, "primary": before["primary"] + 1}
        monkeypatch.setattr(replica, "_near", lambda head, at: True)  # the control: nobody looks how far it is
        with acting_as(cast.chair):
            assert asked_where() == "replica"
    caught_up(reader)


def test_a_replica_that_is_gone_is_left_alone_for_a_while(
    cast: Cast, committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = settings.DATABASES["default"]
    tries, before = 0, given()
    with replica_at(f"postgresql://{own['USER']}@/{own['NAME']}?host=/nowhere", monkeypatch):
        near = replica._head

        def counted() -> Any:
            nonlocal tries
            tries += 1
            return near()

        monkeypatch.setattr(replica, "_head", counted)
        for _ in range(3):
            with acting_as(cast.chair):
                assert asked_where() == "primary"
        assert tries == 1
        assert given() == {**before, "primary": before["primary"] + 3}  # also while nobody asks the replica
        monkeypatch.setattr(replica, "_rests_until", 0.0)
        with acting_as(cast.chair):
            assert asked_where() == "primary"
        assert tries == 2


def test_a_replica_that_dies_while_it_is_read(reader: Server, cast: Cast) -> None:
    asked = []

    def ask() -> int:
        asked.append(router.db_for_read(Person))
        if asked[-1] == replica.ALIAS:
            with (
                psycopg.connect(address(reader), autocommit=True) as other,
                connections[replica.ALIAS].cursor() as cursor,
            ):
                cursor.execute("SELECT pg_backend_pid()")
                other.execute("SELECT pg_terminate_backend(%s)", cursor.fetchone())
        return Person.objects.count()

    caught_up(reader)
    with acting_as(cast.chair):
        everybody = Person.objects.count()
        assert replica.read(ask) == everybody
    assert asked == [replica.ALIAS, None] or asked == [replica.ALIAS, DEFAULT_DB_ALIAS]


def test_without_a_replica_the_primary_answers(cast: Cast) -> None:
    before = given()
    with acting_as(cast.chair):
        assert replica.read(Person.objects.count) == Person.objects.count()
    assert given() == before


def test_a_server_that_was_promoted_is_no_replica(cast: Cast, committed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    own = settings.DATABASES["default"]
    here = f"postgresql://{own['USER']}:{own['PASSWORD']}@/{own['NAME']}?host={own['HOST']}"
    with replica_at(here, monkeypatch), acting_as(cast.chair):
        assert asked_where() == "primary"


def test_rows_are_hidden_there_as_here_and_nothing_can_be_written(reader: Server, cast: Cast) -> None:
    make_case(cast.organiser, cast.requester.person)
    caught_up(reader)
    with acting_as(cast.requester):
        assert replica.read(lambda: (router.db_for_read(Case), Case.objects.count())) == (replica.ALIAS, 1)
    with acting_as(cast.outsider):
        assert replica.read(Case.objects.count) == 0
    with transaction.atomic(using=replica.ALIAS), connections[replica.ALIAS].cursor() as cursor:  # without a door
        cursor.execute("SELECT count(*) FROM cases_case")
        assert cursor.fetchone() == (0,)


def test_the_replicas_door_writes_nothing_even_where_it_could(
    cast: Cast, committed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica that is promoted between the look and the reading."""
    own = settings.DATABASES["default"]
    here = f"postgresql://{own['USER']}:{own['PASSWORD']}@/{own['NAME']}?host={own['HOST']}"
    with replica_at(here, monkeypatch):
        with transaction.atomic(using=replica.ALIAS):
            tell("system", cast.chair.pk, None, "work", using=replica.ALIAS, read_only=True)
            with (
                pytest.raises(DatabaseError, match="read-only"),
                transaction.atomic(using=replica.ALIAS),
                connections[replica.ALIAS].cursor() as cursor,
            ):
                cursor.execute("DELETE FROM django_session")
        with transaction.atomic(using=replica.ALIAS), connections[replica.ALIAS].cursor() as cursor:
            cursor.execute("DELETE FROM django_session")  # the control: that transaction alone was read-only


def test_the_router(reader: Server, cast: Cast) -> None:
    caught_up(reader)
    routes = replica.Router()
    with acting_as(cast.chair):
        there = replica.read(lambda: Person.objects.get(pk=cast.chair.pk))
    here = Person.objects.get(pk=cast.chair.pk)
    assert (there._state.db, here._state.db) == (replica.ALIAS, DEFAULT_DB_ALIAS)
    assert routes.db_for_read(Person, instance=there) == DEFAULT_DB_ALIAS
    assert routes.db_for_write(Person, instance=there) == DEFAULT_DB_ALIAS
    assert routes.db_for_read(Person, instance=here) is None
    assert routes.db_for_write(Person) is None
    assert routes.allow_relation(here, there) is True
    here._state.db = "owner"
    assert routes.allow_relation(here, there) is None
    assert routes.allow_migrate(replica.ALIAS, "directory") is False
    assert routes.allow_migrate("owner", "directory") is None
