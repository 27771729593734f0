"""Sign-in as hospitals want it: accounts are made by an organisation's administrator, nobody signs up."""

from __future__ import annotations

from allauth.account import forms
from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from mdo.directory.models import Person


class ClosedAdapter(DefaultAccountAdapter):
    """allauth without sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class ResetPasswordForm(forms.ResetPasswordForm):
    """A forgotten password, for those who have one: somebody without an account does not get one by asking."""

    users: list[Person]

    def clean_email(self) -> str:
        email: str = super().clean_email()
        self.users = [person for person in self.users if person.has_usable_password()]
        return email
