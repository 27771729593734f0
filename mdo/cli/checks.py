"""`mdo check` and `mdo test`: every check of the sources and every test, each step with its time, all failures told at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mdo.cli.bootstrap import FRONTEND, node_environment
from mdo.cli.home import CannotRun, Home
from mdo.cli.stack import Stack
from mdo.cli.steps import Steps
from mdo.environment import BASE_DIR

SOURCES = ("mdo", "cases", "meetings", "tests", "manage.py")
PYTHON_BIN = Path(sys.executable).parent


@dataclass
class Run:
    """The steps of one run, what failed, and how many tests passed and failed."""

    environment: Mapping[str, str]
    reports: Path
    failed: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def step(self, name: str, command: Sequence[str], *, cwd: Path = BASE_DIR, quiet: bool = True) -> bool:
        """Run one program; its output is shown when it fails, or at once when not `quiet`."""
        start = time.monotonic()
        if not quiet:
            print(f"\n── {name}", flush=True)
        result = subprocess.run(
            list(command),
            cwd=cwd,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
            text=True,
            errors="replace",
            check=False,
        )
        good = result.returncode == 0
        said = f"{'ok    ' if good else 'FAILED'} {name:<48} {time.monotonic() - start:6.1f} s\n"
        if not good:
            self.failed.append(name)
            if quiet:
                said += f"{result.stdout}\n"
        print(said, end="", flush=True)  # in one piece: others may run beside it
        return good

    def pytest(self, name: str, *arguments: str) -> bool:
        """One run of pytest, counted."""
        report = self.reports / f"{len(list(self.reports.glob('*.xml')))}.xml"
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *arguments]
        return self.step(name, command, quiet=False)

    def close(self) -> int:
        """Say how it went, in a last line that machines read too; the exit code."""
        passed = failed = 0
        for report in self.reports.glob("*.xml"):
            for suite in ElementTree.parse(report).getroot().iter("testsuite"):  # noqa: S314 (our own file)
                bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
                skipped = int(suite.get("skipped", 0))
                if skipped:
                    self.failed.append(f"{skipped} skipped tests (none may be)")
                failed += bad
                passed += int(suite.get("tests", 0)) - bad - skipped
        print(f"\n{time.monotonic() - self.started:.0f} s in all.")
        if self.failed:
            print("Failed: " + "; ".join(self.failed))
        print(f"{passed} passed, {failed} failed", flush=True)
        return 1 if self.failed or failed else 0


def tool(name: str) -> str:
    """A program of `.venv`."""
    return str(PYTHON_BIN / name)


def beside(*parts: Callable[[], object]) -> None:
    """Run parts at the same time, each in a thread of its own, until the last one is done; raises what one of them raised."""
    with ThreadPoolExecutor(len(parts)) as pool:
        for part in [pool.submit(each) for each in parts]:
            part.result()


def form(run: Run) -> None:
    """Form, lint, import contracts, missing migrations and unsafe ones."""
    run.step("ruff format", [tool("ruff"), "format", "--check", *SOURCES])
    run.step("ruff check", [tool("ruff"), "check", *SOURCES])
    run.step("import contracts", [tool("lint-imports"), "--no-cache"])
    run.step("missing migrations", [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"])
    run.step("migrations beside a running site", [sys.executable, "-m", "mdo", "check-migrations"])


def types(run: Run) -> None:
    run.step("mypy", [tool("mypy")])


def template(run: Run) -> None:
    """The migrated database that the tests copy, so that none of them waits for it."""
    run.step("a migrated database for the tests", [sys.executable, "-m", "tests.database"])


def front_end(run: Run) -> None:
    """Types and unit tests of the front end."""
    environment = node_environment(Steps())
    npm = shutil.which("npm", path=environment["PATH"]) or "npm"
    mine = Run({**run.environment, "PATH": environment["PATH"]}, run.reports, run.failed)
    mine.step("svelte-check", [npm, "run", "--silent", "check"], cwd=FRONTEND)
    # A busy machine is no fault of a test: more time than a person at a keyboard would want to wait.
    vitest = [npm, "run", "--silent", "test", "--", "--testTimeout=60000", "--reporter=default", "--reporter=junit"]
    mine.step("vitest", [*vitest, f"--outputFile.junit={run.reports / 'vitest.xml'}"], cwd=FRONTEND)


@dataclass(frozen=True)
class Needed:
    """A program of the system that tests run, the package that has it, and the service that the package would start."""

    name: str
    wish: str
    package: str
    programs: tuple[str, ...]
    service: str = ""

    def find(self) -> str | None:
        return next(filter(None, map(shutil.which, self.programs)), None)


NEEDED = (
    Needed(
        "Chromium",
        "The browser journeys need Chromium. Install it: apt-get install chromium (or your system's package).",
        "chromium",
        ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    ),
    Needed(
        "coturn",
        "The tests of the relay need coturn. Install it: apt-get install coturn (or your system's package).",
        "coturn",
        ("turnserver",),
        "coturn",
    ),
    Needed(
        "PgBouncer",
        "The tests of pooled connections need PgBouncer. Install it: apt-get install pgbouncer (or your system's package).",
        "pgbouncer",
        ("pgbouncer",),
        "pgbouncer",
    ),
    Needed(
        "Caddy",
        "The tests of the production profile need Caddy. Install it: apt-get install caddy (or your system's package).",
        "caddy",
        ("caddy",),
        "caddy",
    ),
    Needed(
        "ClamAV",
        "The tests of the virus scanner need ClamAV. Install it: apt-get install clamav-daemon (or your system's package).",
        "clamav-daemon",
        ("clamd",),
        "clamav-daemon.socket",
    ),
)


def provide(needed: Needed) -> None:
    """Install it with apt where the caller may, announced; else raises CannotRun and says what to install."""
    if needed.find():
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise CannotRun(needed.wish)
    print(
        f"{needed.name} is missing: installing the package '{needed.package}' with apt-get, which stays on this machine.",
        flush=True,
    )
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", needed.package]
    for command in (["apt-get", "update"], install):
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if result.returncode:
            raise CannotRun(f"{' '.join(command)} failed:\n{(result.stdout + result.stderr)[-2000:]}\n{needed.wish}")
    if needed.service and shutil.which("systemctl"):
        # Tests start their own; nobody asked for one that listens from now on. Without systemd this says no, which is as well.
        stop = ["systemctl", "disable", "--now", needed.service]
        subprocess.run(stop, env=environment, capture_output=True, check=False)
    if not needed.find():
        raise CannotRun(needed.wish)


def run_checks(*, everything: bool) -> int:
    """`make check` (the fast part) or, with `everything`, `make test`. Servers of its own, gone afterwards."""
    if everything:
        for needed in NEEDED:
            provide(needed)
    folder = Path(tempfile.mkdtemp(prefix="mdo-test-"))
    folder.chmod(0o711)
    try:
        with Stack(Home(folder / "var"), tell=print, may_create_databases=True) as stack:
            return _run(folder, stack, everything=everything)
    finally:
        place = Home(folder / "var")
        if place.path.exists():
            place.remove()
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, stack: Stack, *, everything: bool) -> int:
    settings = {"MDO_MODE": "demo", "EMAIL_URL": "smtp://127.0.0.1:2525", **stack.environment}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MDO_")}
    reports = folder / "reports"
    reports.mkdir()
    run = Run({**inherited, **settings, "PYTHONDONTWRITEBYTECODE": ""}, reports)
    # Types keep one processor busy; whatever else needs no test runs on another one meanwhile.
    if not everything:
        beside(partial(types, run), partial(form, run))
        run.pytest("tests (no browser, no processes)", "-n2", "-m", "not slow and not journey", "tests")
        return run.close()
    beside(partial(types, run), partial(form, run), partial(front_end, run), partial(template, run))
    run.pytest("tests", "-n2", "-m", "not journey", "--cov", "--cov-report=", "tests")
    run.step(
        "branch coverage of the door and of access",
        [tool("coverage"), "report", "--fail-under=100", "--include=mdo/kernel/*,*/access.py"],
    )
    # A journey that hangs ends its process (pyproject.toml) and is begun once more, for what it says then; it has failed all the same.
    by_file = ("-n2", "--dist", "loadfile", "--max-worker-restart=2")
    run.pytest("journeys in Chromium", *by_file, "-m", "journey and not crowd", "tests/journeys")
    run.pytest("journeys of many browsers", "-m", "journey and crowd", "tests/journeys")
    return run.close()


def rewrite_sources() -> int:
    """`make format`."""
    subprocess.run([tool("ruff"), "check", "--fix-only", "--quiet", *SOURCES], cwd=BASE_DIR, check=False)
    return subprocess.run([tool("ruff"), "format", *SOURCES], cwd=BASE_DIR, check=False).returncode


def collect_messages() -> int:
    """`make messages`: the sentences of templates, Python and TypeScript into locale/*.po, and how many Dutch still lacks."""
    from mdo.cli import sentences

    total = sentences.update()
    missing = 0
    for domain in sentences.DOMAINS:
        known = sentences.read_catalogue(sentences.catalogue_path("nl", domain), "nl")
        missing += sum(
            not all(words) if isinstance(words := message.string, tuple) else not words for message in known.values()
        )
    print(f"{total} sentences; {missing} without Dutch.")
    return 0
