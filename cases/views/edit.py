"""The dossier's form: the case and its tumours, saved as a draft at any time."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cases import access
from cases.actions.dossiers import add_tumour, change_case, remove_tumour, require_changeable
from cases.dossiers import DossierForm, Level, changes, form_class, initial
from cases.forms import DossierCommandForm
from cases.models import Case, Referral, Tumour
from cases.queries import case_referrals
from cases.views.dossier import DerivedLine, TumourHead, definition, derived_lines, heads, may_follow, missing_for
from cases.views.identity import identity
from cases.views.pages import SHOWN, language, put_errors
from cases.views.since import copied_from
from mdo.directory.access import today
from mdo.directory.middleware import is_id
from mdo.directory.models import Person
from mdo.kernel.errors import RuleBroken, Stale
from mdo.kernel.ids import derived_id


@dataclass(frozen=True)
class TumourForm:
    """A tumour's form with its head."""

    head: TumourHead
    tumour: Tumour
    form: DossierForm
    derived: dict[str, DerivedLine]
    """What follows from the stored answers, by the question under which it stands."""

    @property
    def key(self) -> str:
        return str(self.tumour.pk)

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The form's groups, each row with its derived ``line``."""
        lines = self.derived
        return [
            {"it": group, "rows": [{"row": row, "line": lines.get(row.definition.key)} for row in group.rows]}
            for group in self.form.groups
        ]


@dataclass
class Forms:
    """Everything that the page sends: the command with its version, the case level, each tumour."""

    command: DossierCommandForm
    case: DossierForm
    tumours: list[TumourForm]

    @property
    def confirmed(self) -> list[str]:
        """The confirmed answers as the action names them: names of controls, without what only the page adds."""
        names = self.command.cleaned_data.get("confirmed") or []
        prefixes = {f"{each.form.prefix}-": f"{each.tumour.pk}." for each in self.tumours}
        found = []
        for name in names:
            prefix = next((each for each in prefixes if name.startswith(each)), "")
            found.append(prefixes.get(prefix, "") + name.removeprefix(prefix))
        return found

    @property
    def all(self) -> list[Any]:
        return [self.command, self.case, *(each.form for each in self.tumours)]

    def are_valid(self) -> bool:
        answers = [form.is_valid() for form in self.all if form.is_bound]  # all, so that all errors show at once
        return all(answers)


def fingerprint(case: Case, tumours: Sequence[Tumour]) -> str:
    """Of all answers: a document that somebody added meanwhile is no reason to refuse what was typed."""
    return fingerprint_of(case.data, {tumour.pk: tumour.data for tumour in tumours})


def fingerprint_of(data: Mapping[str, Any], tumours: Mapping[UUID, Mapping[str, Any]]) -> str:
    """The same of answers by themselves, the tumours in their order."""
    answers = [data, [[str(tumour_id), found] for tumour_id, found in tumours.items()]]
    return hashlib.sha256(json.dumps(answers, sort_keys=True).encode()).hexdigest()


def case_to_change(request: HttpRequest, by: Person, case_id: UUID) -> Case | HttpResponse:
    """The case for its dossier's form; writes the read row. After its discussion the way to its page, which says so. Raises ``NotFound``,
    ``Denied``, and instead of leading away from what was sent ``RuleBroken``."""
    case = access.access_case_for_reading(by, case_id)
    access.access_case_for(by, case_id, "submit", lock=False)
    try:
        require_changeable(case)
    except RuleBroken as refusal:
        if request.method == "POST":
            raise
        messages.info(request, refusal.message)
        return HttpResponseRedirect(reverse("cases:detail", args=[case.pk]))
    return case


@require_http_methods(["GET", "HEAD", "POST"])
def case_edit(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """``/cases/<id>/edit/``: GET shows the form and writes the read row; POST saves whatever is there.

    ``then`` says what the pressed button wants besides: ``stay``, ``add_tumour``, or ``remove:<tumour id>``. Where somebody else
    saved other answers in between, the answer is 409 with both beside each other, and saving again is meant.
    """
    by: Person = request.user  # type: ignore[assignment]
    case = case_to_change(request, by, case_id)
    if isinstance(case, HttpResponse):
        return case
    tumours = list(case.tumours.order_by("position"))
    forms = make_forms(case, tumours, request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return _page(request, case, tumours, forms)
    status, differences = 422, []
    if forms.are_valid():
        try:
            with transaction.atomic():
                going = _save(by, case, tumours, forms, request.POST.get("then", ""))
        except SHOWN as error:
            put_errors(forms.command, error)
            status = error.status
            if isinstance(error, Stale):
                differences = differences_of(case, tumours, forms)
                forms.command.see(case.version)
                forms.command.put("seen", fingerprint(case, tumours))
        else:
            messages.success(request, _("Saved."))
            return HttpResponseRedirect(going)
    forms.command.renew()
    return _page(request, case, tumours, forms, status=status, differences=differences)


def make_forms(case: Case, tumours: Sequence[Tumour], data: Any) -> Forms:
    """The page's forms, bound to ``data`` where something was sent."""
    form = definition(case)
    start = {"version": case.version, "seen": fingerprint(case, tumours)}

    def level(which: Level, stored: Mapping[str, Any], **options: Any) -> DossierForm:
        made = form_class(form, which, language(), case.dossier_version)
        return made(initial=initial(form, which, stored), today=today(), **options)

    found = []
    for head, tumour in zip(heads(case, tumours, language()), tumours, strict=True):
        prefix = f"tumour-{tumour.pk}"
        # A tumour that somebody else added meanwhile was not on the page that was sent.
        sent = data if data is not None and any(name.startswith(f"{prefix}-") for name in data) else None
        answers = level("tumour", tumour.data, data=sent, prefix=prefix)
        found.append(TumourForm(head, tumour, answers, derived_lines(case, tumour.data, language())))
    return Forms(DossierCommandForm(data, initial=start), level("case", case.data, data=data), found)


def version_seen(case: Case, tumours: Sequence[Tumour], forms: Forms) -> int:
    """The version on which the sent answers were built: the current one while nobody else changed an answer."""
    command = forms.command.cleaned_data
    return case.version if command["seen"] == fingerprint(case, tumours) else int(command["version"])


def _save(by: Person, case: Case, tumours: Sequence[Tumour], forms: Forms, then: str) -> str:
    """Save, do what the button says, and return where to go. A repetition of the same command does nothing and goes there too."""
    command = forms.command.cleaned_data
    command_id, version = command["command_id"], version_seen(case, tumours, forms)
    change_case(
        by=by,
        case_id=case.pk,
        version=version,
        data=forms.case.canonical,
        tumours={each.tumour.pk: each.form.canonical for each in forms.tumours if each.form.is_bound},
        confirmed=forms.confirmed,
        command_id=command_id,
    )
    here, edit = reverse("cases:detail", args=[case.pk]), reverse("cases:edit", args=[case.pk])
    verb, _colon, text = then.partition(":")
    if verb == "add_tumour":
        tumour_id = derived_id(command_id, by.pk, "tumour")
        again = derived_id(command_id, by.pk, "add_tumour")
        add_tumour(by=by, case_id=case.pk, version=version + 1, tumour_id=tumour_id, command_id=again)
        return f"{edit}#tumour-{tumour_id}"
    if verb == "remove" and (gone := is_id(text)) is not None:
        again = derived_id(command_id, by.pk, "remove_tumour")
        remove_tumour(by=by, case_id=case.pk, version=version + 1, tumour_id=gone, command_id=again)
        return edit
    return edit if verb == "stay" else here


def differences_of(case: Case, tumours: Sequence[Tumour], forms: Forms) -> list[dict[str, str]]:
    """What stands now beside what was typed, where they are not the same."""
    found = _compare(case, "case", case.data, _typed(forms.case, case.data), "")
    for each in forms.tumours:
        if each.form.is_bound:
            typed = _typed(each.form, each.tumour.data)
            found += _compare(case, "tumour", each.tumour.data, typed, f"{each.head.title}: ")
    return found


def _typed(form: DossierForm, now: Mapping[str, Any]) -> Mapping[str, Any]:
    return form.canonical if form.is_valid() else form.partial(now) or now


def _compare(
    case: Case, level: Level, now: Mapping[str, Any], typed: Mapping[str, Any], prefix: str
) -> list[dict[str, str]]:
    return [
        {"label": prefix + each.label, "now": each.before or "–", "typed": each.after or "–"}
        for each in changes(definition(case), level, now, typed, language())
    ]


def _page(
    request: HttpRequest,
    case: Case,
    tumours: Sequence[Tumour],
    forms: Forms,
    *,
    status: int = 200,
    differences: Sequence[dict[str, str]] = (),
) -> HttpResponse:
    referrals = case_referrals(request.user, case)  # type: ignore[arg-type]
    context = {
        "case": case,
        "identity": identity(case.patient, case.hospital, url=reverse("cases:detail", args=[case.pk])),
        "question": referrals[0].question if referrals else "",
        "forms": forms,
        "errors": [error for form in forms.all for error in _errors(form)],
        "differences": differences,
        "may_remove": len(tumours) > 1,
        "copied": copied_from(request.user, case),  # type: ignore[arg-type]
        "ticked": forms.command["confirmed"].value() or [],
    } | still_missing(case, tumours, referrals)
    return render(request, "cases/edit.html", context, status=status)


def still_missing(case: Case, tumours: Sequence[Tumour], referrals: Sequence[Referral]) -> dict[str, Any]:
    """What the board still asks for: ``missing`` for the list, ``asked`` as names of controls."""
    gaps = missing_for(case, tumours, referrals[0].board, language()) if referrals else []
    asked = [
        gap.field if gap.tumour_index is None else f"tumour-{tumours[gap.tumour_index].pk}-{gap.field}" for gap in gaps
    ]
    listed = [
        {
            "anchor": f"id_{name}",
            "label": gap.label,
            "owes": gap.owes_label,
            "follows": may_follow(referrals[0].board, gap),
            "tumour": gap.tumour_index + 1 if gap.tumour_index is not None and len(tumours) > 1 else None,
        }
        for gap, name in zip(gaps, asked, strict=True)
    ]
    return {"asked": asked, "missing": listed} | _waiting(case, tumours)


def _waiting(case: Case, tumours: Sequence[Tumour]) -> dict[str, Any]:
    """Copied answers that wait to be confirmed: ``waiting`` for the list, ``unconfirmed`` as names of controls."""
    form = definition(case)
    found = [
        (f"{prefix}{field.key}", field.label(language()), number)
        for level, prefix, keys, number in (
            ("case", "", case.to_confirm, None),
            *(
                ("tumour", f"tumour-{tumour.pk}-", tumour.to_confirm, place if len(tumours) > 1 else None)
                for place, tumour in enumerate(tumours, start=1)
            ),
        )
        for field in form.fields(level)  # type: ignore[arg-type]
        if field.key in keys
    ]
    return {
        "waiting": [{"anchor": f"id_{name}", "label": label, "tumour": number} for name, label, number in found],
        "unconfirmed": [name for name, _label, _number in found],
    }


def _errors(form: Any) -> list[dict[str, str]]:
    if not form.is_bound:
        return []
    found = [{"field_id": "", "message": str(message)} for message in form.non_field_errors()]
    for field in form:
        for message in field.errors:
            text = str(message) if field.is_hidden else f"{field.label}: {message}"
            found.append({"field_id": "" if field.is_hidden else field.id_for_label or field.auto_id, "message": text})
    return found
