"""Sittings of a series: the wall clock holds across the change of the clocks, holidays and single changes are kept."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meetings.recurrence import (
    Change,
    OnHoliday,
    Region,
    RuleError,
    Series,
    Status,
    check_rule,
    holiday_on,
    planned,
    sittings,
    zone_named,
)

BRUSSELS = ZoneInfo("Europe/Brussels")
YEAR = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def weekly(**changes: object) -> Series:
    values: dict[str, object] = {
        "rule": "FREQ=WEEKLY;BYDAY=WE",
        "first_on": date(2026, 1, 7),
        "at": time(14),
        "minutes": 90,
    }
    return Series(**{**values, **changes})  # type: ignore[arg-type]


def local_days(series: Series, start: date, end: date) -> list[date]:
    found = sittings(series, datetime.combine(start, time(), BRUSSELS), datetime.combine(end, time(), BRUSSELS))
    return [s.starts_at.astimezone(BRUSSELS).date() for s in found]


def test_two_in_the_afternoon_stays_two_in_the_afternoon() -> None:
    found = sittings(weekly(), *YEAR)
    assert len(found) == 52
    assert {s.starts_at.astimezone(BRUSSELS).time() for s in found} == {time(14)}
    assert {s.starts_at.time() for s in found} == {time(12), time(13)}
    assert {s.ends_at - s.starts_at for s in found} == {timedelta(minutes=90)}


def test_clocks_go_forward_and_back() -> None:
    spring = sittings(weekly(), datetime(2026, 3, 25, tzinfo=UTC), datetime(2026, 4, 2, tzinfo=UTC))
    autumn = sittings(weekly(), datetime(2026, 10, 21, tzinfo=UTC), datetime(2026, 10, 29, tzinfo=UTC))
    assert [s.starts_at for s in spring] == [
        datetime(2026, 3, 25, 13, tzinfo=UTC),
        datetime(2026, 4, 1, 12, tzinfo=UTC),
    ]
    assert [s.starts_at for s in autumn] == [
        datetime(2026, 10, 21, 12, tzinfo=UTC),
        datetime(2026, 10, 28, 13, tzinfo=UTC),
    ]


def test_an_hour_that_does_not_exist_moves_forward_and_a_doubled_one_is_the_first() -> None:
    night = weekly(rule="FREQ=WEEKLY;BYDAY=SU", at=time(2, 30))
    spring = sittings(night, datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC))
    autumn = sittings(night, datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 10, 26, tzinfo=UTC))
    assert [s.starts_at.astimezone(BRUSSELS).time() for s in spring] == [time(3, 30)]
    assert [s.starts_at for s in autumn] == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("policy", "days"),
    [
        (OnHoliday.KEEP, [date(2026, 11, 4), date(2026, 11, 11), date(2026, 11, 18)]),
        (OnHoliday.SKIP, [date(2026, 11, 4), date(2026, 11, 18)]),
        (OnHoliday.MOVE_LATER, [date(2026, 11, 4), date(2026, 11, 12), date(2026, 11, 18)]),
        (OnHoliday.MOVE_EARLIER, [date(2026, 11, 4), date(2026, 11, 10), date(2026, 11, 18)]),
    ],
)
def test_a_public_holiday(policy: OnHoliday, days: list[date]) -> None:
    series = weekly(region=Region("BE"), on_holiday=policy)
    assert local_days(series, date(2026, 11, 1), date(2026, 11, 22)) == days


def test_a_holiday_moves_over_the_weekend() -> None:
    series = weekly(
        rule="FREQ=WEEKLY;BYDAY=FR", region=Region("DE", "BY"), on_holiday=OnHoliday.MOVE_LATER, zone="Europe/Berlin"
    )
    # Good Friday 3 April 2026, then the weekend, then Easter Monday.
    assert local_days(series, date(2026, 4, 1), date(2026, 4, 9)) == [date(2026, 4, 7)]


def test_a_holiday_is_skipped_when_the_board_meets_on_the_next_day_anyway() -> None:
    series = weekly(rule="FREQ=WEEKLY;BYDAY=WE,TH", region=Region("BE"), on_holiday=OnHoliday.MOVE_LATER)
    assert local_days(series, date(2026, 11, 9), date(2026, 11, 15)) == [date(2026, 11, 12)]


def test_a_skipped_week_says_why() -> None:
    series = weekly(region=Region("BE"))
    found = planned(series, datetime(2026, 11, 9, tzinfo=UTC), datetime(2026, 11, 15, tzinfo=UTC))
    assert [(s.status, s.holiday) for s in found] == [(Status.HOLIDAY, holiday_on(date(2026, 11, 11), Region("BE")))]
    assert holiday_on(date(2026, 11, 11), Region("BE"), "nl") == "Wapenstilstand"
    assert holiday_on(date(2026, 11, 12), Region("BE"), "nl") == ""


def test_holidays_differ_by_region() -> None:
    assert holiday_on(date(2026, 1, 6), Region("DE", "BY"), "de") == "Heilige Drei Könige"
    assert holiday_on(date(2026, 1, 6), Region("DE", "BE"), "de") == ""


def test_single_changes() -> None:
    series = weekly(
        changes=(
            (date(2026, 2, 4), Change()),
            (date(2026, 2, 11), Change(datetime(2026, 2, 12, 8, tzinfo=UTC), minutes=30)),
        )
    )
    found = planned(series, datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 2, 20, tzinfo=UTC))
    assert [(s.day, s.status, s.starts_at) for s in found] == [
        (date(2026, 2, 4), Status.CANCELLED, datetime(2026, 2, 4, 13, tzinfo=UTC)),
        (date(2026, 2, 11), Status.MOVED, datetime(2026, 2, 12, 8, tzinfo=UTC)),
        (date(2026, 2, 18), Status.HELD, datetime(2026, 2, 18, 13, tzinfo=UTC)),
    ]
    assert found[1].ends_at - found[1].starts_at == timedelta(minutes=30)
    assert [s.takes_place for s in found] == [False, True, True]


def test_a_sitting_moved_by_months_is_found_where_it_is_and_not_where_it_was() -> None:
    series = weekly(changes=((date(2026, 2, 4), Change(datetime(2026, 6, 5, 8, tzinfo=UTC))),))
    assert date(2026, 2, 4) not in local_days(series, date(2026, 2, 1), date(2026, 3, 1))
    assert date(2026, 6, 5) in local_days(series, date(2026, 6, 4), date(2026, 6, 6))


def test_a_change_for_a_day_that_the_rule_does_not_give_is_nothing() -> None:
    series = weekly(changes=((date(2026, 2, 5), Change(datetime(2026, 2, 6, 8, tzinfo=UTC))),))
    assert sittings(series, *YEAR) == sittings(weekly(), *YEAR)


def test_first_and_last_day_are_included() -> None:
    series = weekly(first_on=date(2026, 1, 14), last_on=date(2026, 1, 28))
    assert local_days(series, date(2025, 1, 1), date(2027, 1, 1)) == [
        date(2026, 1, 14),
        date(2026, 1, 21),
        date(2026, 1, 28),
    ]


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=MONTHLY;BYDAY=1WE", [date(2026, 1, 7), date(2026, 2, 4), date(2026, 3, 4)]),
        ("FREQ=MONTHLY;BYDAY=WE;BYSETPOS=-1", [date(2026, 1, 28), date(2026, 2, 25), date(2026, 3, 25)]),
        ("rrule:freq=weekly;interval=4;byday=we", [date(2026, 1, 7), date(2026, 2, 4), date(2026, 3, 4)]),
        ("FREQ=WEEKLY;COUNT=2;BYDAY=WE", [date(2026, 1, 7), date(2026, 1, 14)]),
    ],
)
def test_rules(rule: str, days: list[date]) -> None:
    check_rule(rule, date(2026, 1, 7))
    assert local_days(weekly(rule=rule), date(2026, 1, 1), date(2026, 4, 1)) == days


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "every Wednesday",
        "FREQ=SECONDLY",
        "FREQ=HOURLY;BYDAY=WE",
        "BYDAY=WE",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;BYHOUR=3",
        "FREQ=WEEKLY;UNTIL=20261010T000000Z",
        "FREQ=WEEKLY;INTERVAL=0",
        "FREQ=WEEKLY;INTERVAL=-1",
        "FREQ=WEEKLY;INTERVAL=99999999999",
        "FREQ=WEEKLY;COUNT=0",
        "FREQ=DAILY;BYMONTHDAY=30;BYMONTH=2",
        "FREQ=MONTHLY;BYMONTHDAY=30;BYMONTH=2",
        "FREQ=WEEKLY\nEXRULE:FREQ=WEEKLY",
        "FREQ=WEEKLY;BYDAY=" + "WE," * 500,
    ],
)
def test_rules_that_no_board_can_meet_by(rule: str) -> None:
    with pytest.raises(RuleError):
        check_rule(rule, date(2026, 1, 7))


@pytest.mark.parametrize("name", ["Europe/Nowhere", "", "../etc/passwd", "Europe/Brussels\n"])
def test_unknown_zones(name: str) -> None:
    with pytest.raises(RuleError):
        zone_named(name)


def test_unknown_country() -> None:
    with pytest.raises(RuleError):
        sittings(weekly(region=Region("XX")), *YEAR)


days = st.dates(date(2026, 1, 1), date(2027, 12, 31))


@settings(max_examples=40, deadline=None)
@given(st.lists(days, min_size=3, max_size=3, unique=True).map(sorted), st.sampled_from(OnHoliday))
def test_windows_join_without_gap_or_double(edges: list[date], policy: OnHoliday) -> None:
    series = weekly(region=Region("BE"), on_holiday=policy, rule="FREQ=WEEKLY;BYDAY=MO,WE")
    a, b, c = (datetime.combine(day, time(13), UTC) for day in edges)
    assert planned(series, a, b) + planned(series, b, c) == planned(series, a, c)


@settings(max_examples=40, deadline=None)
@given(days, st.times(time(3), time(22, 59)).map(lambda t: t.replace(microsecond=0)))
def test_the_wall_clock_is_what_was_asked_for(first: date, at: time) -> None:
    series = weekly(rule="FREQ=DAILY;INTERVAL=5", first_on=first, at=at)
    start = datetime.combine(first, time(), UTC)
    found = sittings(series, start, start + timedelta(days=365))
    assert {s.starts_at.astimezone(BRUSSELS).time() for s in found} == {at}
