"""`mdo run --profile production` as people meet it: TLS, sockets, addresses, and a web process that is killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidMessage, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from mdo.cli.home import Home
from mdo.cli.process import tail
from meetings.models import Meeting
from meetings.room.protocol import SUBPROTOCOL
from tests.cast import PASSWORD, Cast
from tests.deploy.production import Installation, test_database
from tests.factories import make_meeting
from tests.parts import until
from tests.ports import free_port
from tests.relay import SECRET, Client, credentials_for
from tests.room_client import sign_in

pytestmark = pytest.mark.slow

UNAUTHORISED = 401
BACK_WITHIN_S = 10.0
"""From the kill of a web process until the site answers well again."""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[Installation]:
    """Started once for the whole module, on the database of the tests; the last test ends it."""
    folder, port = tmp_path_factory.mktemp("production") / "var", free_port()
    told = {
        "MDO_REDIS_PREFIX": f"run-{os.getpid()}",
        "MDO_TURN": f"turn:127.0.0.1:{port}?transport=udp",
        "MDO_TURN_SECRET": SECRET,
        "RELAY_NAME": "localhost",
        "RELAY_PORT": str(port),
    }
    made = Installation(folder, test_database(os.environ) | told, beside=["relay"])
    try:
        made.start()
        yield made
    finally:
        made.stop()
        Home(folder).remove()


@pytest.fixture
def meeting(committed: None, cast: Cast) -> Meeting:
    return make_meeting(cast.board, state=Meeting.State.RUNNING)


def room(installation: Installation, meeting: Meeting, key: str, origin: str = "") -> ClientConnection:
    """The socket of a room, through the proxy. Where the line breaks before anybody answered it is tried again, as pages do; three times in a
    row is a fault."""
    broken: list[Exception] = []
    while True:
        try:
            return connect(
                f"wss://localhost:{installation.port}/ws/meetings/{meeting.pk}/",
                ssl=installation.trust,
                origin=origin or installation.origin,  # type: ignore[arg-type]
                subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
                additional_headers={"Cookie": f"mdo_session={key}"},
                open_timeout=20,
            )
        except InvalidMessage as error:
            broken.append(error)
            log = tail(installation.folder / "log" / "proxy.log", 40)
            print(f"the line broke: {error}\n{installation.said()[-2000:]}\n{log}")
            if len(broken) == 3:
                raise


def test_what_is_started(installation):
    assert set(installation.pids()) == {"web-1", "web-2", "worker", "beat", "proxy", "relay"}
    assert f"{installation.origin}/" in installation.said()


def test_a_relay_of_its_own_serves_whom_the_site_sends(installation):
    port = int(installation.environment["RELAY_PORT"])
    name, password = credentials_for()

    def served() -> bool:
        with contextlib.suppress(OSError), Client(port, "udp", Path(), name, password) as client:
            return client.allocate() == 0
        return False

    until(served, "the relay", log=installation.folder / "log" / "relay.log")
    with Client(port, "udp", Path(), name, "x" + password[1:]) as stranger:
        assert stranger.allocate() == UNAUTHORISED


def test_a_page_over_tls(installation):
    answer = installation.ask("/accounts/login/")
    assert answer.status == 200
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert "server" not in answer.headers
    assert f"connect-src 'self' wss://localhost:{installation.port};" in answer.headers["content-security-policy"]


def test_who_does_not_know_the_authority_is_warned(installation):
    stranger = ssl.create_default_context()
    with pytest.raises(ssl.SSLCertVerificationError):
        stranger.wrap_socket(_plain(installation), server_hostname="localhost")


def test_another_name_is_not_served(installation):
    with pytest.raises(ssl.SSLError):
        installation.trust.wrap_socket(_plain(installation), server_hostname="other.example.org")
    assert installation.ask("/accounts/login/", headers={"Host": "other.example.org"}).body == ""


def _plain(installation: Installation) -> socket.socket:
    return socket.create_connection(("127.0.0.1", installation.port), 10)


def test_signing_in(installation, committed, cast):
    answer = installation.sign_in(cast.chair.person.username, PASSWORD)
    assert answer.status == 302, answer.body
    session = answer.cookies["mdo_session"]
    assert (session["secure"], session["httponly"], session["samesite"]) == (True, True, "Lax")
    assert answer.cookies["mdo_csrf"]["secure"] is True
    today = installation.ask("/", headers={"Cookie": f"mdo_session={session.value}"})
    assert (today.status, cast.chair.person.last_name in today.body) == (200, True)


def test_a_room_over_wss(installation, meeting, cast):
    with room(installation, meeting, sign_in(cast.chair)) as line:
        assert json.loads(line.recv(20))["t"] == "snapshot"


def test_a_room_from_a_foreign_page_is_refused(installation, meeting, cast):
    with pytest.raises(InvalidStatus) as refused:
        room(installation, meeting, sign_in(cast.chair), origin="https://other.example.org")
    assert refused.value.response.status_code == 403


def test_a_clients_own_word_about_its_address_is_not_believed(installation, committed):
    """Thirty questions a minute from one address: who names another address each time is the same one still."""

    def statuses(*, directly: bool) -> set[int]:
        host = {"Host": f"localhost:{installation.port}", "X-Forwarded-Proto": "https"} if directly else {}
        return {
            installation.ask(
                "/verify/?code=7K3M-2Q4P",
                headers={**host, "X-Forwarded-For": f"198.51.100.{number}"},
                directly=directly,
            ).status
            for number in range(1, 36)
        }

    assert 429 in statuses(directly=False)
    # Past the proxy it would be: so nobody but the proxy may reach a web process.
    assert 429 not in statuses(directly=True)


def test_what_is_too_large_is_refused_before_it_is_sent(installation):
    """By what it says of its length: nothing of it has to come first. What is small enough is asked for, as signing in shows."""
    assert installation.ask("/accounts/login/", headers={"Content-Length": "100000000"}).status == 413


def test_figures_are_not_for_the_world(installation):
    assert installation.ask("/metrics").status == 404


def test_a_killed_web_process(installation, meeting, cast):
    """The other one answers, whoever sat on it comes back, and it is started again."""
    key = sign_in(cast.chair)
    before = installation.pids()
    with room(installation, meeting, key) as one, room(installation, meeting, key) as other:
        for each in (one, other):
            assert json.loads(each.recv(20))["t"] == "snapshot"
        killed = time.monotonic()
        os.kill(before["web-1"], signal.SIGKILL)
        answered = [installation.ask("/accounts/login/").status]
        first_s = time.monotonic() - killed
        while time.monotonic() < killed + 3:
            answered.append(installation.ask("/accounts/login/").status)
        with room(installation, meeting, key) as again:
            assert json.loads(again.recv(20))["t"] == "snapshot"
    assert set(answered) == {200}
    assert first_s <= BACK_WITHIN_S
    print(f"\nfirst good answer {first_s:.2f} s after the kill, {len(answered)} of {len(answered)} good in 3 s")
    until(lambda: installation.pids()["web-1"] != before["web-1"], "a new web process")
    assert "web-1 ended (signal 9); starting it again" in installation.said()
    until(lambda: _answers(installation), "the new one", 60)


def _answers(installation: Installation) -> bool:
    try:
        return installation.ask("/healthz", directly=True).status == 200
    except OSError:
        return False


@pytest.mark.parametrize("name", ["proxy", "beat", "worker"])
def test_whatever_else_dies_is_started_again(installation, name):
    before = installation.pids()[name]
    os.kill(before, signal.SIGKILL)
    until(lambda: installation.pids()[name] != before, f"a new {name}")
    until(lambda: _through(installation), "the site", 30)


def _through(installation: Installation) -> bool:
    try:
        return installation.ask("/healthz").status == 200
    except OSError:
        return False


def test_it_ends_in_order(installation, meeting, cast):
    """Rooms say goodbye through the proxy, which ends after them."""
    with room(installation, meeting, sign_in(cast.chair)) as line:
        assert json.loads(line.recv(20))["t"] == "snapshot"
        installation.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(ConnectionClosedError):
            for _frame in line:
                pass
    assert line.close_code == 1012
    assert installation.stop() == 0
    assert installation.pids() == {}
