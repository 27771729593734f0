"""`mdo up` and `mdo run`: everything of one installation on one machine, started in order, watched, restarted, ended together."""

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

from mdo import environment, redis_servers
from mdo.cli import static
from mdo.cli.beside import beside_program
from mdo.cli.bootstrap import Missing, check_port
from mdo.cli.environment import SUPERVISED
from mdo.cli.home import CannotRun, Home, write_private
from mdo.cli.process import Child, Program, tail
from mdo.cli.processes import DEMO, OWNERS, SECRETS, Process, numbered, started
from mdo.cli.proxy import Proxy
from mdo.cli.relay import MISSING, Relay, system_coturn
from mdo.cli.stack import Stack
from mdo.cli.steps import Steps, fingerprint
from mdo.environment import BASE_DIR

READY_WITHIN_S = 90
LONGEST_PAUSE_S = 10.0
NEEDED = ("web", "worker", "beat", "proxy")
"""Without one of these nothing was started; the others are started again until they stay."""
AS_ROOT = "Started by root: web and worker run as root too. Better a user of its own: docs/install.md"


@dataclass
class Watched:
    """A child with what is needed to start it again."""

    child: Child
    pause_s: float = 0.0
    due: float | None = None


class Supervisor:
    """Starts what the table of processes (mdo/cli/processes.py) names for a profile; returns an exit code when asked to stop.

    ``beside`` are the programs of others that are started too.
    """

    def __init__(self, path: Path, profile: str = DEMO, beside: frozenset[str] = frozenset()) -> None:
        self.home = Home(path)
        self.profile = profile
        self.beside = beside
        self.demo = profile == DEMO
        self.steps = Steps()
        self.started = float(os.environ.pop("MDO_STARTED", time.time()))
        self.stop = Event()
        self.watched: dict[str, Watched] = {}
        self.relay: Relay | None = None
        self.proxy: Proxy | None = None

    def run(self) -> int:
        """Until Ctrl-C, SIGTERM or SIGHUP; raises CannotRun or SettingsRefused when it cannot start."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stop.set())
        self.home.prepare()
        stack = self._plan()
        self.settings = environment.parse(self._all(stack))
        if self.settings.demo != self.demo:
            raise CannotRun(f"MDO_MODE: the profile {self.profile!r} does not run in this mode.")
        if not self.demo:
            webs = [f"{_reached(self.settings.host)}:{port}" for port in self._web_ports()]
            self.proxy = Proxy(self.home, self.settings, webs, _free_port())
        self._check_ports()
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
            postgres=not _told("DATABASE_URL"),
            valkey=not _told("REDIS_URL"),
        )

    def _all(self, stack: Stack) -> dict[str, str]:
        """The caller's settings over those of this copy."""
        own = {"MDO_MODE": self.profile, **stack.plan()}
        self.mail_port = 0
        if not self.demo:
            own["MDO_PROXY"] = "1"
        elif os.environ.get("MDO_MODE", DEMO) == DEMO:
            if not _told("EMAIL_URL"):
                self.mail_port = _free_port()
                own["EMAIL_URL"] = f"smtp://127.0.0.1:{self.mail_port}"
            if not _told("MDO_TURN") and system_coturn():
                self.relay = Relay(self.home, _free_port())
                own |= self.relay.settings()
        if _told("DATABASE_URL"):
            own.pop("DATABASE_OWNER_URL", None)
        self.variables = {name: value for name, value in own.items() if not _told(name)} | dict(os.environ)
        return self.variables

    def _web_ports(self) -> list[int]:
        return [self.settings.port + number for number in range(1 if self.demo else self.settings.web_processes)]

    def _check_ports(self) -> None:
        wanted = [(self.settings.host, port) for port in self._web_ports()]
        if self.proxy:
            wanted += [(self.settings.proxy_host, port) for port in self.proxy.ports]
        try:
            for host, port in wanted:
                check_port(host, str(port))
        except Missing as error:
            raise CannotRun(str(error)) from None

    # --- start -------------------------------------------------------------------------------------------------------------------

    def _start(self, stack: Stack) -> None:
        known = [given for name in environment.names() for given in (name, f"{name}_FILE")]
        settings = {name: self.variables[name] for name in known if name in self.variables}
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
        self.steps.run("Web and worker" if self.demo else "Web, worker, clock and proxy", self._wait_until_ready)
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

    def _mdo(self, *arguments: str) -> None:
        """Run one of the own commands to its end; raises CannotRun with its last words."""
        result = subprocess.run(
            [sys.executable, "-m", "mdo", *arguments],
            env=self._environment(*OWNERS),
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

    def _environment(self, *knows: str) -> dict[str, str]:
        """Only what prepares the tables knows the owner's password, only what keeps backups the key to them and its role's password."""
        told = {
            name: value
            for name, value in self.variables.items()
            if name.removesuffix("_FILE") in knows or name.removesuffix("_FILE") not in SECRETS
        }
        return told | {SUPERVISED: "1"}

    def _programs(self) -> list[Program]:
        """One for each process of the table, but for the servers, which the stack starts, and what ends by itself."""
        programs = []
        for process in started(self.profile, self.settings, self.beside):
            if process.command and not process.once:
                programs += self._own(process)
            elif process.name == "proxy" and self.proxy:
                programs.append(self.proxy.program())
            elif process.beside:
                programs.append(beside_program(process.name, self.home, self.settings, self.variables))
        if self.relay:
            programs.append(self.relay.program())
        return programs

    def _own(self, process: Process) -> list[Program]:
        """The processes of one kind that are `mdo …`; several of them listen on ports behind each other."""
        if process.name == "smtp" and not self.mail_port:
            return []
        arguments = list(process.command)
        if process.name == "smtp":
            arguments += [f"--port={self.mail_port}", f"--mailbox={self.home.path / 'mailbox'}"]
        made = []
        for number, name in enumerate(numbered(process, self.settings)):
            variables = self._environment(*process.alone)
            if "MDO_PORT" in process.ports:
                variables["MDO_PORT"] = str(self.settings.port + number)
            command = [sys.executable, "-m", "mdo", *arguments]
            made.append(Program(name, command, variables, self.home.path / "log" / f"{name}.log", cwd=str(BASE_DIR)))
        return made

    def _forget_heartbeat(self) -> None:
        """Redis kept the last one of the previous run: ready is what works now."""
        try:
            with redis_servers.client(self.settings.redis_url, socket_timeout=5) as connection:
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
            state = self._state()
            if state is True:
                return
            for name, watched in self.watched.items():
                code = watched.child.exit_code()
                if code is not None and name.split("-")[0] in NEEDED:
                    log = watched.child.program.log
                    raise CannotRun(f"{name} ended at once ({_ending(code)}). Its last words ({log}):\n{tail(log, 20)}")
            if time.monotonic() > deadline:
                raise CannotRun(f"Not ready after {READY_WITHIN_S} s: {state}\nLogs: {self.home.path / 'log'}")

    def _state(self) -> bool | str:
        """True when every web process, worker and clock, and the proxy do what they are for; else what one of them said."""
        first, *others = self._web_ports()
        host = _reached(self.settings.host)
        state = ready(f"http://{host}:{first}")
        for port in others:
            if state is True:
                state = ready(f"http://{host}:{port}", "/readyz/web")
        if state is True and self.proxy:
            state = self.proxy.answers()
        return state

    @property
    def url(self) -> str:
        """Where people find it."""
        if self.proxy:
            return self.settings.origin_list[0]
        return f"http://{_reached(self.settings.host)}:{self.settings.port}"

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
        if self.proxy and self.proxy.authority:
            say(
                f"Its certificate is by an authority of its own, which browsers have to be told of: {self.proxy.authority}"
            )
        if self.proxy and self.home.account:
            say(AS_ROOT)
        anew = " ('make reset' begins anew)" if self.demo else ""
        say(f"Logs: {self.home.path / 'log'}. Ctrl-C ends everything; what you did stays{anew}.")

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
                    self._start_again(name, watched, stack)

    def _start_again(self, name: str, watched: Watched, stack: Stack) -> None:
        """What stands in its way now (a certificate that is just being exchanged, say) must not end the others: tried again later."""
        try:
            watched.child = Child.start(watched.child.program, self.home.path / "pids")
        except CannotRun as error:
            watched.due = time.monotonic() + LONGEST_PAUSE_S
            self.steps.say(f"{name} could not be started: {error} Trying again in {LONGEST_PAUSE_S:.0f} s.")
            return
        watched.due = None
        if name in stack.children:
            stack.children[name] = watched.child

    def _end(self, stack: Stack) -> None:
        """Web, worker and mailbox together, then the servers they lean on."""
        if self.watched or stack.children:
            self.steps.say("\nEnding …")
        mine = [watched.child for name, watched in self.watched.items() if name not in stack.children]
        # The proxy last: what rooms say to their people as they close goes through it.
        for round_ in (False, True):
            ending = [child for child in mine if (child.program.name == "proxy") is round_]
            for child in ending:
                child.ask_to_stop()
            for child in ending:
                if not child.wait_or_kill():
                    self.steps.say(f"{child.program.name} did not end by itself and was killed.")
        stack.stop()


def ready(url: str, path: str = "/readyz") -> bool | str:
    """True when `/readyz` says so, or the part of it that ``path`` names; else what it said."""
    # Never through a proxy of the caller's environment.
    opener: Callable[..., object] = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    try:
        opener(f"{url}{path}", timeout=5)
        return True
    except urllib.error.HTTPError as error:
        return error.read().decode("utf-8", "replace")[:1000]
    except OSError as error:
        return str(error)


def _told(name: str) -> bool:
    """Did the caller name this variable, by itself or as a file?"""
    return name in os.environ or f"{name}_FILE" in os.environ


def _reached(host: str) -> str:
    """An address to listen on as one to reach it at, in brackets where it is of IPv6."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"[{here}]" if ":" in here else here


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
