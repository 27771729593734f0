"""A server of its own with a table, a keeper of its backups, and a vault: what the tests of backups begin with."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Event, Thread

import psycopg

from mdo.backup.keeping import STATE, Keeper
from mdo.backup.receiving import SLOT
from mdo.backup.restoring import covered_until, restore
from mdo.backup.source import Source
from mdo.backup.vault import Vault
from mdo.cli.home import Home
from mdo.cli.process import Child
from mdo.cli.servers import SUPERUSER, Postgres
from mdo.cli.stack import Stack
from tests.parts import until

KEY, FILES_KEY = b"k" * 32, b"f" * 32


def damage(file: Path) -> None:
    """One bit of it is another."""
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


class Place:
    """A server of its own with a table, and a keeper of its backups."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self.folder, self.vault = folder, vault
        self.stack = Stack(Home(folder / "var"), tell=print, valkey=False)
        self.stop, self.said = Event(), list[str]()

    def __enter__(self) -> Place:
        self.stack.__enter__()
        (server,) = self.stack.servers
        assert isinstance(server, Postgres)
        self.server, variables = server, self.stack.environment
        self.keep(Source(variables["DATABASE_BACKUP_URL"], server.bin, self.stack.home.path, FILES_KEY))
        self.connection = psycopg.connect(self._dsn(server), autocommit=True)
        self.connection.execute("CREATE TABLE said (n int PRIMARY KEY)")
        return self

    def keep(self, source: Source) -> None:
        """By this source, once ``thread`` is started."""
        self.source = source
        self.keeper = Keeper(source, self.vault, self.said.append, every_s=0.2)
        self.thread = Thread(target=self.keeper.follow, args=[self.stop], daemon=True)

    def __exit__(self, *_error: object) -> None:
        self.stop.set()
        if self.thread.is_alive():
            self.thread.join(30)
        self.connection.close()
        self.stack.stop()

    @staticmethod
    def _dsn(server: Postgres) -> str:
        return server.dsn(SUPERUSER, "POSTGRES_PASSWORD")

    def add(self, number: int) -> datetime:
        """One row, committed; when that was, by the server's clock."""
        found = self.connection.execute("INSERT INTO said VALUES (%s) RETURNING clock_timestamp()", [number]).fetchone()
        assert found is not None
        return found[0]

    def fill(self, number: int, files: int = 1) -> datetime:
        """One row, and then so many files of the log are full; when the row was committed."""
        at = self.add(number)
        for _ in range(files):
            self.connection.execute("SELECT pg_logical_emit_message(false, 'test', 'something')")
            self.connection.execute("SELECT pg_switch_wal()")
        return at

    def knows(self, moment: datetime) -> None:
        """Wait until the vault covers this moment."""
        state = self.vault.folder / STATE
        until(lambda: state.is_file() and covered_until(self.vault) > moment, "the vault to know it", within_s=60)

    def restart(self, *settings: str) -> None:
        """The server again, with more settings."""
        self.connection.close()
        self.stack.children.pop("postgres").stop()
        program = self.server.program()
        program.command = [*program.command, *(word for setting in settings for word in ("-c", setting))]
        child = Child.start(program, self.stack.home.path / "pids")
        self.stack.children["postgres"] = child
        self.server.wait(lambda: child.exit_code() is None)
        self.connection = psycopg.connect(self._dsn(self.server), autocommit=True)

    def rounds(self, number: int = 3) -> None:
        """Wait for whole rounds of the keeper that begin from now on: each brings the new files to the vault."""
        folder = self.stack.home.path / "files" / "00"
        folder.mkdir(parents=True, exist_ok=True)
        for _ in range(number):
            name = f"r{len(list(folder.iterdir()))}"
            (folder / name).write_bytes(b"encrypted")
            until(lambda name=name: (self.vault.folder / "files" / "00" / name).is_file(), "a round")

    def receiver(self) -> int:
        """The process that fetches the log, once the server knows it."""

        def found() -> int | None:
            active = self.connection.execute(
                "SELECT active FROM pg_replication_slots WHERE slot_name = %s", [SLOT]
            ).fetchone()
            pids = self.receivers() if active and active[0] else []
            return pids[0] if pids else None

        pid: int = until(found, "a receiver")
        return pid

    def receivers(self) -> list[int]:
        """Every process on this machine that fetches this server's log."""
        spool, pids = os.fsencode(self.source.spool), []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if spool in (process / "cmdline").read_bytes().split(b"\0"):
                    pids.append(int(process.name))
            except OSError:
                continue
        return pids

    def lose(self) -> None:
        """The machine: first nobody keeps any more, then the server is killed."""
        self.stop.set()
        if self.thread.is_alive():
            self.thread.join(30)
        os.kill(self.stack.children["postgres"].process.pid, signal.SIGKILL)

    def rows_restored(
        self, name: str, moment: datetime | None, lay_out: Callable[[Home, Postgres], object] | None = None
    ) -> list[int]:
        """Start a server from what the vault gives back, and read; ``lay_out`` brings it back in another way than the function does."""
        home = Home(self.folder / name)
        home.prepare()
        try:
            shutil.copy(self.stack.home.path / "keys", home.path / "keys")  # the roles' passwords are in the database
            server = Postgres(home, home.keys())
            if lay_out:
                lay_out(home, server)
            else:
                restore(self.vault, server.data, home.path, moment, FILES_KEY, self.said.append)
            child = Child.start(server.program(), home.path / "pids")
            try:
                server.wait(lambda: child.exit_code() is None)
                with psycopg.connect(self._dsn(server), autocommit=True) as connection:
                    return [row[0] for row in connection.execute("SELECT n FROM said ORDER BY n")]
            finally:
                child.stop()
        finally:
            home.release()
            home.remove()
