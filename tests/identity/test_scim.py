"""SCIM 2.0: joiners, leavers, and what a directory may not do. The interface is checked from outside by `scim2-tester`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core import signals
from django.core.cache import cache
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, connection
from django.test import Client
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server

from mdo.directory import tokens
from mdo.directory.actions.provisioning import Employee, amend, join, leave
from mdo.directory.models import BoardRole, DirectoryEntry, IdentityProvider, OrganisationRole, Person
from mdo.kernel import clock
from mdo.kernel.acting import acting
from mdo.kernel.errors import Denied, NotFound
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from tests.cases.acts import somebody_waits_for_a_lock
from tests.cast import Cast
from tests.directory.test_tokens import make, page
from tests.identity.hospital import Hospital
from tests.identity.test_sign_in import signed_in, whole_way
from tests.parts import until

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


class Directory:
    """A hospital's directory, with its token."""

    def __init__(self, cast: Cast, *scopes: str, **more: Any) -> None:
        self.secret = tokens.new_secret()
        self.token = make(cast, *(scopes or ("scim",)), secret=self.secret, **more)

    def ask(self, method: str, where: str, body: Any = None, **query: Any) -> Any:
        data = body if isinstance(body, str | bytes) else json.dumps(body) if body is not None else ""
        return Client().generic(
            method,
            f"/scim/v2/{where}",
            data,
            content_type="application/scim+json",
            query_params=query or None,
            headers={"authorization": f"Bearer {self.secret}"},
        )

    def joins(self, name: str, /, **more: Any) -> Any:
        return self.ask("POST", "Users", {"schemas": [USER], "userName": name} | more)

    def patch(self, entry: str, *operations: dict[str, Any]) -> Any:
        return self.ask("PATCH", f"Users/{entry}", {"schemas": [PATCH], "Operations": list(operations)})


@pytest.fixture
def directory(cast: Cast) -> Directory:
    cache.clear()
    return Directory(cast)


def refused(answer: Any, status: int, kind: str | None = None) -> None:
    body = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/scim+json")
    assert (body["schemas"], body["status"], body.get("scimType")) == ([ERROR], str(status), kind), body


@pytest.fixture
def kept_connection() -> Iterator[None]:
    """The site's own WSGI closes its connection with each request; here that is the one of the test, which holds everything."""
    ends = (signals.request_started, signals.request_finished)
    for each in ends:
        each.disconnect(close_old_connections)
    yield
    for each in ends:
        each.connect(close_old_connections)


def test_checked_from_outside(cast: Cast, directory: Directory, kept_connection: None) -> None:
    """Every check of `scim2-tester` passes but one: whether somebody is there is always said, so `active` cannot be taken away. What it passes
    over is what the service says that it has not."""
    client = WSGISCIMClient(
        get_wsgi_application(),
        base_url="http://testserver/scim/v2",
        headers={"Authorization": f"Bearer {directory.secret}"},
    )
    client.discover()
    results = check_server(client)
    wrong = [f"{each.title}: {each.reason}" for each in results if each.status in (Status.ERROR, Status.CRITICAL)]
    assert wrong == ["check_remove_attribute: PATCH modify() did not remove attribute 'active'"]
    assert len([each for each in results if each.status is Status.SUCCESS]) > 20


def test_a_joiner(cast: Cast, directory: Directory) -> None:
    answer = directory.joins(
        "els.nieuw@example.org",
        externalId="oid-1",
        name={"givenName": "Els", "familyName": "Nieuw"},
        emails=[{"value": "els@example.org", "type": "work", "primary": True}],
        preferredLanguage="fr-BE",
        active=True,
    )
    body = answer.json()
    assert answer.status_code == 201
    assert answer["Location"] == body["meta"]["location"]
    person = Person.objects.get(email="els@example.org")
    assert (person.first_name, person.last_name, person.language, person.is_active) == ("Els", "Nieuw", "fr", True)
    assert not person.has_usable_password()
    assert not person.is_staff
    roles = OrganisationRole.objects.filter(person=person).values_list("organisation", "role", "valid_until")
    assert list(roles) == [(cast.organiser.pk, "member", None)]
    assert not BoardRole.objects.filter(person=person).exists()
    assert body["id"] != str(person.pk)
    entry = AuditEntry.objects.get(action="directory.join")
    assert (entry.actor_id, entry.hospital_id, entry.outcome) == (directory.token.pk, cast.organiser.pk, "ok")
    assert entry.detail == {
        "person": str(person.pk),
        "found": False,
        "object_id": body["id"],
        "events": ["directory.changed"],
    }
    found = directory.ask("GET", "Users", filter='externalId eq "oid-1"').json()
    assert (found["totalResults"], found["Resources"][0]["id"]) == (1, body["id"])
    # They come in and find nothing that is not theirs.
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/").status_code == 200
    assert client.get("/meetings/").status_code in (200, 404)
    assert client.get("/identity-provider/").status_code == 404


def test_a_joiner_who_is_there_already_is_found_in_the_own_house_only(cast: Cast, directory: Directory) -> None:
    before = Person.objects.count()
    assert directory.joins("sofie", emails=[{"value": cast.requester.person.email.upper()}]).status_code == 201
    assert DirectoryEntry.objects.get(user_name="sofie").person_id == cast.requester.pk
    assert Person.objects.count() == before
    assert set(OrganisationRole.objects.filter(person=cast.requester.pk).values_list("role", flat=True)) == {
        "clinician"
    }
    # Somebody with an address of another hospital's person is somebody else: no account is taken over by an address.
    assert directory.joins("nele", emails=[{"value": cast.partner.person.email}]).status_code == 201
    assert DirectoryEntry.objects.get(user_name="nele").person_id != cast.partner.pk
    assert not OrganisationRole.objects.filter(person=cast.partner.pk, organisation=cast.organiser).exists()
    # And no operator of the site is anybody's employee.
    Person.objects.filter(pk=cast.chair.pk).update(is_staff=True)
    assert directory.joins("greet", emails=[{"value": cast.chair.person.email}]).status_code == 201
    assert DirectoryEntry.objects.get(user_name="greet").person_id != cast.chair.pk


def test_a_clinician_where_the_administrator_says_so(cast: Cast, directory: Directory) -> None:
    IdentityProvider.objects.create(organisation=cast.organiser, joiner="clinician")
    directory.joins("els")
    person = DirectoryEntry.objects.get(user_name="els").person
    assert list(OrganisationRole.objects.filter(person=person).values_list("role", flat=True)) == ["clinician"]


@pytest.mark.parametrize("way", ["delete", "patch", "entra", "put"])
def test_a_leaver(cast: Cast, directory: Directory, way: str) -> None:
    entry = directory.joins("radiologist", emails=[{"value": cast.radiologist.person.email}]).json()["id"]
    mine, other = page(cast.radiologist), page(cast.chair)
    assert mine.get("/").status_code == 200
    if way == "delete":
        assert directory.ask("DELETE", f"Users/{entry}").status_code == 204
        assert directory.ask("GET", f"Users/{entry}").status_code == 404
    elif way == "put":
        body = {"schemas": [USER], "userName": "radiologist", "active": False}
        assert directory.ask("PUT", f"Users/{entry}", body).json()["active"] is False
    else:
        value: Any = {"op": "replace", "value": {"active": False}}
        if way == "entra":
            value = {"op": "Replace", "path": "active", "value": "False"}
        assert directory.patch(entry, value).json()["active"] is False
    assert mine.get("/").status_code == 302
    assert other.get("/").status_code == 200
    person = Person.objects.get(pk=cast.radiologist.pk)
    assert not person.is_active
    assert not Session.objects.filter(pk=mine.session.session_key).exists() or not mine.session.get("_auth_user_id")
    at = clock.now()
    for roles in (OrganisationRole.objects.filter(person=person), BoardRole.objects.filter(person=person)):
        assert all(role.valid_until and role.valid_until <= at for role in roles)
    assert AuditEntry.objects.filter(action__in=["directory.leave", "directory.amend"], outcome="ok").count() == 1


def test_whoever_works_elsewhere_too_leaves_one_house_only(cast: Cast, directory: Directory) -> None:
    OrganisationRole.objects.create(
        person=cast.radiologist.person,
        organisation=cast.third,
        role="clinician",
        valid_from=clock.now() - timedelta(days=1),
    )
    name = cast.radiologist.person.first_name
    made = directory.joins(
        "koen", name={"givenName": "Anders"}, emails=[{"value": cast.radiologist.person.email}]
    ).json()
    entry = made["id"]
    # Over somebody who works elsewhere too, one directory does not decide what they are called or where their mail goes.
    assert (
        directory.patch(
            entry, {"op": "replace", "path": "emails", "value": [{"value": "evil@example.org"}]}
        ).status_code
        == 200
    )
    person = Person.objects.get(pk=cast.radiologist.pk)
    assert (person.first_name, person.email) == (name, cast.radiologist.person.email)
    mine = page(cast.radiologist)
    assert directory.ask("DELETE", f"Users/{entry}").status_code == 204
    person.refresh_from_db()
    assert person.is_active
    assert mine.get("/").status_code == 302  # signed out, and may come back for the other house
    again = page(cast.radiologist)
    assert again.get("/").status_code == 200
    ours = OrganisationRole.objects.get(person=person, organisation=cast.organiser)
    theirs = OrganisationRole.objects.get(person=person, organisation=cast.third)
    assert ours.valid_until is not None
    assert theirs.valid_until is None


def test_whoever_comes_back(cast: Cast, directory: Directory) -> None:
    entry = directory.joins("radiologist", emails=[{"value": cast.radiologist.person.email}]).json()["id"]
    directory.patch(entry, {"op": "replace", "path": "active", "value": False})
    directory.patch(entry, {"op": "replace", "path": "active", "value": True})
    person = Person.objects.get(pk=cast.radiologist.pk)
    assert person.is_active
    open_roles = OrganisationRole.objects.filter(person=person, valid_until=None)
    assert list(open_roles.values_list("role", flat=True)) == ["member"]
    assert not BoardRole.objects.filter(person=person, valid_until=None).exists()
    # Whom the operator shut out, no directory lets in.
    Person.objects.filter(pk=person.pk).update(is_active=False)
    directory.patch(entry, {"op": "replace", "path": "active", "value": True})
    assert not Person.objects.get(pk=person.pk).is_active


def test_whoever_was_taken_away_and_entered_anew_signs_in(
    cast: Cast, directory: Directory, hospital: Hospital, row: IdentityProvider
) -> None:
    """The provider knows them by the same subject still."""
    mails = [{"value": "els@example.org"}]
    hospital.knows("els", "els@example.org")
    first = directory.joins("els", emails=mails).json()["id"]
    client = Client()
    whole_way(client, hospital, row, "els")
    before = DirectoryEntry.objects.get(pk=first)
    assert (signed_in(client), before.subject) == (str(before.person_id), "els")
    assert directory.ask("DELETE", f"Users/{first}").status_code == 204
    assert whole_way(Client(), hospital, row, "els").status_code == 403
    second = directory.joins("els", emails=mails).json()["id"]
    again = Client()
    assert whole_way(again, hospital, row, "els").status_code == 302
    after = DirectoryEntry.objects.get(pk=second)
    assert (signed_in(again), after.subject) == (str(after.person_id), "els")
    assert after.person_id != before.person_id  # who left stays out, with what they signed
    assert not Person.objects.get(pk=before.person_id).is_active


def test_entered_before_the_first_day(cast: Cast, directory: Directory) -> None:
    """Inactive at first: neither account nor role, until the directory says otherwise."""
    entry = directory.joins("els", active=False, emails=[{"value": "els@example.org"}]).json()["id"]
    person = DirectoryEntry.objects.get(pk=entry).person
    assert (person.is_active, OrganisationRole.objects.filter(person=person).exists()) == (False, False)
    directory.patch(entry, {"op": "replace", "path": "active", "value": True})
    person.refresh_from_db()
    assert person.is_active
    assert list(OrganisationRole.objects.filter(person=person, valid_until=None).values_list("role", flat=True)) == [
        "member"
    ]


def test_two_with_one_address_are_not_guessed(cast: Cast, directory: Directory) -> None:
    """Neither of them, also where one signed in before."""
    mail = cast.radiologist.person.email
    Person.objects.filter(pk=cast.chair.pk).update(email=mail)
    DirectoryEntry.objects.create(organisation=cast.organiser, person=cast.radiologist.person, subject="koen")
    entry = directory.joins("koen", emails=[{"value": mail}]).json()["id"]
    assert DirectoryEntry.objects.get(pk=entry).person_id not in (cast.radiologist.pk, cast.chair.pk)


def test_one_name_twice_at_once(committed: None, cast: Cast, directory: Directory) -> None:
    """Also where the organisation has no sign-in of its own: the second one waits, and is told."""
    answers: list[Any] = []

    def second() -> None:
        answers.append(directory.joins("els"))
        connection.close()

    thread = Thread(target=second)
    with acting(directory.token, cast.organiser.pk, "directory"):
        join(by=directory.token, entry_id=new_id(), employee=Employee("els"))
        thread.start()
        until(somebody_waits_for_a_lock, "the second one waits")
    thread.join(30)
    refused(answers[0], 409, "uniqueness")
    assert DirectoryEntry.objects.count() == 1


def test_active_taken_away_stays_as_it_is(cast: Cast, directory: Directory) -> None:
    """No leaver comes back by a directory that only takes the attribute away."""
    entry = directory.joins("els", emails=[{"value": "els@example.org"}]).json()["id"]
    directory.patch(entry, {"op": "replace", "path": "active", "value": False})
    assert directory.patch(entry, {"op": "remove", "path": "active"}).json()["active"] is False
    assert not Person.objects.get(email="els@example.org").is_active
    directory.patch(entry, {"op": "replace", "path": "active", "value": True})
    assert directory.patch(entry, {"op": "remove", "path": "active"}).json()["active"] is True


def test_names_and_paging(cast: Cast, directory: Directory) -> None:
    for number in range(5):
        assert directory.joins(f"u{number}", externalId=f"x{number}").status_code == 201
    refused(directory.joins("U3"), 409, "uniqueness")
    refused(directory.joins("u9", externalId="x3"), 409, "uniqueness")
    answer = directory.ask("GET", "Users", startIndex=2, count=2).json()
    assert (answer["totalResults"], answer["startIndex"], answer["itemsPerPage"]) == (5, 2, 2)
    assert [each["userName"] for each in answer["Resources"]] == ["u1", "u2"]
    asked = {
        'userName eq "U3"': 1,
        'active eq true and externalId eq "x1"': 1,
        'userName eq "u1" or userName eq "u2"': 2,
        "active eq false": 0,
        'id eq "no id"': 0,
        f'{USER}:userName eq "u1"': 1,
    }
    for text, count in asked.items():
        assert directory.ask("GET", "Users", filter=text).json()["totalResults"] == count, text
    short = directory.ask("GET", "Users", filter='userName eq "u1"', attributes="userName").json()["Resources"][0]
    assert set(short) == {"schemas", "id", "userName"}


@pytest.mark.parametrize(
    "text",
    ["userName", 'userName co "u"', 'password eq "x"', "not (active eq true)", "userName pr", 'emails[type eq "work"]', 'active eq "x"', "(" * 500,
     'userName eq "\\u0000"', 'userName eq "\\ud800"', 'externalId eq "\\ud800"', 'emails.value eq "a\\u202eb"', 'id eq "\\udfff"', 'meta.created eq "2020-01-01T00:00:00Z"'],
)  # fmt: skip
def test_filters_that_are_none(cast: Cast, directory: Directory, text: str) -> None:
    refused(directory.ask("GET", "Users", filter=text), 400, "invalidFilter")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 415), ("{", 400), ("[]", 400), ("null", 400), ("[" * 5000, 400), ('{"userName": "\\ud800"}', 400), ("{}", 400),
        ({"schemas": [USER]}, 400), ({"schemas": [USER], "userName": ""}, 400), ({"schemas": [USER], "userName": "a\0b"}, 400),
        ({"schemas": [USER], "userName": "a" * 201}, 400), ({"schemas": [USER], "userName": ["a"]}, 400), ({"schemas": [USER], "userName": "a", "active": "maybe"}, 400),
        ({"schemas": [USER], "userName": "a", "emails": [{"value": "no address"}]}, 400), ({"schemas": [USER], "userName": "a", "name": "x"}, 400),
        ({"schemas": [USER], "userName": "a", "name": {"familyName": "x\r\nBcc: y"}}, 400), ({"schemas": ["urn:x"], "userName": "a"}, 400),
        (" " * (256 * 1024 + 1), 413),
    ],
)  # fmt: skip
def test_what_is_no_user(cast: Cast, directory: Directory, body: Any, status: int) -> None:
    answer = directory.ask("POST", "Users", body)
    assert (answer.status_code, answer.json()["schemas"]) == (status, [ERROR]), answer.content
    assert DirectoryEntry.objects.count() == 0


def test_nobody_is_made_an_operator(cast: Cast, directory: Directory) -> None:
    body = {
        "is_staff": True,
        "isStaff": True,
        "roles": [{"value": "admin"}],
        "password": "x",
        "id": str(cast.admin.pk),
        "groups": [{"value": "x"}],
    }
    assert directory.joins("els", **body).status_code == 201
    person = DirectoryEntry.objects.get(user_name="els").person
    assert (person.is_staff, person.is_superuser, person.has_usable_password()) == (False, False, False)
    assert person.pk != cast.admin.pk


def test_without_the_scope_or_of_another_hospital(cast: Cast, directory: Directory) -> None:
    entry = directory.joins("els").json()["id"]
    others = Directory(cast, organisation=cast.third)
    narrow = Directory(cast, "cases.read", "fhir.read")
    refused(others.ask("GET", f"Users/{entry}"), 404)
    refused(others.patch(entry, {"op": "replace", "path": "active", "value": False}), 404)
    refused(others.ask("DELETE", f"Users/{entry}"), 404)
    assert others.ask("GET", "Users").json()["totalResults"] == 0
    assert others.joins("els").status_code == 201  # names are apart
    for where in ("Users", "ServiceProviderConfig", "Schemas", "ResourceTypes", f"Users/{entry}"):
        refused(narrow.ask("GET", where), 403)
    refused(narrow.joins("x"), 403)
    assert not Person.objects.filter(last_name="x").exists()
    for headers in ({}, {"authorization": "Bearer mdo_wrong"}, {"authorization": "Basic x"}):
        answer = Client().get("/scim/v2/Users", headers=headers)
        refused(answer, 401)
        assert answer["WWW-Authenticate"] == "Bearer"
    refused(page(cast.admin).get("/scim/v2/Users"), 401)  # a session opens nothing here
    refused(directory.ask("GET", "Groups"), 404)
    refused(directory.ask("POST", "Bulk", {}), 404)
    refused(directory.ask("PUT", "Users"), 405)
    directory.token.revoked_at = clock.now()
    directory.token.save()
    refused(directory.ask("GET", "Users"), 401)


def test_the_right_is_asked_in_the_actions_too(cast: Cast) -> None:
    """The negative control of the view: without the scope, none of the three does anything."""
    narrow = make(cast, "cases.read")
    els = Employee("els")
    with acting(narrow, cast.organiser.pk, "directory"), pytest.raises(Denied):
        join(by=narrow, entry_id=new_id(), employee=els)
    right = make(cast, "scim")
    entry_id = new_id()
    with acting(right, cast.organiser.pk, "directory"):
        join(by=right, entry_id=entry_id, employee=els)
        with pytest.raises(NotFound):
            leave(by=right, entry_id=new_id())
    with acting(narrow, cast.organiser.pk, "directory"):
        with pytest.raises(Denied):
            amend(by=narrow, entry_id=entry_id, employee=els)
        with pytest.raises(Denied):
            leave(by=narrow, entry_id=entry_id)
    assert DirectoryEntry.objects.get().active
