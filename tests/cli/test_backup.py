"""Backups: what is in the vault, and that a database that is gone comes back out of it, at the latest moment and at an earlier one."""

import base64
import io
import os
import re
import signal
import subprocess
import sys
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mdo.backup import bases, wal
from mdo.backup.commands import moment_of
from mdo.backup.commands import restore as restore_command
from mdo.backup.keeping import ANCHORS, KEPT, STATE, Keeper
from mdo.backup.restoring import _bring_files, _log_for, _unpack, anchors_until, restore
from mdo.backup.source import Source
from mdo.backup.vault import Vault
from mdo.cli.home import CannotRun, Home
from mdo.cli.servers import Postgres
from mdo.environment import BASE_DIR
from mdo.kernel.encryption import Damaged
from tests.cli.backups import FILES_KEY, KEY, Place, damage
from tests.parts import until

# --- the vault ---------------------------------------------------------------------------------------------------------


def test_nothing_lies_in_the_vault_as_it_was(vault: Vault) -> None:
    vault.put("wal/a", io.BytesIO(b"Mevrouw Janssens " * 9000))
    with vault.open("wal/a") as handle:
        assert handle.read() == b"Mevrouw Janssens " * 9000
    stored = (vault.folder / "wal" / "a").read_bytes()
    assert b"Janssens" not in stored
    assert (vault.folder / "wal" / "a").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("harm", ["swapped", "changed", "cut"])
def test_what_was_tampered_with_is_not_read(vault: Vault, harm: str) -> None:
    vault.put_bytes("wal/a", b"one" * 50_000)
    vault.put_bytes("wal/b", b"two" * 50_000)
    a, b = vault.folder / "wal" / "a", vault.folder / "wal" / "b"
    content = a.read_bytes()
    if harm == "swapped":
        b.write_bytes(content)
    elif harm == "cut":
        b.write_bytes(b.read_bytes()[:-1])
    else:
        damage(b)
    with pytest.raises(Damaged), vault.open("wal/b") as handle:
        handle.read()


def test_another_key_and_another_folder_are_refused(vault: Vault, tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="does not open"):
        Vault(vault.folder, b"x" * 32).open_up(make=True)
    with pytest.raises(CannotRun, match="no vault"):
        Vault(tmp_path / "nothing", KEY).open_up(make=False)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").touch()
    with pytest.raises(CannotRun, match=r"letter\.txt"):
        Vault(tmp_path / "full", KEY).open_up(make=True)


def test_what_was_cut_short_is_not_there(vault: Vault) -> None:
    (vault.folder / "wal").mkdir()
    (vault.folder / "wal" / "a.part").write_bytes(b"half")
    assert vault.names("wal") == []


@pytest.mark.parametrize("harm", ["/outside", "../outside", "inside/../../outside", "link", ""])
@pytest.mark.parametrize("filters", [True, False])
def test_a_base_writes_nothing_beside_its_folder(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str, filters: bool
) -> None:
    """With the filters of `tarfile` and on a Python that has none yet; without harm, the control, it is laid out."""
    if not filters:
        monkeypatch.delattr(tarfile, "tar_filter", raising=False)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as made:
        member = tarfile.TarInfo(harm or "PG_VERSION")
        if harm == "link":
            member.type, member.linkname = tarfile.SYMTYPE, str(tmp_path)
        else:
            member.size = 2
        made.addfile(member, io.BytesIO(b"18"))
    vault.put_bytes(f"{bases.FOLDER}/one/{bases.TAR}", tar.getvalue())
    base = bases.Base("one", datetime.now(UTC), datetime.now(UTC), "000000010000000000000002", "18", "")
    data = tmp_path / "data"
    data.mkdir()
    if harm:
        with pytest.raises(CannotRun, match="no file or folder of a database"):
            _unpack(vault, base, data)
        assert list(data.iterdir()) == []
        assert not (tmp_path / "outside").exists()
    else:
        _unpack(vault, base, data)
        assert (data / "PG_VERSION").read_bytes() == b"18"


# --- the log -----------------------------------------------------------------------------------------------------------


def test_files_of_the_log_follow_each_other_and_a_hole_is_found() -> None:
    assert wal.following("0000000100000000000000FE") == "0000000100000000000000FF"
    assert wal.following("0000000100000000000000FF") == "000000010000000100000000"
    names = ["000000010000000000000002", "000000010000000000000003", "000000010000000000000005"]
    assert wal.hole(names, names[0]) == "000000010000000000000004"
    assert wal.hole(names[:2], names[0]) is None
    assert wal.hole([], names[0]) == names[0]
    assert wal.hole(names[1:], names[0]) == names[0]


@pytest.mark.parametrize(
    ("later", "missing"),
    [
        (["03", "04"], None),  # the earlier one was left within its last file
        (["04", "05"], None),  # or at its end
        (["05"], "000000020000000000000004"),
        (["03", "05"], "000000020000000000000004"),
    ],
)
def test_a_hole_in_a_later_timeline_is_found(later: list[str], missing: str | None) -> None:
    first = ["000000010000000000000002", "000000010000000000000003"]
    names = [*first, "00000002.history", *(f"0000000200000000000000{each}" for each in later)]
    assert wal.hole(names, first[0]) == missing


def test_what_comes_after_a_hole_is_replayed_by_nobody(vault: Vault) -> None:
    at = datetime.now(UTC)
    names = [f"00000001000000000000000{number}" for number in (2, 3, 5)]

    def log(*stored: str, alone: bool = False, moment: datetime | None = None) -> list[str]:
        for name in wal.stored(vault).values():
            vault.remove(f"{wal.FOLDER}/{name}")
        for name in stored:
            vault.put_bytes(f"{wal.FOLDER}/{name}.z", b"")
        return sorted(_log_for(vault, bases.Base("b", at, at, names[0], "18", "", alone=alone), moment))

    assert log(*names[:2]) == names[:2]
    assert log(*names, moment=at) == names[:2]  # PostgreSQL says whether that leads to the moment
    assert log(alone=True) == []
    for stored, alone, moment, hole in (
        (names, False, None, "04"),
        (names, True, None, "04"),
        (names[1:], True, None, "02"),  # a log that begins after the base
        (names[1:], False, at, "02"),
        ([], False, None, "02"),
    ):
        with pytest.raises(CannotRun, match=f"hole at 0000000100000000000000{hole}"):
            log(*stored, alone=alone, moment=moment)


def test_a_partial_file_is_copied_when_it_changed_and_goes_when_it_is_full(vault: Vault, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    spool, name = wal.Spool(folder, vault), "000000010000000000000002"
    (folder / f"{name}.partial").write_bytes(b"one")
    spool.keep(spool.look())
    assert spool.look() == []
    assert wal.stored(vault) == {name: f"{name}.partial.z"}
    (folder / f"{name}.partial").write_bytes(b"two")
    spool.keep(spool.look())
    assert wal.read(vault, f"{name}.partial.z") == b"two"
    (folder / f"{name}.partial").rename(folder / name)
    spool.keep(spool.look())
    assert wal.stored(vault) == {name: f"{name}.z"}
    assert list(folder.iterdir()) == []


# --- letting go --------------------------------------------------------------------------------------------------------


def test_what_nobody_can_need_any_more_goes(vault: Vault, tmp_path: Path) -> None:
    var = tmp_path / "var"
    (var / "files" / "aa").mkdir(parents=True)
    (var / "files" / "aa" / "kept").write_bytes(b"1")
    keeper = Keeper(Source("", Path(), var, FILES_KEY), vault, print)
    today = datetime.now(UTC)
    for number, days in enumerate((40, 20, 10, 1)):
        at = today - timedelta(days=days)
        made = bases.Base(f"b{number}", at, at, f"00000001000000000000000{number}", "18", "")
        vault.put_bytes(f"base/b{number}/{bases.TAR}", b"tar")
        vault.put_bytes(f"base/b{number}/{bases.NOTE}", made.note())
        vault.put_bytes(f"wal/{made.segment}.z", b"")
    vault.put_bytes(f"base/cut/{bases.TAR}", b"half")
    for name in ("kept", "gone", "lately"):
        vault.put_bytes(f"files/aa/{name}", b"")
    long_ago = (today - KEPT - timedelta(days=1)).isoformat()
    vault.put_bytes("gone", f'{{"aa/gone": "{long_ago}"}}'.encode())
    keeper.let_go()
    assert [each.name for each in bases.bases(vault)] == [
        "b1",
        "b2",
        "b3",
    ]  # b1: from it the first of the days is reached
    assert vault.names("base") == ["b1", "b2", "b3"]
    assert list(wal.stored(vault)) == [f"00000001000000000000000{number}" for number in (1, 2, 3)]
    assert vault.names("files/aa") == ["kept", "lately"]


def test_a_base_whose_note_is_damaged_hides_no_other_and_is_not_thrown_away(vault: Vault, tmp_path: Path) -> None:
    at, said = datetime.now(UTC), list[str]()
    for name in ("one", "two"):
        vault.put_bytes(
            f"base/{name}/{bases.NOTE}", bases.Base(name, at, at, "000000010000000000000002", "18", "").note()
        )
    damage(vault.folder / "base" / "two" / bases.NOTE)
    assert [each.name for each in bases.bases(vault, said.append)] == ["one"]
    assert said == ["The note of base two in the vault is damaged: nothing can be restored from that base."]
    (tmp_path / "var").mkdir()
    Keeper(Source("", Path(), tmp_path / "var", FILES_KEY), vault, said.append).let_go()
    assert vault.names("base") == ["one", "two"]
    assert said[1:] == said[:1]


# --- a database that is gone -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_server_that_is_gone_comes_back(place: Place, vault: Vault) -> None:
    files = place.stack.home.path / "files" / "ab"
    files.mkdir(parents=True)
    (files / "one").write_bytes(b"encrypted")
    place.add(1)
    place.thread.start()
    until(lambda: bases.bases(vault), "a base", within_s=60)
    early = place.add(2)
    place.connection.execute("SELECT pg_switch_wal()")
    (files / "two").write_bytes(b"encrypted too")
    until(
        lambda: (
            place.connection.execute("SELECT clock_timestamp() > %s + interval '1 s'", [early]).fetchone() == (True,)
        ),
        "time",
    )
    last = place.add(3)
    place.knows(last)
    place.stop.set()
    place.thread.join(30)
    place.add(4)  # nobody keeps any more: what comes back comes from the vault, and from nowhere else
    os.kill(place.stack.children["postgres"].process.pid, signal.SIGKILL)
    assert place.rows_restored("latest", None) == [1, 2, 3]
    assert place.rows_restored("earlier", early + (last - early) / 2) == [1, 2]
    assert sorted(each.name for each in (vault.folder / "files" / "ab").iterdir()) == ["one", "two"]


@pytest.mark.slow
def test_an_installation_of_one_machine_comes_back_by_the_page(place: Place, vault: Vault) -> None:
    """The block of docs/administrators/restore.md, followed literally, with what a safe and a vault hold."""
    place.add(1)
    place.keeper.once()
    place.lose()
    page = (BASE_DIR / "docs" / "administrators" / "restore.md").read_text()
    (block,) = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert block.count(".venv/bin/mdo ") == 1
    keys = place.folder / "keys-of-the-safe"
    lines = place.stack.home.path.joinpath("keys").read_text().splitlines()
    lines = [each for each in lines if not each.startswith(("MDO_BACKUP_KEY=", "MDO_FILE_KEY="))]
    lines += [
        f"{name}={base64.b64encode(key).decode()}"
        for name, key in (("MDO_BACKUP_KEY", KEY), ("MDO_FILE_KEY", FILES_KEY))
    ]
    keys.write_text("\n".join(lines) + "\n")

    def follow(home: Home, server: Postgres) -> None:
        (home.path / "keys").unlink()
        told = {
            "PATH": os.environ["PATH"],
            "MDO_VAR": str(home.path),
            "KEYS": str(keys),
            "MDO_BACKUP": str(vault.folder),
        }
        script = block.replace(".venv/bin/mdo ", f"{sys.executable} -m mdo ")
        subprocess.run(["bash", "-euc", script], env=told, cwd=BASE_DIR, check=True)
        assert (server.data / "recovery.signal").is_file()
        assert (home.path / "keys").stat().st_mode & 0o777 == 0o600

    assert place.rows_restored("page", None, follow) == [1]


def test_what_cannot_be_restored_is_said_and_nothing_is_written(vault: Vault, tmp_path: Path) -> None:
    data, var = tmp_path / "data", tmp_path / "var"

    def refused(match: str, moment: datetime | None = None, key: bytes = FILES_KEY) -> None:
        with pytest.raises(CannotRun, match=match):
            restore(vault, data, var, moment, key)

    refused("no backup yet")
    at = datetime.now(UTC)
    vault.put_bytes(STATE, f'{{"covered_until": "{at.isoformat()}"}}'.encode())
    refused("old enough")
    made = bases.Base("b", at, at, "000000010000000000000002", "18", bases.mark_of(FILES_KEY))
    vault.put_bytes(f"base/b/{bases.NOTE}", made.note())
    refused("knows until", at + timedelta(seconds=1))
    refused("old enough", at - timedelta(seconds=1))
    refused("is not the key", key=KEY)
    for number in (2, 4):
        vault.put_bytes(f"wal/00000001000000000000000{number}.z", b"")
    refused("hole at 000000010000000000000003")
    data.mkdir()
    (data / "PG_VERSION").touch()
    refused("not empty")
    assert sorted(each.name for each in data.iterdir()) == ["PG_VERSION"]
    assert not var.exists()


def test_what_the_command_is_told_is_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for text in ("yesterday", "2026-11-29T14:05:00"):
        with pytest.raises(CannotRun):
            moment_of(text)
    monkeypatch.delenv("MDO_BACKUP", raising=False)
    with pytest.raises(CannotRun, match="MDO_BACKUP is missing"):
        restore_command("data", "var", None)
    monkeypatch.setenv("MDO_BACKUP", str(tmp_path))
    monkeypatch.setenv("MDO_BACKUP_KEY", "short")
    with pytest.raises(CannotRun, match="32 bytes"):
        restore_command("data", "var", None)


def test_whoever_restores_needs_no_installation(vault: Vault, tmp_path: Path) -> None:
    told = {"MDO_BACKUP": str(vault.folder), "MDO_BACKUP_KEY": base64.b64encode(KEY).decode()}
    command = [sys.executable, "-m", "mdo", "restore", "--data", str(tmp_path / "data"), "--var", str(tmp_path / "var")]
    for more, words in (({}, "MDO_FILE_KEY is missing"), ({"MDO_FILE_KEY": told["MDO_BACKUP_KEY"]}, "no backup yet")):
        environment = {"PATH": os.environ["PATH"], "MDO_VAR": str(tmp_path), **told, **more}
        done = subprocess.run(command, env=environment, cwd=BASE_DIR, capture_output=True, text=True, check=False)
        assert (done.returncode, words in done.stderr) == (1, True), done.stderr


def test_a_restore_reads_its_keys_out_of_files(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, key in (("MDO_BACKUP_KEY", KEY), ("MDO_FILE_KEY", FILES_KEY)):
        monkeypatch.delenv(name, raising=False)
        (tmp_path / name).write_bytes(base64.b64encode(key) + b"\n")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    monkeypatch.setenv("MDO_BACKUP", str(vault.folder))
    data, var = str(tmp_path / "data"), str(tmp_path / "var")
    with pytest.raises(CannotRun, match="no backup yet"):  # the vault is open
        restore_command(data, var, None)
    vault.put_bytes(STATE, b"{}")
    damage(vault.folder / STATE)
    with pytest.raises(CannotRun, match="state in the vault is damaged"):
        restore_command(data, var, None)
    monkeypatch.setenv("MDO_FILE_KEY", "both")
    with pytest.raises(CannotRun, match="MDO_FILE_KEY is given too"):
        restore_command(data, var, None)
    monkeypatch.delenv("MDO_FILE_KEY")
    (tmp_path / "MDO_FILE_KEY").unlink()
    with pytest.raises(CannotRun, match="cannot be read"):
        restore_command(data, var, None)


def test_files_belong_to_whom_the_folder_belongs(vault: Vault, tmp_path: Path) -> None:
    """Restored by root, the program reads them all the same."""
    vault.put_bytes("files/aa/one", b"1")
    vault.put_bytes(ANCHORS, b"")
    var = tmp_path / "var"
    var.mkdir()
    if os.geteuid() == 0:
        os.chown(var, 65534, 65534)
    assert _bring_files(vault, var) == 1
    made = sorted(each.relative_to(var).as_posix() for each in var.rglob("*"))
    assert made == ["anchors", "anchors/audit.jsonl", "files", "files/aa", "files/aa/one"]
    assert {each.stat().st_uid for each in var.rglob("*")} == {var.stat().st_uid}


def test_anchors_of_later_moments_are_left_out() -> None:
    lines = [
        f'{{"body": "{{\\"at\\": \\"2026-03-0{day}T12:00:00+00:00\\", \\"heads\\": {{}}}}", "mac": ""}}'
        for day in (1, 2)
    ]
    kept = anchors_until("\n".join(lines), datetime(2026, 3, 1, 13, tzinfo=UTC))
    assert kept == lines[0] + "\n"
