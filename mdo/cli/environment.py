"""Where a command finds its settings: the caller's own environment, or else the stack that `mdo servers` or `mdo up` keeps here."""

from __future__ import annotations

import os
from pathlib import Path

from mdo.environment import BASE_DIR, read_file

SUPERVISED = "MDO_SUPERVISED"
"""Set for what a supervisor starts: it was told what it may know, and looks for nothing more."""


def home() -> Path:
    """The folder of the own servers' state: `MDO_VAR`, or `var/` in the clone."""
    return Path(os.environ.get("MDO_VAR") or BASE_DIR / "var")


def adopt() -> None:
    """Take the settings that a running stack wrote down, unless the caller named another database; the caller's own win over them.

    Nothing is taken by what a supervisor started: in its file stand the owner's password and the key of the backups too, which web and
    worker must not know.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mdo.settings")
    if SUPERVISED in os.environ:
        return
    named = {name: os.environ[name] for name in ("DATABASE_URL", "DATABASE_URL_FILE") if name in os.environ}
    for file in (home() / "env", BASE_DIR / "var" / "dev" / "env"):
        if file.is_file():
            told = read_file(file)
            if named.items() <= told.items():
                for name, value in told.items():
                    os.environ.setdefault(name, value)
            return
