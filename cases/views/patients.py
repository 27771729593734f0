"""Correcting a patient."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cases import access
from cases.actions.patients import change_patient
from cases.coding import national_number
from cases.forms import PatientForm
from cases.models import Patient
from cases.views.identity import identity
from cases.views.pages import SHOWN, put_errors
from mdo.directory.access import today
from mdo.directory.models import Person
from mdo.kernel.errors import NotFound, Stale


@require_http_methods(["GET", "HEAD", "POST"])
def patient_edit(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """``/cases/<id>/patient/``: identity, contact and GP of the case's patient, for the own hospital."""
    by: Person = request.user  # type: ignore[assignment]
    case = access.access_case_for_reading(by, case_id)
    access.access_case_for(by, case_id, "submit", lock=False)
    if case.hospital_id != request.organisation.pk:  # type: ignore[attr-defined]
        raise NotFound()
    patient, back = case.patient, reverse("cases:detail", args=[case.pk])
    form = PatientForm(
        request.POST if request.method == "POST" else None,
        initial=PatientForm.initial_of(patient),
        today=today(),
        guests=access.visible_guests(),
    )
    status = 200
    stale = None
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                change_patient(
                    by=by,
                    patient_id=patient.pk,
                    version=form.cleaned_data["version"],
                    details=form.details,
                    command_id=form.cleaned_data["command_id"],
                )
            except SHOWN as error:
                put_errors(form, error)
                status = error.status
                if isinstance(error, Stale):
                    stale = _differences(patient, form)
                    form.see(patient.version)
            else:
                messages.success(request, _("Saved."))
                return HttpResponseRedirect(back)
        form.renew()
    form.say_what_is_needed()
    context = {
        "form": form,
        "case": case,
        "identity": identity(patient, case.hospital, url=back),
        "differences": stale,
        "no_number": form["no_number"].value(),
        "may_merge": access.may_merge(by),
        "back": back,
    }
    return render(request, "cases/patient.html", context, status=status)


def _differences(patient: Patient, form: PatientForm) -> list[dict[str, object]]:
    now = PatientForm.initial_of(patient)
    typed = form.cleaned_data | {
        "gp": form.cleaned_data["gp"].pk if form.cleaned_data["gp"] else None,
        "national_number": national_number.formatted(form.cleaned_data["national_number"])
        if form.cleaned_data["national_number"]
        else "",
    }
    names = (
        "family_name",
        "given_name",
        "birth_date",
        "national_number",
        "other_identifier",
        "record_number",
        "phone",
        "gp_name",
        "deceased_on",
    )
    return [
        {"label": form.fields[name].label, "now": now[name] or "–", "typed": typed[name] or "–"}
        for name in names
        if now[name] != typed[name]
    ]
