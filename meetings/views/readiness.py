"""How ready a board's next sitting is, asking again for what is missing, and how the board reminds."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cases import access as cases
from mdo.directory import access as directory
from mdo.directory.access import Standing, in_office
from mdo.directory.middleware import is_id
from mdo.directory.models import Person
from mdo.kernel.clock import now
from mdo.kernel.errors import NotFound
from mdo.kernel.ids import new_id
from meetings import access, missing, reminded
from meetings import readiness as ready
from meetings.actions import reminding
from meetings.forms import CommandForm, RemindersForm
from meetings.models import DigestLine, Meeting, ReminderSettings
from meetings.postponements import postponements
from meetings.series import usual_sitting
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


def _building(request: HttpRequest, board_id: UUID) -> Standing:
    return directory.access_board_for(person(request), board_id, "build_agenda")


@private
@require_GET
def readiness(request: HttpRequest, board_id: UUID) -> HttpResponse:
    """What endangers the next sitting of a board, or the one that ``?meeting=`` names."""
    return _page(request, _building(request, board_id))


def _page(
    request: HttpRequest, standing: Standing, *, errors: list[dict[str, str]] | None = None, status: int = 200
) -> HttpResponse:
    sittings = [each for each in missing.sittings_ahead(standing.board.pk) if each.starts_at > now()]
    meeting = _chosen(request, sittings)
    found = ready.readiness(person(request), standing, meeting) if meeting is not None else None
    if found is not None:
        trace("readiness.listed", found.readable, board=str(standing.board.pk))
    context = {
        "board": standing.board,
        "ready": found,
        "meeting": meeting,
        "tabs": _tabs(request, standing, sittings, meeting),
        "periods": postponements(standing.board, standing.reach),
        "errors": errors or [],
        "acting_for": acting_for(request),
        "new_id": new_id,
        "now": now(),
    }
    return render(request, "meetings/readiness.html", context, status=status)


def _chosen(request: HttpRequest, sittings: list[Meeting]) -> Meeting | None:
    """The sitting that is asked for, else the very next: what is near is endangered first."""
    wanted = is_id(request.GET.get("meeting", "") or request.POST.get("meeting", ""))
    if wanted is None:
        return next(iter(sittings), None)
    found = next((each for each in sittings if each.pk == wanted), None)
    if found is None:
        raise NotFound()
    return found


def _tabs(
    request: HttpRequest, standing: Standing, sittings: list[Meeting], meeting: Meeting | None
) -> list[dict[str, Any]]:
    """The next sittings, to go from one to the other."""
    here = reverse("meetings:readiness", args=[standing.board.pk])
    return [{"meeting": each, "url": f"{here}?meeting={each.pk}", "current": each == meeting} for each in sittings[:4]]


@private
@require_POST
def ask_again(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """Ask again for everything that the cases of this sitting miss."""
    by = person(request)
    meeting = access.access_meeting_for(by, meeting_id, "build_agenda", lock=False)
    form = CommandForm(request.POST)
    back = f"{reverse('meetings:readiness', args=[meeting.board_id])}?meeting={meeting_id}"

    def page(errors: list[dict[str, str]], status: int) -> HttpResponse:
        return _page(request, _building(request, meeting.board_id), errors=errors, status=status)

    return carry_out(
        request,
        form,
        lambda data: reminding.ask_again(by=by, meeting_id=meeting_id, command_id=data["command_id"]),
        page,
        back,
        lambda: _how_many(meeting),
    )


def _how_many(meeting: Meeting) -> str:
    """How many were asked, and how many of them get it tomorrow."""
    hours = reminded.manner_of(meeting).hours
    today = hours.day(now())
    lines = DigestLine.objects.filter(meeting=meeting, kind="ask", occasion=reminding.again_today(today))
    days = [hours.day(due_at) for due_at in lines.values_list("delivery__due_at", flat=True) if due_at is not None]
    soon, later = sum(day <= today for day in days), sum(day > today for day in days)
    words = ngettext("%(n)d person is asked in a digest now.", "%(n)d people are asked in a digest now.", soon) % {
        "n": soon
    }
    if not later:
        return words
    text = ngettext(
        "%(n)d gets it tomorrow: one digest a day is enough, and nothing goes out in the quiet hours.",
        "%(n)d get it tomorrow: one digest a day is enough, and nothing goes out in the quiet hours.",
        later,
    )
    return f"{words} {text % {'n': later}}" if soon else text % {"n": later}


@private
@require_GET
def asked(request: HttpRequest, case_id: UUID, referral_id: UUID) -> HttpResponse:
    """Who is asked for what a case misses before one board, and until when: a part of the case's page."""
    by = person(request)
    case = cases.access_case_for_reading(by, case_id)
    referral = cases.visible_referrals(by).filter(pk=referral_id, case=case).select_related("requester").first()
    if referral is None:
        raise NotFound()
    here = cases.place(by, case)
    if here.is_guest or here.pseudonyms:
        raise NotFound()
    referral.case = case
    meeting = _sitting_of(referral.pk, referral.board_id, referral.wanted_meeting)
    gaps: tuple[missing.Gap, ...] = ()
    people: dict[UUID, Person] = {referral.requester_id: referral.requester}
    if meeting is not None:
        roles = list(in_office(meeting.board))
        people |= {role.person_id: role.person for role in roles}
        gaps = missing.gaps(referral, meeting, missing.colleagues(roles), get_language())
    rows = [{"gap": gap, "asked": [people[each] for each in gap.asked]} for gap in gaps]
    context = {"rows": rows, "may_answer": here.permits("submit"), "case": case, "acting_for": acting_for(request)}
    return render(request, "meetings/_asked.html", context)


def _sitting_of(referral_id: UUID, board_id: UUID, wanted: UUID | None) -> Meeting | None:
    """The sitting for which a case is meant: that of its place on an agenda, the one that was wished for, or the usual one."""
    ahead = missing.sittings_ahead(board_id)
    on = Meeting.objects.filter(
        items__referral=referral_id, items__state="scheduled", pk__in=[each.pk for each in ahead]
    )
    standing_on = set(on.values_list("pk", flat=True))
    for meeting in ahead:
        if meeting.pk in standing_on:
            return meeting
    return next((each for each in ahead if each.pk == wanted), None) or usual_sitting(ahead)


# --- how the board reminds ---------------------------------------------------------------------------------------------


@private
@require_http_methods(["GET", "POST"])
def reminders(request: HttpRequest, board_id: UUID) -> HttpResponse:
    """The rules by which a board reminds: which, how long before or after, to whom; and its quiet hours."""
    standing = _building(request, board_id)
    board = standing.board
    stored = ReminderSettings.objects.filter(board=board).first()
    manner = reminded.manner_from(board.kind, board.time_zone, stored)
    version = stored.version if stored is not None else 0
    status = 200
    if request.method == "POST":
        form, status = RemindersForm(request.POST, manner=manner, version=version), 422
        if form.is_valid():
            data = form.cleaned_data
            try:
                reminding.set_reminders(
                    by=person(request),
                    board_id=board_id,
                    version=data["version"],
                    rules=form.rules(),
                    send_at=data["send_at"],
                    quiet_from=data["quiet_from"],
                    quiet_until=data["quiet_until"],
                    command_id=data["command_id"],
                )
            except SHOWN as refusal:
                put_on(form, refusal)
                status = refusal.status
                renew(form, version)
            else:
                messages.success(request, _("Saved. What did not go out yet follows these rules."))
                return did(request, reverse("meetings:readiness", args=[board_id]) + acting_for(request))
    else:
        form = RemindersForm(manner=manner, version=version)
    return render(request, "meetings/reminders.html", {"form": form, "board": board}, status=status)
