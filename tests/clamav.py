"""A real clamd with a signature of the tests' own: the deployed configuration, and nothing fetched from anywhere."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mdo.cli.home import server_account
from mdo.cli.process import Child, Program
from mdo.environment import BASE_DIR
from tests.parts import until

INFECTED = b"%a-virus-that-only-the-tests-know"
"""What the signature names."""
NAME = "Tests.Only"


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The path of its socket."""
    account = server_account()
    place = tmp_path_factory.mktemp("clamav")
    (place / "tests.ndb").write_text(f"{NAME}:0:*:{INFECTED.hex()}\n")
    for each in (place, place / "tests.ndb"):
        if account:
            os.chown(each, account.uid, account.gid)
    for parent in (place.parent, place.parent.parent):  # pytest's own, which a scanner's user has to pass through
        if account and parent.stat().st_uid == os.geteuid():
            parent.chmod(parent.stat().st_mode | 0o011)
    path = str(place / "s")
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "CLAMAV_SOCKET": path,
        "CLAMAV_DATABASE": str(place),
        "RUNTIME_DIRECTORY": str(place),
    }
    start = ["/bin/sh", str(BASE_DIR / "deploy" / "clamav" / "start.sh")]
    log = Path(str(place) + ".log")
    child = Child.start(Program("clamd", start, environment, log), tmp_path_factory.mktemp("pids"))
    try:
        until(lambda: _answers(path) or child.exit_code() is not None, "clamd", 60, log)
        assert child.exit_code() is None, log.read_text()
        yield path
    finally:
        child.stop()


def _answers(path: str) -> bool:
    try:
        with socket_of_its_own(path) as line:
            line.sendall(b"nPING\n")
            return line.recv(16) == b"PONG\n"
    except OSError:
        return False


def socket_of_its_own(path: str) -> socket.socket:
    """Asked by hand: the client leaves its socket open where nobody listens yet."""
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(5)
    try:
        line.connect(path)
    except OSError:
        line.close()
        raise
    return line
