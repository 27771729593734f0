"""The rules of reminders: moments, quiet hours, what a board may change."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from cases.dossiers.board_kinds import board_kind
from meetings.reminders import Hours, manner
from tests.factories import BRUSSELS

NIGHT = Hours(time(8), time(19), time(7), "Europe/Brussels")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=BRUSSELS)


@pytest.mark.parametrize(
    ("moment", "allowed"),
    [
        (at(10, 18, 59), at(10, 18, 59)),
        (at(10, 19), at(11, 7)),
        (at(11, 6, 59), at(11, 7)),
        (at(11, 7), at(11, 7)),
        (at(28, 22), at(29, 7)),  # the night in which the clock is put forward
    ],
)
def test_quiet_hours_over_midnight(moment: datetime, allowed: datetime) -> None:
    assert NIGHT.allowed(moment) == allowed


@pytest.mark.parametrize("day", [date(2026, 3, 28), date(2026, 10, 24)])
@pytest.mark.parametrize("until", [time(1, 30), time(2), time(2, 30), time(3), time(7)])
def test_the_quiet_hours_hold_in_the_nights_in_which_the_clock_is_set(day: date, until: time) -> None:
    """Minute by minute: what waits goes out later, when it is quiet by no clock on the wall, and not later than one night."""
    hours = Hours(time(8), time(22), until, "Europe/Brussels")
    begins = datetime.combine(day, time(18), BRUSSELS).astimezone(UTC)
    for minute in range(14 * 60):
        moment = begins + timedelta(minutes=minute)
        allowed = hours.allowed(moment).astimezone(UTC)
        clock = allowed.astimezone(BRUSSELS).time()
        assert moment <= allowed <= moment + timedelta(hours=10), moment
        assert until <= clock < time(22), (moment, clock)
        assert hours.allowed(allowed) == allowed


def test_quiet_hours_within_a_day_and_none() -> None:
    noon = Hours(time(8), time(12), time(13), "Europe/Brussels")
    assert [noon.allowed(at(10, hour)) for hour in (11, 12, 13)] == [at(10, 11), at(10, 13), at(10, 13)]
    never = Hours(time(8), time(0), time(0), "Europe/Brussels")
    assert never.allowed(at(10, 0)) == at(10, 0)
    assert NIGHT.next_morning(at(28, 23)) == at(29, 8)


def test_moments_are_days_of_the_board_at_its_hour() -> None:
    usual = manner(board_kind("tumour_board"), "Europe/Brussels", {}, None)
    moments = {rule.code: usual.moment(rule, at(30, 14)) for rule in usual.rules}
    assert moments == {
        "ask": at(26, 8),
        "ask_again": at(29, 8),
        "deadline": at(29, 8),
        "reply": at(27, 8),
        "readiness": at(28, 8),
        "signature": datetime(2026, 4, 1, 8, tzinfo=BRUSSELS),
        "follow_up": datetime(2026, 4, 29, 8, tzinfo=BRUSSELS),
    }
    assert {moment.utcoffset() for moment in moments.values() if moment} == {
        at(28, 8).utcoffset(),
        at(29, 8).utcoffset(),
    }


def test_a_board_changes_days_roles_and_hours_and_a_moment_that_lies_after_its_matter_is_none() -> None:
    own = {
        "ask": {"on": True, "days": 0, "to": ["owner"]},
        "readiness": {"on": True, "days": 1, "to": ["chair", "owner"]},
        "deadline": {"on": False, "days": 1, "to": []},
    }
    changed = manner(board_kind("tumour_board"), "Europe/Brussels", own, (time(15), time(19), time(7)))
    rules = {rule.code: rule for rule in changed.rules}
    assert (rules["readiness"].to, rules["deadline"].on, rules["ask_again"].days) == (("chair",), False, 1)
    assert changed.moment(rules["ask"], at(10, 14)) is None  # at 15:00 the sitting has begun
    assert changed.moment(rules["ask"], at(10, 16)) == at(10, 15)
    assert changed.rule("moon") is None


def test_a_reminder_of_a_late_evening_waits_for_the_morning_unless_that_is_too_late() -> None:
    late = manner(board_kind("tumour_board"), "Europe/Brussels", {}, (time(21), time(19), time(7)))
    again = late.rule("ask_again")
    assert again is not None
    assert late.moment(again, at(10, 14)) == at(10, 7)
    assert late.moment(again, at(10, 6)) is None
