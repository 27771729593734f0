"""Whoever signs in at their organisation shows there, once more, that it is them who signs."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client

from mdo.directory.models import IdentityProvider
from mdo.directory.signing_in import protocol
from mdo.directory.signing_in.people import SENTENCES
from mdo.kernel.clock import now
from mdo.kernel.models import AuditEntry
from meetings.models import AgendaItem, Meeting
from tests.cast import PASSWORD, Cast
from tests.factories import make_decision, make_item, make_referral
from tests.identity.hospital import Hospital, come_back, leading, leave, offer
from tests.meetings.acts import client_of, show
from tests.meetings.test_signing_proof import LONG_AGO, meeting, press, proof, states

__all__ = ["meeting"]


def field(answer: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', answer.content.decode())
    assert found is not None, name
    return unescape(found[1])


def coordinator(cast: Cast, hospital: Hospital, row: IdentityProvider, **more: Any) -> Client:
    """The coordinator, who signed in at the hospital a good while ago and has no password here."""
    cast.coordinator.person.set_unusable_password()
    cast.coordinator.person.save()
    hospital.knows("wim", cast.coordinator.person.email, **more)
    client = Client()
    assert come_back(client, hospital.sign_in(leave(client, row), "wim")).status_code == 302
    show(client, cast.coordinator, LONG_AGO, by="hospital")
    return client


def go(client: Client, asked: Any) -> str:
    """Press the button that leads to the hospital; everything that was sent goes along."""
    sent = {
        name: unescape(value)
        for name, value in re.findall(
            r'name="([^"]+)" value="([^"]*)"', asked.content.decode().split("</form>")[0] + asked.content.decode()
        )
    }
    return leading(client.post("/sign-in-again/", sent))


def test_there_and_back_and_signed(cast: Cast, hospital: Hospital, row: IdentityProvider, meeting: Meeting) -> None:
    client = coordinator(cast, hospital, row)
    asked = press(client, meeting)
    assert asked.status_code == 401
    address = go(client, asked)
    assert "prompt=login" in address
    assert "max_age=0" in address
    answer = come_back(client, hospital.sign_in(address, "wim"))
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in-again/")
    before = states()
    waiting = client.get("/sign-in-again/")
    context = waiting.context
    assert client.post(context["to"], _sent(context["carried"])).status_code == 303
    assert states() != before
    assert proof()["proof"] == "provider"
    assert client.get("/sign-in-again/")["Location"] == "/"  # once


def _sent(carried: list[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in carried:
        found.setdefault(name, []).append(value)
    return found


def test_an_old_sign_in_there_is_none(
    cast: Cast, hospital: Hospital, row: IdentityProvider, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that does not ask again (it ignores `prompt` and `max_age`) says so by `auth_time`."""
    client = coordinator(cast, hospital, row)
    real = protocol.told_by

    def old(row: IdentityProvider, login: Any) -> Any:
        login.account.extra_data["auth_time"] = (now() - timedelta(minutes=5)).timestamp()
        return real(row, login)

    monkeypatch.setattr(protocol, "told_by", old)
    answer = come_back(client, hospital.sign_in(go(client, press(client, meeting)), "wim"))
    assert answer.status_code == 403
    assert str(SENTENCES["old"]) in unescape(answer.content.decode())
    assert press(client, meeting).status_code == 401


def test_a_sign_in_by_an_older_session_there_proves_nothing(
    cast: Cast, hospital: Hospital, row: IdentityProvider, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Coming back a moment ago is not enough: what counts is when the password was typed."""
    real = protocol.told_by

    def old(row: IdentityProvider, login: Any) -> Any:
        login.account.extra_data["auth_time"] = (now() - timedelta(hours=3)).timestamp()
        return real(row, login)

    monkeypatch.setattr(protocol, "told_by", old)
    hospital.knows("wim", cast.coordinator.person.email)
    client = Client()
    come_back(client, hospital.sign_in(leave(client, row), "wim"))
    assert press(client, meeting).status_code == 401
    monkeypatch.undo()  # the negative control: with its true time it counts
    again = Client()
    hospital.browser.cookies.clear()
    come_back(again, hospital.sign_in(leave(again, row), "wim"))
    assert press(again, meeting).status_code == 303


def test_somebody_else_there_is_refused(
    cast: Cast, hospital: Hospital, row: IdentityProvider, meeting: Meeting
) -> None:
    client = coordinator(cast, hospital, row)
    hospital.knows("greet", cast.chair.person.email)
    hospital.browser.cookies.clear()
    answer = come_back(client, hospital.sign_in(go(client, press(client, meeting)), "greet"))
    assert answer.status_code == 403
    assert str(SENTENCES["other_person"]) in unescape(answer.content.decode())
    assert client.session["_auth_user_id"] == str(cast.coordinator.pk)
    assert press(client, meeting).status_code == 401


def test_a_second_factor_that_was_not_asked_there(
    cast: Cast, hospital: Hospital, row: IdentityProvider, meeting: Meeting
) -> None:
    """It is not said to be well: the next signature would ask again, without a reason."""
    client = coordinator(cast, hospital, row, amr=["pwd"])
    TOTP.activate(cast.coordinator.person, generate_totp_secret())
    offer(hospital, cast, second_factor="theirs", strong=["mfa"])
    answer = come_back(client, hospital.sign_in(go(client, press(client, meeting)), "wim"))
    assert answer.status_code == 403
    assert str(SENTENCES["weak"]) in unescape(answer.content.decode())
    assert AuditEntry.objects.filter(action="sign_in.provider", outcome="weak").count() == 1
    assert client.get("/sign-in-again/")["Location"] == "/"
    assert press(client, meeting).status_code == 401


@pytest.mark.parametrize(("second", "offered"), [("ours", False), ("theirs", True)])
def test_whoever_has_a_second_factor_shows_one(
    cast: Cast, hospital: Hospital, row: IdentityProvider, meeting: Meeting, second: str, offered: bool
) -> None:
    client = coordinator(cast, hospital, row, amr=["mfa"])
    TOTP.activate(cast.coordinator.person, generate_totp_secret())
    offer(hospital, cast, second_factor=second, strong=["mfa"])
    asked = press(client, meeting)
    assert ('action="/sign-in-again/"' in asked.content.decode()) is offered
    assert 'name="code"' in asked.content.decode()
    if offered:
        come_back(client, hospital.sign_in(go(client, asked), "wim"))
        assert press(client, meeting).status_code == 303


ACTIVATE = "/accounts/2fa/totp/activate/"


@pytest.mark.parametrize("tells", [True, False])
def test_there_and_back_before_a_second_factor(
    cast: Cast,
    hospital: Hospital,
    row: IdentityProvider,
    meeting: Meeting,
    monkeypatch: pytest.MonkeyPatch,
    tells: bool,
) -> None:
    """Also at a provider that does not tell when they typed their password: asked for it, it is believed, but not for a signature."""
    real = protocol.told_by

    def told(row: IdentityProvider, login: Any) -> Any:
        if not tells:
            login.account.extra_data.pop("auth_time")
        return real(row, login)

    monkeypatch.setattr(protocol, "told_by", told)
    client = coordinator(cast, hospital, row)
    if not tells:  # a sign-in by a session that was open there all day shows nothing
        come_back(client, hospital.sign_in(leave(client, row), "wim"))
    asked = client.get(ACTIVATE)
    assert (asked.status_code, field(asked, "to")) == (401, ACTIVATE)
    names = ("provider", "to", "label", "setting_up")
    address = leading(client.post("/sign-in-again/", {name: field(asked, name) for name in names}))
    assert "prompt=login" in address
    answer = come_back(client, hospital.sign_in(address, "wim"))
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in-again/")
    assert f'href="{ACTIVATE}"' in client.get("/sign-in-again/").content.decode()
    assert client.get(ACTIVATE).status_code == 200
    assert press(client, meeting).status_code == (303 if tells else 401)


def test_a_forbidden_password_shows_nothing(
    cast: Cast, hospital: Hospital, row: IdentityProvider, meeting: Meeting
) -> None:
    """Where the organisation wants its own sign-in alone, the old password signs nothing and sets nothing up."""
    client = client_of(cast.coordinator)
    assert press(client, meeting).status_code == 303  # while passwords work
    offer(hospital, cast, passwords=False)
    make_decision(
        make_item(
            meeting,
            make_referral(cast.board, cast.organiser, cast.requester.person, status="discussed"),
            state=AgendaItem.State.DISCUSSED,
        ),
        recorded_by=cast.chair.person,
    )
    assert press(client, meeting).status_code == 401
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 403
    assert press(client, meeting).status_code == 401
    assert client.get(ACTIVATE).status_code == 401


def test_nobody_is_led_elsewhere(cast: Cast, hospital: Hospital, row: IdentityProvider) -> None:
    client = coordinator(cast, hospital, row)
    good = {"provider": str(row.pk), "to": "/"}
    for bad in (
        {"to": "https://elsewhere.example/"},
        {"to": "//elsewhere.example/"},
        {"to": ""},
        {"provider": str(cast.chair.pk)},
    ):
        assert client.post("/sign-in-again/", good | bad).status_code == 404
    assert Client().post("/sign-in-again/", good).status_code == 302
    assert client.post("/sign-in-again/", good | {"x": "y" * 200_001}).status_code == 422


def test_each_reason_finds_room_in_the_access_log() -> None:
    longest = AuditEntry._meta.get_field("outcome").max_length
    assert longest is not None
    assert [code for code in SENTENCES if len(code) > longest] == []
