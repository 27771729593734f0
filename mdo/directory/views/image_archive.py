"""The page on which an organisation's administrator says where its image archive (PACS) opens a study."""

from typing import Final

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from mdo.directory import access
from mdo.directory.actions.archive import set_image_archive
from mdo.directory.image_archive import study_address, validate_template
from mdo.directory.models import Organisation, Person
from mdo.kernel.errors import IdReused, Invalid, Stale
from mdo.kernel.ids import new_id

ACCESSION: Final = "VOORBEELD 26/0417"  # nobody's; with a blank and a slash, to show how they are written
PATIENT: Final = "H-00000"


class ArchiveForm(forms.Form):
    """The address with its placeholders, as it was seen and as it is to be."""

    command_id = forms.UUIDField(widget=forms.HiddenInput)
    seen = forms.CharField(required=False, strip=False, max_length=500, widget=forms.HiddenInput)
    address = forms.CharField(
        label=gettext_lazy("Address"),
        help_text=gettext_lazy(
            "An https address with {accession} where the number of the study belongs, and with {patient} where the archive asks for the "
            "hospital's own patient number. Empty: no button."
        ),
        required=False,
        max_length=500,
        widget=forms.URLInput(
            attrs={
                "autocomplete": "off",
                "spellcheck": "false",
                "placeholder": "https://pacs.example.org/viewer?accession={accession}",
            }
        ),
    )

    def clean_address(self) -> str:
        address: str = self.cleaned_data["address"]
        if address:
            validate_template(address)
        return address


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def image_archive(request: HttpRequest) -> HttpResponse:
    """``/image-archive/``: the address of the own organisation's archive. A POST with ``look`` shows where it would lead, and saves nothing."""
    by: Person = request.user  # type: ignore[assignment]
    organisation = request.organisation  # type: ignore[attr-defined]
    organisation_id = access.access_organisation_for_administering(by, organisation.pk if organisation else None)
    stored = Organisation.objects.values_list("pacs_address", flat=True).get(pk=organisation_id)
    if request.method != "POST":
        form = ArchiveForm(initial={"command_id": new_id(), "seen": stored, "address": stored})
        return _page(request, form, stored)
    form = ArchiveForm(request.POST)
    status = 422
    if form.is_valid():
        if "look" in request.POST:
            return _page(request, form, form.cleaned_data["address"])
        try:
            set_image_archive(
                by=by,
                organisation_id=organisation_id,
                address=form.cleaned_data["address"],
                before=form.cleaned_data["seen"],
                command_id=form.cleaned_data["command_id"],
            )
        except (Invalid, Stale, IdReused) as refusal:
            status = refusal.status
            sentence = refusal.message
            if isinstance(refusal, Stale):
                sentence = f"{sentence} {_('Now: %(address)s') % {'address': stored or '–'}}"
            form.add_error("address", ValidationError(sentence))
            form.data = form.data.copy()  # type: ignore[attr-defined]
            form.data.update({"command_id": str(new_id()), "seen": stored})  # type: ignore[attr-defined]
        else:
            messages.success(request, _("Saved."))
            return HttpResponseRedirect(reverse("image_archive"))
    return _page(request, form, "", status=status)


def _page(request: HttpRequest, form: ArchiveForm, shown: str, *, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "accession": ACCESSION,
        "patient": PATIENT if "{patient}" in shown else "",
        "example": study_address(shown, ACCESSION, PATIENT),
    }
    return render(request, "directory/image_archive.html", context, status=status)
