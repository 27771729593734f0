"""A guest who shows who they are with an OpenID Connect provider: a small real one, in a thread of this test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from mdo.directory.models import Person
from mdo.identities import parse_oidc_url
from tests.cast import Cast
from tests.meetings.guesting import MAIL, browser, invite, open_link, read, set_table


class Provider(BaseHTTPRequestHandler):
    """Says of everybody what `person` says."""

    person: dict[str, Any] = {}

    def _say(self, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def do_GET(self) -> None:
        base = f"http://{self.headers['Host']}"
        if self.path.endswith("/.well-known/openid-configuration"):
            self._say(
                {
                    "issuer": base,
                    "authorization_endpoint": f"{base}/authorize",
                    "token_endpoint": f"{base}/token",
                    "userinfo_endpoint": f"{base}/me",
                }
            )
        else:
            self._say(Provider.person)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say({"access_token": "t", "token_type": "Bearer", "expires_in": 60})

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def provider(settings: Any) -> Iterator[type[Provider]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    Thread(target=server.serve_forever, daemon=True).start()
    found = parse_oidc_url(f"http://mdo:secret@127.0.0.1:{server.server_port}/?name=itsme")
    app = {
        "provider_id": "identity",
        "name": found.name,
        "client_id": found.client,
        "secret": found.secret,
        "settings": {"server_url": found.configuration},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
    settings.MDO_IDENTITIES = found.name
    yield Provider
    server.shutdown()
    server.server_close()


def go_and_come_back(client: Client) -> Any:
    """To the provider, which sends the browser straight back; gives the answer to that."""
    leaving = client.get("/guest/identity/")
    assert leaving.status_code == 302
    asked = parse_qs(urlsplit(leaving["Location"]).query)
    assert asked["redirect_uri"] == ["http://testserver/accounts/oidc/identity/login/callback/"]
    return client.get("/accounts/oidc/identity/login/callback/", {"state": asked["state"][0], "code": "c"})


def me(mail: str, *, verified: bool = True) -> dict[str, Any]:
    return {"sub": "42", "name": "Jef Verlinden", "email": mail, "email_verified": verified}


def test_the_invited_address_lets_in(cast: Cast, provider: type[Provider]) -> None:
    invitation, client = invite(cast, set_table(cast)[1][1]), browser()
    open_link(client, invitation)
    assert "itsme" in client.get("/guest/").content.decode()
    provider.person = me(MAIL.title())
    assert go_and_come_back(client).status_code == 303
    assert read(invitation.pk).confirmed_by == "identity"
    assert client.get("/guest/")["Location"] == f"/meetings/{invitation.meeting_id}/room/"
    # Nothing of the identity is kept, and nobody else came to be.
    assert SocialAccount.objects.count() == 0
    assert Person.objects.filter(visitor=True).count() == 1


@pytest.mark.parametrize("person", [me("somebody@example.org"), me(MAIL, verified=False), {"sub": "42"}])
def test_any_other_identity_does_not(cast: Cast, provider: type[Provider], person: dict[str, Any]) -> None:
    invitation, client = invite(cast, set_table(cast)[1][1]), browser()
    open_link(client, invitation)
    provider.person = person
    assert go_and_come_back(client)["Location"] == "/guest/"
    assert "another mail address" in client.get("/guest/").content.decode()
    assert read(invitation.pk).confirmed_at is None
    assert Person.objects.filter(visitor=False).count() == len(cast.members)


def test_without_a_link_an_identity_is_worth_nothing(cast: Cast, provider: type[Provider]) -> None:
    """Not even for somebody whose account has that address: this site signs nobody in by an identity."""
    provider.person = me(cast.radiologist.person.email)
    client = browser()
    assert client.get("/guest/identity/")["Location"] == "/guest/"
    assert client.get("/accounts/oidc/identity/login/").status_code in (302, 404)
    assert "_auth_user_id" not in client.session


def test_a_provider_that_is_away_leaves_the_code(cast: Cast, provider: type[Provider], settings: Any) -> None:
    invitation, client = invite(cast, set_table(cast)[1][1]), browser()
    open_link(client, invitation)
    apps = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]
    apps[0]["settings"]["server_url"] = "http://127.0.0.1:9/.well-known/openid-configuration"
    assert client.get("/guest/identity/")["Location"] == "/guest/"
    assert "cannot be reached" in client.get("/guest/").content.decode()


@pytest.mark.parametrize(
    "url",
    [
        "http://client:secret@login.example.org",
        "https://login.example.org",
        "https://client@login.example.org",
        "https://client:secret@login.example.org?nom=x",
        "https://client:secret@login.example.org#x",
    ],
)
def test_an_address_that_cannot_be_right_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"(must|more)"):
        parse_oidc_url(url)
