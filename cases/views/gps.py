"""The GP of a case's patient: licence number and postal address."""

from functools import partial
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cases import access
from cases.actions.gps import known_of, set_gp_details
from cases.views.identity import identity
from mdo.directory.details import Details, warning
from mdo.directory.models import Person
from mdo.directory.views.details import DetailsForm, saved


@require_http_methods(["GET", "HEAD", "POST"])
def gp_edit(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """``/cases/<id>/gp/``: what letters to the patient's GP need. For the own hospital, where the GP has a guest's role."""
    by: Person = request.user  # type: ignore[assignment]
    case = access.access_case_for_reading(by, case_id)
    gp = access.access_gp_for_describing(by, case_id, lock=False)
    stored, back = Details.of(gp), reverse("cases:detail", args=[case.pk])
    form = DetailsForm(request.POST if request.method == "POST" else None, stored=stored)
    for name in known_of(stored):
        form.fields[name].widget.attrs["readonly"] = True
        form.fields[name].help_text = _("Known. The site's operator changes it.")
    status = 200
    if request.method == "POST":
        status = form.sent(partial(set_gp_details, by=by, case_id=case.pk))
        if not status:
            return saved(request, form.kept, back)
    context = {
        "form": form,
        "gp": gp,
        "warning": warning(stored.licence_number),
        "identity": identity(case.patient, case.hospital, url=back),
        "back": back,
    }
    return render(request, "cases/gp.html", context, status=status)
