"""Fixtures of the running parts. People, cases and meetings come from tests/cast.py and tests/factories.py."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings

from mdo.environment import BASE_DIR
from tests import database

# How long an example takes says more about who else uses the machine than about the code. Continuous integration (CI is set) tries the same
# examples each time, so that it speaks of what was changed; `make test` elsewhere draws new ones, and a find of theirs becomes an @example.
settings.register_profile("mdo", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("mdo")


def pytest_configure() -> None:
    """A fresh clone has no collected static files yet; the pages of the test client need none, only the folder."""
    (BASE_DIR / "staticfiles").mkdir(exist_ok=True)


pytest_plugins = ["tests.parts", "tests.relay"] + [name for name in ("tests.cast",) if importlib.util.find_spec(name)]


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Iterator[None]:
    """Instead of pytest-django's: two roles, one database (see tests/database.py)."""
    with django_db_blocker.unblock(), database.test_database(), pooled():
        yield


@contextmanager
def pooled() -> Iterator[None]:
    """With MDO_TEST_POOLED=1 the whole run, its processes too, goes through a real PgBouncer (`make test-pooled`)."""
    if os.environ.get("MDO_TEST_POOLED") != "1":
        yield
        return
    from tests.pooling import bouncer

    with bouncer.running(bouncer.test_url()) as running, bouncer.led_through(running):
        os.environ["DATABASE_URL"] = running.url
        yield


@pytest.fixture(scope="session")
def reference_tables(django_db_setup: None, django_db_blocker: Any) -> frozenset[str]:
    """Tables that migrations filled."""
    with django_db_blocker.unblock():
        return database.filled_tables()


@pytest.fixture
def committed(reference_tables: frozenset[str], django_db_blocker: Any) -> Iterator[None]:
    """The database without a transaction around the test: commits are real, so threads, sockets and workers see them.

    Afterwards every table is emptied by the owner, and every thread has given its connection back. Use instead of `transactional_db`, whose flush the program's role may not do.
    """
    from django.db import connections

    from tests.parts import until  # a plugin: imported here, after pytest did

    with django_db_blocker.unblock():
        yield
        connections.close_all()
        database.empty(reference_tables)
        until(lambda: not database.kept_by_nobody(), "connections of threads that ended without giving them back", 10)


UUIDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Random identifiers in the values of a test must not end up in its name: every worker has to collect the same tests."""
    text = str(val) if isinstance(val, str | UUID) else ""
    return UUIDS.sub("uuid", f"{argname}-{text}") if UUIDS.search(text) else None


SLOW = {"worker", "site", "site_process", "browser", "committed", "relay"}
# The whole cast takes about a quarter of a second to seat: `make check` (60 s) leaves it to `make test`, but for the kernel's tests.
SEATED = {"cast", "world"}
SLOW_FOLDERS = ("tests/meetings/room/", "tests/architecture/", "tests/demo/", "tests/journeys/")
# `make test` asks for every branch of the door and of access. Tracing costs a third of a test's time, so only these are traced: what none
# of them reaches on purpose does not count as covered because a page came by.
TRACED = (
    "tests/kernel/", "tests/directory/", "tests/identity/", "tests/replica/", "tests/meetings/delivering/", "tests/meetings/informing/",
    *(f"tests/cases/test_{name}" for name in (
        "actions", "answers", "coding_numbers", "discussions", "gps", "launch", "merging", "receiving", "views_documents", "views_sketches",
    )),
    *(f"tests/meetings/test_{name}" for name in (
        "chairing", "compiled_questions", "fhir", "following_up", "guest", "importing", "old_decisions", "registering", "registry_files", "replying",
        "same_people", "search", "signing.py",
    )),
)  # fmt: skip
TRACED_FILES = re.compile(r"/test_\w*access\w*\.py::")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fixtures too go without tracing where the test does."""
    tracing = getattr(item.config.pluginmanager.getplugin("_cov"), "cov_controller", None)
    if tracing is None or item.nodeid.startswith(TRACED) or TRACED_FILES.search(item.nodeid):
        return (yield)
    tracing.pause()
    try:
        return (yield)
    finally:
        tracing.resume()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what starts processes, commits for real or walks the whole product; refuse what would flush the database as a role that
    may not."""
    for item in items:
        marker = item.get_closest_marker("django_db")
        names = set(getattr(item, "fixturenames", ()))
        seated = names & SEATED and not item.nodeid.startswith("tests/kernel/")
        if seated or names & SLOW or item.nodeid.startswith(SLOW_FOLDERS):
            item.add_marker(pytest.mark.slow)
        if (marker and marker.kwargs.get("transaction")) or names & {"transactional_db", "live_server"}:
            raise pytest.UsageError(
                f"{item.nodeid}: use the fixture 'committed' (and 'site') instead of transactional_db"
            )
