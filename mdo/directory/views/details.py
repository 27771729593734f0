"""Pages on which licence numbers and postal addresses are said: one's own, and an organisation's with its people."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

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
from mdo.directory.actions.details import (
    set_data_manager,
    set_organisation_details,
    set_own_details,
    set_person_details,
)
from mdo.directory.details import LONGEST, Details, checked, shown, shown_enterprise, warning
from mdo.directory.models import Organisation, Person
from mdo.kernel.errors import IdReused, Invalid, Refused, RuleBroken, Stale
from mdo.kernel.ids import derived_id, new_id
from mdo.paging import part

A_PAGE = 50
_NUMBER = {"class": "input-id", "autocomplete": "off", "spellcheck": "false", "inputmode": "numeric"}


class DetailsForm(forms.Form):
    """Numbers and address as they were seen and as they are to be."""

    command_id = forms.UUIDField(widget=forms.HiddenInput)
    seen_licence = forms.CharField(required=False, strip=False, max_length=40, widget=forms.HiddenInput)
    seen_address = forms.CharField(required=False, strip=False, max_length=400, widget=forms.HiddenInput)
    licence_number = forms.CharField(
        label=gettext_lazy("Licence number (RIZIV)"),
        help_text=gettext_lazy("Eleven digits, as on the stamp: 1-12233-93-140."),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={**_NUMBER, "placeholder": "1-12233-93-140"}),
    )
    postal_address = forms.CharField(
        label=gettext_lazy("Postal address"),
        help_text=gettext_lazy(
            "Street and number, postal code and town, each on a line of its own: for letters on paper"
        ),
        required=False,
        max_length=LONGEST + 200,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, stored: Details) -> None:
        super().__init__(data, initial=None if data is not None else self.initial_of(stored))
        self.stored = stored

    @classmethod
    def initial_of(cls, stored: Details) -> dict[str, Any]:
        return {
            "command_id": new_id(),
            "seen_licence": stored.licence_number,
            "seen_address": stored.postal_address,
            "licence_number": shown(stored.licence_number),
            "postal_address": stored.postal_address,
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self.kept, errors = checked(self._typed(cleaned))
        for field, sentences in errors.items():
            if field in self.fields and field not in self.errors:
                self.add_error(field, [ValidationError(each) for each in sentences])
        return cleaned

    def _typed(self, cleaned: dict[str, Any]) -> Details:
        return Details(cleaned.get("licence_number", ""), cleaned.get("postal_address", ""))

    @property
    def before(self) -> Details:
        """As it was seen; a browser sends the lines of a text with its own ends."""
        return Details(self.cleaned_data["seen_licence"], "\n".join(self.cleaned_data["seen_address"].splitlines()))

    def sent(self, act: Callable[..., Any]) -> int:
        """Have ``act`` keep what was typed: 0, or the status of what the form then says."""
        if not self.is_valid():
            return Invalid.status
        try:
            act(
                owner_details=self.kept,
                details_before=self.before,
                command_id=self.cleaned_data["command_id"],
            )
        except (Invalid, Stale, RuleBroken, IdReused) as refusal:
            self._refuse(refusal)
            return refusal.status
        return 0

    def _refuse(self, refusal: Refused) -> None:
        """Show a refusal beside what was typed, and see what stands there now."""
        errors = refusal.errors if isinstance(refusal, Invalid) else {refusal.field or "": [refusal.message]}
        for field, sentences in errors.items():
            self.add_error(field if field in self.fields else None, [ValidationError(each) for each in sentences])
        self.data = self.data.copy()  # type: ignore[attr-defined]
        now_seen = self.initial_of(self.stored)
        self.data.update(  # type: ignore[attr-defined]
            {name: str(now_seen[name]) for name in now_seen if name == "command_id" or name.startswith("seen_")}
        )


class OwnDetailsForm(DetailsForm):
    """One's own. A number that is known is shown, not asked."""

    def __init__(self, data: Any = None, *, stored: Details) -> None:
        super().__init__(data, stored=stored)
        if stored.licence_number:
            del self.fields["licence_number"]

    def _typed(self, cleaned: dict[str, Any]) -> Details:
        return Details(
            self.stored.licence_number or cleaned.get("licence_number", ""), cleaned.get("postal_address", "")
        )


class OrganisationForm(DetailsForm):
    """An organisation's, with its enterprise number."""

    seen_enterprise = forms.CharField(required=False, strip=False, max_length=40, widget=forms.HiddenInput)
    enterprise_number = forms.CharField(
        label=gettext_lazy("Enterprise number (KBO)"),
        help_text=gettext_lazy("Ten digits: 0566.988.259."),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={**_NUMBER, "placeholder": "0566.988.259"}),
    )
    field_order = ("licence_number", "enterprise_number", "postal_address")

    @classmethod
    def initial_of(cls, stored: Details) -> dict[str, Any]:
        more = {
            "seen_enterprise": stored.enterprise_number,
            "enterprise_number": shown_enterprise(stored.enterprise_number),
        }
        return super().initial_of(stored) | more

    def _typed(self, cleaned: dict[str, Any]) -> Details:
        return Details(
            cleaned.get("licence_number", ""), cleaned.get("postal_address", ""), cleaned.get("enterprise_number", "")
        )

    @property
    def before(self) -> Details:
        seen = super().before
        return Details(seen.licence_number, seen.postal_address, self.cleaned_data["seen_enterprise"])


class ColleagueForm(DetailsForm):
    """Somebody of the organisation, and whether they are its data manager."""

    data_manager = forms.BooleanField(
        label=gettext_lazy("Data manager of this organisation"),
        help_text=gettext_lazy(
            "Says for every case of the organisation whether what was decided was carried out. Opens no case and no decision."
        ),
        required=False,
    )
    seen_data_manager = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, stored: Details, holds: bool) -> None:
        super().__init__(data, stored=stored)
        self.initial.update(data_manager=holds, seen_data_manager=holds)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def own_profile(request: HttpRequest) -> HttpResponse:
    """``/profile/``: one's own licence number and postal address."""
    by: Person = request.user  # type: ignore[assignment]
    stored = Details.of(by)
    form = OwnDetailsForm(request.POST if request.method == "POST" else None, stored=stored)
    status = 200
    if request.method == "POST":
        status = form.sent(partial(set_own_details, by=by))
        if not status:
            return saved(request, form.kept, reverse("profile"))
    number = stored.licence_number
    context = {"form": form, "number": shown(number), "warning": warning(number)}
    return render(request, "directory/profile.html", context, status=status)


def saved(request: HttpRequest, kept: Details, address: str) -> HttpResponse:
    """Back to ``address``, which says so, and what looks wrong in what was kept."""
    messages.success(request, _("Saved."))
    if words := warning(kept.licence_number):
        messages.warning(request, str(words))
    return HttpResponseRedirect(address)


def _administered(request: HttpRequest) -> UUID:
    organisation = request.organisation  # type: ignore[attr-defined]
    return access.access_organisation_for_administering(
        request.user,  # type: ignore[arg-type]
        organisation.pk if organisation else None,
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def organisation_details(request: HttpRequest) -> HttpResponse:
    """``/organisation/``: the own organisation's numbers and address, and its people with what is missing of them."""
    by: Person = request.user  # type: ignore[assignment]
    organisation_id = _administered(request)
    organisation = Organisation.objects.get(pk=organisation_id)
    stored = Details.of(organisation)
    form = OrganisationForm(request.POST if request.method == "POST" else None, stored=stored)
    status = 200
    if request.method == "POST":
        status = form.sent(partial(set_organisation_details, by=by, organisation_id=organisation_id))
        if not status:
            return saved(request, form.kept, reverse("organisation"))
    people = access.people_of(organisation_id).order_by("last_name", "first_name", "pk")
    page = part(request, people, A_PAGE)
    managers = access.data_managers(organisation_id)
    rows = [
        {
            "person": each,
            "number": shown(each.licence_number),
            "warning": warning(each.licence_number),
            "data_manager": each.pk in managers,
        }
        for each in page
    ]
    context = {
        "form": form,
        "organisation": organisation,
        "warning": warning(stored.licence_number),
        "page": page,
        "rows": rows,
    }
    return render(request, "directory/organisation.html", context, status=status)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def colleague(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """``/organisation/people/<id>/``: one person's licence number and address, and whether they are the data manager."""
    organisation_id = _administered(request)
    by: Person = request.user  # type: ignore[assignment]
    person = access.access_colleague_for_administering(by, person_id, lock=False)
    stored = Details.of(person)
    holds = person.pk in access.data_managers(organisation_id)
    form = ColleagueForm(request.POST if request.method == "POST" else None, stored=stored, holds=holds)
    status = 200
    if request.method == "POST":

        def keep(*, command_id: UUID, **details: Details) -> None:
            set_person_details(by=by, person_id=person.pk, **details, command_id=command_id)
            wanted = form.cleaned_data["data_manager"]
            if wanted != form.cleaned_data["seen_data_manager"]:  # else another administrator's word of meanwhile stays
                set_data_manager(
                    by=by,
                    person_id=person.pk,
                    allowed=wanted,
                    command_id=derived_id(command_id, person.pk, "data_manager"),
                )

        status = form.sent(keep)
        if not status:
            return saved(request, form.kept, reverse("organisation"))
    context = {"form": form, "person": person, "warning": warning(stored.licence_number)}
    return render(request, "directory/colleague.html", context, status=status)
