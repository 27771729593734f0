"""The access log as a page: whose rows each of the cast sees, narrowed and in pages, without care content."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse

from mdo.directory import access
from mdo.directory.models import Organisation
from mdo.kernel import audit
from mdo.kernel.acting import acting
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied
from mdo.kernel.models import AuditEntry
from tests.cast import NAMES, PASSWORD, Cast, Member, acting_as


def act(member: Member, action: str, owner: Organisation | None) -> None:
    with acting_as(member):
        audit.act(action, hospital_id=owner.pk if owner else None, detail={})


@pytest.fixture
def acts(cast: Cast) -> None:
    act(cast.chair, "own.read", cast.organiser)
    act(cast.partner, "abroad.read", cast.organiser)  # the partner reads a case of the organiser
    act(cast.chair, "outwards.read", cast.partner_hospital)  # and the other way round
    act(cast.partner, "theirs.read", cast.partner_hospital)
    act(cast.outsider, "elsewhere.read", cast.outside)
    act(cast.requester, "site.done", None)


def seen(member: Member) -> list[str] | None:
    with acting_as(member) as person:
        try:
            return sorted(access.visible_audit(person).values_list("action", flat=True))
        except Denied:
            return None


def test_who_sees_which_rows(cast: Cast, acts: None) -> None:
    found = {name: seen(getattr(cast, name)) for name in NAMES}
    assert found == {
        "privacy": ["abroad.read", "outwards.read", "own.read", "site.done"],  # never what stays inside the partner
        "chair": ["outwards.read", "own.read"],  # a clinician of the house: the own acts
        "coordinator": [],
        "secretary": [],
        "requester": ["site.done"],
        "radiologist": [],
        "partner": ["abroad.read", "theirs.read"],
        "partnersecretary": [],
        "outsider": ["elsewhere.read"],
        "guest": None,
        "admin": None,
        "datamanager": [],
        "observer": None,
    }


def test_the_other_privacy_officer_sees_the_crossing_too(cast: Cast, acts: None) -> None:
    with acting(cast.privacy.person, cast.partner_hospital.pk, "care"), pytest.raises(Denied):
        access.visible_audit(cast.privacy.person)  # no role there
    cast.partner.person.organisation_roles.create(
        organisation=cast.partner_hospital, role="privacy_officer", valid_from=now() - timedelta(days=1)
    )
    assert seen(cast.partner) == ["abroad.read", "outwards.read", "theirs.read"]


@pytest.fixture
def officer(cast: Cast, client: Client) -> Client:
    assert client.login(username="privacy", password=PASSWORD)
    return client


def rows(page: Any) -> list[tuple[str, str]]:
    return [(line.who, line.entry.action) for line in page.context["lines"]]


def test_the_page_names_people_and_places(cast: Cast, acts: None, officer: Client) -> None:
    page = officer.get(reverse("audit"))
    assert rows(page) == [
        ("dr. Sofie Claes", "site.done"),
        ("dr. Greet Vandecasteele", "outwards.read"),
        ("dr. Nele Goossens", "abroad.read"),
        ("dr. Greet Vandecasteele", "own.read"),
    ]
    line = page.context["lines"][2]
    assert (line.acting_for, line.owner) == (cast.partner_hospital, cast.organiser)
    assert [str(each) for each in page.context["people"]] == [
        "dr. Sofie Claes",
        "dr. Nele Goossens",
        "dr. Greet Vandecasteele",
    ]
    looked = AuditEntry.objects.latest("id")
    assert (looked.action, looked.actor_id, looked.hospital_id) == ("audit.listed", cast.privacy.pk, cast.organiser.pk)


def test_narrowed_to_a_person_an_outcome_and_a_period(cast: Cast, acts: None, officer: Client) -> None:
    with acting_as(cast.chair):
        audit.refused("meetings:agenda", "forbidden", object_id=uuid4())
    get = lambda **query: rows(officer.get(reverse("audit"), query))  # noqa: E731
    assert [action for _who, action in get(person=str(cast.partner.pk))] == ["abroad.read"]
    assert [action for _who, action in get(outcome="refused")] == ["meetings:agenda"]
    assert "meetings:agenda" not in [action for _who, action in get(outcome="ok")]
    long_ago = str((now() - timedelta(days=30)).date())
    assert get(since=long_ago, until=long_ago) == []
    assert get(person=str(UUID(int=7))) == []


def test_pages_and_queries(cast: Cast, officer: Client, django_assert_num_queries: Any) -> None:
    act(cast.chair, "own.read", cast.organiser)
    queries = 15
    with django_assert_num_queries(queries):
        assert len(rows(officer.get(reverse("audit")))) == 1
    for _ in range(60):
        act(cast.chair, "own.read", cast.organiser)
    with django_assert_num_queries(queries):
        first = officer.get(reverse("audit"))
    assert (len(rows(first)), first.context["page"].paginator.count) == (50, 62)
    assert len(rows(officer.get(reverse("audit"), {"page": "2"}))) == 13  # 61, and twice that somebody looked
    assert officer.get(reverse("audit"), {"page": "x"}).status_code == 200


@pytest.mark.parametrize("name", ["guest", "admin", "observer"])
def test_who_has_no_right_is_refused(cast: Cast, client: Client, name: str) -> None:
    assert client.login(username=name, password=PASSWORD)
    assert client.get(reverse("audit")).status_code == 403


@pytest.mark.parametrize(
    "query",
    [
        {"since": "yesterday"},
        {"since": ""},
        {"until": "9999-12-31"},
        {"since": "2026-02-02", "until": "2026-02-01"},
        {"since": "2020-01-01", "until": "2026-01-01"},
        {"person": "me\0"},
        {"outcome": "' or 1=1"},
    ],
)
def test_junk_gets_a_sentence(officer: Client, query: dict[str, str]) -> None:
    answer = officer.get(reverse("audit"), query)
    assert answer.status_code == 422
    assert answer.context["form"].errors
