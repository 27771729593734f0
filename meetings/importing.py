"""Imported lists as work: the house checks their rows and brings them in, in slices, as whoever uploaded or confirmed.

Each slice begins with what the rows themselves say, so a killed worker loses the row that it was about, which then was not brought in.
"""

import logging
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, Final
from uuid import UUID

from cases.actions.importing import (
    bring_in_row,
    check_import,
    finish_import,
    leave_out_row,
    stop_import,
)
from cases.models import ImportJob, ImportRow
from mdo.directory.models import Person
from mdo.kernel import work
from mdo.kernel.acting import System, acting
from mdo.kernel.action import Action
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken
from meetings.actions.old_decisions import import_decision

log = logging.getLogger(__name__)

SLICE_S = 8.0  # then mails and reports have their turn
AT_ONCE = 50
BRINGS_IN: Final[dict[str, Action[Any]]] = {
    ImportJob.Kind.SUBMISSIONS: bring_in_row,
    ImportJob.Kind.DECISIONS: import_decision,
}


def work_on(house: System, import_id: UUID) -> None:
    """Do a slice of an import that was claimed, and let go of it. Raises what stops the work; rows that are refused are left out and said."""
    with acting(house, None, "work"):
        job = ImportJob.objects.select_related("by").get(pk=import_id)
    started = monotonic()
    try:
        while job.state == work.State.WAITING and monotonic() - started < SLICE_S:
            if job.stage == ImportJob.Stage.CHECKING:
                _as(job.by, job, partial(check_import, by=job.by, import_id=job.pk))
            elif not _bring_in(house, job, started):
                with acting(house, None, "work"):
                    finish_import(by=house, import_id=job.pk)
            with acting(house, None, "work"):
                job = ImportJob.objects.select_related("by").get(pk=import_id)
    except (Denied, NotFound) as refusal:  # whoever confirmed may no longer do this
        log.warning("import %s stopped: %s", import_id, refusal.code)
        with acting(house, None, "work"):
            stop_import(by=house, import_id=import_id)
        return
    _let_go(house, import_id)


def _bring_in(house: System, job: ImportJob, started: float) -> bool:
    """Bring in the next rows, one door each; whether there were any."""
    with acting(house, None, "work"):
        ready = ImportRow.objects.filter(job=job, state=ImportRow.State.READY).order_by("number")
        rows = list(ready.values_list("pk", flat=True)[:AT_ONCE])
    for row_id in rows:
        if monotonic() - started >= SLICE_S:
            break
        try:
            _as(job.by, job, partial(BRINGS_IN[job.kind], by=job.by, row_id=row_id))
        except (Invalid, RuleBroken) as refusal:
            errors = refusal.errors if isinstance(refusal, Invalid) else {refusal.field or "": [refusal.message]}
            _as(job.by, job, partial(leave_out_row, by=job.by, row_id=row_id, errors=errors))
    return bool(rows)


def _as(by: Person, job: ImportJob, act: Callable[[], Any]) -> None:
    """One action in a door of whoever stands for the list, with the rights that they have now."""
    with acting(by, job.hospital_id, "care"):
        act()


def _let_go(house: System, import_id: UUID) -> None:
    """Leave the rest to the next slice: due at once, and not counted as a failure."""
    with acting(house, None, "work"):
        job = ImportJob.objects.get(pk=import_id)
        if job.state == work.State.WAITING:
            work.again(job)
