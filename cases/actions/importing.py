"""Imported lists: uploading one, saying which column is which, letting the house check it, and bringing it in.

**Nothing half done.** A list is brought in only when every row of it is in order (or here already). Then the house brings in one row after
the other, as whoever confirmed and with their rights of that moment: each row in a transaction of its own, whole or not at all, and once,
however often the work is cut short or the same list is uploaded. What was brought in before is found again by its digest.
"""

import io
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cases import access
from cases.actions.documents import Upload, store
from cases.actions.dossiers import change_case
from cases.actions.referrals import bring_in_case
from cases.events import ImportMoved
from cases.exchange.columns import import_definition
from cases.exchange.reading import open_table
from cases.exchange.tables import MAX_BYTES, InvalidTable
from cases.forms import LANGUAGES
from cases.import_forms import ImportedCaseForm
from cases.import_rows import Checker, checker_of
from cases.models import ImportJob, ImportRow
from cases.scanning import refuse_infected
from mdo.directory.access import require_system
from mdo.kernel import work
from mdo.kernel.acting import Actor
from mdo.kernel.action import action, note
from mdo.kernel.clock import now
from mdo.kernel.compiled import compiled
from mdo.kernel.errors import Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.events import Event
from mdo.kernel.ids import derived_id
from mdo.kernel.storage import storage

Kind, Stage, State = ImportJob.Kind, ImportJob.Stage, ImportRow.State
AT_ONCE = 250  # rows that one call checks
SAMPLES, SAMPLE_LENGTH = 3, 60
KEPT = timedelta(days=30)  # of a list that nobody brings in


# --- pieces ------------------------------------------------------------------------------------------------------------


def _current(job: ImportJob, version: int) -> None:
    if job.version != version:
        raise Stale(_("This import went on meanwhile. Look again."), current=job.version)


def _to(job: ImportJob, stage: ImportJob.Stage) -> ImportMoved:
    """Let the list go to a stage, and say whether that is work for the house."""
    job.stage, job.version = stage, job.version + 1
    job.state = work.State.WAITING if stage in (Stage.CHECKING, Stage.APPLYING) else work.State.DONE
    job.due_at, job.leased_until, job.attempts, job.last_error = now(), None, 0, ""
    job.save()
    return ImportMoved(import_id=job.pk, hospital_id=job.hospital_id, state=stage)


def _let_go_of_file(job: ImportJob) -> None:
    name, job.storage_name, job.samples = job.storage_name, "", []
    if name:
        transaction.on_commit(lambda: storage.delete(name))


def _columns(kind: str, columns: Mapping[str, str], width: int) -> dict[str, str]:
    """Which column is which, when that is a choice that can be worked with. Raises ``Invalid`` with the fields."""
    definition = import_definition(kind)
    known = {field.code for field in definition.fields}
    chosen: dict[str, str] = {}
    problems: dict[str, list[str]] = {}
    for column, code in columns.items():
        if not code:
            continue
        if code not in known or not column.isascii() or not column.isdigit() or int(column) >= width:
            raise Invalid({"columns": [_("Choose one of the list.")]})
        if code in chosen.values():
            problems[f"column-{column}"] = [_("Another column is this field already.")]
        chosen[column] = code
    labels = definition.labels(translation.get_language())
    for group in definition.missing({int(column): code for column, code in chosen.items()}):
        words = " / ".join(labels[code] for code in group)
        problems.setdefault("columns", []).append(_("Say which column is: %(field)s.") % {"field": words})
    if problems:
        raise Invalid(problems)
    return chosen


# --- actions of people -------------------------------------------------------------------------------------------------


@action("import.upload", row="submit")
def upload_import(
    *, by: Actor, import_id: UUID, what: str, board_id: UUID | None, upload: Upload, command_id: UUID
) -> tuple[Event, ...]:
    """Upload a list of submissions or of old decisions. Effects: it is read once from end to end and kept encrypted; where its headers say
    what each column is, the house begins to check its rows, else somebody has to say it first. No row is brought in yet.

    Refused: ``Denied`` for whoever may bring in no patient of the acting hospital, or (old decisions) does not register at the board;
    ``Invalid`` (``what``, ``board``, ``file``) for a file that cannot be read as a whole, with the reason; ``RuleBroken`` while the very same
    file is on its way already; ``Unavailable`` while the virus scanner is away. Nothing of a refused file stays.
    """
    hospital_id = access.access_hospital_for_importing(by, what, board_id)
    if what not in Kind.values:
        raise Invalid({"what": [_("Choose one of the list.")]})
    if len(upload.content) > MAX_BYTES:
        raise Invalid({"file": [_("The file is larger than %(size)d MB.") % {"size": MAX_BYTES // 1024**2}]})
    on_its_way = access.visible_imports(by).exclude(stage__in=(Stage.FINISHED, Stage.DISCARDED))
    if on_its_way.filter(sha256=upload.sha256, kind=what, board=board_id).exists():
        raise RuleBroken(
            _("This very file is being imported already: bring it in or throw it away first."), field="file"
        )
    refuse_infected(upload.content)
    try:
        table = open_table(io.BytesIO(upload.content))
        samples: list[list[str]] = [[] for _each in table.header]
        rows = 0
        for row in table.rows():
            rows += 1
            for said, cell in zip(samples, row.cells, strict=False):
                if len(said) < SAMPLES and cell.text:
                    said.append(cell.text[:SAMPLE_LENGTH])
    except InvalidTable as error:
        raise Invalid({"file": [error.sentence]}) from None
    if not rows:
        raise Invalid({"file": [_("There is no row under the headers.")]})
    definition = import_definition(what)
    columns = definition.match(table.header)
    language = (translation.get_language() or "en")[:2]
    job = ImportJob(
        id=import_id,
        hospital_id=hospital_id,
        kind=what,
        board_id=board_id,
        by_id=by.actor_id,
        language=language if language in dict(LANGUAGES) else "en",
        size=len(upload.content),
        sha256=upload.sha256,
        storage_name=store(upload),
        facts=asdict(table.facts),
        header=list(table.header),
        samples=samples,
        columns={str(column): code for column, code in columns.items()},
        row_count=rows,
        created_at=now(),
        version=0,
    )
    note(rows=rows)
    clear = not definition.missing(columns) and len(columns) == sum(bool(header) for header in table.header)
    return (_to(job, Stage.CHECKING if clear else Stage.MAPPING),)


@action("import.map", row="submit")
def map_import(
    *, by: Actor, import_id: UUID, version: int, columns: Mapping[str, str], command_id: UUID
) -> tuple[Event, ...]:
    """Say which column is which field (``{"0": "national_number"}``; a column without a field is left out). Effects: rows that were
    checked by other columns are forgotten, the house checks all of them anew.

    Refused: ``NotFound``, ``Denied``, ``Stale``, ``RuleBroken`` once it is being brought in, ``Invalid`` for a field that two columns claim
    (``column-<n>``) or that is needed and has none (``columns``).
    """
    job = access.access_import_for_submitting(by, import_id)
    _current(job, version)
    if job.stage not in ImportJob.OPEN:
        raise RuleBroken(_("This import is past choosing columns."))
    job.columns = _columns(job.kind, columns, len(job.header))
    job.rows.all().delete()
    job.checked = 0
    return (_to(job, Stage.CHECKING),)


@action("import.confirm", row="submit")
def confirm_import(*, by: Actor, import_id: UUID, version: int, command_id: UUID) -> tuple[Event, ...]:
    """Bring the list in. Effects: the house brings in its rows one by one, as ``by``; also again, after it had stopped.

    Refused: ``RuleBroken`` while a row is not in order, when nothing is left to bring in, or before it was checked; ``Stale``, ``NotFound``,
    ``Denied``.
    """
    job = access.access_import_for_submitting(by, import_id)
    _current(job, version)
    if job.stage not in (Stage.PREVIEW, Stage.STOPPED) or not job.storage_name or job.checked < job.row_count:
        raise RuleBroken(_("This import is not ready to be brought in."))
    wrong = job.rows.filter(state=State.WRONG).count()
    if wrong:
        text = ngettext(
            "%(count)d row is not in order. Mend it in your list and upload it again: nothing is brought in by halves.",
            "%(count)d rows are not in order. Mend them in your list and upload it again: nothing is brought in by halves.",
            wrong,
        )
        raise RuleBroken(text % {"count": wrong})
    if not job.rows.filter(state=State.READY).exists():
        raise RuleBroken(_("There is nothing to bring in: every row is here already."))
    job.by_id, job.confirmed_at = by.actor_id, now()
    return (_to(job, Stage.APPLYING),)


@action("import.discard", row="submit")
def discard_import(*, by: Actor, import_id: UUID, version: int, command_id: UUID) -> tuple[Event, ...]:
    """Throw a list away. Effects: file and rows are gone; what was brought in from it before it stopped stays.

    Refused: ``RuleBroken`` while it is being brought in or when it has ended, ``Stale``, ``NotFound``, ``Denied``.
    """
    job = access.access_import_for_submitting(by, import_id)
    _current(job, version)
    if job.stage not in (*ImportJob.OPEN, Stage.STOPPED):
        raise RuleBroken(_("This import cannot be thrown away now."))
    return (_discarded(job),)


def _discarded(job: ImportJob) -> ImportMoved:
    job.rows.exclude(state=State.APPLIED).delete()
    job.rows.update(values={})
    _let_go_of_file(job)
    job.finished_at = now()
    return _to(job, Stage.DISCARDED)


# --- actions of the house, as whoever uploaded or confirmed ------------------------------------------------------------------


@action("import.check", row="submit")
def check_import(*, by: Actor, import_id: UUID) -> tuple[Event, ...]:
    """Check the next rows of a list, 250 at most. Effects: each is kept with its values and what is wrong with it; after the last one the
    list can be looked at. Doing it again goes on where it stopped.

    Refused: ``NotFound``, ``Denied`` where the right ended meanwhile, ``RuleBroken`` in another stage.
    """
    job = access.access_import_for_submitting(by, import_id)
    if job.stage != Stage.CHECKING:
        raise RuleBroken(_("This import is not being checked."))
    with storage.open(job.storage_name) as file, translation.override(job.language):
        checker = Checker(by, job)
        found: list[ImportRow] = []
        for number, row in enumerate(open_table(cast(BinaryIO, file)).rows(), start=1):
            if number > job.checked:
                found.append(checker.check(row))
                if len(found) == AT_ONCE:
                    break
        _find_again(job, found)
    ImportRow.objects.bulk_create(found)
    job.checked += len(found)
    if len(found) < AT_ONCE:
        job.row_count = job.checked
        return (_to(job, Stage.PREVIEW),)
    job.save(update_fields=["checked"])
    return ()


def _find_again(job: ImportJob, rows: list[ImportRow]) -> None:
    """Mark what stands twice in the file or was brought in before, and what a file says of one patient in two ways."""
    twins: dict[str, int] = {}
    patients: dict[str, tuple[int, str, str]] = {}
    for number, key, values in job.rows.exclude(key="").order_by("number").values_list("number", "key", "values"):
        twins.setdefault(key, number)
        _same_patient(patients, number, values["form"])
    keys = [row.key for row in rows if row.key]
    before = ImportRow.objects.filter(hospital=job.hospital_id, key__in=keys, state=State.APPLIED)
    brought_in = dict(before.values_list("key", "case_id"))
    for row in rows:
        if not row.key:
            continue
        earlier = _same_patient(patients, row.number, row.values["form"])
        if earlier is not None:
            text = _("Row %(number)d has the same number with another name or birth date.") % {"number": earlier}
            row.state, row.key = State.WRONG, ""
            row.errors = {
                "national_number" if row.values["form"].get("national_number") else "other_identifier": [text]
            }
        elif row.key in brought_in:
            row.state, row.case_id = State.KNOWN, brought_in[row.key]
        elif row.key in twins:
            row.state, row.twin = State.KNOWN, twins[row.key]
        else:
            twins[row.key] = row.number


def _same_patient(seen: dict[str, tuple[int, str, str]], number: int, form: Mapping[str, Any]) -> int | None:
    """The earlier row that gives the same number to somebody else, if there is one."""
    digits = "".join(c for c in form.get("national_number", "") if c.isdigit())
    name = " ".join(form.get("family_name", "").casefold().split())
    known = seen.setdefault(
        digits or f"other {form.get('other_identifier', '')}", (number, name, form.get("birth_date", ""))
    )
    return None if known[1:] == (name, form.get("birth_date", "")) else known[0]


@compiled
def _brought_in(hospital: UUID, key: str) -> QuerySet[ImportRow, UUID | None]:
    return ImportRow.objects.filter(hospital=hospital, key=key, state="applied").values_list("case_id", flat=True)


def ready_row(row: ImportRow) -> bool:
    """Whether a (locked) row is still to be brought in. Raises ``RuleBroken`` outside of that stage. What another list brought in
    meanwhile is marked as being here."""
    if row.job.stage != Stage.APPLYING:
        raise RuleBroken(_("This import is not being brought in."))
    if row.state != State.READY:
        return False
    before = _brought_in(hospital=row.hospital_id, key=row.key)
    if before:
        row.state, row.case_id = State.KNOWN, before[0]
        row.save(update_fields=["state", "case_id"])
        return False
    return True


def applied(row: ImportRow, case_id: UUID) -> None:
    """Mark a row as brought in; the unique key makes a second one of the same content fail."""
    row.state, row.case_id = State.APPLIED, case_id
    row.save(update_fields=["state", "case_id"])


@action("import.bring_in", row="submit")
def bring_in_row(*, by: Actor, row_id: UUID) -> tuple[Event, ...]:
    """Bring in one submission of a confirmed list. Effects: those of ``case.bring_in``, of ``case.change`` for the numbers that it names;
    the row is marked. Nothing where it was brought in
    before, by this list or another.

    Refused: as ``case.bring_in``; ``Invalid`` by field where something changed since it was checked; ``RuleBroken`` in another stage.
    """
    row = access.access_import_row(by, row_id, "submit")
    if row.job.kind != Kind.SUBMISSIONS:
        raise NotFound()
    note(import_id=str(row.job_id), row=row.number)
    if not ready_row(row):
        return ()
    with translation.override(row.job.language):
        form = checker_of(by, row.job).form(row.values["form"])
        if not isinstance(form, ImportedCaseForm) or not form.is_valid():
            raise Invalid({field: [str(each) for each in found] for field, found in form.errors.items()})
        case_id = derived_id(row.pk, by.actor_id, "case")
        bring_in_case(
            by=by,
            case_id=case_id,
            details=form.details,
            patient_id=form.patient.pk if form.patient else None,
            request=form.request(informs_patient=form.cleaned_data["informs_patient"]),
            command_id=derived_id(row.pk, by.actor_id, "command"),
        )
        if form.answers:
            answered = derived_id(row.pk, by.actor_id, "answers")
            change_case(by=by, case_id=case_id, version=1, data=form.answers, command_id=answered)
    applied(row, case_id)
    return ()


@action("import.leave_out", row="submit")
def leave_out_row(*, by: Actor, row_id: UUID, errors: Mapping[str, list[str]]) -> tuple[Event, ...]:
    """Note that a row was refused while it was brought in, with the reasons by field. Effects: it is marked, the others go on."""
    row = access.access_import_row(by, row_id, "submit")
    note(import_id=str(row.job_id), row=row.number)
    if row.job.stage == Stage.APPLYING and row.state == State.READY:
        row.state, row.errors = State.FAILED, dict(errors)
        row.save(update_fields=["state", "errors"])
    return ()


@action("import.finish", row="system")
def finish_import(*, by: Actor, import_id: UUID) -> tuple[Event, ...]:
    """End a list of which nothing is left to bring in. Effects: the file goes, and the content of all rows but those that were left out."""
    require_system(by)
    job = _for_house(import_id)
    if job.stage != Stage.APPLYING or job.rows.filter(state=State.READY).exists():
        return ()
    job.rows.exclude(state=State.FAILED).update(values={})
    _let_go_of_file(job)
    job.finished_at = now()
    return (_to(job, Stage.FINISHED),)


@action("import.stop", row="system")
def stop_import(*, by: Actor, import_id: UUID) -> tuple[Event, ...]:
    """Stop a list that cannot go on (the right of whoever confirmed has ended, or the work failed too often). Effects: what was brought in
    stays; somebody may go on with it or throw it away."""
    require_system(by)
    job = _for_house(import_id)
    return (_to(job, Stage.STOPPED),) if job.stage in (Stage.CHECKING, Stage.APPLYING) else ()


@action("import.forget", row="system")
def forget_import(*, by: Actor, import_id: UUID) -> tuple[Event, ...]:
    """Throw away a list that nobody brought in for 30 days. Effects: those of ``import.discard``."""
    require_system(by)
    job = _for_house(import_id)
    old = job.stage in (*ImportJob.OPEN, Stage.STOPPED) and job.created_at < now() - KEPT
    return (_discarded(job),) if old else ()


def forgotten_imports() -> list[UUID]:
    """The lists that ``forget_import`` would throw away."""
    waiting = ImportJob.objects.filter(stage__in=(*ImportJob.OPEN, Stage.STOPPED), created_at__lt=now() - KEPT)
    return list(waiting.values_list("pk", flat=True))


def _for_house(import_id: UUID) -> ImportJob:
    job = ImportJob.objects.select_for_update(of=("self",)).filter(pk=import_id).first()
    if job is None:
        raise NotFound()
    return job
