"""What waits for somebody: their next meeting, and what only they can take further. The data of the page *Today*.

Everything starts from a ``visible_…`` list or from the standings on boards, so that a role that ended shows nothing more.
The number of queries depends on the number of boards on which somebody sits, never on how much waits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Subquery, Window
from django.utils import timezone

from cases.access import visible_referrals
from cases.dossiers.board_kinds import board_kind
from cases.models import Referral, living
from mdo.directory import access as directory
from mdo.directory.access import Standing
from mdo.directory.matrix import Seat
from mdo.directory.models import Board, OrganisationRole, Person
from mdo.kernel.acting import Actor, current
from mdo.kernel.clock import now
from meetings import access, following_up, missing, preparing, reminders
from meetings.delivering import showing as delivering
from meetings.informing.access import visible_to_inform
from meetings.models import AgendaItem, Decision, Meeting, ReminderSettings

SOON = timedelta(minutes=45)  # from then on a meeting stands on top, whatever comes later
MEETINGS_SHOWN = 3
ROWS_SHOWN = 8  # of each kind; the rest is a number
OUTCOME_DAYS = 14  # how long the outcome of an own case stands on Today
LONGEST_AHEAD = timedelta(days=61)  # no board is told of its readiness earlier (``ReminderDefault.days``)
PUBLISH_AHEAD = timedelta(hours=36)  # before its deadline, an agenda that is not published begins to wait


@dataclass(frozen=True)
class Sitting:
    """A meeting as one person comes to it. ``items`` is the number they may see, ``None`` for a guest or a requester only."""

    meeting: Meeting
    items: int | None
    asked: bool  # a case of theirs is on its agenda
    as_guest: bool
    now: datetime

    @property
    def running(self) -> bool:
        return self.meeting.state == Meeting.State.RUNNING

    @property
    def soon(self) -> bool:
        return self.running or self.meeting.starts_at - self.now <= SOON

    @property
    def minutes_left(self) -> int:
        """Whole minutes until it begins, 0 once the hour has come."""
        return max(0, -(-int((self.meeting.starts_at - self.now).total_seconds()) // 60))


@dataclass(frozen=True)
class Rows:
    """At most ``ROWS_SHOWN`` things of one kind, and how many more there are."""

    shown: Sequence[Referral]
    more: int

    @property
    def total(self) -> int:
        return len(self.shown) + self.more


@dataclass(frozen=True)
class BoardWork:
    """So much waits at one board: submissions to accept (with the age of the oldest)."""

    board: Board
    count: int
    since: datetime | None


@dataclass(frozen=True)
class Unpublished:
    """A sitting whose agenda is not out, while the deadline for cases is near or past."""

    meeting: Meeting
    deadline: datetime
    past: bool


@dataclass(frozen=True)
class Nearing:
    """A sitting of today or the next two days whose cases are not all complete: so many of so many on its agenda."""

    meeting: Meeting
    incomplete: int
    cases: int


@dataclass(frozen=True)
class Unsigned:
    """Decisions of one meeting that wait for the coordinator's signature."""

    meeting: Meeting
    count: int


@dataclass(frozen=True)
class Today:
    """Everything on the page. ``empty`` is a day on which nothing waits."""

    meetings: list[Sitting]
    to_accept: list[BoardWork]
    unpublished: list[Unpublished]
    nearing: list[Nearing]
    to_sign: list[Unsigned]
    returned: Rows
    drafts: Rows
    outcomes: list[Decision]
    roles: frozenset[str]
    has_boards: bool
    to_follow_up: int = 0  # decisions of which nobody said whether they were carried out
    overdue: int = 0  # own actions whose day has come
    to_inform: int = 0  # own patients who do not know yet what was decided
    stuck: Sequence[delivering.Stuck] = ()  # reports that did not go out, and letters to print
    to_prepare: int = 0  # coming cases that somebody whose discipline prepares has not looked at

    @property
    def later(self) -> list[Sitting]:
        """What does not stand on top: everything after the first that does not begin soon."""
        return [sitting for sitting in self.meetings[1:] if not sitting.soon]

    @property
    def nothing_waits(self) -> bool:
        lists: tuple[Sequence[object], ...] = (
            self.to_accept,
            self.unpublished,
            self.nearing,
            self.to_sign,
            self.outcomes,
            self.stuck,
        )
        numbers = (self.to_prepare, self.to_follow_up, self.overdue, self.to_inform)
        return not any(lists) and not any(numbers) and not self.returned.total and not self.drafts.total

    @property
    def keeps_the_audit(self) -> bool:
        return OrganisationRole.Role.PRIVACY_OFFICER in self.roles

    @property
    def administers(self) -> bool:
        return OrganisationRole.Role.ADMIN in self.roles

    @property
    def submits(self) -> bool:
        return bool(self.roles & {OrganisationRole.Role.CLINICIAN, OrganisationRole.Role.SECRETARY})


def today(by: Actor) -> Today:
    """What waits for ``by``, acting for the door's organisation."""
    standings = directory.visible_boards(by)
    roles = directory.organisation_roles(by)
    mine = _mine(by, roles)
    return Today(
        meetings=_meetings(by, standings),
        to_accept=_to_accept(standings),
        unpublished=_unpublished(standings),
        nearing=_nearing(standings),
        to_sign=_to_sign(by, standings),
        returned=_rows(mine.filter(status=Referral.Status.RETURNED), "changed_at"),
        drafts=_rows(mine.filter(status=Referral.Status.DRAFT), "-changed_at"),
        outcomes=_outcomes(by),
        roles=roles,
        has_boards=bool(standings),
        stuck=delivering.stuck(standings, ROWS_SHOWN),
        to_prepare=_to_prepare(by, standings),
        to_follow_up=following_up.own_due(by, roles),
        to_inform=visible_to_inform(by).count(),
        overdue=following_up.access.visible_actions(by, standings)
        .filter(owner=by.actor_id, due_on__lte=timezone.localdate(now()))
        .count(),
    )


def _meetings(by: Actor, standings: list[Standing]) -> list[Sitting]:
    """What runs, then what comes: at most three, each with the number of items within reach."""
    at = now()
    reach = Q(items__referral=None)
    for standing in standings:
        reach |= Q(board=standing.board, items__hospital__in=standing.reach)
    boards = {standing.board.pk for standing in standings}
    seated = {standing.board.pk for standing in standings if standing.seats - {Seat.OBSERVER}}
    asked = AgendaItem.objects.filter(
        meeting=OuterRef("pk"), referral__requester=by.actor_id, hospital=current().organisation_id
    )
    state = Meeting.State
    coming = Q(state__in=(state.PLANNED, state.PUBLISHED), ends_at__gt=at)
    found = (
        access.visible_meetings(by)
        .filter(coming | Q(state=state.RUNNING))
        .annotate(
            asked=Exists(asked.exclude(state=AgendaItem.State.WITHDRAWN)),
            shown_items=Count("items", filter=reach & ~Q(items__state=AgendaItem.State.WITHDRAWN)),
        )
        .select_related("board__organiser")
        .order_by("starts_at")
    )
    rows = list(found[: MEETINGS_SHOWN * 2])
    # A requester or guest hears of a meeting once its agenda is out; a planned one is the board's own business until then.
    known = [row for row in rows if row.board_id in seated or row.state != state.PLANNED]
    known.sort(key=lambda row: (row.state != state.RUNNING, row.starts_at))
    return [
        Sitting(
            meeting=row,
            items=row.shown_items if row.board_id in seated else None,
            asked=row.asked,
            as_guest=row.board_id not in boards and not row.asked,
            now=at,
        )
        for row in known[:MEETINGS_SHOWN]
    ]


def _boards(standings: list[Standing], row: str) -> dict[object, Standing]:
    return {standing.board.pk: standing for standing in standings if standing.permits(row)}


def _to_accept(standings: list[Standing]) -> list[BoardWork]:
    builds = _boards(standings, "build_agenda")
    within = Q(pk__in=[])
    for standing in builds.values():
        within |= Q(board=standing.board, hospital__in=standing.reach)
    found = (
        Referral.objects.filter(within, status=Referral.Status.SUBMITTED)
        .values("board")
        .annotate(n=Count("pk"), since=Min("submitted_at"))
        .order_by("since")
    )
    return [BoardWork(builds[row["board"]].board, row["n"], row["since"]) for row in found]


def _unpublished(standings: list[Standing]) -> list[Unpublished]:
    at = now()
    builds = _boards(standings, "build_agenda")
    found = Meeting.objects.filter(board__in=list(builds), state=Meeting.State.PLANNED, starts_at__gt=at)
    rows = []
    for meeting in found.order_by("starts_at")[:20]:
        meeting.board = builds[meeting.board_id].board
        deadline = meeting.starts_at - timedelta(hours=meeting.board.deadline_hours)
        if at >= deadline - PUBLISH_AHEAD:
            rows.append(Unpublished(meeting, deadline, at >= deadline))
    return rows[:ROWS_SHOWN]


def _nearing(standings: list[Standing]) -> list[Nearing]:
    """Sittings so near that the board wants to know how ready they are: on as many calendar days before as its reminder of the readiness
    goes out. Four queries, none but the first where no sitting is near."""
    at = now()
    builds = _boards(standings, "build_agenda")
    states = (Meeting.State.PLANNED, Meeting.State.PUBLISHED)
    near = Meeting.objects.filter(
        board__in=list(builds), state__in=states, starts_at__gt=at, starts_at__lt=at + LONGEST_AHEAD
    )
    own = ReminderSettings.objects.filter(board=OuterRef("board")).values("rules")[:1]
    meetings = {}
    for meeting in near.annotate(own_rules=Subquery(own)).order_by("starts_at"):
        board = builds[meeting.board_id].board
        zone = ZoneInfo(board.time_zone)
        ahead = reminders.readiness_days(board_kind(board.kind), meeting.own_rules or {})
        if (meeting.starts_at.astimezone(zone).date() - at.astimezone(zone).date()).days <= ahead:
            meetings[meeting.pk] = _with_board(meeting, board)
    if not meetings:
        return []
    within = Q(pk__in=[])
    for standing in builds.values():
        within |= Q(meeting__board=standing.board, hospital__in=standing.reach)
    expected = (AgendaItem.State.SCHEDULED, AgendaItem.State.OPEN)
    items = (
        AgendaItem.objects.filter(
            within,
            living("referral__case__patient"),
            meeting__in=list(meetings),
            state__in=expected,
            referral__isnull=False,
        )
        .select_related("referral__case")
        .prefetch_related("referral__case__tumours")
    )
    counts = {key: [0, 0] for key in meetings}
    for item in items:
        if item.referral is not None:
            counts[item.meeting_id][0] += bool(missing.gaps(item.referral, meetings[item.meeting_id], (), None))
            counts[item.meeting_id][1] += 1
    return [Nearing(meeting, *counts[key]) for key, meeting in meetings.items() if counts[key][0]][:ROWS_SHOWN]


def _to_sign(by: Actor, standings: list[Standing]) -> list[Unsigned]:
    signs = _boards(standings, "sign")
    counted = (
        access.visible_decisions(by)
        .filter(board__in=list(signs), state=Decision.State.RECORDED)
        .values("meeting")
        .annotate(n=Count("pk"))
    )
    counts = {row["meeting"]: row["n"] for row in counted}
    meetings = Meeting.objects.filter(pk__in=counts).order_by("starts_at")
    return [
        Unsigned(_with_board(meeting, signs[meeting.board_id].board), counts[meeting.pk])
        for meeting in meetings[:ROWS_SHOWN]
    ]


def _to_prepare(by: Actor, standings: list[Standing]) -> int:
    discipline = by.discipline if isinstance(by, Person) else ""
    return preparing.not_seen(by, standings) if standings and preparing.prepares(discipline) else 0


def _with_board(meeting: Meeting, board: Board) -> Meeting:
    meeting.board = board
    return meeting


def _mine(by: Actor, roles: frozenset[str]) -> QuerySet[Referral]:
    """What somebody takes further themselves: the own referrals, and for a secretary all of the own hospital."""
    own = Q(requester=by.actor_id)
    if OrganisationRole.Role.SECRETARY in roles:
        own = Q()
    return visible_referrals(by).filter(own, hospital=current().organisation_id)


def _rows(found: QuerySet[Referral], order: str) -> Rows:
    rows = list(
        found.annotate(in_all=Window(Count("pk")))
        .select_related("case__patient", "board", "requester", "hospital")
        .order_by(order, "pk")[:ROWS_SHOWN]
    )
    return Rows(rows, rows[0].in_all - len(rows) if rows else 0)


def _outcomes(by: Actor) -> list[Decision]:
    """Signed decisions on the own cases of the last two weeks, newest first."""
    found = access.visible_decisions(by).filter(
        item__referral__requester=by.actor_id,
        hospital=current().organisation_id,
        state=Decision.State.SIGNED,
        signed_at__gte=now() - timedelta(days=OUTCOME_DAYS),
    )
    return list(
        found.select_related("case__patient", "board", "meeting", "hospital").order_by("-signed_at", "pk")[:ROWS_SHOWN]
    )
