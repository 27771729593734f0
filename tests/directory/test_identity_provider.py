"""Where an organisation's people sign in: said by its own administrator, its secret readable by nobody."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mdo.directory.actions.sign_in import set_identity_provider
from mdo.directory.models import IdentityProvider, Person
from mdo.directory.signing_in import providers
from mdo.kernel.encryption import Damaged
from mdo.kernel.errors import Invalid
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from tests.cast import Cast, Member, acting_as
from tests.directory.test_tokens import page

ISSUER = "http://127.0.0.1:9/realms/x"


def sent(**more: Any) -> dict[str, Any]:
    return {
        "command_id": str(new_id()),
        "version": 0,
        "active": "on",
        "issuer": ISSUER,
        "client_id": "mdo",
        "client_secret": "s3cret-of-the-client",
        "domains": "AZ.example.org\naz2.example.org",
        "external_claim": "oid",
        "passwords": "on",
        "second_factor": "theirs",
        "strong": "mfa hwk",
        "joiner": "clinician",
    } | more


def test_the_administrator_says_it_and_the_secret_is_shown_to_nobody(cast: Cast) -> None:
    client = page(cast.admin)
    assert 'href="/identity-provider/"' in client.get("/").content.decode()
    asked = sent()
    assert client.post("/identity-provider/", asked).status_code == 302
    assert client.post("/identity-provider/", asked).status_code == 302  # a double click
    row = IdentityProvider.objects.get()
    assert (row.organisation_id, row.issuer, row.domains, row.strong, row.version) == (
        cast.organiser.pk,
        ISSUER,
        ["az.example.org", "az2.example.org"],
        ["mfa", "hwk"],
        1,
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t::text FROM directory_identityprovider t UNION ALL SELECT detail::text FROM kernel_auditentry"
        )
        assert all("s3cret" not in text and b"s3cret".hex() not in text for (text,) in cursor.fetchall())
    assert providers.unseal(row) == "s3cret-of-the-client"
    shown = client.get("/identity-provider/").content.decode()
    assert "s3cret" not in shown
    assert f"/sign-in/{row.pk}/back/" in shown
    # Nothing typed: it stays. A stale form is told so.
    assert client.post("/identity-provider/", sent(version=1, client_secret="", client_id="mdo2")).status_code == 302
    row.refresh_from_db()
    assert (providers.unseal(row), row.client_id, row.version) == ("s3cret-of-the-client", "mdo2", 2)
    assert client.post("/identity-provider/", sent(version=1)).status_code == 409
    (first, second) = AuditEntry.objects.filter(action="signin.set_provider").order_by("id")
    assert first.hospital_id == second.hospital_id == cast.organiser.pk
    assert first.detail == {
        "active": True,
        "passwords": True,
        "second_factor": "theirs",
        "joiner": "clinician",
        "object_id": str(row.pk),
        "events": ["directory.changed"],
    }


def test_a_secret_of_another_row_opens_nothing(cast: Cast, settings: Any) -> None:
    one, other = IdentityProvider(organisation=cast.organiser), IdentityProvider(organisation=cast.third)
    other.sealed = one.sealed = providers.seal(one.pk, "geheim")
    assert providers.unseal(one) == "geheim"
    with pytest.raises(Damaged):
        providers.unseal(other)
    settings.MDO_FILE_KEY = b"x" * 32
    with pytest.raises(Damaged):
        providers.unseal(one)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("issuer", "https://169.254.169.254/latest"),
        ("issuer", "http://127.0.0.1:9/?x=1"),
        ("issuer", ""),
        ("client_id", "with blank"),
        ("client_id", ""),
        ("client_secret", "é"),
        ("domains", "nodot"),
        ("domains", "a.example.org/x"),
        ("domains", "theirs.example.org"),
        ("external_claim", "o'id"),
        ("strong", ""),
        ("strong", "x" * 101),
        ("second_factor", "none"),
        ("joiner", "admin"),
    ],
)
def test_what_is_refused_by_field(cast: Cast, field: str, value: str) -> None:
    IdentityProvider.objects.create(organisation=cast.third, domains=["theirs.example.org"])
    answer = page(cast.admin).post("/identity-provider/", sent(**{field: value}))
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not IdentityProvider.objects.filter(organisation=cast.organiser).exists()


@pytest.mark.parametrize("field", ["joiner", "second_factor", "strong"])
def test_the_action_says_so_too(cast: Cast, field: str) -> None:
    asked: dict[str, Any] = {
        "version": 0, "active": False, "issuer": "", "client_id": "", "client_secret": None, "domains": [], "external_claim": "sub",
        "passwords": True, "second_factor": "ours", "strong": [], "joiner": "member",
    }  # fmt: skip
    with acting_as(cast.admin) as by, pytest.raises(Invalid) as refused:
        set_identity_provider(
            by=by,
            organisation_id=cast.organiser.pk,
            command_id=new_id(),
            **(asked | {field: ["two words"] if field == "strong" else "admin"}),
        )
    assert list(refused.value.errors) == [field]


@pytest.mark.parametrize("name", ["chair", "secretary", "privacy", "partner", "guest"])
def test_others_have_no_such_page(cast: Cast, name: str) -> None:
    member: Member = getattr(cast, name)
    assert page(member).get("/identity-provider/").status_code == 404
    assert page(member).post("/identity-provider/", sent()).status_code == 404
    assert IdentityProvider.objects.count() == 0


def test_nobody_waits_while_the_provider_is_asked(cast: Cast) -> None:
    """Looking locks nothing: people sign in there meanwhile. Saving does."""
    client = page(cast.admin)
    client.post("/identity-provider/", sent())
    for ask, locked in (
        (lambda: client.get("/identity-provider/"), False),
        (lambda: client.post("/identity-provider/", {"look": "1"}), False),
        (lambda: client.post("/identity-provider/", sent(version=1)), True),
    ):
        with CaptureQueriesContext(connection) as asked:
            ask()
        assert (
            any("directory_identityprovider" in each["sql"] and "FOR UPDATE" in each["sql"] for each in asked) is locked
        )


def test_asking_the_provider_what_it_is_like(cast: Cast) -> None:
    client = page(cast.admin)
    client.post("/identity-provider/", sent())
    Person.objects.filter(pk=cast.admin.pk).update(language="en")
    assert "It cannot be reached." in client.post("/identity-provider/", {"look": "1"}).content.decode()
