"""Reminders: rows that fall due once, and are dropped when they come too late or nothing is left to do."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from cases.dossiers.board_kinds import board_kind
from cases.models import Referral, living
from mdo.directory import access as directory
from mdo.directory.access import in_office
from mdo.directory.models import BoardRole
from mdo.kernel import work
from mdo.kernel.acting import Actor
from mdo.kernel.action import action, granted, note
from mdo.kernel.clock import now
from mdo.kernel.events import Event
from mdo.kernel.ids import new_id
from meetings import series
from meetings.actions import mailing
from meetings.models import Decision, Delivery, Meeting, Reminder


def plan_deadline_reminder(meeting: Meeting) -> None:
    """The reminder of the deadline of a sitting that was planned or moved; none for a moment that is past. Inside an action."""
    _plan(meeting, Reminder.Kind.DEADLINE, series.deadline_reminder_at(meeting))


def plan_signature_reminder(meeting: Meeting) -> None:
    """The reminder of signatures, some days after the closing. Inside the action that closes the meeting."""
    days = board_kind(meeting.board.kind).reminders.signature_waiting_days
    closed_at = meeting.closed_at or now()
    _plan(meeting, Reminder.Kind.SIGNATURE, closed_at + timedelta(days=days) if days else None)


def _plan(meeting: Meeting, kind: str, due_at: Any) -> None:
    row = Reminder.objects.select_for_update().filter(meeting=meeting, kind=kind).first()
    if row is None and due_at is not None:
        Reminder(id=new_id(), hospital_id=meeting.hospital_id, meeting=meeting, kind=kind, due_at=due_at).save(
            force_insert=True
        )
    elif row is not None and due_at is None and row.state == work.State.WAITING:
        row.state, row.done_at, row.last_error = work.State.DROPPED, now(), "its moment is past"
        row.save(update_fields=["state", "done_at", "last_error"])
    elif row is not None and due_at is not None and row.due_at != due_at:
        row.state, row.due_at, row.done_at, row.attempts, row.leased_until = work.State.WAITING, due_at, None, 0, None
        row.save(update_fields=["state", "due_at", "done_at", "attempts", "leased_until"])


def drop_reminders(meeting: Meeting, why: str) -> None:
    """Nobody needs to be reminded any more. Inside an action."""
    waiting = Reminder.objects.filter(meeting=meeting, state=work.State.WAITING)
    waiting.update(state=work.State.DROPPED, done_at=now(), leased_until=None, last_error=why[:200])


@action("reminder.send", row="system")
def remind(*, by: Actor, reminder_id: UUID) -> tuple[Event, ...]:
    """Do a reminder that fell due. Effects: one mail for each person concerned is ordered. Dropped without mail when its moment
    is past (the machine was down), the sitting was called off, or nobody has anything left to do."""
    directory.require_system(by)
    row = Reminder.objects.select_for_update(of=("self",)).select_related("meeting__board").get(pk=reminder_id)
    granted("system", hospital_id=row.hospital_id)
    if row.state != work.State.WAITING:
        return ()
    due_at = row.due_at.isoformat()
    people, kind, why = _deadline(row) if row.kind == Reminder.Kind.DEADLINE else _signature(row)
    note(reminder_id=str(row.pk), kind=row.kind, people=len(people))
    if not people:
        work.dropped(row, why)
        return ()
    mailing.order(kind, people, meeting=row.meeting, hospital_id=row.hospital_id, occasion=f"due:{due_at[:19]}")
    work.done(row)
    return ()


_Reminded = tuple[dict[UUID, dict[str, Any]], Delivery.Kind, str]


def _deadline(row: Reminder) -> _Reminded:
    meeting, kind = row.meeting, Delivery.Kind.DEADLINE
    if meeting.state in (Meeting.State.CANCELLED, Meeting.State.CLOSED) or now() >= series.deadline(meeting):
        return {}, kind, "the deadline is past"
    of_the_living = Referral.objects.filter(living("case__patient"), board=meeting.board_id)
    unfinished = of_the_living.filter(
        Q(wanted_meeting=None) | Q(wanted_meeting=meeting.pk),
        status__in=(Referral.Status.DRAFT, Referral.Status.RETURNED),
    )
    people: dict[UUID, dict[str, Any]] = {}
    hospitals: dict[UUID, int] = {}
    for requester_id, hospital_id in unfinished.values_list("requester_id", "hospital_id"):
        detail = people.setdefault(requester_id, {"unfinished": 0})
        detail["unfinished"] += 1
        hospitals[hospital_id] = hospitals.get(hospital_id, 0) + 1
    waiting = of_the_living.filter(status=Referral.Status.SUBMITTED).count()
    for role in in_office(meeting.board):
        if role.role != BoardRole.Role.SECRETARY:
            continue
        home = role.organisation_id == meeting.board.organiser_id
        detail = {"unfinished": hospitals.get(role.organisation_id, 0), "waiting": waiting if home else 0}
        if any(detail.values()):
            people[role.person_id] = detail
    return people, kind, "nothing is unfinished"


def _signature(row: Reminder) -> _Reminded:
    recorded = Decision.objects.filter(meeting=row.meeting, state=Decision.State.RECORDED).count()
    people: dict[UUID, dict[str, Any]] = {}
    if recorded:
        coordinators = (role for role in in_office(row.meeting.board) if role.role == BoardRole.Role.COORDINATOR)
        people = {role.person_id: {"unsigned": recorded} for role in coordinators}
    return people, Delivery.Kind.SIGNATURE, "nothing waits for a signature"
