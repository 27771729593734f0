"""The release before this one, as `deploy/released.yaml` names it: where upgrades come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from mdo.environment import BASE_DIR

FILE = BASE_DIR / "deploy" / "released.yaml"


@dataclass(frozen=True)
class Release:
    """Its tag or commit, and the last migration of each room (by the app's label) that it has."""

    name: str
    migrations: dict[str, str]


def previous(file: Path = FILE) -> Release:
    """The release before this one. Raises ``KeyError`` or ``ValueError`` for a file that says something else."""
    said = yaml.safe_load(file.read_text(encoding="utf-8"))
    migrations = {str(app): str(name) for app, name in said["migrations"].items()}
    if not migrations:
        raise ValueError(f"{file.name} names no migrations")
    return Release(str(said["release"]), migrations)
