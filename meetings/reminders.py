"""The reminders of a board as rules: what its kind says, what the board changed of it, and when each goes out. Pure.

Days are whole days of the board's calendar; on the day itself a reminder goes out at the board's hour (``send_at``), and what falls
into the quiet hours waits for their end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cases.dossiers.board_kinds import BoardKind, ReminderRule, reminder_rules, usual_hours

# Why a reminder or a line of a digest was dropped: codes are stored, words are for reading.
WHY: dict[str, str | Promise] = {
    "past": _("its moment was past"),
    "off": _("switched off"),
    "moved": _("the sitting was moved"),
    "nothing": _("nobody had anything left to do"),
    "called_off": _("the sitting was called off"),
    "signed": _("everything was signed"),
    "no_address": _("no address to write to"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One reminder as a board uses it. ``to``: roles."""

    definition: ReminderRule
    on: bool
    days: int
    to: tuple[str, ...]

    @property
    def code(self) -> str:
        return self.definition.code


@dataclass(frozen=True, slots=True)
class Hours:
    """Local times: when reminders go out, and between which hours of the day nothing does (``quiet_from`` = ``quiet_until``: never
    quiet)."""

    send_at: time
    quiet_from: time
    quiet_until: time
    zone: str

    def local(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, ZoneInfo(self.zone))

    def day(self, at: datetime) -> date:
        """The day of the board's calendar in which a moment lies."""
        return at.astimezone(ZoneInfo(self.zone)).date()

    def allowed(self, at: datetime) -> datetime:
        """The moment itself, or the end of the quiet hours in which it lies."""
        local = at.astimezone(ZoneInfo(self.zone))
        clock = local.time()
        if self.quiet_from <= self.quiet_until:
            quiet, day = self.quiet_from <= clock < self.quiet_until, local.date()
        else:  # over midnight
            late = clock >= self.quiet_from
            quiet, day = late or clock < self.quiet_until, local.date() + timedelta(days=1 if late else 0)
        if not quiet:
            return at
        end = self.local(day, self.quiet_until)
        # In the night in which the clock goes back the hour of the end is there twice.
        return end if end > at else end.replace(fold=1)

    def next_morning(self, at: datetime) -> datetime:
        """When reminders go out on the day after ``at``."""
        return self.allowed(self.local(self.day(at) + timedelta(days=1), self.send_at))


@dataclass(frozen=True, slots=True)
class Manner:
    """How a board reminds: its rules, in the order of the kind, and its hours."""

    rules: tuple[Rule, ...]
    hours: Hours

    def rule(self, code: str) -> Rule | None:
        """The rule of that code; ``None`` where the kind knows it not (any more)."""
        return next((rule for rule in self.rules if rule.code == code), None)

    def moment(self, rule: Rule, anchor: datetime) -> datetime | None:
        """When a rule goes out whose days are counted from ``anchor`` (aware); ``None`` where that would be after what it is about."""
        day = self.hours.day(anchor)
        days = timedelta(days=rule.days)
        at = self.hours.allowed(
            self.hours.local(day + days if rule.definition.after else day - days, self.hours.send_at)
        )
        if rule.definition.after:
            return max(at, self.hours.allowed(anchor))
        return at if at < anchor else None


def readiness_days(kind: BoardKind, changed: Mapping[str, Any]) -> int:
    """On how many calendar days before a sitting its readiness is shown: as early as the reminder of it goes out, on or off; 0 where the
    kind has no such reminder. ``changed`` as for ``manner``."""
    default = next((each for each in kind.reminders if each.rule == "readiness"), None)
    return int(changed.get("readiness", {}).get("days", default.days)) if default is not None else 0


def manner(kind: BoardKind, zone: str, changed: Mapping[str, Any], hours: tuple[time, time, time] | None) -> Manner:
    """How a board of that kind reminds. ``changed``: what the board set, as ``ReminderSettings.rules`` keeps it; ``hours``: its
    ``send_at``, ``quiet_from`` and ``quiet_until``, or ``None`` for the usual ones."""
    known = reminder_rules()
    rules = []
    for default in kind.reminders:
        own = changed.get(default.rule, {})
        may = known[default.rule].to
        rules.append(
            Rule(
                known[default.rule],
                bool(own.get("on", default.used)),
                int(own.get("days", default.days)),
                tuple(role for role in may if role in own.get("to", default.to)),
            )
        )
    usual = usual_hours()
    send_at, quiet_from, quiet_until = hours or (usual.send_at, usual.quiet_from, usual.quiet_until)
    return Manner(tuple(rules), Hours(send_at, quiet_from, quiet_until, zone))
