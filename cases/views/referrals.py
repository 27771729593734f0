"""Putting a case before a board, changing the question, handing in, taking back."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from cases import access
from cases.actions.referrals import boards_for, change_referral, create_referral, submit_referral, withdraw_referral
from cases.forms import ReferralForm, StepForm
from cases.models import Case, Referral
from cases.views.detail import field_addresses, show_case
from cases.views.identity import identity
from cases.views.pages import SHOWN, as_errors, language, put_errors
from mdo.directory.access import today
from mdo.directory.middleware import is_id
from mdo.directory.models import Person
from mdo.kernel.errors import Invalid, NotFound, Stale
from mdo.kernel.ids import derived_id


@require_http_methods(["GET", "HEAD", "POST"])
def referral_new(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """``/cases/<id>/referrals/new/``: the same case before another board, or before the same one again."""
    by: Person = request.user  # type: ignore[assignment]
    case = access.access_case_for_reading(by, case_id)
    access.access_case_for_referring(by, case_id)
    form = form_of(request, by, case, None)
    if request.method != "POST":
        return _page(request, case, form)
    status = 422
    if form.is_valid():
        command_id = form.cleaned_data["command_id"]
        try:
            create_referral(
                by=by,
                referral_id=derived_id(command_id, by.pk, "referral"),
                case_id=case.pk,
                request=form.whole_request,
                command_id=command_id,
            )
        except SHOWN as error:
            put_errors(form, error)
            status = error.status
        else:
            messages.success(request, _("The draft is saved. Hand it in when it is complete."))
            return HttpResponseRedirect(reverse("cases:detail", args=[case.pk]))
    form.renew()
    return _page(request, case, form, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def referral_edit(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """``/referrals/<id>/``: question, reason, requester, guest; of a draft also the board."""
    by: Person = request.user  # type: ignore[assignment]
    referral = access.access_referral_for(by, referral_id, "submit", lock=False)
    case = access.access_case_for_reading(by, referral.case_id)
    if referral.status not in Referral.EDITABLE:
        messages.info(request, _("This case was discussed or withdrawn. Refer it again instead."))
        return HttpResponseRedirect(reverse("cases:detail", args=[case.pk]))
    form = form_of(request, by, case, referral)
    if request.method != "POST":
        return _page(request, case, form, referral)
    status, differences = 422, None
    if form.is_valid():
        try:
            change_referral(
                by=by,
                referral_id=referral.pk,
                version=form.cleaned_data["version"],
                request=form.whole_request,
                command_id=form.cleaned_data["command_id"],
            )
        except SHOWN as error:
            put_errors(form, error)
            status = error.status
            if isinstance(error, Stale):
                differences = differences_of_referral(referral, form)
                form.see(referral.version)
        else:
            messages.success(request, _("Saved."))
            return HttpResponseRedirect(reverse("cases:detail", args=[case.pk]))
    form.renew()
    return _page(request, case, form, referral, status=status, differences=differences)


def form_of(request: HttpRequest, by: Person, case: Case, referral: Referral | None) -> ReferralForm:
    """The form of a referral, or of a new one for ``None``; bound where something was sent."""
    boards = boards_for(case.hospital_id, case.dossier)
    requesters = list(access.visible_requesters(by))
    if referral is None:
        start: dict[str, Any] = {"requested_on": today(), "version": 1}
        # From a discussed question a follow-up goes to the same board: the address names its referral, never words.
        again = is_id(request.GET.get("after", ""))
        before = access.visible_referrals(by).filter(pk=again, case=case).first() if again is not None else None
        if before is not None:
            start["board"], start["informs_patient"] = str(before.board_id), before.informs_patient
        if any(person.pk == case.requester_id for person in requesters):
            start["requester"] = str(case.requester_id)
    else:
        if referral.status != Referral.Status.DRAFT:
            boards = [referral.board]
        if all(person.pk != referral.requester_id for person in requesters):
            requesters = [referral.requester, *requesters]
        start = {
            "version": referral.version,
            "board": str(referral.board_id),
            "reason": referral.reason,
            "question": referral.question,
            "requester": str(referral.requester_id),
            "requested_on": referral.requested_on,
            "informs_patient": referral.informs_patient,
            "guest": referral.guest_id,
        }
    return ReferralForm(
        request.POST if request.method == "POST" else None,
        initial=start,
        guests=access.visible_guests(),
        boards=boards,
        requesters=requesters,
        language=language(),
    )


def differences_of_referral(referral: Referral, form: ReferralForm) -> list[dict[str, object]]:
    """What stands now beside what was typed, where they are not the same."""
    typed = form.whole_request
    guest = form.cleaned_data["guest"]

    def chosen(name: str, value: object) -> object:
        return dict(form.fields[name].choices).get(str(value), value)  # type: ignore[attr-defined]

    pairs: tuple[tuple[str, object, object], ...] = (
        ("board", chosen("board", referral.board_id), chosen("board", typed.board_id)),
        ("reason", chosen("reason", referral.reason), chosen("reason", typed.reason)),
        ("question", referral.question, typed.question),
        ("requester", referral.requester.display_name, chosen("requester", typed.requester_id)),
        ("requested_on", referral.requested_on, typed.requested_on),
        ("informs_patient", referral.informs_patient, typed.informs_patient),
        ("guest", referral.guest and referral.guest.display_name, guest and guest.display_name),
    )
    return [
        {"label": form.fields[name].label, "now": now or "–", "typed": new or "–"}
        for name, now, new in pairs
        if now != new
    ]


def _page(
    request: HttpRequest,
    case: Case,
    form: ReferralForm,
    referral: Referral | None = None,
    *,
    status: int = 200,
    differences: list[dict[str, object]] | None = None,
) -> HttpResponse:
    back = reverse("cases:detail", args=[case.pk])
    context = {
        "form": form,
        "case": case,
        "referral": referral,
        "identity": identity(case.patient, case.hospital, url=back),
        "differences": differences,
        "back": back,
    }
    return render(request, "cases/referral.html", context, status=status)


@require_POST
def submit(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """``POST /referrals/<id>/submit/``: hand in; 422 with every missing answer, each a link into the form."""
    by: Person = request.user  # type: ignore[assignment]
    referral, form = _step(request, by, referral_id)
    try:
        submit_referral(by=by, referral_id=referral_id, **form)
    except SHOWN as error:
        addresses = field_addresses(referral.case) if isinstance(error, Invalid) else {}
        errors = as_errors(error, addresses)
        return show_case(request, referral.case_id, status=error.status, errors=errors)
    messages.success(request, _("Handed in to %(board)s.") % {"board": referral.board.name})
    return HttpResponseRedirect(reverse("cases:detail", args=[referral.case_id]))


@require_POST
def withdraw(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """``POST /referrals/<id>/withdraw/``: take back."""
    by: Person = request.user  # type: ignore[assignment]
    referral, form = _step(request, by, referral_id)
    try:
        withdraw_referral(by=by, referral_id=referral_id, **form)
    except SHOWN as error:
        return show_case(request, referral.case_id, status=error.status, errors=as_errors(error))
    messages.success(request, _("Withdrawn from %(board)s.") % {"board": referral.board.name})
    return HttpResponseRedirect(reverse("cases:detail", args=[referral.case_id]))


def _step(request: HttpRequest, by: Person, referral_id: UUID) -> tuple[Referral, dict[str, Any]]:
    """The referral, and version and command id of the button that was pressed. Raises ``Invalid`` for a made-up form."""
    referral = access.visible_referrals(by).select_related("case", "board").filter(pk=referral_id).first()
    if referral is None:
        raise NotFound()
    form = StepForm(request.POST)
    if not form.is_valid():
        raise Invalid({name: [str(each) for each in found] for name, found in form.errors.items()})
    return referral, {"version": form.cleaned_data["version"], "command_id": form.cleaned_data["command_id"]}
