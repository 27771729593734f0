"""Translations and static files, made once for each state of their sources."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from mdo.cli.steps import fingerprint
from mdo.environment import BASE_DIR

STAMP = BASE_DIR / "staticfiles" / ".stamp"


def mark() -> str:
    """What the collected files depend on: the built front end and the packages that bring files of their own."""
    return fingerprint([BASE_DIR / "frontend" / "dist", BASE_DIR / "requirements" / "runtime.txt"], str(BASE_DIR))


def collect() -> None:
    """Django's collectstatic in this process, unless nothing changed; several processes may ask at once. Needs Django set up."""
    from django.core.management import call_command

    with open(BASE_DIR / "pyproject.toml", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        wanted = mark()
        if STAMP.is_file() and STAMP.read_text() == wanted:
            return
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        STAMP.write_text(wanted)


def compile_messages(folder: Path = BASE_DIR / "locale") -> int:
    """`.po` to `.mo` with Babel, for gettext's own programs need not be installed; the number of catalogues."""
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    catalogues = sorted(folder.rglob("*.po"))
    for catalogue in catalogues:
        ready = catalogue.with_suffix(f".{os.getpid()}.part")  # a running program never reads half a catalogue
        with catalogue.open("rb") as source, ready.open("wb") as target:
            write_mo(target, read_po(source, locale=catalogue.parent.parent.name))
        ready.replace(catalogue.with_suffix(".mo"))
    return len(catalogues)
