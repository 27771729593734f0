"""`mdo up`: everything of one installation on one machine, started in order, watched, restarted, ended together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import redis

from mdo import environment
from mdo.cli import static
from mdo.cli.bootstrap import Missing, check_port
from mdo.cli.home import CannotRun, Home, write_private
from mdo.cli.process import Child, Program, tail
from mdo.cli.relay import MISSING, Relay, system_coturn
from mdo.cli.stack import Stack
from mdo.cli.steps import Steps, fingerprint
from mdo.environment import BASE_DIR

READY_WITHIN_S = 90
LONGEST_PAUSE_S = 10.0


@dataclass
class Watched:
    """A child with what is needed to start it again."""

    child: Child
    pause_s: float = 0.0
    due: float | None = None


class Supervisor:
    """Starts servers, web, worker, mailbox and relay; returns an exit code when asked to stop or when starting fails."""

    def __init__(self, path: Path) -> None:
        self.home = Home(path)
        self.steps = Steps()
        self.started = float(os.environ.pop("MDO_STARTED", time.time()))
        self.stop = Event()
        self.watched: dict[str, Watched] = {}
        self.relay: Relay | None = None

    def run(self) -> int:
        """Until Ctrl-C, SIGTERM or SIGHUP; raises CannotRun or SettingsRefused when it cannot start."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stop.set())
        self.home.prepare()
        stack = self._plan()
        self.settings = environment.parse(self._all(stack))
        self._check_port()
        try:
            self.steps.run("Database and Redis", stack.start)
            self._start(stack)
            if not self.stop.is_set():
                self._watch(stack)
        finally:
            self._end(stack)
        return 0

    # --- settings ----------------------------------------------------------------------------------------------------------------

    def _plan(self) -> Stack:
        """The own servers that are needed: none for what the caller's environment names."""
        return Stack(
            self.home,
            tell=self.steps.say,
            postgres="DATABASE_URL" not in os.environ,
            valkey="REDIS_URL" not in os.environ,
        )

    def _all(self, stack: Stack) -> dict[str, str]:
        """The caller's settings over those of this copy."""
        own = {"MDO_MODE": "demo", **stack.plan()}
        if os.environ.get("MDO_MODE", "demo") == "demo" and "EMAIL_URL" not in os.environ:
            self.mail_port = _free_port()
            own["EMAIL_URL"] = f"smtp://127.0.0.1:{self.mail_port}"
        else:
            self.mail_port = 0
        if os.environ.get("MDO_MODE", "demo") == "demo" and "MDO_TURN" not in os.environ and system_coturn():
            self.relay = Relay(self.home, _free_port())
            own |= self.relay.settings()
        if "DATABASE_URL" in os.environ:
            own.pop("DATABASE_OWNER_URL", None)
        self.variables = own | dict(os.environ)
        return self.variables

    def _check_port(self) -> None:
        os.environ["MDO_HOST"], os.environ["MDO_PORT"] = self.settings.host, str(self.settings.port)
        try:
            check_port()
        except Missing as error:
            raise CannotRun(str(error)) from None

    # --- start -------------------------------------------------------------------------------------------------------------------

    def _start(self, stack: Stack) -> None:
        settings = {name: self.variables[name] for name in environment.names() if name in self.variables}
        # For `mdo manage` in another terminal.
        write_private(self.home.path / "env", "".join(f"{name}={value}\n" for name, value in settings.items()))
        stamps = self.home.path / "stamps"
        self.steps.run("Tables", lambda: self._mdo("prepare"), *self._stamp(stack, stamps))
        self.steps.run("Static files", lambda: self._mdo("static"), static.STAMP, static.mark())
        if self.settings.demo:
            self.steps.run(
                "Demonstration network",
                lambda: self._mdo("demo"),
                stamps / "demo" if stack.wanted[0] else None,
                "loaded",
            )
        self._forget_heartbeat()
        self._launch(self._programs())
        self.steps.run("Web and worker", self._wait_until_ready)
        if not self.stop.is_set():
            self._greet()

    def _stamp(self, stack: Stack, stamps: Path) -> tuple[Path | None, str]:
        """Migrations are left out only for the own database, whose history is known here."""
        if not stack.wanted[0]:
            return None, ""
        files: list[Path] = [BASE_DIR / "requirements" / "runtime.txt", BASE_DIR / "mdo" / "settings.py"]
        for folder in ("mdo", "cases", "meetings"):
            files += sorted((BASE_DIR / folder).rglob("migrations/*.py")) + sorted((BASE_DIR / folder).rglob("*.sql"))
        return stamps / "tables", fingerprint(files)

    def _mdo(self, *arguments: str, owner: bool = True) -> None:
        """Run one of the own commands to its end; raises CannotRun with its last words."""
        result = subprocess.run(
            [sys.executable, "-m", "mdo", *arguments],
            env=self._environment(owner=owner),
            cwd=BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            start_new_session=True,
        )
        if result.returncode:
            raise CannotRun(f"'mdo {' '.join(arguments)}' failed:\n{result.stdout[-3000:].strip()}")

    def _environment(self, *, owner: bool) -> dict[str, str]:
        """Only what prepares the tables knows the owner's password."""
        return {name: value for name, value in self.variables.items() if owner or name != "DATABASE_OWNER_URL"}

    def _programs(self) -> list[Program]:
        variables = self._environment(owner=False)

        def program(name: str, *arguments: str) -> Program:
            return Program(
                name,
                [sys.executable, "-m", "mdo", *arguments],
                variables,
                self.home.path / "log" / f"{name}.log",
                cwd=str(BASE_DIR),
            )

        programs = [program("web", "web"), program("worker", "worker", "--beat")]
        if self.settings.hl7:
            programs.append(program("hl7", "hl7"))
        if self.mail_port:
            programs.insert(
                0, program("smtp", "smtp", f"--port={self.mail_port}", f"--mailbox={self.home.path / 'mailbox'}")
            )
        if self.relay:
            programs.append(self.relay.program())
        return programs

    def _forget_heartbeat(self) -> None:
        """Redis kept the last one of the previous run: ready is what works now."""
        try:
            with redis.Redis.from_url(self.settings.redis_url, socket_timeout=5) as connection:
                connection.delete(self.settings.heartbeat_key)
        except redis.RedisError as error:
            raise CannotRun(f"Redis (REDIS_URL) does not answer: {error}") from None

    def _launch(self, programs: list[Program]) -> None:
        for program in programs:
            if not self.stop.is_set():
                self.watched[program.name] = Watched(Child.start(program, self.home.path / "pids"))

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while not self.stop.wait(0.1):
            state = ready(self.url)
            if state is True:
                return
            for name in ("web", "worker"):
                code = self.watched[name].child.exit_code()
                if code is not None:
                    log = self.watched[name].child.program.log
                    raise CannotRun(f"{name} ended at once ({_ending(code)}). Its last words ({log}):\n{tail(log, 20)}")
            if time.monotonic() > deadline:
                raise CannotRun(f"Not ready after {READY_WITHIN_S} s: {state}\nLogs: {self.home.path / 'log'}")

    @property
    def url(self) -> str:
        host = f"[{self.settings.host}]" if ":" in self.settings.host else self.settings.host
        return f"http://{host}:{self.settings.port}"

    def _greet(self) -> None:
        say = self.steps.say
        say(f"\nReady after {time.time() - self.started:.1f} s: {self.url}/")
        accounts = self.home.path / "accounts"
        if self.settings.demo and accounts.is_file():
            say("\n" + accounts.read_text(encoding="utf-8").rstrip())
        if self.mail_port:
            say(f"\nIts mail: {self.url}/mailbox/")
        if self.settings.demo and not self.settings.turn:
            say(MISSING)
        say(f"Logs: {self.home.path / 'log'}. Ctrl-C ends everything; what you did stays ('make reset' begins anew).")

    # --- watch and end -----------------------------------------------------------------------------------------------------------

    def _watch(self, stack: Stack) -> None:
        """Start again what dies: at once the first time, then after pauses that double up to 10 seconds."""
        for name, child in stack.children.items():
            self.watched[name] = Watched(child)
        while not self.stop.wait(0.25):
            for name, watched in self.watched.items():
                if watched.due is None:
                    code = watched.child.exit_code()
                    if code is None:
                        continue
                    lived = time.monotonic() - watched.child.started
                    watched.pause_s = 0.0 if lived > 30 else min(LONGEST_PAUSE_S, max(0.5, watched.pause_s * 2))
                    watched.due = time.monotonic() + watched.pause_s
                    later = f" in {watched.pause_s:.1f} s" if watched.pause_s else ""
                    self.steps.say(
                        f"{name} ended ({_ending(code)}); starting it again{later}. Log: {watched.child.program.log}"
                    )
                if time.monotonic() >= watched.due:
                    watched.due = None
                    watched.child = Child.start(watched.child.program, self.home.path / "pids")
                    if name in stack.children:
                        stack.children[name] = watched.child

    def _end(self, stack: Stack) -> None:
        """Web, worker and mailbox together, then the servers they lean on."""
        if self.watched or stack.children:
            self.steps.say("\nEnding …")
        mine = [watched.child for name, watched in self.watched.items() if name not in stack.children]
        for child in mine:
            child.ask_to_stop()
        for child in mine:
            if not child.wait_or_kill():
                self.steps.say(f"{child.program.name} did not end by itself and was killed.")
        stack.stop()


def ready(url: str) -> bool | str:
    """True when `/readyz` says so, else what it said."""
    # Never through a proxy of the caller's environment.
    opener: Callable[..., object] = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    try:
        opener(f"{url}/readyz", timeout=5)
        return True
    except urllib.error.HTTPError as error:
        return error.read().decode("utf-8", "replace")[:1000]
    except OSError as error:
        return str(error)


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
