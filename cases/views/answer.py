"""One question of one case, for whoever was asked it: answered without the rest of the form."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cases import access, answers
from cases.actions.dossiers import change_case, changeable
from cases.answers import Question
from cases.dossiers import DossierForm, answering, display, form_class, initial
from cases.dossiers.form import FormRow
from cases.forms import DossierCommandForm
from cases.models import Case, Referral, Tumour
from cases.queries import case_referrals
from cases.views.dossier import definition, heads, missing_for
from cases.views.identity import identity
from cases.views.pages import SHOWN, language, put_errors
from mdo.directory.access import today
from mdo.directory.models import Person
from mdo.kernel.errors import NotFound, Stale


@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, case_id: UUID, answer_id: UUID) -> HttpResponse:
    """``/cases/<id>/answer/<number>/``: GET shows one question and writes the read row; POST saves its answer and leads to the next
    that the same party owes. Where somebody else answered in between, 409 shows what stands now; saving again is meant."""
    by: Person = request.user  # type: ignore[assignment]
    case = access.access_case_for_reading(by, case_id)
    access.access_case_for(by, case_id, "submit", lock=False)
    tumours = list(case.tumours.order_by("position"))
    asked = answers.question(case, tumours, answer_id)
    if asked is None:
        raise NotFound()
    stored = _stored(case, asked)
    if asked.field.key not in definition(case).visible(asked.level, stored) or not changeable(case):
        # An answer given meanwhile made it superfluous, or the case was discussed: the case says what holds now.
        messages.info(request, _("This question is not asked any more."))
        return HttpResponseRedirect(reverse("cases:detail", args=[case.pk]))
    sent = request.POST if request.method == "POST" else None
    command = DossierCommandForm(sent, initial={"version": case.version, "seen": _seen(stored, asked)})
    form = _form(case, asked, stored, sent)
    status, now = 200, ""
    if sent is not None:
        status = 422
        if command.is_valid() & form.is_valid():
            try:
                with transaction.atomic():
                    _save(by, case, asked, stored, command, form)
            except SHOWN as error:
                put_errors(command, error)
                status = error.status
                if isinstance(error, Stale):
                    now = _words(form, stored, asked)
                    command.see(case.version)
                    command.put("seen", _seen(stored, asked))
            else:
                return _onwards(request, case_id, asked)
        command.renew()
    referrals = case_referrals(by, case)
    row = next(row for group in form.groups for row in group.rows if row.definition.key == asked.field.key)
    context = {
        "case": case,
        "identity": identity(case.patient, case.hospital, url=reverse("cases:detail", args=[case.pk])),
        "asked": asked,
        "row": replace(row, show_if_name="", show_if_values=""),
        "group": next(group.label for group in form.groups if row in group.rows),
        "tumour": next((head for head in heads(case, tumours, language()) if asked.number == head.number), None),
        "several": len(tumours) > 1,
        "question": referrals[0].question if referrals else "",
        "command": command,
        "errors": _errors(command, form, row),
        "now": now,
        "here": request.get_full_path(),
    }
    return render(request, "cases/answer.html", context, status=status)


def _stored(case: Case, asked: Question) -> dict[str, Any]:
    data: dict[str, Any] = case.data if asked.tumour is None else asked.tumour.data
    return data


def _seen(stored: dict[str, Any], asked: Question) -> str:
    """Of the one answer: what others wrote beside it meanwhile is no reason to refuse."""
    return hashlib.sha256(json.dumps(stored.get(asked.field.key), sort_keys=True).encode()).hexdigest()


def _form(case: Case, asked: Question, stored: dict[str, Any], sent: Any) -> DossierForm:
    form = definition(case)
    made = form_class(form, asked.level, language(), case.dossier_version)
    if sent is None:
        return made(initial=initial(form, asked.level, stored), today=today())
    posted = {name: sent.getlist(name) if asked.field.kind == "multichoice" else sent[name] for name in sent}
    return made(answering(form, asked.level, stored, asked.field.key, posted), today=today())


def _save(
    by: Person,
    case: Case,
    asked: Question,
    stored: dict[str, Any],
    command: DossierCommandForm,
    form: DossierForm,
) -> None:
    typed = command.cleaned_data
    version = case.version if typed["seen"] == _seen(stored, asked) else typed["version"]
    data = None if asked.tumour is not None else form.canonical
    tumours = {asked.tumour.pk: form.canonical} if asked.tumour is not None else None
    change_case(by=by, case_id=case.pk, version=version, data=data, tumours=tumours, command_id=typed["command_id"])


def _onwards(request: HttpRequest, case_id: UUID, asked: Question) -> HttpResponse:
    """To the next answer that the same party owes, or to the case where there is none."""
    by: Person = request.user  # type: ignore[assignment]
    case = Case.objects.get(pk=case_id)
    tumours = list(case.tumours.order_by("position"))
    following = _next(case, tumours, case_referrals(by, case), asked)
    if following is None:
        messages.success(request, _("Saved."))
        return HttpResponseRedirect(reverse("cases:detail", args=[case.pk]))
    messages.success(request, _("Saved. This is asked of you as well:"))
    return HttpResponseRedirect(following)


def _next(case: Case, tumours: Sequence[Tumour], referrals: Sequence[Referral], asked: Question) -> str | None:
    for referral in referrals:
        if referral.status not in Referral.EDITABLE:
            continue
        for gap in missing_for(case, tumours, referral.board, language()):
            if gap.owes == asked.field.owes and gap.field != "tumour":
                tumour = None if gap.tumour_index is None else tumours[gap.tumour_index].pk
                return answers.address(case.pk, tumour, gap.field)
    return None


def _words(form: DossierForm, stored: dict[str, Any], asked: Question) -> str:
    """What stands in the case now, as it is read."""
    shown = display(form.dossier, asked.level, stored, language())
    rows = [row for group in shown for row in group.rows if row.key == asked.field.key]
    return " ".join(part for part in (rows[0].code, rows[0].words, rows[0].unit) if part) if rows else "–"


def _errors(command: DossierCommandForm, form: DossierForm, row: FormRow) -> list[dict[str, str]]:
    """Errors of the command and of this field; one of another field that no longer fits to it is said above."""
    found = []
    if command.is_bound:
        found += [{"field_id": "", "message": str(each)} for errors in command.errors.values() for each in errors]
    if form.is_bound:
        for name, errors in form.errors.items():
            label = "" if name == "__all__" else f"{form[name].label}: "
            here = name == row.definition.key
            target = (row.field.id_for_label or row.field.auto_id) if here else ""
            found += [{"field_id": target, "message": f"{label}{each}"} for each in errors]
    return found
