"""Sign-in as hospitals want it: accounts are made by an organisation's administrator, nobody signs up."""

from __future__ import annotations

from allauth.account import forms
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from mdo.directory.models import Person
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


class GuestIdentities(DefaultSocialAccountAdapter):
    """Somebody comes back from a provider of identities: that confirms the guest whose link was opened in this browser, and nothing
    else. No account is made, none is signed in to, nothing of the identity is kept."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        verified = [each.email for each in sociallogin.email_addresses if each.verified]
        raise ImmediateHttpResponse(identify(request, verified))


class ResetPasswordForm(forms.ResetPasswordForm):
    """A forgotten password, for those who have one: somebody without an account does not get one by asking."""

    users: list[Person]

    def clean_email(self) -> str:
        email: str = super().clean_email()
        self.users = [person for person in self.users if person.has_usable_password()]
        return email
