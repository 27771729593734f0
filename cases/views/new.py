"""A case in a minute."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cases import access
from cases.actions.referrals import boards_for, bring_in_case
from cases.forms import NewCaseForm
from cases.models import Patient, Referral
from cases.queries import cases_of
from cases.views.identity import identity
from cases.views.pages import SHOWN, language, put_errors
from cases.views.since import discussion_words
from mdo.directory.access import today
from mdo.directory.models import Person
from mdo.kernel.errors import IdReused
from mdo.kernel.ids import derived_id


@require_http_methods(["GET", "HEAD", "POST"])
def case_new(request: HttpRequest) -> HttpResponse:
    """``/cases/new/``: number, patient, board and question make patient, case, tumour and draft at once.

    A POST with ``lookup`` only looks for the patient in the own hospital (posted, since a number has no place in an address);
    htmx gets the patient's fields alone.
    """
    by: Person = request.user  # type: ignore[assignment]
    form = new_case_form(request, request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return new_case_page(request, form)
    if "lookup" in request.POST:
        form.look()
        if request.headers.get("HX-Request") == "true":
            return render(request, "cases/_patient.html", _context(request, form))
        return new_case_page(request, form)
    status = 422
    if form.is_valid():
        command_id = form.cleaned_data["command_id"]
        case_id = derived_id(command_id, by.pk, "case")
        try:
            bring_in_case(
                by=by,
                case_id=case_id,
                details=form.details,
                patient_id=form.patient.pk if form.patient else None,
                request=form.request(),
                copy_from=form.cleaned_data["copy_from"],
                command_id=command_id,
            )
        except SHOWN as error:
            if isinstance(error, IdReused) and access.visible_cases(by).filter(pk=case_id).exists():
                messages.info(request, _("This case was made before. Change it here."))
                return HttpResponseRedirect(reverse("cases:detail", args=[case_id]))
            put_errors(form, error)
            status = error.status
        else:
            messages.success(request, _("The draft is saved. Complete it whenever you can; then hand it in."))
            return HttpResponseRedirect(reverse("cases:detail", args=[case_id]))
    form.renew()
    return new_case_page(request, form, status=status)


def new_case_form(request: HttpRequest, typed: QueryDict | None) -> NewCaseForm:
    """The form, with what was typed. Raises ``Denied`` for whoever may not bring in a case of the acting hospital."""
    by: Person = request.user  # type: ignore[assignment]
    hospital_id = access.access_hospital_for_submitting(by)
    requesters = list(access.visible_requesters(by))

    def find(national_number: str, other_identifier: str) -> Patient | None:
        return access.find_patient(by, national_number=national_number, other_identifier=other_identifier)

    own = str(by.pk) if any(person.pk == by.pk for person in requesters) else None
    return NewCaseForm(
        typed,
        initial={"requested_on": today(), "reason": "new_diagnosis"} | ({"requester": own} if own else {}),
        today=today(),
        find=find,
        discussed=lambda patient: _discussions(by, patient),
        boards=boards_for(hospital_id),
        requesters=requesters,
        language=language(),
    )


def _discussions(by: Person, patient: Patient) -> list[tuple[str, str]]:
    """The last discussion of each case of the patient that ``by`` may read, as choices, the newest first."""
    found = access.visible_discussions(by).filter(case__patient=patient, outcome=Referral.Status.DISCUSSED)
    last: dict[UUID, tuple[str, str]] = {}
    for each in found.select_related("referral__board").order_by("-at")[:30]:
        last.setdefault(each.case_id, (str(each.pk), discussion_words(each)))
    return list(last.values())


def _context(request: HttpRequest, form: NewCaseForm) -> dict[str, Any]:
    found = form.patient
    form.say_what_is_needed()
    return {
        "form": form,
        "found": identity(found, request.organisation) if found else None,  # type: ignore[attr-defined]
        "cases": cases_of(request.user, found) if found else [],  # type: ignore[arg-type]
        "no_number": form["no_number"].value(),
    }


def new_case_page(request: HttpRequest, form: NewCaseForm, *, status: int = 200) -> HttpResponse:
    return render(request, "cases/new.html", _context(request, form), status=status)
