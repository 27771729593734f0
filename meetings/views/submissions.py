"""What a board still has to deal with: handed-in cases with what they miss, and what waits for a sitting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import get_language, ngettext

from cases import dossiers
from cases.access import visible_referrals
from cases.dossiers.board_kinds import BoardKind, board_kind
from cases.models import Referral
from mdo.directory.access import Standing
from mdo.directory.models import Organisation
from mdo.kernel import dates
from mdo.kernel.acting import Actor
from mdo.kernel.ids import new_id
from meetings.models import Meeting
from meetings.series import deadline, usual_sitting
from meetings.views.showing import ANY_ID, with_id

Status = Referral.Status
WAITING = (Status.SUBMITTED, Status.ACCEPTED, Status.POSTPONED, Status.RETURNED)


@dataclass(frozen=True)
class Submission:
    """One row: the referral, what it misses (in words, in the order of the form) and for which sitting it is meant."""

    referral: Referral
    missing: tuple[str, ...]
    wanted: Meeting | None
    target: Meeting | None
    late: bool
    addresses: dict[str, str]  # of its case, and of what the buttons do
    days: dict[UUID, str]  # of the sittings
    item_id: UUID = field(default_factory=new_id)  # of what it becomes when it is put on an agenda

    @property
    def complete(self) -> bool:
        return not self.missing

    @property
    def shape(self) -> "Shape":
        return Shape(
            hospital=self.referral.hospital,
            complete=self.complete,
            submitted=self.referral.submitted_at is not None,
            late=self.late,
            postponed=self.referral.status == Status.POSTPONED,
            wanted=self.wanted is not None,
            target=self.target is not None,
        )

    @property
    def words(self) -> Mapping[str, object]:
        """What fills the row where it differs from others of its shape."""
        referral, patient, submitted = self.referral, self.referral.case.patient, self.referral.submitted_at
        return self.addresses | {
            "id": referral.pk,
            "version": referral.version,
            "tick": f"{referral.pk}:{referral.version}",
            "item": self.item_id,
            "name": patient.display_name,
            "born": dates.date(patient.birth_date, "j M Y"),
            "requester": referral.requester.display_name,
            "missing": ", ".join(self.missing),
            "how_many": how_many_missing(len(self.missing)),
            "submitted_at": submitted.isoformat() if submitted else "",
            "submitted": dates.local(submitted, "D j M, H:i") if submitted else "",
            "wanted_at": self.wanted.starts_at.isoformat() if self.wanted else "",
            "wanted": self.days[self.wanted.pk] if self.wanted else "",
            "target": self.target.pk if self.target else "",
            "day": self.days[self.target.pk] if self.target else "",
        }


@dataclass(frozen=True)
class Shape:
    """What a row has; its words are what it says there."""

    hospital: Organisation
    complete: bool
    submitted: bool
    late: bool
    postponed: bool
    wanted: bool
    target: bool


@dataclass(frozen=True)
class Table:
    """What holds for every row of one page."""

    can_build: bool
    sort: str
    command_id: UUID  # one for every row: whatever is done, the page comes anew
    csrf_input: str


def submissions(by: Actor, standing: Standing, sittings: Sequence[Meeting]) -> list[Submission]:
    """The referrals to a board that wait for somebody, as ``by`` may see them. A constant number of queries.

    ``sittings``: those that can still take a case, soonest first. The target is the wanted one, else the next whose deadline is
    not past, else the next.
    """
    board = standing.board
    kind = board_kind(board.kind)
    language = get_language()
    found = (
        visible_referrals(by)
        .filter(board=board, status__in=WAITING)
        .select_related("case__patient")
        .prefetch_related("case__tumours", "hospital", "requester")
    )
    by_id = {meeting.pk: meeting for meeting in sittings}
    days = {meeting.pk: dates.local(meeting.starts_at, "D j M") for meeting in sittings}
    usual = usual_sitting(sittings)
    where = {name: reverse(f"meetings:{name}", args=[board.pk, ANY_ID]) for name in ("accept", "schedule", "return")}
    case = reverse("cases:detail", args=[ANY_ID])
    rows = []
    for referral in found:
        wanted = by_id.get(referral.wanted_meeting) if referral.wanted_meeting else None
        target = wanted or usual
        late = bool(target and referral.submitted_at and referral.submitted_at > deadline(target))
        addresses = {name: with_id(address, referral.pk) for name, address in where.items()}
        addresses["case"] = with_id(case, referral.case_id)
        missing = missing_words(referral, kind, language)
        rows.append(Submission(referral, missing, wanted, target, late, addresses, days))
    return rows


def missing_words(referral: Referral, kind: BoardKind, language: str | None) -> tuple[str, ...]:
    """What a case misses before its board, in the board's words and the order of the form. No query where the case's tumours
    were prefetched."""
    case = referral.case
    words = dict(dossiers.item_words(case.dossier, language))
    found = dossiers.missing(
        case.dossier,
        case.data,
        [tumour.data for tumour in case.tumours.all()],
        language=language,
        items=kind.required_items.get(case.dossier),
    )
    return tuple(dict.fromkeys(words.get(each.item, each.label) for each in found))


def how_many_missing(count: int) -> str:
    return ngettext("%(counter)s item missing", "%(counter)s items missing", count) % {"counter": count}


SORTS = ("patient", "hospital", "requester", "submitted", "sitting", "missing")


def ordered(rows: list[Submission], sort: str) -> list[Submission]:
    """Sorted by a column (``-`` before it: the other way round); unknown or empty: by sitting, then by when it was handed in."""
    name, reverse = sort.removeprefix("-"), sort.startswith("-")
    rows = sorted(rows, key=lambda row: (row.target.starts_at.timestamp() if row.target else 9e12, _submitted(row)))
    if name in SORTS and name != "sitting":
        rows = sorted(rows, key=lambda row: _key(row, name))
    return rows[::-1] if reverse else rows


def _submitted(row: Submission) -> float:
    return row.referral.submitted_at.timestamp() if row.referral.submitted_at else 0.0


def _key(row: Submission, name: str) -> Any:
    match name:
        case "patient":
            return row.referral.case.patient.name_key
        case "hospital":
            return row.referral.hospital.name
        case "requester":
            return (row.referral.requester.last_name, row.referral.requester.first_name)
        case "missing":
            return -len(row.missing)
    return _submitted(row)
