"""What the tests of backups share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mdo.backup.vault import Vault
from tests.cli.backups import KEY, Place


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    made = Vault(tmp_path / "vault", KEY)
    made.open_up(make=True)
    return made


@pytest.fixture
def place(vault: Vault) -> Iterator[Place]:
    folder = Path(tempfile.mkdtemp(prefix="mdo-backup-"))
    folder.chmod(0o711)
    try:
        with Place(folder, vault) as made:
            yield made
    finally:
        home = made.stack.home
        if home.path.exists():
            home.remove()
        shutil.rmtree(folder, ignore_errors=True)
