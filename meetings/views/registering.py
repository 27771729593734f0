"""Registration and billing: the cases of a meeting, one case, and the files of a period."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cases import access as cases
from cases.views.identity import identity
from mdo.kernel import audit
from mdo.kernel.clock import now
from mdo.kernel.errors import NotFound
from mdo.kernel.ids import new_id
from mdo.kernel.storage import read_whole
from meetings.actions.exporting import choose, export_registrations, registering
from meetings.actions.registering import save_registration
from meetings.models import AgendaItem, BillingLine, RegistrationForm, RegistryExport
from meetings.registering import access, files, reading, showing
from meetings.registering.asking import ExportForm, PeriodForm, RegistrationCaseForm
from meetings.registering.printing import registration_pdf
from meetings.views.showing import (
    SHOWN,
    acting_for,
    carry_out,
    did,
    person,
    private,
    put_on,
    renew,
    trace,
)

FILES_SHOWN = 24


@private
@require_safe
def of_meeting(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """``/meetings/<id>/registration/``: each case with its form, its billing, and what is missing. A constant number of queries."""
    by, language = person(request), get_language()
    meeting, place = access.access_meeting_for_registering(by, meeting_id)
    items = access.visible_items(by, meeting, place)
    found = reading.entries(by, items)
    rows = [showing.shown(found[item.pk], language) for item in items if item.pk in found]
    unsigned = sum(item.state == AgendaItem.State.DISCUSSED and item.pk not in found for item in items)
    trace("registration.listed", [(each.entry.decision.hospital_id, each.entry.case.pk) for each in rows])
    context = {
        "meeting": meeting,
        "board": meeting.board,
        "rows": rows,
        "ready": sum(row.ready for row in rows),
        "unsigned": unsigned,
        "registers": reading.registers(meeting.board, reading.held_on(meeting, meeting.board)),
        "acting_for": acting_for(request),
    }
    return render(request, "meetings/registration.html", context)


@private
@require_http_methods(["GET", "POST"])
def of_case(request: HttpRequest, meeting_id: UUID, item_id: UUID) -> HttpResponse:
    """``/meetings/<id>/items/<id>/registration/``: which form and which code, and why; what the dossier does not hold is filled in here."""
    by, language = person(request), get_language()
    item = access.access_item_for_registering(by, meeting_id, item_id, lock=False)
    entry = reading.entries(by, [item]).get(item.pk)
    if entry is None:
        raise NotFound()
    status = 200
    form = RegistrationCaseForm(entry=entry, language=language)
    if request.method == "POST":
        form, status = RegistrationCaseForm(request.POST, entry=entry, language=language), 422
        if form.is_valid():
            data = form.cleaned_data
            try:
                save_registration(
                    by=by,
                    meeting_id=meeting_id,
                    item_id=item_id,
                    version=data["version"],
                    command_id=data["command_id"],
                    **form.said(),
                )
            except SHOWN as refusal:
                put_on(form, refusal)
                status = refusal.status
                entry = reading.entries(by, [item])[item.pk]
                renew(form, entry.version)
            else:
                words = _("%(patient)s: saved.") % {"patient": entry.case.patient.label}
                return did(request, reverse("meetings:registration", args=[meeting_id]) + acting_for(request), words)
    cases.access_case_for_reading(by, entry.case.pk)
    case = showing.shown(entry, language)
    registration = entry.rules.registration
    assert registration is not None
    context = {
        "form": form,
        "case": case,
        "tumours": [(each, form.of_tumour(each.position)) for each in case.forms],
        "chronology": [(each.code, each.label(language)) for each in registration.chronology.codes],
        "identity": identity(entry.case.patient, entry.case.hospital),
        "meeting": entry.decision.meeting,
        "board": entry.decision.board,
        "decision": entry.decision,
        "referral": entry.referral,
        "rules": entry.rules,
        "acting_for": acting_for(request),
    }
    return render(request, "meetings/registration_case.html", context, status=status)


@private
@require_safe
def printed_form(request: HttpRequest, form_id: UUID) -> HttpResponse:
    """The form of one tumour as PDF, in the reader's language. Writes the read row."""
    by, language = person(request), get_language() or "en"
    row = access.access_form_for_printing(by, form_id)
    cases.access_case_for_reading(by, row.case_id)
    entry = reading.entries(by, [row.item]).get(row.item_id)
    if entry is None or not row.kind or not entry.confirmed:
        raise NotFound()
    response = HttpResponse(registration_pdf(entry, row, language), content_type="application/pdf")
    response["Content-Disposition"] = 'inline; filename="registration.pdf"'
    return response


# --- files ---------------------------------------------------------------------------------------------------------------------


def _last_month() -> tuple[date, date]:
    first = timezone.localdate(now()).replace(day=1)
    return (first - timedelta(days=1)).replace(day=1), first - timedelta(days=1)


@private
@require_safe
def exports(request: HttpRequest) -> HttpResponse:
    """``/registration/``: what of a period (``?since=…&until=…``, else the month before) is ready, and the files that left the house."""
    return _exports(request)


def _exports(request: HttpRequest, errors: list[dict[str, str]] | None = None, status: int = 200) -> HttpResponse:
    by = person(request)
    organisation_id = access.acting_hospital(by)
    boards = access.access_hospital_for_registering(by, organisation_id)
    since, until = _last_month()
    given = request.POST if request.method == "POST" else request.GET
    period = PeriodForm(given) if "since" in given else PeriodForm(initial={"since": since, "until": until})
    if period.is_bound:
        if period.is_valid():
            since, until = period.cleaned_data["since"], period.cleaned_data["until"]
        else:
            status = 422
    boards = registering(boards, since, until)
    kinds = []
    for what, model in ((RegistryExport.What.REGISTRY, RegistrationForm), (RegistryExport.What.BILLING, BillingLine)):
        chosen = choose(by, model, organisation_id, boards, since, until)
        changes = [change for _row, change in chosen.rows]
        kinds.append(
            {
                "what": what,
                "ready": len(changes),
                "new": changes.count(files.NEW),
                "changed": changes.count(files.CHANGED) + changes.count(files.WITHDRAWN),
                "waiting": len(chosen.waiting),
            }
        )
    context = {
        "period": period,
        "errors": errors or [],
        "since": since,
        "until": until,
        "kinds": kinds,
        "exports": access.visible_exports(by)[:FILES_SHOWN],
        "new_id": new_id,
        "demo": _("Demonstration: made-up people, nothing to send.") if settings.DEMO else "",
        "acting_for": acting_for(request),
    }
    return render(request, "meetings/registry_exports.html", context, status=status)


@private
@require_POST
def export(request: HttpRequest) -> HttpResponse:
    """Make a file."""
    by = person(request)

    def act(data: dict[str, Any]) -> object:
        return export_registrations(
            by=by,
            organisation_id=access.acting_hospital(by),
            export_id=data["export_id"],
            what=data["what"],
            since=data["since"],
            until=data["until"],
            command_id=data["command_id"],
        )

    return carry_out(
        request,
        ExportForm(request.POST),
        act,
        lambda errors, status: _exports(request, errors, status),
        reverse("meetings:registry_exports") + acting_for(request),
        _("The file is ready."),
    )


@private
@require_safe
def export_file(request: HttpRequest, export_id: UUID) -> HttpResponse:
    """The bytes of a file. Leaves a trace for the hospital."""
    found = access.access_export_for_reading(person(request), export_id)
    content = read_whole(found.storage_name)
    audit.act("registration.fetched", hospital_id=found.hospital_id, detail={"export_id": str(found.pk)})
    response = HttpResponse(content, content_type="application/zip")
    name = f"{found.what}-{found.since:%Y%m%d}-{found.until:%Y%m%d}.zip"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
