"""The way to an organisation's own sign-in and back."""

from typing import Any, Final, cast

from allauth.account import app_settings
from allauth.account.adapter import get_adapter as account_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal import ratelimit  # its public face lets every GET through
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from requests import RequestException

from mdo.directory import proofs
from mdo.directory.actions.sign_in import link_person
from mdo.directory.middleware import ORGANISATION
from mdo.directory.models import IdentityProvider, Person
from mdo.directory.signing_in import people, protocol, providers
from mdo.directory.signing_in.people import SENTENCES, NotSignedIn
from mdo.kernel import audit
from mdo.kernel.acting import System, acting

HOUSE: Final = System("sign-in")
PROVED: Final = (
    "proved"  # the session's key for what was to be sent when somebody was asked to show again that it is them
)


@login_not_required
@never_cache
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """``POST /sign-in/``: to the provider of the organisation that was picked (``provider``) or that the typed mail address means."""
    if not _may(request, "sign_in"):
        return refused(request, _("Too many tries. Wait a minute and try again."), status=429)
    picked = request.POST.get("provider", "")
    row = providers.find(picked) if picked else providers.for_mail(request.POST.get("login", ""))
    if row is None:
        return refused(request, str(SENTENCES["not_offered"]), status=422)
    after = request.POST.get("next", "")
    if not account_adapter(request).is_safe_url(after):
        after = ""
    return leave(request, row, protocol.SIGN_IN, after or reverse("today"))


def _may(request: HttpRequest, action: str) -> bool:
    limits = app_settings.RATE_LIMITS
    used = ratelimit.consume(request, app="allauth.account", action=action, config=limits, limit_get=True)
    return used is not None


def leave(request: HttpRequest, row: IdentityProvider, purpose: str, after: str, **kept: Any) -> HttpResponse:
    """To the provider, or the sentence why not. A page that goes on by itself: our policy lets no form of ours end elsewhere, not by a
    redirect either, and browsers hold us to it."""
    try:
        answer = protocol.HospitalAdapter(request, row).get_provider().leave(purpose, after, **kept)
        return render(request, "account/leaving.html", {"address": answer["Location"], "provider": row})
    except (OAuth2Error, RequestException) as error:
        return refused_for(request, row, _code(error))


@login_not_required
@never_cache
@require_GET
def back(request: HttpRequest, provider: str) -> HttpResponse:
    """``GET /sign-in/<id>/back/``: where a provider sends people back. Opens its own doors: who comes is not known yet."""
    if not _may(request, "sign_in_back"):  # each refusal below leaves a row in the access log
        return refused(request, _("Too many tries. Wait a minute and try again."), status=429)
    row = providers.find(provider)
    if row is None:
        return refused(request, str(SENTENCES["not_offered"]), status=404)
    try:
        told_by = request.GET.get("iss")
        wanted = protocol.configuration(row).get("authorization_response_iss_parameter_supported") is True
        if told_by != row.issuer and (wanted or told_by is not None):
            raise protocol.Unfit("iss")  # another provider's answer (RFC 9207)
        answer: HttpResponse = OAuth2CallbackView.adapter_view(protocol.HospitalAdapter(request, row))(request)
        return answer
    except (OAuth2Error, RequestException) as error:
        return refused_for(request, row, _code(error))


def failed(
    request: HttpRequest, row: IdentityProvider, exception: Exception | None, *, cancelled: bool
) -> HttpResponse:
    """allauth gave up: no such state in this browser, or an error of the provider."""
    return refused_for(request, row, "cancelled" if cancelled else _code(exception))


def _code(error: Exception | None) -> str:
    return "unreachable" if isinstance(error, RequestException) else "unfit"


def arrive(request: HttpRequest, login: SocialLogin) -> None:
    """Somebody came back, and what the provider signed is in order. Says which person they are, for allauth to sign in; raises
    ``ImmediateHttpResponse`` with a refusal, or with the way on for somebody who only had to show again that it is them."""
    row: IdentityProvider = login.provider.row
    state = login.state
    try:
        told = protocol.told_by(row, login)
        if state.get("purpose") == protocol.PROVE:
            _proved(request, row, told, state)
            request.session[PROVED] = {each: state[each] for each in ("to", "carried", "label")}
            raise ImmediateHttpResponse(HttpResponseRedirect(state["next"]))
        person = _person(row, told)
    except OAuth2Error as error:
        raise ImmediateHttpResponse(refused_for(request, row, _code(error))) from None
    except NotSignedIn as refusal:
        raise ImmediateHttpResponse(refused_for(request, row, refusal.code)) from None
    finally:
        login.account.extra_data, login.token = (
            {},
            None,
        )  # allauth keeps a login that waits for a second factor in the session
    if request.user.is_authenticated:
        account_adapter(request).logout(request)
    login.user, login.state = person, {"next": state.get("next"), "strong": told.strong}
    request.session[ORGANISATION] = str(row.organisation_id)
    _note(request, person, row, told)


def _person(row: IdentityProvider, told: protocol.Told) -> Person:
    with acting(HOUSE, row.organisation_id, "sign_in"):
        entry = people.entry_of(row, told)
        if entry is None:
            link_person(by=HOUSE, provider_id=row.pk, who=told)
            entry = people.entry_of(row, told)
        if entry is None:
            raise NotSignedIn("nobody")
        return people.check(row, entry)


def _proved(request: HttpRequest, row: IdentityProvider, told: protocol.Told, state: dict[str, Any]) -> None:
    """Whoever is signed in here signed in there again, just now. Raises ``NotSignedIn``. A provider that does not say when is believed that it
    asked for the password, but only where a second factor is set up: nothing is signed by that."""
    entry = people.entry_of(row, told)
    person = cast(Person, request.user)
    if (
        not person.is_authenticated
        or entry is None
        or entry.person_id != person.pk
        or state.get("person") != str(person.pk)
    ):
        raise NotSignedIn("other_person")
    people.check(row, entry)
    if told.shown_at is None and state.get("setting_up") is True:
        record_authentication(request, person, proofs.ASKED, provider=str(row.pk))
        return
    if told.shown_at is None or told.shown_at.timestamp() < state["left_at"] - protocol.LEEWAY.total_seconds():
        raise NotSignedIn("old")
    if proofs.factors(person) and not told.strong:
        raise NotSignedIn("weak")
    _note(request, person, row, told)


def _note(request: HttpRequest, person: Person, row: IdentityProvider, told: protocol.Told) -> None:
    """When and how strongly they showed at the provider that it is them. Without a time it proves nothing."""
    if told.shown_at is not None:
        at = told.shown_at.timestamp()
        record_authentication(request, person, proofs.HOSPITAL, at=at, strong=told.strong, provider=str(row.pk))


def refused_for(request: HttpRequest, row: IdentityProvider, code: str) -> HttpResponse:
    """A refusal that stands in the access log, with its sentence."""
    with acting(HOUSE, row.organisation_id, "sign_in"):
        audit.refused("sign_in.provider", code, object_id=row.pk)
    return refused(request, str(SENTENCES[code]), status=503 if code == "unreachable" else 403)


def refused(
    request: HttpRequest, sentence: str, *, status: int = 403, row: IdentityProvider | None = None
) -> HttpResponse:
    """The page that says why somebody is not signed in; with ``row``, it leads to where they can."""
    return render(request, "account/not_signed_in.html", {"sentence": sentence, "provider": row}, status=status)
