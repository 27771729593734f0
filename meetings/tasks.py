"""The sweep: whoever wakes it, it looks for rows that are due and does each of them through one action, in a door of its own."""

import logging
from collections.abc import Callable
from functools import partial
from threading import Lock
from time import monotonic
from typing import Any
from uuid import UUID

from celery import shared_task
from django.db import OperationalError, close_old_connections
from django.db.models import Q

from cases.actions.importing import forget_import, forgotten_imports, stop_import
from cases.actions.sketching import forget_sketches, forgotten_sketches
from cases.models import ImportJob
from mdo.kernel import command_ids, work
from mdo.kernel.acting import System, acting
from mdo.kernel.errors import Refused
from meetings import series
from meetings.actions.agenda_building import withdraw_items, withdrawn_items
from meetings.actions.calling import call_people, waiting_calls
from meetings.actions.dispatching import send_dispatch
from meetings.actions.inviting import guests_of_deceased, withdraw_for_deceased
from meetings.actions.mailing import deliver
from meetings.actions.planning import plan_due
from meetings.actions.reminding import plan_missing_reminders, remind, unplanned
from meetings.actions.reporting import give_up_report, make_report
from meetings.delivering.faults import NotTaken
from meetings.importing import work_on
from meetings.models import Delivery, Dispatch, Reminder, Report, Series
from meetings.models.dispatch import Channel
from meetings.room import stays

log = logging.getLogger(__name__)

HOUSE = System("sweep")
AT_MOST_S = 45  # below the lease: what is left is found by the next tick
BATCH = 10
HANDED = 4  # each may take ten seconds: together less than the lease


@shared_task(name="meetings.tasks.sweep")
def sweep() -> None:
    """Plan sittings, strike what was withdrawn, withdraw links for who died, call people in, end rooms of the media server, do due reminders, reports and mails; forget old
    command ids. May run as often as one likes and beside itself."""
    close_old_connections()
    started = monotonic()
    _house_keeping()
    _calls()
    while monotonic() - started < AT_MOST_S:
        # Reminders first, all of them: after a day of darkness what many of them say comes into one digest.
        if not (_reminders() or _reports() + _deliveries() + _imports()):
            return


_handing_over = Lock()


@shared_task(name="meetings.tasks.hand_over")
def hand_over() -> None:
    """Send due reports by their routes: apart from the sweep, so that a frozen record system holds nothing else, and one at a time in
    each process. Where a system does not answer, the others of its route are put back without trying each."""
    if not _handing_over.acquire(blocking=False):
        return
    try:
        close_old_connections()
        started, down = monotonic(), dict[UUID, str]()
        while monotonic() - started < AT_MOST_S and _dispatches(down):
            pass
    finally:
        _handing_over.release()


def _dispatches(down: dict[UUID, str]) -> int:
    with acting(HOUSE, None, "work"):
        ids = work.claim(Dispatch, HANDED, ~Q(channel=Channel.PAPER))
        by_route = dict(Dispatch.objects.filter(pk__in=ids).values_list("pk", "route"))
    for row_id in ids:
        fault = down.get(by_route[row_id]) or _hand_over(row_id, by_route[row_id], down)
        if fault:
            _put_back(Dispatch, row_id, fault)
    return len(ids)


def _hand_over(row_id: UUID, route_id: UUID, down: dict[UUID, str]) -> str:
    try:
        with acting(HOUSE, None, "work"):
            send_dispatch(by=HOUSE, dispatch_id=row_id)
    except NotTaken as error:
        log.warning("dispatch %s failed: %s", row_id, error.code)
        if error.down:
            down[route_id] = error.code
        return error.code
    except Exception as error:  # as in _do
        log.warning("dispatch %s failed: %s", row_id, _fault(error))
        return _fault(error)
    return ""


def _house_keeping() -> None:
    with acting(HOUSE, None, "work"):
        due = [
            each.pk for each in Series.objects.select_related("board").prefetch_related("exceptions") if _is_due(each)
        ]
        struck = withdrawn_items()
        uninvited = guests_of_deceased()
        calling = waiting_calls()
        unreminded = unplanned()
        forgotten = forgotten_imports()
        old_sketches = forgotten_sketches()
        command_ids.forget()
    for series_id in due:
        _do("sittings", partial(plan_due, by=HOUSE, series_id=series_id))
    for meeting_id in unreminded:
        _do("reminders", partial(plan_missing_reminders, by=HOUSE, meeting_id=meeting_id))
    for meeting_id in calling:
        _do("calls", partial(call_people, by=HOUSE, meeting_id=meeting_id))
    for import_id in forgotten:
        _do("forgotten imports", partial(forget_import, by=HOUSE, import_id=import_id))
    if old_sketches:
        _do("old sketches", partial(forget_sketches, by=HOUSE))
    for meeting_id in struck:
        _do("withdrawn items", partial(withdraw_items, by=HOUSE, meeting_id=meeting_id))
    for meeting_id in uninvited:
        _do("guests of the deceased", partial(withdraw_for_deceased, by=HOUSE, meeting_id=meeting_id))


def _calls() -> None:
    try:
        stays.sweep()
    except Exception as error:
        log.warning("calls failed: %s", _fault(error))


def _is_due(each: Series) -> bool:
    try:
        return bool(series.missing(each))
    except ValueError as error:  # a rule that cannot be read must not stop the others
        log.warning("series %s cannot be read: %s", each.pk, type(error).__name__)
        return False


def _do(what: str, act: Callable[[], Any]) -> str:
    """One action in one door. The name of the fault, or "" when it went well."""
    try:
        with acting(HOUSE, None, "work"):
            act()
    except Exception as error:  # one row must not keep the others waiting; the text of an error could hold content
        log.warning("%s failed: %s", what, _fault(error))
        return _fault(error)
    return ""


def _fault(error: Exception) -> str:
    return f"{type(error).__name__}: {error.code}" if isinstance(error, Refused) else type(error).__name__


def _claimed(model: type[work.ClaimableWork]) -> list[UUID]:
    with acting(HOUSE, None, "work"):
        return work.claim(model, BATCH)


def _put_back(model: type[work.ClaimableWork], row_id: UUID, fault: str) -> bool:
    """Put the row back for later; whether it was given up."""
    try:
        with acting(HOUSE, None, "work"):
            row = model._default_manager.get(pk=row_id)
            if row.state == work.State.WAITING:
                # A trial says at once what it came to: somebody looks at it.
                work.give_up(row, fault) if getattr(row, "trial", False) else work.failed(row, fault)
            return row.state == work.State.GIVEN_UP
    except OperationalError:
        log.warning("%s %s keeps its lease", model.__name__, row_id)  # comes back when the lease ends
        return False


def _reminders() -> int:
    ids = _claimed(Reminder)
    for row_id in ids:
        fault = _do(f"reminder {row_id}", partial(remind, by=HOUSE, reminder_id=row_id))
        if fault:
            _put_back(Reminder, row_id, fault)
    return len(ids)


def _reports() -> int:
    ids = _claimed(Report)
    for row_id in ids:
        fault = _do(f"report {row_id}", partial(make_report, by=HOUSE, report_id=row_id))
        if fault and _put_back(Report, row_id, fault):
            _do(f"report {row_id}", partial(give_up_report, by=HOUSE, report_id=row_id))
    return len(ids)


def _deliveries() -> int:
    ids = _claimed(Delivery)
    for row_id in ids:
        fault = _do(f"delivery {row_id}", partial(deliver, by=HOUSE, delivery_id=row_id))
        if fault:
            _put_back(Delivery, row_id, fault)
    return len(ids)


def _imports() -> int:
    """One slice of one list; the next turn takes the next one."""
    with acting(HOUSE, None, "work"):
        ids = work.claim(ImportJob, 1)
    for import_id in ids:
        try:
            work_on(HOUSE, import_id)
        except Exception as error:  # as in _do; here the doors are the rows' own
            log.warning("import %s failed: %s", import_id, _fault(error))
            if _put_back(ImportJob, import_id, _fault(error)):
                _do(f"import {import_id}", partial(stop_import, by=HOUSE, import_id=import_id))
    return len(ids)
