"""What the kernel does by itself: chain the audit, anchor its heads outside of the database, send it on, forget old command ids and ended sessions."""

import logging
from time import monotonic

from celery import shared_task
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache

from mdo.kernel import audit, command_ids, forwarding

log = logging.getLogger(__name__)

ANCHOR_EVERY_S = 60
FORGET_EVERY_S = 3600
FORWARD_FOR_S = 10


def _due(what: str, every_s: int) -> bool:
    """Whether this is due, by the first of all processes that asks. Looked at first: in PostgreSQL an ``add`` of what is there already is
    an error, which its log would hold every second."""
    return cache.get(what) is None and cache.add(what, 1, every_s)


@shared_task(name="mdo.kernel.tasks.seal")
def seal() -> int:
    """Chain what was audited since the last second, and once a minute write the signed heads to a file; returns how many rows.

    The file lies in ``MDO_VAR/anchors`` and belongs onto another machine (docs/administrators): a chain alone misses a cut tail.
    """
    sealed = audit.seal()
    if _due("mdo.audit.anchored", ANCHOR_EVERY_S):
        audit.anchor(settings.MDO_VAR / "anchors" / "audit.jsonl", settings.MDO_FILE_KEY)
    if _due("mdo.command_ids.forgotten", FORGET_EVERY_S):
        command_ids.forget()
        SessionStore.clear_expired()
    return sealed


@shared_task(name="mdo.kernel.tasks.forward")
def forward() -> int:
    """Send what was sealed to the collector of ``MDO_ACCESS_LOG_SYSLOG``; returns how many rows. A task of its own: sealing does not wait for it."""
    if settings.MDO_ACCESS_LOG_SYSLOG is None:
        return 0
    to, sent, started = forwarding.Collector(*settings.MDO_ACCESS_LOG_SYSLOG), 0, monotonic()
    try:
        while monotonic() - started < FORWARD_FOR_S:
            batch = forwarding.forward(to)
            sent += batch
            if batch < forwarding.BATCH:
                break
    except OSError as error:  # a collector that is away is no fault of ours; the rows wait
        log.warning("the access log cannot be sent now (%s)", type(error).__name__)
    return sent
