"""What every page shows around its content."""

from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from mdo.directory import access
from mdo.directory.disciplines import PREPARING
from mdo.directory.models import Person
from mdo.directory.signing_in import providers
from mdo.kernel.acting import is_open


def navigation(request: HttpRequest) -> dict[str, Any]:
    """``nav``, ``acting_organisation`` and ``acting_choices`` for the header; empty for somebody who is not signed in."""
    if not getattr(request, "user", None) or not request.user.is_authenticated or request.user.visitor:
        return {"nav": []}
    return {
        "nav": _Navigation(request),
        "acting_organisation": getattr(request, "organisation", None),
        "acting_choices": getattr(request, "organisations", []),
        "act_for_url": reverse("act_for"),
    }


def sign_ins(request: HttpRequest) -> dict[str, Any]:
    """``sign_ins`` for the way in: the organisations' own sign-ins, asked where a template shows them."""
    return {"sign_ins": SimpleLazyObject(lambda: list(providers.in_use()))}


# Pages that belong to an entry without lying below its address.
_BELOW = {"cases:list": ("/referrals/", "/imports/"), "meetings:boards": ("/meetings/",)}


class _Navigation:
    """Made when a template asks for it, so that fragments cost nothing."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    def __iter__(self) -> Any:
        by: Person = self.request.user  # type: ignore[assignment]
        boards = access.visible_boards(by) if is_open() else []
        items = [(_("Today"), "today")]
        if not is_open() or access.reads_cases(by):
            items += [
                (_("Cases"), "cases:list"),
                (_("Meetings"), "meetings:boards"),
                (_("Decisions"), "meetings:search"),
            ]
        if is_open() and access.follows_up(by):
            items.append((_("Follow-up"), "meetings:follow_up"))
        if boards and by.discipline in PREPARING:
            items.insert(1, (_("Worklist"), "meetings:worklist"))
        if any(board.permits("sign") for board in boards):
            items.append((_("Sign"), "meetings:signing"))
        for label, name in items:
            try:
                url = reverse(name)
            except NoReverseMatch:
                continue
            path = self.request.path
            below = (url, *_BELOW.get(name, ()))
            yield {
                "label": label,
                "url": url,
                "current": path == url or (url != "/" and path.startswith(below)),
                "count": None,
            }
