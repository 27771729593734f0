"""Invitations parsed back: what a calendar program reads is what was meant, whatever stands in a title or name."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar
from vobject import readOne

from meetings.calendar import Attendee, Invitation, cancel, request

BRUSSELS = ZoneInfo("Europe/Brussels")
ORGANISER = Attendee("mdo@sint-elisabeth.example", "Secretariat, breast board")
MEMBER = Attendee("leen@sint-rembert.example", "Dr. Leen Janssens")
SITTING = Invitation(
    meeting_id=UUID("01934a5e-77aa-7c11-9d31-1f2b6f0a1c22"),
    sequence=0,
    starts_at=datetime(2026, 11, 25, 13, tzinfo=UTC),
    ends_at=datetime(2026, 11, 25, 14, 30, tzinfo=UTC),
    title="MOC Breast board",
    organiser=ORGANISER,
    stamp=datetime(2026, 11, 23, 9, tzinfo=UTC),
    place="Room 3",
    link="https://mdo.example/meetings/01934a5e-77aa-7c11-9d31-1f2b6f0a1c22/",
)


def parts(content: bytes) -> tuple[Any, Any]:
    calendar: Any = Calendar.from_ical(content)
    assert [c.name for c in calendar.subcomponents] == ["VTIMEZONE", "VEVENT"]
    return calendar, calendar.walk("VEVENT")[0]


def test_a_request_read_back() -> None:
    calendar, event = parts(request(SITTING, MEMBER))
    assert (calendar["METHOD"], calendar["VERSION"], calendar["CALSCALE"]) == ("REQUEST", "2.0", "GREGORIAN")
    assert event["UID"] == "01934a5e-77aa-7c11-9d31-1f2b6f0a1c22@mdo.invalid"
    assert (event["SEQUENCE"], event["STATUS"], event["CLASS"]) == (0, "CONFIRMED", "PRIVATE")
    assert event["DTSTART"].dt == datetime(2026, 11, 25, 14, tzinfo=BRUSSELS)
    assert event["DTEND"].dt == datetime(2026, 11, 25, 15, 30, tzinfo=BRUSSELS)
    assert event["DTSTART"].params["TZID"] == "Europe/Brussels"
    assert event["DTSTAMP"].dt == datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert (event["SUMMARY"], event["LOCATION"], event["URL"]) == ("MOC Breast board", "Room 3", SITTING.link)
    assert event["DESCRIPTION"] == SITTING.link
    assert event["ORGANIZER"] == "mailto:mdo@sint-elisabeth.example"
    assert event["ORGANIZER"].params["CN"] == "Secretariat, breast board"
    assert event["ATTENDEE"] == "mailto:leen@sint-rembert.example"
    assert dict(event["ATTENDEE"].params) == {
        "CN": "Dr. Leen Janssens",
        "CUTYPE": "INDIVIDUAL",
        "PARTSTAT": "NEEDS-ACTION",
        "ROLE": "REQ-PARTICIPANT",
        "RSVP": "FALSE",
    }


@pytest.mark.parametrize(("month", "hour"), [(11, 13), (7, 12)], ids=["winter", "summer"])
def test_another_program_reads_the_same(month: int, hour: int) -> None:
    """vobject knows nothing of icalendar, by which the invitation was written; the zone comes from the VTIMEZONE in the file."""
    starts_at = datetime(2026, month, 25, hour, tzinfo=UTC)
    sitting = replace(SITTING, sequence=3, starts_at=starts_at, ends_at=starts_at + timedelta(hours=1))
    for content, method, status in (
        (request(sitting, MEMBER), "REQUEST", "CONFIRMED"),
        (cancel(sitting, MEMBER), "CANCEL", "CANCELLED"),
    ):
        calendar: Any = readOne(content.decode())
        event = calendar.vevent
        assert (calendar.method.value, event.status.value, event.sequence.value) == (method, status, "3")
        assert event.uid.value == "01934a5e-77aa-7c11-9d31-1f2b6f0a1c22@mdo.invalid"
        assert (event.dtstart.value.hour, event.dtstart.value.astimezone(UTC)) == (14, starts_at)
        assert event.dtend.value.astimezone(UTC) == starts_at + timedelta(hours=1)
        assert event.summary.value == SITTING.title
        assert event.attendee.value == "mailto:leen@sint-rembert.example"


def test_an_optional_guest() -> None:
    _calendar, event = parts(request(SITTING, replace(MEMBER, required=False, name="")))
    assert event["ATTENDEE"].params["ROLE"] == "OPT-PARTICIPANT"
    assert "CN" not in event["ATTENDEE"].params


def test_a_cancellation_read_back() -> None:
    calendar, event = parts(cancel(replace(SITTING, sequence=2), MEMBER))
    assert calendar["METHOD"] == "CANCEL"
    assert (event["STATUS"], event["SEQUENCE"], event["UID"]) == (
        "CANCELLED",
        2,
        "01934a5e-77aa-7c11-9d31-1f2b6f0a1c22@mdo.invalid",
    )
    assert "RSVP" not in event["ATTENDEE"].params


def test_a_cancellation_needs_a_higher_sequence() -> None:
    with pytest.raises(ValueError, match="sequence"):
        cancel(SITTING, MEMBER)


@pytest.mark.parametrize(
    ("name", "transitions"),
    [
        (
            "Europe/Brussels",
            {
                ("DAYLIGHT", "2026-03-29T02:00:00", 1, 2),
                ("STANDARD", "2026-10-25T03:00:00", 2, 1),
            },
        ),
        (
            "Europe/London",
            {
                ("DAYLIGHT", "2026-03-29T01:00:00", 0, 1),
                ("STANDARD", "2026-10-25T02:00:00", 1, 0),
            },
        ),
    ],
)
def test_the_zone_states_each_change_in_the_local_time_before_it(
    name: str, transitions: set[tuple[str, str, int, int]]
) -> None:
    calendar, _event = parts(request(replace(SITTING, zone=name), MEMBER))
    zone = calendar.walk("VTIMEZONE")[0]
    assert zone["TZID"] == name
    assert transitions == {
        (
            o.name,
            o["DTSTART"].dt.isoformat(),
            int(o["TZOFFSETFROM"].td.total_seconds() // 3600),
            int(o["TZOFFSETTO"].td.total_seconds() // 3600),
        )
        for o in zone.subcomponents
        if o["DTSTART"].dt.year == 2026
    }


def test_a_zone_without_summer_time() -> None:
    calendar, event = parts(request(replace(SITTING, zone="Africa/Kinshasa"), MEMBER))
    assert [o.name for o in calendar.walk("VTIMEZONE")[0].subcomponents] == ["STANDARD"]
    assert event["DTSTART"].dt.astimezone(UTC) == SITTING.starts_at


def test_summer_and_winter_give_the_same_moment_back() -> None:
    for month in range(1, 13):
        starts = datetime(2026, month, 18, 13, tzinfo=UTC)
        moved = replace(SITTING, starts_at=starts, ends_at=starts + timedelta(hours=1))
        _calendar, event = parts(request(moved, MEMBER))
        assert event["DTSTART"].dt.astimezone(UTC) == starts


def test_line_breaks_and_other_tricks_stay_text() -> None:
    nasty = 'Board; "A", B\\n\r\nEND:VEVENT\r\nBEGIN:VALARM\u2028\u202egnp.exe\x00\ud800'
    invitation = replace(
        SITTING, title=nasty, place=nasty, organiser=Attendee("a@b.example", nasty), description="one\r\ntwo", link=""
    )
    _calendar, event = parts(request(invitation, Attendee("c@d.example", nasty)))
    expected = 'Board; "A", B\\n END:VEVENT BEGIN:VALARM gnp.exe'
    assert event["SUMMARY"] == event["LOCATION"] == expected
    assert event["ORGANIZER"].params["CN"] == expected.replace('"', "'")
    assert event["DESCRIPTION"] == "one\ntwo"
    assert event.subcomponents == []


@settings(max_examples=60)
@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_gives_one_event_with_lines_that_mail_can_carry(title: str, name: str) -> None:
    content = request(replace(SITTING, title=title, place=title), replace(MEMBER, name=name))
    assert content.endswith(b"\r\n")
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    assert b"\n" not in content.replace(b"\r\n", b"")
    _calendar, event = parts(content)
    assert event["ATTENDEE"] == "mailto:leen@sint-rembert.example"
