"""What every page shows around its content."""

from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from mdo.directory import access
from mdo.directory.disciplines import PREPARING
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


# Pages that belong to an entry without lying below its address.
_BELOW = {"cases:list": ("/referrals/", "/imports/"), "meetings:boards": ("/meetings/",)}


class _Navigation:
    """Made when a template asks for it, so that fragments cost nothing."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    def __iter__(self) -> Any:
        boards = access.visible_boards(self.request.user) if is_open() else []  # type: ignore[arg-type]
        items = [
            (_("Today"), "today"),
            (_("Cases"), "cases:list"),
            (_("Meetings"), "meetings:boards"),
            (_("Decisions"), "meetings:search"),
            (_("Follow-up"), "meetings:follow_up"),
        ]
        if boards and self.request.user.discipline in PREPARING:  # type: ignore[union-attr]
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
