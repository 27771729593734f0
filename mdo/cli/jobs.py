"""The Celery worker and its clock."""

from __future__ import annotations

import logging
import os
import warnings
from threading import Event
from typing import Any

from celery import bootsteps
from celery.beat import Scheduler, Service
from celery.platforms import SecurityWarning
from celery.signals import setup_logging, worker_ready

logger = logging.getLogger(__name__)


class Clock(bootsteps.StartStopStep):
    """Beat as a thread of the worker. Celery's own `-B` forks a process that nobody restarts when it dies; here both end together."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self.ending = Event()

    def create(self, parent: Any) -> Any:
        from threading import Thread

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


def make_service(app: Any) -> Service:
    """Beat without a schedule file: every entry is an interval of seconds, so a restart loses nothing worth keeping."""
    return Service(app, max_interval=1, scheduler_cls=Scheduler)


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
