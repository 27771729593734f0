"""Where a command finds its settings: the caller's own environment, or else the stack that `mdo servers` or `mdo up` keeps here."""

from __future__ import annotations

import os
from pathlib import Path

from mdo.environment import BASE_DIR, read_file


def home() -> Path:
    """The folder of the own servers' state: `MDO_VAR`, or `var/` in the clone."""
    return Path(os.environ.get("MDO_VAR") or BASE_DIR / "var")


def adopt() -> None:
    """Take the settings that a running stack wrote down, unless the caller named a database; later settings win over them."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mdo.settings")
    if "DATABASE_URL" in os.environ:
        return
    for file in (home() / "env", BASE_DIR / "var" / "dev" / "env"):
        if file.is_file():
            for name, value in read_file(file).items():
                os.environ.setdefault(name, value)
            return
