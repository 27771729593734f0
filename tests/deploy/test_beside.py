"""Programs of others that run beside the site or before it: what each is told, and what it does when something of it is changed or missing."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from mdo import environment
from mdo.cli.beside import beside_program
from mdo.cli.home import CannotRun, Home
from mdo.cli.process import Child, Program
from mdo.cli.proxy import Proxy
from mdo.cli.stack import Stack
from mdo.cli.steps import Steps
from mdo.cli.up import Supervisor, Watched
from mdo.environment import BASE_DIR, placeholders
from tests.parts import until
from tests.ports import free_port


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path / "var")
    made.prepare()
    yield made
    made.release()
    made.remove()


# --- proxy ------------------------------------------------------------------------------------------------------------------------


def issue(folder: Path) -> str:
    """A certificate for localhost and its key, laid into the folder; the certificate."""
    issued = trustme.CA().issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(str(folder / "site.pem"))
    issued.private_key_pem.write_to_path(str(folder / "site.key"))
    return issued.cert_chain_pems[0].bytes().decode()


def test_a_renewed_certificate_is_read_when_the_proxy_starts_again(home, tmp_path):
    port = free_port()
    told = {
        "MDO_MODE": "production",
        "MDO_ORIGINS": f"https://localhost:{port}",
        "MDO_PROXY_HOST": "127.0.0.1",
        "MDO_TLS": f"{tmp_path}/site.pem,{tmp_path}/site.key",
    }
    first = issue(tmp_path)
    program = Proxy(home, environment.parse(placeholders() | told), ["127.0.0.1:9"], free_port()).program()

    def served() -> str:
        child = Child.start(program, home.path / "pids")
        try:
            return str(until(lambda: _certificate(port), "the proxy", log=program.log))
        finally:
            child.stop()

    assert served().split() == first.split()
    second = issue(tmp_path)
    assert served().split() == second.split() != first.split()


def _certificate(port: int) -> str:
    try:
        return ssl.get_server_certificate(("localhost", port), timeout=5)
    except OSError:
        return ""


def test_what_cannot_be_started_again_ends_nothing_else(home, capsys):
    """A certificate that is away for a moment, say: said, and tried again."""

    def away() -> None:
        raise CannotRun("MDO_TLS: /etc/mdo/site.pem cannot be read: No such file or directory.")

    supervisor = Supervisor(home.path)
    supervisor.steps = Steps()
    program = Program("proxy", ["/bin/true"], {}, home.path / "log" / "proxy.log")
    child = Child.start(program, home.path / "pids")
    child.process.wait(10)
    watched = Watched(child, due=0.0)
    stack = Stack(home, tell=print)
    program.lay = away
    supervisor._start_again("proxy", watched, stack)
    assert watched.due is not None
    assert watched.due > 0
    assert "proxy could not be started: MDO_TLS: /etc/mdo/site.pem cannot be read" in capsys.readouterr().out
    program.lay = lambda: None
    supervisor._start_again("proxy", watched, stack)
    assert (watched.due, watched.child is child, watched.child.process.wait(10)) == (None, False, 0)


# --- media server -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "password"),
    [("redis://:a%40b%2Fc@127.0.0.1:6390/0", "a@b/c"), ("redis://127.0.0.1/0", "")],
)
def test_the_media_server_is_told_the_password_of_redis_as_it_is(home, tmp_path, monkeypatch, url, password):
    server = tmp_path / "bin" / "livekit-server"
    server.parent.mkdir()
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", str(server.parent), prepend=":")
    told = {
        "MDO_LIVEKIT": "wss://media.example.org",
        "MDO_LIVEKIT_KEY": "mdo",
        "MDO_LIVEKIT_SECRET": "l" * 43,
        "REDIS_URL": url,
    }
    program = beside_program("livekit", home, environment.parse(placeholders() | told), {})
    assert program.environment["REDIS_PASSWORD"] == password


def test_the_media_server_does_not_reach_a_redis_behind_a_socket(home):
    told = {
        "MDO_LIVEKIT": "wss://media.example.org",
        "MDO_LIVEKIT_KEY": "mdo",
        "MDO_LIVEKIT_SECRET": "l" * 43,
        "REDIS_URL": "unix:///run/valkey.sock?db=0",
    }
    with pytest.raises(CannotRun, match=r"REDIS_URL: LiveKit keeps its rooms in a Redis"):
        beside_program("livekit", home, environment.parse(placeholders() | told), {})


# --- scanner ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signatures", "starts"), [(["daily.cld", "main.cvd"], True), (["main.cvd"], True), ([], False)]
)
def test_a_scanner_starts_with_the_signatures_that_it_has_where_none_can_be_fetched(tmp_path, signatures, starts):
    """By the script itself, with programs in the places of both: no test fetches signatures from the world."""
    database, programs = tmp_path / "database", tmp_path / "bin"
    for folder in (database, programs):
        folder.mkdir()
    for name in signatures:
        (database / name).touch()
    for name, does in (("freshclam", "echo away >&2; exit 1"), ("clamd", 'echo "scans $*"')):
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    told = {
        "PATH": f"{programs}:/usr/bin:/bin",
        "CLAMAV_ADDRESS": "127.0.0.1",
        "CLAMAV_PORT": "3310",
        "CLAMAV_DATABASE": str(database),
        "CLAMAV_UPDATE": "1",
        "RUNTIME_DIRECTORY": str(tmp_path),
    }
    start = str(BASE_DIR / "deploy" / "clamav" / "start.sh")
    done = subprocess.run(["sh", start], env=told, capture_output=True, text=True, check=False)
    assert (done.returncode == 0, "scans --config-file" in done.stdout) == (starts, starts)
    assert "away" in done.stderr
