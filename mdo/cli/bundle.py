"""`mdo bundle`: one archive with which a machine without any way out installs: sources, the built front end, translations, and every Python
package as a wheel for this kind of machine, by the hashes of the locks. `make install` in the unpacked folder needs make and Python, nothing else.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mdo.cli.bootstrap import RUNTIME
from mdo.cli.home import CannotRun
from mdo.environment import BASE_DIR

SUMS = "SHA256SUMS"


def name() -> str:
    """`mdo-0.1.0-cp311-linux_x86_64`: release, Python and machine that it is for."""
    version = re.search(r'^version = "(.+)"', (BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert version is not None
    machine = re.sub(r"\W", "_", sysconfig.get_platform())
    return f"mdo-{version[1]}-cp{sys.version_info.major}{sys.version_info.minor}-{machine}"


def make(folder: Path, locks: Sequence[str] = RUNTIME) -> Path:
    """The archive in ``folder``, with its checksum beside it. Raises CannotRun."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mdo-bundle-") as scratch:
        root = Path(scratch) / name()
        lay_out(root)
        for lock in locks:
            fetch(root / "requirements" / lock, root / "wheels")
        sums = "".join(
            f"{digest(file)}  {file.relative_to(root)}\n" for file in sorted(root.rglob("*")) if file.is_file()
        )
        (root / SUMS).write_text(sums, encoding="utf-8")
        archive = folder / f"{root.name}.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:  # wheels are packed already
            tar.add(root, root.name)
    archive.with_name(f"{archive.name}.sha256").write_text(f"{digest(archive)}  {archive.name}\n", encoding="utf-8")
    return archive


def lay_out(root: Path) -> None:
    """What git knows, as it lies here, and what was built from it. Raises CannotRun."""
    known = subprocess.run(["git", "ls-files", "-z"], cwd=BASE_DIR, capture_output=True, text=True, check=False)
    if known.returncode:
        raise CannotRun("A bundle is made in a clone of git, which says which files belong to it.")
    built = BASE_DIR / "frontend" / "dist"
    if not (built / "manifest.json").is_file():
        raise CannotRun("The front end is not built: make install")
    names = [each for each in known.stdout.split("\0") if each]
    names += [str(file.relative_to(BASE_DIR)) for file in (BASE_DIR / "locale").rglob("*.mo")]
    for each in names:
        if (BASE_DIR / each).is_file():
            (root / each).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(BASE_DIR / each, root / each)
    shutil.copytree(built, root / "frontend" / "dist")


def fetch(lock: Path, wheels: Path) -> None:
    """Every package of a lock as a wheel for this machine; each file's hash is checked. Raises CannotRun."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += [
        "--require-hashes",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        str(wheels),
        "--requirement",
        str(lock),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotRun(f"The packages of {lock.name} could not be fetched:\n{(done.stdout + done.stderr)[-2000:]}")


def digest(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
