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
        self._copied: tuple[str, bytes] | None = None  # the partial file that the vault holds as it is

    def look(self) -> list[tuple[str, bytes]]:
        """Name and content of what the vault does not have yet, oldest first: the state of the log at this moment, read at once."""
        found = []
        for path in sorted(self.folder.iterdir(), key=lambda each: each.name):
            name = path.name.removesuffix(PARTIAL)
            if not WHOLE.fullmatch(name) and not HISTORY.fullmatch(name):
                continue
            try:
                content = path.read_bytes()
            except FileNotFoundError:  # it became whole meanwhile, and is found so at the next look
                continue
            if path.suffix != PARTIAL or self._copied != (path.name, hashlib.sha256(content).digest()):
                found.append((path.name, content))
        return found

    def keep(self, seen: Iterable[tuple[str, bytes]]) -> None:
        """Store what ``look`` saw, and let go of what is full."""
        for name, content in seen:
            self.vault.put_bytes(f"{FOLDER}/{name}.z", zlib.compress(content, 1))
            if name.endswith(PARTIAL):
                self._copied = (name, hashlib.sha256(content).digest())
            else:
                self.vault.remove(f"{FOLDER}/{name}{PARTIAL}.z")
                if WHOLE.fullmatch(name):
                    (self.folder / name).unlink()


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


def hole(names: Iterable[str], start: str) -> str | None:
    """The first file that is missing between ``start`` and the last one of its timeline; ``None`` where none is. Raises nothing: whoever restores
    decides what it means."""
    mine = sorted(name for name in names if WHOLE.fullmatch(name) and name[:8] == start[:8] and name >= start)
    wanted = start
    for name in mine:
        if name != wanted:
            return wanted
        wanted = following(wanted)
    return None if mine else start
