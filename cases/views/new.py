"""A case in a minute."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cases import access
from cases.actions.referrals import boards_for, bring_in_case
from cases.actions.sketching import keep_sketch, throw_away_sketch
from cases.forms import CommandForm, NewCaseForm, SketchForm
from cases.models import Patient, Referral, Sketch
from cases.queries import cases_of
from cases.views.identity import identity
from cases.views.pages import SHOWN, language, put_errors
from cases.views.since import discussion_words
from mdo.directory.access import today
from mdo.directory.models import Person
from mdo.kernel import audit
from mdo.kernel.errors import IdReused, NotFound
from mdo.kernel.ids import derived_id, new_id


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
                sketch_id=form.cleaned_data["sketch"],
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
    _keep(request, form)
    return new_case_page(request, form, status=status)


@require_safe
def case_resume(request: HttpRequest, sketch_id: UUID) -> HttpResponse:
    """``GET /cases/new/<id>/``: the form of a new case with what its author typed before; nobody else finds it."""
    by: Person = request.user  # type: ignore[assignment]
    access.access_hospital_for_submitting(by)
    sketch = access.visible_sketches(by).filter(pk=sketch_id).first()
    if sketch is None:
        raise NotFound()
    audit.act("sketch.shown", hospital_id=sketch.hospital_id, detail={"sketch": str(sketch.pk)})
    typed = QueryDict(mutable=True)
    typed.update(sketch.values | {"sketch": str(sketch.pk), "version": str(sketch.version)})
    form = new_case_form(request, typed)
    form.look()
    if form.has_discussions and "copy_from" in sketch.values:
        form.initial["copy_from"] = sketch.values["copy_from"]
    return new_case_page(request, form)


@require_POST
def case_throw_away(request: HttpRequest, sketch_id: UUID) -> HttpResponse:
    """``POST /cases/new/<id>/throw-away/``: what was typed goes."""
    by: Person = request.user  # type: ignore[assignment]
    access.access_hospital_for_submitting(by)
    form = CommandForm(request.POST)
    if form.is_valid():
        throw_away_sketch(by=by, sketch_id=sketch_id, command_id=form.cleaned_data["command_id"])
        messages.success(request, _("What you had typed was thrown away."))
    return HttpResponseRedirect(reverse("cases:new"))


def _keep(request: HttpRequest, form: NewCaseForm) -> None:
    """Keep what was sent and refused, as if it had saved itself just before. Where that is refused too it stands in the form alone."""
    typed = SketchForm(request.POST)
    sketch_id = form.data.get("sketch", "")
    if not typed.is_valid() or form.has_error("sketch") or not sketch_id:
        return
    by: Person = request.user  # type: ignore[assignment]
    version = typed.cleaned_data["version"]
    try:
        with transaction.atomic():
            keep_sketch(by=by, sketch_id=UUID(sketch_id), version=version, typed=typed.typed, command_id=new_id())
    except (*SHOWN, NotFound):
        return
    form.put("version", str(version + 1))


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


def differences_of_new_case(
    form: NewCaseForm, stored: Mapping[str, str], typed: Mapping[str, str]
) -> list[dict[str, object]]:
    """Answer by answer what is kept of a new case and what was typed meanwhile, in words."""

    def words(name: str, value: str) -> str:
        choices = getattr(form.fields[name], "choices", None)
        return str(dict(choices).get(value, value)) if choices else value

    return [
        {"label": form.fields[name].label, "now": words(name, now) or "–", "typed": words(name, then) or "–"}
        for name, now, then in ((each, stored.get(each, ""), typed.get(each, "")) for each in Sketch.FIELDS)
        if now != then
    ]


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
        "sketch_id": form["sketch"].value(),
    }


def new_case_page(request: HttpRequest, form: NewCaseForm, *, status: int = 200) -> HttpResponse:
    context = _context(request, form)
    if request.method != "POST" and not form["version"].value():
        begun = access.visible_sketches(request.user).order_by("-changed_at")  # type: ignore[arg-type]
        context["begun"] = [(each, new_id()) for each in begun if each.label or each.values.get("question")]
    return render(request, "cases/new.html", context, status=status)
