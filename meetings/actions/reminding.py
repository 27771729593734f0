"""Reminders: rows that fall due once, and are dropped when they come too late or nothing is left to do."""

from collections.abc import Mapping
from datetime import time
from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from cases.dossiers.board_kinds import MOST_DAYS, board_kinds, reminder_rules
from mdo.directory import access as directory
from mdo.kernel import work
from mdo.kernel.acting import Actor
from mdo.kernel.action import action, granted, note
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, RuleBroken, Stale
from mdo.kernel.events import Event
from mdo.kernel.ids import derived_id, new_id
from meetings import access, reminded
from meetings.actions import digesting
from meetings.models import Meeting, Reminder, ReminderSettings
from meetings.reminders import Manner, Rule

State = Meeting.State
AHEAD = (State.PLANNED, State.PUBLISHED)


# --- planning, inside the action that causes it ------------------------------------------------------------------------


def plan_reminders(meeting: Meeting, *, again: bool = False) -> None:
    """The reminders before a sitting, by the rules of its board; a row for each, so that the timeline shows what is switched off or
    past as well. ``again``: the sitting was moved, so that what went out goes out once more. Inside an action."""
    manner = reminded.manner_of(meeting)
    for rule in manner.rules:
        if not rule.definition.after:
            _plan(meeting, manner, rule, again=again)


def plan_reminders_after(meeting: Meeting) -> None:
    """The reminders after the closing. Inside the action that closes the meeting."""
    manner = reminded.manner_of(meeting)
    for rule in manner.rules:
        if rule.definition.after:
            _plan(meeting, manner, rule, again=False)


def _plan(meeting: Meeting, manner: Manner, rule: Rule, *, again: bool) -> None:
    anchor = reminded.anchor(meeting, rule.definition.anchor)
    moment = manner.moment(rule, anchor)
    due_at = moment or anchor
    why = "" if rule.on else "off"
    if not why and (moment is None or moment <= now()):
        why = "past"
    row = Reminder.objects.select_for_update().filter(meeting=meeting, kind=rule.code).first()
    if row is None:
        row = Reminder(id=new_id(), hospital_id=meeting.hospital_id, meeting=meeting, kind=rule.code)
    elif row.state in (work.State.DONE, work.State.GIVEN_UP):
        # By the day: one that was tried again was done some minutes after it fell due, and is not another one for that.
        if not again or manner.hours.day(row.due_at) == manner.hours.day(due_at):
            return
        digesting.drop_lines(meeting, rule.code, "moved")
    row.due_at, row.attempts, row.leased_until = due_at, 0, None
    row.state = work.State.DROPPED if why else work.State.WAITING
    row.last_error, row.done_at = why, now() if why else None
    row.save()


def drop_reminders(meeting: Meeting, why: str, *kinds: str) -> None:
    """Nobody needs to be reminded any more, or not of ``kinds``; ``why`` is a code of ``reminders.WHY``. Inside an action."""
    waiting = Reminder.objects.filter(meeting=meeting, state=work.State.WAITING)
    if kinds:
        waiting = waiting.filter(kind__in=kinds)
    waiting.update(state=work.State.DROPPED, done_at=now(), leased_until=None, last_error=why)


# --- by the sweep ------------------------------------------------------------------------------------------------------


def unplanned() -> list[UUID]:
    """The sittings ahead that have no row for some rule of their kind: from before the rule, or made beside the actions. One query."""
    need = Q(pk__in=[])
    after = [code for code, rule in reminder_rules().items() if rule.after]
    for kind in board_kinds():
        before = [each.rule for each in kind.reminders if each.rule not in after]
        need |= Q(board__kind=kind.code, planned__lt=len(before))
    counted = Count("reminders", filter=~Q(reminders__kind__in=after))
    ahead = Meeting.objects.filter(state__in=AHEAD, starts_at__gt=now()).annotate(planned=counted)
    return list(ahead.filter(need).values_list("pk", flat=True)[:50])


@action("reminder.plan", row="system")
def plan_missing_reminders(*, by: Actor, meeting_id: UUID) -> tuple[Event, ...]:
    """Plan the reminders of a sitting that has none for some rule. Effects: a row for each rule; one that is past is dropped."""
    directory.require_system(by)
    meeting = Meeting.objects.select_for_update(of=("self",)).select_related("board").get(pk=meeting_id)
    granted("system", hospital_id=meeting.hospital_id)
    note(meeting_id=str(meeting.pk))
    if meeting.state in AHEAD:
        plan_reminders(meeting)
    return ()


@action("reminder.send", row="system")
def remind(*, by: Actor, reminder_id: UUID) -> tuple[Event, ...]:
    """Do a reminder that fell due. Effects: a line in the digest of each person concerned. Dropped without any when its moment is past
    (the machine was down), the board switched it off, the sitting was called off, or nobody has anything left to do."""
    directory.require_system(by)
    row = Reminder.objects.select_for_update(of=("self",)).select_related("meeting__board").get(pk=reminder_id)
    granted("system", hospital_id=row.hospital_id)
    # Claimed a moment ago, and moved with its sitting since: its time is still to come.
    if row.state != work.State.WAITING or row.due_at > now():
        return ()
    meeting = row.meeting
    manner = reminded.manner_of(meeting)
    rule = manner.rule(row.kind)
    if rule is None or not rule.on:
        work.dropped(row, "off")
        return ()
    why = reminded.idle(meeting, rule.definition.anchor)
    people = reminded.tasks(meeting, rule.code, rule.to) if not why else {}
    note(reminder_id=str(row.pk), kind=row.kind, people=len(people))
    if not people:
        work.dropped(row, why or "nothing")
        return ()
    occasion = f"due:{row.due_at.isoformat()[:19]}"
    digesting.tell(meeting, rule.code, people, occasion, manner.hours, reminded.until(meeting, rule.definition.anchor))
    work.done(row)
    return ()


# --- by the board ------------------------------------------------------------------------------------------------------


@action("reminder.ask_again", row="build_agenda")
def ask_again(*, by: Actor, meeting_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Ask everybody again for what the cases of a sitting miss. Effects: a line in the digest of each of them; who had a digest today
    gets it tomorrow, and nobody is asked twice on one day. Refused once the sitting runs or is over, and where nothing is missing."""
    meeting = access.access_meeting_for(by, meeting_id, "build_agenda")
    if reminded.idle(meeting, "start"):
        raise RuleBroken(_("This sitting runs already or is over."))
    people = reminded.tasks(meeting, "ask", ("owner",))
    if not people:
        raise RuleBroken(_("Nothing is missing that somebody could be asked for."))
    hours = reminded.manner_of(meeting).hours
    note(people=len(people))
    digesting.tell(meeting, "ask", people, again_today(hours.day(now())), hours, meeting.starts_at)
    return ()


def again_today(day: Any) -> str:
    """The occasion of asking again on a day."""
    return f"again:{day.isoformat()}"


@action("reminder.set", row="build_agenda")
def set_reminders(
    *,
    by: Actor,
    board_id: UUID,
    version: int,
    rules: Mapping[str, Mapping[str, Any]],
    send_at: time,
    quiet_from: time,
    quiet_until: time,
    command_id: UUID,
) -> tuple[Event, ...]:
    """Say how a board reminds: for each rule of its kind whether it is ``on``, how many ``days`` and ``to`` whom, and the hours (local).
    ``version`` 0: the board had no settings of its own. Effects: reminders that did not go out yet follow; what went out does not go
    out again. Refused: ``Invalid`` for days, roles and rules that do not exist, ``Stale``."""
    board = access.access_board_for_planning(by, board_id)
    found = ReminderSettings.objects.select_for_update().filter(board=board).first()
    if (found.version if found is not None else 0) != version:
        raise Stale(_("Somebody else changed these reminders. Look again."), current=found.version if found else 0)
    errors: dict[str, list[str]] = {}
    kept: dict[str, dict[str, Any]] = {}
    known = {rule.code: rule for rule in reminded.manner_from(board.kind, board.time_zone, None).rules}
    for code, own in rules.items():
        rule = known.get(code)
        days, to = own.get("days"), own.get("to")
        if rule is None:
            errors[code] = [_("Choose from the list.")]
        elif not isinstance(days, int) or not 0 <= days <= MOST_DAYS:
            errors[f"{code}_days"] = [_("Give between 0 and %(most)d days.") % {"most": MOST_DAYS}]
        elif not isinstance(to, list | tuple) or not set(to) <= set(rule.definition.to) or (own.get("on") and not to):
            errors[f"{code}_to"] = [_("Choose to whom it goes.")]
        else:
            kept[code] = {"on": bool(own.get("on")), "days": days, "to": list(to)}
    if errors:
        raise Invalid(errors)
    row = found or ReminderSettings(
        id=derived_id(command_id, by.actor_id, "reminders"), hospital_id=board.organiser_id, board=board, version=0
    )
    row.rules, row.send_at, row.quiet_from, row.quiet_until = kept, send_at, quiet_from, quiet_until
    row.version += 1
    row.save()
    note(board_id=str(board.pk), version=row.version)
    ahead = Meeting.objects.select_for_update(of=("self",)).filter(board=board, state__in=AHEAD, starts_at__gt=now())
    for meeting in ahead.order_by("id"):
        meeting.board = board
        plan_reminders(meeting)
    _follow_after(board.pk)
    return ()


def _follow_after(board_id: UUID) -> None:
    """Reminders of closed meetings that did not go out yet follow the settings too."""
    waiting = Reminder.objects.filter(
        meeting__board=board_id, state=work.State.WAITING, meeting__state=State.CLOSED
    ).select_related("meeting__board")
    for row in waiting:
        plan_reminders_after(row.meeting)
