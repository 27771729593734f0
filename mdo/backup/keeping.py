"""Keeps the vault up to date: `mdo backup`, once or for as long as the installation runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import psycopg

from mdo.backup import bases, wal
from mdo.backup.bases import Base
from mdo.backup.vault import Vault
from mdo.cli.home import CannotRun, write_private

SLOT = "mdo_backup"
EVERY_S = 10.0
"""How often the log goes to the vault: what is lost with the whole machine is at most this and the time of one round."""
BASE_EVERY = timedelta(hours=24)
KEPT = timedelta(days=14)
"""How far back a restore can go; older bases and their log are let go of."""
STATE, GONE, ANCHORS = "state", "gone", "anchors/audit.jsonl"
WATCHED = "backup-state.json"
"""In ``MDO_VAR``: ``{"covered_until", "base_at"}``, moments in ISO, for whoever watches."""
_BEGINS_AT = re.compile(r"write-ahead log start point: ([0-9A-F]+/[0-9A-F]+) on timeline (\d+)")


@dataclass(frozen=True)
class Source:
    """What is kept: the database by its replication role, PostgreSQL's programs, and the installation's folder."""

    url: str
    programs: Path
    var: Path
    file_key: bytes

    @property
    def spool(self) -> Path:
        return self.var / "backup-spool"


class Keeper:
    """One at a time keeps one vault. ``tell`` says what happens, in sentences without content."""

    def __init__(self, source: Source, vault: Vault, tell: Callable[[str], None], every_s: float = EVERY_S) -> None:
        self.source, self.vault, self.tell, self.every_s = source, vault, tell, every_s
        source.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log = wal.Spool(source.spool, vault)
        self._receiver: subprocess.Popen[bytes] | None = None
        self._known: set[str] | None = None
        self._base_at: datetime | None = None

    # --- as long as the installation runs --------------------------------------------------------------------------------

    def follow(self, stop: Event) -> None:
        """Until ``stop``: the log every ten seconds, a base every day beside it. A round that fails is said and tried again. Raises ``CannotRun``
        when it cannot begin."""
        due = self._slot()
        copying: Future[Base] | None = None
        with ThreadPoolExecutor(1) as beside:  # a base of a large database takes longer than the log may wait
            try:
                while not stop.is_set():
                    try:
                        self._receive()
                        self.round()
                        if copying is not None and copying.done():
                            done, copying = copying, None
                            due = done.exception() is not None
                            done.result()
                            self.let_go()
                        if copying is None and (due or self._base_is_due()):
                            copying = beside.submit(self.base)
                    except (OSError, CannotRun, psycopg.Error) as error:
                        self.tell(f"The backup did not get on ({_named(error)}); it is tried again.")
                    stop.wait(self.every_s)
                self.round()
            finally:
                self._end()

    def once(self) -> None:
        """A base with the log that it needs, the files and the anchors; without a process that stays. The log since the base before is there only
        where somebody follows."""
        self._copy_anchors()
        self.base()
        self._copy_files()
        self._note_state()

    def round(self) -> None:
        """Bring the vault up to now. What the log tells of must be there: so the log is looked at first, then files are copied, and only
        then the log is stored; the anchors are from before, for the database is never behind them."""
        at = datetime.now(UTC)
        anchors = self._anchors()
        seen = self.log.look()
        self._copy_files()
        self.log.keep(seen)
        if anchors is not None:
            self.vault.put_bytes(ANCHORS, anchors)
        self._note_state(at)

    # --- the base ----------------------------------------------------------------------------------------------------------

    def base(self) -> Base:
        """Copy the whole database, through the encryption, without a byte on a disk in between. Raises ``CannotRun``."""
        begun = datetime.now(UTC)
        name = begun.strftime("%Y%m%dT%H%M%SZ")
        said = self.source.spool / "base.said"
        command = [
            str(self.source.programs / "pg_basebackup"),
            "--dbname",
            self.source.url,
            "--pgdata=-",
            "--format=tar",
        ]
        command += ["--wal-method=fetch", "--checkpoint=fast", "--compress=client-gzip:1", "--verbose", "--no-password"]
        with said.open("wb") as errors:
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=_quiet()) as child:
                assert child.stdout is not None
                size = self.vault.put(f"{bases.FOLDER}/{name}/{bases.TAR}", child.stdout)
            code = child.returncode
        words = said.read_text("utf-8", "replace")
        found = _BEGINS_AT.search(words)
        if code or found is None:
            shutil.rmtree(self.vault.folder / bases.FOLDER / name, ignore_errors=True)
            raise CannotRun(
                f"pg_basebackup failed ({code}): {words.strip().splitlines()[-1] if words.strip() else 'it said nothing'}"
            )
        made = Base(
            name=name,
            begun_at=begun,
            ended_at=datetime.now(UTC),
            segment=_segment(found[1], int(found[2])),
            server=self._server(),
            files_key=bases.mark_of(self.source.file_key),
            size=size,
        )
        self.vault.put_bytes(f"{bases.FOLDER}/{name}/{bases.NOTE}", made.note())
        self._base_at = made.ended_at
        self.tell(f"Base {name}: {size / 1e6:.0f} MB in {(made.ended_at - begun).total_seconds():.0f} s.")
        return made

    def _base_is_due(self) -> bool:
        known = bases.bases(self.vault)
        return not known or datetime.now(UTC) - known[-1].begun_at >= BASE_EVERY

    def _server(self) -> str:
        with psycopg.connect(self.source.url, connect_timeout=10) as connection:
            return str(connection.execute("SHOW server_version").fetchone()[0])  # type: ignore[index]

    # --- files and anchors -------------------------------------------------------------------------------------------------

    def _anchors(self) -> bytes | None:
        file = self.source.var / "anchors" / "audit.jsonl"
        return file.read_bytes() if file.is_file() else None

    def _copy_anchors(self) -> None:
        if (anchors := self._anchors()) is not None:
            self.vault.put_bytes(ANCHORS, anchors)

    def _stored_files(self) -> set[str]:
        return _below(self.source.var / "files")

    def _copy_files(self) -> None:
        """Files are written once under names by chance and never changed: what has a name in the vault is there."""
        if self._known is None:
            self._known = _below(self.vault.folder / "files")
        for name in sorted(self._stored_files() - self._known):
            try:
                self.vault.put_as_it_is(f"files/{name}", self.source.var / "files" / name)
            except FileNotFoundError:
                continue  # it was taken away meanwhile
            self._known.add(name)

    def _note_state(self, at: datetime | None = None) -> None:
        """In the vault, until when it knows; beside the installation the same, for whoever watches it."""
        until = (at or datetime.now(UTC)).isoformat()
        self.vault.put_bytes(STATE, json.dumps({"covered_until": until}).encode())
        if self._base_at is None:
            self._base_at = max((each.ended_at for each in bases.bases(self.vault)), default=None)
        said = {"covered_until": until, "base_at": self._base_at.isoformat() if self._base_at else None}
        write_private(self.source.var / WATCHED, json.dumps(said))

    # --- letting go --------------------------------------------------------------------------------------------------------

    def let_go(self) -> None:
        """Remove bases older than ``KEPT`` but for the newest of them, from which the first of those days is reached; the log before the oldest that is left, and files that the
        installation has not had for as long."""
        at = datetime.now(UTC)
        old = [each for each in bases.bases(self.vault) if each.ended_at < at - KEPT]
        for each in old[:-1]:
            self.vault.remove(f"{bases.FOLDER}/{each.name}/{bases.NOTE}")  # first: what has no note is no base
            shutil.rmtree(self.vault.folder / bases.FOLDER / each.name)
        whole = {each.name for each in bases.bases(self.vault)}
        for name in self.vault.names(bases.FOLDER):
            if name not in whole:
                shutil.rmtree(self.vault.folder / bases.FOLDER / name, ignore_errors=True)
        first = min((each.segment for each in bases.bases(self.vault)), default=None)
        for plain, name in wal.stored(self.vault).items():
            if first is not None and wal.WHOLE.fullmatch(plain) and plain < first:
                self.vault.remove(f"{wal.FOLDER}/{name}")
        self._let_go_of_files(at)

    def _let_go_of_files(self, at: datetime) -> None:
        try:
            with self.vault.open(GONE) as handle:
                before = json.loads(handle.read())
        except FileNotFoundError:
            before = {}
        kept: dict[str, str] = {}
        for name in sorted(_below(self.vault.folder / "files") - self._stored_files()):
            since = before.get(name, at.isoformat())
            if datetime.fromisoformat(since) < at - KEPT:
                self.vault.remove(f"files/{name}")
                if self._known is not None:
                    self._known.discard(name)
            else:
                kept[name] = since
        self.vault.put_bytes(GONE, json.dumps(kept).encode())

    # --- PostgreSQL's receiver of the log ------------------------------------------------------------------------------------

    def _slot(self) -> bool:
        """Make the slot by which the server keeps its log for us, if there is none; whether it was made. Then whatever log the vault holds may have a
        hole (the server is another one, or the slot was dropped), so that a base is due."""
        with psycopg.connect(self.source.url, connect_timeout=10) as connection:
            there = connection.execute("SELECT FROM pg_replication_slots WHERE slot_name = %s", [SLOT]).fetchone()
        if there is not None and (any(self.source.spool.iterdir()) or bases.bases(self.vault)):
            return False
        if there is None:
            shutil.rmtree(self.source.spool)
            self.source.spool.mkdir(mode=0o700)
            self._run_receiver("--create-slot", "--if-not-exists")
        return True

    def _run_receiver(self, *arguments: str) -> None:
        result = subprocess.run(
            [*self._command(), *arguments], env=_quiet(), capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise CannotRun(f"pg_receivewal: {result.stderr.strip()}")

    def _command(self) -> list[str]:
        program = str(self.source.programs / "pg_receivewal")
        return [program, "--dbname", self.source.url, "--no-password", f"--slot={SLOT}"]

    def _receive(self) -> None:
        """Start the receiver, or start it again when it ended."""
        if self._receiver is not None and self._receiver.poll() is None:
            return
        if self._receiver is not None:
            self.tell(f"pg_receivewal ended ({self._receiver.returncode}); it is started again.")
        with (self.source.spool / "receiver.said").open("ab") as said:
            self._receiver = subprocess.Popen(
                [*self._command(), "--directory", str(self.source.spool), "--status-interval=2", "--no-loop"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env=_quiet(),
            )

    def _end(self) -> None:
        if self._receiver is not None and self._receiver.poll() is None:
            self._receiver.terminate()
            try:
                self._receiver.wait(10)
            except subprocess.TimeoutExpired:
                self._receiver.kill()
                self._receiver.wait()


def _below(folder: Path) -> set[str]:
    """The files below a folder, as paths from there; those that are still being written left out."""
    if not folder.is_dir():
        return set()
    found = set()
    for place in os.scandir(folder):
        if place.is_dir():
            found |= {f"{place.name}/{each.name}" for each in os.scandir(place.path) if not each.name.endswith(".part")}
    return found


def _segment(place: str, timeline: int) -> str:
    """The file of the log in which a place such as ``0/2000028`` lies, at PostgreSQL's usual 16 MiB a file."""
    high, low = (int(part, 16) for part in place.split("/"))
    return f"{timeline:08X}{high:08X}{low >> 24:08X}"


def _quiet() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "PGCONNECT_TIMEOUT": "10"}


def _named(error: Exception) -> str:
    return str(error) if isinstance(error, CannotRun) else type(error).__name__
