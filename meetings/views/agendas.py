"""The agenda of one meeting: built by its secretary, read by everybody who takes part, printed."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import F
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.backends.utils import csrf_input
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from cases.access import visible_referrals
from cases.dossiers.board_kinds import board_kind
from cases.models import Referral
from mdo.directory.access import in_office
from mdo.directory.middleware import is_id
from mdo.directory.models import BoardRole
from mdo.kernel import dates
from mdo.kernel.errors import Invalid
from mdo.kernel.ids import new_id
from meetings import access, preparing
from meetings.access import Chair
from meetings.actions import agenda_building as building
from meetings.actions import ordering, replying, sitting
from meetings.delivering import access as delivering
from meetings.expected import deputies, expected
from meetings.forms import (
    AddReferralForm,
    BreakForm,
    MinutesForm,
    MoveItemForm,
    PostponeForm,
    ReplyForm,
    TopicForm,
    VersionedForm,
)
from meetings.invited import invited
from meetings.models import AgendaItem, Decision, Meeting, Reply, Report
from meetings.registering import access as registering
from meetings.registering import reading
from meetings.series import deadline
from meetings.views.agenda_lines import Shown, Table, lines
from meetings.views.rows import Row, agenda_for
from meetings.views.showing import (
    acting_for,
    carry_out,
    person,
    private,
    trace,
)
from meetings.views.submissions import missing_words

State = Meeting.State
MOST_CANDIDATES = 200


@private
@require_GET
def agenda(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """The agenda as one may see it; with what it takes to build it for those who do."""
    meeting, place = access.access_meeting_for_reading(person(request), meeting_id)
    return _page(request, meeting, place)


def _page(
    request: HttpRequest,
    meeting: Meeting,
    place: Chair,
    *,
    errors: list[dict[str, str]] | None = None,
    status: int = 200,
    topic: TopicForm | None = None,
    adding: AddReferralForm | None = None,
    typed: dict[str, str] | None = None,
) -> HttpResponse:
    by = person(request)
    can_build = place.permits("build_agenda")
    editable = can_build and meeting.state in (State.PLANNED, State.PUBLISHED)
    shown = agenda_for(by, meeting, place, tumours=editable)
    trace("agenda.listed", shown.readable, meeting=str(meeting.pk))
    decisions: dict[UUID, Decision] = {}
    if meeting.state in (State.RUNNING, State.CLOSED) and not place.is_guest:
        found = access.visible_decisions(by).filter(meeting=meeting).exclude(state=Decision.State.DRAFT)
        for decision in (
            found.exclude(state=Decision.State.REPLACED).only("pk", "state", "item_id", "version").order_by("version")
        ):
            decisions[decision.item_id] = decision
    kind = board_kind(meeting.board.kind)
    can_invite = place.permits("run")
    own_rows = [row for row in shown.rows if place.is_guest or not row.covered]
    language = get_language()
    context: dict[str, Any] = {
        "meeting": meeting,
        "board": meeting.board,
        "place": place,
        "agenda": shown,
        "lines": lines(
            meeting,
            [
                Shown(
                    row,
                    decisions.get(row.item.pk),
                    (typed or {}).get(str(row.item.pk)),
                    missing_words(row.referral, kind, language) if editable and row.referral and row.waits else (),
                )
                for row in own_rows
            ],
            can_invite=can_invite,
            acting_for=acting_for(request),
        ),
        "table": Table(
            editable=editable,
            is_guest=place.is_guest,
            closed=meeting.state == State.CLOSED,
            command_id=new_id(),
            csrf_input=csrf_input(request),
            reasons=tuple(kind.choices("postponement_reasons", language)),
            reason_for_deceased=kind.reason_for_deceased,
        ),
        "covered": [(row, decisions.get(row.item.pk)) for row in shown.rows if row.covered and not place.is_guest],
        "editable": editable,
        "can_build": can_build,
        "prepares": meeting.state in (State.PLANNED, State.PUBLISHED, State.RUNNING)
        and place.standing.permits("prepare", {"agr"})
        and (can_build or preparing.prepares(by.discipline)),
        "can_invite": can_invite,
        "may_deliver": bool(delivering.hospitals(place.standing)),
        "joinable": meeting.state in (State.PUBLISHED, State.RUNNING) or (can_build and meeting.state == State.PLANNED),
        "errors": errors or [],
        "new_id": new_id,
        "acting_for": acting_for(request),
        "deadline": deadline(meeting),
        "restorable": editable and ordering.may_be_restored(meeting, [row.item for row in shown.rows]),
        "breakable": _breakable(shown.rows) if editable else [],
        "break_url": reverse("meetings:plan_break", args=[meeting.pk]) + acting_for(request),
        "over": shown.forecast is not None and shown.forecast.end > meeting.ends_at,
    }
    roles: list[BoardRole] = []
    if meeting.state in (State.PLANNED, State.PUBLISHED) and not place.is_guest:
        roles = in_office(meeting.board)
        if place.permits("join", ["agr", "invited"]):
            own = Reply.objects.select_related("deputy").filter(meeting=meeting, person=by).first()
            context |= {"own_reply": own, "may_reply": True, "deputies": deputies(roles, by)}
    if editable:
        if (
            adding is not None or request.GET.get("panels") == "all"
        ):  # what was typed comes back with its list; or no script
            context |= _beside(request, meeting, roles)
        context |= {
            "topic_form": topic or TopicForm(initial={"minutes": kind.minutes_per_topic}, prefix=None),
            "adding": adding or AddReferralForm(initial={"minutes": meeting.board.minutes_per_item}),
            "invited": len(invited(meeting, roles)),
        }
    if meeting.state == State.CLOSED and access.may_read_minutes(place, meeting):
        context["minutes"] = _minutes(meeting)
    if meeting.state == State.CLOSED and reading.registers(meeting.board, reading.held_on(meeting, meeting.board)):
        context["registers"] = registering.may_register(place)
    return render(request, "meetings/agenda.html", context, status=status)


@private
@require_GET
def panels(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """What stands beside an agenda for whoever builds it: what could come onto it, and who comes. Fetched once the agenda is there."""
    meeting = access.access_meeting_for(person(request), meeting_id, "build_agenda", lock=False)
    context = _beside(request, meeting, in_office(meeting.board))
    context |= {
        "meeting": meeting,
        "board": meeting.board,
        "acting_for": acting_for(request),
        "adding": AddReferralForm(initial={"minutes": meeting.board.minutes_per_item}),
        "new_id": new_id,
    }
    return render(request, "meetings/_agenda_panels.html", context)


def _beside(request: HttpRequest, meeting: Meeting, roles: list[BoardRole]) -> dict[str, Any]:
    return {"beside": True, "candidates": _candidates(request, meeting), "coming": expected(meeting, roles)}


def _breakable(rows: list[Row]) -> list[tuple[str, str]]:
    """After which items a break can be planned: the value of each choice, and its words."""
    found = [row for row in rows if row.waits and not row.covered and not row.item.parked][:-1]
    return [
        (
            f"{row.item.pk}:{row.item.version}",
            f"{row.number} · {dates.local(row.expected_at, 'H:i') if row.expected_at else ''} · {row.name}",
        )
        for row in found
    ]


def _candidates(request: HttpRequest, meeting: Meeting) -> list[tuple[str, str]]:
    """What could come onto this agenda: handed in, accepted or postponed, not standing here. The value of each choice, and its words."""
    waiting = (Referral.Status.SUBMITTED, Referral.Status.ACCEPTED, Referral.Status.POSTPONED)
    here = AgendaItem.objects.filter(meeting=meeting, referral__isnull=False, state=AgendaItem.State.SCHEDULED)
    found = visible_referrals(person(request)).filter(board=meeting.board_id, status__in=waiting)
    rows = (
        found.exclude(pk__in=here.values("referral"))
        .annotate(in_short=F("hospital__short_name"))
        .select_related("case__patient")
        .only(
            "version",
            "status",
            "hospital",
            *(f"case__patient__{name}" for name in ("family_name", "given_name", "birth_date")),
        )
        .order_by("submitted_at", "pk")[:MOST_CANDIDATES]
    )
    trace("agenda.candidates_listed", ((each.hospital_id, each.case_id) for each in rows), meeting=str(meeting.pk))
    statuses = {value: str(label) for value, label in Referral.Status.choices}
    choices = []
    for each in rows:
        patient = each.case.patient
        words = f"{patient.display_name}, {patient.birth_date.year} · {each.in_short} · {statuses[each.status]}"
        choices.append((f"{each.pk}:{each.version}", words))
    return choices


def _minutes(meeting: Meeting) -> Report | None:
    return (
        Report.objects.filter(meeting=meeting, kind=Report.Kind.MINUTES)
        .exclude(storage_name="")
        .order_by("-created_at")
        .first()
    )


# --- building ----------------------------------------------------------------------------------------------------------


def _do(
    request: HttpRequest,
    meeting_id: UUID,
    form: Form,
    act: Callable[[dict[str, Any]], object],
    words: str = "",
    **shown: Any,
) -> HttpResponse:
    """Do something to the agenda and show it anew, or with the refusal and what was typed, as it stands now."""

    def page(errors: list[dict[str, str]], status: int) -> HttpResponse:
        meeting, place = access.access_meeting_for_reading(person(request), meeting_id)
        return _page(request, meeting, place, errors=errors, status=status, **shown)

    url = reverse("meetings:agenda", args=[meeting_id]) + acting_for(request)
    return carry_out(request, form, act, page, url, words)


@private
@require_POST
def publish(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    return _do(
        request,
        meeting_id,
        VersionedForm(request.POST),
        lambda data: building.publish_meeting(
            by=person(request), meeting_id=meeting_id, version=data["version"], command_id=data["command_id"]
        ),
        _("Published. The invitations are on their way."),
    )


@private
@require_POST
def reply(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """Say whether one comes, or who comes instead."""
    form = ReplyForm(request.POST)
    meeting, _place = access.access_meeting_for_reading(person(request), meeting_id)
    zone = meeting.board.time_zone
    return _do(
        request,
        meeting_id,
        form,
        lambda data: replying.answer_invitation(
            by=person(request),
            meeting_id=meeting_id,
            answer=data["answer"],
            deputy=data["deputy"],
            can_from=form.moment("can_from", meeting.starts_at, zone),
            can_until=form.moment("can_until", meeting.starts_at, zone),
            command_id=data["command_id"],
        ),
        _("Thank you: the secretariat knows."),
    )


def _named(text: str, field: str, wrong: str) -> tuple[UUID, int]:
    """Id and version out of what a list sends (``id:version``). Raises ``Invalid`` with the sentence ``wrong``."""
    text, _colon, version = text.partition(":")
    found = is_id(text)
    if found is None or not version.isascii() or not version.isdecimal() or len(version) > 9:
        raise Invalid({field: [wrong]})
    return found, int(version)


@private
@require_POST
def add(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """Put a waiting case on this agenda."""
    form = AddReferralForm(request.POST)

    def act(data: dict[str, Any]) -> None:
        referral_id, version = _named(data["referral"], "referral", _("Choose a case from the list."))
        building.schedule_referral(
            by=person(request),
            meeting_id=meeting_id,
            referral_id=referral_id,
            version=version,
            item_id=data["item_id"],
            minutes=data["minutes"],
            command_id=data["command_id"],
        )

    return _do(request, meeting_id, form, act, _("Put on the agenda."), adding=form)


@private
@require_POST
def add_topic(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    form = TopicForm(request.POST)
    return _do(
        request,
        meeting_id,
        form,
        lambda data: building.add_topic(
            by=person(request),
            meeting_id=meeting_id,
            item_id=data["item_id"],
            title=data["title"],
            minutes=data["minutes"],
            command_id=data["command_id"],
        ),
        _("Put on the agenda."),
        topic=form,
    )


@private
@require_POST
def set_minutes(request: HttpRequest, meeting_id: UUID, item_id: UUID) -> HttpResponse:
    return _do(
        request,
        meeting_id,
        MinutesForm(request.POST),
        lambda data: building.set_minutes(
            by=person(request),
            meeting_id=meeting_id,
            item_id=item_id,
            version=data["version"],
            minutes=data["minutes"],
            command_id=data["command_id"],
        ),
        typed={str(item_id): request.POST.get("minutes", "")[:10]},
    )


@private
@require_POST
def move_item(request: HttpRequest, meeting_id: UUID, item_id: UUID) -> HttpResponse:
    return _do(
        request,
        meeting_id,
        MoveItemForm(request.POST),
        lambda data: sitting.move_item(
            by=person(request),
            meeting_id=meeting_id,
            item_id=item_id,
            to=data["to"],
            version=data["version"],
            command_id=data["command_id"],
        ),
    )


@private
@require_POST
def remove_item(request: HttpRequest, meeting_id: UUID, item_id: UUID) -> HttpResponse:
    return _do(
        request,
        meeting_id,
        VersionedForm(request.POST),
        lambda data: building.unschedule(
            by=person(request),
            meeting_id=meeting_id,
            item_id=item_id,
            version=data["version"],
            command_id=data["command_id"],
        ),
        _("Taken off the agenda."),
    )


@private
@require_POST
def plan_break(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """Plan a break after an item, or take it away (no minutes)."""

    def act(data: dict[str, Any]) -> None:
        item_id, version = _named(data["item"], "item", _("Choose an item from the list."))
        ordering.plan_break(
            by=person(request),
            meeting_id=meeting_id,
            item_id=item_id,
            version=version,
            minutes=data["minutes"],
            command_id=data["command_id"],
        )

    return _do(request, meeting_id, BreakForm(request.POST), act)


@private
@require_POST
def postpone_item(request: HttpRequest, meeting_id: UUID, item_id: UUID) -> HttpResponse:
    """Postpone an item before the sitting, with a coded reason: its case waits again."""
    return _do(
        request,
        meeting_id,
        PostponeForm(request.POST),
        lambda data: sitting.postpone_item(
            by=person(request),
            meeting_id=meeting_id,
            item_id=item_id,
            version=data["version"],
            reason=data["reason"],
            command_id=data["command_id"],
        ),
        _("Postponed: the case waits for another sitting."),
    )
