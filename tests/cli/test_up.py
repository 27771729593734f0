"""`mdo up` as a person meets it: it starts, says where, heals, ends everything, and recovers from a hard kill."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mdo.cli.home import Home
from mdo.cli.process import born
from mdo.cli.up import Supervisor, ready
from mdo.environment import BASE_DIR, names, parse, placeholders, read_file
from meetings.room.relay import ice_servers
from tests.parts import answers, until
from tests.ports import free_port
from tests.relay import Client, binds

pytestmark = pytest.mark.slow


class Product:
    """One copy of the product in a folder of its own, started and stopped by the test."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.hl7_port = free_port()
        self.output = folder.parent / "output"
        self.offset = 0
        self.process: subprocess.Popen[bytes] | None = None

    def environment(self, **more: str) -> dict[str, str]:
        clean = {
            name: value for name, value in os.environ.items() if name not in names() and not name.startswith("MDO_")
        }
        listening = {"MDO_HL7": "1", "MDO_HL7_PORT": str(self.hl7_port)}
        return clean | {"MDO_VAR": str(self.folder), "MDO_PORT": str(self.port)} | listening | more

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mdo", *arguments],
            env=self.environment(**more),
            cwd=BASE_DIR,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def start(self) -> None:
        self.offset = len(self.said())
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mdo", "up"], env=self.environment(), cwd=BASE_DIR, stdout=output, stderr=output
            )
        until(lambda: "Ready after" in self.fresh() or self.process.poll() is not None, "mdo up", 120, self.output)  # type: ignore[union-attr]
        assert self.process.poll() is None, self.said()

    def said(self) -> str:
        return self.output.read_text() if self.output.exists() else ""

    def fresh(self) -> str:
        """What was said since the last start."""
        return self.said()[self.offset :]

    def pids(self) -> dict[str, int]:
        return {file.name: json.loads(file.read_text())["pid"] for file in (self.folder / "pids").glob("*")}

    def stop(self, number: int = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Started once for the whole module; the tests below run in their order."""
    base = tmp_path_factory.mktemp("product")
    deep = base / ("a rather long name " * 5).strip()  # no socket's path fits below it
    deep.mkdir(mode=0o700)
    made = Product(deep / "var", free_port())
    try:
        made.start()
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.stop()
        if made.folder.exists():
            Home(made.folder).remove()


def test_it_says_where_and_who(product):
    said = product.said()
    assert f"{product.url}/\n" in said
    assert f"{product.url}/mailbox/" in said
    for account in ("chair", "coordinator", "secretary", "requester", "partner", "guest", "outsider"):
        assert account in said


def test_it_is_ready(product):
    assert ready(product.url) is True
    assert set(product.pids()) == {"postgres", "valkey", "smtp", "web", "worker", "relay", "hl7"}


def test_its_relay_is_on_loopback_and_takes_the_credentials_that_the_site_makes(product, settings):
    told = read_file(product.folder / "env")
    settings.MDO_TURN, settings.MDO_TURN_SECRET = told["MDO_TURN"].split(","), told["MDO_TURN_SECRET"]
    (server,) = ice_servers("peer", datetime.now(UTC))
    assert [url.rpartition(":")[0] for url in server["urls"]] == ["turn:127.0.0.1"] * 2
    port = int(re.findall(r":(\d+)\?", server["urls"][0])[0])
    until(lambda: binds(port), "the relay")
    for transport in ("udp", "tcp"):
        with Client(port, transport, Path(), server["username"], server["credential"]) as client:
            assert client.allocate() == 0
            assert (client.permit("127.0.0.1"), client.permit("127.0.0.2"), client.permit("10.0.0.1")) == (0, 403, 403)
    assert "no picture and sound" not in product.said()


def test_a_record_system_is_answered(product):
    """By the process beside web and worker: a message that is for nobody here is rejected, in a frame."""
    with socket.create_connection(("127.0.0.1", product.hl7_port), 10) as line:
        line.settimeout(20)
        sent = "MSH|^~\\&|EPD|NOWHERE|MDO|NOBODY|20261125140000||ADT^A08^ADT_A01|77|P|2.5.1\rPID|1||1^^^X^PI\r"
        line.sendall(b"\x0b" + sent.encode() + b"\x1c\x0d")
        answer = b""
        while not answer.endswith(b"\x1c\x0d"):
            answer += line.recv(65536)
    assert b"\rMSA|AR|77" in answer


def test_nobody_listens_for_messages_unless_told(tmp_path):
    supervisor = Supervisor(tmp_path / "var")
    supervisor.variables, supervisor.mail_port = {}, 0
    for told, more in (({}, []), ({"MDO_HL7": "0"}, []), ({"MDO_HL7": "1"}, ["hl7"])):
        supervisor.settings = parse({**placeholders(), **told})
        assert [each.name for each in supervisor._programs()] == ["web", "worker", *more]


def test_without_coturn_it_says_what_guests_lack(monkeypatch, tmp_path, capsys):
    def planned() -> Supervisor:
        supervisor = Supervisor(tmp_path / "var")
        supervisor.home.prepare()
        try:
            supervisor._all(supervisor._plan())
        finally:
            supervisor.home.release()
        supervisor.settings = parse({**placeholders(), **(supervisor.relay.settings() if supervisor.relay else {})})
        return supervisor

    lacks = "Guests have no picture and sound here: that needs coturn (Debian, Ubuntu: apt-get install coturn)."
    with_it = planned()
    with_it._greet()
    assert (with_it.relay is not None, lacks in capsys.readouterr().out) == (True, False)
    with monkeypatch.context() as told:
        told.setenv("MDO_TURN", "turn:relay.example.org")  # somebody's own: none is started
        assert planned().relay is None
    monkeypatch.setenv("PATH", str(tmp_path))
    without = planned()
    without._greet()
    assert (without.relay, lacks in capsys.readouterr().out) == (None, True)
    assert without.variables.keys() & {"MDO_TURN", "MDO_TURN_SECRET"} == set()


def test_secrets_are_read_by_their_owner_only(product):
    for name in ("keys", "env"):
        assert (product.folder / name).stat().st_mode & 0o077 == 0
    for name in ("web", "worker", "smtp"):
        environ = Path(f"/proc/{product.pids()[name]}/environ").read_bytes()
        assert not any(
            secret in environ for secret in (b"DATABASE_OWNER_URL", b"DATABASE_BACKUP_URL", b"MDO_BACKUP_KEY")
        )
    for file in (product.folder / "log").iterdir():
        assert file.stat().st_mode & 0o077 == 0


ASKED = """
from django.conf import settings
from django.db import connections
print(sorted(connections), bool(settings.ENVIRONMENT.database_backup_url), bool(settings.ENVIRONMENT.backup_key))
"""


def test_web_and_worker_find_no_more_secrets_than_they_were_told(product):
    """A command in the place of each, with the variables that the process itself was started with; then as somebody at the keyboard, who may."""

    def known(environment: dict[str, str]) -> str:
        asked = [sys.executable, "-m", "mdo", "manage", "shell", "--verbosity=0", "--command", ASKED]
        done = subprocess.run(asked, env=environment, cwd=BASE_DIR, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    for name in ("web", "worker", "hl7"):
        words = Path(f"/proc/{product.pids()[name]}/environ").read_bytes().decode().split("\0")
        assert known(dict(word.split("=", 1) for word in words if word)) == "['default'] False False", name
    assert known(product.environment()) == "['default', 'owner'] True True"


def test_the_servers_do_not_run_as_root(product):
    for name in ("postgres", "valkey", "relay"):
        assert Path(f"/proc/{product.pids()[name]}").stat().st_uid != 0


def test_a_second_start_from_the_same_folder_is_refused(product):
    result = product.run("up", MDO_PORT=str(free_port()))
    assert result.returncode == 1
    assert f"It runs already from this folder (process {product.process.pid})" in result.stderr


def test_a_taken_port_is_refused(product, tmp_path):
    result = product.run("up", MDO_VAR=str(tmp_path / "var"))
    assert result.returncode == 1
    assert f"Port {product.port} on 127.0.0.1 is taken." in result.stderr


def test_junk_is_refused_by_name(product, tmp_path):
    result = product.run("up", MDO_VAR=str(tmp_path / "var"), MDO_PORT="http", MDO_HOST="0.0.0.0", EMAIL_URL="pigeon")
    assert result.returncode == 2
    assert [line.split(":")[0].strip() for line in result.stderr.splitlines()[1:]] == ["MDO_PORT", "EMAIL_URL"]


def test_demo_mode_does_not_listen_beyond_loopback(product, tmp_path):
    result = product.run("up", MDO_VAR=str(tmp_path / "var"), MDO_PORT=str(free_port()), MDO_HOST="0.0.0.0")
    assert (result.returncode, "MDO_HOST: demo mode listens on loopback only" in result.stderr) == (2, True)


@pytest.mark.parametrize("name", ["worker", "web", "smtp", "relay", "hl7", "valkey", "postgres"])
def test_a_child_that_dies_is_restarted_and_reported(product, name):
    before = product.pids()[name]
    os.kill(before, signal.SIGKILL)
    until(lambda: product.pids()[name] != before, f"a new {name}")
    until(lambda: ready(product.url) is True, "ready again", 60)
    assert f"{name} ended (signal 9); starting it again" in product.said()


def test_ctrl_c_ends_every_child(product):
    before = {pid: born(pid) for pid in product.pids().values()}
    assert None not in before.values()
    assert product.stop(signal.SIGINT) == 0
    assert {born(pid) for pid in before} == {None}
    assert list((product.folder / "pids").iterdir()) == []
    assert not answers(product.url + "/healthz")


def test_a_hard_kill_leaves_nothing_that_the_next_start_cannot_mend(product):
    product.start()
    before = product.pids()
    children = {pid: born(pid) for pid in before.values()}
    # The worker must not notice: as if the machine had frozen it while everything else died.
    os.kill(before["worker"], signal.SIGSTOP)
    product.stop(signal.SIGKILL)
    until(lambda: {born(before["postgres"]), born(before["valkey"])} == {None}, "the servers end with their supervisor")
    product.start()
    assert ready(product.url) is True
    assert {pid for pid, start in children.items() if born(pid) == start} == set()
    assert "worker of an earlier start still runs" in product.said()
    unchanged = [line for line in product.fresh().splitlines() if line.rstrip().endswith("unchanged")]
    assert [line.split()[0] for line in unchanged] == ["Tables", "Static", "Demonstration"]


def test_sigterm_ends_it_too(product):
    assert product.stop(signal.SIGTERM) == 0


def test_reset_begins_anew(product):
    linked = [Path(os.readlink(link)) for link in product.folder.iterdir() if link.is_symlink()]
    assert linked
    assert product.run("reset").returncode == 0
    assert not product.folder.exists()
    assert [path for path in linked if path.exists()] == []
