"""Who may answer whether what was decided was done, and who may finish its actions.

**Who.** A follow-up is answered by whom the row ``follow_up`` of the matrix names: the organiser's chair, coordinator and secretary, the
requester for the own patient, secretaries and members for the own hospital's, and its data manager. An action is finished by its owner or by those. Both
need the case itself (``cases/access.py``), except the data manager, who sees of it what the list shows and may open nothing of it; of a
patient who died nobody is asked any more.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from django.db.models import Q, QuerySet

from cases.access import place as case_place
from cases.access import visible_cases
from cases.models import living
from mdo.directory import access as directory
from mdo.directory.access import Standing
from mdo.directory.matrix import Seat, permits
from mdo.directory.models import OrganisationRole
from mdo.kernel import audit
from mdo.kernel.acting import Actor, current, elevated
from mdo.kernel.action import granted
from mdo.kernel.errors import Denied, NotFound
from meetings import access
from meetings.models import DecisionAction, FollowUp

PATIENT = "case__patient"


def answers_for_the_house(by: Actor) -> bool:
    """Whether somebody answers for every case of the own hospital without reading cases: its data manager."""
    held = OrganisationRole.Role.DATA_MANAGER in directory.organisation_roles(by)
    return held and permits("follow_up", {Seat.DATA_MANAGER}, {"own"})


@contextmanager
def drawn_for(by: Actor) -> Iterator[None]:
    """Read here what the list and the form of an answer show: name, day of birth, what was recommended. A data manager may read neither
    case nor decision, so for them it is read as the house; which rows they are is still said by the lists below."""
    if not answers_for_the_house(by):
        yield
        return
    with elevated("followup.drawn"):
        yield


def _answerable(by: Actor, standings: Sequence[Standing] | None = None, right: str = "follow_up") -> Q:
    """Which rows of the visible cases somebody may answer, or has another ``right`` to; ``case_place`` says the same of one."""
    organisation_id = current().organisation_id
    found = Q(item__referral__requester=by.actor_id, hospital=organisation_id)
    if OrganisationRole.Role.SECRETARY in directory.organisation_roles(by):
        found |= Q(hospital=organisation_id)
    for standing in directory.visible_boards(by) if standings is None else standings:
        if standing.permits(right):
            found |= Q(board=standing.board, hospital__in=standing.reach)
        elif standing.permits(right, ["own"]):
            found |= Q(board=standing.board, hospital=standing.organisation_id)
    return found


def visible_follow_ups(by: Actor, standings: Sequence[Standing] | None = None) -> QuerySet[FollowUp]:
    """The follow-ups that somebody may answer, of living patients. To be asked within ``drawn_for``."""
    readable = Q(_answerable(by, standings), case__in=visible_cases(by))
    if answers_for_the_house(by):
        readable |= Q(hospital=current().organisation_id)
    return FollowUp.objects.filter(readable, living(PATIENT))


def visible_to_refer(by: Actor) -> QuerySet[FollowUp]:
    """The follow-ups, of living patients, whose case somebody may put before a board again: of the own hospital."""
    own = FollowUp.objects.filter(_answerable(by, right="submit"), hospital=current().organisation_id)
    return own.filter(living(PATIENT), case__in=visible_cases(by))


def visible_actions(by: Actor, standings: Sequence[Standing] | None = None) -> QuerySet[DecisionAction]:
    """The actions that are not done, of signed decisions: the own ones, and those of cases that somebody follows up."""
    mine = Q(owner=by.actor_id) | (_answerable(by, standings) & Q(case__isnull=False))
    boards = [each.board for each in (directory.visible_boards(by) if standings is None else standings)]
    readable = Q(case__in=visible_cases(by)) | Q(case=None, board__in=boards)
    return DecisionAction.objects.filter(mine, readable, living(PATIENT), done_at=None, dropped=False)


def access_follow_up_for(by: Actor, follow_up_id: UUID, *, lock: bool = True) -> FollowUp:
    """The follow-up, locked, for whoever may answer it. Raises ``NotFound`` or ``Denied``."""
    readable = Q(case__in=visible_cases(by))
    if answers_for_the_house(by):
        readable |= Q(hospital=current().organisation_id)
    rows = FollowUp.objects.select_for_update(of=("self",)) if lock else FollowUp.objects
    found = rows.filter(readable, pk=follow_up_id).select_related(
        "case__patient", "case__hospital", "board", "decision__meeting", "item"
    )
    with drawn_for(by):
        row = found.first()
    if row is None:
        raise NotFound()
    if not case_place(by, row.case).permits("follow_up"):
        raise Denied()
    granted("follow_up", hospital_id=row.hospital_id)
    return row


def access_follow_up_for_reading(by: Actor, follow_up_id: UUID) -> FollowUp:
    """The follow-up with what its form shows of the case, for whoever may answer it; writes the read row. Raises ``NotFound`` or
    ``Denied``."""
    row = access_follow_up_for(by, follow_up_id, lock=False)
    audit.read("case", row.case_id, hospital_id=row.hospital_id, patient_id=row.case.patient_id)
    return row


def access_follow_up_for_referring(by: Actor, follow_up_id: UUID) -> FollowUp:
    """The follow-up, locked, for whoever may put its case before a board again. Raises ``NotFound`` or ``Denied``."""
    row = (
        FollowUp.objects.select_for_update(of=("self",))
        .filter(pk=follow_up_id, case__in=visible_cases(by))
        .select_related("case", "board", "decision__meeting", "item__referral")
        .first()
    )
    if row is None:
        raise NotFound()
    if not may_refer(by, row):
        raise Denied()
    granted("submit", hospital_id=row.hospital_id)
    return row


def access_action_for(by: Actor, action_id: UUID) -> DecisionAction:
    """The action, locked, for its owner and for whoever follows the case up. Raises ``NotFound`` or ``Denied``."""
    row = (
        DecisionAction.objects.select_for_update(of=("self",))
        .filter(pk=action_id, decision__in=access.visible_decisions(by))
        .select_related("case", "item__meeting__board")
        .first()
    )
    if row is None:
        raise NotFound()
    if row.owner_id != by.actor_id and not _follows(by, row):
        raise Denied()
    granted("follow_up", hospital_id=row.hospital_id)
    return row


def _follows(by: Actor, row: DecisionAction) -> bool:
    if row.case is not None:
        return case_place(by, row.case).permits("follow_up")
    return access.chair_at(by, row.item.meeting).permits("follow_up")


def may_answer(by: Actor, row: FollowUp) -> bool:
    """Whether somebody who may read the case may answer for it."""
    return case_place(by, row.case).permits("follow_up")


def may_refer(by: Actor, row: FollowUp) -> bool:
    """Whether somebody may put the case before a board again: its own hospital does that."""
    at_home = row.hospital_id == current().organisation_id
    return at_home and case_place(by, row.case).permits("submit")
