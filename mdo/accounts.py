"""Sign-in as hospitals want it: accounts are made by an organisation's administrator, nobody signs up."""

from __future__ import annotations

from typing import Any

from allauth.account import forms
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import clear_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.stages import AuthenticateStage
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import AuthError, Provider
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from mdo.directory import proofs
from mdo.directory.models import Person
from mdo.directory.signing_in import providers
from mdo.directory.signing_in.protocol import HospitalAdapter, HospitalProvider
from mdo.directory.views import proving, sign_in
from meetings.views.guests import identify


class ClosedAdapter(DefaultAccountAdapter):
    """allauth without sign-up, and with words of this house where it speaks to people."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": _("This account is currently inactive."),
        "email_password_mismatch": _("The email address and/or password you specified are not correct."),
        "enter_current_password": _("Please type your current password."),
        "incorrect_password": _("Incorrect password."),
        "invalid_login": _("Invalid login."),
        "too_many_login_attempts": _("Too many failed login attempts. Try again later."),
        "username_password_mismatch": _("The username and/or password you specified are not correct."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_reauthentication_required(self, *, app: str, **values: Any) -> bool:
        """Before somebody's second factors and addresses are changed. allauth asks for a password or a code, and lets pass whoever has
        neither: in a session that was left open, anybody could set up a second factor of their own and sign with it. They go to their
        organisation first."""
        request = self.request
        if not super().is_reauthentication_required(app=app, **values):
            return False
        if proofs.factors(request.user) or proofs.password_counts(request.user):
            return True
        if proofs.lately(request):
            return False
        raise ImmediateHttpResponse(proving.before_setting_up(request))

    def get_reauthentication_methods(self, user: Person | AnonymousUser) -> list[dict[str, Any]]:
        """allauth's, without the password where it shows nothing: beside a second factor, which it could then take away."""
        found: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if isinstance(user, Person) and not proofs.password_counts(user):
            return [each for each in found if each["id"] != "reauthenticate"]
        return found

    def get_login_stages(self) -> list[str]:
        own = {"allauth.mfa.stages.AuthenticateStage": "mdo.accounts.SecondFactor"}
        return [own.get(each, each) for each in super().get_login_stages()]

    def pre_login(self, request: HttpRequest, user: Person, **values: Any) -> HttpResponse | None:
        """After a password or a passkey was right: whose organisation wants its own sign-in does not come in by them."""
        answer: HttpResponse | None = super().pre_login(request, user, **values)
        by_provider = "sociallogin" in (values.get("signal_kwargs") or {})
        row = None if answer or by_provider else providers.instead_of_password(user)
        if row is None:
            return answer
        clear_authentication_records(request)
        sentence = _("Your organisation wants you to sign in at its own page.")
        return sign_in.refused(request, str(sentence), row=row)


class SecondFactor(AuthenticateStage):
    """allauth's, which asks whoever has a second factor for it; not where the organisation's provider did, and the organisation trusts it."""

    def _should_handle(self, request: HttpRequest) -> bool:
        social: SocialLogin | None = (self.login.signal_kwargs or {}).get("sociallogin")
        if social is not None and isinstance(social.provider, HospitalProvider) and social.state.get("strong") is True:
            return False
        return bool(super()._should_handle(request))


class Identities(DefaultSocialAccountAdapter):
    """Somebody comes back from a provider of identities. An organisation's own (a row of the directory) signs its people in
    (mdo/directory/views/sign_in.py). The one of the settings confirms the guest whose link was opened in this browser, and nothing else.
    No account is made, nothing of the identity is kept."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> Provider:
        row = providers.find(provider)
        if row is not None:
            return HospitalAdapter(request, row).get_provider()
        found: Provider = super().get_provider(request, provider, client_id=client_id)
        return found

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        if isinstance(sociallogin.provider, HospitalProvider):
            sign_in.arrive(request, sociallogin)
            return
        verified = [each.email for each in sociallogin.email_addresses if each.verified]
        raise ImmediateHttpResponse(identify(request, verified))

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Provider,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        if isinstance(provider, HospitalProvider):
            cancelled = error == AuthError.CANCELLED
            raise ImmediateHttpResponse(sign_in.failed(request, provider.row, exception, cancelled=cancelled))


class ResetPasswordForm(forms.ResetPasswordForm):
    """A forgotten password, for those who have one: somebody without an account does not get one by asking."""

    users: list[Person]

    def clean_email(self) -> str:
        email: str = super().clean_email()
        self.users = [
            person
            for person in self.users
            if person.has_usable_password() and providers.instead_of_password(person) is None
        ]
        return email
