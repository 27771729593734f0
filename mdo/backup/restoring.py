"""From the vault back to a data folder that PostgreSQL starts from, at the latest moment or at one that is named."""

from __future__ import annotations

import gzip
import json
import os
import shlex
import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from mdo.backup import bases, wal
from mdo.backup.bases import Base
from mdo.backup.keeping import ANCHORS, STATE
from mdo.backup.vault import Vault
from mdo.cli.home import CannotRun

LOG_FOLDER = "mdo_log"


@dataclass(frozen=True)
class Restored:
    """What was laid out: the base that it begins from, until when the vault knows, and how many files of the log and stored files."""

    base: Base
    covered_until: datetime
    log_files: int
    files: int


def covered_until(vault: Vault) -> datetime:
    """Until when the vault holds what was committed. Raises ``CannotRun`` where nothing was ever kept."""
    try:
        with vault.open(STATE) as handle:
            return datetime.fromisoformat(json.loads(handle.read())["covered_until"])
    except FileNotFoundError:
        raise CannotRun("This vault holds no backup yet.") from None


def restore(
    vault: Vault,
    data: Path,
    var: Path,
    moment: datetime | None,
    file_key: bytes,
    tell: Callable[[str], None] = print,
) -> Restored:
    """Lay the database out in ``data`` (empty or not there), stored files and anchors in ``var``. PostgreSQL replays the log when it starts from
    ``data``, and takes commands from then on. ``moment`` is aware; ``None`` is the latest. ``tell`` hears which base is left out. Raises
    ``CannotRun`` with what stands in the way, before anything is written; ``Damaged`` where a file of the vault is, whenever it is read.
    """
    until = covered_until(vault)
    if moment is not None and moment > until:
        raise CannotRun(
            f"The vault knows until {until.isoformat()}: name that or an earlier moment, or none for the latest."
        )
    fitting = [
        each
        for each in bases.bases(vault, tell)
        if each.ended_at <= (moment or until) or (moment is None and each.alone)
    ]
    if not fitting:
        raise CannotRun("No base in the vault is old enough for that moment.")
    base = fitting[-1]
    if not data.parent.is_dir():
        raise CannotRun(f"{data.parent} is missing: make it, for PostgreSQL's user.")
    if base.files_key != bases.mark_of(file_key):
        raise CannotRun(
            "MDO_FILE_KEY is not the key of these files: a restore needs the one that they were written with."
        )
    for folder in (data, var / "files"):
        if folder.exists() and any(folder.iterdir()):
            raise CannotRun(f"{folder} is not empty: a restore writes over nothing.")
    log = _log_for(vault, base, moment)
    owner = _owner(data)
    data.mkdir(mode=0o700, exist_ok=True)
    _unpack(vault, base, data)
    (data / LOG_FOLDER).mkdir(mode=0o700)
    for plain, name in log.items():
        (data / LOG_FOLDER / plain).write_bytes(wal.read(vault, name))
    _tell_postgres(data, moment)
    _give(data, owner)
    return Restored(base, until, len(log), _bring_files(vault, var))


def _log_for(vault: Vault, base: Base, moment: datetime | None) -> dict[str, str]:
    """The log to replay after ``base``: each file by PostgreSQL's name, with the vault's. Where it has a hole, what lies before that leads to an
    earlier ``moment`` at most (PostgreSQL refuses to stop short of it), and nowhere without one. Raises ``CannotRun``."""
    log = {
        plain: name
        for plain, name in wal.stored(vault).items()
        if plain[8:] >= base.segment[8:] or not wal.WHOLE.fullmatch(plain)
    }
    missing = wal.hole(log, base.segment)
    if missing is None or (base.alone and not any(map(wal.WHOLE.fullmatch, log))):
        return log
    if moment is None or missing == base.segment:
        raise CannotRun(f"The log has a hole at {missing}: choose a moment before, or a base after it.")
    return {plain: name for plain, name in log.items() if plain < missing or not wal.WHOLE.fullmatch(plain)}


def _unpack(vault: Vault, base: Base, data: Path) -> None:
    with (
        vault.open(f"{bases.FOLDER}/{base.name}/{bases.TAR}") as stored,
        gzip.open(stored) as plain,
        tarfile.open(fileobj=plain, mode="r|") as tar,
    ):
        if hasattr(tarfile, "tar_filter"):  # Python 3.11.4 and later
            tar.extraction_filter = tarfile.tar_filter
        tar.extractall(data, _plain(tar))  # noqa: S202  (_plain lets nothing through that leaves the folder)
    data.chmod(0o700)


def _plain(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Its files and folders, each inside of where it is unpacked; a link or anything else is in no copy that we made."""
    for member in tar:
        path = PurePosixPath(member.name)
        if not (member.isreg() or member.isdir()) or path.is_absolute() or ".." in path.parts:
            raise CannotRun("The base holds something that is no file or folder of a database: nothing starts from it.")
        member.mode &= 0o755
        yield member


def _tell_postgres(data: Path, moment: datetime | None) -> None:
    """Where the log lies, and where to stop. The path stands for a shell: PostgreSQL runs the command by one."""
    folder = shlex.quote(str(data / LOG_FOLDER)).replace("'", "''").replace("%", "%%")
    lines = [
        "",
        "# Written by mdo restore; of no use once the server runs.",
        f'restore_command = \'cp {folder}/"%f" "%p"\'',
        "recovery_target_timeline = 'latest'",
        "recovery_target_action = 'promote'",
    ]
    if moment is not None:
        lines.append(f"recovery_target_time = '{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00'")
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write("\n".join(lines) + "\n")
    (data / "recovery.signal").touch(mode=0o600)


def _owner(folder: Path) -> os.stat_result:
    """Whom a folder is meant for that may not be there yet."""
    while not folder.is_dir():
        folder = folder.parent
    return folder.stat()


def _give(folder: Path, owner: os.stat_result) -> None:
    """Restored by root, all of it belongs to whom the folder was meant for, else PostgreSQL would not start from it, nor the program read its files."""
    if os.geteuid() != 0:
        return
    for below, _folders, files in os.walk(folder):
        for path in (below, *(os.path.join(below, name) for name in files)):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _bring_files(vault: Vault, var: Path) -> int:
    number, owner = 0, _owner(var)
    source = vault.folder / "files"
    for folder in sorted(source.iterdir()) if source.is_dir() else ():
        target = var / "files" / folder.name
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in folder.iterdir():
            if not file.name.endswith(".part"):
                shutil.copyfile(file, target / file.name)
                (target / file.name).chmod(0o600)
                number += 1
    try:
        with vault.open(ANCHORS) as handle:
            anchors = handle.read()
    except FileNotFoundError:
        pass
    else:
        (var / "anchors").mkdir(mode=0o700, parents=True, exist_ok=True)
        (var / "anchors" / "audit.jsonl").write_bytes(anchors)
    for name in ("files", "anchors"):
        _give(var / name, owner)
    return number


def anchors_until(text: str, moment: datetime) -> str:
    """The anchors that were written by ``moment``: after a restore to an earlier moment the later ones name what is no longer there."""
    kept = [
        line
        for line in text.splitlines()
        if datetime.fromisoformat(json.loads(json.loads(line)["body"])["at"]) <= moment
    ]
    return "".join(line + "\n" for line in kept)
