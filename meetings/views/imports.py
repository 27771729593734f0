"""Imported lists: uploading, choosing columns, looking at what would be brought in, and following the work, which goes on without the page."""

from typing import Any, Final
from uuid import UUID

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cases import access as cases
from cases.actions.documents import Upload
from cases.actions.importing import confirm_import, discard_import, map_import, upload_import
from cases.actions.referrals import boards_for
from cases.dossiers.board_kinds import board_kind
from cases.exchange.columns import import_definition
from cases.exchange.tables import MAX_BYTES, MOST_ROWS
from cases.exchange.templates import CONTENT_TYPE, template
from cases.models import ImportJob, ImportRow
from mdo.directory.models import Board
from mdo.kernel import audit
from mdo.kernel.errors import Denied, Invalid, Refused
from mdo.kernel.ids import derived_id, new_id
from mdo.paging import part
from meetings.forms import ImportForm, VersionedForm
from meetings.views.showing import SHOWN, did, person, private, put_on, renew, sentences
from meetings.waking import wake

Kind, Stage, State = ImportJob.Kind, ImportJob.Stage, ImportRow.State
MOST_LISTED = 30
PER_PAGE = 50
_WORKING: Final = (Stage.CHECKING, Stage.APPLYING)
_SEPARATORS: Final = {";": ";", ",": ",", "\t": "TAB"}


@private
@require_http_methods(["GET", "POST"])
def imports(request: HttpRequest) -> HttpResponse:
    """``/imports/``: upload a list, and the ones of before. ``show=decisions``: old decisions instead of submissions."""
    by = person(request)
    hospital_id = cases.access_hospital_for_submitting(by)
    registers = cases.boards_to_register_at(by)
    what = Kind.DECISIONS if request.GET.get("show") == Kind.DECISIONS and registers else Kind.SUBMISSIONS
    boards = registers if what == Kind.DECISIONS else boards_for(hospital_id)
    options: dict[str, Any] = {
        "boards": [(str(board.pk), board.name) for board in boards],
        "needs_board": what == Kind.DECISIONS,
    }
    form, status = ImportForm(initial={"board": request.GET.get("board")}, **options), 200
    if request.method == "POST":
        form, status = ImportForm(request.POST, request.FILES, **options), 422
        if form.is_valid():
            file, command_id = form.cleaned_data["file"], form.cleaned_data["command_id"]
            import_id = derived_id(command_id, by.pk, "import")
            try:
                upload_import(
                    by=by,
                    import_id=import_id,
                    what=what,
                    board_id=form.cleaned_data["board"],
                    upload=Upload("", file.read(MAX_BYTES + 1)),
                    command_id=command_id,
                )
            except SHOWN as refusal:
                put_on(form, refusal)
                status = refusal.status
                renew(form, 0)
            else:
                wake()
                return did(request, reverse("meetings:import", args=[import_id]))
    return _list(request, form, what, registers, status)


def _list(request: HttpRequest, form: ImportForm, what: str, registers: list[Board], status: int) -> HttpResponse:
    jobs = cases.visible_imports(person(request)).filter(kind=what).select_related("by", "board")
    url = reverse("meetings:imports")
    tabs = [{"label": _("Submissions"), "url": url, "current": what == Kind.SUBMISSIONS}]
    if registers:
        tabs.append(
            {"label": _("Old decisions"), "url": f"{url}?show={Kind.DECISIONS}", "current": what == Kind.DECISIONS}
        )
    context = {
        "form": form,
        "what": what,
        "tabs": tabs,
        "jobs": list(jobs.order_by("-created_at")[:MOST_LISTED]),
        "most_rows": MOST_ROWS,
        "most_mb": MAX_BYTES // 1024**2,
        "template_url": reverse(
            "meetings:import_decisions_template" if what == Kind.DECISIONS else "meetings:import_template"
        ),
    }
    return render(request, "meetings/imports.html", context, status=status)


@private
@require_GET
def submissions_template(request: HttpRequest) -> HttpResponse:
    """``/imports/submissions.xlsx``: the workbook to fill in, with the boards, reasons and requesters to choose from."""
    by, language = person(request), get_language()
    boards = boards_for(cases.access_hospital_for_submitting(by))
    reasons: dict[str, str] = {}
    for board in boards:
        reasons |= dict(board_kind(board.kind).choices("referral_reasons", language))
    return _template(
        Kind.SUBMISSIONS,
        {
            "board": [board.name for board in boards],
            "reason": list(reasons.values()),
            "requester": [each.display_name for each in cases.visible_requesters(by)],
        },
    )


@private
@require_GET
def decisions_template(request: HttpRequest) -> HttpResponse:
    """``/imports/decisions.xlsx``: the workbook for old decisions."""
    by = person(request)
    cases.access_hospital_for_submitting(by)
    if not cases.boards_to_register_at(by):
        raise Denied()
    return _template(Kind.DECISIONS, {})


def _template(kind: str, lists: dict[str, list[str]]) -> HttpResponse:
    definition, language = import_definition(kind), (get_language() or "en")[:2]
    words = {"nl": ["V", "M", "X", "onbekend"], "fr": ["F", "M", "X", "inconnu"], "de": ["W", "M", "X", "unbekannt"]}
    lists["sex"] = words.get(language, ["F", "M", "X", "unknown"])
    response = HttpResponse(template(definition, language, lists), content_type=CONTENT_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{kind}.xlsx"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


@private
@require_GET
def one(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """``/imports/<id>/``: where a list stands. While the house works on it the page asks again by itself; it may be left. Writes a row into
    the access log when rows are shown."""
    return _page(request, cases.access_import_for_submitting(person(request), import_id, lock=False))


def _page(
    request: HttpRequest,
    job: ImportJob,
    *,
    errors: list[dict[str, str]] | None = None,
    chosen: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    counts = dict(job.rows.order_by().values_list("state").annotate(Count("pk")))
    done = sum(counts.get(state, 0) for state in (State.APPLIED, State.FAILED))
    context: dict[str, Any] = {
        "job": job,
        "errors": errors,
        "new_id": new_id(),
        "working": job.stage in _WORKING,
        "counts": {state.value: counts.get(state, 0) for state in State},
        "done": job.checked if job.stage == Stage.CHECKING else done,
        "all": job.row_count if job.stage == Stage.CHECKING else done + counts.get(State.READY, 0),
        "facts": _facts(job),
        "may_map": job.stage in ImportJob.OPEN and bool(job.storage_name),
    }
    if job.stage == Stage.MAPPING or (job.stage == Stage.PREVIEW and request.GET.get("show") == "columns"):
        context["mapping"] = _mapping(job, chosen)
    elif job.stage not in _WORKING:
        context |= _rows(request, job, counts)
    return render(request, "meetings/import.html", context, status=status)


def _facts(job: ImportJob) -> list[str]:
    """How the file was read, in words."""
    facts = job.facts
    if facts["kind"] == "xlsx":
        said = [_("Read from the sheet “%(sheet)s” of a workbook.") % {"sheet": facts["sheet"]}]
        if facts["hidden_sheets"]:
            said.append(_("Hidden sheets were not read: %(sheets)s.") % {"sheets": ", ".join(facts["hidden_sheets"])})
        if facts["other_sheets"]:
            said.append(_("Other sheets were not read: %(sheets)s.") % {"sheets": ", ".join(facts["other_sheets"])})
        return said
    if facts["kind"] == "json":
        return [_("Read as JSON.")]
    words = {"encoding": facts["encoding"], "separator": _SEPARATORS[facts["delimiter"]]}
    said = [_("Read as a text in %(encoding)s with the separator %(separator)s.") % words]
    if facts["encoding"] == "Windows-1252":
        said.append(_("This file does not say its letters: look whether names with accents are right."))
    return said


def _mapping(job: ImportJob, chosen: dict[str, str] | None) -> dict[str, Any]:
    definition = import_definition(job.kind)
    labels = definition.labels(get_language())
    columns = job.columns if chosen is None else chosen
    return {
        "fields": list(labels.items()),
        "columns": [
            {"number": number, "header": header, "samples": samples, "field": columns.get(str(number), "")}
            for number, (header, samples) in enumerate(zip(job.header, job.samples, strict=True))
        ],
        "needed": [" / ".join(labels[code] for code in group) for group in definition.needed],
    }


def _rows(request: HttpRequest, job: ImportJob, counts: dict[str, int]) -> dict[str, Any]:
    shown = request.GET.get("rows", "")
    if shown not in State.values:
        wrong = next((state for state in (State.WRONG, State.FAILED) if counts.get(state)), None)
        shown = wrong or ""
        if request.GET.get("rows") == "all":
            shown = ""
    found = job.rows.order_by("number")
    page = part(request, found.filter(state=shown) if shown else found, PER_PAGE)
    labels = import_definition(job.kind).labels(get_language())
    rows = [_row(row, labels) for row in page.object_list]
    told = any(row["patient"] or row["number"] or row["errors"] for row in rows)  # what was brought in keeps no content
    audit.act("import.shown", hospital_id=job.hospital_id, detail={"import": str(job.pk), "rows": len(rows)})
    tabs = [
        {"label": State(state).label, "url": f"?rows={state}", "current": shown == state, "count": counts[state]}
        for state in State.values
        if counts.get(state)
    ]
    if len(tabs) > 1:
        tabs.append({"label": _("All"), "url": "?rows=all", "current": not shown, "count": sum(counts.values())})
    return {"rows": rows, "told": told, "page": page, "row_tabs": tabs}


def _row(row: ImportRow, labels: dict[str, str]) -> dict[str, Any]:
    raw: dict[str, str] = row.values.get("raw", {})
    return {
        "row": row,
        "patient": " ".join(raw[part] for part in ("family_name", "given_name") if part in raw),
        "number": raw.get("national_number") or raw.get("other_identifier", ""),
        "day": raw.get("requested_on") or raw.get("decided_on", ""),
        "said": raw.get("question") or raw.get("text", ""),
        "more": raw.get("text", "") if raw.get("question") else raw.get("steps", ""),
        "errors": [
            {"label": labels.get(field, ""), "sentence": sentence, "raw": raw.get(field, "")}
            for field, found in row.errors.items()
            for sentence in found
        ],
    }


@private
@require_POST
def columns(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """``POST``: say which column is which (``column-<n>``)."""
    by = person(request)
    job = cases.access_import_for_submitting(by, import_id, lock=False)
    chosen = {str(n): request.POST.get(f"column-{n}", "")[:40] for n in range(len(job.header))}
    chosen = {number: code for number, code in chosen.items() if code}
    form = VersionedForm(request.POST)
    try:
        _valid(form)
        map_import(by=by, import_id=import_id, columns=chosen, **form.cleaned_data)
    except SHOWN as refusal:
        return _refused(request, import_id, refusal, chosen)
    wake()
    return did(request, reverse("meetings:import", args=[import_id]))


@private
@require_POST
def confirm(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """``POST``: bring the list in."""
    by = person(request)
    cases.access_import_for_submitting(by, import_id, lock=False)
    form = VersionedForm(request.POST)
    try:
        _valid(form)
        confirm_import(by=by, import_id=import_id, **form.cleaned_data)
    except SHOWN as refusal:
        return _refused(request, import_id, refusal)
    wake()
    return did(request, reverse("meetings:import", args=[import_id]))


@private
@require_POST
def discard(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """``POST``: throw the list away."""
    by = person(request)
    job = cases.access_import_for_submitting(by, import_id, lock=False)
    form = VersionedForm(request.POST)
    try:
        _valid(form)
        discard_import(by=by, import_id=import_id, **form.cleaned_data)
    except SHOWN as refusal:
        return _refused(request, import_id, refusal)
    end = f"?show={Kind.DECISIONS}" if job.kind == Kind.DECISIONS else ""
    return did(request, reverse("meetings:imports") + end, _("The list was thrown away."))


def _valid(form: VersionedForm) -> None:
    if not form.is_valid():
        raise Invalid({field: [str(each) for each in found] for field, found in form.errors.items()})


def _refused(
    request: HttpRequest, import_id: UUID, refusal: Refused, chosen: dict[str, str] | None = None
) -> HttpResponse:
    job = cases.access_import_for_submitting(person(request), import_id, lock=False)
    errors = sentences(refusal)
    if isinstance(refusal, Invalid):
        errors = [
            {"message": sentence, "field_id": f"id_{field}" if field.startswith("column-") else ""}
            for field, found in refusal.errors.items()
            for sentence in found
        ]
    return _page(request, job, errors=errors, chosen=chosen, status=refusal.status)
