"""Personal calendar feeds: the secret in their address, and what they hold.

The secret follows by HMAC-SHA256 from the site's own, the feed's id and its round, as with guests' links (``guests.py``): nobody learns
it from the database. A feed holds what an invitation holds, the name of the board, time, place and a link: no patient, no
requester, no number of cases. Whoever lost a place on a board finds its sittings gone.
"""

import hmac
from base64 import b64decode, urlsafe_b64encode
from datetime import timedelta
from uuid import UUID

from django.utils.crypto import salted_hmac

from mdo.directory import access as directory
from mdo.directory.models import Person
from mdo.kernel.acting import acting
from mdo.kernel.clock import now
from meetings import access, calendar
from meetings.models import CalendarFeed, Meeting

BEHIND = timedelta(days=60)
AHEAD = timedelta(days=365)  # no further than the time zones that the calendar writes out
MOST = 500
_SHOWN = (Meeting.State.PUBLISHED, Meeting.State.RUNNING, Meeting.State.CLOSED)


def token(feed: CalendarFeed) -> str:
    """What its address holds: the feed's id and 256 bits that nobody can guess (64 characters)."""
    mac = salted_hmac("mdo.calendar.feed", f"{feed.pk}:{feed.round}", algorithm="sha256").digest()
    return urlsafe_b64encode(feed.pk.bytes + mac).decode()


def find(text: str) -> CalendarFeed | None:
    """The living feed with this address; takes the same time whatever was sent. One query, as the house."""
    if len(text) != 64 or not text.isascii():
        return None
    try:
        raw = b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        return None
    feed = CalendarFeed.objects.select_related("person").filter(pk=UUID(bytes=raw[:16]), ended_at=None).first()
    if feed is None or not feed.person.is_active or not hmac.compare_digest(token(feed), text):
        return None
    return feed


def sittings(person: Person) -> list[Meeting]:
    """The sittings that somebody may know of, for any of their organisations, oldest first. Opens its own doors."""
    at = now()
    found: dict[UUID, Meeting] = {}
    for organisation in directory.organisations_of(person):
        with acting(person, organisation.pk, "calendar"):
            known = access.visible_meetings(person).filter(
                state__in=_SHOWN, imported=False, starts_at__gt=at - BEHIND, starts_at__lt=at + AHEAD
            )
            for meeting in known.select_related("board__organiser").order_by("-starts_at")[:MOST]:
                found.setdefault(meeting.pk, meeting)
    return sorted(found.values(), key=lambda each: each.starts_at)


def feed_of(person: Person, origin: str, path_of: "calendar.PathOf") -> bytes:
    """The feed as a calendar (RFC 5545; RFC 7986 for its name and how often to look)."""
    entries = [
        calendar.Entry(
            meeting_id=meeting.pk,
            sequence=meeting.calendar_sequence,
            starts_at=meeting.starts_at,
            ends_at=meeting.ends_at,
            title=meeting.board.name,
            stamp=meeting.published_at or meeting.starts_at,
            zone=meeting.board.time_zone,
            place=meeting.place,
            link=f"{origin}{path_of(meeting.pk)}",
        )
        for meeting in sittings(person)
    ]
    return calendar.published("MDO", entries)
