"""Series and sittings: planned once, moved, called off."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse

from cases.models import Referral
from mdo.kernel import clock
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from meetings import series
from meetings.actions import planning
from meetings.actions.sitting import open_item
from meetings.events import MeetingBreaksSet
from meetings.models import AgendaItem, Delivery, Meeting, Reminder, Series, SeriesException
from tests.cast import Cast, acting_as
from tests.factories import make_item, make_meeting, make_referral, writing
from tests.meetings.acts import HOUSE, audited, begin_beside, by_house, call, house

BRUSSELS = ZoneInfo("Europe/Brussels")
# A Monday; in the eight weeks that follow the clock goes to winter time (25 October) and All Saints' is a Sunday, the
# Armistice (11 November) a Wednesday.
MONDAY = datetime(2026, 10, 5, 9, tzinfo=BRUSSELS)


@pytest.fixture
def wednesdays(cast: Cast) -> Series:
    return Series.objects.create(
        board=cast.board, rule="FREQ=WEEKLY;BYDAY=WE", starts_on=date(2026, 1, 1), local_time=time(14), minutes=90
    )


def test_the_sweep_makes_eight_weeks_once(cast: Cast, wednesdays: Series) -> None:
    with clock.frozen(MONDAY):
        done = by_house(planning.plan_due, series_id=wednesdays.pk)
        assert [event.name for event in done.events] == ["meeting.planned"] * 7
        assert by_house(planning.plan_due, series_id=wednesdays.pk).events == ()
        with house():
            assert series.missing(wednesdays) == []
    local = [each.starts_at.astimezone(BRUSSELS) for each in Meeting.objects.order_by("starts_at")]
    days = [(moment.month, moment.day) for moment in local]
    assert days == [(10, 7), (10, 14), (10, 21), (10, 28), (11, 4), (11, 18), (11, 25)]  # 11 November is a holiday
    assert {moment.time() for moment in local} == {time(14)}  # also after the change of the clock
    assert audited("meeting.plan_due")[0] == (HOUSE.actor_id, cast.organiser.pk, "ok")


def test_a_sitting_that_was_moved_or_called_off_is_not_made_again(cast: Cast, wednesdays: Series) -> None:
    with clock.frozen(MONDAY):
        by_house(planning.plan_due, series_id=wednesdays.pk)
        first, second = Meeting.objects.order_by("starts_at")[:2]
        moved = {"version": 1, "starts_at": first.starts_at + timedelta(days=1), "minutes": 60, "place": ""}
        call(planning.move_sitting, cast.secretary, meeting_id=first.pk, **moved)
        call(planning.cancel_sitting, cast.secretary, meeting_id=second.pk, version=1)
        assert call(planning.plan_sittings, cast.secretary, board_id=cast.board.pk).events == ()
    assert Meeting.objects.count() == 7


def test_an_exception_of_the_series(cast: Cast, wednesdays: Series) -> None:
    SeriesException.objects.create(series=wednesdays, on=date(2026, 10, 7))
    SeriesException.objects.create(
        series=wednesdays, on=date(2026, 10, 14), moved_to=datetime(2026, 10, 15, 8, tzinfo=BRUSSELS)
    )
    with clock.frozen(MONDAY):
        by_house(planning.plan_due, series_id=wednesdays.pk)
    first = Meeting.objects.order_by("starts_at")[0]
    assert (first.series_day, first.starts_at) == (date(2026, 10, 14), datetime(2026, 10, 15, 8, tzinfo=BRUSSELS))


def test_a_holiday_may_move_the_sitting(cast: Cast, wednesdays: Series) -> None:
    wednesdays.holiday_policy = "later"
    wednesdays.save()
    with clock.frozen(MONDAY):
        by_house(planning.plan_due, series_id=wednesdays.pk)
    assert Meeting.objects.get(series_day=date(2026, 11, 11)).starts_at.astimezone(BRUSSELS).date() == date(
        2026, 11, 12
    )


def test_only_the_house_plans_what_is_due(cast: Cast, wednesdays: Series) -> None:
    from tests.cast import acting_as

    with pytest.raises(Denied), acting_as(cast.secretary) as person:
        planning.plan_due(by=person, series_id=wednesdays.pk)


def set_series(cast: Cast, by: Any = None, **arguments: Any) -> Any:
    values: dict[str, Any] = {
        "board_id": cast.board.pk,
        "series_id": new_id(),
        "rule": "FREQ=WEEKLY;BYDAY=WE",
        "starts_on": date(2026, 10, 1),
        "ends_on": None,
        "local_time": time(14),
        "minutes": 90,
        "holiday_policy": "skip",
    }
    return call(planning.set_series, by or cast.secretary, **{**values, **arguments})


def test_set_a_series(cast: Cast) -> None:
    with clock.frozen(MONDAY):
        done = set_series(cast)
    assert [event.name for event in done.events] == ["meeting.planned"] * 7
    assert audited("series.set") == [(cast.secretary.pk, cast.organiser.pk, "ok")]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"rule": "FREQ=WEEKLY;BYDAY=XX"}, "rule"),
        ({"rule": "nonsense\r\nBEGIN:VEVENT"}, "rule"),
        ({"minutes": 5}, "minutes"),
        ({"minutes": 601}, "minutes"),
        ({"ends_on": date(2026, 9, 1)}, "ends_on"),
        ({"starts_on": date(1, 1, 1)}, "starts_on"),
        ({"starts_on": date(9999, 12, 31)}, "starts_on"),
        ({"holiday_policy": "never"}, "holiday_policy"),
    ],
)
def test_a_series_that_cannot_be(cast: Cast, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        set_series(cast, **wrong)
    assert refused.value.field == field


def test_a_series_of_another_board_is_not_found(cast: Cast, wednesdays: Series) -> None:
    from mdo.directory.models import Board

    other = Board.objects.create(network=cast.network, organiser=cast.outside, name="Andere")
    wednesdays.board = other
    wednesdays.save()
    with pytest.raises(NotFound):
        set_series(cast, series_id=wednesdays.pk)


# --- one sitting -------------------------------------------------------------------------------------------------------


def plan(cast: Cast, by: Any = None, **arguments: Any) -> Any:
    values: dict[str, Any] = {
        "board_id": cast.board.pk,
        "meeting_id": new_id(),
        "starts_at": clock.now() + timedelta(days=9),
        "minutes": 60,
        "place": " Zaal\n3 ",
    }
    return call(planning.plan_sitting, by or cast.secretary, **{**values, **arguments})


def deadline_reminder() -> Reminder:
    return Reminder.objects.get(kind="deadline")


def test_an_extra_sitting(cast: Cast) -> None:
    meeting_id = new_id()
    done = plan(cast, meeting_id=meeting_id)
    assert [event.model_dump() for event in done.events] == [
        {"meeting_id": meeting_id, "board_id": cast.board.pk, "version": 1}
    ]
    meeting = Meeting.objects.get()
    assert (meeting.place, meeting.state, meeting.hospital_id) == ("Zaal 3", "planned", cast.organiser.pk)
    day = (meeting.starts_at - timedelta(hours=cast.board.deadline_hours)).astimezone(BRUSSELS).date()
    assert deadline_reminder().due_at == datetime.combine(day - timedelta(days=1), time(8), BRUSSELS)
    assert set(Reminder.objects.values_list("kind", flat=True)) == {
        "ask",
        "ask_again",
        "deadline",
        "reply",
        "readiness",
    }
    assert audited("meeting.plan") == [(cast.secretary.pk, cast.organiser.pk, "ok")]
    with pytest.raises(RuleBroken):
        plan(cast, meeting_id=meeting_id)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"starts_at": datetime(2020, 1, 1, tzinfo=BRUSSELS)}, "starts_at"),
        ({"starts_at": datetime(2999, 1, 1, tzinfo=BRUSSELS)}, "starts_at"),
        ({"starts_at": datetime(1, 1, 1, tzinfo=BRUSSELS)}, "starts_at"),
        ({"starts_at": datetime(9999, 12, 31, 23, tzinfo=BRUSSELS)}, "starts_at"),
        ({"minutes": 0}, "minutes"),
        ({"place": "x" * 201}, "place"),
    ],
)
def test_a_sitting_that_cannot_be(cast: Cast, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        plan(cast, **wrong)
    assert refused.value.field == field


def test_who_plans(cast: Cast) -> None:
    for name in ("chair", "coordinator", "secretary"):
        plan(cast, by=cast.members[name])
    for name in ("radiologist", "partner", "partnersecretary", "observer"):
        with pytest.raises(Denied):
            plan(cast, by=cast.members[name])
    for name in ("requester", "guest", "outsider", "privacy", "admin"):
        with pytest.raises(NotFound):
            plan(cast, by=cast.members[name])


def test_a_sitting_so_soon_reminds_nobody(cast: Cast) -> None:
    plan(cast, starts_at=clock.now() + timedelta(hours=3))
    assert set(Reminder.objects.values_list("state", "last_error")) == {("dropped", "past")}


def move(cast: Cast, meeting: Meeting, **arguments: Any) -> Any:
    values = {"version": 1, "starts_at": meeting.starts_at + timedelta(days=1), "minutes": 45, "place": "Zaal 4"}
    return call(planning.move_sitting, cast.secretary, meeting_id=meeting.pk, **{**values, **arguments})


def test_move_an_unpublished_sitting_and_nobody_hears(cast: Cast) -> None:
    plan(cast)
    meeting = Meeting.objects.get()
    before = deadline_reminder().due_at
    done = move(cast, meeting)
    assert [event.model_dump() for event in done.events] == [{"meeting_id": meeting.pk, "version": 2}]
    assert deadline_reminder().due_at == before.astimezone(BRUSSELS) + timedelta(days=1)
    assert not Delivery.objects.exists()
    assert Meeting.objects.get().calendar_sequence == 0
    assert audited("meeting.move") == [(cast.secretary.pk, cast.organiser.pk, "ok")]


def test_move_a_published_sitting_and_everybody_hears(cast: Cast) -> None:
    meeting = make_meeting(cast.board)
    move(cast, meeting)
    assert Meeting.objects.get().calendar_sequence == 1
    assert set(Delivery.objects.values_list("kind", "occasion")) == {("invitation", "publish:1")}
    with pytest.raises(Stale):
        move(cast, meeting)
    for state in ("running", "closed", "cancelled"):
        with pytest.raises(RuleBroken):
            move(cast, make_meeting(cast.board, state=state))


def test_call_off(cast: Cast) -> None:
    meeting = make_meeting(cast.board)
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status=Referral.Status.SCHEDULED)
    item = make_item(meeting, referral)
    make_item(meeting)
    _invited_before(cast, meeting, cast.chair.pk, attempts=1)
    _invited_before(cast, meeting, cast.radiologist.pk, attempts=0)  # was not tried yet: nothing to call off
    done = call(planning.cancel_sitting, cast.secretary, meeting_id=meeting.pk, version=1)
    assert [event.name for event in done.events] == [
        "agenda.item_postponed",
        "referral.moved",
        "agenda.item_postponed",
        "meeting.cancelled",
    ]
    with writing():
        assert Referral.objects.get().status == Referral.Status.POSTPONED
    assert AgendaItem.objects.get(pk=item.pk).state == "postponed"
    cancelled = Delivery.objects.filter(kind="cancellation")
    assert list(cancelled.values_list("recipient_id", "detail")) == [(cast.chair.pk, {"sequence": 1})]
    assert audited("meeting.cancel") == [(cast.secretary.pk, cast.organiser.pk, "ok")]
    with pytest.raises(RuleBroken):
        call(planning.cancel_sitting, cast.secretary, meeting_id=meeting.pk, version=2)


def _invited_before(cast: Cast, meeting: Meeting, person_id: UUID, attempts: int) -> None:
    with writing():
        Delivery.objects.create(
            hospital=cast.organiser,
            meeting=meeting,
            recipient_id=person_id,
            kind="invitation",
            occasion="publish:0",
            detail={"sequence": 0},
            message_id=f"<{new_id()}@x>",
            due_at=clock.now(),
            attempts=attempts,
        )


def test_a_sitting_that_is_called_off_reminds_nobody(cast: Cast) -> None:
    plan(cast)
    call(planning.cancel_sitting, cast.secretary, meeting_id=Meeting.objects.get().pk, version=1)
    assert set(Reminder.objects.values_list("state", flat=True)) == {"dropped"}


def test_the_outsider_and_the_insider(cast: Cast) -> None:
    meeting = make_meeting(cast.board)
    for by, refusal in ((cast.outsider, NotFound), (cast.radiologist, Denied), (cast.partnersecretary, Denied)):
        with pytest.raises(refusal):
            call(planning.cancel_sitting, by, meeting_id=meeting.pk, version=1)
        with pytest.raises(refusal):
            call(planning.plan_sittings, by, board_id=cast.board.pk)


# --- breaks --------------------------------------------------------------------------------------------------------------


def test_a_board_says_when_it_takes_a_break(cast: Cast) -> None:
    running = make_meeting(cast.board, state=Meeting.State.RUNNING)
    make_meeting(cast.board, state=Meeting.State.CLOSED)
    values = {"board_id": cast.board.pk, "break_after": 45, "break_minutes": 15}
    done = call(planning.set_breaks, cast.secretary, **values)
    assert done.events == (MeetingBreaksSet(meeting_id=running.pk, after=45, minutes=15),)
    again = call(planning.set_breaks, cast.chair, **values)
    assert again.events == ()
    names = ("board_id", "after", "minutes", "after_before", "minutes_before")
    kept = {"board_id": str(cast.board.pk), "after": 45, "minutes": 15}
    rows = AuditEntry.objects.filter(action="board.set_breaks").order_by("id")
    told = [{name: row.detail[name] for name in names if name in row.detail} for row in rows]
    assert [(row.actor_id, row.hospital_id, detail) for row, detail in zip(rows, told, strict=True)] == [
        (cast.secretary.pk, cast.organiser.pk, kept | {"after_before": 60, "minutes_before": 10}),
        (cast.chair.pk, cast.organiser.pk, kept),
    ]
    assert call(planning.set_breaks, cast.coordinator, **values | {"break_after": 0}).events != ()
    cast.board.refresh_from_db()
    assert (cast.board.break_after, cast.board.break_minutes) == (0, 15)


def test_breaks_are_set_while_the_room_puts_an_item_on_the_table(committed: None, cast: Cast) -> None:
    """The room writes the draft of a decision of the board, which the breaks hold, and the breaks wait for the room's meeting."""
    running = make_meeting(cast.board, state=Meeting.State.RUNNING)
    item = make_item(running, make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled"))
    values = {"board_id": cast.board.pk, "break_after": 45, "break_minutes": 15}
    with acting_as(cast.chair) as person:
        open_item(by=person, meeting_id=running.pk, item_id=item.pk, version=item.version, command_id=new_id())
        breaks = begin_beside(lambda: call(planning.set_breaks, cast.secretary, **values))
    assert breaks() == ""
    cast.board.refresh_from_db()
    assert (cast.board.break_after, cast.board.break_minutes) == (45, 15)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"break_after": 9}, "break_after"),
        ({"break_after": 481}, "break_after"),
        ({"break_minutes": 0}, "break_minutes"),
        ({"break_minutes": 61}, "break_minutes"),
    ],
)
def test_minutes_that_no_sitting_has_are_refused(cast: Cast, changes: dict[str, int], field: str) -> None:
    values = {"board_id": cast.board.pk, "break_after": 45, "break_minutes": 15} | changes
    with pytest.raises(Invalid) as refused:
        call(planning.set_breaks, cast.secretary, **values)
    assert set(refused.value.errors) == {field}


def test_breaks_are_set_on_a_page_of_the_board(cast: Cast) -> None:
    client = Client()
    url = reverse("meetings:breaks", args=[cast.board.pk])
    for member, status in ((cast.radiologist, 403), (cast.partner, 403), (cast.outsider, 404), (cast.secretary, 200)):
        client.force_login(member.person)
        assert client.get(url).status_code == status, member
    sent = {"command_id": str(new_id()), "break_after": "5", "break_minutes": "12"}
    wrong = client.post(url, sent)
    assert (wrong.status_code, wrong.context["form"]["break_minutes"].value()) == (422, "12")
    assert client.post(url, {**sent, "break_after": "50"}).status_code == 303
    cast.board.refresh_from_db()
    assert (cast.board.break_after, cast.board.break_minutes) == (50, 12)
