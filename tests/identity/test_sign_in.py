"""Signing in at a real provider: who is found, who is refused and with which sentence, and what stays as it was."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.test import Client

from mdo.directory.models import DirectoryEntry, IdentityProvider, OrganisationRole, Person
from mdo.directory.signing_in import protocol, providers
from mdo.directory.signing_in.people import SENTENCES
from mdo.kernel import clock
from mdo.kernel.models import AuditEntry
from tests.cast import PASSWORD, Cast
from tests.identity.hospital import Hospital, come_back, leave, offer


def signed_in(client: Client) -> str:
    return str(client.session.get("_auth_user_id", ""))


def whole_way(client: Client, hospital: Hospital, row: IdentityProvider, login: str, **more: Any) -> Any:
    """From the sign-in page to the provider and back; gives the answer to the last step."""
    return come_back(client, hospital.sign_in(leave(client, row, **more), login))


def says(answer: Any, code: str, status: int = 403) -> None:
    """Refused, with this sentence on the page and this code in the access log."""
    assert answer.status_code == status
    assert str(SENTENCES[code]) in unescape(answer.content.decode())
    assert "_auth_user_id" not in answer.client.session
    assert AuditEntry.objects.filter(action="sign_in.provider", outcome=code).count() == 1


def test_the_first_sign_in_links_by_verified_mail(cast: Cast, hospital: Hospital, row: IdentityProvider) -> None:
    hospital.knows("greet", cast.chair.person.email.upper())
    client = Client()
    answer = whole_way(client, hospital, row, "greet", next="/audit/")
    assert (answer.status_code, answer["Location"]) == (302, "/audit/")
    assert signed_in(client) == str(cast.chair.pk)
    entry = DirectoryEntry.objects.get()
    assert (entry.person_id, entry.organisation_id, entry.issuer, entry.subject) == (
        cast.chair.pk,
        cast.organiser.pk,
        hospital.issuer,
        "greet",
    )
    audit = AuditEntry.objects.get(action="signin.link_person")
    assert audit.detail == {"person": str(cast.chair.pk), "object_id": str(entry.pk), "events": ["directory.changed"]}
    # The second time the subject is enough, whatever the address says by then; nothing of allauth's own is stored.
    hospital.knows("greet", "renamed@elsewhere.example", verified=False)
    again = Client()
    whole_way(again, hospital, row, "greet")
    assert signed_in(again) == str(cast.chair.pk)
    assert AuditEntry.objects.filter(action="signin.link_person").count() == 1
    assert (SocialAccount.objects.count(), SocialApp.objects.count(), SocialToken.objects.count()) == (0, 0, 0)
    assert "greet@" not in str(dict(again.session.items()))


def test_a_typed_address_leads_to_the_organisation(cast: Cast, hospital: Hospital, row: IdentityProvider) -> None:
    page = Client().get("/accounts/login/").content.decode()
    assert f'<option value="{row.pk}">{cast.organiser.name}</option>' in page
    for address in (
        "nobody.at.all@example.org",
        cast.chair.person.email,
    ):  # its domain decides: nothing tells who exists
        answer = Client().post("/sign-in/", {"login": address})
        assert hospital.issuer in answer.content.decode()
    for sent in (
        {"login": "chair"},
        {"login": "a@elsewhere.example"},
        {"provider": "none"},
        {},
        {"provider": str(cast.chair.pk)},
    ):
        answer = Client().post("/sign-in/", sent)
        assert answer.status_code == 422
        assert str(SENTENCES["not_offered"]) in unescape(answer.content.decode())


@pytest.mark.parametrize(
    ("mail", "verified", "code"),
    [
        ("chair@example.org", False, "unverified"),
        ("chair@elsewhere.example", True, "nobody"),  # a domain that is not the organisation's
        ("stranger@example.org", True, "nobody"),
        ("partner@example.org", True, "nobody"),  # somebody of another hospital, under this hospital's domain
        ("guest@example.org", True, "nobody"),  # a guest is none of its people
    ],
)
def test_whoever_is_not_meant_is_refused(
    cast: Cast, hospital: Hospital, row: IdentityProvider, mail: str, verified: bool, code: str
) -> None:
    hospital.knows("x", mail, verified=verified)
    says(whole_way(Client(), hospital, row, "x"), code)
    assert DirectoryEntry.objects.count() == 0


def test_two_people_with_one_address_are_not_guessed(cast: Cast, hospital: Hospital, row: IdentityProvider) -> None:
    Person.objects.filter(pk=cast.radiologist.pk).update(email=cast.chair.person.email)
    hospital.knows("x", cast.chair.person.email)
    says(whole_way(Client(), hospital, row, "x"), "nobody")


def test_another_subject_for_the_same_person_is_refused(cast: Cast, hospital: Hospital, row: IdentityProvider) -> None:
    hospital.knows("greet", cast.chair.person.email)
    whole_way(Client(), hospital, row, "greet")
    hospital.knows("impostor", cast.chair.person.email)
    hospital.browser.cookies.clear()
    says(whole_way(Client(), hospital, row, "impostor"), "changed")
    # A new issuer knows nobody yet: then the address counts again.
    DirectoryEntry.objects.update(issuer="https://old.example.org")
    hospital.browser.cookies.clear()
    client = Client()
    whole_way(client, hospital, row, "impostor")
    assert signed_in(client) == str(cast.chair.pk)


def test_whoever_left_stays_out(cast: Cast, hospital: Hospital, row: IdentityProvider) -> None:
    hospital.knows("greet", cast.chair.person.email)
    whole_way(Client(), hospital, row, "greet")
    Person.objects.filter(pk=cast.chair.pk).update(is_active=False)
    says(whole_way(Client(), hospital, row, "greet"), "left")


def test_whoever_no_longer_belongs_stays_out(cast: Cast, hospital: Hospital, row: IdentityProvider) -> None:
    hospital.knows("sofie", cast.requester.person.email)
    whole_way(Client(), hospital, row, "sofie")
    OrganisationRole.objects.filter(person=cast.requester.pk).update(valid_until=clock.now() - timedelta(minutes=1))
    says(whole_way(Client(), hospital, row, "sofie"), "nobody")


def test_the_operator_is_nobody_s_person(cast: Cast, hospital: Hospital, row: IdentityProvider) -> None:
    """An organisation's provider would otherwise open the site's own administration."""
    Person.objects.filter(pk=cast.chair.pk).update(is_staff=True)
    hospital.knows("greet", cast.chair.person.email)
    says(whole_way(Client(), hospital, row, "greet"), "nobody")


def test_by_the_directory_s_own_id(cast: Cast, hospital: Hospital, row: IdentityProvider) -> None:
    """Whom SCIM entered is found by `externalId`, without any address."""
    entry = DirectoryEntry.objects.create(
        organisation=cast.organiser, person=cast.requester.person, user_name="sofie", external_id="oid-7"
    )
    offer(hospital, cast, external_claim="oid")
    hospital.knows("x", "whatever@elsewhere.example", verified=False, oid="oid-7")
    client = Client()
    whole_way(client, hospital, row, "x")
    assert signed_in(client) == str(cast.requester.pk)
    entry.refresh_from_db()
    assert (entry.subject, entry.user_name) == ("x", "sofie")


# --- what comes back is looked at ---------------------------------------------------------------------------------------------------


def test_an_answer_of_another_browser_or_twice_is_none(cast: Cast, hospital: Hospital, row: IdentityProvider) -> None:
    hospital.knows("greet", cast.chair.person.email)
    mine, yours = Client(), Client()
    address = hospital.sign_in(leave(mine, row), "greet")
    says(come_back(yours, address), "unfit")  # state
    come_back(mine, address)
    assert signed_in(mine) == str(cast.chair.pk)
    mine.logout()
    assert come_back(mine, address).status_code == 403
    assert signed_in(mine) == ""


def test_many_answers_of_nobody_do_not_fill_the_access_log(
    cast: Cast, hospital: Hospital, row: IdentityProvider, settings: Any
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "sign_in_back": "3/m/ip"}
    address = f"/sign-in/{row.pk}/back/?state=x"
    statuses = [Client().get(address).status_code for _ in range(5)]
    assert statuses == [403] * 3 + [429] * 2
    assert AuditEntry.objects.filter(action="sign_in.provider").count() == 3


def test_a_wrong_nonce_is_refused(cast: Cast, hospital: Hospital, row: IdentityProvider) -> None:
    hospital.knows("greet", cast.chair.person.email)
    client = Client()
    address = leave(client, row)
    parts = urlsplit(address)
    asked = dict(parse_qsl(parts.query)) | {"nonce": "of-somebody-else"}
    says(come_back(client, hospital.sign_in(parts._replace(query=urlencode(asked)).geturl(), "greet")), "unfit")


def test_an_answer_of_another_issuer_is_refused(cast: Cast, hospital: Hospital, row: IdentityProvider) -> None:
    hospital.knows("greet", cast.chair.person.email)
    client = Client()
    address = hospital.sign_in(leave(client, row), "greet")
    assert f"iss={urlencode({'': hospital.issuer})[1:]}" in address
    says(come_back(client, address.replace("iss=http", "iss=https")), "unfit")
    without = address.split("&iss=")[0]  # it says that it always tells
    assert come_back(client, without).status_code == 403
    assert signed_in(client) == ""


def test_the_answer_belongs_to_the_organisation_that_was_asked(
    cast: Cast, hospital: Hospital, row: IdentityProvider
) -> None:
    """The same provider, another organisation's row: one's state does not open the other's way back."""
    person = cast.partnersecretary.person
    OrganisationRole.objects.create(
        person=person, organisation=cast.partner_hospital, role="admin", valid_from=clock.now()
    )
    theirs = offer(hospital, cast, cast.partnersecretary, domains=["partner.example.org"])
    hospital.back.append(protocol.callback_address(theirs))
    hospital.knows("greet", cast.chair.person.email)
    client = Client()
    address = hospital.sign_in(leave(client, row), "greet")
    says(come_back(client, address.replace(str(row.pk), str(theirs.pk))), "unfit")
    # And the provider's word about one hospital's people signs in nobody at the other one.
    hospital.browser.cookies.clear()
    assert whole_way(Client(), hospital, theirs, "greet").status_code == 403


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("signature", lambda token: token[:-6] + ("AAAAAA" if not token.endswith("AAAAAA") else "BBBBBB")),
        ("none", lambda token: jwt.encode(jwt.decode(token, options={"verify_signature": False}), None, algorithm="none")),
        ("ours", lambda token: jwt.encode(jwt.decode(token, options={"verify_signature": False}), "x" * 40, algorithm="HS256")),
        ("nothing", lambda token: "x"),
    ],
)  # fmt: skip
def test_a_token_that_the_provider_did_not_sign(
    cast: Cast, hospital: Hospital, row: IdentityProvider, monkeypatch: pytest.MonkeyPatch, key: str, change: Any
) -> None:
    hospital.knows("greet", cast.chair.person.email)
    real = protocol.HospitalAdapter.get_access_token_data

    def tampered(self: Any, *args: Any, **values: Any) -> Any:
        found = real(self, *args, **values)
        return found | {"id_token": change(found["id_token"])}

    monkeypatch.setattr(protocol.HospitalAdapter, "get_access_token_data", tampered)
    says(whole_way(Client(), hospital, row, "greet"), "unfit")


def test_without_those_looks_they_would_come_in(
    cast: Cast, hospital: Hospital, row: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: with nonce, signature and verification switched off, the same answers sign somebody in."""
    hospital.knows("greet", cast.chair.person.email, verified=False)
    real_told, real_decode = protocol.told_by, jwt.decode

    def trusting(row: IdentityProvider, login: Any) -> Any:
        login.account.extra_data["nonce"] = login.state["nonce"]
        login.account.extra_data["email_verified"] = True
        return real_told(row, login)

    monkeypatch.setattr(protocol, "told_by", trusting)
    monkeypatch.setattr(jwt, "decode", lambda token, **_: real_decode(token, options={"verify_signature": False}))
    client = Client()
    parts = urlsplit(leave(client, row))
    asked = dict(parse_qsl(parts.query)) | {"nonce": "of-somebody-else"}
    come_back(client, hospital.sign_in(parts._replace(query=urlencode(asked)).geturl(), "greet"))
    assert signed_in(client) == str(cast.chair.pk)


def test_cancelled_away_and_elsewhere(cast: Cast, hospital: Hospital, row: IdentityProvider, settings: Any) -> None:
    client = Client()
    says(come_back(client, hospital.sign_in(leave(client, row), "nobody at all")), "cancelled")
    # A host that the operator did not name is not asked, not even by a row that is there.
    settings.SECURE = True
    settings.MDO_PROVIDER_KEPT_S = 0
    from django.core.cache import cache

    cache.clear()
    assert client.post("/sign-in/", {"provider": str(row.pk)}).status_code == 503
    settings.SECURE = False
    IdentityProvider.objects.update(issuer="http://127.0.0.1:9", version=9)
    answer = client.post("/sign-in/", {"provider": str(row.pk)})
    assert answer.status_code == 503
    assert "cannot be reached" in answer.content.decode()


def test_named_hosts_only(settings: Any) -> None:
    settings.SECURE = True
    settings.MDO_SIGN_IN_HOSTS = ["login.example.org:443", "[::1]:8443"]
    good = ("https://login.example.org", "https://LOGIN.example.org:443/realms/x", "https://[::1]:8443/")
    bad = (
        "http://login.example.org", "https://login.example.org:444", "https://x@login.example.org", "https://169.254.169.254",
        "http://127.0.0.1", "https://login.example.org.evil.example", "ftp://login.example.org", "https://[::1", "", "https://login.example.org:99999",
    )  # fmt: skip
    assert [providers.allowed(each) for each in good] == [True] * len(good)
    assert [providers.allowed(each) for each in bad] == [False] * len(bad)


# --- passwords and second factors ---------------------------------------------------------------------------------------------------


def test_provider_only(cast: Cast, hospital: Hospital, row: IdentityProvider) -> None:
    def by_password(name: str) -> Any:
        client = Client()
        return client, client.post("/accounts/login/", {"login": name, "password": PASSWORD})

    client, answer = by_password("chair")
    assert signed_in(client) == str(cast.chair.pk)
    offer(hospital, cast, passwords=False)
    client, answer = by_password("chair")
    assert (answer.status_code, signed_in(client)) == (403, "")
    assert "wants you to sign in at its own page" in answer.content.decode()
    assert f'name="provider" value="{row.pk}"' in answer.content.decode()
    # A wrong password says what it says to everybody.
    assert "its own page" not in Client().post("/accounts/login/", {"login": "chair", "password": "x"}).content.decode()
    for name in ("partner", "guest", "admin"):  # of another hospital; a guest; whoever can put a wrong setting right
        client, answer = by_password(name)
        assert signed_in(client) == str(getattr(cast, name).pk), name
    Person.objects.filter(pk=cast.chair.pk).update(is_staff=True)
    assert signed_in(by_password("chair")[0]) == str(cast.chair.pk)
    IdentityProvider.objects.update(active=False)
    assert signed_in(by_password("radiologist")[0]) == str(cast.radiologist.pk)


def test_no_forgotten_password_where_none_counts(
    cast: Cast, hospital: Hospital, row: IdentityProvider, smtp: Any
) -> None:
    offer(hospital, cast, passwords=False)
    for name in ("chair", "partner"):
        Client().post("/accounts/password/reset/", {"email": f"{name}@example.org"})
    assert [str(each["To"]) for each in smtp.wait_for(1)] == ["partner@example.org"]


@pytest.mark.parametrize(
    ("second", "amr", "asked"),
    [("ours", ["mfa"], True), ("theirs", ["mfa"], False), ("theirs", ["pwd"], True)],
)
def test_the_second_factor(
    cast: Cast, hospital: Hospital, row: IdentityProvider, second: str, amr: list[str], asked: bool
) -> None:
    """Asked here of whoever has one, unless the organisation trusts its provider and that says that it asked."""
    offer(hospital, cast, second_factor=second, strong=["mfa", "hwk"])
    TOTP.activate(cast.chair.person, generate_totp_secret())
    hospital.knows("greet", cast.chair.person.email, amr=amr)
    client = Client()
    answer = whole_way(client, hospital, row, "greet")
    assert (answer["Location"] == "/accounts/2fa/authenticate/") is asked
    assert signed_in(client) == ("" if asked else str(cast.chair.pk))
    assert cast.chair.person.email not in str(
        dict(client.session.items())
    )  # while it waits, nothing of the claims is kept
    if asked:
        assert client.get("/accounts/2fa/authenticate/").status_code == 200
