"""Paste to structured: the page with the boxes, what they propose, and one button that takes what is ticked."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from cases.dossiers.fields import clean_text
from cases.dossiers.proposed import (
    SOURCES,
)
from cases.forms import LONGEST_PASTE, PasteForm
from cases.models import Case, Tumour
from cases.queries import case_referrals
from cases.views.edit import case_to_change, fingerprint
from cases.views.identity import identity
from cases.views.pages import SHOWN, put_errors
from cases.views.sheet import Sheet, made_sheet
from cases.views.taken import take
from mdo.directory.models import Person
from mdo.kernel.errors import IdReused, Invalid, Stale


@require_http_methods(["GET", "HEAD", "POST"])
def case_paste(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """``/cases/<id>/paste/``: GET shows the boxes and writes the read row; a POST reads the texts and shows what they propose.

    With the button ``take`` it saves what is ticked: new tumours, their answers, the texts that are kept and what was typed below,
    all or nothing. Texts stand in the body of a POST only and are kept nowhere but where somebody ticked it. Too long: 422.
    Somebody else saved other answers in between: 409 with texts and ticks, beside what stands now.
    """
    by: Person = request.user  # type: ignore[assignment]
    case = case_to_change(request, by, case_id)
    if isinstance(case, HttpResponse):
        return case
    tumours = list(case.tumours.order_by("position"))
    start = {"version": case.version, "seen": fingerprint(case, tumours)}
    if request.method != "POST":
        return _page(request, case, tumours, PasteForm(initial=start), None)
    form = PasteForm(request.POST, initial=start)
    for source in SOURCES:
        form.put(source, clean_text(request.POST.get(source, "")))  # as it is read, and as it comes back
    if not form.is_valid():
        return _page(request, case, tumours, form, None, status=422)
    sheet = made_sheet(by, case, tumours, form, request.POST)
    status = 200
    if "take" in request.POST:
        try:
            with transaction.atomic():
                taken = take(by, case, tumours, form, sheet, request.POST)
        except IdReused:
            messages.info(request, _("This was taken over before."))
            return HttpResponseRedirect(reverse("cases:detail", args=[case.pk]))
        except SHOWN as error:
            _show(form, sheet, error)
            status = error.status
        else:
            text = ngettext("%(count)d answer taken over.", "%(count)d answers taken over.", taken)
            messages.success(request, text % {"count": taken})
            return HttpResponseRedirect(reverse("cases:detail", args=[case.pk]))
    form.see(case.version)
    form.put("seen", fingerprint(case, tumours))
    form.renew()
    return _page(request, case, tumours, form, sheet, status=status)


def _show(form: PasteForm, sheet: Sheet, error: Any) -> None:
    """Put a refusal above the page; those of questions that it shows itself are beside them too."""
    if isinstance(error, Stale):
        form.add_error(
            None,
            _(
                "Somebody else changed this case. What stands now is beside what is proposed; look, and take over again."
            ),
        )
        return
    if isinstance(error, Invalid):
        labels = {f"more-{key}": str(each.label) for key, each in sheet.form.fields.items()}
        labels |= {question.key: question.label for group in sheet.groups for question in group.questions}
        labels |= {each.field: each.label for each in sheet.numbers}
        for name, sentences in error.errors.items():
            asked = labels.get(name) or labels.get(name.rpartition(".")[2])  # `tumour-2.clinical_tnm`
            for sentence in sentences:
                form.add_error(None, f"{asked}: {sentence}" if asked else sentence)
        return
    put_errors(form, error)


def _page(
    request: HttpRequest,
    case: Case,
    tumours: Sequence[Tumour],
    form: PasteForm,
    sheet: Sheet | None,
    *,
    status: int = 200,
) -> HttpResponse:
    referrals = case_referrals(request.user, case)  # type: ignore[arg-type]
    context = {
        "case": case,
        "identity": identity(case.patient, case.hospital, url=reverse("cases:detail", args=[case.pk])),
        "question": referrals[0].question if referrals else "",
        "form": form,
        "boxes": [form[source] for source in SOURCES],
        "sheet": sheet,
        "longest": LONGEST_PASTE,
        "several": sheet is not None and (len(sheet.groups) > 1 or len(tumours) > 1),
    }
    return render(request, "cases/paste.html", context, status=status)
