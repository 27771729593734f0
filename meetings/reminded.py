"""Who has what left to do, rule by rule: asked when a reminder falls due, and once more when the digest goes out, so that nobody is
reminded of what was done meanwhile. In the door of the house."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from uuid import UUID

from django.db.models import Q

from cases.dossiers.board_kinds import board_kind
from cases.models import Referral, living
from cases.queries import live
from mdo.directory.access import in_office
from mdo.directory.models import BoardRole
from mdo.kernel.clock import now
from meetings import missing, reminders, series
from meetings.models import AgendaItem, Decision, FollowUp, Meeting, ReminderSettings, Reply
from meetings.reminders import Manner

State = Meeting.State
Role = BoardRole.Role


@dataclass
class Task:
    """What one person has left to do at one sitting: ids and numbers. ``organisation``: for which they do it."""

    organisation: UUID | None = None
    answers: list[tuple[UUID, UUID, str | None]] = field(default_factory=list)  # (hospital, case, path of the question)
    due: datetime | None = None  # when the first of the answers is
    unfinished: int = 0
    waiting: int = 0
    unsigned: int = 0
    incomplete: int = 0
    cases: int = 0
    unfollowed: int = 0


Tasks = dict[UUID, Task]


class Known:
    """What several rules ask about one sitting, read once: the board's people in office and the cases, those that are short too."""

    def __init__(self, meeting: Meeting) -> None:
        self.meeting = meeting

    @cached_property
    def roles(self) -> list[BoardRole]:
        return list(in_office(self.meeting.board))

    @cached_property
    def pairs(self) -> list[tuple[Referral, AgendaItem | None]]:
        return missing.of_sitting(self.meeting, Referral.objects.all())

    @cached_property
    def short(self) -> list[missing.Incomplete]:
        return missing.incomplete(self.meeting, self.pairs, self.roles, None)


def manner_of(meeting: Meeting) -> Manner:
    """How the meeting's board reminds. One query."""
    board = meeting.board
    own = ReminderSettings.objects.filter(board=board).first()
    return manner_from(board.kind, board.time_zone, own)


def manner_from(kind: str, zone: str, own: ReminderSettings | None) -> Manner:
    """The same out of the board's settings, where they were read already."""
    hours = (own.send_at, own.quiet_from, own.quiet_until) if own is not None else None
    return reminders.manner(board_kind(kind), zone, own.rules if own is not None else {}, hours)


def anchor(meeting: Meeting, counted_from: str) -> datetime:
    """From what a rule's days are counted: ``start``, ``deadline`` or ``closing`` (planned end, until it is closed)."""
    if counted_from == "deadline":
        return series.deadline(meeting)
    if counted_from == "closing":
        return meeting.closed_at or meeting.ends_at
    return meeting.starts_at


def until(meeting: Meeting, counted_from: str) -> datetime | None:
    """The moment after which nobody needs this reminder; ``None`` where there is none."""
    return None if counted_from == "closing" else anchor(meeting, counted_from)


def idle(meeting: Meeting, counted_from: str) -> str:
    """Why nobody has to be reminded at this sitting any more (a code of ``reminders.WHY``), or nothing."""
    if meeting.state == State.CANCELLED:
        return "called_off"
    if counted_from == "closing":
        return ""
    over = meeting.state in (State.RUNNING, State.CLOSED) or now() >= anchor(meeting, counted_from)
    return "past" if over else ""


def tasks(meeting: Meeting, code: str, to: Collection[str], known: Known | None = None) -> Tasks:
    """Who has something left to do that the rule ``code`` reminds of, among those in the roles ``to``. ``known``: where several rules
    of one sitting are asked."""
    return _TASKS[code](known or Known(meeting), to)


def _asked(known: Known, to: Collection[str]) -> Tasks:
    found: Tasks = {}
    for case in known.short:
        for gap in case.gaps:
            for person_id in gap.asked:
                task = found.setdefault(person_id, Task())
                task.answers.append((case.referral.hospital_id, case.referral.case_id, gap.address))
                task.due = min(task.due or gap.due, gap.due)
    return found


def _deadline(known: Known, to: Collection[str]) -> Tasks:
    meeting = known.meeting
    unfinished = live(Referral.objects.all()).filter(
        Q(wanted_meeting=None) | Q(wanted_meeting=meeting.pk),
        board=meeting.board_id,
        status__in=(Referral.Status.DRAFT, Referral.Status.RETURNED),
    )
    found: Tasks = {}
    hospitals: dict[UUID, int] = {}
    for requester_id, hospital_id in unfinished.values_list("requester_id", "hospital_id"):
        hospitals[hospital_id] = hospitals.get(hospital_id, 0) + 1
        if "requester" in to:
            found.setdefault(requester_id, Task(hospital_id)).unfinished += 1
    if "secretary" not in to:
        return found
    submitted = live(Referral.objects.all()).filter(board=meeting.board_id, status=Referral.Status.SUBMITTED).count()
    for role in known.roles:
        if role.role == Role.SECRETARY:
            home = role.organisation_id == meeting.board.organiser_id
            unfinished_here = hospitals.get(role.organisation_id, 0)
            if unfinished_here or (home and submitted):
                task = Task(role.organisation_id, unfinished=unfinished_here, waiting=submitted if home else 0)
                found[role.person_id] = task
    return found


def _unanswered(known: Known, to: Collection[str]) -> Tasks:
    meeting = known.meeting
    if meeting.state != State.PUBLISHED:
        return {}  # nobody was invited yet
    answered = set(Reply.objects.filter(meeting=meeting).values_list("person_id", flat=True))
    roles = (role for role in known.roles if role.role in to and role.person_id not in answered)
    return {role.person_id: Task(role.organisation_id) for role in roles}


def _readiness(known: Known, to: Collection[str]) -> Tasks:
    if not known.pairs:
        return {}
    organiser = known.meeting.board.organiser_id
    return {
        role.person_id: Task(role.organisation_id, incomplete=len(known.short), cases=len(known.pairs))
        for role in known.roles
        # The page is for those who build the agenda: of the secretaries, the organiser's.
        if role.role in to and (role.role != Role.SECRETARY or role.organisation_id == organiser)
    }


def _unsigned(known: Known, to: Collection[str]) -> Tasks:
    recorded = Decision.objects.filter(meeting=known.meeting, state=Decision.State.RECORDED).count()
    if not recorded:
        return {}
    roles = (role for role in known.roles if role.role in to)
    return {role.person_id: Task(role.organisation_id, unsigned=recorded) for role in roles}


def _unfollowed(known: Known, to: Collection[str]) -> Tasks:
    """For whoever asked: the own cases of the sitting of which nobody said what was done; for secretaries those of their hospital."""
    if known.meeting.state != State.CLOSED:
        return {}  # nothing was signed yet
    open_ones = FollowUp.objects.filter(living("case__patient"), decision__meeting=known.meeting, outcome="")
    found: Tasks = {}
    hospitals: dict[UUID, int] = {}
    for requester_id, hospital_id in open_ones.values_list("item__referral__requester", "hospital"):
        hospitals[hospital_id] = hospitals.get(hospital_id, 0) + 1
        if "requester" in to:
            found.setdefault(requester_id, Task(hospital_id)).unfollowed += 1
    for role in known.roles if "secretary" in to else ():
        if role.role == Role.SECRETARY and role.organisation_id in hospitals:
            found[role.person_id] = Task(role.organisation_id, unfollowed=hospitals[role.organisation_id])
    return found


_TASKS: dict[str, Callable[[Known, Collection[str]], Tasks]] = {
    "ask": _asked,
    "ask_again": _asked,
    "deadline": _deadline,
    "reply": _unanswered,
    "readiness": _readiness,
    "signature": _unsigned,
    "follow_up": _unfollowed,
}
