"""Personal calendar feeds: what is in them, for whom, and how their address is made worthless. Read by two parsers."""

from datetime import timedelta
from typing import Any

import pytest
import x_wr_timezone  # noqa: F401  (the second reader's own reading of zones)
from django.test import Client
from django.urls import reverse
from icalendar import Calendar
from recurring_ical_events import of

from mdo.directory.events import DirectoryChanged
from mdo.directory.models import Agreement, Person
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from meetings import feeds
from meetings.actions import feeding
from meetings.models import CalendarFeed, Meeting
from tests.cast import Cast, Member, acting_as
from tests.factories import make_item, make_meeting, make_referral, writing

OWN = "/calendar/"


def client_of(member: Member) -> Client:
    client = Client()
    client.force_login(member.person)
    return client


def make(member: Member) -> str:
    """This member's address, made as they make it."""
    client = client_of(member)
    assert client.post(OWN, {"command_id": new_id(), "do": "renew"}).status_code == 303
    return str(client.get(OWN).context["address"])


def path(address: str) -> str:
    return "/calendar/" + address.rpartition("/")[2]


def read(address: str) -> Calendar:
    answer = Client().get(path(address))
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    return Calendar.from_ical(answer.content)


@pytest.fixture
def meetings(cast: Cast) -> list[Meeting]:
    return [
        make_meeting(
            cast.board,
            state=state,
            starts_at=now() + timedelta(days=days),
            ends_at=now() + timedelta(days=days, hours=1),
        )
        for state, days in (("published", 3), ("closed", -20), ("planned", 5), ("cancelled", 6), ("published", 500))
    ]


def test_the_sittings_that_one_may_know_of(cast: Cast, meetings: list[Meeting]) -> None:
    found = read(make(cast.radiologist))
    events = found.walk("VEVENT")
    assert [str(each["UID"]) for each in events] == [f"{each.pk}@mdo.invalid" for each in (meetings[1], meetings[0])]
    assert str(events[1]["SUMMARY"]) == cast.board.name
    assert str(events[1]["URL"]).endswith(reverse("meetings:agenda", args=[meetings[0].pk]))
    assert (str(found["METHOD"]), len(found.walk("VTIMEZONE"))) == ("PUBLISH", 1)
    # The other reader finds the same moment, by the zone that is written out.
    (seen,) = of(found).between(meetings[0].starts_at - timedelta(hours=1), meetings[0].starts_at + timedelta(hours=1))
    assert seen["DTSTART"].dt == meetings[0].starts_at.replace(microsecond=0)


def test_nobody_reads_what_they_may_not_know_of(cast: Cast, meetings: list[Meeting]) -> None:
    assert read(make(cast.outsider)).walk("VEVENT") == []
    address = make(cast.partner)
    assert len(read(address).walk("VEVENT")) == 2
    Agreement.objects.filter(pk=cast.agreement.pk).update(status=Agreement.Status.ENDED)
    assert read(address).walk("VEVENT") == []


def test_a_new_address_makes_the_old_one_worthless_and_so_does_ending(cast: Cast, meetings: list[Meeting]) -> None:
    first = make(cast.radiologist)
    second = make(cast.radiologist)
    assert first != second
    assert (Client().get(path(first)).status_code, Client().get(path(second)).status_code) == (404, 200)
    client_of(cast.radiologist).post(OWN, {"command_id": new_id(), "do": "end"})
    assert Client().get(path(second)).status_code == 404
    assert CalendarFeed.objects.get().ended_at is not None


def test_whoever_may_no_longer_sign_in_reads_nothing(cast: Cast, meetings: list[Meeting]) -> None:
    address = make(cast.radiologist)
    Person.objects.filter(pk=cast.radiologist.pk).update(is_active=False)
    assert Client().get(path(address)).status_code == 404


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t[:-1] + "A", lambda t: "é" * 64, lambda t: "=" * 64, lambda t: "x"]
)
def test_what_is_no_address_is_nowhere(cast: Cast, change: Any) -> None:
    token = path(make(cast.radiologist)).removeprefix("/calendar/").removesuffix(".ics")
    forged = change(token)
    if forged == token:
        forged = token[:-1] + "B"
    assert Client().get(f"/calendar/{forged}.ics").status_code == 404
    assert feeds.find(token) is not None


def test_the_secret_is_not_in_the_database(cast: Cast) -> None:
    token = path(make(cast.radiologist)).removeprefix("/calendar/").removesuffix(".ics")
    feed = CalendarFeed.objects.get()
    assert all(token[24:] not in str(value) for value in vars(feed).values())


def test_no_patient_is_in_it(cast: Cast, meetings: list[Meeting]) -> None:
    with writing():
        referral = make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled")
        make_item(meetings[0], referral)
        names = {referral.case.patient.family_name, referral.case.patient.national_number, referral.question}
    text = read(make(cast.requester)).to_ical().decode()
    assert not [name for name in names if name in text]


def test_what_is_done_leaves_its_trace(cast: Cast) -> None:
    changed = DirectoryChanged(kind="person", object_id=cast.radiologist.pk, how="feed")
    with acting_as(cast.radiologist) as by:
        assert feeding.renew_feed(by=by, command_id=new_id()).events == (changed,)
    with acting_as(cast.radiologist) as by:
        assert feeding.end_feed(by=by, command_id=new_id()).events == (changed,)
    with acting_as(cast.radiologist) as by:
        assert feeding.end_feed(by=by, command_id=new_id()).events == ()
    rows = AuditEntry.objects.filter(actor_id=cast.radiologist.pk, action__startswith="calendar.").order_by("id")
    assert list(rows.values_list("action", "outcome")) == [
        ("calendar.renew_feed", "ok"),
        ("calendar.end_feed", "ok"),
        ("calendar.end_feed", "ok"),
    ]
