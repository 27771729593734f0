"""What a board still has to deal with: handed-in cases with what they miss, and what waits for a sitting."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import get_language

from cases import dossiers
from cases.access import visible_referrals
from cases.dossiers.board_kinds import BoardKind, board_kind
from cases.models import Referral
from mdo.directory.access import Standing
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
    item_id: UUID = field(default_factory=new_id)  # of what it becomes when it is put on an agenda

    @property
    def complete(self) -> bool:
        return not self.missing

    @property
    def bulk_value(self) -> str:
        return f"{self.referral.pk}:{self.referral.version}"


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
        rows.append(Submission(referral, missing_words(referral, kind, language), wanted, target, late, addresses))
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
