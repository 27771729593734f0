"""Merging a second record of a patient into the one of a case, or that one into it; and taking a merge back."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cases import access
from cases.actions.merging import merge_patients, undo_merge
from cases.coding import national_number
from cases.forms import MergeForm
from cases.models import Patient
from cases.queries import cases_of
from cases.views.identity import identity
from cases.views.pages import SHOWN, put_errors
from mdo.directory.models import Organisation, Person
from mdo.kernel.errors import NotFound
from mdo.kernel.ids import new_id


@require_http_methods(["GET", "HEAD", "POST"])
def patient_merge(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """``/cases/<id>/patient/merge/``: find the other record by number, compare, choose which stays, merge; below, what was merged
    already, to be undone. For the own hospital's secretaries."""
    by: Person = request.user  # type: ignore[assignment]
    case = access.access_case_for_reading(by, case_id)
    if case.hospital_id != request.organisation.pk:  # type: ignore[attr-defined]
        raise NotFound()
    access.access_patients_for_merging(by, case.patient_id)
    back = reverse("cases:detail", args=[case.pk])
    form = MergeForm(request.POST if request.method == "POST" else None)
    other: Patient | None = None
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            cleaned = form.cleaned_data
            try:
                if cleaned["undo"]:
                    undo_merge(
                        by=by, patient_id=case.patient_id, merge_id=cleaned["undo"], command_id=cleaned["command_id"]
                    )
                    messages.success(request, _("The records are two again."))
                    return HttpResponseRedirect(back)
                other = _find(by, cleaned["number"], case.patient)
                if other is None:
                    form.add_error("number", _("No other record of your hospital has this number."))
                elif cleaned["stays"]:
                    ids = (case.patient_id, other.pk)
                    versions = (cleaned["version"], cleaned["other_version"])
                    step = 1 if cleaned["stays"] == "this" else -1
                    (stays, goes), (version, merged_version) = ids[::step], versions[::step]
                    merge_patients(
                        by=by,
                        patient_id=stays,
                        merged_id=goes,
                        version=version,
                        merged_version=merged_version,
                        command_id=cleaned["command_id"],
                    )
                    messages.success(request, _("The records are merged. You can undo that here."))
                    return HttpResponseRedirect(back)
                else:
                    status = 200  # looked at, nothing done yet
            except SHOWN as error:
                put_errors(form, error)
                status = error.status
        form.renew()
    form.fields["number"].required = True  # to be shown so: without it there is nothing to look for
    context = {
        "form": form,
        "case": case,
        "identity": identity(case.patient, case.hospital, url=back),
        "records": [_record(by, each, case.hospital) for each in (case.patient, other)] if other else [],
        "merges": access.visible_merges(by, case.patient),
        "new_id": new_id,
        "back": back,
    }
    return render(request, "cases/merge.html", context, status=status)


def _find(by: Person, number: str, but: Patient) -> Patient | None:
    digits = "".join(each for each in number if each.isdigit())
    found = None
    if len(digits) == national_number.LENGTH:
        found = access.find_patient(by, national_number=digits)
    found = found or access.find_patient(by, other_identifier=number)
    return found if found is not None and found.pk != but.pk else None


def _record(by: Person, patient: Patient, hospital: Organisation) -> dict[str, Any]:
    return identity(patient, hospital) | {
        "id": patient.pk,
        "version": patient.version,
        "record_number": patient.record_number,
        "cases": cases_of(by, patient),
    }
