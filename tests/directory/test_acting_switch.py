"""Somebody who works in two hospitals acts for one at a time, sees which, and changes it in the header."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from mdo.directory.models import OrganisationRole
from mdo.kernel.clock import now
from mdo.kernel.models import AuditEntry
from tests.cast import PASSWORD, Cast

LOG = "audit"


@pytest.fixture
def rotating(cast: Cast, client: Client) -> Client:
    """The requester, who also works in the partner hospital, signed in."""
    OrganisationRole.objects.create(
        person=cast.requester.person,
        organisation=cast.partner_hospital,
        role=OrganisationRole.Role.CLINICIAN,
        valid_from=now() - timedelta(days=1),
    )
    assert client.login(username="requester", password=PASSWORD)
    return client


def test_the_first_by_name_until_another_is_chosen(cast: Cast, rotating: Client) -> None:
    page = rotating.get(reverse(LOG))
    assert page.context["acting_organisation"] == cast.organiser
    assert page.context["acting_choices"] == [cast.organiser, cast.partner_hospital]
    answer = rotating.post(reverse("act_for"), {"organisation": str(cast.partner_hospital.pk)})
    assert (answer.status_code, answer["Location"]) == (302, reverse("today"))
    assert rotating.get(reverse(LOG)).context["acting_organisation"] == cast.partner_hospital
    assert AuditEntry.objects.latest("id").organisation_id == cast.partner_hospital.pk


@pytest.mark.parametrize("wanted", ["outside", "nothing", "junk", "missing"])
def test_another_hospital_does_not_exist(cast: Cast, rotating: Client, wanted: str) -> None:
    values = {
        "outside": {"organisation": str(cast.outside.pk)},
        "nothing": {"organisation": str(uuid4())},
        "junk": {"organisation": "' or 1=1 --\0"},
        "missing": {},
    }
    assert rotating.post(reverse("act_for"), values[wanted]).status_code == 404
    assert rotating.get(reverse(LOG)).context["acting_organisation"] == cast.organiser


def test_a_role_that_ended_ends_the_choice(cast: Cast, rotating: Client) -> None:
    rotating.post(reverse("act_for"), {"organisation": str(cast.partner_hospital.pk)})
    OrganisationRole.objects.filter(person=cast.requester.pk, organisation=cast.partner_hospital).update(
        valid_until=now()
    )
    page = rotating.get(reverse(LOG))
    assert page.context["acting_organisation"] == cast.organiser
    assert page.context["acting_choices"] == [cast.organiser]
    assert rotating.post(reverse("act_for"), {"organisation": str(cast.partner_hospital.pk)}).status_code == 404


def test_an_address_may_say_for_whom_among_the_own(cast: Cast, rotating: Client) -> None:
    own = rotating.get(reverse(LOG), {"for": str(cast.partner_hospital.pk)})
    foreign = rotating.get(reverse(LOG), {"for": str(cast.outside.pk)})
    assert own.context["acting_organisation"] == cast.partner_hospital
    assert foreign.context["acting_organisation"] == cast.organiser


def test_only_by_post_and_only_signed_in(cast: Cast, rotating: Client) -> None:
    assert rotating.get(reverse("act_for")).status_code == 405
    answer = Client().post(reverse("act_for"), {"organisation": str(cast.organiser.pk)})
    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, reverse("account_login"))
