"""Slots: for how long a guest and the board's observers may see the case of an item."""

from datetime import datetime, timedelta

from django.db import connection

from meetings import call
from meetings.models import AgendaItem, Meeting

SLOT_AT_MOST = timedelta(hours=2)  # a grant ends by itself, whatever happens to the room

_SQL = """
WITH ended AS (
    UPDATE cases_grant SET ended_at = %(at)s WHERE source_id = %(closing)s AND ended_at IS NULL
)
INSERT INTO cases_grant (id, hospital_id, case_id, person_id, via, source_id, given_at, until)
SELECT gen_random_uuid(), %(hospital)s, %(case)s, who.person_id, 'slot', %(opening)s, %(at)s, %(until)s
FROM (
    SELECT person_id FROM directory_boardrole
    WHERE board_id = %(board)s AND role = 'observer' AND valid_from <= %(at)s AND (valid_until IS NULL OR valid_until > %(at)s)
    UNION SELECT %(guest)s::uuid WHERE %(guest)s::uuid IS NOT NULL
    UNION SELECT person_id FROM meetings_guestinvitation
    WHERE item_id = %(opening)s AND confirmed_at IS NOT NULL AND revoked_at IS NULL AND expires_at > %(at)s
) who
WHERE %(case)s::uuid IS NOT NULL
"""


def change_slots(meeting: Meeting, at: datetime, *, closing: AgendaItem | None, opening: AgendaItem | None) -> None:
    """End the grants that came from ``closing`` and give those of ``opening`` (a topic has none), in one statement. On a media
    server the call moves on when one of the two has a guest."""
    call.move_for_guests(meeting, at, closing, opening)
    referral = opening.referral if opening is not None else None
    values = {
        "at": at,
        "closing": closing.pk if closing else None,
        "opening": opening.pk if opening else None,
        "hospital": opening.hospital_id if opening else None,
        "case": referral.case_id if referral else None,
        "guest": referral.guest_id if referral else None,
        "board": meeting.board_id,
        "until": at + SLOT_AT_MOST,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SQL, values)
