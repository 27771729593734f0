"""Journeys: people of the cast at real browsers, before the real site, its worker and its mail server."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from tests.journeys.visitors import Visitors

_FAILED = pytest.StashKey[bool]()


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
