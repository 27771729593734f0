"""Who can sign in to the demonstration, and with what."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

PASSWORD = "samen-aan-tafel"  # noqa: S105  (of a demonstration that listens on this machine only; shown on its sign-in page)


@dataclass(frozen=True)
class Account:
    """One demo account: its user name, whose it is, and what they do."""

    username: str
    name: str
    role: str | Promise


ACCOUNTS: tuple[Account, ...] = (
    Account("chair", "dr. Greet Vandecasteele", _("Chair of the breast board, surgeon")),
    Account("coordinator", "dr. Wim Peeters", _("Coordinator: validates and signs, oncologist")),
    Account("secretary", "Ilse De Bruyne", _("Secretary of the organising hospital")),
    Account("requester", "dr. Sofie Claes", _("Requester, gynaecologist")),
    Account("radiologist", "dr. Koen Maes", _("Member of the board, radiologist")),
    Account("partner", "dr. Nele Goossens", _("Member from the partner hospital, radiotherapist")),
    Account("partnersecretary", "Tom Wouters", _("Secretary of the partner hospital")),
    Account("guest", "dr. An Lemmens", _("Guest: GP of one patient")),
    Account("observer", "dr. Lotte Aerts", _("Observer: in training")),
    Account("outsider", "dr. Bart Hendrickx", _("Surgeon of a hospital in no agreement")),
    Account("datamanager", "Griet Vanhoutte", _("Data manager: says what became of the decisions")),
    Account("privacy", "Els Pauwels", _("Privacy officer")),
    Account("admin", "Jan Smets", _("Administrator of the organising hospital")),
    Account("operator", "Operator", _("Operator of the site: Django's admin, no care content")),
)


def accounts_text() -> str:
    """The accounts and the password in plain lines, for the terminal."""
    width = max(len(account.username) for account in ACCOUNTS)
    lines = [f"  {account.username:<{width}}  {account.name}, {account.role}" for account in ACCOUNTS]
    return "\n".join(["Demo accounts (fictional):", *lines, f"Password of all: {PASSWORD}"])


def on_sign_in_page(request: HttpRequest) -> dict[str, Any]:
    """For templates: ``demo_accounts`` and ``demo_password`` where somebody who is not signed in meets the demonstration."""
    if not settings.DEMO or request.user.is_authenticated:
        return {}
    return {"demo_accounts": ACCOUNTS, "demo_password": PASSWORD}
