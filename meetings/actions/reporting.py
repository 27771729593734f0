"""Reports and minutes: ordered when a meeting closes or a decision is signed, made by a worker."""

from meetings.models import Decision, Meeting, Report
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


def order_reports(meeting: Meeting) -> None:
    """Order the report of each recorded decision and the minutes of the meeting. Called inside the action that closes it."""
    at = now()
    rows = [
        Report(
            id=new_id(),
            hospital_id=decision.hospital_id,
            kind=Report.Kind.CASE,
            meeting=meeting,
            decision=decision,
            edition="recorded",
            due_at=at,
        )
        for decision in Decision.objects.filter(meeting=meeting, state=Decision.State.RECORDED, case__isnull=False)
    ]
    rows.append(
        Report(
            id=new_id(), hospital_id=meeting.hospital_id, kind=Report.Kind.MINUTES, meeting=meeting, edition="recorded", due_at=at
        )
    )
    Report.objects.bulk_create(rows, ignore_conflicts=True)


