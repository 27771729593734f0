"""Journeys: people of the cast at real browsers, before the real site, its worker and its mail server."""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from tests.journeys.visitors import Visitors

_FAILED = pytest.StashKey[bool]()
STUCK_S = 400.0


def _bounded(item: pytest.Item) -> Generator[None, Any, Any]:
    """Some of what a browser is asked has no limit of its own (``evaluate``, ``close``, a download): a journey that is stuck fails where it
    stands, and the next one begins. Playwright lets a signal's exception through to whoever waits for it."""

    def stuck(*_: object) -> None:
        pytest.fail("the browser answers no more")

    before = signal.signal(signal.SIGALRM, stuck)
    signal.setitimer(signal.ITIMER_REAL, STUCK_S, 60.0)  # again, should closing hang too
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


pytest_runtest_setup = pytest.hookimpl(wrapper=True)(_bounded)
pytest_runtest_call = pytest.hookimpl(wrapper=True)(_bounded)
pytest_runtest_teardown = pytest.hookimpl(wrapper=True)(_bounded)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


@pytest.fixture
def visitors(request: pytest.FixtureRequest, browser: Any, site: str) -> Iterator[Visitors]:
    """People at browsers. At the end no browser complained: no error, no violation of the policy, no request elsewhere."""
    people = Visitors(browser, site)
    yield people
    failed = request.node.stash.get(_FAILED, True)
    faults = people.faults
    if failed or faults:
        for visitor in people.all:
            visitor.keep_screenshot(request.node.name)
    people.leave()
    assert faults == [], "\n".join(faults)
