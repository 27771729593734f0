"""From a stored series to its sittings: which ones are due to become meetings, and when a meeting's deadline is."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mdo.kernel.clock import now
from meetings import recurrence
from meetings.models import Meeting, Series

AHEAD = timedelta(weeks=8)


def rule_of(series: Series) -> recurrence.Series:
    """The series as ``recurrence`` reads it, with its exceptions. One query, none where they were prefetched."""
    return recurrence.Series(
        rule=series.rule,
        first_on=series.starts_on,
        last_on=series.ends_on,
        at=series.local_time,
        minutes=series.minutes,
        zone=series.board.time_zone,
        region=recurrence.Region(series.holiday_country) if series.holiday_country else None,
        on_holiday=recurrence.OnHoliday(series.holiday_policy),
        changes=tuple((each.on, recurrence.Change(each.moved_to)) for each in series.exceptions.all()),
    )


def upcoming(series: Series) -> tuple[recurrence.Sitting, ...]:
    """Everything that the rule gives in the next 8 weeks, also what falls out. Raises ``RuleError`` for a broken rule."""
    at = now()
    return recurrence.planned(rule_of(series), at, at + AHEAD)


def missing(series: Series) -> list[recurrence.Sitting]:
    """The sittings of the next 8 weeks that take place and were not made into meetings yet. A meeting that was moved or
    cancelled keeps its day, so it is not made again."""
    sittings = [sitting for sitting in upcoming(series) if sitting.takes_place]
    days = [sitting.day for sitting in sittings]
    made = set(Meeting.objects.filter(series=series, series_day__in=days).values_list("series_day", flat=True))
    return [sitting for sitting in sittings if sitting.day not in made]


def deadline(meeting: Meeting) -> datetime:
    """Until when a case may be handed in for this sitting; what comes later is marked as late."""
    return meeting.starts_at - timedelta(hours=meeting.board.deadline_hours)


def usual_sitting(sittings: Sequence[Meeting]) -> Meeting | None:
    """Where a case goes if nobody wished otherwise: the next sitting whose deadline is not past, else the next. ``sittings``: those
    that can still take a case, soonest first, with their board."""
    open_ones = [meeting for meeting in sittings if deadline(meeting) > now()]
    return next(iter([*open_ones, *sittings]), None)
