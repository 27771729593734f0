"""Where PostgreSQL's and Valkey's programs are: in their Python packages, or else in the system.

Standard library only: the bootstrap asks too, when the packages cannot be had for this machine.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

OLDEST_POSTGRES = 15
NEEDED = ("initdb", "postgres", "psql")


def package_folder(name: str) -> Path | None:
    """Where an installed package lies, without importing it."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


def postgres_major(folder: Path) -> int:
    """The major version of the PostgreSQL whose programs lie here; 0 when there is none that runs."""
    if not all((folder / name).is_file() for name in NEEDED):
        return 0
    try:
        said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else 0


def system_postgres(roots: tuple[Path, ...] = (Path("/usr/lib/postgresql"), Path("/usr"))) -> Path | None:
    """The folder of the newest PostgreSQL that the system has, 15 or later."""
    debian, other = roots
    folders = [*debian.glob("*/bin"), *other.glob("pgsql-*/bin")]
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    majors = {folder: postgres_major(folder) for folder in folders}
    fitting = [folder for folder, major in majors.items() if major >= OLDEST_POSTGRES]
    return max(fitting, key=lambda folder: majors[folder], default=None)


def system_redis() -> Path | None:
    """The system's Valkey or Redis server."""
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    return Path(found) if found else None
