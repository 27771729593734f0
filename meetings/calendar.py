"""A meeting as a calendar invitation (iTIP, RFC 5546): REQUEST and CANCEL, one message per person.

No health data goes in (DOMAIN §8): the name of the board, a time, a place and a link. Text goes through icalendar,
which escapes it and folds lines; characters that could break a line or hide text are taken out first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone, TimezoneDaylight, TimezoneStandard, vCalAddress, vText

from mdo.kernel.lines import lines_of, one_line

PRODID = "-//MDO//meetings//EN"
# The UID is made of the meeting's own key and this domain (reserved, RFC 6761), so it never changes with a site's
# address.
UID_DOMAIN = "mdo.invalid"


@dataclass(frozen=True, slots=True)
class Attendee:
    """One invited person; `required` False = optional."""

    email: str
    name: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class Invitation:
    """What an invitation says. `starts_at`, `ends_at`, `stamp` (when this version was made): aware. `sequence` rises
    with every change of time or place; a cancellation needs a higher one than the last request. `zone`: IANA name."""

    meeting_id: UUID
    sequence: int
    starts_at: datetime
    ends_at: datetime
    title: str
    organiser: Attendee
    stamp: datetime
    zone: str = "Europe/Brussels"
    place: str = ""
    description: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One sitting in somebody's own calendar."""

    meeting_id: UUID
    sequence: int
    starts_at: datetime
    ends_at: datetime
    title: str
    stamp: datetime
    zone: str
    place: str
    link: str


PathOf = Callable[[UUID], str]


def published(name: str, entries: Sequence[Entry]) -> bytes:
    """A calendar to subscribe to: `METHOD:PUBLISH` (RFC 5546 §3.2.1), its name and how often to look (RFC 7986 §5.1, §5.7)."""
    calendar = _calendar("PUBLISH")
    calendar.add("NAME", name)
    calendar.add("X-WR-CALNAME", name)
    calendar.add("REFRESH-INTERVAL", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    first: dict[str, int] = {}
    for each in entries:
        first[each.zone] = min(first.get(each.zone, each.starts_at.year), each.starts_at.year)
    for zone, year in sorted(first.items()):
        calendar.add_component(_timezone(zone, year))
    for each in entries:
        calendar.add_component(_event(each, "CONFIRMED", "PUBLISH"))
    content: bytes = calendar.to_ical()
    return content


def uid(meeting_id: UUID) -> str:
    """The calendar UID of a meeting, the same for ever."""
    return f"{meeting_id}@{UID_DOMAIN}"


def request(invitation: Invitation, attendee: Attendee) -> bytes:
    """The REQUEST for one person, as the bytes of a `text/calendar; method=REQUEST` part (UTF-8, CRLF lines)."""
    return _message("REQUEST", "CONFIRMED", invitation, attendee)


def cancel(invitation: Invitation, attendee: Attendee) -> bytes:
    """The CANCEL for one person; ValueError when its sequence is 0, since it could cancel nothing."""
    if invitation.sequence < 1:
        raise ValueError("a cancellation needs a higher sequence than the request that it cancels")
    return _message("CANCEL", "CANCELLED", invitation, attendee)


def _calendar(method: str) -> Calendar:
    calendar = Calendar()
    calendar.add("PRODID", PRODID)
    calendar.add("VERSION", "2.0")
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("METHOD", method)
    return calendar


def _event(shown: Invitation | Entry, status: str, method: str) -> Event:
    zone = ZoneInfo(shown.zone)
    event = Event()
    event.add("UID", uid(shown.meeting_id))
    event.add("SEQUENCE", shown.sequence)
    event.add("DTSTAMP", shown.stamp.astimezone(UTC))
    event.add("DTSTART", shown.starts_at.astimezone(zone))
    event.add("DTEND", shown.ends_at.astimezone(zone))
    event.add("SUMMARY", one_line(shown.title))
    event.add("STATUS", status)
    event.add("TRANSP", "TRANSPARENT" if method == "CANCEL" else "OPAQUE")
    event.add("CLASS", "PRIVATE")
    if shown.place:
        event.add("LOCATION", one_line(shown.place))
    if shown.link:
        event.add("URL", shown.link)
    return event


def _message(method: str, status: str, invitation: Invitation, attendee: Attendee) -> bytes:
    calendar = _calendar(method)
    calendar.add_component(_timezone(invitation.zone, invitation.starts_at.year))
    event = _event(invitation, status, method)
    if text := "\n\n".join(part for part in (lines_of(invitation.description), invitation.link) if part):
        event.add("DESCRIPTION", text)
    event.add("ORGANIZER", _address(invitation.organiser))
    event.add("ATTENDEE", _invited(attendee, asks=method == "REQUEST"))
    calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def _address(person: Attendee) -> vCalAddress:
    address = vCalAddress(f"mailto:{one_line(person.email).replace(' ', '')}")
    if person.name:
        # A double quote cannot stand in a parameter (RFC 5545 §3.2).
        address.params["CN"] = vText(one_line(person.name).replace('"', "'"))
    return address


def _invited(person: Attendee, *, asks: bool) -> vCalAddress:
    address = _address(person)
    address.params["CUTYPE"] = vText("INDIVIDUAL")
    address.params["ROLE"] = vText("REQ-PARTICIPANT" if person.required else "OPT-PARTICIPANT")
    if asks:
        address.params["PARTSTAT"] = vText("NEEDS-ACTION")
        # Nobody reads the mailbox of the organiser (docs/decisions/calendar-replies.md): people answer on the agenda's page.
        address.params["RSVP"] = vText("FALSE")
    return address


@lru_cache(maxsize=64)
def _timezone(name: str, year: int) -> Timezone:
    """VTIMEZONE with the observances in force from the year before the meeting to the year after it.

    Written out here because icalendar's own generator states the spring onset in the time after the change, one hour
    late (RFC 5545 §3.6.5 wants the local time before it).
    """
    zone = ZoneInfo(name)
    component = Timezone()
    component.add("TZID", name)
    first = datetime(year - 1, 1, 1, tzinfo=UTC)
    onsets = [(first, first), *_changes(zone, first, datetime(year + 2, 1, 1, tzinfo=UTC))]
    for before, onset in onsets:
        old, new = before.astimezone(zone), onset.astimezone(zone)
        observance = TimezoneDaylight() if new.dst() else TimezoneStandard()
        observance.add("DTSTART", onset.astimezone(timezone(old.utcoffset() or timedelta(0))).replace(tzinfo=None))
        observance.add("TZOFFSETFROM", old.utcoffset())
        observance.add("TZOFFSETTO", new.utcoffset())
        observance.add("TZNAME", new.tzname())
        component.add_component(observance)
    return component


def _changes(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
    """(a moment before, the onset) in UTC of each change of offset between two moments, to the minute."""
    low = first
    while low < last:
        high = low + timedelta(days=7)
        if low.astimezone(zone).utcoffset() != high.astimezone(zone).utcoffset():
            before, onset = low, high
            while onset - before > timedelta(minutes=1):
                middle = before + timedelta(minutes=(onset - before) // timedelta(minutes=2))
                if middle.astimezone(zone).utcoffset() == before.astimezone(zone).utcoffset():
                    before = middle
                else:
                    onset = middle
            yield before, onset
        low = high
