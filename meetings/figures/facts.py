"""What a board's figures are counted from: its closed sittings and their cases, without a word about anybody."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import F, Func, JSONField, Q, QuerySet, Value

from mdo.directory.models import Board
from meetings.delivering.showing import out_after
from meetings.models import AgendaItem, Decision, FollowUp, Meeting, Report

State = AgendaItem.State


@dataclass(frozen=True, slots=True)
class Sitting:
    """A closed sitting. ``out_minutes``: from its closing until the last mail with its reports had left."""

    id: UUID
    starts_at: datetime
    out_minutes: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A case that came to the table of one sitting: discussed, recorded under a protocol, or postponed.

    ``waited_days``: whole days from the written request to the sitting. ``minutes``: how long it was open, all times together.
    ``disciplines`` and ``hospitals``: of those who were really there while it was open. ``report_minutes``: from the closing of the sitting
    until its report was there.
    """

    sitting: UUID
    hospital: UUID
    waited_days: int
    reason: str = ""  # of its postponement; empty: it was dealt with
    covered: bool = False  # by a protocol: recorded without discussion
    complete: bool | None = None  # whether it missed nothing when the sitting began
    late: bool = False  # put on the agenda after it was published
    minutes: float = 0.0
    opened_at: datetime | None = None
    recommended: bool = False
    quorum: bool | None = None
    disciplines: frozenset[str] = frozenset()
    hospitals: frozenset[str] = frozenset()
    asked: bool = False  # whether what was recommended was done, by now
    outcome: str = ""  # FollowUp.Outcome, as soon as somebody answered
    report_minutes: float | None = None

    @property
    def postponed(self) -> bool:
        return bool(self.reason)

    @property
    def discussed(self) -> bool:
        return not self.postponed and not self.covered


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything of one period, oldest first. ``since`` ≤ sitting < ``until``, both aware."""

    since: datetime
    until: datetime
    sittings: tuple[Sitting, ...]
    cases: tuple[Case, ...]


def read(board: Board, hospitals: Collection[UUID], since: datetime, until: datetime) -> Facts:
    """The facts of a board within a period, of the cases of these hospitals. Six queries, whatever is found.

    Days that stand for an imported list count nowhere: nobody sat there.
    """
    meetings = list(
        Meeting.objects.filter(
            board=board, state=Meeting.State.CLOSED, imported=False, starts_at__gte=since, starts_at__lt=until
        ).order_by("starts_at")
    )
    by_id = {meeting.pk: meeting for meeting in meetings}
    mine = Q(meeting__in=by_id, hospital__in=hospitals)
    decisions = {row["item"]: row for row in _decisions(mine)}
    items = (
        AgendaItem.objects.filter(mine, state__in=(State.DISCUSSED, State.POSTPONED), referral__isnull=False)
        .select_related("referral")
        .order_by("meeting__starts_at", "position")
    )
    day = until.astimezone(ZoneInfo(board.time_zone)).date()
    follow_ups = {
        item_id: (due_on <= day, outcome)
        for item_id, due_on, outcome in FollowUp.objects.filter(
            board=board, hospital__in=hospitals, item__meeting__in=by_id
        ).values_list("item", "due_on", "outcome")
    }
    delays: dict[UUID, float] = {}
    made = Report.objects.filter(mine, kind=Report.Kind.CASE, edition="recorded")
    for meeting_id, item_id, done_at in made.values_list("meeting", "decision__item", "done_at"):
        closed_at = by_id[meeting_id].closed_at
        if closed_at is not None and done_at is not None:
            delays[item_id] = (done_at - closed_at).total_seconds() / 60
    out = out_after(list(by_id))
    return Facts(
        since,
        until,
        tuple(Sitting(each.pk, each.starts_at, out.get(each.pk)) for each in meetings),
        tuple(
            _case(
                item,
                by_id[item.meeting_id],
                decisions.get(item.pk),
                delays.get(item.pk),
                *follow_ups.get(item.pk, (False, "")),
            )
            for item in items
        ),
    )


def _decisions(mine: Q) -> QuerySet:
    """The first version of each decision, reduced in the database to what is counted: a year of attendance is megabytes."""
    return (
        Decision.objects.filter(mine, version=1)
        .exclude(state__in=(Decision.State.DRAFT, Decision.State.IMPORTED))
        .annotate(
            there=_of_those_present("discipline"),
            sat=_of_those_present("organisation"),
            met=F("quorum__board__met"),
        )
        .values("item", "text", "steps", "there", "sat", "met")
    )


def _of_those_present(key: str) -> Func:
    path = f'$[*] ? (@.times.size() > 0)."{key}"'
    return Func(F("attendance"), Value(path), function="jsonb_path_query_array", output_field=JSONField())


def _case(
    item: AgendaItem, meeting: Meeting, decision: dict | None, delay: float | None, asked: bool, outcome: str
) -> Case:
    referral = item.referral
    assert referral is not None
    there: Iterable[str] = decision["there"] if decision else ()
    sat: Iterable[str] = decision["sat"] if decision else ()
    return Case(
        sitting=meeting.pk,
        hospital=item.hospital_id,
        waited_days=max(0, (meeting.starts_at.date() - referral.requested_on).days),
        reason=item.postponed_reason or "other" if item.state == State.POSTPONED else "",
        covered=bool(item.protocol),
        complete=item.complete,
        late=item.late,
        minutes=_open_minutes(item),
        opened_at=item.opened_at,
        recommended=bool(decision and (decision["text"] or decision["steps"])),
        quorum=decision["met"] if decision else None,
        disciplines=frozenset(each for each in there if each),
        hospitals=frozenset(each for each in sat if each),
        asked=asked or bool(outcome),
        outcome=outcome,
        report_minutes=delay,
    )


def _open_minutes(item: AgendaItem) -> float:
    spans = [(start, end) for start, end in item.open_intervals if end]
    return sum(
        (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 60 for start, end in spans
    )
