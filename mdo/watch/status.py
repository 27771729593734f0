"""`/status/`: how the system runs, for whoever administers an organisation. Numbers and ages; no care content."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.contrib.humanize.templatetags.humanize import naturaltime
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from cases import scanning
from mdo.directory import access
from mdo.kernel.acting import elevated
from mdo.watch import house

# From when on a line asks for attention, in seconds: as in deploy/watch/alerts.yaml.
WORK_LATE: Final = 300
WORKER_SILENT: Final = 60
NOT_SEALED: Final = 60
NOT_ANCHORED: Final = 300
NOT_SENT: Final = 300
BACKUP_OLD: Final = 120
BASE_OLD: Final = 2 * 86_400

QUEUES: Final = {
    "deliveries": gettext_lazy("Mails"),
    "dispatches": gettext_lazy("Reports to other systems"),
    "reports": gettext_lazy("Reports to be made"),
    "reminders": gettext_lazy("Reminders"),
    "imports": gettext_lazy("Imported lists"),
}


@dataclass(frozen=True)
class Line:
    """One thing that is watched: what it is, what is known of it, and whether it is as it should be."""

    what: str
    said: str
    fine: bool


@dataclass(frozen=True)
class Waiting:
    """One kind of work: how much of it is due, since when, and what was given up for the own organisation."""

    what: str
    due: int
    since: str
    given_up: int
    fine: bool


@never_cache
@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """The state of the system. For whoever administers no organisation there is no such page."""
    organisation_id = access.access_status(request.user)  # type: ignore[arg-type]
    with elevated("status.figures"):
        found = house.figures(organisation_id)
    lines, work = _lines(found, scanning.answers()), _work(found)
    asking = sum(not each.fine for each in lines) + sum(not each.fine for each in work)
    context = {"lines": lines, "work": work, "asking": asking, "days": house.GIVEN_UP_DAYS}
    return render(request, "status.html", context)


def _ago(seconds: float) -> str:
    return str(naturaltime(datetime.now(UTC) - timedelta(seconds=seconds)))


def _lines(found: house.Figures, scanner: bool | None = None) -> list[Line]:
    lines = [
        _seen(_("A job in the background was last done"), found.heartbeat_age_s, WORKER_SILENT),
        Line(_("Access log: sealed"), _sealed(found), found.seal_lag_s <= NOT_SEALED),
        _seen(_("Access log: seals last written outside of the database"), found.anchor_age_s, NOT_ANCHORED),
    ]
    if found.unsent is not None and found.unsent_age_s is not None:
        said = _rows(found.unsent, found.unsent_age_s) if found.unsent else _("all rows")
        lines.append(Line(_("Access log: sent to the hospital's collector"), said, found.unsent_age_s <= NOT_SENT))
    if scanner is not None:
        lines.append(Line(_("Virus scanner"), _("it answers") if scanner else _("it does not answer"), scanner))
    return [
        *lines,
        _seen(_("Backups hold what was done until"), found.backup_age_s, BACKUP_OLD),
        _seen(_("Last base backup"), found.base_backup_age_s, BASE_OLD),
    ]


def _seen(what: str, age_s: float | None, limit_s: float) -> Line:
    return Line(what, _("not known") if age_s is None else _ago(age_s), age_s is not None and age_s <= limit_s)


def _sealed(found: house.Figures) -> str:
    return _("all rows") if found.seal_lag_s <= NOT_SEALED else _rows(found.unsealed, found.seal_lag_s)


def _rows(count: int, age_s: float) -> str:
    said = ngettext("%(count)s row waits, written %(ago)s", "%(count)s rows wait, the first written %(ago)s", count)
    return said % {"count": count, "ago": _ago(age_s)}


def _work(found: house.Figures) -> list[Waiting]:
    return [
        Waiting(
            str(words),
            found.queues[name].due,
            _ago(found.queues[name].oldest_s) if found.queues[name].due else "",
            found.queues[name].given_up,
            found.queues[name].oldest_s <= WORK_LATE and not found.queues[name].given_up,
        )
        for name, words in QUEUES.items()
    ]
