"""Sittings: made from the board's series, planned one by one, moved, called off."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.utils.translation import gettext as _

from cases import states
from cases.models import Referral
from mdo.directory import access as directory
from mdo.directory.models import Board
from mdo.kernel.acting import Actor
from mdo.kernel.action import action, granted, note
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.events import Event
from mdo.kernel.ids import new_id
from meetings import access, recurrence
from meetings import series as sittings
from meetings.actions import inviting, mailing, reminding
from meetings.actions.agenda_building import locked_referral
from meetings.events import ItemPostponed, MeetingBreaksSet, MeetingCancelled, MeetingMoved, MeetingPlanned
from meetings.models import AgendaItem, Meeting, Series

SHORTEST, LONGEST = 10, 600  # minutes
LONGEST_WITHOUT_BREAK, LONGEST_BREAK = 480, 60  # minutes
FARTHEST = timedelta(days=731)
EARLIEST, LATEST = date(2000, 1, 1), date(2099, 12, 31)  # a series may have begun long before the product did
MOVABLE = (Meeting.State.PLANNED, Meeting.State.PUBLISHED)


# --- the series --------------------------------------------------------------------------------------------------------


@action("series.set", row="build_agenda")
def set_series(
    *,
    by: Actor,
    board_id: UUID,
    series_id: UUID,
    rule: str,
    starts_on: date,
    ends_on: date | None,
    local_time: time,
    minutes: int,
    holiday_policy: str,
    command_id: UUID,
) -> tuple[Event, ...]:
    """Say when the board sits: a new series, or a change of one. Effects: the sittings of the next 8 weeks are made. Sittings
    that were made before keep their time. Refused with a rule that gives no dates."""
    board = access.access_board_for_planning(by, board_id)
    _check_length(minutes)
    if not EARLIEST <= starts_on <= LATEST:
        raise Invalid({"starts_on": [_("Choose a day of this century.")]})
    if ends_on is not None and ends_on < starts_on:
        raise Invalid({"ends_on": [_("The last day lies before the first.")]})
    if holiday_policy not in Series.OnHoliday:
        raise Invalid({"holiday_policy": [_("Choose from the list.")]})
    try:
        recurrence.check_rule(rule, starts_on)
    except recurrence.RuleError as error:
        raise Invalid({"rule": [_("These days give no sitting.")]}) from error
    series = Series.objects.select_for_update().filter(pk=series_id).first() or Series(pk=series_id, board=board)
    if series.board_id != board.pk:
        raise NotFound()
    series.board = board
    series.rule, series.starts_on, series.ends_on = rule, starts_on, ends_on
    series.local_time, series.minutes, series.holiday_policy = local_time, minutes, holiday_policy
    series.save()
    note(series_id=str(series.pk))
    return _plan(series)


@action("board.set_breaks", row="build_agenda")
def set_breaks(
    *, by: Actor, board_id: UUID, break_after: int, break_minutes: int, command_id: UUID
) -> tuple[Event, ...]:
    """Say after how many minutes the board takes a break (0: never) and how long one lasts. Effects: what is proposed from now on, and
    when an open room speaks of a break; the audit row holds what was there before. Breaks that stand on an agenda stay. Refused:
    ``Invalid`` for minutes that no sitting has."""
    board = access.access_board_for_planning(by, board_id)
    errors: dict[str, list[str]] = {}
    if break_after and not SHORTEST <= break_after <= LONGEST_WITHOUT_BREAK:
        limits = {"from": SHORTEST, "to": LONGEST_WITHOUT_BREAK}
        errors["break_after"] = [_("Between %(from)d and %(to)d minutes, or 0 for no break.") % limits]
    if not 1 <= break_minutes <= LONGEST_BREAK:
        errors["break_minutes"] = [_("Between 1 and %(n)d minutes.") % {"n": LONGEST_BREAK}]
    if errors:
        raise Invalid(errors)
    # Not its key: the running room, whose meeting is waited for below, writes rows of the board meanwhile.
    board = Board.objects.select_for_update(of=("self",), no_key=True).get(pk=board.pk)
    note(board_id=str(board.pk), after=break_after, minutes=break_minutes)
    if (board.break_after, board.break_minutes) == (break_after, break_minutes):
        return ()
    note(after_before=board.break_after, minutes_before=board.break_minutes)
    board.break_after, board.break_minutes = break_after, break_minutes
    board.save(update_fields=["break_after", "break_minutes"])
    ahead = Meeting.objects.select_for_update(of=("self",)).filter(
        board=board, state__in=(*MOVABLE, Meeting.State.RUNNING)
    )
    return tuple(
        MeetingBreaksSet(meeting_id=meeting.pk, after=break_after, minutes=break_minutes)
        for meeting in ahead.order_by("id")
    )


@action("meeting.plan_series", row="build_agenda")
def plan_sittings(*, by: Actor, board_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Make the sittings of the next 8 weeks of a board's series, each once. Effects: planned meetings with their reminders."""
    board = access.access_board_for_planning(by, board_id)
    all_series = Series.objects.select_for_update().filter(board=board).order_by("id")
    events: list[Event] = []
    for series in all_series:
        series.board = board
        events += _plan(series)
    return tuple(events)


@action("meeting.plan_due", row="system")
def plan_due(*, by: Actor, series_id: UUID) -> tuple[Event, ...]:
    """The same for one series, by the sweep."""
    directory.require_system(by)
    series = Series.objects.select_for_update(of=("self",)).select_related("board").get(pk=series_id)
    granted("system", hospital_id=series.board.organiser_id)
    return _plan(series)


def _plan(series: Series) -> tuple[Event, ...]:
    try:
        missing = sittings.missing(series)
    except recurrence.RuleError as error:
        raise RuleBroken(_("The series of this board cannot be read: %(why)s") % {"why": error}) from error
    events = []
    for sitting in missing:
        meeting = Meeting(
            id=new_id(),
            hospital_id=series.board.organiser_id,
            board=series.board,
            series=series,
            series_day=sitting.day,
            starts_at=sitting.starts_at,
            ends_at=sitting.ends_at,
            place=series.board.place,
        )
        meeting.save(force_insert=True)
        reminding.plan_reminders(meeting)
        events.append(MeetingPlanned(meeting_id=meeting.pk, board_id=series.board_id, version=meeting.version))
    return tuple(events)


# --- one sitting -------------------------------------------------------------------------------------------------------


@action("meeting.plan", row="build_agenda")
def plan_sitting(
    *, by: Actor, board_id: UUID, meeting_id: UUID, starts_at: datetime, minutes: int, place: str = "", command_id: UUID
) -> tuple[Event, ...]:
    """Plan one extra sitting. Effects: a planned meeting with its reminders. Refused in the past."""
    board: Board = access.access_board_for_planning(by, board_id)
    _check_moment(starts_at)
    _check_length(minutes)
    if Meeting.objects.filter(pk=meeting_id).exists():
        raise RuleBroken(_("This sitting was planned already."))
    meeting = Meeting(
        id=meeting_id,
        hospital_id=board.organiser_id,
        board=board,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=minutes),
        place=_place(place) or board.place,
    )
    meeting.save(force_insert=True)
    reminding.plan_reminders(meeting)
    return (MeetingPlanned(meeting_id=meeting.pk, board_id=board.pk, version=meeting.version),)


@action("meeting.move", row="build_agenda")
def move_sitting(
    *, by: Actor, meeting_id: UUID, version: int, starts_at: datetime, minutes: int, place: str, command_id: UUID
) -> tuple[Event, ...]:
    """Give a sitting another time, length or place. Effects: the reminders move along; when it was published, everybody who is
    invited gets the invitation again with a higher sequence. Refused once it runs or is over, and in the past."""
    meeting = access.access_meeting_for(by, meeting_id, "build_agenda")
    _movable(meeting, version)
    if starts_at != meeting.starts_at:
        _check_moment(starts_at)
    _check_length(minutes)
    meeting.starts_at, meeting.ends_at = starts_at, starts_at + timedelta(minutes=minutes)
    meeting.place = _place(place)
    meeting.version += 1
    if meeting.state == Meeting.State.PUBLISHED:
        meeting.calendar_sequence += 1
    meeting.save(update_fields=["starts_at", "ends_at", "place", "version", "calendar_sequence"])
    reminding.plan_reminders(meeting, again=True)
    if meeting.state == Meeting.State.PUBLISHED:
        mailing.invite(meeting)
    inviting.follow(meeting)
    return (MeetingMoved(meeting_id=meeting.pk, version=meeting.version),)


@action("meeting.cancel", row="build_agenda")
def cancel_sitting(*, by: Actor, meeting_id: UUID, version: int, command_id: UUID) -> tuple[Event, ...]:
    """Call a sitting off. Effects: its cases wait for another sitting again, reminders are dropped, everybody who was invited
    gets a cancellation for their calendar. Refused once it runs or is over."""
    meeting = access.access_meeting_for(by, meeting_id, "build_agenda")
    _movable(meeting, version)
    events: list[Event] = []
    for item in AgendaItem.objects.filter(meeting=meeting, state=AgendaItem.State.SCHEDULED).order_by("position"):
        item.state, item.postponed_reason = AgendaItem.State.POSTPONED, "other"
        item.postponed_note = _("The sitting was called off.")
        item.version += 1
        item.save(update_fields=["state", "postponed_reason", "postponed_note", "version"])
        events.append(ItemPostponed(meeting_id=meeting.pk, item_id=item.pk, reason="other", version=item.version))
        referral = locked_referral(item)
        if referral is not None and referral.status == Referral.Status.SCHEDULED:
            events.append(states.move(referral, Referral.Status.POSTPONED))
    meeting.state = Meeting.State.CANCELLED
    meeting.version += 1
    meeting.calendar_sequence += 1
    meeting.save(update_fields=["state", "version", "calendar_sequence"])
    reminding.drop_reminders(meeting, "called_off")
    mailing.call_off(meeting)
    inviting.end_all(meeting, now())
    return (*events, MeetingCancelled(meeting_id=meeting.pk, version=meeting.version))


def _movable(meeting: Meeting, version: int) -> None:
    if meeting.state not in MOVABLE:
        raise RuleBroken(_("This sitting runs already or is over."))
    if meeting.version != version:
        raise Stale(_("Somebody else changed this sitting. Look again."), current=meeting.version)


def _check_moment(starts_at: datetime) -> None:
    if starts_at <= now():
        raise Invalid({"starts_at": [_("Choose a moment that lies ahead.")]})
    if starts_at > now() + FARTHEST:
        raise Invalid({"starts_at": [_("Choose a moment within two years.")]})


def _check_length(minutes: int) -> None:
    if not SHORTEST <= minutes <= LONGEST:
        raise Invalid(
            {"minutes": [_("Give between %(least)d and %(most)d minutes.") % {"least": SHORTEST, "most": LONGEST}]}
        )


def _place(place: str) -> str:
    place = " ".join(place.split())
    if len(place) > 200:
        raise Invalid({"place": [_("Keep the place within 200 characters.")]})
    return place
