"""PostgreSQL's log on its way to us: the slot by which the server keeps it, and `pg_receivewal`, which fetches it into the spool."""

from __future__ import annotations

import secrets
import signal
import subprocess
from datetime import datetime
from pathlib import Path

from mdo.backup.source import Source
from mdo.cli.process import with_parent

SLOT = "mdo_backup"


class Receiver:
    """Fetches the log of one source into its spool, where it is on the disk before the server hears of it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._name = f"mdo backup {secrets.token_hex(4)}"  # by which the server tells ours from anybody else's
        self._process: subprocess.Popen[bytes] | None = None

    def arrived(self) -> tuple[datetime, int, int | None]:
        """A moment by the server's clock; the place up to which the log holds what was committed by then; and the place up to which the spool
        has it, ``None`` where our receiver does not hold the slot. Raises ``psycopg.Error``."""
        at, end, safe = self.source.ask(
            "SELECT clock_timestamp(), (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint,"
            " (SELECT (restart_lsn - '0/0'::pg_lsn)::bigint FROM pg_replication_slots"
            " JOIN pg_stat_activity ON pid = active_pid WHERE slot_name = %s AND application_name = %s)",
            SLOT,
            self._name,
        )
        return at, end, safe

    # --- the slot ----------------------------------------------------------------------------------------------------------

    def kept_from(self) -> str | None:
        """The place from which on the server keeps its log for us; ``None`` where there is no slot, or where the server gave it up
        (`max_slot_wal_keep_size`). Raises ``psycopg.Error``."""
        found = self.source.ask(
            "SELECT restart_lsn::text FROM pg_replication_slots WHERE slot_name = %s AND wal_status <> 'lost'", SLOT
        )
        return found[0] if found else None

    def make_slot(self) -> None:
        """From now on the server keeps its log for us; whatever came before may be gone. Raises ``psycopg.Error``."""
        self.source.ask(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s", SLOT
        )
        self.source.ask("SELECT pg_create_physical_replication_slot(%s, true)", SLOT)

    # --- the program -------------------------------------------------------------------------------------------------------

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        arguments = [f"--slot={SLOT}", "--directory", str(self.source.spool), "--no-loop", "--synchronous"]
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                self.source.command("pg_receivewal", arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env=self.source.environment(self._name),
                preexec_fn=with_parent(signal.SIGTERM),
            )

    def last_words(self) -> str | None:
        """Why it ended by itself; ``None`` where it did not."""
        if self._process is None or self._process.poll() is None:
            return None
        lines = self._said.read_text("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else f"it said nothing ({self._process.returncode})"

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    @property
    def _said(self) -> Path:
        return self.source.spool / "receiver.said"
