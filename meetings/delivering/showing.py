"""What goes out of a meeting as people see it: each delivery with its state in words, how much of each there is, and when it was out."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mdo.directory.access import Standing
from mdo.directory.models import Organisation
from mdo.kernel.work import State
from meetings.delivering import access
from meetings.delivering.faults import words
from meetings.models import Decision, Delivery, Dispatch, Handover, Meeting
from meetings.models.dispatch import Channel, Role

BY_HAND = "by_hand"
ANNOUNCED = "closed"  # the occasion of the mail after a meeting

STATES: dict[str, str | Promise] = {
    "print": gettext_lazy("To print"),
    "waiting": gettext_lazy("Waiting"),
    "sent": gettext_lazy("Sent"),
    "failed": gettext_lazy("Failed, is tried again"),
    "given_up": gettext_lazy("Given up"),
    "by_hand": gettext_lazy("Sent in another way"),
    "given": gettext_lazy("Given to the patient"),
    "dropped": gettext_lazy("No longer needed"),
}
LOOKS = {"print": "ready", "waiting": "queued", "sent": "sent", "failed": "incomplete", "given_up": "failed", "by_hand": "sent", "given": "sent", "dropped": "replaced"}  # fmt: skip
_ORDER = ("given_up", "failed", "print", "waiting", "sent", "by_hand", "given", "dropped")
FAILED = Q(state=State.WAITING) & ~Q(last_error="")


@dataclass(frozen=True)
class Line:
    """One delivery, by ``channel`` ("" for a mail) and ``way``, its words: ``state`` is a key of ``STATES``, ``at`` when it was sent, given up or is tried next."""

    id: UUID
    channel: str
    what: str
    patient: str
    decision_id: UUID | None
    to: str
    way: str
    hospital: Organisation
    state: str
    at: datetime
    why: str

    @property
    def mail(self) -> bool:
        return not self.channel

    @property
    def label(self) -> str:
        return str(STATES[self.state])

    @property
    def look(self) -> str:
        return LOOKS[self.state]

    @property
    def again(self) -> bool:
        """Whether it can be tried again."""
        return self.state in ("failed", "given_up")

    @property
    def by_hand(self) -> bool:
        """Whether somebody may say that it was sent by them."""
        return not self.mail and self.state in ("print", "given_up")

    @property
    def back(self) -> bool:
        """Whether that may be taken back."""
        return not self.mail and (self.state == "by_hand" or (self.state == "sent" and self.channel == Channel.PAPER))


def state_of(row: Dispatch | Delivery) -> str:
    """The key of ``STATES`` for a row as it stands."""
    paper = isinstance(row, Dispatch) and row.channel == Channel.PAPER
    match row.state:
        case State.DONE:
            return "sent"
        case State.GIVEN_UP:
            return "given_up"
        case State.DROPPED:
            return "by_hand" if row.last_error == BY_HAND else "dropped"
    return "print" if paper else "failed" if row.last_error else "waiting"


def lines(meeting: Meeting, of: frozenset[UUID]) -> list[Line]:
    """Everything that goes out of a meeting for these hospitals: what needs somebody first. Three queries."""
    found = access.visible_dispatches(meeting, of).select_related(
        "hospital", "recipient", "report__decision__case__patient__gp", "report__decision__item__referral__requester"
    )
    shown = [_of_report(row) for row in found]
    shown += [
        _line(row, what=row.get_kind_display(), to=row.recipient.display_name, way=_("Mail with a link"))
        for row in access.visible_mails(meeting, of).select_related("hospital", "recipient")
    ]  # fmt: skip
    shown += [_given(row) for row in access.visible_handovers(meeting, of)]
    return sorted(
        shown, key=lambda line: (_ORDER.index(line.state), line.mail, line.patient, line.what, line.to, str(line.id))
    )


def _given(row: Handover) -> Line:
    """A summary that was given to its patient."""
    patient = row.case.patient.display_name
    return Line(
        id=row.pk,
        channel="handover",
        what=row.report.get_kind_display(),
        patient=patient,
        decision_id=row.decision_id,
        to=patient,
        way=f"{row.get_way_display()}, {row.handed_by.display_name}",
        hospital=row.hospital,
        state="given",
        at=row.handed_at,
        why="",
    )


def _of_report(row: Dispatch) -> Line:
    assert row.report is not None
    decision = row.report.decision
    patient = decision.case.patient.display_name if decision and decision.case else ""
    return _line(
        row,
        what=row.report.get_kind_display(),
        patient=patient,
        decision_id=row.report.decision_id,
        to=_meant(row, decision),
        way=row.get_channel_display(),
    )


def _meant(row: Dispatch, decision: Decision | None) -> str:
    """Who gets it, or is meant to as the case stands now."""
    if row.recipient is not None:
        return row.recipient.display_name
    said = ""
    if row.role == Role.GP and decision and decision.case:
        patient = decision.case.patient
        said = patient.gp.display_name if patient.gp else patient.gp_name
    elif row.role == Role.REQUESTER and decision and decision.item.referral:
        said = decision.item.referral.requester.display_name
    return said or row.get_role_display()


def _line(
    row: Dispatch | Delivery, *, patient: str = "", decision_id: UUID | None = None, what: str, to: str, way: str
) -> Line:
    state = state_of(row)
    return Line(
        id=row.pk,
        channel=row.channel if isinstance(row, Dispatch) else "",
        what=what,
        patient=patient,
        decision_id=decision_id,
        to=to,
        way=way,
        hospital=row.hospital,
        state=state,
        at=row.done_at or row.due_at,
        why=words(row.last_error) if state in ("failed", "given_up") else "",
    )


def counts(shown: Sequence[Line]) -> list[tuple[str, str, int]]:
    """(state, words, how many), in order, of the states that occur."""
    counted = Counter(line.state for line in shown)
    return [(LOOKS[state], str(STATES[state]), counted[state]) for state in _ORDER if counted[state]]


def out_after(meetings: Collection[UUID]) -> dict[UUID, float | None]:
    """Minutes from closing until the last mail with the reports was out, of each meeting that has one; ``None`` while one is not. One
    query."""
    rows = (
        Delivery.objects.filter(meeting__in=meetings, kind=Delivery.Kind.REPORTS, occasion=ANNOUNCED)
        .values("meeting")
        .annotate(
            last=Max("done_at", filter=Q(state=State.DONE)),
            open=Count("pk", filter=Q(state__in=(State.WAITING, State.GIVEN_UP))),
            closed=Max(F("meeting__closed_at")),
        )
    )
    return {row["meeting"]: _minutes(row) for row in rows}


def _minutes(row: dict[str, Any]) -> float | None:
    if row["open"] or row["last"] is None or row["closed"] is None:
        return None
    return max(0.0, (row["last"] - row["closed"]).total_seconds() / 60)


@dataclass(frozen=True)
class Stuck:
    """What of one meeting did not go out: tried again by itself, given up, or letters to print."""

    meeting: Meeting
    failed: int
    given_up: int
    letters: int


def stuck(standings: Sequence[Standing], most: int, *, letters: bool = True) -> list[Stuck]:
    """The meetings of which something waits for somebody who delivers, the newest first; ``letters`` false: not those of which there are only
    letters to print. Three queries, none without such a place."""
    boards = {standing.board.pk: standing.board for standing in standings if access.hospitals(standing)}
    if not boards:
        return []
    mine, mails = Q(pk__in=[]), Q(pk__in=[])
    for standing in standings:
        of = access.hospitals(standing)
        here = Q(meeting__board=standing.board)
        mine |= here & Q(hospital__in=of)
        mails |= here & access.mails_of(of)
    print_ = Q(state=State.WAITING, channel=Channel.PAPER)
    found = Counter[tuple[UUID, str]]()
    waits = Q(state=State.GIVEN_UP) | FAILED
    for row in Dispatch.objects.filter(mine, waits | print_).values("meeting").annotate(
        failed=Count("pk", filter=FAILED & ~Q(channel=Channel.PAPER)),
        given_up=Count("pk", filter=Q(state=State.GIVEN_UP)),
        letters=Count("pk", filter=print_),
    ):  # fmt: skip
        for name in ("failed", "given_up", "letters"):
            found[row["meeting"], name] += row[name]
    reports = Delivery.objects.filter(mails, waits, kind=Delivery.Kind.REPORTS)
    for row in reports.values("meeting").annotate(
        failed=Count("pk", filter=FAILED), given_up=Count("pk", filter=Q(state=State.GIVEN_UP))
    ):
        for name in ("failed", "given_up"):
            found[row["meeting"], name] += row[name]
    shown = []
    shown_for = {key for (key, name), number in found.items() if number and (letters or name != "letters")}
    for meeting in Meeting.objects.filter(pk__in=shown_for).order_by("-starts_at")[:most]:
        meeting.board = boards[meeting.board_id]
        numbers = (found[meeting.pk, name] for name in ("failed", "given_up", "letters"))
        shown.append(Stuck(meeting, *numbers))
    return shown
