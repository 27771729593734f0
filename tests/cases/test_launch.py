"""Opening a case from the hospital's record system: by the right person, once, in time, and nothing of the patient in any address."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from django.conf import settings
from django.test import Client

from cases.models import Launch, Patient
from mdo.directory import tokens
from mdo.directory.models import ApiToken, OrganisationRole
from mdo.kernel import clock
from mdo.kernel.acting import System, acting
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from tests.cast import Cast, Member
from tests.directory.test_tokens import make
from tests.factories import insz, make_case, make_patient

AUDIENCE = f"{settings.MDO_ORIGINS[0]}/hooks/launch/"
LICENCE = "11223393140"


@pytest.fixture
def system(cast: Cast) -> ApiToken:
    cast.requester.person.licence_number = LICENCE
    cast.requester.person.save()
    return make(cast, "launch")


@pytest.fixture
def patient(cast: Cast) -> Patient:
    return make_patient(cast.organiser, family_name="Kanariezwaluw")


def claims(system: ApiToken, number: str, **more: Any) -> dict[str, Any]:
    at = int(clock.now().timestamp())
    told = {
        "iss": str(system.pk),
        "aud": AUDIENCE,
        "iat": at,
        "exp": at + 120,
        "jti": str(new_id()),
        "user": {"licence": LICENCE},
        "patient": {"national_number": number, "family_name": "Kanariezwaluw", "given_name": "Rosa"},
    }
    return {name: value for name, value in (told | more).items() if value is not None}


def signed(told: dict[str, Any], key: str = "") -> str:
    key = key or tokens.signing_key(UUID(told["iss"]))
    return jwt.encode(told, key, algorithm="HS256")


def posted(token: str) -> Any:
    """As a browser posts another site's form: without any cookie of ours, under another site's origin."""
    client = Client(enforce_csrf_checks=True)
    return client.post("/hooks/launch/", {"token": token}, headers={"origin": "https://epd.example"})


def browser(member: Member) -> Client:
    client = Client()
    client.force_login(member.person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_the_named_person_lands_on_the_case_once(cast: Cast, system: ApiToken, patient: Patient) -> None:
    make_case(cast.organiser, cast.requester.person, patient=patient)
    case = make_case(cast.organiser, cast.requester.person, patient=patient)
    token = signed(claims(system, patient.national_number))
    answer = posted(token)
    assert answer.status_code == 303
    address = answer["Location"]
    assert patient.national_number not in address
    assert "Kanarie" not in address
    # Whoever is not signed in signs in on the way.
    to_sign_in = Client().get(address)
    assert to_sign_in.status_code == 302
    assert to_sign_in["Location"].startswith("/accounts/login/?next=/launch/")
    # Nobody else of the same hospital, or of another one, learns that it is there.
    for other in (cast.secretary, cast.partner, cast.outsider):
        assert browser(other).get(address).status_code == 404
    client = browser(cast.requester)
    landed = client.get(address)
    assert (landed.status_code, landed["Location"]) == (302, f"/cases/{case.pk}/")
    assert client.get(landed["Location"]).status_code == 200
    assert client.get(address).status_code == 422  # once
    assert posted(token).status_code == 409  # replayed
    with acting(System("test"), None, "test"):
        launch = Launch.objects.get()
    assert (launch.identity, launch.opened_at is not None, launch.hospital_id) == ({}, True, cast.organiser.pk)
    traces = AuditEntry.objects.filter(action__startswith="launch.").order_by("id")
    assert [(each.action, each.outcome, each.actor_kind, each.organisation_id) for each in traces] == [
        ("launch.accept", "ok", "system", cast.organiser.pk),
        ("launch.open", "ok", "person", cast.organiser.pk),
        ("launch.accept", "id_reused", "system", cast.organiser.pk),
    ]
    assert traces[0].detail["person_id"] == str(cast.requester.pk)
    assert patient.national_number not in str([each.detail for each in traces])


def test_without_a_case_a_new_one_begins_with_the_patient(cast: Cast, system: ApiToken, patient: Patient) -> None:
    client = browser(cast.requester)
    known = client.get(posted(signed(claims(system, patient.national_number)))["Location"])
    assert known.status_code == 200
    assert "Kanariezwaluw" in known.content.decode()
    told = {
        "other_identifier": "H-77",
        "family_name": "Nieuwkoop",
        "given_name": "Jan",
        "birth_date": "1950-02-03",
        "sex": "male",
    }
    fresh = client.get(posted(signed(claims(system, "", patient=told)))["Location"]).content.decode()
    for value in ("Nieuwkoop", "H-77", "1950-02-03", 'action="/cases/new/"'):
        assert value in fresh
    # Both numbers, where the record system tells both.
    numbers = told | {"national_number": insz(date(1950, 2, 3))}
    both = client.get(posted(signed(claims(system, "", patient=numbers)))["Location"])
    assert both.context["form"]["record_number"].value() == "H-77"
    assert 'name="record_number" value="H-77"' in both.content.decode()
    # A patient with this number in another hospital is not looked at.
    foreign = make_patient(cast.third, family_name="Elders")
    elsewhere = client.get(posted(signed(claims(system, foreign.national_number)))["Location"])
    assert "Elders" not in elsewhere.content.decode()


def test_somebody_of_two_hospitals_acts_for_the_one_that_opened(cast: Cast, system: ApiToken, patient: Patient) -> None:
    OrganisationRole.objects.create(
        person=cast.requester.person, organisation=cast.partner_hospital, role="clinician", valid_from=clock.now()
    )
    case = make_case(cast.organiser, cast.requester.person, patient=patient)
    client = browser(cast.requester)
    client.post("/act-for/", {"organisation": str(cast.partner_hospital.pk)})
    assert client.get(f"/cases/{case.pk}/").status_code == 404
    landed = client.get(posted(signed(claims(system, patient.national_number)))["Location"])
    assert client.get(landed["Location"]).status_code == 200


FORGED: dict[str, dict[str, Any]] = {
    "for another site": {"aud": "https://other.example/hooks/launch/"},
    "for several sites": {"aud": [AUDIENCE, "https://other.example/"]},
    "too long a life": {"exp": 4_000_000_000},
    "without an end": {"exp": None},
    "without a beginning": {"iat": None},
    "without a nonce": {"jti": None},
    "a short nonce": {"jti": "1"},
    "nobody": {"user": {}},
    "somebody of no account": {"user": {"username": "nobody"}},
    "somebody of another hospital": {"user": {"username": "partner"}},
    "no patient": {"patient": {}},
    "NUL": {"patient": {"other_identifier": "a\0b"}},
    "more than is known": {"role": "admin"},
}


@pytest.mark.parametrize("name", FORGED)
def test_what_cannot_be_believed_is_refused(cast: Cast, system: ApiToken, name: str) -> None:
    answer = posted(signed(claims(system, "61030400101", **FORGED[name])))
    assert answer.status_code == 403
    assert not AuditEntry.objects.filter(action="launch.accept", outcome="ok").exists()
    assert AuditEntry.objects.filter(action="launch.accept").count() == 1


def test_signatures_keys_and_times(cast: Cast, system: ApiToken, patient: Patient) -> None:
    good = claims(system, patient.national_number)
    reads = make(cast, "cases.read")  # has a key that fits, but not the scope
    elsewhere = make(
        cast, "launch", organisation=cast.third
    )  # another hospital's system: the person does not work there
    head, body, mac = signed(good).split(".")
    bad = [
        "", "x", "a.b.c", "é", "x" * 9000,
        signed(good, key="k" * 43),
        jwt.encode(good, None, algorithm="none"),
        f"{head}.{body}.{mac[:-2]}{'BA' if mac.endswith('AA') else 'AA'}",
        signed(claims(reads, patient.national_number)),
        signed(claims(elsewhere, patient.national_number)),
        signed(good | {"iss": str(new_id())}),
    ]  # fmt: skip
    assert [posted(each).status_code for each in bad] == [403] * len(bad)
    token = signed(good)
    for later in (timedelta(seconds=121), timedelta(seconds=-30)):
        with clock.frozen(clock.now() + later):
            assert posted(token).status_code == 403
    ApiToken.objects.filter(pk=system.pk).update(revoked_at=clock.now())
    assert posted(token).status_code == 403
    ApiToken.objects.filter(pk=system.pk).update(revoked_at=None)
    accepted = posted(token)  # the same one, in time
    assert accepted.status_code == 303
    with clock.frozen(clock.now() + timedelta(minutes=11)):
        assert browser(cast.requester).get(accepted["Location"]).status_code == 422  # signed in too late
        posted(signed(claims(system, patient.national_number)))
    with acting(System("test"), None, "test"):
        assert [bool(each.identity) for each in Launch.objects.order_by("made_at")] == [False, True]
