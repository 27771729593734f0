"""The Celery worker and its clock."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from threading import Event, Thread
from time import monotonic
from typing import Any

from celery import bootsteps
from celery.beat import Scheduler, Service
from celery.platforms import SecurityWarning
from celery.signals import setup_logging, task_postrun, worker_ready
from redis.exceptions import RedisError

MARK_EVERY_S = 5.0

logger = logging.getLogger(__name__)


class Clock(bootsteps.StartStopStep):
    """Beat as a thread of the worker. Celery's own `-B` forks a process that nobody restarts when it dies; here both end together."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self.ending = Event()

    def create(self, parent: Any) -> Any:
        self.service = make_service(parent.app)
        self.thread = Thread(target=self.tick, args=(parent.app,), name="clock", daemon=True)
        return self.thread

    def tick(self, app: Any) -> None:
        app.set_current()
        try:
            self.service.start()
        except BaseException:  # said, and then the process ends: a worker without its clock must not live on
            logger.exception("The clock failed.")
        if not self.ending.is_set():
            os._exit(70)

    def stop(self, parent: Any) -> None:
        self.ending.set()
        self.service.stop()

    terminate = stop


class Mark:
    """Shows, at most every five seconds, that a role does its work (`mdo ready`). Where Redis is away nothing is shown, which is right."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.next_at = 0.0

    def __call__(self, **_: Any) -> None:
        from mdo.health import mark

        if monotonic() >= self.next_at:
            self.next_at = monotonic() + MARK_EVERY_S
            with contextlib.suppress(RedisError):
                mark(self.role)


class Watchdog:
    """Ends a worker that lives and does nothing. Celery's consumer can lose Redis for good: when the connection breaks while it holds as
    many jobs as it may, it waits for room that never comes. Nothing is lost by an end: work is rows, and the worker is started anew."""

    STUCK_S = 60.0
    EVERY_S = 5.0

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self.alive_at = monotonic()

    def done(self, **_: Any) -> None:
        """A job was done."""
        self.alive_at = monotonic()

    def stuck(self) -> bool:
        """Whether jobs have waited in Redis for a minute while this worker did none. A Redis that is away is no reason."""
        from celery.worker.state import active_requests

        from mdo.health import client

        try:
            with client() as connection:
                waiting = bool(connection.llen(self.queue))
        except RedisError:
            waiting = False
        if not waiting or active_requests:
            self.done()
        return monotonic() - self.alive_at > self.STUCK_S

    def watch(self) -> None:
        """Until the process ends."""
        while not Event().wait(self.EVERY_S):
            if self.stuck():
                logger.critical("Jobs wait and none is done for a minute: the worker ends, to be started anew.")
                os._exit(70)


class Rounds(Scheduler):
    """Beat's scheduler, which shows after each round that it went."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.mark = Mark("beat")

    def tick(self, *args: Any, **options: Any) -> Any:
        pause = super().tick(*args, **options)
        self.mark()
        return pause


def make_service(app: Any) -> Service:
    """Beat without a schedule file: every entry is an interval of seconds, so a restart loses nothing worth keeping."""
    return Service(app, max_interval=1, scheduler_cls=Rounds)


def _configure() -> Any:
    import django

    from mdo.celery import app

    # Django's logging is the only one: Celery's own formatter would write task arguments and the texts of errors.
    setup_logging.connect(_keep_logging, weak=False)
    django.setup()
    return app


def _keep_logging(**_: Any) -> None:
    return None


def _first_heartbeat(**_: Any) -> None:
    from mdo.health import heartbeat

    heartbeat.delay()


def run_worker(*, beat: bool, threads: int) -> int:
    """Work until SIGTERM (finishes what it does) and return the exit code."""
    app = _configure()
    # Said once for all: the demonstration may be run by root, and tasks are JSON, never pickles.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    worker_ready.connect(_first_heartbeat, weak=False)
    task_postrun.connect(Mark("worker"), weak=False)
    dog = Watchdog(f"{app.conf.broker_transport_options['global_keyprefix']}{app.conf.task_default_queue}")
    task_postrun.connect(dog.done, weak=False)
    Thread(target=dog.watch, name="watchdog", daemon=True).start()
    if beat:
        app.steps["worker"].add(Clock)
    worker = app.Worker(
        pool="threads",
        concurrency=threads,
        loglevel="WARNING",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def run_beat() -> int:
    """Only the clock, for installations where it is a process of its own."""
    app = _configure()
    import signal

    service = make_service(app)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stop())
    service.start()
    return 0
