"""`make livekit`: the LiveKit server that the tests run against, made by the Go toolchain of this machine. One release, pinned here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from mdo.environment import BASE_DIR

# From 1.13.6 on its module replaces others by forks, which `go install` refuses of a module that is not the main one.
RELEASE = "1.13.5"
PACKAGE = f"github.com/livekit/livekit-server/cmd/server@v{RELEASE}"
FOLDER = BASE_DIR / "var" / "livekit"
PROGRAM = FOLDER / f"livekit-server-{RELEASE}"
WITHIN_S = 1200


class Missing(Exception):
    """What stands in the way, in a sentence."""


def version_of(program: Path) -> str:
    """Such as `1.13.5`; empty when it is no LiveKit server."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.split()[-1] if said.startswith("livekit-server version ") else ""


def installed() -> Path:
    """The server; raises Missing with what to do."""
    if not PROGRAM.is_file():
        raise Missing("There is no LiveKit server here yet: make livekit")
    if version_of(PROGRAM) != RELEASE:
        raise Missing(f"{PROGRAM.name} does not say that it is {RELEASE}. Delete it, then: make livekit")
    return PROGRAM


def install() -> Path:
    """Make it, unless it is there. Raises Missing."""
    if PROGRAM.is_file() and version_of(PROGRAM) == RELEASE:
        return PROGRAM
    go = shutil.which("go")
    if go is None:
        raise Missing(
            f"LiveKit {RELEASE} is made by the Go toolchain, and this machine has none. Debian, Ubuntu: apt-get install golang-go"
            " (1.24 or later)."
        )
    FOLDER.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": str(FOLDER), "CGO_ENABLED": "0"}
    try:
        done = subprocess.run(
            [go, "install", PACKAGE],
            env=environment,
            cwd=FOLDER,
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN_S,
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"go install {PACKAGE} did not end within {WITHIN_S // 60} minutes.") from None
    if done.returncode:
        raise Missing(f"go install {PACKAGE} failed:\n{done.stderr[-2000:]}")
    (FOLDER / "server").rename(PROGRAM)
    return installed()


def main() -> int:
    try:
        print(f"LiveKit {RELEASE} lies in {install().relative_to(BASE_DIR)}.")
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
