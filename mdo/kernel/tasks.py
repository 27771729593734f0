"""What the kernel does by itself: chain the audit, anchor its heads outside of the database, forget old command ids."""

from celery import shared_task
from django.conf import settings
from django.core.cache import cache

from mdo.kernel import audit, command_ids

ANCHOR_EVERY_S = 60
FORGET_EVERY_S = 3600


@shared_task(name="mdo.kernel.tasks.seal")
def seal() -> int:
    """Chain what was audited since the last second, and once a minute write the signed heads to a file; returns how many rows.

    The file lies in ``MDO_VAR/anchors`` and belongs onto another machine (docs/administrators): a chain alone misses a cut tail.
    """
    sealed = audit.seal()
    if cache.add("mdo.audit.anchored", 1, ANCHOR_EVERY_S):
        audit.anchor(settings.MDO_VAR / "anchors" / "audit.jsonl", settings.MDO_FILE_KEY)
    if cache.add("mdo.command_ids.forgotten", 1, FORGET_EVERY_S):
        command_ids.forget()
    return sealed
