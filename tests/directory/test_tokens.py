"""Tokens of an organisation's programs: who makes them, what is kept, what they open."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from cases import access
from cases.models import Case
from mdo.directory import access as directory
from mdo.directory import tokens
from mdo.directory.models import ApiToken, Organisation
from mdo.kernel import clock
from mdo.kernel.acting import acting
from mdo.kernel.errors import Denied
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from tests.cast import Cast, Member
from tests.factories import make_case


def make(cast: Cast, *scopes: str, organisation: Organisation | None = None, secret: str = "") -> ApiToken:
    return ApiToken.objects.create(
        organisation=organisation or cast.organiser,
        name="Dossier",
        scopes=list(scopes),
        digest=tokens.digest(secret or tokens.new_secret()),
        made_by=cast.admin.person,
        expires_at=clock.now() + timedelta(days=30),
    )


def page(member: Member) -> Client:
    client = Client()
    client.force_login(member.person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def sent(*scopes: str, **more: object) -> dict[str, object]:
    return {"command_id": str(new_id()), "name": "Labo <b>", "scopes": scopes, "days": 30} | more


def test_a_token_is_made_shown_once_used_and_revoked(cast: Cast) -> None:
    client = page(cast.admin)
    asked = sent("cases.submit", "launch")
    answer = client.post("/tokens/", asked)
    text = answer.content.decode()
    secret = re.search(r"mdo_[\w-]{43}", text)
    token = ApiToken.objects.get()
    assert secret is not None
    assert (token.digest, token.scopes) == (tokens.digest(secret[0]), ["cases.submit", "launch"])
    assert tokens.signing_key(token.pk) in text
    assert "Labo &lt;b&gt;" in text
    entry = AuditEntry.objects.get(action="token.make")
    assert (entry.hospital_id, entry.outcome) == (cast.organiser.pk, "ok")
    assert entry.detail == {
        "scopes": ["cases.submit", "launch"],
        "object_id": str(token.pk),
        "events": ["directory.changed"],
    }
    again = client.post("/tokens/", asked)  # a double click: made once, and not shown to whoever sends it again
    assert again.status_code == 302
    assert ApiToken.objects.count() == 1
    shown = client.get("/tokens/").content.decode()
    assert secret[0] not in shown
    assert token.digest not in shown
    assert tokens.signing_key(token.pk) not in shown
    assert tokens.find(secret[0]) == token
    with clock.frozen(clock.now() + timedelta(days=31)):
        assert tokens.find(secret[0]) is None
    assert client.post(f"/tokens/{token.pk}/revoke/", {"command_id": str(new_id())}).status_code == 302
    assert tokens.find(secret[0]) is None
    assert AuditEntry.objects.filter(action="token.revoke", hospital_id=cast.organiser.pk).count() == 1


@pytest.mark.parametrize(
    ("more", "status"),
    [({"scopes": ["everything"]}, 422), ({"scopes": []}, 422), ({"days": 0}, 422), ({"days": 5000}, 422)],
)
def test_what_cannot_be_taken_is_said(cast: Cast, more: dict[str, object], status: int) -> None:
    answer = page(cast.admin).post("/tokens/", sent("launch") | more)
    assert answer.status_code == status
    assert "Labo &lt;b&gt;" in answer.content.decode()
    assert not ApiToken.objects.exists()


def test_the_page_is_the_administrators_alone(cast: Cast) -> None:
    foreign = make(cast, "cases.read", organisation=cast.third)
    for name, member in cast.members.items():
        client = page(member)
        expected = 200 if name == "admin" else 404
        assert client.get("/tokens/").status_code == expected, name
        assert client.post(f"/tokens/{foreign.pk}/revoke/", {"command_id": str(new_id())}).status_code == 404, name
    foreign.refresh_from_db()
    assert foreign.revoked_at is None


def test_use_is_noted_once_a_minute(cast: Cast) -> None:
    secret = tokens.new_secret()
    token = make(cast, "cases.read", secret=secret)
    first = clock.now()
    for at in (first, first + timedelta(seconds=30), first + timedelta(seconds=90)):
        with clock.frozen(at):
            tokens.find(secret)
    token.refresh_from_db()
    assert token.last_used_at == first + timedelta(seconds=90)
    assert tokens.find("mdo_" + "x" * 43) is None
    assert tokens.find("\x00\ud800") is None


def seen_in_database() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM cases_case")
        return int(cursor.fetchone()[0])


def test_a_program_stands_before_its_own_hospital_only(cast: Cast) -> None:
    """In the code and a second time in the database, by what its token may do now."""
    case = make_case(cast.organiser, cast.requester.person)
    make_case(cast.third, cast.outsider.person)
    reads, submits, launches = make(cast, "cases.read"), make(cast, "cases.submit"), make(cast, "launch")
    for token, seen in ((reads, 1), (submits, 1), (launches, 0)):
        with acting(token, cast.organiser.pk, "care"):
            assert (access.visible_cases(token).count(), seen_in_database()) == (seen, seen)
            assert access.may_bring_in(token) is (token is submits)
    with acting(reads, cast.organiser.pk, "care"):
        assert access.access_case_for_reading(reads, case.pk) == case
        with pytest.raises(Denied):
            access.access_case_for_submitting(reads, case.pk)
    with acting(submits, cast.organiser.pk, "care"):
        assert access.access_case_for_submitting(submits, case.pk) == case
        with pytest.raises(Denied):
            access.access_case_for_reading(submits, case.pk)
    with acting(reads, cast.third.pk, "care"):  # a program that says it is of another hospital
        assert (access.visible_cases(reads).count(), seen_in_database()) == (0, 0)
        assert directory.scopes(reads) == frozenset()
    ApiToken.objects.filter(pk=reads.pk).update(revoked_at=clock.now())
    with acting(reads, cast.organiser.pk, "care"):
        assert (access.visible_cases(reads).count(), seen_in_database(), Case.objects.count()) == (0, 0, 0)
