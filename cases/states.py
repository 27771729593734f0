"""The states of a referral and how it goes from one to the next.

draft → submitted → accepted → scheduled → discussed is the straight road; what a step may lead to stands in ``NEXT``. The
functions here are called inside actions (of ``cases`` and of ``meetings``), which hold the locks and asked for the right.
"""

from typing import Final

from django.utils.translation import gettext as _

from cases import discussions
from cases.events import ReferralMoved
from cases.models import Referral
from mdo.kernel.clock import now
from mdo.kernel.errors import RuleBroken

Status = Referral.Status

NEXT: Final[dict[Status, tuple[Status, ...]]] = {
    Status.DRAFT: (Status.SUBMITTED, Status.WITHDRAWN),
    Status.SUBMITTED: (Status.ACCEPTED, Status.RETURNED, Status.WITHDRAWN),
    Status.RETURNED: (Status.SUBMITTED, Status.WITHDRAWN),
    Status.ACCEPTED: (Status.SCHEDULED, Status.RETURNED, Status.WITHDRAWN),
    Status.SCHEDULED: (Status.DISCUSSED, Status.POSTPONED, Status.ACCEPTED, Status.RETURNED, Status.WITHDRAWN),
    Status.POSTPONED: (Status.SCHEDULED, Status.ACCEPTED, Status.DISCUSSED, Status.WITHDRAWN),
    Status.DISCUSSED: (),
    Status.WITHDRAWN: (),
}


def can_move(referral: Referral, to: Status) -> bool:
    """Whether the state machine lets the referral go from where it is to ``to``."""
    return to in NEXT[Status(referral.status)]


def move(referral: Referral, to: Status) -> ReferralMoved:
    """Let the (locked) referral go to ``to`` and return the event.

    Effects: status, version + 1, changed_at; submitted_at when it is handed in. Saves these columns, and
    ``returned_reason``, which the caller may have set (it is emptied when the referral goes on). When it was discussed or
    postponed, the dossier is kept as it lay on the table.
    Raises ``RuleBroken`` when no road leads from its state to ``to``.
    """
    before = Status(referral.status)
    if to not in NEXT[before]:
        raise RuleBroken(
            _("A case that is “%(before)s” cannot become “%(after)s”.") % {"before": before.label, "after": to.label}
        )
    return _set(referral, to)


def take_back(referral: Referral, to: Status) -> ReferralMoved:
    """Let the (locked) referral stand again where it stood before a step that is taken back: the one road against ``NEXT``. The
    caller answers for it that this was its state a moment ago."""
    if referral.status in discussions.KEPT:
        discussions.forget_last(referral)
    return _set(referral, to, keep=False)


def _set(referral: Referral, to: Status, *, keep: bool = True) -> ReferralMoved:
    before = referral.status
    referral.status = to
    referral.version += 1
    referral.changed_at = now()
    if to == Status.SUBMITTED:
        referral.submitted_at = referral.changed_at
    if to != Status.RETURNED:
        referral.returned_reason = ""
    if keep and to in discussions.KEPT:
        discussions.move_and_keep(referral)
    else:
        referral.save(update_fields=["status", "version", "changed_at", "submitted_at", "returned_reason"])
    return ReferralMoved(
        referral_id=referral.pk,
        case_id=referral.case_id,
        board_id=referral.board_id,
        hospital_id=referral.hospital_id,
        before=before,
        after=to,
        version=referral.version,
    )
