"""Installing from a bundle: real pip, a package made here, and a registry that nobody answers at."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mdo.cli import bundle
from mdo.cli.home import CannotRun
from mdo.environment import BASE_DIR
from tests.offline.__main__ import alone

WHEEL = "kleinood-1.0-py3-none-any.whl"


def wheel(folder: Path) -> Path:
    """The smallest package there is."""
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / WHEEL, "w") as file:
        file.writestr("kleinood.py", "WORTH = 1\n")
        file.writestr("kleinood-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: kleinood\nVersion: 1.0\n")
        file.writestr("kleinood-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")  # fmt: skip
        file.writestr("kleinood-1.0.dist-info/RECORD", "")
    return folder / WHEEL


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """As much of a bundle as installing looks at, with one package in it."""
    root = tmp_path / "unpacked"
    for name in ("bootstrap.py", "programs.py", "steps.py", "__init__.py"):
        (root / "mdo" / "cli").mkdir(parents=True, exist_ok=True)
        shutil.copy(BASE_DIR / "mdo" / "cli" / name, root / "mdo" / "cli" / name)
    shutil.copy(BASE_DIR / "mdo" / "__init__.py", root / "mdo" / "__init__.py")
    digest = hashlib.sha256(wheel(root / "wheels").read_bytes()).hexdigest()
    (root / "requirements").mkdir()
    for name in ("runtime.txt", "servers.txt", "dev.txt"):
        (root / "requirements" / name).write_text(
            f"kleinood==1.0 --hash=sha256:{digest}\n" if name == "runtime.txt" else ""
        )
    return root


def install(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mdo.cli.bootstrap", "install"]
    environment = alone(root) | {"DATABASE_URL": "postgresql:///x", "REDIS_URL": "redis://x"}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def test_packages_come_from_the_bundle_alone(unpacked: Path) -> None:
    done = install(unpacked)
    assert "kleinood" not in done.stderr, done.stderr
    asked = [str(unpacked / ".venv/bin/python"), "-c", "import kleinood; print(kleinood.WORTH)"]
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "1\n"
    assert "node" not in done.stdout.lower()
    # A file that somebody changed is refused by the lock's hash.
    shutil.rmtree(unpacked / ".venv")
    with (unpacked / "wheels" / WHEEL).open("ab") as file:
        file.write(b"more")
    done = install(unpacked)
    assert done.returncode == 1
    assert "HASHES" in done.stderr


def test_without_the_bundle_there_is_nobody_to_ask(unpacked: Path) -> None:
    """The control: the registry is out of reach."""
    shutil.rmtree(unpacked / "wheels")
    done = install(unpacked)
    assert done.returncode == 1
    assert "kleinood" in done.stderr


def test_a_bundle_holds_sources_front_end_and_sums(tmp_path: Path) -> None:
    archive = bundle.make(tmp_path, locks=())
    subprocess.run(["sha256sum", "--check", f"{archive.name}.sha256"], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "out").mkdir()
    # As docs/administrators/offline.md says.
    subprocess.run(["tar", "-xzf", str(archive)], cwd=tmp_path / "out", check=True)
    root = tmp_path / "out" / bundle.name()
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=root, check=True, capture_output=True)
    for name in ("Makefile", "manage.py", "requirements/runtime.txt", "frontend/dist/manifest.json"):
        assert (root / name).is_file(), name
    assert not (root / "var").exists()
    assert not (root / "frontend" / "node_modules").exists()
    (root / "Makefile").write_text("changed")
    changed = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=root, check=False, capture_output=True)  # fmt: skip
    assert changed.returncode == 1


def test_a_package_that_cannot_be_fetched_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "runtime.txt"
    lock.write_text(f"kleinood==1.0 --hash=sha256:{'0' * 64}\n")
    for name, value in alone(tmp_path).items():
        if name.startswith("PIP_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(CannotRun, match=r"runtime\.txt could not be fetched"):
        bundle.fetch(lock, tmp_path / "wheels")
    assert not list(tmp_path.rglob("*.whl"))
