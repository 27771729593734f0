"""The files of a period: what was registered, for the registry, and what is billed, for the hospital's invoicing."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files.base import ContentFile
from django.utils.translation import gettext as _

from cases.access import visible_cases
from mdo.directory.forms import EARLIEST, LATEST
from mdo.directory.models import Board, Organisation
from mdo.kernel.acting import Actor
from mdo.kernel.action import action, note
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, RuleBroken
from mdo.kernel.events import Event
from mdo.kernel.storage import storage
from meetings import access as meetings
from meetings.actions.registering import exported_content
from meetings.events import RegistryExported
from meetings.models import AgendaItem, BillingLine, Decision, RegistrationForm, RegistryExport
from meetings.registering import access, columns, files, reading
from meetings.rulesets import rule_set

What = RegistryExport.What
State = RegistrationForm.State
Row = RegistrationForm | BillingLine


@dataclass(frozen=True)
class Chosen:
    """What goes into a file, each with how it stands to the file before, and the items of the period that are not ready."""

    rows: tuple[tuple[Row, str], ...]
    waiting: frozenset[UUID]


@action("registration.export", row="register")
def export_registrations(
    *, by: Actor, organisation_id: UUID, export_id: UUID, what: str, since: date, until: date, command_id: UUID
) -> tuple[Event, ...]:
    """Put what is complete of the acting hospital's patients, of the meetings from ``since`` to ``until``, into a file: ``what`` is the registrations
    or the billing lines.

    Effects: the file lies encrypted with its size and hash; each row in it is marked as exported, new or changed since the file before, and what
    does not apply any more as withdrawn. What is incomplete or was not confirmed, or whose decision, patient or tumour was changed since, is
    left out and counted. Refused: ``Invalid``
    by field, and where nothing is ready.
    """
    boards = access.access_hospital_for_registering(by, organisation_id)
    errors: dict[str, list[str]] = {}
    if what not in What:
        errors["what"] = [_("Choose from the list.")]
    if until < since:
        errors["until"] = [_("The period ends before it begins.")]
    for name, day in (("since", since), ("until", until)):
        if not EARLIEST <= day <= LATEST:
            errors[name] = [_("Give a day between 1900 and 2200.")]
    if errors:
        raise Invalid(errors)
    boards = registering(boards, since, until)
    model = RegistrationForm if what == What.REGISTRY else BillingLine
    chosen = choose(by, model, organisation_id, boards, since, until, lock=True)
    if not chosen.rows:
        raise RuleBroken(_("Nothing of this period is ready."), field="what")
    hospital = Organisation.objects.get(pk=organisation_id)
    at = now()
    sheets = _sheets(what, chosen.rows, hospital)
    rows = sum(len(sheet.rows) for sheet in sheets)
    changed = sum(change != files.SAME for _row, change in chosen.rows)
    content = files.packed(
        sheets,
        {
            "export": str(export_id),
            "what": what,
            "hospital": hospital.name,
            "hospital_licence_number": hospital.licence_number,
            "since": since.isoformat(),
            "until": until.isoformat(),
            "made_at": at.isoformat(timespec="seconds"),
            "rows": rows,
            "left_out": len(chosen.waiting),
            **({"demonstration": True} if settings.DEMO else {}),
        },
    )
    export = RegistryExport.objects.create(
        id=export_id,
        hospital_id=organisation_id,
        what=what,
        boards=[board.pk for board in boards],
        since=since,
        until=until,
        rows=rows,
        changed=changed,
        left_out=len(chosen.waiting),
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        storage_name=storage.save(storage.name_for(uuid4()), ContentFile(content)),
        made_at=at,
        made_by_id=by.actor_id,
    )
    _mark(chosen.rows, export)
    note(
        since=since.isoformat(),
        until=until.isoformat(),
        changed=changed,
        left_out=len(chosen.waiting),
        sha256=export.sha256,
    )
    return (RegistryExported(export_id=export.pk, hospital_id=organisation_id, what=what, rows=rows),)


def registering(boards: Iterable[Board], since: date, until: date) -> list[Board]:
    """Which of these boards register something of a period."""
    return [board for board in boards if any(reading.registers(board, day) for day in (since, until))]


def choose(
    by: Actor,
    model: type[Row],
    hospital_id: UUID,
    boards: Iterable[Board],
    since: date,
    until: date,
    *,
    lock: bool = False,
) -> Chosen:
    """What of a period would go into a file now. A constant number of queries."""
    boards = list(boards)
    found = model.objects.filter(
        hospital=hospital_id, board__in=boards, day__range=(since, until), case__in=visible_cases(by)
    )
    kept: list[Row] = list((found.select_for_update(of=("self",)) if lock else found).order_by("day", "pk"))
    in_force = _signed(by, hospital_id, boards, since, until)
    entries = reading.entries(by, AgendaItem.objects.filter(pk__in={row.item_id for row in kept}))
    outdated = {item_id for item_id, entry in entries.items() if entry.outdated}
    chosen, waiting = [], set(in_force) - {row.item_id for row in kept}
    for row in kept:
        late = in_force.get(row.item_id) != row.decision_id or row.item_id in outdated
        if late or row.saved_by_id is None or row.state == State.DRAFT:
            waiting.add(row.item_id)
        elif change := _change(row):
            chosen.append((row, change))
    return Chosen(tuple(chosen), frozenset(waiting))


def _signed(by: Actor, hospital_id: UUID, boards: Sequence[Board], since: date, until: date) -> dict[UUID, UUID]:
    """The decision in force of each case of a period, by item. A day at both ends, since boards lie in several zones."""
    day = timedelta(days=1)
    start, end = (datetime.combine(each, time(), UTC) for each in (since - day, until + 2 * day))
    found = (
        meetings.visible_decisions(by)
        .filter(hospital=hospital_id, board__in=boards, state=Decision.State.SIGNED, case__isnull=False)
        .filter(meeting__starts_at__gte=start, meeting__starts_at__lt=end)
        .select_related("meeting", "board")
    )
    days = {each: reading.day_of(each) for each in found}
    return {
        each.item_id: each.pk
        for each, day in days.items()
        if since <= day <= until and reading.registers(each.board, day)
    }


def _change(row: Row) -> str:
    """How a row that is ready stands to the file before; empty where no file has to say anything of it."""
    if row.state == State.NOT_APPLICABLE:
        return files.WITHDRAWN if row.exported_digest else ""
    if not row.exported_digest:
        return files.NEW
    return files.SAME if row.state == State.EXPORTED else files.CHANGED


def _sheets(what: str, rows: Sequence[tuple[Row, str]], hospital: Organisation) -> list[files.Sheet]:
    """One for each rule set: another layout is another file."""
    by_rules: dict[str, list[tuple[Row, str]]] = {}
    for row, change in rows:
        by_rules.setdefault(row.rule_set, []).append((row, change))
    sheets = []
    for name in sorted(by_rules):
        if what == What.REGISTRY:
            registration = rule_set(name).registration
            assert registration is not None
            head = tuple(column.code for column in registration.columns)
            of_file = {column.source: column.code for column in registration.columns}
            lines = [
                {**row.values, of_file["form.id"]: str(row.pk), of_file["form.change"]: change}
                for row, change in by_rules[name]
            ]
        else:
            head = files.BILLING
            own = {"hospital": hospital.name, "hospital_licence_number": hospital.licence_number, "rule_set": name}
            lines = [line for row, change in by_rules[name] for line in _bill(row, change, own)]
        sheets.append(files.Sheet(f"{what}-{name}.csv", head, tuple(lines)))
    return sheets


def _bill(row: Row, change: str, own: dict[str, str]) -> list[dict[str, str]]:
    assert isinstance(row, BillingLine)
    whole: dict[str, Any] = {**row.values, **own, "bill_id": str(row.pk), "change": change}
    if change == files.WITHDRAWN:
        return [whole]
    return [
        {
            **whole,
            "service": line["service"],
            "code": line["code"],
            "physician": line["name"],
            "physician_licence_number": line["licence_number"],
        }
        for line in row.lines
    ]


def _mark(rows: Iterable[tuple[Row, str]], export: RegistryExport) -> None:
    for row, change in rows:
        row.export, row.exported_at = export, export.made_at
        if change == files.WITHDRAWN:
            row.exported_digest = ""
        else:
            row.state, row.exported_digest = State.EXPORTED, columns.digest(exported_content(row))
        row.save(update_fields=["export", "exported_at", "state", "exported_digest"])
