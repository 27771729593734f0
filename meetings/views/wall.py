"""The page of a screen on a wall: its code while it waits, and what it shows once it is paired. Nobody signs in here.

A paired screen reads as the person who paired it (``meetings/room/wall.py``), in a door with the purpose "wall", and only what
lies on the table at this moment.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST
from django.views.i18n import JSONCatalog

from cases.access import access_document_for_reading
from cases.views.documents import send_document
from cases.views.stage import stage_context
from mdo.directory.models import Person
from mdo.kernel.acting import acting
from mdo.kernel.errors import NotFound, Refused
from meetings import access, agreed, texts, walls
from meetings.models import AgendaItem, Decision, Meeting
from meetings.room import wall as room_wall
from meetings.room.audience import Place

COOKIE_LASTS_S = 400 * 24 * 3600


@dataclass(frozen=True)
class Seen:
    """What a paired screen may show now: the item on the table, to the eyes of ``by``."""

    by: Person
    meeting: Meeting
    item: AgendaItem


def _place(request: HttpRequest) -> Place | None:
    display = room_wall.recognise(request.COOKIES.get(walls.COOKIE))
    return room_wall.find(display.pk, display.meeting_id) if display is not None else None


@contextmanager
def _on_the_table(request: HttpRequest) -> Iterator[Seen]:
    """Open the door for the person behind the screen, onto the item on the table. Raises ``NotFound`` where there is nothing to show."""
    display = room_wall.recognise(request.COOKIES.get(walls.COOKIE))
    place = room_wall.find(display.pk, display.meeting_id) if display is not None else None
    if display is None or place is None:
        raise NotFound()
    person = place.person
    with acting(person, place.organisation_id, "wall"), translation.override(person.language):
        meeting = Meeting.objects.filter(pk=display.meeting_id, state=Meeting.State.RUNNING).first()
        if meeting is None or meeting.current_item_id is None:
            raise NotFound()
        item = access.access_item_for_reading(person, meeting.pk, meeting.current_item_id)
        yield Seen(person, meeting, item)


@login_not_required
@never_cache
@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """``GET /wall/``: the screen itself, in the language of whoever paired it."""
    place = _place(request)
    with translation.override(place.person.language if place else get_language()):
        return render(request, "meetings/wall.html")


@login_not_required
@never_cache
@require_POST
def code(request: HttpRequest) -> HttpResponse:
    """``POST /wall/code/``: a fresh code to show, ``{"code", "lasts_s"}``; what the screen was paired with before stays."""
    key = request.COOKIES.get(walls.COOKIE) or walls.new_key()
    if len(key) > 100:
        key = walls.new_key()
    try:
        shown = walls.offer_code(key, request.META.get("REMOTE_ADDR", ""))
    except Refused as refusal:
        return JsonResponse({"code": None, "message": refusal.message}, status=429)
    response = JsonResponse({"code": shown, "lasts_s": walls.CODE_LASTS_S})
    response.set_cookie(
        walls.COOKIE,
        key,
        max_age=COOKIE_LASTS_S,
        httponly=True,
        samesite="Strict",
        secure=settings.SESSION_COOKIE_SECURE,
    )
    return response


@login_not_required
@never_cache
@require_GET
def state(request: HttpRequest) -> HttpResponse:
    """``GET /wall/state/``: ``{"state": "paired", "meeting", "socket"}``, or "waiting" while the code holds, or "free"."""
    key = request.COOKIES.get(walls.COOKIE, "")
    display = room_wall.recognise(key)
    if display is not None and room_wall.find(display.pk, display.meeting_id) is not None:
        socket = f"/ws/meetings/{display.meeting_id}/?wall=1"
        return JsonResponse({"state": "paired", "meeting": str(display.meeting_id), "socket": socket})
    return JsonResponse({"state": "waiting" if key and walls.waits(key) else "free"})


@login_not_required
@never_cache
@require_GET
def stage(request: HttpRequest, item_id: UUID) -> HttpResponse:
    """What lies on the table, as the stage of the room shows it. Writes the read row."""
    with _on_the_table(request) as seen:
        item = _the(seen, item_id)
        if item.referral is None:
            return render(request, "meetings/stage_topic.html", {"item": item, "topic": item.topic})
        context = stage_context(by=seen.by, referral=item.referral, language=get_language() or "en")
        return render(request, "cases/stage.html", {**context, "item": item, "meeting": seen.meeting})


@login_not_required
@never_cache
@require_GET
def document(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """A document of the case on the table. Writes the read row."""
    with _on_the_table(request) as seen:
        found = access_document_for_reading(seen.by, document_id)
        if seen.item.referral is None or found.case_id != seen.item.referral.case_id:
            raise NotFound()
        return send_document(request, found)


@login_not_required
@never_cache
@require_GET
def wording(request: HttpRequest, item_id: UUID) -> JsonResponse:
    """The recommendation while it is read back, or once it is recorded: ``{"intent", "steps", "deviation", "agreed", "text"}``."""
    with _on_the_table(request) as seen:
        item = _the(seen, item_id)
        found = Decision.objects.filter(item=item).exclude(state=Decision.State.REPLACED).order_by("-version").first()
        decided = found is not None and found.state != Decision.State.DRAFT
        if found is None or not (decided or item.read_back_at is not None):
            raise NotFound()
        return JsonResponse(
            {
                "intent": found.intent or None,
                "steps": found.steps,
                "deviation": found.deviation,
                "agreed": agreed.filled(found.agreed),
                "text": found.text if decided else texts.current(item, texts.RECOMMENDATION)[1],
            }
        )


def _the(seen: Seen, item_id: UUID) -> AgendaItem:
    """The item, if it is the one on the table. Raises ``NotFound``: of another one a wall shows nothing."""
    if seen.item.pk != item_id:
        raise NotFound()
    return seen.item


@login_not_required
@require_GET
def sentences(request: HttpRequest) -> HttpResponseBase:
    """The sentences of the page, in the language of whoever paired the screen."""
    place = _place(request)
    with translation.override(place.person.language if place else get_language()):
        return JSONCatalog.as_view()(request)
