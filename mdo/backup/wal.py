"""The write-ahead log in the vault: each of PostgreSQL's files of 16 MiB once it is full, and the one that is being written as far as it goes."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

from mdo.backup.vault import Vault

FOLDER = "wal"
WHOLE = re.compile(r"[0-9A-F]{24}")  # timeline, then place: eight digits each for the high and the low part
HISTORY = re.compile(r"[0-9A-F]{8}\.history")
PARTIAL = ".partial"


class Spool:
    """The folder into which `pg_receivewal` writes. What is full goes to the vault and away; what is not stays and is copied again."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self.folder, self.vault = folder, vault
        self._copied: dict[str, bytes] = {}  # what is not full, as the vault holds it

    def names(self) -> list[str]:
        """The files of the log that lie here, by PostgreSQL's names, `.partial` left in."""
        found = [path.name for path in self.folder.iterdir()]
        return sorted(name for name in found if _of_the_log(name.removesuffix(PARTIAL)))

    def look(self) -> list[tuple[str, bytes | None]]:
        """What the vault does not have yet, oldest first: the state of the log at this moment. Of a full file, which changes no more, the name alone:
        after hours without a vault there are many. Of any other the content, read at once."""
        found: list[tuple[str, bytes | None]] = []
        for name in self.names():
            if WHOLE.fullmatch(name):
                found.append((name, None))
                continue
            try:
                content = (self.folder / name).read_bytes()
            except FileNotFoundError:  # it became whole meanwhile
                return self.look()
            if self._copied.get(name) != hashlib.sha256(content).digest():
                found.append((name, content))
        return found

    def keep(self, seen: Iterable[tuple[str, bytes | None]]) -> None:
        """Store what ``look`` saw, one file at a time, and let go of what is full."""
        for name, content in seen:
            plain = (self.folder / name).read_bytes() if content is None else content
            self.vault.put_bytes(f"{FOLDER}/{name}.z", zlib.compress(plain, 1))
            if content is not None:
                self._copied[name] = hashlib.sha256(content).digest()
            else:
                self.vault.remove(f"{FOLDER}/{name}{PARTIAL}.z")
                self._copied.pop(name + PARTIAL, None)
                (self.folder / name).unlink()

    def clear(self) -> None:
        """Let go of all of it: no receiver could go on from there."""
        for name in self.names():
            (self.folder / name).unlink()
        self._copied.clear()


def _of_the_log(name: str) -> bool:
    return bool(WHOLE.fullmatch(name) or HISTORY.fullmatch(name))


def stored(vault: Vault) -> dict[str, str]:
    """Each file of the log that the vault holds, by PostgreSQL's name, with its own; a partial one only where there is no whole one."""
    found: dict[str, str] = {}
    for name in vault.names(FOLDER):
        plain = name.removesuffix(".z")
        if not plain.endswith(PARTIAL):
            found[plain] = name
    for name in vault.names(FOLDER):
        plain = name.removesuffix(".z")
        if plain.endswith(PARTIAL):
            found.setdefault(plain.removesuffix(PARTIAL), name)
    return found


def read(vault: Vault, name: str) -> bytes:
    with vault.open(f"{FOLDER}/{name}") as handle:
        return zlib.decompress(handle.read())


def following(segment: str, size: int = 16 << 20) -> str:
    """The file after this one on the same timeline."""
    timeline, high, low = segment[:8], int(segment[8:16], 16), int(segment[16:], 16)
    low += 1
    if low >= (1 << 32) // size:
        high, low = high + 1, 0
    return f"{timeline}{high:08X}{low:08X}"


def segment_of(place: str, timeline: int = 0) -> str:
    """The file in which a place such as ``0/2000028`` lies, at PostgreSQL's usual 16 MiB a file."""
    high, low = (int(part, 16) for part in place.split("/"))
    return f"{timeline:08X}{high:08X}{low >> 24:08X}"


def missing_from(names: Iterable[str], start: str) -> str:
    """The first file from ``start`` on that is not there. A later timeline goes on within the file in which the one before was left, or at the
    next."""
    wanted = start
    for name in sorted(names):
        if not WHOLE.fullmatch(name) or name[:8] < start[:8] or name[8:] < start[8:]:
            continue
        if name[:8] != wanted[:8]:
            wanted = name[:8] + min(name[8:], wanted[8:])
        if name != wanted:
            return wanted
        wanted = following(wanted)
    return wanted


def hole(names: Iterable[str], start: str) -> str | None:
    """The first file that is missing between ``start`` and the last one there is; ``None`` where none is. Raises nothing: whoever restores
    decides what it means."""
    known = [name for name in names if WHOLE.fullmatch(name)]
    missing = missing_from(known, start)
    later = any(name > missing and name[8:] >= start[8:] for name in known)
    return missing if later or missing == start else None
