"""Keeps the vault up to date: `mdo backup`, once or for as long as the installation runs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import psycopg

from mdo.backup import bases, wal
from mdo.backup.bases import Base
from mdo.backup.receiving import Receiver
from mdo.backup.source import Source
from mdo.backup.vault import Vault
from mdo.cli.home import CannotRun, write_private
from mdo.cli.process import with_parent
from mdo.kernel.encryption import Damaged

EVERY_S = 10.0
"""How often the log goes to the vault: what is lost with the whole machine is at most this and the time of one round."""
BASE_EVERY = timedelta(hours=24)
KEPT = timedelta(days=14)
"""How far back a restore can go; older bases and their log are let go of."""
SPOOL_AT_MOST = 64
"""Full files of the log (16 MiB each) beside the installation; above it the log waits with PostgreSQL, which knows a limit of its own."""
STATE, GONE, ANCHORS = "state", "gone", "anchors/audit.jsonl"
WATCHED = "backup-state.json"
"""In ``MDO_VAR``: ``{"covered_until", "base_at"}``, moments in ISO, for whoever watches."""


class Keeper:
    """One at a time keeps one vault. ``tell`` says what happens, in sentences without content."""

    def __init__(self, source: Source, vault: Vault, tell: Callable[[str], None], every_s: float = EVERY_S) -> None:
        self.source, self.vault, self.tell, self.every_s = source, vault, tell, every_s
        self.spool_at_most = SPOOL_AT_MOST
        source.spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.log = wal.Spool(source.spool, vault)
        self.receiver = Receiver(source)
        # What was asked of the server and is not here yet: up to which place its log held what was committed by which moment.
        self._moments: deque[tuple[int, datetime]] = deque(maxlen=10_000)
        self._reached: datetime | None = None  # the latest of those moments of which the log is here
        self._whole: bool | None = None  # whether that log goes back to a base without a hole; not looked at yet
        # The end of the base that closed the last hole: of what came after the hole, nothing before this can be restored.
        self._closed_at: datetime | None = None
        self._due = False  # a base, at once
        self._copying: Future[Base] | None = None
        self._known: set[str] | None = None
        self._base_at: datetime | None = None

    # --- as long as the installation runs --------------------------------------------------------------------------------

    def follow(self, stop: Event) -> None:
        """Until ``stop``: the log every ten seconds, a base every day beside it. A round that fails is said and tried again."""
        with ThreadPoolExecutor(2) as beside:
            try:
                while not stop.is_set():
                    self._try(lambda: self._get_on(beside))
                    stop.wait(self.every_s)
                self._try(self.round)
            finally:
                self.receiver.end()

    def _try(self, step: Callable[[], None]) -> None:
        try:
            step()
        except (OSError, CannotRun, psycopg.Error) as error:
            self.tell(f"The backup did not get on ({_named(error)}); it is tried again.")

    def _get_on(self, beside: ThreadPoolExecutor) -> None:
        self._hold_back()
        storing = beside.submit(self.round)
        while not wait([storing], self.every_s).done:  # a vault that hangs lets nobody go on
            self._hold_back()
        storing.result()
        self._receive()
        self._copy(beside)  # beside: a base of a large database takes longer than the log may wait

    def once(self) -> None:
        """A base with the log that it needs, the files and the anchors; without a process that stays. The log since the base before is there only
        where somebody follows."""
        self._copy_anchors()
        made = self.base(alone=True)
        self._copy_files()
        self._note_state(made.begun_at)

    def round(self) -> None:
        """Bring the vault up to now, and note until when it knows: what the server has committed since is not covered before it arrived here. What
        is here goes to the vault even while the server is away. Raises ``OSError``, ``CannotRun``, ``psycopg.Error``."""
        try:
            at, end, safe = self.receiver.arrived()  # first: what is on the disk by now, the look at the log sees
            self._moments.append((end, at))
        finally:
            self._store()
        while safe is not None and self._moments and self._moments[0][0] <= safe:
            self._reached = self._moments.popleft()[1]
        if self._whole and self._reached is not None and (self._closed_at is None or self._reached >= self._closed_at):
            self._note_state(self._reached)

    def _store(self) -> None:
        """What the log tells of must be in the vault: so the log is looked at first, then files are copied, and only then the log is stored; the
        anchors are from before, for the database is never behind them."""
        self.vault.open_up(make=False)  # where its disk is away, an empty folder may stand in its place
        anchors = self._anchors()
        seen = self.log.look()
        self._copy_files()
        self.log.keep(seen)
        if anchors is not None:
            self.vault.put_bytes(ANCHORS, anchors)

    # --- the log on its way ------------------------------------------------------------------------------------------------

    def _hold_back(self) -> None:
        """While the vault takes nothing, the spool must not fill the disk."""
        if self.receiver.alive() and len(self.log.names()) > self.spool_at_most:
            self.receiver.end()
            self.tell("The vault takes nothing and the spool is full: the log waits with PostgreSQL.")

    def _receive(self) -> None:
        """Start the receiver, or start it again when it ended: then it is seen anew whether the log goes on from what is here. Where it does not (the
        slot was dropped or given up, another server), a base is due, and nothing is covered before it is there."""
        if self.receiver.alive():
            return
        if words := self.receiver.last_words():
            self.tell(f"pg_receivewal ended ({words}); it is started again.")
        place = self.receiver.kept_from()
        # Where it is known not to go on already, its base is on the way.
        if place is None or (self._whole is not False and not self._goes_on_at(place)):
            self._store()
            self.log.clear()  # else the receiver would ask for what comes after it, which is gone
            if place is None:
                self.receiver.make_slot()
            self._whole, self._due = False, True
        elif self._whole is None:
            self._whole = True
        self.receiver.start()

    def _goes_on_at(self, place: str) -> bool:
        """Whether the log from the newest base on is here until the place from which the server still has it."""
        known = bases.bases(self.vault)
        if not known:
            return False
        here = {*wal.stored(self.vault), *(name.removesuffix(wal.PARTIAL) for name in self.log.names())}
        return wal.missing_from(here, known[-1].segment)[8:] >= wal.segment_of(place)[8:]

    # --- the base ----------------------------------------------------------------------------------------------------------

    def _copy(self, beside: ThreadPoolExecutor) -> None:
        """Begin a base when one is due; see to one that is done."""
        if self._copying is not None and self._copying.done():
            done, self._copying = self._copying, None
            self._due = self._due or done.exception() is not None
            made = done.result()
            if not self._whole and not self._due:
                self._whole, self._closed_at = True, made.ended_at
            self.let_go()
        if self._copying is None and (self._due or self._base_is_due()):
            self._due = False
            self._copying = beside.submit(self.base)

    def base(self, *, alone: bool = False) -> Base:
        """Copy the whole database, through the encryption, without a byte on a disk in between. Its log comes from whoever follows, for the server may
        have let go of it by the end of a long copy; ``alone`` brings it along. Raises ``CannotRun``, ``psycopg.Error``."""
        begun, segment, server = self.source.ask(
            "SELECT clock_timestamp(), pg_walfile_name(pg_current_wal_insert_lsn()), current_setting('server_version')"
        )  # the checkpoint from which the copy begins comes after this
        name = begun.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%fZ")  # two in one second are two
        said = self.source.spool / "base.said"
        arguments = ["--pgdata=-", "--format=tar", "--checkpoint=fast", "--compress=client-gzip:1"]
        arguments.append("--wal-method=fetch" if alone else "--wal-method=none")
        with said.open("wb") as errors:
            with subprocess.Popen(
                self.source.command("pg_basebackup", arguments),
                stdout=subprocess.PIPE,
                stderr=errors,
                env=self.source.environment("mdo backup base"),
                preexec_fn=with_parent(signal.SIGTERM),
            ) as child:
                assert child.stdout is not None
                size = self.vault.put(f"{bases.FOLDER}/{name}/{bases.TAR}", child.stdout)
            code = child.returncode
        if code:
            words = said.read_text("utf-8", "replace").strip().splitlines()
            shutil.rmtree(self.vault.folder / bases.FOLDER / name, ignore_errors=True)
            raise CannotRun(f"pg_basebackup failed ({code}): {words[-1] if words else 'it said nothing'}")
        (ended,) = self.source.ask("SELECT clock_timestamp()")
        made = Base(
            name=name,
            begun_at=begun,
            ended_at=ended,
            segment=segment,
            server=server,
            files_key=bases.mark_of(self.source.file_key),
            size=size,
            alone=alone,
        )
        self.vault.put_bytes(f"{bases.FOLDER}/{name}/{bases.NOTE}", made.note())
        self._base_at = made.ended_at
        self.tell(f"Base {name}: {size / 1e6:.0f} MB in {(made.ended_at - begun).total_seconds():.0f} s.")
        return made

    def _base_is_due(self) -> bool:
        known = bases.bases(self.vault)
        return not known or datetime.now(UTC) - known[-1].begun_at >= BASE_EVERY

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

    def _note_state(self, at: datetime) -> None:
        """In the vault, until when it knows; beside the installation the same, for whoever watches it."""
        until = at.astimezone(UTC).isoformat()
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
        old = [each for each in bases.bases(self.vault, self.tell) if each.ended_at < at - KEPT]
        for each in old[:-1]:
            self.vault.remove(f"{bases.FOLDER}/{each.name}/{bases.NOTE}")  # first: what has no note is no base
            shutil.rmtree(self.vault.folder / bases.FOLDER / each.name)
        for name in self.vault.names(bases.FOLDER):
            if bases.NOTE not in self.vault.names(f"{bases.FOLDER}/{name}"):  # it was cut short
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
        except (FileNotFoundError, Damaged):  # then they stay for as long again
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


def _below(folder: Path) -> set[str]:
    """The files below a folder, as paths from there; those that are still being written left out."""
    if not folder.is_dir():
        return set()
    found = set()
    for place in os.scandir(folder):
        if place.is_dir():
            found |= {f"{place.name}/{each.name}" for each in os.scandir(place.path) if not each.name.endswith(".part")}
    return found


def _named(error: Exception) -> str:
    return str(error) if isinstance(error, CannotRun) else type(error).__name__
