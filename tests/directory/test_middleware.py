"""The door for web requests: one transaction, refusals in words with the right status, traces of what was refused."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from mdo.directory.middleware import is_id
from mdo.directory.models import Organisation, OrganisationRole
from mdo.kernel.clock import now
from mdo.kernel.models import AuditEntry
from tests.cast import Cast, Member
from tests.database import audit_cannot_be_written
from tests.directory.refusing_urls import REFUSALS
from tests.factories import make_case

pytestmark = pytest.mark.urls("tests.directory.refusing_urls")

STATUS = {
    "not_found": 404,
    "forbidden": 403,
    "rule": 422,
    "invalid": 422,
    "stale": 409,
    "id_reused": 409,
    "unavailable": 503,
}


def signed_in(member: Member) -> Client:
    client = Client()
    client.force_login(member.person, "django.contrib.auth.backends.ModelBackend")
    return client


def traces() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("action", "outcome"))


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_is_a_page_with_its_status_and_undoes_the_request(cast: Cast, kind: str) -> None:
    answer = signed_in(cast.requester).get(f"/refuse/{kind}/")
    assert answer.status_code == STATUS[kind]
    assert answer["Content-Type"].startswith("text/html")
    error: Any = REFUSALS[kind]()
    assert kind == "unavailable" or error.message in answer.content.decode()
    assert answer.get("Retry-After") == ("5" if kind == "unavailable" else None)
    assert not Organisation.objects.filter(name="Nowhere").exists()
    assert traces() == ([("refuse", kind)] if kind in ("not_found", "forbidden") else [])


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_as_json(cast: Cast, kind: str) -> None:
    answer = signed_in(cast.requester).get(f"/refuse/{kind}/", headers={"accept": "application/json"})
    error: Any = REFUSALS[kind]()
    expected: dict[str, Any] = {"code": kind, "message": error.message, "field": error.field}
    if kind == "stale":
        expected["current"] = 7
    if kind == "invalid":
        expected["errors"] = {"title": ["Give a title."], "minutes": ["Too long."]}
    assert (answer.status_code, answer.json()) == (STATUS[kind], expected)


@pytest.mark.parametrize("kind", ["not_found", "rule"])
def test_somebody_who_is_not_signed_in_is_refused_without_a_door(cast: Cast, kind: str) -> None:
    answer = Client().get(f"/refuse-anybody/{kind}/")
    assert (answer.status_code, traces()) == (STATUS[kind], [])
    assert Client().get("/accounts/login/").status_code == 200


def test_every_request_of_somebody_signed_in_has_a_door(cast: Cast) -> None:
    answer = signed_in(cast.partner).get("/here/")
    assert answer.content.decode() == f"person {cast.partner_hospital.pk} care DL"
    assert Organisation.objects.filter(name="Somewhere").exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('mdo.kind')")
        assert cursor.fetchone() == ("",)


@pytest.mark.parametrize("address", ["/fail/", "/raise/"])
def test_a_fault_undoes_the_request(cast: Cast, address: str) -> None:
    client = signed_in(cast.requester)
    client.raise_request_exception = False
    assert client.get(address).status_code == 500
    assert not Organisation.objects.filter(name="Nowhere").exists()


def test_the_acting_organisation(cast: Cast) -> None:
    """The first by name; what the session says; what the address of a room says; never one without a role."""
    partner = cast.partner
    OrganisationRole.objects.create(
        person=partner.person, organisation=cast.organiser, role="clinician", valid_from=now() - timedelta(days=1)
    )
    client = signed_in(partner)
    assert client.get("/here/").content.split()[-1] == b"SG"
    session = client.session
    session["organisation"] = str(cast.partner_hospital.pk)
    session.save()
    assert client.get("/here/").content.split()[-1] == b"DL"
    assert client.get("/here/", {"for": str(cast.organiser.pk)}).content.split()[-1] == b"SG"
    for junk in (str(cast.third.pk), str(uuid4()), "' OR 1=1", "\0"):
        assert client.get("/here/", {"for": junk}).content.split()[-1] == b"SG"


def test_somebody_without_any_role_acts_for_nobody(cast: Cast) -> None:
    OrganisationRole.objects.filter(person=cast.requester.pk).delete()
    client = signed_in(cast.requester)
    assert client.get("/refuse/forbidden/").status_code == 403
    entry = AuditEntry.objects.get()
    assert (entry.actor_id, entry.organisation_id) == (cast.requester.pk, None)


def test_without_a_trace_no_page(cast: Cast) -> None:
    """The audit made to fail: 503 and no care content; and the negative control."""
    case = make_case(cast.organiser, cast.requester.person)
    client = signed_in(cast.requester)
    with audit_cannot_be_written():
        answer = client.get("/case/")
    assert answer.status_code == 503
    assert case.patient.family_name not in answer.content.decode()
    answer = client.get("/case/")
    assert (answer.status_code, answer.content.decode()) == (200, case.patient.display_name)


@pytest.mark.parametrize("kind", ["not_found", "forbidden"])
def test_a_refusal_that_cannot_be_traced_is_an_answer_too(cast: Cast, kind: str) -> None:
    client = signed_in(cast.requester)
    with audit_cannot_be_written():
        answer = client.get(f"/refuse/{kind}/")
    assert (answer.status_code, answer["Retry-After"], traces()) == (503, "5", [])


def test_ids_of_forms() -> None:
    wanted = uuid4()
    assert (is_id(str(wanted)), is_id("junk"), is_id("")) == (wanted, None, None)
