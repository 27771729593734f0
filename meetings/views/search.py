"""Look back: the search of decisions. Its words travel in the body of a POST, never in an address (docs/decisions/search.md)."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from mdo.directory.forms import DayField
from mdo.directory.middleware import is_id
from mdo.kernel.errors import NotFound
from mdo.kernel.ids import new_id
from meetings import access
from meetings.actions.saving_searches import forget_search, keep_search
from meetings.facets import FACETS, IDS
from meetings.forms import CommandForm
from meetings.search import MOST, PAGE_SIZE, Wanted, find
from meetings.views.showing import SHOWN, did, person, private, sentences


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
    """GET: the form and the newest decisions. POST: what was looked for, or a search that is kept, as a whole page or (htmx) as the
    results alone."""
    if request.method != "POST":
        return _show(request, SearchForm(), Wanted())
    kept = None
    if saved := is_id(request.POST.get("saved", "")):
        kept = access.visible_searches(person(request)).filter(pk=saved).first()
        if kept is None:
            raise NotFound()
    form = SearchForm(kept.asked if kept else request.POST)
    if not form.is_valid():
        return _show(request, form, None, status=422)
    return _show(request, form, form.wanted("1" if kept else request.POST.get("page", "1")))


def _show(request: HttpRequest, form: SearchForm, wanted: Wanted | None, status: int = 200) -> HttpResponse:
    asked = wanted is None or any((wanted.words, wanted.since, wanted.until, wanted.chosen))
    by = person(request)
    context = {
        "form": form,
        "found": find(by, wanted, get_language()) if wanted else None,
        "asked": asked,
        "kept": access.visible_searches(by),
        "keep_id": new_id() if asked and wanted else None,
        "new_id": new_id,
    }
    part = request.method == "POST" and request.htmx  # type: ignore[attr-defined]
    return render(request, "meetings/search_results.html" if part else "meetings/search.html", context, status=status)


@private
@require_POST
def keep(request: HttpRequest) -> HttpResponse:
    """``POST /decisions/kept/``: keep what was asked under a name. Its words travel in the body, as those of the search do."""
    form, command = SearchForm(request.POST), CommandForm(request.POST)
    if not form.is_valid() or not command.is_valid():
        return _show(request, form, None, status=422)
    asked = {name: str(value) for name, value in form.cleaned_data.items() if value}
    try:
        keep_search(
            by=person(request),
            name=request.POST.get("name", ""),
            asked=asked,
            command_id=command.cleaned_data["command_id"],
        )
    except SHOWN as refusal:
        for each in sentences(refusal):
            messages.error(request, each["message"])
        return _show(request, form, form.wanted("1"), status=refusal.status)
    return did(request, reverse("meetings:search"), gettext("This search is kept."))


@private
@require_POST
def forget(request: HttpRequest, search_id: UUID) -> HttpResponse:
    """``POST /decisions/kept/<id>/forget/``: take a kept search out."""
    if not access.visible_searches(person(request)).filter(pk=search_id).exists():
        raise NotFound()
    command = CommandForm(request.POST)
    if command.is_valid():
        forget_search(by=person(request), search_id=search_id, command_id=command.cleaned_data["command_id"])
    return did(request, reverse("meetings:search"))
