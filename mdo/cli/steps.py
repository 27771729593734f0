"""Steps of work that are shown with their time and left out when nothing they depend on has changed.

Standard library only: the bootstrap uses it before anything is installed.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path


def fingerprint(paths: Iterable[Path], *words: str) -> str:
    """SHA-256 over names and contents of these files (folders: all files below them) and some words."""
    digest = hashlib.sha256()
    for word in words:
        digest.update(word.encode() + b"\0")
    for path in paths:
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    digest.update(str(file.relative_to(path)).encode() + b"\0" + file.read_bytes() + b"\0")
        elif path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


class Steps:
    """Shows `words … 1.2 s` for each step, or `unchanged`."""

    def __init__(self) -> None:
        self.live = sys.stdout.isatty()

    def say(self, sentence: str) -> None:
        print(sentence, flush=True)

    def run(self, words: str, work: Callable[[], object], stamp: Path | None = None, mark: str = "") -> bool:
        """Do `work` unless the file `stamp` holds `mark`; write it afterwards. True when it was done.

        The stamp is taken away first, so that work that is cut short is done again.
        """
        if stamp is not None and stamp.is_file() and stamp.read_text() == mark:
            self.say(f"  {words:<44} unchanged")
            return False
        print(f"  {words:<44} …", end="" if self.live else "\n", flush=True)
        if stamp is not None:
            stamp.unlink(missing_ok=True)
        start = time.monotonic()
        try:
            work()
        except BaseException:
            if self.live:
                print(flush=True)
            raise
        if stamp is not None:
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.write_text(mark)
        print(f"{chr(13) if self.live else ''}  {words:<44} {time.monotonic() - start:5.1f} s", flush=True)
        return True
