"""The product as a bench runs it: PostgreSQL and Valkey of its own in a temporary folder, migrated, and real server processes.

Everything listens on sockets or loopback, lasts as long as the bench, and is gone afterwards.
"""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mdo.cli.home import Home
from mdo.cli.process import Child, Program, tail
from mdo.cli.servers import SUPERUSER, Postgres
from mdo.cli.stack import Stack
from mdo.environment import BASE_DIR, names
from tests.ports import free_port

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def wait_for(condition: Callable[[], Any], what: str, within_s: float = 30, log: Path | None = None) -> None:
    """Until the condition holds; raises ``SystemExit`` with the last lines of the log when it does not."""
    if not comes_true(condition, within_s):
        raise SystemExit(f"{what}: not within {within_s:.0f} s\n{tail(log, 40) if log else ''}")


def comes_true(condition: Callable[[], Any], within_s: float) -> bool:
    """Whether the condition holds before so many seconds are over."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def answers(url: str) -> bool:
    """Whether this URL answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@dataclass
class Served:
    """One server process on a port of loopback."""

    child: Child
    port: int

    @property
    def pid(self) -> int:
        return self.child.process.pid

    @property
    def cpu_s(self) -> float:
        """Processor time that it has used, user and system, of all its threads (`/proc/<pid>/stat`)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    @property
    def rss_kb(self) -> int:
        """Resident memory in kB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def pin(self, core: int) -> None:
        """Keep all of its threads on one core."""
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), {core})


class Rig:
    """A context manager: servers run, tables are there, Django of this process is set up on them. With a folder to keep, what
    was made stays there to be looked into."""

    def __init__(self, word: str, keep: Path | None = None) -> None:
        self.kept = keep is not None
        self.folder = keep or Path(tempfile.mkdtemp(prefix=f"mdo-{word}-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)
        self.stack = Stack(Home(self.folder / "var"), tell=print)
        self.variables: dict[str, str] = {}
        self.served: list[Served] = []
        # Whose sources run, and in which Python: an upgrade goes from one to another.
        self.sources, self.python = BASE_DIR, sys.executable

    def __enter__(self) -> Rig:
        try:
            self.stack.__enter__()
            outside = {name: value for name, value in os.environ.items() if name not in names()}
            self.variables = outside | {
                "MDO_MODE": "demo",
                "EMAIL_URL": f"smtp://127.0.0.1:{free_port()}",
                "MDO_PORT": str(free_port()),
                "DJANGO_SETTINGS_MODULE": "mdo.settings",
                **self.stack.environment,
            }
            self.run("prepare", owner=True)
            self.set_up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything that was started here."""
        from django.db import connections

        if self.variables:
            for connection in connections.all(initialized_only=True):
                connection.close()
                if hasattr(connection, "close_pool"):
                    connection.close_pool()
        for each in self.served:
            each.child.ask_to_stop()
        for each in self.served:
            each.child.wait_or_kill()
        self.stack.stop()
        if self.kept:
            return
        if self.stack.home.path.exists():
            self.stack.home.remove()
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self, *, owner: bool = False, **more: str) -> dict[str, str]:
        found = {name: value for name, value in self.variables.items() if owner or name != "DATABASE_OWNER_URL"}
        return found | more

    @property
    def superuser(self) -> str:
        """The address of the database for the one who may pass triggers and policies: to fill tables, and to look without them."""
        server = next(each for each in self.stack.servers if isinstance(each, Postgres))
        return server.dsn(SUPERUSER, "POSTGRES_PASSWORD")

    def run(self, *arguments: str, owner: bool = False, **more: str) -> None:
        """One command of the product, to its end."""
        done = subprocess.run(
            [self.python, "-m", "mdo", *arguments],
            env=self.environment(owner=owner, **more) | {"PYTHONPATH": str(self.sources)},
            cwd=self.sources,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"mdo {' '.join(arguments)} failed:\n{done.stdout[-3000:]}")

    def set_up(self) -> None:
        """Django in this process, as the role that owns nothing."""
        for name in names():
            os.environ.pop(name, None)
        os.environ.update(self.environment())
        import django

        django.setup()

    def start(self, name: str, *command: str, **more: str) -> Child:
        """A Python process of this rig with its log in the rig's folder."""
        program = Program(
            name,
            [self.python, *command],
            self.environment(**more) | {"PYTHONPATH": str(self.sources)},
            self.stack.home.path / "log" / f"{name}.log",
            cwd=str(self.sources),
        )
        return Child.start(program, self.stack.home.path / "pids")

    def serve(self, name: str, *command: str, port: int | None = None, core: int | None = None) -> Served:
        """A web server process, ready to answer on a port of its own; pinned to ``core`` from its first moment."""
        port = port or free_port()
        served = Served(self.start(name, *command, MDO_PORT=str(port)), port)
        if core is not None:
            served.pin(core)
        self.served.append(served)
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/healthz"), name, within_s=120, log=served.child.program.log)
        return served

    def end(self, served: Served) -> None:
        self.served.remove(served)
        served.child.stop()


def cores() -> tuple[int, int]:
    """The core of the server and the core of the clients; the same one where there is only one."""
    here = sorted(os.sched_getaffinity(0))
    return here[0], here[-1]


def origin() -> dict[str, Any]:
    """Which commit, when, on what and how busy: what every figure needs beside it."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=BASE_DIR, capture_output=True, text=True, check=False).stdout

    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "commit": git("rev-parse", "HEAD").strip(),
        "changed_files": len(git("status", "--porcelain").splitlines()),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} × {model}, Python {platform.python_version()}",
        "load_before": round(os.getloadavg()[0], 2),
    }


def write(name: str, result: Mapping[str, Any]) -> Path:
    """The result as `var/<name>.json`."""
    target = BASE_DIR / "var" / f"{name}.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return target


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least ``share`` of the values do not exceed (nearest rank), to two places."""
    return round(sorted(values)[max(0, math.ceil(len(values) * share) - 1)], 2)
