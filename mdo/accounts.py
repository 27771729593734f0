"""Sign-in as hospitals want it: accounts are made by an organisation's administrator, nobody signs up."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedAdapter(DefaultAccountAdapter):
    """allauth without sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
