"""The agenda of a meeting on paper: with names or without, and the encrypted pack for the day on which the network is down."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_GET, require_http_methods

from mdo.kernel.errors import Denied
from meetings import access
from meetings.forms import PackForm
from meetings.models import Meeting
from meetings.reports import content, packing
from meetings.reports.printing import agenda_pdf
from meetings.reports.writing import sitting as sitting_head
from meetings.views.rows import Agenda, agenda_for, pseudonym
from meetings.views.showing import SHOWN, acting_for, person, private, trace


@private
@require_GET
def agenda_sheet(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """The agenda as PDF: names of who may be read, labels of the rest; ``?names=no`` prints neither names nor initials but what an
    observer sees. Not for guests. Each printing leaves a trace."""
    meeting, place = access.access_meeting_for_reading(person(request), meeting_id)
    if place.is_guest:
        raise Denied()
    names = request.GET.get("names") != "no" and not place.pseudonyms
    shown = agenda_for(person(request), meeting, place)
    trace("agenda.printed", shown.readable, meeting=str(meeting.pk), names=names)
    language = get_language() or "en"
    body = agenda_pdf(_sheet(meeting, shown, language), language, names)
    response = HttpResponse(body, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="agenda-{meeting.starts_at:%Y-%m-%d}.pdf"'
    return response


@private
@require_http_methods(["GET", "POST"])
def pack(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """The paper pack, for those who run the meeting: a page that shows a passphrase once, then the encrypted PDF. Both are made anew
    each time and kept nowhere."""
    by = person(request)
    meeting, place = access.access_meeting_for_reading(by, meeting_id)
    if not place.permits("run"):
        raise Denied()
    form = PackForm(request.POST or None, initial={"passphrase": packing.new_passphrase()})
    body = None
    if request.method == "POST" and form.is_valid():
        language = get_language() or "en"
        shown = agenda_for(by, meeting, place)
        trace("agenda.packed", shown.readable, meeting=str(meeting.pk))
        sheet = _sheet(meeting, shown, language)
        cases = {row.item.pk: line for row, line in zip(shown.rows, sheet.items, strict=True) if row.referral}
        try:
            body = packing.paper_pack(
                by, meeting, agenda_pdf(sheet, language, True), cases, language, form.cleaned_data["passphrase"]
            )
        except SHOWN as refusal:
            form.add_error(None, refusal.message)
    if body is None:
        context = {"meeting": meeting, "board": meeting.board, "form": form, "acting_for": acting_for(request)}
        return render(request, "meetings/pack.html", context, status=422 if request.method == "POST" else 200)
    response = HttpResponse(body, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="pack-{meeting.starts_at:%Y-%m-%d}.pdf"'
    return response


def _sheet(meeting: Meeting, shown: Agenda, language: str) -> content.AgendaSheet:
    lines = []
    for row in shown.rows:
        patient = row.referral.case.patient if row.referral else None
        lines.append(
            content.AgendaLine(
                number=row.number,
                kind="topic" if row.is_topic else "case",
                name=row.name,
                pseudonym=pseudonym(row.item),
                minutes=row.item.minutes,
                expected_at=row.expected_at,
                birth_date=patient.birth_date if patient else None,
                organisation=row.organisation.name,
                requester=row.requester,
                question=row.referral.question if row.referral else "",
                late=row.item.late,
                state=row.item.state,  # type: ignore[arg-type]
                rest=(row.rest.starts_at, row.rest.minutes) if row.rest else None,
                protocol=row.item.protocol if row.covered else "",
                protocol_reference=row.item.protocol_reference if row.covered else "",
            )
        )
    return content.AgendaSheet(
        sitting=sitting_head(meeting, language),
        items=tuple(lines),
        imprint=content.Imprint(document_id=str(meeting.pk), version=meeting.version),
        ends_at=shown.forecast.end if shown.forecast else None,
        published_at=meeting.published_at,
    )
