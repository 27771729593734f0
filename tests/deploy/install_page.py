"""docs/install.md, followed literally: its blocks as one script, in a clean folder. `make test-install` runs every one of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mdo.environment import BASE_DIR, names
from tests.ports import free_port, free_ports

PAGE = BASE_DIR / "docs" / "install.md"
BUILD = "make build"
LAUNCHER = '#!/bin/sh\nexec "{python}" -m mdo "$@"\n'


def blocks(kind: str = "sh") -> list[str]:
    """The page's blocks: `sh` are followed, `shell` are said to be by hand."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def clean_copy(folder: Path) -> Path:
    """The sources as somebody unpacks them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=BASE_DIR, capture_output=True, text=True, check=True
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (BASE_DIR / name).is_file() and not name.startswith("tests/"):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(BASE_DIR / name, target)
    return folder


def lend(folder: Path) -> None:
    """What `make build` would make, from this clone: the installed packages, the built pages, the translations, the static files."""
    launcher = folder / ".venv" / "bin" / "mdo"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(LAUNCHER.format(python=sys.executable))
    launcher.chmod(0o755)
    (launcher.parent / "python").symlink_to(sys.executable)
    shutil.copytree(BASE_DIR / "frontend" / "dist", folder / "frontend" / "dist")
    for catalogue in (BASE_DIR / "locale").rglob("*.mo"):
        shutil.copy(catalogue, folder / catalogue.relative_to(BASE_DIR))
    subprocess.run([str(launcher), "static"], cwd=folder, check=True)


def started_without_writing(said: str) -> bool:
    """Whether the first start found what `make build` made, and so wrote nothing into the program's folder, where its user may not."""
    return re.search(r"^ +Static files +unchanged$", said, re.MULTILINE) is not None


def follow(folder: Path, *, build: bool, **more: str) -> subprocess.CompletedProcess[str]:
    """The script of all blocks, run in ``folder``; without ``build`` what that makes is lent, which is quick. ``more`` are variables that somebody
    set before."""
    chosen = [block for block in blocks() if build or block.strip() != BUILD]
    # Where a block fails, what was started must not live on.
    ends = """trap 'status=$?; kill $(jobs -p) 2>/dev/null || true; wait; exit $status' EXIT\n"""
    script = "set -eu\n" + ends + "\n".join(f"echo '--- {number}'\n{block}" for number, block in enumerate(chosen, 1))
    kept = {name: value for name, value in os.environ.items() if name not in names() and not name.startswith("MDO_")}
    mine = {
        "SITE": f"https://localhost:{free_port()}",
        "MDO_VAR": str(folder.parent / "srv"),
        "MDO_PORT": str(free_ports(2)),
        "MDO_PROXY_HOST": "127.0.0.1",
    }
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env={**kept, **mine, **more}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False, timeout=1500,
    )  # fmt: skip


def main() -> int:
    """Every block, in a folder that holds nothing but the sources. 0 when all of them went well."""
    base = Path(tempfile.mkdtemp(prefix="mdo-install-"))
    base.chmod(0o711)
    try:
        folder = base / "mdo"
        clean_copy(folder)
        result = follow(folder, build=True)
    finally:
        _remove(base)
    print(result.stdout)
    if result.returncode == 0 and not started_without_writing(result.stdout):
        print("The first start made static files anew: 'make build' left them out.")
        return 1
    print("ok" if result.returncode == 0 else f"FAILED ({result.returncode})")
    return result.returncode


def _remove(base: Path) -> None:
    from mdo.cli.home import Home

    if (base / "srv").exists():
        Home(base / "srv").remove()
    shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
