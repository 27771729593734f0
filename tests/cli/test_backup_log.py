"""Backups: that the log which is said to be kept has arrived, and what happens where it does not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mdo.backup import bases, wal
from mdo.backup.keeping import STATE, WATCHED
from mdo.backup.receiving import SLOT
from mdo.backup.restoring import covered_until
from mdo.backup.vault import Vault
from mdo.environment import BASE_DIR
from tests.cli.backups import FILES_KEY, KEY, Place, damage
from tests.parts import until

pytestmark = pytest.mark.slow

FILE_BYTES = 16 << 20
SHUT_OUT = "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE slot_name = %s"

ALL_HERE = "SELECT restart_lsn >= pg_current_wal_flush_lsn() FROM pg_replication_slots WHERE slot_name = %s"


def frozen(place: Place) -> Callable[[], object]:
    """The receiver lives and fetches nothing; what is returned lets it go on."""
    pid = place.receiver()
    os.kill(pid, signal.SIGSTOP)
    return lambda: os.kill(pid, signal.SIGCONT)


def shut_out(place: Place) -> Callable[[], object]:
    """As after a changed password: nobody gets in."""
    place.connection.execute("ALTER ROLE mdo_backup NOLOGIN")
    place.connection.execute(SHUT_OUT, [SLOT])
    return lambda: place.connection.execute("ALTER ROLE mdo_backup LOGIN")


def begun(place: Place) -> None:
    """The keeper follows, and what it covers leads back to a base."""
    place.thread.start()
    until(lambda: bases.bases(place.vault), "a base", within_s=60)
    place.knows(place.add(0))


@pytest.mark.parametrize("harm", [frozen, shut_out])
def test_what_did_not_arrive_is_not_said_to_be_kept(
    place: Place, harm: Callable[[Place], Callable[[], object]]
) -> None:
    begun(place)
    mend = harm(place)
    at = place.add(1)
    place.rounds()
    watched = place.stack.home.path / WATCHED
    assert covered_until(place.vault) < at
    assert covered_until(place.vault).isoformat() in watched.read_text()
    mend()
    place.knows(at)
    assert covered_until(place.vault).isoformat()[:10] in watched.read_text()
    assert len(bases.bases(place.vault)) == 1  # the log went on where it was


def test_nothing_is_covered_before_there_is_a_base(place: Place) -> None:
    real, gate = place.source.programs, place.folder / "gate"
    wrapped = _wrapped(place, pg_basebackup=f'until [ -e {gate} ]; do sleep 0.1; done; exec {real}/pg_basebackup "$@"')
    place.keep(replace(place.source, programs=wrapped))
    place.thread.start()
    place.receiver()
    place.add(1)
    place.rounds()
    assert not (place.vault.folder / STATE).exists()
    gate.touch()
    until(lambda: (place.vault.folder / STATE).is_file(), "something that is covered", within_s=60)
    assert len(bases.bases(place.vault)) == 1


def dropped(place: Place) -> None:
    place.connection.execute(SHUT_OUT, [SLOT])
    place.connection.execute("SELECT pg_drop_replication_slot(%s)", [SLOT])
    place.fill(1, files=3)


def given_up(place: Place) -> None:
    """By the server, for the receiver was away for longer than the disk has room."""
    mend = shut_out(place)
    place.fill(1, files=6)

    def lost() -> bool:
        place.connection.execute("CHECKPOINT")
        found = place.connection.execute("SELECT wal_status FROM pg_replication_slots WHERE slot_name = %s", [SLOT])
        return found.fetchone() == ("lost",)

    until(lost, "a slot that is given up")
    mend()


@pytest.mark.parametrize("harm", [dropped, given_up])
def test_a_slot_that_is_gone_is_made_anew_with_a_base(place: Place, harm: Callable[[Place], None]) -> None:
    place.restart("max_slot_wal_keep_size=32MB")
    begun(place)
    before = len(bases.bases(place.vault))
    harm(place)
    until(lambda: len(bases.bases(place.vault)) > before, "a new base", within_s=60)
    place.knows(place.add(2))
    place.lose()
    assert place.rows_restored("latest", None) == [0, 1, 2]


def test_after_a_hole_nothing_is_covered_before_the_end_of_the_base_that_closes_it(place: Place) -> None:
    gate = place.folder / "gate"
    gate.touch()
    script = f'until [ -e {gate} ]; do sleep 0.1; done; exec {place.source.programs}/pg_basebackup "$@"'
    place.keep(replace(place.source, programs=_wrapped(place, pg_basebackup=script)))
    begun(place)
    gate.unlink()
    dropped(place)
    pid = place.receiver()
    place.add(2)
    until(lambda: place.connection.execute(ALL_HERE, [SLOT]).fetchone() == (True,), "the log, up to now")
    place.rounds()  # moments of it are known
    before = covered_until(place.vault)
    os.kill(pid, signal.SIGSTOP)
    gate.touch()
    until(lambda: len(bases.bases(place.vault)) > 1, "a new base", within_s=60)
    place.rounds()
    assert covered_until(place.vault) == before
    os.kill(pid, signal.SIGCONT)
    place.knows(place.add(3))
    place.lose()
    assert place.rows_restored("latest", None) == [0, 1, 2, 3]


def test_two_bases_of_one_second_are_two(place: Place) -> None:
    made = [place.keeper.base(alone=True) for _ in range(3)]
    assert bases.bases(place.vault) == made


def test_a_hole_that_was_there_before_the_start_is_seen(place: Place) -> None:
    """The slot is there and the vault has bases, but what lay between them is gone."""
    begun(place)
    place.stop.set()
    place.thread.join(30)
    place.fill(1, files=3)
    with _received_aside(place):
        until(lambda: len(list((place.folder / "aside").iterdir())) > 3, "the log, elsewhere")
    place.connection.execute("CHECKPOINT")
    place.stop.clear()
    place.keep(place.source)
    place.thread.start()
    until(lambda: len(bases.bases(place.vault)) > 1, "a new base", within_s=60)
    place.knows(place.add(2))
    place.lose()
    assert place.rows_restored("latest", None) == [0, 1, 2]


@contextmanager
def _received_aside(place: Place) -> Iterator[None]:
    """Somebody else fetches the log by our slot, to a place that is gone afterwards."""
    aside = place.folder / "aside"
    aside.mkdir()
    arguments = [f"--slot={SLOT}", "--directory", str(aside), "--no-loop", "--synchronous"]
    command = place.source.command("pg_receivewal", arguments)
    with subprocess.Popen(command, env=place.source.environment("somebody else")) as process:
        try:
            yield
        finally:
            process.terminate()


def _wrapped(place: Place, **scripts: str) -> Path:
    """A folder of PostgreSQL's programs, some of them begun by a script."""
    folder = place.folder / "programs"
    folder.mkdir()
    for name in ("pg_basebackup", "pg_receivewal"):
        script = scripts.get(name, f'exec {place.source.programs}/{name} "$@"')
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


def test_no_command_line_holds_the_password(place: Place) -> None:
    said, real = place.folder / "said", place.source.programs
    scripts = {
        name: f'printf \'%s\\n\' "$@" >> {said}; exec {real}/{name} "$@"' for name in ("pg_basebackup", "pg_receivewal")
    }
    place.keep(replace(place.source, programs=_wrapped(place, **scripts)))
    begun(place)
    place.receiver()
    password = place.stack.home.keys()["MDO_BACKUP_PASSWORD"]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert password.encode() not in process.read_bytes()
        except OSError:
            continue
    words = said.read_text()
    assert {"--format=tar", f"--slot={SLOT}"} < set(words.splitlines())
    assert "user=mdo_backup" in words
    assert password not in words


def test_a_receiver_ends_with_its_keeper(place: Place) -> None:
    script = (
        "import sys; from pathlib import Path; from threading import Event;"
        "from mdo.backup.keeping import Keeper; from mdo.backup.source import Source; from mdo.backup.vault import Vault;"
        "url, programs, var, vault, key, files_key = sys.argv[1:];"
        "Keeper(Source(url, Path(programs), Path(var), files_key.encode()), Vault(Path(vault), key.encode()), print, 0.2).follow(Event())"
    )
    source = place.source
    keeper = subprocess.Popen(
        [
            *(sys.executable, "-c", script, source.url, str(source.programs), str(source.var)),
            *(str(place.vault.folder), KEY.decode(), FILES_KEY.decode()),
        ],
        cwd=BASE_DIR,
    )
    try:
        pid = place.receiver()
    finally:
        keeper.kill()
        keeper.wait()
    until(lambda: pid not in place.receivers(), "an end of the receiver")


# --- a vault that is away ----------------------------------------------------------------------------------------------


def test_many_full_files_are_never_in_memory_at_once(vault: Vault, tmp_path: Path) -> None:
    names = [f"0000000100000000000000{number:02X}" for number in range(1, 9)]
    (tmp_path / "spool").mkdir()
    spool = wal.Spool(tmp_path / "spool", vault)
    for name in names:
        with (spool.folder / name).open("wb") as file:
            file.truncate(FILE_BYTES)
    tracemalloc.start()
    try:
        spool.keep(spool.look())
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 3 * FILE_BYTES
    assert list(wal.stored(vault)) == names
    assert spool.names() == []


def test_while_the_vault_is_away_the_spool_stays_small_and_the_log_waits(place: Place) -> None:
    place.keeper.spool_at_most = 2
    begun(place)
    vault, away = place.vault.folder, place.folder / "away"
    vault.rename(away)
    vault.mkdir(exist_ok=True)  # as where a disk is not mounted
    until(lambda: any("is no vault" in each for each in place.said), "the keeper to see it")
    shutil.copytree(vault, away, dirs_exist_ok=True)  # what the round that ran meanwhile still wrote
    shutil.rmtree(vault)
    vault.mkdir()
    number = 0

    def full() -> bool:
        nonlocal number
        number += 1
        at.append(place.fill(number))
        return any("spool is full" in each for each in place.said)

    at = [place.add(1000)]
    until(full, "a spool that is full")
    until(lambda: not place.receivers(), "an end of the receiver")
    held = place.keeper.log.names()
    for _ in range(4):
        full()
    assert place.keeper.log.names() == held
    assert list(vault.iterdir()) == []
    vault.rmdir()
    away.rename(vault)
    place.knows(at[-1])
    assert len(bases.bases(place.vault)) == 1
    place.lose()
    assert place.rows_restored("latest", None) == [0, *range(1, number + 1), 1000]


# --- bases -------------------------------------------------------------------------------------------------------------


def test_a_base_may_take_longer_than_the_server_keeps_its_log(place: Place) -> None:
    real = place.source.programs
    place.keep(
        replace(place.source, programs=_wrapped(place, pg_basebackup=f'exec {real}/pg_basebackup --max-rate=6M "$@"'))
    )
    place.thread.start()
    place.receiver()
    number = 0

    def made() -> list[bases.Base]:
        nonlocal number
        number += 1
        place.fill(number)
        place.connection.execute("CHECKPOINT")
        return bases.bases(place.vault)

    (base,) = until(made, "a base", within_s=90)
    assert number > 3  # the server had time to let go of its log
    assert not any("did not get on" in each for each in place.said)
    assert not base.alone  # its log comes from the vault
    place.knows(base.ended_at)
    place.lose()
    assert place.rows_restored("latest", None) == list(range(1, number + 1))


def test_a_base_without_a_follower_comes_back_alone_and_one_that_is_damaged_is_left_out(place: Place) -> None:
    place.add(1)
    place.keeper.once()
    (first,) = bases.bases(place.vault)
    assert (first.alone, covered_until(place.vault)) == (True, first.begun_at)
    place.add(2)
    until(lambda: place.connection.execute("SELECT clock_timestamp() > %s + interval '1 s'", [first.begun_at]).fetchone() == (True,), "time")  # fmt: skip
    place.keeper.once()
    second = bases.bases(place.vault)[-1]
    assert covered_until(place.vault) == second.begun_at > first.begun_at
    with place.vault.open(f"{bases.FOLDER}/{second.name}/{bases.TAR}") as stored, tarfile.open(fileobj=stored, mode="r|gz") as tar:  # fmt: skip
        log = [name[7:] for name in tar.getnames() if name.startswith("pg_wal/")]
    assert any(wal.WHOLE.fullmatch(name) and name >= second.segment for name in log)
    damage(place.vault.folder / bases.FOLDER / second.name / bases.NOTE)
    place.lose()
    assert place.rows_restored("latest", None) == [1]
    assert any(f"base {second.name} in the vault is damaged" in each for each in place.said)


def test_nobody_else_s_receiver_counts(place: Place) -> None:
    """Whoever else holds the slot has the log: we do not."""
    place.keeper.receiver.make_slot()
    held = "SELECT active FROM pg_replication_slots"
    with _received_aside(place):
        until(lambda: place.connection.execute(held).fetchone() == (True,), "somebody who holds the slot")
        assert place.keeper.receiver.arrived()[2] is None
    until(lambda: place.connection.execute(held).fetchone() == (False,), "an end of it")
    place.keeper.receiver.start()
    try:
        until(lambda: place.keeper.receiver.arrived()[2] is not None, "our own receiver")
    finally:
        place.keeper.receiver.end()
