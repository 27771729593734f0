"""The proposed order of an agenda, beside the order as it is: asked for, looked at, taken as a whole or left."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from mdo.directory import disciplines
from mdo.directory.access import in_office
from mdo.directory.middleware import is_id
from mdo.directory.models import BoardRole
from mdo.kernel.errors import Denied, Invalid
from mdo.kernel.ids import new_id
from meetings import access, wishes
from meetings.access import Chair
from meetings.actions import ordering
from meetings.agenda import planned_breaks
from meetings.forms import CommandForm, LockForm, WishesForm
from meetings.models import Meeting, Reply
from meetings.proposed_order import Place, Proposal, Rest, propose
from meetings.views.order_words import Names, reason, violations
from meetings.views.rows import Row, agenda_for
from meetings.views.showing import (
    SHOWN,
    acting_for,
    carry_out,
    did,
    person,
    private,
    put_on,
    renew,
    trace,
)

BUILT = (Meeting.State.PLANNED, Meeting.State.PUBLISHED)


@dataclass(frozen=True)
class Line:
    """One item of the proposal beside its place now, with the reasons in words."""

    row: Row
    place: Place
    now_at: datetime
    needs: list[str]
    reasons: list[str]

    @property
    def moved(self) -> bool:
        return self.place.place != self.place.was


@dataclass(frozen=True)
class Shown:
    """What the page shows of a proposal. ``lines`` and breaks in the order of time."""

    proposal: Proposal
    lines: list[Line | Rest]
    missed: list[str]
    missed_before: int
    breaks_now: str

    @property
    def saves_minutes(self) -> int:
        return self.proposal.before.cost.waiting - self.proposal.after.cost.waiting

    @property
    def changes(self) -> bool:
        """Whether taking it changes anything: an item moves, or a break is planned that is not."""
        return self.proposal.moves or self.breaks != self.breaks_now

    @property
    def breaks(self) -> str:
        """What is sent back for the breaks: ``id:minutes`` of each item after which there is one."""
        found: list[str] = []
        last: Line | None = None
        for line in self.lines:
            if isinstance(line, Line):
                last = line
            elif last is not None:
                found.append(f"{last.row.item.pk}:{line.minutes}")
        return ",".join(found)

    @property
    def versions(self) -> str:
        """What is sent back to take the order: ``id:version`` of every item, in the proposed order."""
        return ",".join(f"{line.row.item.pk}:{line.row.item.version}" for line in self.lines if isinstance(line, Line))


def built(request: HttpRequest, meeting_id: UUID) -> tuple[Meeting, Chair]:
    """The meeting, for whoever builds its agenda; with the right asked before the state is told."""
    meeting, place = access.access_meeting_for_reading(person(request), meeting_id)
    if not place.permits("build_agenda"):
        raise Denied()
    return meeting, place


def anew(
    request: HttpRequest, meeting_id: UUID, page: Callable[..., HttpResponse]
) -> Callable[[list[dict[str, str]], int], HttpResponse]:
    """A page about an agenda that is built, with a refusal, as the agenda stands by then."""

    def drawn(errors: list[dict[str, str]], status: int) -> HttpResponse:
        meeting, place = built(request, meeting_id)
        return page(request, meeting, place, errors=errors, status=status)

    return drawn


def proposed(request: HttpRequest, meeting: Meeting, place: Chair) -> Shown | None:
    """The proposal for those who build the agenda; None where nothing waits. A constant number of queries."""
    shown = agenda_for(person(request), meeting, place)
    trace("agenda.order_proposed", shown.readable, meeting=str(meeting.pk))
    rows = [row for row in shown.rows if wishes.waits_in_order(row.item)]
    if not rows:
        return None
    roles: list[BoardRole] = list(in_office(meeting.board))
    replies = list(Reply.objects.filter(meeting=meeting))
    asked = wishes.wishes_for(meeting, [(row.item, row.referral is not None) for row in rows], roles, replies)
    proposal = propose(asked)
    people: dict[Hashable, str] = {role.person_id: role.person.display_name for role in roles}
    people |= {row.item.referral.requester_id: row.requester for row in rows if row.item.referral is not None}
    names = Names(people, {row.item.pk: row.name for row in rows}, meeting.board.time_zone)
    return _shown(meeting, rows, proposal, names)


def _shown(meeting: Meeting, rows: list[Row], proposal: Proposal, names: Names) -> Shown:
    by_id = {row.item.pk: row for row in rows}
    now_at = proposal.before.timetable.items
    lines: list[tuple[datetime, Line | Rest]] = [(rest.starts_at, rest) for rest in proposal.breaks]
    for place in proposal.places:
        row = by_id[place.item]  # type: ignore[index]
        needs = wishes.needs_of(row.item, meeting, readable=row.referral is not None)
        words = [disciplines.words(code) for code in sorted(needs)]
        why = [reason(names, each) for each in place.reasons]
        lines.append((place.starts_at, Line(row, place, now_at[place.item], words, why)))
    lines.sort(key=lambda each: each[0])
    told = proposal.after.violations
    return Shown(
        proposal,
        [line for _at, line in lines],
        violations(names, told),
        len(proposal.before.violations),
        ",".join(f"{each.pk}:{each.break_after}" for each, _next in planned_breaks([row.item for row in rows])),
    )


def _page(
    request: HttpRequest,
    meeting: Meeting,
    place: Chair,
    *,
    errors: list[dict[str, str]] | None = None,
    status: int = 200,
) -> HttpResponse:
    editable = meeting.state in BUILT
    context: dict[str, Any] = {
        "meeting": meeting,
        "board": meeting.board,
        "shown": proposed(request, meeting, place) if editable else None,
        "editable": editable,
        "errors": errors or [],
        "new_id": new_id,
        "acting_for": acting_for(request),
    }
    return render(request, "meetings/order.html", context, status=status)


@private
@require_GET
def order(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """The proposal beside the order as it is. Changes nothing."""
    meeting, place = built(request, meeting_id)
    return _page(request, meeting, place)


def _pairs(text: str) -> list[tuple[UUID, int]]:
    found = []
    for each in text.split(",")[:1000] if text else []:
        item, _colon, version = each.partition(":")
        item_id = is_id(item)
        if item_id is None or not version.isascii() or not version.isdecimal() or len(version) > 9:
            raise Invalid({"order": [_("This order cannot be read. Ask for a new proposal.")]})
        found.append((item_id, int(version)))
    return found


@private
@require_POST
def take(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """Take the proposed order as a whole; from the page it can be undone."""
    return carry_out(
        request,
        CommandForm(request.POST),
        lambda data: ordering.take_order(
            by=person(request),
            meeting_id=meeting_id,
            order=_pairs(request.POST.get("order", "")),
            breaks=_pairs(request.POST.get("breaks", "")),
            command_id=data["command_id"],
        ),
        anew(request, meeting_id, _page),
        _agenda(request, meeting_id),
        _("The agenda stands in the proposed order."),
    )


@private
@require_POST
def restore(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """Undo: bring the order back that was there before the proposed one was taken."""
    return carry_out(
        request,
        CommandForm(request.POST),
        lambda data: ordering.restore_order(by=person(request), meeting_id=meeting_id, command_id=data["command_id"]),
        anew(request, meeting_id, _page),
        _agenda(request, meeting_id),
        _("The agenda stands as before."),
    )


def _agenda(request: HttpRequest, meeting_id: UUID) -> str:
    return reverse("meetings:agenda", args=[meeting_id]) + acting_for(request)


def _order(request: HttpRequest, meeting_id: UUID) -> str:
    return reverse("meetings:order", args=[meeting_id]) + acting_for(request)


@private
@require_POST
def lock(request: HttpRequest, meeting_id: UUID, item_id: UUID) -> HttpResponse:
    """Keep an item at its place, or let it move again; the proposal is made anew."""
    return carry_out(
        request,
        LockForm(request.POST),
        lambda data: ordering.lock_item(
            by=person(request),
            meeting_id=meeting_id,
            item_id=item_id,
            version=data["version"],
            locked=data["locked"],
            command_id=data["command_id"],
        ),
        anew(request, meeting_id, _page),
        _order(request, meeting_id),
    )


@private
@require_http_methods(["GET", "POST"])
def set_wishes(request: HttpRequest, meeting_id: UUID, item_id: UUID) -> HttpResponse:
    """What one item asks for: disciplines, heavy or not, when its guest can come."""
    meeting, place = built(request, meeting_id)
    shown = agenda_for(person(request), meeting, place)
    row = next((row for row in shown.rows if row.item.pk == item_id), None)
    if row is None:
        access.access_item_for(person(request), meeting_id, item_id, "build_agenda", lock=False)
        raise Denied()
    if row.referral is not None:
        trace("agenda.order_proposed", [(row.item.hospital_id, row.referral.case_id)], meeting=str(meeting.pk))
    zone = meeting.board.time_zone
    by_dossier = wishes.needs_by_dossier(row.item, meeting, readable=row.referral is not None)
    here = {role.person.discipline for role in in_office(meeting.board)} - {""}
    offered = here | by_dossier | set(row.item.needs or ())
    status = 200
    if request.method == "POST":
        form, status = WishesForm(request.POST, offered=offered), 422
        if form.is_valid():
            data = form.cleaned_data
            try:
                ordering.set_wishes(
                    by=person(request),
                    meeting_id=meeting_id,
                    item_id=item_id,
                    version=data["version"],
                    needs=None if data["by_dossier"] else data["needs"],
                    heavy=data["heavy"],
                    guest_from=form.moment("guest_from", meeting.starts_at, zone),
                    guest_until=form.moment("guest_until", meeting.starts_at, zone),
                    command_id=data["command_id"],
                )
                return did(request, _order(request, meeting_id), _("Saved. The proposal was made anew."))
            except SHOWN as refusal:
                put_on(form, refusal)
                status = refusal.status
                renew(form, row.item.version)
    else:
        form = WishesForm.of(row.item, by_dossier, zone, offered=offered)
    context = {
        "form": form,
        "row": row,
        "by_dossier": [disciplines.words(code) for code in sorted(by_dossier)],
        "meeting": meeting,
        "board": meeting.board,
        "back": _order(request, meeting_id),
    }
    return render(request, "meetings/wishes.html", context, status=status)
