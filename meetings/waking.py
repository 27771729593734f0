"""Waking the worker: work is rows, and the sweep finds them within ten seconds by itself. This only makes it sooner."""

import logging
from threading import Thread

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)


def wake() -> None:
    """Ask for a sweep once the current transaction is committed. Never raises and never waits: with the broker away or
    frozen, the next tick does the work."""
    transaction.on_commit(lambda: Thread(target=_send, name="wake", daemon=True).start(), robust=True)


def _send() -> None:
    try:
        current_app.send_task("meetings.tasks.sweep", expires=10, retry=False)
    except Exception as error:  # whatever the broker's client raises, the row is safe
        log.info("the worker was not woken: %s", type(error).__name__)
