"""The test database: made and migrated by the owner's role, used by the role that owns nothing, as in production."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connections
from psycopg import sql

from mdo.environment import BASE_DIR
from tests.servers import suffix

ROLES = BASE_DIR / "deploy" / "postgres" / "roles.sql"


def _owner(database: str) -> psycopg.Connection[Any]:
    own = settings.DATABASES["owner"]
    return psycopg.connect(
        dbname=database,
        user=own["USER"],
        password=own["PASSWORD"],
        host=own["HOST"] or None,
        port=own["PORT"] or None,
        autocommit=True,
    )


def _fingerprint() -> str:
    """Of everything that decides what a migrated database looks like."""
    digest = hashlib.sha256()
    files: list[Path] = [ROLES, BASE_DIR / "pyproject.toml"]
    for folder in ("mdo", "cases", "meetings"):
        files += (BASE_DIR / folder).rglob("migrations/**/*.py")
        files += (BASE_DIR / folder).rglob("*.sql")
    files += (BASE_DIR / "mdo" / "kernel").rglob("*.py")
    for file in sorted(set(files)):
        digest.update(str(file.relative_to(BASE_DIR)).encode() + b"\0" + file.read_bytes())
    digest.update(",".join(settings.INSTALLED_APPS).encode())
    return digest.hexdigest()[:16]


def _point_at(database: str) -> None:
    for alias in connections:
        connection = connections[alias]
        connection.close()
        if hasattr(connection, "close_pool"):
            connection.close_pool()
        connection.settings_dict["NAME"] = database
        settings.DATABASES[alias]["NAME"] = database


def _drop(server: psycopg.Connection[Any], database: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def _template(server: psycopg.Connection[Any]) -> str:
    """A migrated database to copy from; made once for each state of the migrations."""
    name = f"mdo_template_{_fingerprint()}"
    if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        return name
    for (old,) in server.execute("SELECT datname FROM pg_database WHERE datname LIKE 'mdo\\_template\\_%'").fetchall():
        _drop(server, old)
    making = "mdo_making_template"
    _drop(server, making)
    server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(making)))
    with _owner(making) as connection:
        rights = ROLES.read_text(encoding="utf-8").split("\\connect mdo\n", 1)[1]
        connection.execute(rights.encode())
    _point_at(making)
    call_command("migrate", database="owner", verbosity=0, interactive=False)
    call_command("createcachetable", database="owner", verbosity=0)
    _point_at(making)  # closes the connections
    server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(making), sql.Identifier(name)))
    return name


@contextmanager
def test_database() -> Iterator[str]:
    """A migrated database of this process, to which both aliases of Django point; dropped at the end."""
    name = f"test_mdo_{re.sub(r'[^a-z0-9_]', '_', suffix())}"
    maintenance = settings.DATABASES["owner"]["NAME"]
    with _owner(maintenance) as server:
        # One process makes the template, the others wait for it.
        server.execute("SELECT pg_advisory_lock(20260101)")
        try:
            template = _template(server)
            _drop(server, name)
            server.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        finally:
            server.execute("SELECT pg_advisory_unlock(20260101)")
    _point_at(name)
    try:
        yield name
    finally:
        _point_at(maintenance)
        with _owner(maintenance) as server:
            _drop(server, name)


def kept_by_nobody() -> int:
    """How many connections of the pool are out that no living thread can hold: whoever took them ended without giving them back, and after 24
    of those the pool has none for anybody."""
    pool = connections["default"].pool  # type: ignore[attr-defined]
    stats = pool.get_stats()
    others = [each for each in threading.enumerate() if not each.name.startswith(f"{pool.name}-")]
    return max(0, stats.get("pool_size", 0) - stats.get("pool_available", 0) - len(others))


def filled_tables() -> frozenset[str]:
    """The tables that migrations filled: reference data, which stays between tests."""
    with connections["owner"].cursor() as cursor:
        return frozenset(
            name
            for name in _tables(cursor)
            if _one(cursor, sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier("public", name)))
        )


def empty(reference: frozenset[str]) -> None:
    """Empty every table but those of `reference`, as the owner: the program's own role may not."""
    with connections["owner"].cursor() as cursor:
        names = sorted(set(_tables(cursor)) - reference)
        tables = sql.SQL(", ").join(sql.Identifier("public", name) for name in names)
        for attempts_left in reversed(range(5)):
            try:
                cursor.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY").format(tables))
                break
            except OperationalError:  # the site still reads what goes: whoever loses a deadlock tries again
                if not attempts_left:
                    raise
    connections["owner"].close()


def _tables(cursor: Any) -> list[str]:
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return [row[0] for row in cursor.fetchall()]


def _one(cursor: Any, statement: sql.Composed) -> Any:
    cursor.execute(statement)
    return cursor.fetchone()[0]


@contextmanager
def as_owner() -> Iterator[psycopg.Connection[Any]]:
    """The test database as the role that owns it, each statement committed: to tamper, or to take a protection away."""
    with _owner(settings.DATABASES["default"]["NAME"]) as connection:
        yield connection


@contextmanager
def audit_cannot_be_written() -> Iterator[None]:
    """While it lasts, the program's role may not insert audit rows."""
    with as_owner() as owner:
        owner.execute("REVOKE INSERT ON kernel_auditentry FROM mdo_app")
        try:
            yield
        finally:
            owner.execute("GRANT INSERT ON kernel_auditentry TO mdo_app")


@contextmanager
def nobody_connects() -> Iterator[None]:
    """As while PostgreSQL is away: nobody of the program gets a connection any more, and those that it had are gone."""
    name = sql.Identifier(settings.DATABASES["default"]["NAME"])
    with as_owner() as owner:
        owner.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC, mdo_app").format(name))
        try:
            connections["default"].close_pool()  # type: ignore[attr-defined]
            yield
        finally:
            owner.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO PUBLIC, mdo_app").format(name))


if __name__ == "__main__":  # the template alone, while checks that need no database run beside it
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mdo.settings")
    django.setup()
    with test_database():
        pass
