"""A PostgreSQL that follows another one: its copy (`pg_basebackup`), its process, its socket."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from mdo.cli.home import server_account
from mdo.cli.process import Child, Program
from mdo.cli.servers import quiet_environment
from tests import parts

WITHIN_S = 60.0


@dataclass
class Server:
    """One server: where its data and its socket are, and the process."""

    name: str
    data: Path
    sockets: Path
    child: Child | None = None

    def url(self, user: str, password: str, database: str, **more: str) -> str:
        query = "&".join(f"{key}={quote(value, safe='')}" for key, value in {"host": str(self.sockets), **more}.items())
        return f"postgresql://{user}:{quote(password, safe='')}@/{database}?{query}"

    def set(self, name: str, value: str) -> None:
        """A setting of its file, which it reads anew at once. For whoever owns the folder: nobody need sign in."""
        assert self.child is not None
        with open(self.data / "postgresql.auto.conf", "a", encoding="utf-8") as file:
            file.write(f"{name} = '{value}'\n")
        self.child.process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        """`kill -9`, the server and all its processes."""
        assert self.child is not None
        pids = [self.child.process.pid]
        for task in Path(f"/proc/{pids[0]}/task").glob("*/children"):
            pids += [int(each) for each in task.read_text().split()]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.child.process.wait()


def new_folder() -> Path:
    """A folder for data and sockets that the servers' user owns; the path is short, as a socket's must be."""
    made = Path(tempfile.mkdtemp(prefix="mdo-follow-"))
    give(made)
    return made


def give(path: Path) -> None:
    account = server_account()
    if account:
        os.chown(path, account.uid, account.gid)


def make(name: str, source: str, programs: Path, folder: Path, settings: Sequence[str] = ()) -> Server:
    """Copy the server at ``source`` (an address with the right to replicate) into ``folder`` and let the copy follow it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    give(folder)
    server = Server(name, folder / "data", folder)
    account = server_account()
    command = [str(programs / "pg_basebackup"), "-D", str(server.data), "-d", f"{source}&application_name={name}"]
    done = subprocess.run(
        [*command, "-R", "-X", "stream", "-c", "fast"],
        env=quiet_environment(),
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        umask=0o077,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=() if account else None,
    )
    if done.returncode:
        raise RuntimeError(f"pg_basebackup failed:\n{done.stderr}")
    more = [part for setting in settings for part in ("-c", setting)]
    command = [str(programs / "postgres"), "-D", str(server.data), "-c", "listen_addresses=", *more]
    for setting in (f"unix_socket_directories={folder}", "max_connections=150", "shared_buffers=64MB", "jit=off"):
        command += ["-c", setting]
    program = Program(name, command, quiet_environment(), folder / "log", account, signal.SIGINT, 30)
    (folder / "pids").mkdir()
    server.child = Child.start(program, folder / "pids")
    return server


def end(server: Server) -> None:
    """Stop it and forget its data."""
    if server.child is not None:
        server.child.stop()
    shutil.rmtree(server.data.parent, ignore_errors=True)


def until(condition: Callable[[], Any], what: str, server: Server | None = None) -> None:
    """Until it holds; fails with the server's last words."""
    parts.until(condition, what, WITHIN_S, server.child.program.log if server and server.child else None)


def answers(url: str) -> bool:
    """Whether a server takes connections there."""
    with suppress(psycopg.Error), psycopg.connect(url, connect_timeout=3) as line:
        return bool(line.execute("SELECT 1").fetchone())
    return False
