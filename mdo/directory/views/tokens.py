"""The page on which an organisation's administrator gives programs their tokens and takes them back."""

from typing import Any, Final
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from mdo.directory import access, tokens
from mdo.directory.actions.tokens import LONGEST_DAYS, make_token, revoke_token
from mdo.directory.models import ApiToken, Person
from mdo.kernel.errors import IdReused, Invalid, NotFound, RuleBroken
from mdo.kernel.ids import derived_id, new_id

# Where each interface says what it is like, by the scopes that open something of it.
_DESCRIBED: Final[dict[str, set[str]]] = {
    "/api/openapi.json": {ApiToken.Scope.SUBMIT_CASES, ApiToken.Scope.READ_CASES},
    "/scim/v2/ServiceProviderConfig": {ApiToken.Scope.DIRECTORY},
    "/fhir/metadata": {ApiToken.Scope.READ_FHIR, ApiToken.Scope.READ_LOG},
}


class TokenForm(forms.Form):
    """A new token. The secret is made when it is sent."""

    command_id = forms.UUIDField(widget=forms.HiddenInput)
    name = forms.CharField(
        label=gettext_lazy("Program"),
        help_text=gettext_lazy("For example the record system, or the laboratory's interface."),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("It may"), choices=ApiToken.Scope.choices, widget=forms.CheckboxSelectMultiple
    )
    days = forms.IntegerField(
        label=gettext_lazy("Days until it runs out"),
        min_value=1,
        max_value=LONGEST_DAYS,
        widget=forms.NumberInput(attrs={"class": "input-number"}),
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def token_list(request: HttpRequest) -> HttpResponse:
    """``/tokens/``: the tokens of the own organisation. A POST makes one and shows its secret, this once."""
    by: Person = request.user  # type: ignore[assignment]
    organisation = request.organisation  # type: ignore[attr-defined]
    organisation_id = access.access_organisation_for_administering(by, organisation.pk if organisation else None)
    if request.method != "POST":
        return _page(request, _new_form())
    form = TokenForm(request.POST)
    status = 422
    if form.is_valid():
        command_id, secret = form.cleaned_data["command_id"], tokens.new_secret()
        token_id = derived_id(command_id, by.pk, "token")
        try:
            make_token(
                by=by,
                organisation_id=organisation_id,
                token_id=token_id,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                days=form.cleaned_data["days"],
                digest=tokens.digest(secret),
                command_id=command_id,
            )
        except IdReused:
            messages.info(
                request, _("This token was made before, and is shown once only. Revoke it and make another one.")
            )
            return HttpResponseRedirect(reverse("tokens"))
        except (Invalid, RuleBroken) as refusal:
            found = refusal.errors if isinstance(refusal, Invalid) else {"": [refusal.message]}
            for field, sentences in found.items():
                form.add_error(field or None, sentences)
        else:
            return _page(request, _new_form(), made=_made(token_id, secret, form.cleaned_data["scopes"]))
    return _page(request, form, status=status)


@require_POST
def token_revoke(request: HttpRequest, token_id: UUID) -> HttpResponse:
    """``POST /tokens/<id>/revoke/``."""
    try:
        command_id = UUID(request.POST.get("command_id", ""))
    except ValueError:
        raise NotFound() from None
    revoke_token(by=request.user, token_id=token_id, command_id=command_id)  # type: ignore[arg-type]
    messages.success(request, _("The token is revoked. Nothing can be done with it any more."))
    return HttpResponseRedirect(reverse("tokens"))


def _new_form() -> TokenForm:
    return TokenForm(initial={"command_id": new_id(), "days": 365})


def _made(token_id: UUID, secret: str, scopes: list[str]) -> dict[str, Any]:
    """What is shown once: the secret of a token that asks the interface, identity and key of a record system that opens cases."""
    asks = set(scopes) - {ApiToken.Scope.LAUNCH}
    opens = ApiToken.Scope.LAUNCH in scopes
    return {
        "secret": secret if asks else "",
        "client": str(token_id) if opens else "",
        "key": tokens.signing_key(token_id) if opens else "",
        "address": f"{settings.MDO_ORIGINS[0]}/hooks/launch/" if opens else "",
        "described": [
            f"{settings.MDO_ORIGINS[0]}{address}" for address, scopes_of in _DESCRIBED.items() if asks & scopes_of
        ],
    }


def _page(
    request: HttpRequest, form: TokenForm, *, made: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    words = dict(ApiToken.Scope.choices)
    rows: list[dict[str, Any]] = [
        {"token": token, "scopes": [words.get(scope, scope) for scope in token.scopes]}
        for token in access.visible_tokens(request.user).select_related("made_by")  # type: ignore[arg-type]
    ]
    context = {"form": form, "rows": rows, "made": made, "new_id": new_id}
    return render(request, "directory/tokens.html", context, status=status)
