"""What a provider may answer that is no answer: nobody is signed in, and nobody sees a fault of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import jwt
import pytest
import requests
from allauth.socialaccount.models import SocialAccount, SocialLogin
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache
from django.test import Client, RequestFactory
from jwt.algorithms import RSAAlgorithm

from mdo.directory.models import IdentityProvider
from mdo.directory.signing_in import protocol, providers
from mdo.directory.signing_in.people import SENTENCES
from mdo.kernel.models import AuditEntry
from tests.cast import Cast

CONFIGURATION = "/.well-known/openid-configuration"


class Broken(ThreadingHTTPServer):
    """Says `bodies` by path, of the length and in the packing that `headers` claim; with `held`, stops before the last byte and waits."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.bodies: dict[str, bytes] = {}
        self.headers: dict[str, str] = {}
        self.held: Event | None = None

    def is_well(self, **more: Any) -> None:
        """A configuration as it should be."""
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        found = {"issuer": self.issuer} | {name: f"{self.issuer}/{name}" for name in names} | more
        self.bodies[CONFIGURATION] = json.dumps(found).encode()


class _Answering(BaseHTTPRequestHandler):
    server: Broken

    def do_GET(self) -> None:
        body = self.server.bodies[self.path]
        self.send_response(200)
        for name, value in ({"Content-Length": str(len(body))} | self.server.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        if self.server.held is not None:
            self.server.held.wait(30)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def broken() -> Iterator[Broken]:
    server = Broken()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        if server.held is not None:
            server.held.set()
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.fixture
def row(cast: Cast, broken: Broken) -> IdentityProvider:
    cache.clear()
    broken.is_well()
    return IdentityProvider.objects.create(
        organisation=cast.organiser, active=True, issuer=broken.issuer, client_id="mdo", version=1
    )


def refused(answer: Any, code: str, status: int) -> None:
    assert answer.status_code == status
    assert str(SENTENCES[code]) in unescape(answer.content.decode())
    assert AuditEntry.objects.filter(action="sign_in.provider", outcome=code).count() == 1


@pytest.mark.parametrize("way", ["stops midway", "stalls", "packed wrongly"])
def test_one_that_breaks_off(
    cast: Cast, broken: Broken, row: IdentityProvider, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "packed wrongly":
        broken.headers = {"Content-Encoding": "gzip"}
    else:
        broken.headers = {"Content-Length": str(len(broken.bodies[CONFIGURATION]) + 1)}
    if way == "stalls":
        broken.held = Event()
        monkeypatch.setattr(providers, "TIMEOUT_S", 2.0)
    with pytest.raises(requests.ConnectionError):
        protocol.configuration(row)
    refused(Client().post("/sign-in/", {"provider": str(row.pk)}), "unreachable", 503)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"{" + b'"a":{' * 50_000, b"\xff", b"[]", b""])
def test_a_configuration_that_is_none(cast: Cast, broken: Broken, row: IdentityProvider, body: bytes) -> None:
    broken.bodies[CONFIGURATION] = body
    refused(Client().post("/sign-in/", {"provider": str(row.pk)}), "unfit", 403)


def test_a_secret_that_was_sealed_with_another_key(cast: Cast, row: IdentityProvider, settings: Any) -> None:
    row.sealed = providers.seal(row.pk, "geheim")
    row.save()
    settings.MDO_FILE_KEY = b"x" * 32
    refused(Client().post("/sign-in/", {"provider": str(row.pk)}), "unfit", 403)
    assert Client().get(f"/sign-in/{row.pk}/back/", {"state": "x", "code": "y"}).status_code == 403


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def claims_of(row: IdentityProvider, token: str) -> dict[str, Any]:
    return protocol.HospitalAdapter(RequestFactory().get("/"), row)._claims(token)


def payload(broken: Broken, **more: Any) -> bytes:
    said = {"iss": broken.issuer, "aud": "mdo", "sub": "greet", "exp": 32503680000, "iat": 1} | more
    return json.dumps(said).encode()


def signed(key: rsa.RSAPrivateKey, said: bytes) -> str:
    return jwt.PyJWS().encode(said, key, algorithm="RS256")


@pytest.mark.parametrize("subject", ["a\0b", "a\ud800", "a\nb", "", "x" * 256, 7, ["greet"]])
def test_a_subject_that_cannot_be_kept(
    cast: Cast, broken: Broken, row: IdentityProvider, key: rsa.RSAPrivateKey, subject: Any
) -> None:
    broken.bodies["/jwks_uri"] = json.dumps({"keys": [RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)]}).encode()
    good = claims_of(row, signed(key, payload(broken)))
    assert good["sub"] == "greet"
    with pytest.raises(protocol.Unfit):
        claims_of(row, signed(key, payload(broken, sub=subject)))


def test_claims_and_keys_that_are_none(
    cast: Cast, broken: Broken, row: IdentityProvider, key: rsa.RSAPrivateKey
) -> None:
    broken.bodies["/jwks_uri"] = json.dumps({"keys": [RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)]}).encode()
    endless = payload(broken).replace(b"32503680000", b"1e400")
    deep = payload(broken).replace(b'"greet"', b"[" * 100_000 + b"]" * 100_000)
    for said in (endless, deep, b"[]", b"7", b"\xff"):
        with pytest.raises(protocol.Unfit):
            claims_of(row, signed(key, said))
    wrong: tuple[dict[str, object], ...] = ({"keys": ["x"]}, {"keys": {}}, {"keys": 7}, {})
    for keys in wrong:
        broken.bodies["/jwks_uri"] = json.dumps(keys).encode()
        with pytest.raises(protocol.Unfit):
            claims_of(row, signed(key, payload(broken)))


def told(row: IdentityProvider, **claims: Any) -> protocol.Told:
    login = SocialLogin(account=SocialAccount(extra_data={"sub": "greet", "nonce": "abc"} | claims))
    login.state = {"nonce": "abc"}
    return protocol.told_by(row, login)


@pytest.mark.parametrize("nonce", ["é", "\ud800", "", None, 7, ["abc"]])
def test_a_nonce_that_is_none(nonce: Any) -> None:
    assert told(IdentityProvider()).subject == "greet"
    with pytest.raises(protocol.Unfit):
        told(IdentityProvider(), nonce=nonce)


@pytest.mark.parametrize("text", ["a\0@example.org", "a\ud800@example.org", "a\u202e@example.org", 7, None])
def test_other_claims_that_cannot_be_kept_are_none(text: Any) -> None:
    found = told(IdentityProvider(external_claim="oid"), email=text, oid=text)
    assert (found.mail, found.external) == ("", "")
