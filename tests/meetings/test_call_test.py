"""The page on which people try out picture and sound: who may open it, and what it is given of the relay."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from mdo.directory.models import Person
from mdo.kernel import clock
from mdo.kernel.clock import now
from mdo.kernel.models import AuditEntry
from meetings.actions import inviting
from tests.cast import NAMES, Cast, Member
from tests.meetings.guesting import NAME, browser, call, come_in, invite, set_table

PAGE, RELAY = "/call-test/", "/call-test/relay/"
URLS = ["turn:turn.example.org:3478?transport=udp", "turns:turn.example.org:443?transport=tcp"]
SECRET = "a-secret-that-nobody-is-to-see"


def signed_in(member: Member) -> Client:
    client = browser()
    client.force_login(member.person, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def relay(settings: Any) -> None:
    settings.MDO_TURN, settings.MDO_TURN_SECRET, settings.MDO_LIVEKIT = URLS, SECRET, ["wss://media.example.org"]


# --- who -------------------------------------------------------------------------------------------------------------------------


def test_everybody_with_an_account_has_the_page(cast: Cast) -> None:
    found = {name: signed_in(cast.members[name]).get(PAGE).status_code for name in NAMES}
    assert found == dict.fromkeys(NAMES, 200)


def test_nobody_else_has(db: None) -> None:
    for answer in (browser().get(PAGE), browser().post(RELAY)):
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, reverse("account_login"))


def test_the_way_to_it_is_in_the_menu(cast: Cast) -> None:
    assert f'href="{PAGE}"' in signed_in(cast.partner).get("/").content.decode()


def test_a_guest_by_link_has_it_and_sees_nothing_of_anybody(cast: Cast, relay: None) -> None:
    _, items = set_table(cast)
    client = come_in(invite(cast, items[1]))
    page = client.get(PAGE)
    assert page.status_code == 200
    text = page.content.decode()
    for word in (NAME, cast.board.name, "Middelmans", "Eerstemans", "Laatstemans", "<nav", 'href="/"'):
        assert word not in text, word
    assert client.post(RELAY).json()["ice"] != []
    stranger = browser()  # the control: the link alone opens nothing
    assert stranger.get(PAGE).status_code == 302


def test_a_guest_who_is_expected_is_led_to_it(cast: Cast) -> None:
    _, items = set_table(cast, starts_at=now() + timedelta(days=1), ends_at=now() + timedelta(days=1, hours=1))
    client = come_in(invite(cast, items[1]))
    assert f'href="{PAGE}"' in client.get("/guest/").content.decode()
    assert client.get(PAGE).status_code == 200


def test_a_guest_who_was_let_out_has_it_no_more(cast: Cast, relay: None) -> None:
    meeting, items = set_table(cast)
    invitation = invite(cast, items[1])
    client = come_in(invitation)
    assert client.get(PAGE).status_code == 200
    call(cast, inviting.eject_guest, meeting_id=meeting.pk, guest_id=invitation.pk)
    assert (client.get(PAGE).status_code, client.post(RELAY).status_code) == (404, 404)


# --- what ------------------------------------------------------------------------------------------------------------------------


def test_the_credentials_are_exact_and_end(cast: Cast, relay: None) -> None:
    client = signed_in(cast.outsider)
    at = now()
    with clock.frozen(at):
        answer = client.post(RELAY)
    said = answer.json()
    assert list(said) == ["ice", "expires_at", "servers"]
    [server] = said["ice"]
    until, peer = server["username"].split(":")
    assert int(until) == int(at.timestamp()) + 600
    key = base64.b64encode(hmac.new(SECRET.encode(), server["username"].encode(), hashlib.sha1).digest()).decode()
    assert server == {"urls": URLS, "username": f"{until}:{peer}", "credential": key}
    assert said["expires_at"] == (at + timedelta(minutes=10)).isoformat().replace("+00:00", "Z")
    assert said["servers"] == ["wss://media.example.org"]
    # The peer is made up anew each time: it tells nothing of who asked, and opens no call.
    [again] = client.post(RELAY).json()["ice"]
    assert len({UUID(peer), UUID(again["username"].split(":")[1]), cast.outsider.pk}) == 3
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_site_without_a_relay_says_so(cast: Cast, settings: Any) -> None:
    settings.MDO_TURN, settings.MDO_TURN_SECRET, settings.MDO_LIVEKIT = [], "", []
    said = signed_in(cast.chair).post(RELAY).json()
    assert (said["ice"], said["servers"]) == ([], [])


def test_no_secret_is_in_what_is_sent(cast: Cast, relay: None) -> None:
    client = signed_in(cast.chair)
    page, given = client.get(PAGE), client.post(RELAY)
    for answer in (page, given):
        text = answer.content.decode() + json.dumps(dict(answer.items()))
        assert SECRET not in text
        assert base64.b64encode(SECRET.encode()).decode() not in text
    # The page itself has no credentials: they are asked for when somebody tests.
    assert "turn.example.org" not in page.content.decode()
    assert not re.search(r"\son\w+=|\sstyle=|<script>", page.content.decode())


def test_who_asks_too_often_waits(cast: Cast, relay: None) -> None:
    Person.objects.filter(pk=cast.chair.pk).update(language="en")
    client = signed_in(cast.chair)
    assert [client.post(RELAY).status_code for _ in range(11)] == [200] * 10 + [429]
    assert client.post(RELAY).json() == {"message": "Too many attempts. Wait a few minutes and try again."}
    # A whole hospital comes from one address: it is the person who waits.
    assert signed_in(cast.partner).post(RELAY).status_code == 200


def test_it_is_asked_for_by_the_page_alone(cast: Cast, relay: None) -> None:
    client = signed_in(cast.chair)
    assert (client.get(RELAY).status_code, client.post(PAGE).status_code) == (405, 405)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.chair.person, backend="django.contrib.auth.backends.ModelBackend")
    assert strict.post(RELAY).status_code == 403
    page = strict.get(PAGE).content.decode()
    token = re.search(r'data-token="([^"]+)"', page)
    assert token is not None
    assert strict.post(RELAY, headers={"X-CSRFToken": token[1]}).status_code == 200


def test_a_test_leaves_no_trace(cast: Cast, relay: None) -> None:
    client = signed_in(cast.chair)
    before = AuditEntry.objects.count()
    client.get(PAGE)
    client.post(RELAY)
    assert AuditEntry.objects.count() == before
