"""The drill: keep backups of a year while people work, lose the machine, come back from the vault, and see what is missing."""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from time import monotonic, perf_counter
from typing import Any

import psycopg

from mdo.cli.home import Home
from mdo.cli.servers import SUPERUSER, Postgres
from mdo.cli.stack import Stack
from mdo.kernel.encryption import Decrypted
from tests.bench.rig import Rig, answers, origin, wait_for, write
from tests.drill.year import WEEKS, fill
from tests.ports import free_port

LOSS_AT_MOST_S, BACK_WITHIN_MIN = 60.0, 15.0
BEFORE_S = 45.0  # how long people work before the machine is gone
WORD = "Drill"


class Work:
    """A secretary who puts topics on an agenda, one after another; each that was acknowledged, with the moment."""

    def __init__(self, cast: Any, meeting: Any) -> None:
        self.cast, self.meeting = cast, meeting
        self.done: list[tuple[str, datetime]] = []
        self.stop = Event()
        self.thread = Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        from django.db import Error

        from mdo.kernel.errors import Unavailable
        from mdo.kernel.ids import new_id
        from meetings.actions.agenda_building import add_topic
        from tests.cast import acting_as

        number = 0
        while not self.stop.wait(0.25):
            number += 1
            title = f"{WORD} {number}"
            try:
                with acting_as(self.cast.secretary) as person:
                    add_topic(
                        by=person,
                        meeting_id=self.meeting.pk,
                        item_id=new_id(),
                        title=title,
                        minutes=1,
                        command_id=new_id(),
                    )
            except (Error, Unavailable, OSError):
                return  # the machine is gone
            self.done.append((title, datetime.now(UTC)))


def drill(rig: Rig, weeks: int) -> dict[str, Any]:
    from tests.cast import make_cast
    from tests.factories import make_meeting

    result: dict[str, Any] = {}
    cast, began = make_cast(), perf_counter()
    result["decisions"] = fill(cast, weeks)
    result["year_s"] = round(perf_counter() - began, 1)
    vault = rig.folder / "vault"  # on another machine, in earnest
    rig.start("worker", "-m", "mdo", "worker", "--beat")
    backup = rig.start("backup", "-m", "mdo", "backup", "--follow", MDO_BACKUP=str(vault))
    log = backup.program.log
    wait_for(lambda: "Base " in log.read_text(), "the first base", within_s=300, log=log)
    work = Work(cast, make_meeting(cast.board))
    work.thread.start()
    Event().wait(BEFORE_S)
    gone, at = monotonic(), datetime.now(UTC)
    lose(rig)
    work.thread.join(30)
    result |= {"acknowledged": len(work.done), "vault_mb": round(_size(vault) / 1e6, 1)}
    return result | come_back(rig, vault, work, gone, at)


def lose(rig: Rig) -> None:
    """All of it at once: every process, and the disk with database, stored files and anchors."""
    pids = [json.loads(each.read_text())["pid"] for each in (rig.stack.home.path / "pids").iterdir()]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    server = _server(rig.stack)
    shutil.rmtree(server.data)
    for name in ("files", "anchors", "backup-spool", "valkey"):
        place = rig.stack.home.path / name
        shutil.rmtree(place.resolve(), ignore_errors=True)


def come_back(rig: Rig, vault: Path, work: Work, gone: float, at: datetime) -> dict[str, Any]:
    """A new machine with the keys, the vault, and nothing else."""
    new = rig.folder / "new"
    keys = (rig.stack.home.path / "keys").read_bytes()  # kept apart: in a safe, in earnest
    new.mkdir(mode=0o711)
    home = Home(new / "var")
    home.prepare()
    (home.path / "keys").write_bytes(keys)
    (home.path / "keys").chmod(0o600)
    stack = Stack(home, tell=print)
    planned = stack.plan()
    server = _server(stack)
    rig.stack, old = stack, rig.stack
    old.home.release()
    rig.variables |= planned
    began = perf_counter()
    rig.run("restore", "--data", str(server.data), "--var", str(home.path), owner=True, MDO_BACKUP=str(vault))
    laid_out = perf_counter() - began
    stack.start()
    with psycopg.connect(server.dsn(SUPERUSER, "POSTGRES_PASSWORD"), autocommit=True) as connection:
        kept = {row[0] for row in connection.execute("SELECT title FROM meetings_topic WHERE title LIKE 'Drill %'")}
        names = [
            row[0] for row in connection.execute("SELECT storage_name FROM meetings_report WHERE storage_name <> ''")
        ]
    rig.run("prepare", owner=True)
    port = free_port()
    rig.start("worker", "-m", "mdo", "worker", "--beat")
    rig.start("web", "-m", "mdo", "web", MDO_PORT=str(port))
    wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz"), "the site", within_s=300)
    back_min = (monotonic() - gone) / 60
    lost = [moment for title, moment in work.done if title not in kept]
    return {
        "loss_s": round((at - min(lost)).total_seconds(), 1) if lost else 0.0,
        "back_min": round(back_min, 2),
        "lost": len(lost),
        "laid_out_s": round(laid_out, 1),
        "audit_ok": _holds(rig, "verify-audit"),
        "decisions_ok": _holds(rig, "verify-decisions"),
        "files_ok": files_there(names, home.path / "files", base64.b64decode(rig.variables["MDO_FILE_KEY"])),
    }


def files_there(names: list[str], folder: Path, key: bytes) -> bool:
    """Whether every document that the database knows of can be opened."""
    for name in names:
        with (folder / name).open("rb") as stored, Decrypted(stored, key, name) as file:
            if file.read(5) != b"%PDF-":
                return False
    return bool(names)


def _holds(rig: Rig, command: str) -> bool:
    try:
        rig.run(command)
    except SystemExit as error:
        print(error)
        return False
    return True


def _server(stack: Stack) -> Postgres:
    return next(each for each in stack.servers if isinstance(each, Postgres))


def _size(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def missed(result: dict[str, Any]) -> list[str]:
    """The goals that were not met, in words."""
    goals: dict[str, Callable[[Any], bool]] = {
        "loss_s": lambda value: value <= LOSS_AT_MOST_S,
        "back_min": lambda value: value <= BACK_WITHIN_MIN,
        "audit_ok": bool,
        "decisions_ok": bool,
        "files_ok": bool,
    }
    return [f"{name}: {result[name]}" for name, holds in goals.items() if not holds(result[name])]


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--weeks", type=int, default=WEEKS, help="sittings of twelve cases")
    weeks = options.parse_args().weeks
    with Rig("drill") as rig:
        result = drill(rig, weeks)
    result |= origin() | {"missed": missed(result)}
    print(json.dumps(result, indent=2))
    print(write("drill", result))
    return 1 if result["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
