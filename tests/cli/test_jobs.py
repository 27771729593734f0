"""The worker's watchdog, on a real Redis."""

import os
from collections.abc import Iterator

import pytest

from mdo.cli.jobs import Watchdog
from mdo.health import client

QUEUE = f"{os.environ['MDO_REDIS_PREFIX']}.watchdog"


@pytest.fixture
def dog(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watchdog]:
    found = Watchdog(QUEUE)
    found.alive_at -= Watchdog.STUCK_S + 1  # nothing was done for a minute
    with client() as connection:
        connection.delete(QUEUE)
        yield found
        connection.delete(QUEUE)


def wait(jobs: int = 1) -> None:
    with client() as connection:
        connection.rpush(QUEUE, *(["job"] * jobs))


def test_jobs_that_wait_for_a_minute_end_a_worker_that_does_none(dog: Watchdog) -> None:
    wait()
    assert dog.stuck()


def test_nothing_waits(dog: Watchdog) -> None:
    assert not dog.stuck()
    wait()
    assert not dog.stuck()  # its minute begins with the first job that waits


def test_a_job_that_was_done_is_a_sign_of_life(dog: Watchdog) -> None:
    wait(2)
    dog.done()
    assert not dog.stuck()


def test_a_long_job_is_a_sign_of_life(dog: Watchdog) -> None:
    from celery.worker.state import active_requests

    job = type("Job", (), {})()
    wait()
    active_requests.add(job)
    try:
        assert not dog.stuck()
    finally:
        active_requests.discard(job)


def test_a_redis_that_is_away_is_no_reason_to_end(dog: Watchdog, settings: object) -> None:
    settings.MDO_REDIS_URL = "redis://127.0.0.1:1/0"  # type: ignore[attr-defined]
    assert not dog.stuck()
