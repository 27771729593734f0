"""The page on which an organisation's administrator says where its people sign in."""

from typing import Any, Final

from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from requests import RequestException

from mdo.directory import access
from mdo.directory.actions.sign_in import set_identity_provider
from mdo.directory.models import IdentityProvider, Person
from mdo.directory.signing_in import protocol, providers
from mdo.kernel.errors import IdReused, Invalid, Stale
from mdo.kernel.ids import new_id

_PLAIN: Final = {"autocomplete": "off", "spellcheck": "false"}


class ProviderForm(forms.Form):
    """Everything that an organisation says of its own sign-in, as it was seen (``version``) and as it is to be."""

    command_id = forms.UUIDField(widget=forms.HiddenInput)
    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    active = forms.BooleanField(label=gettext_lazy("People sign in there"), required=False)
    issuer = forms.CharField(
        label=gettext_lazy("Issuer"),
        help_text=gettext_lazy("The address of the provider, exactly as its own configuration says it."),
        required=False,
        max_length=290,
        widget=forms.URLInput(attrs={**_PLAIN, "placeholder": "https://login.example.org"}),
    )
    client_id = forms.CharField(
        label=gettext_lazy("Client id"), required=False, max_length=190, widget=forms.TextInput(attrs=_PLAIN)
    )
    client_secret = forms.CharField(
        label=gettext_lazy("Client secret"),
        help_text=gettext_lazy("Stored encrypted and never shown. Empty: the one that is there stays."),
        required=False,
        max_length=500,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    domains = forms.CharField(
        label=gettext_lazy("Mail domains"),
        help_text=gettext_lazy(
            "One on each line. Whoever types an address of one of them is led to your provider, and people are found by their verified "
            "address at their first sign-in."
        ),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={**_PLAIN, "rows": 3, "placeholder": "hospital.example.org"}),
    )
    passwords = forms.BooleanField(
        label=gettext_lazy("Passwords of this site work too"),
        help_text=gettext_lazy("Whoever administers the organisation keeps the password, so that a wrong setting here can be put right."),
        required=False,
    )  # fmt: skip
    second_factor = forms.ChoiceField(
        label=gettext_lazy("Second factor"), choices=IdentityProvider.SecondFactor.choices, widget=forms.RadioSelect
    )
    strong = forms.CharField(
        label=gettext_lazy("Words for a second factor"),
        help_text=gettext_lazy("What amr or acr says when the provider asked for one, with blanks: mfa"),
        required=False,
        max_length=2000,
        widget=forms.TextInput(attrs=_PLAIN),
    )
    joiner = forms.ChoiceField(
        label=gettext_lazy("Who is entered by the directory"),
        help_text=gettext_lazy("By SCIM. A seat on a board is never given by it."),
        choices=IdentityProvider.Joiner.choices,
        widget=forms.RadioSelect,
    )
    external_claim = forms.CharField(
        label=gettext_lazy("Claim that is SCIM's externalId"),
        help_text=gettext_lazy("Whoever the directory entered is found by it at their first sign-in. With Microsoft Entra ID: oid"),
        max_length=40,
        widget=forms.TextInput(attrs=_PLAIN),
    )  # fmt: skip


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def identity_provider(request: HttpRequest) -> HttpResponse:
    """``/identity-provider/``: where the own organisation's people sign in. A POST with ``look`` asks the provider that is stored what it
    is like, and saves nothing."""
    by: Person = request.user  # type: ignore[assignment]
    organisation = request.organisation  # type: ignore[attr-defined]
    organisation_id = access.access_organisation_for_administering(by, organisation.pk if organisation else None)
    # Nobody waits for this page: `look` asks another server, and people sign in meanwhile. Saving locks in the action.
    row = access.access_identity_provider(by, organisation_id, lock=False)
    if request.method != "POST":
        return _page(request, _filled(row), row)
    if "look" in request.POST:
        return _page(request, _filled(row), row, found=_looked(row))
    form, status = ProviderForm(request.POST), 422
    if form.is_valid():
        data = form.cleaned_data
        try:
            set_identity_provider(
                by=by,
                organisation_id=organisation_id,
                version=data["version"],
                active=data["active"],
                issuer=data["issuer"],
                client_id=data["client_id"],
                client_secret=data["client_secret"] or None,
                domains=data["domains"].split(),
                external_claim=data["external_claim"],
                passwords=data["passwords"],
                second_factor=data["second_factor"],
                strong=data["strong"].split(),
                joiner=data["joiner"],
                command_id=data["command_id"],
            )
        except (Invalid, Stale, IdReused) as refusal:
            status = refusal.status
            errors = refusal.errors if isinstance(refusal, Invalid) else {"": [refusal.message]}
            for field, sentences in errors.items():
                for sentence in sentences:
                    form.add_error(field or None, sentence)
            form.data = form.data.copy()  # type: ignore[attr-defined]
            form.data["command_id"] = str(new_id())  # type: ignore[index]
        else:
            messages.success(request, _("Saved."))
            return HttpResponseRedirect(reverse("identity_provider"))
    return _page(request, form, row, status=status)


def _filled(row: IdentityProvider) -> ProviderForm:
    names = ("version", "active", "issuer", "client_id", "passwords", "second_factor", "joiner", "external_claim")
    return ProviderForm(
        initial={name: getattr(row, name) for name in names}
        | {"command_id": new_id(), "domains": "\n".join(row.domains), "strong": " ".join(row.strong)}
    )


def _looked(row: IdentityProvider) -> dict[str, Any]:
    """What the stored provider says of itself, or the sentence why it says nothing."""
    if not row.issuer:
        return {"sentence": _("Save an issuer first.")}
    try:
        found = protocol.configuration(row)
    except providers.NotListed:
        return {"sentence": _("It leads to a host that the site's operator did not name for signing in.")}
    except RequestException:
        return {"sentence": _("It cannot be reached.")}
    except OAuth2Error:
        return {"sentence": _("Its configuration is none, or names another issuer.")}
    return {"authorization": found["authorization_endpoint"], "token": found["token_endpoint"]}


def _page(
    request: HttpRequest,
    form: ProviderForm,
    row: IdentityProvider,
    *,
    found: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form,
        "row": row,
        "found": found,
        "has_secret": bool(row.sealed),
        "callback": protocol.callback_address(row) if row.version else "",
        "scim": f"{settings.MDO_ORIGINS[0]}/scim/v2",
    }
    return render(request, "directory/identity_provider.html", context, status=status)
