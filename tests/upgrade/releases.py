"""The release before, laid out with an environment of its own; and this one, as it lies here, with migrations to rehearse.

What is made for the release before is kept in `var/upgrade/` by its contents, so that the next run need not make it again.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from mdo.cli import release
from mdo.cli.bootstrap import node_environment
from mdo.cli.steps import Steps, fingerprint
from mdo.environment import BASE_DIR

KEPT = BASE_DIR / "var" / "upgrade"


@dataclass(frozen=True)
class Tree:
    """Sources that can run, and the Python with their requirements."""

    name: str
    folder: Path
    python: str


def git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=BASE_DIR, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"git {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def before(target: Path) -> Tree:
    """The release that `deploy/released.yaml` names, laid out in ``target``; a sentence and the end where this clone does not have it."""
    name = release.previous().name
    known = subprocess.run(
        ["git", "cat-file", "-e", f"{name}^{{commit}}"], cwd=BASE_DIR, capture_output=True, check=False
    )
    if known.returncode:
        raise SystemExit(
            f"The release before this one ({name}, deploy/released.yaml) is not in this clone. A shallow clone lacks it: git fetch --unshallow --tags."
            " Sources without git have no release before."
        )
    target.mkdir(parents=True)
    subprocess.run(["tar", "-x", "-C", str(target)], input=git("archive", name), check=True)
    python = environment(target / "requirements" / "runtime.txt")
    build(target)
    ready(target, python)
    return Tree(name, target, python)


def environment(lock: Path) -> str:
    """A Python with exactly what a lock names."""
    folder = KEPT / f"python-{fingerprint([lock], sys.version)[:12]}"
    python = folder / "bin" / "python"
    if not (folder / "whole").is_file():
        print(f"  installing the requirements of the release before into {folder.name}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        venv.EnvBuilder(with_pip=True, symlinks=True).create(folder)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        subprocess.run([*install, "--require-hashes", "--no-deps", "--only-binary=:all:", "-r", str(lock)], check=True)
        (folder / "whole").touch()
    return str(python)


def build(folder: Path) -> None:
    """Its front end. Where the sources are those of this release it is the same one."""
    sources = [
        folder / "frontend" / name for name in ("src", "css", "package.json", "package-lock.json", "vite.config.ts")
    ]
    mark = fingerprint(sources)
    here = [BASE_DIR / each.relative_to(folder) for each in sources]
    kept = KEPT / f"dist-{mark[:12]}"
    if not kept.is_dir():
        if mark == fingerprint(here):
            shutil.copytree(BASE_DIR / "frontend" / "dist", kept)
        else:
            print(f"  building the front end of the release before into {kept.name}", flush=True)
            variables = node_environment(Steps())
            modules = folder / "frontend" / "node_modules"
            if fingerprint([sources[3]]) == fingerprint([here[3]]):
                modules.symlink_to((BASE_DIR / "frontend" / "node_modules").resolve())
            else:
                install = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
                subprocess.run(install, cwd=folder / "frontend", env=variables, check=True, capture_output=True)
            subprocess.run(
                ["npm", "run", "build"], cwd=folder / "frontend", env=variables, check=True, capture_output=True
            )
            shutil.copytree(folder / "frontend" / "dist", kept)
    shutil.rmtree(folder / "frontend" / "dist", ignore_errors=True)
    shutil.copytree(kept, folder / "frontend" / "dist")


def ready(folder: Path, python: str) -> None:
    """Translations and static files."""
    done = subprocess.run(
        [python, "-m", "mdo", "static"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"mdo static failed in {folder}:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")


def this(target: Path, rehearsed: dict[str, str]) -> Tree:
    """This release with changes that are not committed, and with migrations of `meetings` that run these statements, each in one of its own:
    so that there is something to migrate even where the release before has it all."""
    for name in git("ls-files", "-z").decode().rstrip("\0").split("\0"):
        if (BASE_DIR / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(BASE_DIR / name, target / name)
    shutil.copytree(BASE_DIR / "frontend" / "dist", target / "frontend" / "dist", dirs_exist_ok=True)
    migrations = target / "meetings" / "migrations"
    last = max(path.stem for path in migrations.glob("0*.py"))
    for name, statement in rehearsed.items():
        atomic = "CONCURRENTLY" not in statement
        (migrations / f"{name}.py").write_text(
            "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
            f"    atomic = {atomic}\n    dependencies = [('meetings', '{last}')]\n    operations = [migrations.RunSQL({statement!r})]\n",
            encoding="utf-8",
        )
        last = name
    ready(target, sys.executable)
    return Tree("this", target, sys.executable)
