"""What boards discussed and decided for one patient, and what they decided for others whose tumour is alike."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cases import access as cases
from cases.models import Case, Referral
from mdo.directory.models import Board
from mdo.kernel.acting import Actor
from meetings import access
from meetings.asked import Asked
from meetings.facets import words_of
from meetings.models import Decision
from meetings.search import Hit, line_of, rows_of, trace, with_codes

MOST = 200
MOST_ALIKE = 10


@dataclass(frozen=True)
class Moment:
    """One line: what a board decided (``hit``), or that it had the case on its table without a decision (``referral``)."""

    at: datetime
    board: Board
    hit: Hit | None = None
    referral: Referral | None = None


@dataclass(frozen=True)
class Alike:
    """A decision for another patient, and what the tumours have in common, in words."""

    hit: Hit
    reasons: list[str]


def timeline(by: Actor, case: Case, language: str | None) -> list[Moment]:
    """Everything that ``by`` may know of this patient, newest first, at most 200 decisions. Six queries. Writes which were shown."""
    found = access.visible_decisions(by).filter(case__patient=case.patient_id).exclude(state=Decision.State.DRAFT)
    ids = list(found.order_by("-meeting__starts_at", "-id").values_list("pk", flat=True)[:MOST])
    decisions = rows_of(by, ids, Asked())
    trace("patient.look_back", decisions, len(ids))
    moments = [Moment(each.meeting.starts_at, each.board, hit=line_of(each, language)) for each in decisions]
    decided = {each.item.referral_id for each in decisions}
    for discussion in (
        cases.visible_discussions(by)
        .filter(case__patient=case.patient_id)
        .select_related("referral__board")
        .order_by("-at")[:MOST]
    ):
        referral = discussion.referral
        if discussion.outcome == Referral.Status.POSTPONED or referral.pk not in decided:
            referral.status = discussion.outcome
            moments.append(Moment(discussion.at, referral.board, referral=referral))
    return sorted(moments, key=lambda moment: moment.at, reverse=True)


def alike(by: Actor, case: Case, language: str | None) -> list[Alike]:
    """Decisions for other patients whose tumour has the same place, stage and receptor profile, then fewer of them, among the cases that
    ``by`` may open; at most ten. Writes which were shown."""
    found: dict[Any, list[str]] = {}
    for tumour in case.tumours.order_by("position"):
        codes: list[str] = tumour.profile
        for shared in (codes, [each for each in codes if not each.startswith("stage:")], codes[:2]):
            if len(shared) >= 2 and len(found) < MOST_ALIKE:
                for decision_id in with_codes(shared):
                    found.setdefault(decision_id, shared)
    decisions = [
        each
        for each in rows_of(by, list(found), Asked())
        if each.case is not None and each.case.patient_id != case.patient_id and each.state != Decision.State.REPLACED
    ][:MOST_ALIKE]
    trace("patient.look_alike", decisions, len(decisions))
    return [Alike(line_of(each, language), words_of(found[each.pk], language)) for each in decisions]
