"""Signing in: limits, no hint about who exists, a new session, one's own language; and the pages around it."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

import mdo
from mdo.demo.accounts import ACCOUNTS
from mdo.demo.accounts import PASSWORD as DEMO_PASSWORD
from mdo.directory.models import Person
from mdo.environment import BASE_DIR
from mdo.kernel.models import AuditEntry
from tests.cast import PASSWORD, Cast

LOGIN = "account_login"


@pytest.fixture(autouse=True)
def no_earlier_attempts(db: None) -> None:
    cache.clear()


def sign_in(client: Client, login: str = "chair", password: str = PASSWORD, **extra: Any) -> Any:
    return client.post(reverse(LOGIN), {"login": login, "password": password, **extra})


def test_one_lands_on_today(cast: Cast, client: Client) -> None:
    for login in ("chair", "chair@example.org", "CHAIR@example.org"):
        answer = sign_in(client, login)
        assert (answer.status_code, answer["Location"]) == (302, reverse("today"))
        client.logout()


def test_a_page_that_was_asked_for_comes_after(cast: Cast, client: Client) -> None:
    wanted = reverse("audit")
    answer = client.get(wanted)
    assert answer["Location"] == f"{reverse(LOGIN)}?next={wanted}"
    assert sign_in(client, next=wanted)["Location"] == wanted
    client.logout()
    assert sign_in(client, next="https://elsewhere.example/")["Location"] == reverse("today")
    client.logout()
    assert sign_in(client, next="//elsewhere.example/")["Location"] == reverse("today")


def test_five_bad_passwords_are_enough(cast: Cast, client: Client) -> None:
    for _ in range(5):
        answer = sign_in(client, password="wrong")
        assert answer.status_code == 200
        assert not answer.wsgi_request.user.is_authenticated
    answer = sign_in(client)  # the right one now
    assert not answer.wsgi_request.user.is_authenticated
    assert answer.context["form"].non_field_errors() == ["Too many failed login attempts. Try again later."]
    assert sign_in(Client()).status_code == 200  # from another browser neither
    assert sign_in(client, "secretary").status_code == 302  # another account is not held up


def test_nothing_tells_who_exists(cast: Cast, client: Client) -> None:
    Person.objects.filter(username="privacy").update(is_active=False)
    without = Person.objects.create(username="nurse", first_name="Katrien", last_name="Dewulf", email="n@example.org")
    without.set_unusable_password()
    without.save()
    answers = [sign_in(client, login, "wrong") for login in ("chair", "nobody", "nurse", "privacy")]
    errors = {(answer.status_code, tuple(answer.context["form"].non_field_errors())) for answer in answers}
    assert errors == {(200, ("The username and/or password you specified are not correct.",))}
    shut_out = sign_in(client, "privacy")  # who knows the password learns that it no longer opens anything
    assert (shut_out["Location"], shut_out.wsgi_request.user.is_authenticated) == (reverse("account_inactive"), False)


def test_a_forgotten_password(cast: Cast, client: Client) -> None:
    person = Person.objects.create(username="nurse", first_name="Katrien", last_name="Dewulf", email="n@example.org")
    person.set_unusable_password()
    person.save()
    answers = [
        client.post(reverse("account_reset_password"), {"email": email})
        for email in ("chair@example.org", "nobody@example.org", "n@example.org")
    ]
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {
        (302, reverse("account_reset_password_done"))
    }
    assert [message.to for message in mail.outbox] == [["chair@example.org"]]


def test_a_new_session_at_the_door(cast: Cast, client: Client) -> None:
    client.get(reverse(LOGIN))
    session = client.session
    session["before"] = 1
    session.save()
    client.cookies[site_settings.SESSION_COOKIE_NAME] = session.session_key or ""
    before = session.session_key
    sign_in(client)
    assert client.cookies[site_settings.SESSION_COOKIE_NAME].value != before
    assert (
        not Client(headers={"cookie": f"{site_settings.SESSION_COOKIE_NAME}={before}"})
        .get(reverse("audit"))
        .wsgi_request.user.is_authenticated
    )
    cookie = client.cookies[site_settings.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_signing_out_ends_the_session(cast: Cast, client: Client) -> None:
    sign_in(client)
    key = client.cookies[site_settings.SESSION_COOKIE_NAME].value
    assert client.get(reverse("account_logout")).status_code == 200  # asks; a link alone signs nobody out
    assert client.post(reverse("account_logout"))["Location"] == reverse(LOGIN)
    again = Client(headers={"cookie": f"{site_settings.SESSION_COOKIE_NAME}={key}"})
    assert again.get(reverse("audit")).status_code == 302


def test_somebody_who_was_shut_out_is_out_at_once(cast: Cast, client: Client) -> None:
    sign_in(client)
    assert client.get(reverse("audit")).status_code == 200
    Person.objects.filter(pk=cast.chair.pk).update(is_active=False)
    assert client.get(reverse("audit")).status_code == 302


def test_nobody_signs_up(cast: Cast, client: Client) -> None:
    before = Person.objects.count()
    client.post(
        reverse("account_signup"),
        {"username": "new", "email": "new@example.org", "password1": PASSWORD, "password2": PASSWORD},
    )
    assert Person.objects.count() == before


def test_the_demonstration_shows_its_accounts_before_signing_in(cast: Cast, client: Client, settings: Any) -> None:
    settings.DEMO = True
    page = client.get(reverse(LOGIN))
    assert (page.context["demo_accounts"], page.context["demo_password"]) == (ACCOUNTS, DEMO_PASSWORD)
    sign_in(client)
    assert "demo_password" not in client.get(reverse("audit")).context
    settings.DEMO = False
    page = Client().get(reverse(LOGIN))
    assert "demo_accounts" not in page.context
    assert DEMO_PASSWORD not in page.content.decode()


def test_every_page_names_the_version(client: Client, db: None) -> None:
    declared = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]
    assert client.get(reverse(LOGIN)).context["version"] == mdo.__version__ == declared


# --- language ----------------------------------------------------------------------------------------------------------


def language_of(client: Client, url: str = "audit") -> str:
    return str(client.get(reverse(url)).headers["Content-Language"])


def test_after_signing_in_the_person_decides(cast: Cast, client: Client) -> None:
    assert client.post(reverse("set_language"), {"language": "fr", "next": reverse(LOGIN)}).status_code == 302
    assert language_of(client, LOGIN) == "fr"  # of the browser
    sign_in(client)
    assert language_of(client) == "nl"  # of the person
    answer = client.post(reverse("set_language"), {"language": "en", "next": reverse("audit")})
    assert (answer.status_code, answer["Location"]) == (302, reverse("audit"))
    assert language_of(client) == "en"
    cast.chair.person.refresh_from_db()
    assert cast.chair.person.language == "en"
    row = AuditEntry.objects.get(action="person.choose_language")
    assert (row.actor_id, row.hospital_id, row.outcome) == (cast.chair.pk, None, "ok")
    assert row.detail == {"object_id": str(cast.chair.pk), "events": ["directory.changed"]}
    again = Client()
    sign_in(again)
    assert language_of(again) == "en"  # in every browser


@pytest.mark.parametrize("language", ["", "xx", "nl\0", "../nl"])
def test_an_unknown_language_changes_nothing(cast: Cast, client: Client, language: str) -> None:
    sign_in(client)
    answer = client.post(reverse("set_language"), {"language": language, "next": "https://elsewhere.example/"})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert language_of(client) == "nl"


def test_the_browser_decides_before(client: Client, db: None) -> None:
    page = client.get(reverse(LOGIN), headers={"accept-language": "nl-BE,nl;q=0.9"})
    assert page.headers["Content-Language"] == "nl"
    assert client.get(reverse("set_language")).status_code == 405
