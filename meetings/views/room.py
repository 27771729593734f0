"""The pages behind the room: the room itself, the stage (a case, per viewer) and the draft of a recommendation."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from cases.links import elsewhere
from cases.views.stage import stage_context
from mdo.directory import disciplines
from mdo.directory.middleware import FOR
from mdo.kernel.errors import NotFound
from meetings import access, agreed, readback, texts
from meetings.models import AgendaItem, Decision, Meeting


@never_cache
@require_GET
def room(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """The live room. Somebody who sits on this board for another of their organisations is sent there under that one."""
    person = request.user
    meeting = Meeting.objects.select_related("board").filter(pk=meeting_id).first()
    if meeting is None:
        raise NotFound()
    acting = request.organisation.pk if request.organisation else None  # type: ignore[attr-defined]
    organisation_id = access.organisation_for(person, meeting, acting)  # type: ignore[arg-type]
    if organisation_id != acting and organisation_id in {each.pk for each in request.organisations}:  # type: ignore[attr-defined]
        return HttpResponseRedirect(f"{reverse('meetings:room', args=[meeting_id])}?{FOR}={organisation_id}")
    meeting, place = access.access_meeting_for_reading(person, meeting_id)  # type: ignore[arg-type]
    return render(request, "meetings/room.html", {"meeting": meeting, "place": place, "for_organisation": acting})


@never_cache
@require_GET
def stage(request: HttpRequest, meeting_id: UUID, item_id: UUID) -> HttpResponse:
    """What lies on the table, for this viewer: the case behind an item, or the topic. Writes the read row."""
    person = request.user
    item = access.access_item_for_reading(person, meeting_id, item_id)  # type: ignore[arg-type]
    if item.referral is None:
        return render(request, "meetings/stage_topic.html", {"item": item, "topic": item.topic})
    place = access.chair_at(person, item.meeting)  # type: ignore[arg-type]
    context = stage_context(
        by=person,  # type: ignore[arg-type]
        referral=item.referral,
        language=get_language() or "en",
        pseudonyms=place.pseudonyms,
        guest=place.is_guest,
    )
    if not (place.pseudonyms or place.is_guest):
        context["elsewhere"] = elsewhere(person, item.referral.case.patient, [item.referral.board_id])  # type: ignore[arg-type]
    return render(request, "cases/stage.html", {**context, "item": item, "meeting": item.meeting})


@never_cache
@require_GET
def draft(request: HttpRequest, meeting_id: UUID, item_id: UUID) -> JsonResponse:
    """The recommendation as it stands: ``{"version", "intent", "steps", "deviation", "agreed", "state", "editable", "owners", "text", "discussion",
    "voices", "frozen"}``. The words are typed together over the socket; here they stand for reading, once they are recorded or read
    back. Voices are those of the wording that stands, or those that were recorded."""
    person = request.user
    item = access.access_item_for_reading(person, meeting_id, item_id)  # type: ignore[arg-type]
    place = access.chair_at(person, item.meeting)  # type: ignore[arg-type]
    if place.is_guest:
        raise NotFound()
    decision = Decision.objects.filter(item=item).exclude(state=Decision.State.REPLACED).order_by("-version").first()
    decided = decision is not None and decision.state != Decision.State.DRAFT
    editable = (
        item.meeting.state == Meeting.State.RUNNING
        and item.state == AgendaItem.State.OPEN
        and not decided
        and place.permits_item("draft", item)
    )
    voices = readback.as_kept(readback.voices_of(item)) if item.read_back_at is not None else []
    return JsonResponse(
        {
            "version": decision.draft_version if decision else 0,
            "intent": (decision.intent or None) if decision else None,
            "steps": decision.steps if decision else [],
            "deviation": decision.deviation if decision else "",
            "agreed": agreed.filled(decision.agreed if decision else {}),
            "state": decision.state if decision else None,
            "editable": editable and item.read_back_at is None,
            "owners": _owners(item) if editable else [],
            "frozen": decided or item.read_back_at is not None,
            "text": decision.text if decided and decision else texts.current(item, texts.RECOMMENDATION)[1],
            "discussion": decision.discussion if decided and decision else texts.current(item, texts.DISCUSSION)[1],
            "voices": [
                {**voice, "discipline": disciplines.words(voice["discipline"])}
                for voice in (decision.voices if decided and decision else voices)
            ],
        }
    )


def _owners(item: AgendaItem) -> list[dict[str, str]]:
    """To whom an action of this item can be given, by name."""
    people = sorted(agreed.owners(item).values(), key=lambda each: (each.last_name, each.first_name))
    return [{"id": str(each.pk), "name": each.display_name} for each in people]


@never_cache
@require_GET
def remarks(request: HttpRequest, meeting_id: UUID, item_id: UUID) -> JsonResponse:
    """What was written beside an item: ``{"remarks": [{"id", "kind", "by", "name", "organisation", "at", "text"}]}``, oldest first.
    For whoever sits at the table and may read the case; not for guests and observers, who know no names."""
    person = request.user
    item = access.access_item_for_reading(person, meeting_id, item_id)  # type: ignore[arg-type]
    place = access.chair_at(person, item.meeting)  # type: ignore[arg-type]
    if place.is_guest or place.pseudonyms:
        raise NotFound()
    found = access.visible_remarks(person, [item.pk])  # type: ignore[arg-type]
    return JsonResponse(
        {
            "remarks": [
                {
                    "id": str(each.pk),
                    "kind": each.kind,
                    "by": str(each.by_id),
                    "name": each.by.display_name,
                    "organisation": each.organisation.short_name or each.organisation.name,
                    "at": each.at.isoformat(),
                    "text": each.text,
                }
                for each in found
            ]
        }
    )
