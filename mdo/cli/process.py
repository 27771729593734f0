"""A child process that never outlives its parent, and the traces by which a leftover one is found."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mdo.cli.home import Account, CannotRun

PR_SET_PDEATHSIG = 1
LOG_BYTES = 10 * 1024 * 1024
"""A log longer than this is put aside at the next start."""

STOPPED_WITHIN_S = 20.0
"""Before it is killed: longer than the web server takes at most (mdo/server.py: rooms, requests and threads, 15 s)."""

_libc = ctypes.CDLL(None, use_errno=True)


def _nothing() -> None:
    pass


@dataclass
class Program:
    """What to run, and how to ask it to stop. ``lay`` puts its files where it finds them, before each start; may raise CannotRun."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_s: float = STOPPED_WITHIN_S
    cwd: str = "/"
    lay: Callable[[], object] = _nothing


@dataclass
class Child:
    """A running Program."""

    program: Program
    pid_file: Path
    process: subprocess.Popen[bytes]
    started: float = field(default_factory=time.monotonic)

    @classmethod
    def start(cls, program: Program, pids: Path) -> Child:
        """Start it in a session of its own (the terminal's Ctrl-C is for the supervisor, which ends children in order).

        The kernel sends the stop signal when the parent dies, however it dies. Raises CannotRun.
        """
        program.lay()
        account = program.account
        if program.log.exists() and program.log.stat().st_size > LOG_BYTES:
            program.log.replace(program.log.with_suffix(".log.1"))
        with open(os.open(program.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
            try:
                process = subprocess.Popen(
                    list(program.command),
                    env=dict(program.environment),
                    cwd=program.cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    preexec_fn=with_parent(program.stop_signal),
                    umask=0o077,
                    user=account.uid if account else None,
                    group=account.gid if account else None,
                    extra_groups=() if account else None,
                )
            except OSError as error:
                raise CannotRun(
                    f"{program.name} could not be started ({program.command[0]}: {error.strerror})."
                ) from None
        child = cls(program, pids / program.name, process)
        note = {"pid": process.pid, "born": born(process.pid), "signal": int(program.stop_signal)}
        new = pids.parent / f".{program.name}.pid"  # whole or not at all: a reader may come at any moment
        new.write_text(json.dumps(note))
        new.replace(child.pid_file)
        return child

    def exit_code(self) -> int | None:
        """None while it runs; negative when a signal ended it."""
        return self.process.poll()

    def ask_to_stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(self.program.stop_signal)
            self.process.send_signal(signal.SIGCONT)  # somebody may have frozen it

    def wait_or_kill(self) -> bool:
        """Wait for its time to stop, then kill it; True when it stopped by itself."""
        try:
            self.process.wait(self.program.stop_within_s)
            by_itself = True
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            by_itself = False
        self.pid_file.unlink(missing_ok=True)
        return by_itself

    def stop(self) -> bool:
        self.ask_to_stop()
        return self.wait_or_kill()


def with_parent(stop_signal: signal.Signals) -> Callable[[], None]:
    """For ``preexec_fn``: the kernel sends the child this signal when the thread that started it ends, however that happens."""
    parent = os.getpid()

    def before_exec() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


def born(pid: int) -> str | None:
    """The start time of a process in clock ticks since boot, by which a reused number is told from the old process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rsplit(")", 1)[1].split()
    return None if fields[0] == "Z" else fields[19]


def end_orphans(pids: Path, tell: Callable[[str], None]) -> None:
    """End what an earlier supervisor left running in this folder: asked first, killed after STOPPED_WITHIN_S."""
    for file in sorted(pids.glob("*")):
        try:
            note = json.loads(file.read_text())
            pid, start, stop_signal = int(note["pid"]), note["born"], int(note["signal"])
        except (ValueError, KeyError, TypeError):
            file.unlink()
            continue
        if start is not None and born(pid) == start:
            tell(f"{file.name} of an earlier start still runs (process {pid}): ending it.")
            _end(pid, start, stop_signal)
        file.unlink()


def _end(pid: int, start: str, stop_signal: int) -> None:
    for number, seconds in ((stop_signal, STOPPED_WITHIN_S), (signal.SIGKILL, 5.0)):
        try:
            os.kill(pid, number)
            os.kill(pid, signal.SIGCONT)  # somebody may have frozen it
        except ProcessLookupError:
            return
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if born(pid) != start:
                return
            time.sleep(0.05)
    raise CannotRun(f"Process {pid} of an earlier start does not end.")


def tail(log: Path, lines: int = 8) -> str:
    """The last lines of a log, indented."""
    try:
        text = log.read_bytes()[-8000:].decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join("    " + line for line in text.splitlines()[-lines:])
