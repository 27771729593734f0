"""When a board sits: the sittings of a series between two moments.

Pure: no clock, no database. The rule is RRULE text (RFC 5545 §3.3.10) and runs over *local* dates, so a sitting at
14:00 in Brussels stays at 14:00 on the wall when the clocks change; only then is each one turned into UTC. Extra
sittings are meetings of their own and do not pass here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
from dateutil.rrule import rrule, rrulestr

# A public holiday never pushes a sitting further than this many days; it bounds what is read around a window.
FARTHEST_MOVE = 14

_FREQUENCIES = {"DAILY", "WEEKLY", "MONTHLY"}
_PARTS = {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "COUNT", "WKST"}
_TEXT = re.compile(r"[A-Z]+=[A-Z0-9,+-]{1,100}(;[A-Z]+=[A-Z0-9,+-]{1,100}){0,8}")


class RuleError(ValueError):
    """The rule text, zone or country is not one a board can meet by; the message says what is wrong."""


class OnHoliday(StrEnum):
    """What a board does when its day is a public holiday."""

    KEEP = "keep"
    SKIP = "skip"
    MOVE_LATER = "later"
    MOVE_EARLIER = "earlier"


class Status(StrEnum):
    """Whether the sitting of one date of the rule is held, and if not why."""

    HELD = "held"
    MOVED = "moved"
    HOLIDAY = "holiday"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Region:
    """Whose public holidays count: ISO 3166-1 alpha-2 country, ISO 3166-2 subdivision without its prefix ("" = whole
    country)."""

    country: str = "BE"
    subdivision: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What was decided for one date of the rule: cancelled (`starts_at` None) or moved to another moment (UTC)."""

    starts_at: datetime | None = None
    minutes: int | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """A standing appointment.

    `rule`: RRULE text such as ``FREQ=WEEKLY;BYDAY=WE``. `first_on`, `last_on`: local dates, both included. `at`: time
    on the wall in `zone` (IANA name). `minutes`: planned length. `changes`: by the local date that the rule gives.
    """

    rule: str
    first_on: date
    at: time
    minutes: int
    zone: str = "Europe/Brussels"
    last_on: date | None = None
    region: Region | None = None
    on_holiday: OnHoliday = OnHoliday.SKIP
    changes: tuple[tuple[date, Change], ...] = ()


@dataclass(frozen=True, slots=True)
class Sitting:
    """One sitting. `day` is the local date that the rule gives: it names the sitting for good, also after it has
    moved."""

    day: date
    starts_at: datetime
    ends_at: datetime
    status: Status
    holiday: str = ""

    @property
    def takes_place(self) -> bool:
        """Whether people meet: held or moved."""
        return self.status in (Status.HELD, Status.MOVED)


def sittings(series: Series, start: datetime, end: datetime) -> tuple[Sitting, ...]:
    """The sittings that take place and start in [start, end) (aware moments), in order of time, in UTC.

    Raises RuleError for a rule, zone or country that cannot be read.
    """
    return tuple(s for s in planned(series, start, end) if s.takes_place)


def planned(series: Series, start: datetime, end: datetime) -> tuple[Sitting, ...]:
    """As `sittings`, with the skipped and cancelled ones still there, so a page can say why a week is empty."""
    zone = zone_named(series.zone)
    changes = dict(series.changes)
    margin = timedelta(days=FARTHEST_MOVE + 1)
    first, last = start.astimezone(zone).date() - margin, end.astimezone(zone).date() + margin
    days = list(_days(series, first, last))
    # A sitting moved by hand may come from a date far outside the window.
    days += [d for d in changes if d not in set(days) and not first <= d <= last and d in set(_days(series, d, d))]
    taken = set(days)
    found = []
    for day in days:
        sitting = _sitting(series, zone, day, changes.get(day), taken)
        if start <= sitting.starts_at < end:
            found.append(sitting)
    return tuple(sorted(found, key=lambda s: (s.starts_at, s.day)))


def check_rule(rule: str, first_on: date) -> None:
    """Raise RuleError unless `rule` is RRULE text for whole days that gives a date within two years of `first_on`."""
    parsed = _parse(rule, first_on)
    horizon = datetime.combine(first_on, time()) + timedelta(days=731)
    if next(iter(parsed), horizon) >= horizon:
        raise RuleError(f"the rule {rule!r} gives no date within two years of {first_on.isoformat()}")


def zone_named(name: str) -> ZoneInfo:
    """The IANA time zone of this name; RuleError when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as missing:
        raise RuleError(f"there is no time zone named {name!r}") from missing


def holiday_on(day: date, region: Region, language: str = "") -> str:
    """The name of the public holiday on this local date, in `language` where it is known, or ""."""
    return _holidays(region, day.year, language).get(day, "")


def _sitting(series: Series, zone: ZoneInfo, day: date, change: Change | None, taken: set[date]) -> Sitting:
    length = timedelta(minutes=series.minutes)
    starts = _moment(day, series.at, zone)
    if change is not None:
        if change.starts_at is None:
            return Sitting(day, starts, starts + length, Status.CANCELLED)
        moved = change.starts_at.astimezone(UTC)
        if change.minutes is not None:
            length = timedelta(minutes=change.minutes)
        return Sitting(day, moved, moved + length, Status.MOVED)
    name = holiday_on(day, series.region) if series.region else ""
    if not name or series.on_holiday is OnHoliday.KEEP:
        return Sitting(day, starts, starts + length, Status.HELD, name)
    target = _working_day(day, series, taken) if series.on_holiday is not OnHoliday.SKIP else None
    if target is None:
        return Sitting(day, starts, starts + length, Status.HOLIDAY, name)
    starts = _moment(target, series.at, zone)
    return Sitting(day, starts, starts + length, Status.MOVED, name)


def _working_day(day: date, series: Series, taken: set[date]) -> date | None:
    """The nearest weekday in the policy's direction that is no holiday; None when the series meets on that day
    anyway."""
    assert series.region is not None
    step = timedelta(days=1 if series.on_holiday is OnHoliday.MOVE_LATER else -1)
    target = day + step
    while target.weekday() >= 5 or holiday_on(target, series.region):
        target += step
        if abs((target - day).days) > FARTHEST_MOVE:
            return None
    return None if target in taken else target


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Local wall time as UTC. An hour that the spring change leaves out moves forward; of a doubled hour the first
    counts."""
    return datetime.combine(day, at.replace(tzinfo=None), tzinfo=zone).astimezone(UTC)


def _days(series: Series, first: date, last: date) -> Iterator[date]:
    """Local dates that the rule gives between `first` and `last`, both included."""
    last = min(last, series.last_on) if series.last_on else last
    if last < series.first_on or last < first:
        return
    start = datetime.combine(series.first_on, time())
    low, high = datetime.combine(max(first, series.first_on), time()), datetime.combine(last, time())
    for moment in _parse(series.rule, start.date()).xafter(low, inc=True):
        if moment > high:
            return
        yield moment.date()


@lru_cache(maxsize=256)
def _parse(rule: str, first_on: date) -> rrule:
    text = rule.strip().upper().removeprefix("RRULE:")
    if not _TEXT.fullmatch(text):
        raise RuleError(f"the rule {rule!r} cannot be read")
    parts = dict(part.partition("=")[::2] for part in text.split(";"))
    if unknown := sorted(set(parts) - _PARTS):
        raise RuleError(f"the rule {rule!r} uses {', '.join(unknown)}, which a board's rule cannot hold")
    if parts.get("FREQ") not in _FREQUENCIES:
        raise RuleError(f"the rule {rule!r} must repeat daily, weekly or monthly")
    if parts["FREQ"] == "DAILY" and {"BYMONTH", "BYMONTHDAY", "BYSETPOS"} & set(parts):
        raise RuleError(f"the rule {rule!r} names days of the month: make it monthly")
    if not 1 <= _interval(parts) <= 60:
        raise RuleError(f"the rule {rule!r} needs an interval from 1 to 60")
    try:
        return cast(rrule, rrulestr(text, dtstart=datetime.combine(first_on, time()), cache=False))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as wrong:
        raise RuleError(f"the rule {rule!r} cannot be read") from wrong


def _interval(parts: dict[str, str]) -> int:
    text = parts.get("INTERVAL", "1")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else 0


@lru_cache(maxsize=256)
def _holidays(region: Region, year: int, language: str) -> dict[date, str]:
    try:
        known = holidays.country_holidays(
            region.country, subdiv=region.subdivision or None, years=year, language=language or None
        )
    except NotImplementedError as unknown:
        raise RuleError(f"no holidays are known for {region.country!r} {region.subdivision!r}") from unknown
    return dict(known)
