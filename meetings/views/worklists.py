"""The worklist of a radiologist, pathologist or nuclear physician: what to look at before the coming sittings."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid5

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cases.access import access_referral_for_preparing
from cases.actions.preparation import mark_seen, write_note
from cases.dossiers.worklists import worklists
from mdo.directory import access as directory
from mdo.directory import disciplines
from mdo.directory.middleware import FOR, is_id
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, NotFound, Refused
from meetings import access
from meetings.forms import CommandForm, PreparationForm, SeenForm
from meetings.models import Meeting
from meetings.views.showing import SHOWN, did, form_sentences, person, private, sentences, status_of, trace
from meetings.views.worklist_lines import lines_for


@private
@require_safe
def worklist(request: HttpRequest) -> HttpResponse:
    """``GET /worklist/``: the coming cases of one's boards by sitting; ``?meeting=`` only that one, ``?discipline=`` as that
    discipline prepares it (default: the own one, else the first)."""
    return _page(request)


@private
@require_POST
def note(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Leave a note for the table, change it, or take its words away."""
    access_referral_for_preparing(person(request), referral_id)  # before anything that was typed is looked at
    form = PreparationForm(request.POST)
    typed = {referral_id: request.POST.get("text", "")}
    if not form.is_valid():
        return _page(request, errors=form_sentences(form), status=422, typed=typed)
    try:
        write_note(by=person(request), referral_id=referral_id, **form.cleaned_data)
    except SHOWN as refusal:
        return _page(request, errors=sentences(refusal), status=status_of(request, refusal), typed=typed)
    return did(request, _address(request))


@private
@require_POST
def seen(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Mark one case as seen, or as still to be looked at."""
    access_referral_for_preparing(person(request), referral_id)
    form = SeenForm(request.POST)
    if not form.is_valid():
        return _page(request, errors=form_sentences(form), status=422)
    try:
        mark_seen(by=person(request), referral_id=referral_id, **form.cleaned_data)
    except SHOWN as refusal:
        return _page(request, errors=sentences(refusal), status=status_of(request, refusal))
    return did(request, _address(request))


@private
@require_POST
def rest_seen(request: HttpRequest) -> HttpResponse:
    """Mark everything as seen that stood on the page without a mark; what is refused is named and the rest is done."""
    form = CommandForm(request.POST)
    chosen = [is_id(value) for value in request.POST.getlist("referral")[:500]]
    if not form.is_valid() or not chosen:
        errors = form_sentences(form) or [{"message": _("There is nothing left to mark.")}]
        return _page(request, errors=errors, status=422)
    done, refused = 0, list[Refused]()
    for referral_id in chosen:
        if referral_id is None:
            raise NotFound()
        # Each case is a command of its own, named after the one that was sent: a repetition finds all of them again.
        each = uuid5(form.cleaned_data["command_id"], str(referral_id))
        try:
            mark_seen(
                by=person(request),
                referral_id=referral_id,
                note_id=uuid5(each, "note"),
                version=0,
                seen=True,
                command_id=each,
            )
            done += 1
        except SHOWN as refusal:
            refused.append(refusal)
    if not done:
        return _page(request, errors=sentences(refused[0]), status=422)
    for each_refused in refused:
        messages.warning(request, each_refused.message)
    words = ngettext("%(n)d case marked as seen.", "%(n)d cases marked as seen.", done)
    return did(request, _address(request), words % {"n": done})


def _kept(request: HttpRequest) -> dict[str, str]:
    """What an address of this page keeps: which discipline, which meeting, for which organisation."""
    kept = {"discipline": request.GET.get("discipline", "")}
    for name in ("meeting", FOR):
        found = is_id(request.GET.get(name, ""))
        kept[name] = str(found) if found else ""
    if kept["discipline"] not in worklists():
        kept["discipline"] = ""
    return {name: value for name, value in kept.items() if value}


def _query(request: HttpRequest, **changed: str) -> str:
    kept = {**_kept(request), **changed}
    kept = {name: value for name, value in kept.items() if value}
    return f"?{urlencode(kept)}" if kept else ""


def _address(request: HttpRequest) -> str:
    return reverse("meetings:worklist") + _query(request)


def _meeting(request: HttpRequest) -> Meeting | None:
    """The one meeting that is asked for; it is prepared by who sits on its board."""
    asked = request.GET.get("meeting", "")
    if not asked:
        return None
    meeting_id = is_id(asked)
    if meeting_id is None:
        raise NotFound()
    meeting, place = access.access_meeting_for_reading(person(request), meeting_id)
    if not place.standing.permits("prepare", {"agr", "own"}):
        raise Denied()
    return meeting


def _page(
    request: HttpRequest,
    *,
    errors: list[dict[str, str]] | None = None,
    status: int = 200,
    typed: dict[UUID, str] | None = None,
) -> HttpResponse:
    by, lists = person(request), worklists()
    meeting = _meeting(request)
    own = by.discipline if by.discipline in lists else next(iter(lists))
    code = _kept(request).get("discipline", own)
    lines = lines_for(
        by,
        directory.visible_boards(by),
        lists[code],
        get_language(),
        meeting_id=meeting.pk if meeting else None,
        typed=typed,
    )
    trace("worklist.listed", [(line.referral.hospital_id, line.referral.case_id) for line in lines.all])
    tabs: list[dict[str, Any]] = [
        {
            "label": disciplines.words(each),
            "url": reverse("meetings:worklist") + _query(request, discipline=each),
            "current": each == code,
            "count": lines.waiting[each],
        }
        for each in lists
    ]
    context = {
        "lines": lines,
        "meeting": meeting,
        "worklist": lists[code],
        "discipline": disciplines.words(code),
        "tabs": tabs,
        "query": _query(request),
        "whole": reverse("meetings:worklist") + _query(request, meeting=""),
        "errors": errors or [],
        "rest": CommandForm(),
        "now": now(),
    }
    return render(request, "meetings/worklist.html", context, status=status)
