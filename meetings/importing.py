"""Imported lists as work: the house checks their rows and brings them in, in slices, as whoever uploaded or confirmed.

Each slice begins with what the rows themselves say, so a killed worker loses the bundle of rows that it was about, none of which then was
brought in.
"""

import logging
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
AT_ONCE = 100  # rows that are looked up together
# Rows of one door: about a second's work, in which a right that ends is not seen. Old decisions share sittings, whose locks two lists at once
# would take in another order.
BUNDLE: Final[dict[str, int]] = {ImportJob.Kind.SUBMISSIONS: 10, ImportJob.Kind.DECISIONS: 1}
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
                with acting(job.by, job.hospital_id, "care", action=check_import.action_name, bundle=True):
                    check_import(by=job.by, import_id=job.pk)
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
    """Bring in the next rows, in bundles of one door each; whether there were any."""
    with acting(house, None, "work"):
        ready = ImportRow.objects.filter(job=job, state=ImportRow.State.READY).order_by("number")
        rows = list(ready.values_list("pk", flat=True)[:AT_ONCE])
    for bundle in batched(rows, BUNDLE[job.kind]):
        if monotonic() - started >= SLICE_S:
            break
        act = BRINGS_IN[job.kind]
        with acting(job.by, job.hospital_id, "care", action=act.action_name, bundle=True):
            for row_id in bundle:
                _one(act, job.by, row_id)
    return bool(rows)


def _one(act: Action[Any], by: Person, row_id: UUID) -> None:
    """One row of a bundle: whole, or undone and left out with the reason."""
    try:
        act(by=by, row_id=row_id)
    except (Invalid, RuleBroken) as refusal:
        errors = refusal.errors if isinstance(refusal, Invalid) else {refusal.field or "": [refusal.message]}
        leave_out_row(by=by, row_id=row_id, errors=errors)


def batched(rows: list[UUID], size: int) -> list[list[UUID]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _let_go(house: System, import_id: UUID) -> None:
    """Leave the rest to the next slice: due at once, and not counted as a failure."""
    with acting(house, None, "work"):
        job = ImportJob.objects.get(pk=import_id)
        if job.state == work.State.WAITING:
            work.again(job)
