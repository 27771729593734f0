"""Waking the worker: work is rows, and the sweep finds them within ten seconds by itself. This only makes it sooner."""

import logging
from functools import cache
from threading import Thread

from celery import Celery
from django.db import transaction

log = logging.getLogger(__name__)

SWEEP, HAND_OVER = "meetings.tasks.sweep", "meetings.tasks.hand_over"


def wake(task: str = SWEEP) -> None:
    """Ask for a sweep (or ``HAND_OVER``) once the current transaction is committed. Never raises and never waits: with the broker away or
    frozen, the next tick does the work."""
    transaction.on_commit(lambda: Thread(target=_send, args=(task,), name="wake", daemon=True).start(), robust=True)


@cache
def _producer() -> Celery:
    """A sender of its own: a web process that never loaded the worker's application knows the broker all the same."""
    app = Celery("wake", set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    return app


def _send(task: str) -> None:
    try:
        _producer().send_task(task, expires=10, retry=False)
    except Exception as error:  # whatever the broker's client raises, the row is safe
        log.info("the worker was not woken: %s", type(error).__name__)
