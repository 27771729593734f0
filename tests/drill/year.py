"""A year of one board: fifty sittings of twelve cases, signed one sitting after another by the action that signs, with the reports made."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

WEEKS, CASES = 50, 12


def fill(cast: Any, weeks: int) -> int:
    """Insert what was discussed and sign it; the number of signed decisions."""
    from cases.models import Referral
    from mdo.kernel import audit, work
    from mdo.kernel.acting import System, acting
    from mdo.kernel.clock import frozen, now
    from mdo.kernel.ids import new_id
    from meetings import chain
    from meetings.actions.reporting import make_report
    from meetings.actions.signing import sign_decisions
    from meetings.models import AgendaItem, Decision, Meeting, Report
    from tests.cast import acting_as
    from tests.factories import make_decision, make_item, make_meeting, make_referral

    present, house = now(), System("drill")
    for week in range(weeks, 0, -1):
        starts_at = present - timedelta(weeks=week)
        with frozen(starts_at + timedelta(hours=3)):
            meeting = make_meeting(cast.board, state=Meeting.State.CLOSED, starts_at=starts_at)
            for number in range(CASES):
                hospital, requester = (
                    (cast.organiser, cast.requester) if number % 3 else (cast.partner_hospital, cast.partner)
                )
                referral = make_referral(
                    cast.board,
                    hospital,
                    requester.person,
                    status=Referral.Status.DISCUSSED,
                    requested_on=starts_at.date(),
                )
                make_decision(make_item(meeting, referral, state=AgendaItem.State.DISCUSSED))
            with acting_as(cast.coordinator) as person:
                read = [(each.pk, chain.seen(each)) for each in Decision.objects.filter(meeting=meeting)]
                sign_decisions(by=person, meeting_id=meeting.pk, decisions=read, command_id=new_id())
    with acting(house, None, "work"):
        due = list(Report.objects.filter(state=work.State.WAITING).values_list("pk", flat=True))
    for report_id in due:
        with acting(house, None, "work"):
            make_report(by=house, report_id=report_id)
    while audit.seal():
        pass
    return weeks * CASES
