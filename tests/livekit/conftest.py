"""A LiveKit of two nodes, and figures that are kept."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench.rig import origin, write
from tests.journeys.conftest import pytest_runtest_makereport, visitors  # noqa: F401
from tests.livekit.nodes import Cluster
from tests.livekit.program import RELEASE

FIGURES = pytest.StashKey[dict[str, Any]]()
BEGAN = pytest.StashKey[tuple[float, dict[str, Any]]]()


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    config.stash[FIGURES] = {}
    config.stash[BEGAN] = (time.monotonic(), origin())


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """`var/test-livekit.json`: the commit, the release, what passed and what was measured."""
    began, commit = session.config.stash[BEGAN]
    result = {
        **commit,
        "load_after": round(os.getloadavg()[0], 2),
        "livekit": RELEASE,
        "green": int(exitstatus) == 0,
        "tests": session.testscollected,
        "failed": session.testsfailed,
        "lasted_s": round(time.monotonic() - began),
        **session.config.stash[FIGURES],
    }
    if os.environ.get("LIVEKIT_TEST_ALL"):
        write("test-livekit", result)
    print("\n", result)


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What is measured, by name."""
    return request.config.stash[FIGURES]


@pytest.fixture(scope="session")
def running() -> Iterator[Cluster]:
    cluster = Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(running: Cluster) -> Cluster:
    """Two nodes that run, on one Redis."""
    running.ensure()
    return running
