"""Look back: the search of decisions. Its words travel in the body of a POST, never in an address (docs/decisions/search.md)."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from mdo.directory.forms import DayField
from meetings.facets import FACETS, IDS
from meetings.search import MOST, PAGE_SIZE, Wanted, find


class SearchForm(forms.Form):
    words = forms.CharField(
        label=_("Words, patient or national number"),
        required=False,
        max_length=200,
        widget=forms.TextInput(
            attrs={"type": "search", "autocomplete": "off", "spellcheck": "false", "data-search": ""}
        ),
    )
    since = DayField(label=_("From"), required=False)
    until = DayField(label=_("Until"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, (label, _every, _words) in FACETS.items():
            known = forms.UUIDField(required=False) if name in IDS else forms.CharField(required=False, max_length=80)
            known.label = label
            self.fields[name] = known

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", _("This day lies before the first one."))
        return cleaned

    def wanted(self, page: str) -> Wanted:
        """What a valid form asks for; a page that is no number is the first one."""
        number = int(page) if page.isascii() and page.isdigit() and len(page) <= 6 else 1
        given = self.cleaned_data
        return Wanted(
            words=given["words"],
            since=given["since"],
            until=given["until"],
            chosen={name: str(given[name]) for name in FACETS if given[name]},
            page=max(1, min(number, MOST // PAGE_SIZE)),
        )


@require_http_methods(["GET", "HEAD", "POST"])
def search(request: HttpRequest) -> HttpResponse:
    """GET: the form and the newest decisions. POST: what was looked for, as a whole page or (htmx) as the results alone."""
    if request.method != "POST":
        found = find(request.user, Wanted(), get_language())  # type: ignore[arg-type]
        return render(request, "meetings/search.html", {"form": SearchForm(), "found": found, "asked": False})
    form = SearchForm(request.POST)
    template = "meetings/search_results.html" if request.htmx else "meetings/search.html"  # type: ignore[attr-defined]
    if not form.is_valid():
        return render(request, template, {"form": form, "found": None, "asked": True}, status=422)
    wanted = form.wanted(request.POST.get("page", "1"))
    found = find(request.user, wanted, get_language())  # type: ignore[arg-type]
    asked = any((wanted.words, wanted.since, wanted.until, wanted.chosen))
    return render(request, template, {"form": form, "found": found, "asked": asked})
