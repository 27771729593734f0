"""A board for its secretary: what was handed in, what waits, the next sittings; and the sittings themselves."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.db.models import Count, Q, Sum
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.backends.utils import csrf_input
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cases.access import access_referral_for_agenda, registers_own
from cases.links import unlinked
from cases.models import Referral
from mdo.directory import access as directory
from mdo.directory.access import Standing
from mdo.directory.middleware import is_id
from mdo.kernel.clock import now
from mdo.kernel.errors import NotFound, Refused
from mdo.kernel.ids import new_id
from meetings import access
from meetings.actions import agenda_building as building
from meetings.actions import planning
from meetings.delivering import showing as delivering
from meetings.delivering.letters import waiting_letters
from meetings.forms import (
    CommandForm,
    MoveSittingForm,
    ReturnForm,
    ScheduleForm,
    SeriesForm,
    SittingForm,
    VersionedForm,
    series_initial,
)
from meetings.models import AgendaItem, Meeting, Series
from meetings.series import usual_sitting
from meetings.views.showing import (
    SHOWN,
    carry_out,
    did,
    form_sentences,
    person,
    private,
    put_on,
    renew,
    sentences,
    trace,
)
from meetings.views.submissions import SORTS, Submission, Table, ordered, submissions

State = Meeting.State
_AHEAD = (State.PLANNED, State.PUBLISHED, State.RUNNING)
MOST_SITTINGS = 12


@private
@require_GET
def boards(request: HttpRequest) -> HttpResponse:
    """The boards on which one sits; whoever has just one lands on it. Requesters and guests find the meetings of their cases."""
    found = directory.visible_boards(person(request))
    if len(found) == 1:
        return HttpResponseRedirect(reverse("meetings:board", args=[found[0].board.pk]))
    since = now() - timedelta(hours=12)
    upcoming = (
        access.visible_meetings(person(request))
        .filter(state__in=(State.PUBLISHED, State.RUNNING), starts_at__gte=since)
        .select_related("board__organiser")
        .order_by("starts_at")[:20]
    )
    return render(request, "meetings/boards.html", {"boards": found, "meetings": list(upcoming)})


@private
@require_GET
def board(request: HttpRequest, board_id: UUID) -> HttpResponse:
    """One board. Who builds its agenda sees what was handed in; a partner's secretary sees the own hospital's."""
    return _board_page(request, _standing(request, board_id))


def _standing(request: HttpRequest, board_id: UUID) -> Standing:
    return directory.access_board_for(person(request), board_id, "see_agenda", ["agr", "pseudonyms"])


def _sittings(standing: Standing) -> Sequence[Meeting]:
    """The sittings that lie ahead or run, with what stands on them within one's reach."""
    counted = Q(items__state__in=(AgendaItem.State.SCHEDULED, AgendaItem.State.OPEN, AgendaItem.State.DISCUSSED))
    mine = counted & (Q(items__referral=None) | Q(items__hospital__in=standing.reach))
    found = Meeting.objects.filter(
        Q(starts_at__gte=now() - timedelta(hours=12)) | Q(state=State.RUNNING), board=standing.board, state__in=_AHEAD
    )
    counts = found.annotate(
        planned_items=Count("items", filter=mine),
        planned_minutes=Sum("items__minutes", filter=mine & Q(items__protocol="")),
    )
    rows = list(counts.order_by("starts_at")[:MOST_SITTINGS])
    for meeting in rows:
        meeting.board = standing.board
    return rows


def _board_page(
    request: HttpRequest, standing: Standing, *, errors: list[dict[str, str]] | None = None, status: int = 200
) -> HttpResponse:
    by = person(request)
    sittings = _sittings(standing)
    takers = [meeting for meeting in sittings if meeting.state in planning.MOVABLE]
    can_build = standing.permits("build_agenda")
    lists = standing.permits("build_agenda", ["proposes"])  # a partner's secretary, the own submissions
    sort = request.GET.get("sort", "")
    rows: list[Submission] = []
    if lists:
        rows = ordered(submissions(by, standing, takers), sort)
        trace(
            "board.listed",
            ((row.referral.hospital_id, row.referral.case_id) for row in rows),
            board=str(standing.board.pk),
        )
    past = Meeting.objects.filter(board=standing.board, state=State.CLOSED, imported=False).order_by("-starts_at")[:5]
    status_is = Referral.Status
    return render(
        request,
        "meetings/board.html",
        {
            "standing": standing,
            "board": standing.board,
            "can_build": can_build,
            "can_import": registers_own(standing),
            "to_accept": [row for row in rows if row.referral.status == status_is.SUBMITTED],
            "to_schedule": [row for row in rows if row.referral.status in (status_is.ACCEPTED, status_is.POSTPONED)],
            "returned": [row for row in rows if row.referral.status == status_is.RETURNED],
            "listed": bool(rows) or lists,
            "sittings": sittings,
            "takers": takers,
            "usual": usual_sitting(takers),
            "past": list(past),
            "series": list(Series.objects.filter(board=standing.board)) if can_build else [],
            "in_two_hospitals": unlinked(standing) if can_build else 0,
            "sort": sort,
            "stuck": delivering.stuck([standing], MOST_SITTINGS, letters=False),
            "letters": waiting_letters(standing),
            "errors": errors or [],
            "new_id": new_id,
            "table": Table(can_build=can_build, sort=sort, command_id=new_id(), csrf_input=csrf_input(request)),
            "now": now(),
        },
        status=status,
    )


# --- submissions -------------------------------------------------------------------------------------------------------


def _act(
    request: HttpRequest, standing: Standing, form: Form, words: str, act: Callable[[dict[str, Any]], object]
) -> HttpResponse:
    """Do something from the board's page, and show the page anew or with the refusal."""

    def page(errors: list[dict[str, str]], status: int) -> HttpResponse:
        return _board_page(request, standing, errors=errors, status=status)

    return carry_out(request, form, act, page, _back(request, standing), words)


def _back(request: HttpRequest, standing: Standing) -> str:
    sort = request.POST.get("sort", "")
    url = reverse("meetings:board", args=[standing.board.pk])
    return f"{url}?sort={sort}" if sort.removeprefix("-") in SORTS else url


@private
@require_POST
def accept(request: HttpRequest, board_id: UUID, referral_id: UUID) -> HttpResponse:
    return _act(
        request,
        _standing(request, board_id),
        VersionedForm(request.POST),
        _("Accepted."),
        lambda data: building.accept_referral(
            by=person(request), referral_id=referral_id, version=data["version"], command_id=data["command_id"]
        ),
    )


@private
@require_POST
def schedule(request: HttpRequest, board_id: UUID, referral_id: UUID) -> HttpResponse:
    """Put one case on the sitting that its button names."""
    return _act(
        request,
        _standing(request, board_id),
        ScheduleForm(request.POST),
        _("Put on the agenda."),
        lambda data: building.schedule_referral(
            by=person(request),
            meeting_id=data["meeting"],
            referral_id=referral_id,
            version=data["version"],
            item_id=data["item_id"],
            command_id=data["command_id"],
        ),
    )


@private
@require_POST
def bulk(request: HttpRequest, board_id: UUID) -> HttpResponse:
    """Accept, or put on a sitting, everything that was ticked; what is refused is named and the rest is done."""
    standing = _standing(request, board_id)
    form = CommandForm(request.POST)
    if not form.is_valid():
        return _board_page(request, standing, errors=form_sentences(form), status=422)
    chosen = [value.partition(":") for value in request.POST.getlist("referral")[:500]]
    meeting_id = is_id(request.POST.get("meeting", ""))
    scheduling = request.POST.get("do") == "schedule"
    if not chosen or (scheduling and meeting_id is None):
        words = _("Tick the cases first.") if not chosen else _("Choose a sitting.")
        return _board_page(request, standing, errors=[{"message": words}], status=422)
    by, done, refused = person(request), 0, list[dict[str, str]]()
    for text, _colon, version in chosen:
        referral_id = is_id(text)
        if referral_id is None or not version.isascii() or not version.isdecimal() or len(version) > 9:
            raise NotFound()
        # Each case is a command of its own, named after the one that was sent: a repetition finds all of them again.
        each = uuid5(form.cleaned_data["command_id"], str(referral_id))
        try:
            if scheduling and meeting_id is not None:
                building.schedule_referral(
                    by=by,
                    meeting_id=meeting_id,
                    referral_id=referral_id,
                    version=int(version),
                    item_id=uuid5(each, "item"),
                    command_id=each,
                )
            else:
                building.accept_referral(by=by, referral_id=referral_id, version=int(version), command_id=each)
            done += 1
        except SHOWN as refusal:
            refused += sentences(refusal)
    if refused and not done:
        return _board_page(request, standing, errors=refused, status=422)
    for each_refused in refused:
        messages.warning(request, each_refused["message"])
    if scheduling:
        words = ngettext("%(n)d case put on the agenda.", "%(n)d cases put on the agenda.", done)
    else:
        words = ngettext("%(n)d case accepted.", "%(n)d cases accepted.", done)
    return did(request, _back(request, standing), words % {"n": done})


@private
@require_http_methods(["GET", "POST"])
def give_back(request: HttpRequest, board_id: UUID, referral_id: UUID) -> HttpResponse:
    """Return a submission. The reason is filled in with what is missing, in the requester's language: nothing to type twice."""
    standing = _standing(request, board_id)
    referral = access_referral_for_agenda(person(request), referral_id)
    if referral.board_id != board_id:
        raise NotFound()
    trace("board.listed", [(referral.hospital_id, referral.case_id)], board=str(board_id))
    form = ReturnForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            data = form.cleaned_data
            try:
                building.return_referral(
                    by=person(request),
                    referral_id=referral_id,
                    version=data["version"],
                    reason=data["reason"],
                    command_id=data["command_id"],
                )
                return did(request, _back(request, standing), _("Returned. The requester gets a mail."))
            except SHOWN as refusal:
                put_on(form, refusal)
                status = refusal.status
                renew(form, Referral.objects.values_list("version", flat=True).get(pk=referral_id))
    else:
        form = ReturnForm(
            initial={"version": referral.version, "reason": _what_is_missing(request, standing, referral)}
        )
    context = {"form": form, "referral": referral, "board": standing.board, "patient": referral.case.patient}
    return render(request, "meetings/return.html", context, status=status)


def _what_is_missing(request: HttpRequest, standing: Standing, referral: Referral) -> str:
    with translation.override(referral.requester.language):
        rows = submissions(person(request), standing, [])
        missing = next((row.missing for row in rows if row.referral.pk == referral.pk), ())
        return _("Please complete: %(items)s.") % {"items": ", ".join(missing)} if missing else ""


# --- sittings ----------------------------------------------------------------------------------------------------------


def _building(request: HttpRequest, board_id: UUID) -> Standing:
    return directory.access_board_for(person(request), board_id, "build_agenda")


@private
@require_http_methods(["GET", "POST"])
def plan_sitting(request: HttpRequest, board_id: UUID) -> HttpResponse:
    """Plan one extra sitting."""
    standing = _building(request, board_id)
    board = standing.board
    status = 200
    if request.method == "POST":
        form, status = SittingForm(request.POST), 422
        if form.is_valid():
            data = form.cleaned_data
            try:
                planning.plan_sitting(
                    by=person(request),
                    board_id=board_id,
                    meeting_id=data["meeting_id"],
                    starts_at=form.starts_at(board.time_zone),
                    minutes=data["minutes"],
                    place=data["place"],
                    command_id=data["command_id"],
                )
                url = reverse("meetings:agenda", args=[data["meeting_id"]])
                return did(request, url, _("The sitting was planned."))
            except SHOWN as refusal:
                put_on(form, _at_day(refusal))
                status = refusal.status
    else:
        usual = Series.objects.filter(board=board).first()
        form = SittingForm(
            initial={
                "at": usual.local_time if usual else None,
                "minutes": usual.minutes if usual else 90,
                "place": board.place,
            }
        )
    context = {
        "form": form,
        "title": _("Extra sitting"),
        "submit": _("Plan the sitting"),
        "back": reverse("meetings:board", args=[board_id]),
        "board": board,
    }
    return render(request, "meetings/sitting.html", context, status=status)


def _at_day(refusal: Refused) -> Refused:
    """The form has a day and a time where the action has one moment."""
    errors = getattr(refusal, "errors", None)
    if errors and "starts_at" in errors:
        errors["day"] = errors.pop("starts_at")
    return refusal


@private
@require_http_methods(["GET", "POST"])
def move_sitting(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """Give a sitting another time or place."""
    meeting = access.access_meeting_for(person(request), meeting_id, "build_agenda", lock=False)
    back = reverse("meetings:agenda", args=[meeting_id])
    zone = meeting.board.time_zone
    status = 200
    if request.method == "POST":
        form, status = MoveSittingForm(request.POST), 422
        if form.is_valid():
            data = form.cleaned_data
            try:
                planning.move_sitting(
                    by=person(request),
                    meeting_id=meeting_id,
                    version=data["version"],
                    starts_at=form.starts_at(zone),
                    minutes=data["minutes"],
                    place=data["place"],
                    command_id=data["command_id"],
                )
                return did(request, back, _("The sitting was changed."))
            except SHOWN as refusal:
                put_on(form, _at_day(refusal))
                status = refusal.status
                renew(form, meeting.version)
    else:
        local = meeting.starts_at.astimezone(ZoneInfo(zone))
        form = MoveSittingForm(
            initial={
                "version": meeting.version,
                "day": local.date(),
                "at": local.time(),
                "minutes": int((meeting.ends_at - meeting.starts_at).total_seconds() // 60),
                "place": meeting.place,
            }
        )
    context = {
        "form": form,
        "title": _("Time and place"),
        "submit": _("Save"),
        "back": back,
        "board": meeting.board,
        "meeting": meeting,
    }
    return render(request, "meetings/sitting.html", context, status=status)


@private
@require_POST
def cancel_sitting(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    meeting = access.access_meeting_for(person(request), meeting_id, "build_agenda", lock=False)
    form = VersionedForm(request.POST)
    back = reverse("meetings:agenda", args=[meeting_id])
    if not form.is_valid():
        messages.error(request, form_sentences(form)[0]["message"])
        return did(request, back)
    data = form.cleaned_data
    try:
        planning.cancel_sitting(
            by=person(request), meeting_id=meeting_id, version=data["version"], command_id=data["command_id"]
        )
    except SHOWN as refusal:
        messages.error(request, refusal.message)
        return did(request, back)
    words = _("The sitting was called off. Everybody who was invited gets a mail.")
    return did(request, reverse("meetings:board", args=[meeting.board_id]), words)


@private
@require_http_methods(["GET", "POST"])
def series(request: HttpRequest, board_id: UUID) -> HttpResponse:
    """When the board sits: the first series of the board as a form, or a new one."""
    standing = _building(request, board_id)
    stored = Series.objects.filter(board=board_id).order_by("starts_on").first()
    initial = (
        series_initial(stored) if stored else {"rhythm": 1, "weekday": "WE", "minutes": 90, "holiday_policy": "skip"}
    )
    status = 200
    if request.method == "POST":
        form, status = SeriesForm(request.POST), 422
        if form.is_valid():
            data = form.cleaned_data
            try:
                planning.set_series(
                    by=person(request),
                    board_id=board_id,
                    series_id=data["series_id"],
                    rule=form.rule(),
                    starts_on=data["starts_on"],
                    ends_on=data["ends_on"],
                    local_time=data["at"],
                    minutes=data["minutes"],
                    holiday_policy=data["holiday_policy"],
                    command_id=data["command_id"],
                )
                return did(request, reverse("meetings:board", args=[board_id]), _("The sittings were planned."))
            except SHOWN as refusal:
                put_on(form, refusal)
                status = refusal.status
    else:
        form = SeriesForm(initial={"starts_on": directory.today(), **(initial or {})})
    context = {"form": form, "board": standing.board, "unreadable": bool(stored and initial is None)}
    return render(request, "meetings/series.html", context, status=status)


@private
@require_POST
def plan(request: HttpRequest, board_id: UUID) -> HttpResponse:
    """Make the sittings of the next weeks now, instead of waiting for the sweep."""
    standing = _building(request, board_id)
    form = CommandForm(request.POST)
    if not form.is_valid():
        return _board_page(request, standing, errors=form_sentences(form), status=422)
    try:
        done = planning.plan_sittings(by=person(request), board_id=board_id, command_id=form.cleaned_data["command_id"])
    except SHOWN as refusal:
        return _board_page(request, standing, errors=sentences(refusal), status=refusal.status)
    made = len(done.events)
    words = (
        ngettext("%(n)d sitting planned.", "%(n)d sittings planned.", made) % {"n": made}
        if made
        else _("Nothing to plan.")
    )
    return did(request, _back(request, standing), words)
