"""What a page sends by itself while somebody types: the ordinary actions, answered as data for the script that sent it.

Every answer holds ``command_id`` for what is sent next. Beside it, by status:

* 200: saved; ``version`` and ``seen`` to build on, ``errors`` (control id → HTML) for what could not be saved, ``parts``
  (element id → HTML) of the page that say something else now, ``asked`` and ``unconfirmed`` as names of controls;
* 409: ``differences`` (HTML), ``version`` and ``seen`` of what stands now: saving again is meant;
* 422: ``errors`` and ``message``; nothing was saved.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST

from cases import access
from cases.actions.dossiers import change_case, changeable
from cases.actions.referrals import change_referral
from cases.actions.sketching import keep_sketch
from cases.forms import SketchForm
from cases.models import Case, Tumour
from cases.queries import case_referrals
from cases.views.dossier import derived_lines
from cases.views.edit import (
    Forms,
    differences_of,
    fingerprint,
    fingerprint_of,
    make_forms,
    still_missing,
    version_seen,
)
from cases.views.new import differences_of_new_case, new_case_form
from cases.views.pages import SHOWN, language, put_errors
from cases.views.referrals import differences_of_referral, form_of
from mdo.directory.models import Person
from mdo.kernel.errors import IdReused, RuleBroken, Stale
from mdo.kernel.ids import new_id


@require_POST
def case_draft(request: HttpRequest, case_id: UUID) -> JsonResponse:
    """``POST /cases/<id>/draft/``: the dossier's form as it stands. What is right is saved; what is wrong keeps its stored answer."""
    by: Person = request.user  # type: ignore[assignment]
    case = access.access_case_for(by, case_id, "submit", lock=False)
    if not changeable(case):
        return _refused([], RuleBroken("").status)
    tumours = list(case.tumours.order_by("position"))
    forms = make_forms(case, tumours, request.POST)
    forms.are_valid()
    data = forms.case.partial(case.data)
    parts = {each.tumour.pk: each.form.partial(each.tumour.data) for each in forms.tumours if each.form.is_bound}
    sound = {tumour_id: found for tumour_id, found in parts.items() if found is not None}
    if not forms.command.is_valid() or data is None or len(sound) != len(parts):
        return _refused(forms.all)
    version = version_seen(case, tumours, forms)
    try:
        with transaction.atomic():
            change_case(
                by=by,
                case_id=case.pk,
                version=version,
                data=data,
                tumours=sound,
                confirmed=forms.confirmed,
                command_id=forms.command.cleaned_data["command_id"],
            )
    except (Stale, IdReused):
        access.access_case_for_reading(by, case_id)
        stands = {"seen": fingerprint(case, tumours)}
        if found := differences_of(case, tumours, forms):
            return _stale(case.version, found, **stands)
        return _saved(case.version, forms.all, **stands)
    except SHOWN as error:
        put_errors(forms.command, error)
        return _refused(forms.all, error.status)
    stored, now = list(case.tumours.order_by("position")), Case.objects.get(pk=case.pk)
    case.to_confirm = now.to_confirm
    for tumour, each in zip(tumours, stored, strict=False):
        tumour.to_confirm = each.to_confirm
    # As it was stored now: where this repeats what was done before, somebody else may have gone on since.
    case.data = data
    for tumour in tumours:
        tumour.data = sound.get(tumour.pk, tumour.data)
    after = fingerprint_of(data, {tumour.pk: tumour.data for tumour in tumours})
    return _saved(version + 1, forms.all, seen=after, **_page_parts(by, case, tumours, forms))


def _page_parts(by: Person, case: Case, tumours: Sequence[Tumour], forms: Forms) -> dict[str, Any]:
    lacking = still_missing(case, tumours, case_referrals(by, case))
    parts = {"missing": render_to_string("cases/_missing.html", lacking)}
    for each in forms.tumours:
        lines = derived_lines(case, each.tumour.data, language())
        for row in (row for group in each.form.groups for row in group.rows):
            if row.derives:
                # What does not hold was not stored: nothing follows from it, least of all what stood there before.
                line = {"line": None if row.field.errors else lines.get(row.definition.key)}
                parts[f"{row.field.auto_id}_derived"] = render_to_string("cases/_derived.html", line)
    return {"parts": parts, "asked": lacking["asked"], "unconfirmed": lacking["unconfirmed"]}


@require_POST
def referral_draft(request: HttpRequest, referral_id: UUID) -> JsonResponse:
    """``POST /referrals/<id>/draft/``: the question as it stands, while it is with the requester's side."""
    by: Person = request.user  # type: ignore[assignment]
    referral = access.access_referral_for(by, referral_id, "submit", lock=False)
    if not referral.saves_itself:
        return _refused([], RuleBroken("").status)
    form = form_of(request, by, referral.case, referral)
    if not form.is_valid():
        return _refused([form])
    version = form.cleaned_data["version"]
    try:
        with transaction.atomic():
            change_referral(
                by=by,
                referral_id=referral.pk,
                version=version,
                request=form.whole_request,
                command_id=form.cleaned_data["command_id"],
            )
    except (Stale, IdReused):
        access.access_case_for_reading(by, referral.case_id)
        if found := differences_of_referral(referral, form):
            return _stale(referral.version, found)
        return _saved(referral.version, [form])
    except SHOWN as error:
        put_errors(form, error)
        return _refused([form], error.status)
    return _saved(version + 1, [form])


@require_POST
def new_case_draft(request: HttpRequest, sketch_id: UUID) -> JsonResponse:
    """``POST /cases/new/<id>/draft/``: the form of a new case as it stands, right or wrong, before there is a case."""
    by: Person = request.user  # type: ignore[assignment]
    access.access_hospital_for_submitting(by)
    form = SketchForm(request.POST)
    if not form.is_valid():
        return _refused([form])
    version, typed = form.cleaned_data["version"], form.typed
    try:
        with transaction.atomic():
            keep_sketch(
                by=by,
                sketch_id=sketch_id,
                version=version,
                typed=typed,
                command_id=form.cleaned_data["command_id"],
            )
    except (Stale, IdReused):
        sketch = access.visible_sketches(by).filter(pk=sketch_id).first()
        if sketch is None:
            return _refused([form], IdReused.status)
        if sketch.values == typed:
            return _saved(sketch.version, [form])
        return _stale(sketch.version, differences_of_new_case(new_case_form(request, None), sketch.values, typed))
    except SHOWN as error:
        put_errors(form, error)
        return _refused([form], error.status)
    return _saved(version + 1, [form])


def _errors(forms: Sequence[BaseForm]) -> dict[str, str]:
    """The errors beside their controls, as the page shows them."""
    return {
        field.auto_id: render_to_string("components/field_error.html", {"field": field})
        for form in forms
        if form.is_bound
        for field in form
        if field.errors and not field.is_hidden
    }


def _saved(version: int, forms: Sequence[BaseForm], **more: Any) -> JsonResponse:
    return JsonResponse({"command_id": new_id(), "version": version, "errors": _errors(forms)} | more)


def _refused(forms: Sequence[BaseForm], status: int = 422) -> JsonResponse:
    above = [str(each) for form in forms if form.is_bound for each in form.non_field_errors()]
    body = {"command_id": new_id(), "errors": _errors(forms), "message": " ".join(above)}
    return JsonResponse(body, status=status)


def _stale(current: int, differences: Sequence[Mapping[str, object]], **more: Any) -> JsonResponse:
    html = render_to_string("cases/_differences.html", {"differences": differences})
    return JsonResponse({"command_id": new_id(), "version": current, "differences": html} | more, status=409)
