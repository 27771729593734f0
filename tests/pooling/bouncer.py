"""A real PgBouncer with the configuration that is deployed, in front of the test's PostgreSQL; and Django led through it."""

from __future__ import annotations

import configparser
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from mdo.cli.home import server_account, write_private
from mdo.cli.process import Child, Program, tail
from mdo.environment import BASE_DIR, parse_database_url
from tests.parts import until

DEPLOYED = BASE_DIR / "deploy" / "pgbouncer" / "pgbouncer.ini"
ANSWERS_WITHIN_S = 30.0


@dataclass
class Bouncer:
    """A running PgBouncer. ``url`` is what DATABASE_URL says."""

    child: Child
    folder: Path
    url: str
    settings: configparser.RawConfigParser
    database: str

    def lead_to(self, url: str) -> None:
        """From now on to this server: what whoever promotes a replica does. Clients keep their connections."""
        self.settings["databases"][self.database] = _server(parse_database_url(url))
        _write(self.folder, self.settings)
        self.child.process.send_signal(1)  # SIGHUP: read the file anew


def _server(database: Mapping[str, Any]) -> str:
    port = f" port={database['PORT']}" if database["PORT"] else ""
    return f"host={database['HOST']}{port} dbname={database['NAME']}"


def _write(folder: Path, settings: configparser.RawConfigParser) -> None:
    with open(folder / "pgbouncer.ini", "w", encoding="utf-8") as file:
        settings.write(file)


@contextmanager
def running(url: str, **changes: str) -> Iterator[Bouncer]:
    """PgBouncer in front of the server that ``url`` leads to; ``changes`` are settings of its file, such as ``default_pool_size``."""
    binary = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if binary is None:
        raise RuntimeError("PgBouncer is not installed: install the package 'pgbouncer' (apt-get install pgbouncer).")
    behind = parse_database_url(url)
    settings = configparser.RawConfigParser()
    settings.read_string(DEPLOYED.read_text())
    settings["databases"] = {behind["NAME"]: _server(behind)}
    folder = Path(tempfile.mkdtemp(prefix="mdo-pool-"))  # short: a socket's path may hold 107 bytes
    password = behind["PASSWORD"]  # PgBouncer signs clients in with the same word that it signs itself in with
    settings["pgbouncer"].update(
        listen_addr="",
        unix_socket_dir=str(folder),
        unix_socket_mode="0700",
        auth_file=str(folder / "userlist.txt"),
        **changes,
    )
    _write(folder, settings)
    write_private(folder / "userlist.txt", f'"{behind["USER"]}" "{password}"\n')
    account = server_account()
    if account:
        for path in (folder, *folder.iterdir()):
            os.chown(path, account.uid, account.gid)
    environment = {"PATH": "/usr/bin:/bin:/usr/sbin", "LC_ALL": "C.UTF-8"}
    program = Program("pgbouncer", [binary, str(folder / "pgbouncer.ini")], environment, folder / "log", account)
    (folder / "pids").mkdir()
    child = Child.start(program, folder / "pids")
    place = f"host={quote(str(folder), safe='')}&port=6432"
    own = f"postgresql://{behind['USER']}:{quote(password, safe='')}@/{behind['NAME']}?{place}"
    try:
        _wait(child, own)
        yield Bouncer(child, folder, own, settings, behind["NAME"])
    finally:
        child.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(child: Child, url: str) -> None:
    def answers() -> bool:
        if child.exit_code() is not None:
            raise RuntimeError(f"PgBouncer ended:\n{tail(child.program.log, 20)}")
        try:
            with psycopg.connect(url, connect_timeout=5, prepare_threshold=None) as line:
                line.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    until(answers, "PgBouncer answers", ANSWERS_WITHIN_S, child.program.log)


def led_through(bouncer: Bouncer) -> AbstractContextManager[None]:
    """Django's connection to the database goes through the pooler, with the settings of MDO_POOLED=1."""
    return led_to(bouncer.url, pooled=True)


@contextmanager
def led_to(url: str, *, pooled: bool = False) -> Iterator[None]:
    """Django's connection to the database goes to this address."""
    from django.db import connection

    from mdo import settings as ours

    before = dict(connection.settings_dict)
    _point(connection, {**before, **ours._database(url, pool=True, pooled=pooled)})
    try:
        yield
    finally:
        _point(connection, before)


def _point(connection: Any, to: Mapping[str, Any]) -> None:
    # All threads' connections read this one dictionary, and share one pool.
    connection.close()
    connection.close_pool()
    connection.settings_dict.clear()
    connection.settings_dict.update(to)


def test_url() -> str:
    """The test database as the program's role."""
    from django.conf import settings

    own = settings.DATABASES["default"]
    return (
        f"postgresql://{own['USER']}:{quote(own['PASSWORD'], safe='')}@/{own['NAME']}?host={quote(own['HOST'], safe='')}"
        + (f"&port={own['PORT']}" if own["PORT"] else "")
    )
