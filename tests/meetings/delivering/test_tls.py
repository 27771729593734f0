"""By TLS to the hospital's own machines: its authority is believed once the site says so, and nobody else's; through its proxy, but never to
loopback. Real servers with certificates of an authority made here."""

from __future__ import annotations

import os
import socketserver
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import trustme
from django.core.mail import get_connection

from mdo import outward
from meetings.delivering import fhir, mllp
from meetings.delivering.faults import NotTaken
from tests.cast import Cast
from tests.delivery_peers import ehr, fhir_server, web_proxy
from tests.meetings.delivering.routing import make_closed, make_route, rows, send, sign
from tests.parts import child_environment

MESSAGE = b"MSH|^~\\&|MDO||||20261129||MDM^T02|1234|P|2.5.1\r"
EMAIL = "django.core.mail.backends.smtp.EmailBackend"
NAME = "fhir.ziekenhuis.example"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="Ziekenhuis")


def serving(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("127.0.0.1", "localhost", NAME))).configure_cert(context)
    return context


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> str:
    file = tmp_path / "house.pem"
    authority.cert_pem.write_to_path(str(file))
    return str(file)


@pytest.fixture
def believed(ca: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As after a start with MDO_CA."""
    with monkeypatch.context() as changed:
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            changed.setenv(name, os.environ.get(name, ""))
        outward.believe(ca, tmp_path)
        yield


def told(settings: Any, **values: str) -> None:
    settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update=values)


def refused(port: int, host: str = "127.0.0.1") -> str:
    with pytest.raises(NotTaken) as caught:
        mllp.exchange(host, port, MESSAGE, secure=True)
    assert caught.value.down  # it waits, and the others for the same place with it
    return caught.value.code


# --- HL7 ---------------------------------------------------------------------------------------------------------------


def test_a_record_system_by_tls(authority: trustme.CA, believed: None) -> None:
    with ehr(tls=serving(authority)) as peer:
        assert b"MSA|AA|1234" in mllp.exchange("127.0.0.1", peer.port, MESSAGE, secure=True)
    assert peer.messages == [MESSAGE]


def test_an_authority_that_nobody_named_is_not_believed(authority: trustme.CA) -> None:
    """The control."""
    with ehr(tls=serving(authority)) as peer:
        assert refused(peer.port) == "certificate"
    assert peer.messages == []


def test_another_machines_certificate_is_not_believed(authority: trustme.CA, believed: None) -> None:
    with ehr(tls=serving(authority, "another.example")) as peer:
        assert refused(peer.port) == "certificate"
    assert peer.messages == []


def test_a_record_system_without_tls_gets_nothing_in_the_clear(believed: None) -> None:
    with ehr() as peer:
        assert refused(peer.port) in ("cut", "no_answer")
    assert peer.messages == []


def test_who_asks_for_a_certificate_gets_ours(
    authority: trustme.CA, believed: None, settings: Any, tmp_path: Path
) -> None:
    asking = serving(authority)
    asking.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(asking)
    own = tmp_path / "own.pem"
    authority.issue_cert("mdo.example").private_key_and_cert_chain_pem.write_to_path(str(own))
    with ehr(tls=asking) as peer:
        assert refused(peer.port) in ("cut", "no_answer")
        told(settings, client_cert=str(own))
        assert b"MSA|AA" in mllp.exchange("127.0.0.1", peer.port, MESSAGE, secure=True)


def test_a_report_waits_until_the_authority_is_believed(
    cast: Cast, authority: trustme.CA, ca: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ehr(tls=serving(authority)) as peer:
        make_route(cast.organiser, "hl7", settings={"address": f"mllps://127.0.0.1:{peer.port}"})
        sign(cast, make_closed(cast))
        (row,) = rows()
        with pytest.raises(NotTaken, match="certificate"):
            send(row)
        assert rows()[0].state == "waiting"
        monkeypatch.setenv("SSL_CERT_FILE", os.environ.get("SSL_CERT_FILE", ""))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", os.environ.get("REQUESTS_CA_BUNDLE", ""))
        outward.believe(ca, tmp_path)
        assert send(row).state == "done"


# --- FHIR, and the proxy -----------------------------------------------------------------------------------------------


@pytest.fixture
def abroad(settings: Any) -> None:
    """Whatever port of the hospital's server is allowed."""
    settings.DEMO = False

    class Everywhere(list[str]):
        def __contains__(self, place: object) -> bool:
            return str(place).startswith(NAME)

    settings.MDO_DELIVERY_HOSTS = Everywhere()


def post(host: str, port: int) -> int:
    return fhir.post(f"https://{host}:{port}/r4", {"resourceType": "DocumentReference"}, "urn:uuid:1", "token")


def test_a_server_behind_the_proxy(authority: trustme.CA, believed: None, abroad: None, settings: Any) -> None:
    """The proxy sees host and port; what is said goes on under the server's own certificate."""
    with fhir_server(tls=serving(authority)) as peer, web_proxy() as proxy:
        told(settings, https_proxy=f"http://site:geheim%21@127.0.0.1:{proxy.port}")
        assert post(NAME, peer.port) == 201
    assert proxy.asked == [(f"{NAME}:{peer.port}", "Basic c2l0ZTpnZWhlaW0h")]
    assert [path for _, path, _ in peer.asked] == ["/r4/DocumentReference"]


@pytest.mark.parametrize("says", [b"HTTP/1.1 403 Forbidden\r\n\r\n", b"HTTP/1.1 407 Who\r\n\r\n", b"SSH-2.0\r\n\r\n", b"x" * 9000, b""])  # fmt: skip
def test_a_proxy_that_opens_no_way(abroad: None, settings: Any, says: bytes) -> None:
    with web_proxy(says) as proxy:
        told(settings, https_proxy=f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(NotTaken) as caught:
            post(NAME, 443)
    assert (caught.value.code, caught.value.down) == ("proxy", True)


def test_a_proxy_that_is_not_there(abroad: None, settings: Any) -> None:
    told(settings, https_proxy="http://127.0.0.1:1")
    with pytest.raises(NotTaken) as caught:
        post(NAME, 443)
    assert caught.value.code == "proxy"


def test_loopback_and_what_is_named_go_without_it(authority: trustme.CA, believed: None, settings: Any) -> None:
    with fhir_server(tls=serving(authority)) as peer, web_proxy() as proxy:
        told(settings, https_proxy=f"http://127.0.0.1:{proxy.port}")
        assert post("127.0.0.1", peer.port) == 201
        told(settings, no_proxy=".ziekenhuis.example")
        assert settings.ENVIRONMENT.proxy_for(NAME) is None
        assert settings.ENVIRONMENT.proxy_for("fhir.example") is not None
    assert proxy.asked == []


def test_an_https_server_of_nobody_we_know(authority: trustme.CA) -> None:
    with fhir_server(tls=serving(authority)) as peer, pytest.raises(NotTaken) as caught:
        post("127.0.0.1", peer.port)
    assert caught.value.code == "certificate"


@pytest.mark.parametrize(
    ("host", "exceptions", "directly"),
    [
        ("127.0.0.1", "", True),
        ("::1", "", True),
        ("localhost", "", True),
        ("fhir.example", "", False),
        ("fhir.example", "fhir.example", True),
        ("a.fhir.example", "other, fhir.example", True),
        ("a.fhir.example", "*.fhir.example", True),
        ("notfhir.example", "fhir.example", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8,fhir.example", False),
        ("fhir.example", "*", True),
    ],
)
def test_no_proxy(host: str, exceptions: str, directly: bool) -> None:
    assert outward.passes_by(host, exceptions) is directly


# --- everything else that goes by TLS ----------------------------------------------------------------------------------


def test_mail_goes_to_a_server_of_the_house(authority: trustme.CA, believed: None) -> None:
    with submission(authority) as port:
        connection = get_connection(EMAIL, host="127.0.0.1", port=port, use_ssl=True, username="", password="")
        assert connection.open()
        connection.close()


def test_mail_goes_to_nobody_else(authority: trustme.CA) -> None:
    with submission(authority) as port, pytest.raises(ssl.SSLCertVerificationError):
        get_connection(EMAIL, host="127.0.0.1", port=port, use_ssl=True, username="", password="").open()


@contextmanager
def submission(authority: trustme.CA) -> Iterator[int]:
    """A mail server that speaks TLS from the first byte, as much as it takes to say hello."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 mail.example ESMTP\r\n")
            for line in self.rfile:
                self.wfile.write(b"221 bye\r\n" if line.upper().startswith(b"QUIT") else b"250 good\r\n")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        server.socket = serving(authority).wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()


def test_a_start_with_the_setting_believes_it(authority: trustme.CA, ca: str) -> None:
    """Sign-in by a provider asks with requests; the same process, with and without the setting."""
    ask = "import mdo.settings, requests, sys; print(requests.get(sys.argv[1], timeout=20).status_code)"
    with fhir_server(tls=serving(authority)) as peer:
        address = f"https://127.0.0.1:{peer.port}/"
        for given, good in (({"MDO_CA": ca}, True), ({}, False)):
            done = subprocess.run(
                [sys.executable, "-c", ask, address],
                env=child_environment() | given,
                capture_output=True,
                text=True,
                check=False,
            )
            assert (done.returncode == 0) is good, done.stderr
            assert good or "CERTIFICATE_VERIFY_FAILED" in done.stderr


def test_files_that_hold_something_else_are_named_at_the_start(ca: str, tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("nothing")
    assert outward.refuse_unreadable(ca, "") == []
    said = outward.refuse_unreadable(str(junk), ca)
    assert [each.split(":")[0] for each in said] == ["MDO_CA", "MDO_CLIENT_CERT"]
    assert "private key" in said[1]
    missing = outward.refuse_unreadable(str(tmp_path / "missing"), str(tmp_path / "missing"))
    assert len(missing) == 2
