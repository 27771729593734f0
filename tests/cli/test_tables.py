"""`mdo prepare` beside a site that works: a table that is in use is waited for briefly, again and again, and nobody queues behind it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import DatabaseError, connections, migrations

from mdo.cli import tables
from mdo.cli.home import CannotRun
from tests.cli.rehearsal import r001_rehearsal

ADD = migrations.RunSQL("ALTER TABLE rehearsal ADD COLUMN added integer")


@pytest.fixture
def owner(committed, settings, capsys):
    """A connection of the tables' owner, beside the one that migrates; a table to quarrel about; one migration still to do."""
    settings.MIGRATION_MODULES = {"kernel": "tests.cli.rehearsal"}
    with connect() as connection:
        connection.execute("CREATE TABLE rehearsal (number integer)")
        yield connection
        connection.execute("DROP TABLE rehearsal; DELETE FROM django_migrations WHERE name = 'r001_rehearsal'")


def connect():
    at = django_settings.DATABASES["owner"]
    return psycopg.connect(
        dbname=at["NAME"],
        user=at["USER"],
        password=at["PASSWORD"],
        host=at["HOST"] or None,
        port=at["PORT"] or None,
        autocommit=True,
    )


@pytest.fixture
def reader(owner):
    """Somebody whose transaction has read the table and is not over."""
    with connect() as connection:
        connection.execute("BEGIN; SELECT * FROM rehearsal")
        yield connection


@pytest.fixture
def doing(monkeypatch):
    """What the migration does."""

    def does(*operations, atomic=True):
        monkeypatch.setattr(r001_rehearsal.Migration, "operations", list(operations))
        monkeypatch.setattr(r001_rehearsal.Migration, "atomic", atomic)

    return does


def columns(connection):
    return {
        name
        for (name,) in connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'rehearsal'"
        )
    }


@pytest.mark.parametrize("atomic", [True, False])
def test_a_table_in_use_is_tried_again_until_it_is_free(owner, reader, doing, atomic):
    doing(ADD, atomic=atomic)
    told: list[Any] = []
    pauses = []

    def pause():
        pauses.append(1)
        if len(pauses) == 2:
            reader.execute("COMMIT")

    tables.migrate(lock_wait_s=0.05, tries=5, pause=pause, tell=told.append)
    assert told == [
        f"  A table was in use for longer than 0.05 s; trying again ({attempt} of 5)." for attempt in (1, 2)
    ]
    assert columns(owner) == {"number", "added"}


def test_who_gives_up_has_changed_nothing_and_says_what_to_do(owner, reader, doing):
    doing(migrations.RunSQL("CREATE TABLE rehearsal_too (number integer)"), ADD)
    with pytest.raises(CannotRun, match=r"in use for longer than 0\.05 s, 2 times"):
        tables.migrate(lock_wait_s=0.05, tries=2, pause=lambda: None, tell=lambda _: None)
    assert columns(owner) == {"number"}
    assert owner.execute("SELECT to_regclass('rehearsal_too')").fetchone() == (None,)
    assert owner.execute("SELECT 1 FROM django_migrations WHERE name = 'r001_rehearsal'").fetchone() is None


@pytest.mark.parametrize(("lock_wait_s", "passes"), [(0.05, True), (20, False)])
def test_others_do_not_queue_behind_what_waits(owner, reader, doing, lock_wait_s, passes):
    """With a wait of twenty seconds, which is the control, somebody who only reads waits as long."""
    doing(ADD)
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE rehearsal%'"

    def migrate():
        try:
            tables.migrate(lock_wait_s=lock_wait_s, tries=10_000, pause=lambda: None, tell=lambda _: None)
        finally:
            connections["owner"].close()

    with ThreadPoolExecutor(1) as pool, connect() as visitor:
        visitor.execute("SET statement_timeout = '1s'")
        migrating = pool.submit(migrate)
        try:
            while not owner.execute(waiting).fetchone():
                assert not migrating.done()
            if passes:
                for _ in range(20):
                    visitor.execute("SELECT * FROM rehearsal")
            else:
                with pytest.raises(psycopg.errors.QueryCanceled):
                    visitor.execute("SELECT * FROM rehearsal")
        finally:
            reader.execute("COMMIT")
            migrating.result(timeout=30)
    assert columns(owner) == {"number", "added"}


def test_what_fails_for_another_reason_is_not_tried_again(owner, doing):
    doing(migrations.RunSQL("ALTER TABLE rehearsal DROP COLUMN nobody_knows"))
    with pytest.raises(DatabaseError, match="nobody_knows"):
        tables.migrate(pause=lambda: pytest.fail("it was tried again"))


def test_an_index_that_was_begun_and_not_finished_is_made_anew(owner, doing):
    doing(
        migrations.RunSQL("CREATE UNIQUE INDEX CONCURRENTLY rehearsal_number ON rehearsal (number)", elidable=True),
        atomic=False,
    )
    owner.execute("INSERT INTO rehearsal VALUES (1), (1)")
    with pytest.raises(DatabaseError, match="rehearsal_number"):
        tables.migrate()
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('rehearsal_number')"
    assert owner.execute(valid).fetchone() == (False,)
    owner.execute("DELETE FROM rehearsal")
    tables.migrate()
    assert owner.execute(valid).fetchone() == (True,)


@pytest.mark.parametrize("half_made", [False, True])
def test_an_index_made_concurrently_waits_for_who_was_there_before(owner, reader, doing, half_made):
    """It holds nobody up meanwhile, so it may wait longer than others; also where one that was begun is dropped first."""
    doing(migrations.RunSQL("CREATE UNIQUE INDEX CONCURRENTLY rehearsal_number ON rehearsal (number)"), atomic=False)
    reader.execute("COMMIT")
    if half_made:
        owner.execute("INSERT INTO rehearsal VALUES (1), (1)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            owner.execute("CREATE UNIQUE INDEX CONCURRENTLY rehearsal_number ON rehearsal (number)")
        owner.execute("DELETE FROM rehearsal")
    # Whoever makes an index waits for this one's view of the data, whoever drops one only for those who touch the table.
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
    making = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'CREATE UNIQUE INDEX CONC%'"

    def migrate():
        try:
            tables.migrate(lock_wait_s=0.05, tries=1)
        finally:
            connections["owner"].close()

    with ThreadPoolExecutor(1) as pool:
        migrating = pool.submit(migrate)
        while not owner.execute(making).fetchone():
            assert not migrating.done(), migrating.result()
        with pytest.raises(TimeoutError):
            migrating.result(timeout=0.5)  # ten times as long as others would wait
        owner.execute("INSERT INTO rehearsal VALUES (1)")
        reader.execute("COMMIT")
        migrating.result(timeout=30)


def test_two_who_start_at_once_go_one_after_the_other(owner, doing):
    doing(ADD)
    owner.execute("SELECT pg_advisory_lock(%s)", [tables.ONE_AT_A_TIME])
    pauses = []

    def pause():
        pauses.append(columns(owner))
        owner.execute("SELECT pg_advisory_unlock(%s)", [tables.ONE_AT_A_TIME])

    tables.migrate(pause=pause)
    assert pauses == [{"number"}]
    assert columns(owner) == {"number", "added"}
    assert (
        owner.execute(
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchone()
        is None
    )


def test_afterwards_the_connection_waits_as_before(owner, doing):
    doing(ADD)
    tables.migrate(lock_wait_s=0.05)
    with connections["owner"].cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)
