"""The folder that holds everything of one running copy: `var/`.

As an ordinary user it is simple: data in `var/pg-18` and `var/valkey`, sockets in `var/sockets`. Three things bend that, and each is met
here and nowhere else:

- PostgreSQL refuses to run as root. Then the servers run as `nobody`, who must be able to reach programs, data and sockets.
- `nobody` cannot reach a clone below a folder of mode 0700 (`/root`, say). Then programs and data are kept in a folder of root's
  elsewhere and linked from `var/`; no mode of the caller's folders is changed.
- A socket's path may hold 107 bytes. Where the clone's is too long, the sockets are in a folder below `/tmp`, linked too.
"""

from __future__ import annotations

import base64
import fcntl
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mdo.environment import read_file

SOCKET_PATH_BYTES = 107
LONGEST_SOCKET = ".s.PGSQL.5432.lock"


class CannotRun(Exception):
    """Something about this machine or folder stands in the way; the message is a sentence for the person at the keyboard."""


@dataclass(frozen=True)
class Account:
    """Who a server runs as; None in `Home.account` means: as the caller."""

    uid: int
    gid: int


def server_account() -> Account | None:
    """`nobody` when called as root, else None."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise CannotRun(
            "PostgreSQL refuses to run as root and this machine has no user 'nobody' to run it as."
        ) from None
    return Account(entry.pw_uid, entry.pw_gid)


class Home:
    """One state folder, prepared for the servers to run in."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.account = server_account()
        self._lock: IO[str] | None = None

    # --- taking it ---------------------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Create the folder and take it for this process; raises CannotRun when another process holds it or it is another's."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotRun(f"The folder {self.path} cannot be made: {error.strerror}.") from None
        owner = self.path.stat().st_uid
        if owner != os.geteuid():
            raise CannotRun(
                f"The folder {self.path} belongs to user {_user_name(owner)}, not to {_user_name(os.geteuid())}: start as that user,"
                " or run 'make reset' as that user to begin anew."
            )
        # Root's own folder can be passed through by the servers' user but not listed; each secret in it is 0600.
        self.path.chmod(0o711 if self.account else 0o700)
        (self.path / "log").mkdir(mode=0o700, exist_ok=True)
        (self.path / "pids").mkdir(mode=0o700, exist_ok=True)
        self._take()

    def _take(self) -> None:
        handle = open(self.path / "lock", "a+", encoding="utf-8")  # noqa: SIM115  (held as long as the process lives)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            pid = handle.read().strip() or "unknown"
            handle.close()
            raise CannotRun(f"It runs already from this folder (process {pid}); stop that one first.") from None
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        self._lock = handle

    def release(self) -> None:
        """Let another process take the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # --- secrets -----------------------------------------------------------------------------------------------------------------

    def keys(self) -> dict[str, str]:
        """The secrets of this copy, made at the first start and kept in a file that only its owner reads."""
        file = self.path / "keys"
        kept = read_file(file) if file.is_file() else {}
        made = {
            "MDO_SECRET_KEY": secrets.token_urlsafe(64),
            "MDO_FILE_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "POSTGRES_PASSWORD": secrets.token_urlsafe(24),
            "MDO_OWNER_PASSWORD": secrets.token_urlsafe(24),
            "MDO_APP_PASSWORD": secrets.token_urlsafe(24),
            "MDO_BACKUP_PASSWORD": secrets.token_urlsafe(24),
            "MDO_BACKUP_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
            "REDIS_PASSWORD": secrets.token_urlsafe(24),
            "MDO_TURN_SECRET": secrets.token_urlsafe(32),
        } | kept
        if made != kept:
            write_private(file, "".join(f"{name}={value}\n" for name, value in made.items()))
        return made

    # --- where the servers run ---------------------------------------------------------------------------------------------------

    def reachable(self, *programs: Path) -> bool:
        """Can the servers' user read these files (and run those that are programs) and pass through this folder?"""
        if self.account is None:
            return True
        script = 'cd "$1" || exit 1; shift; for file; do test -r "$file" || exit 1; done'
        return (
            subprocess.run(
                ["/bin/sh", "-c", script, "sh", str(self.path), *map(str, programs)],
                user=self.account.uid,
                group=self.account.gid,
                extra_groups=[],
                cwd="/",
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            ).returncode
            == 0
        )

    def elsewhere(self) -> Path:
        """Root's folder for what cannot lie in this one; made once, found again by the link `elsewhere`."""
        link = self.path / "elsewhere"
        if link.is_symlink():
            target = Path(os.readlink(link))
            if not target.is_dir():
                raise CannotRun(
                    f"The data of this copy were kept in {target}, which is gone. Put it back, or run 'make reset' to begin anew."
                )
            if target.stat().st_uid != 0:
                raise CannotRun(f"The folder {target}, linked from {link}, is not root's: not used.")
            return target
        for parent in ("/var/lib", "/var/tmp", "/tmp"):
            try:
                made = Path(tempfile.mkdtemp(prefix="mdo-", dir=parent))
            except OSError:
                continue
            made.chmod(0o711)
            link.symlink_to(made)
            return made
        raise CannotRun("No folder could be made below /var/lib, /var/tmp or /tmp for the servers' data.")

    def place(self, name: str, *, far: bool) -> Path:
        """The data folder `var/<name>` of a server, made with mode 0700 for its user; `far` keeps it elsewhere and links it."""
        here = self.path / name
        if far and not here.is_symlink():
            target = self.elsewhere() / name
            if here.is_dir():  # the clone became unreachable after its first start
                subprocess.run(["cp", "-a", str(here), str(target)], check=True)
                shutil.rmtree(here)
            target.mkdir(mode=0o700, exist_ok=True)
            here.symlink_to(target)
        if here.is_symlink() and not here.is_dir():
            raise CannotRun(
                f"The data of this copy were kept in {os.readlink(here)}, which is gone. Put it back, or run 'make reset' to begin anew."
            )
        here.mkdir(mode=0o700, exist_ok=True)
        self.give(here)
        return here.resolve()

    def give(self, path: Path, mode: int = 0o700) -> None:
        """Let the servers' user own this path."""
        if self.account:
            os.chown(path, self.account.uid, self.account.gid)
        path.chmod(mode)

    def copy_program(self, folder: Path, name: str) -> Path:
        """Copy an installed folder of programs to where the servers' user can run it; once for each version."""
        target = self.elsewhere() / "programs" / name
        if not target.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            for parent in (target.parent, target.parent.parent):
                parent.chmod(0o755)  # whatever the umask; what is below holds programs only
            new = target.with_name(target.name + ".new")
            shutil.rmtree(new, ignore_errors=True)
            shutil.copytree(folder, new)
            for path in [new, *new.rglob("*")]:
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
            new.rename(target)
        return target

    def sockets(self) -> Path:
        """A folder for the servers' sockets whose path is short enough and which only their user can enter."""
        here = self.path / "sockets"
        owner = self.account.uid if self.account else os.geteuid()
        if here.is_symlink():
            target = Path(os.readlink(here))
            # /tmp is anybody's: take only what is still the folder that was made.
            if target.is_dir() and not target.is_symlink() and target.stat().st_uid == owner:
                return target
            here.unlink()
        fits = len(os.fsencode(here / LONGEST_SOCKET)) <= SOCKET_PATH_BYTES
        if fits and self.reachable():
            here.mkdir(mode=0o700, exist_ok=True)
            self.give(here)
            return here
        if here.is_dir():
            shutil.rmtree(here)
        made = Path(tempfile.mkdtemp(prefix="mdo-", dir="/tmp"))
        self.give(made)
        here.symlink_to(made)
        return made

    def remove(self) -> None:
        """Delete this folder and what is linked from it; the caller has taken it first."""
        for name in ("sockets", "elsewhere"):
            link = self.path / name
            if link.is_symlink():
                target = Path(os.readlink(link))
                if target.name.startswith("mdo-") and target.is_dir() and not target.is_symlink():
                    shutil.rmtree(target)
        shutil.rmtree(self.path)


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    new = file.with_name(file.name + ".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    new.rename(file)


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
