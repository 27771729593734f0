"""The vault: a folder of encrypted files, each whole or not there, that belongs onto another machine than the database's."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from mdo.cli.home import CannotRun
from mdo.kernel.encryption import CHUNK, Damaged, Decrypted, encrypt

_MARK, _SAYS = "vault", b"a vault of MDO\n"


class Vault:
    """Named files below ``folder`` under the 32-byte ``key``; a name is a path such as ``wal/0000…``, bound into the encryption, so that no
    file can take another's place."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self.folder, self._key = folder, key

    def open_up(self, *, make: bool) -> None:
        """Make sure that this is a vault and that the key opens it; with ``make``, an empty folder becomes one. Raises ``CannotRun``."""
        mark = self.folder / _MARK
        if not mark.is_file():
            if not make:
                raise CannotRun(f"{self.folder} is no vault of backups.")
            try:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                found = sorted(each.name for each in self.folder.iterdir() if each.name != "lost+found")
            except OSError as error:
                raise CannotRun(f"The vault {self.folder} cannot be used: {error.strerror}.") from None
            if found:
                raise CannotRun(f"{self.folder} holds something that is no vault ({found[0]}): name an empty folder.")
            self.put(_MARK, io.BytesIO(_SAYS))
        try:
            with self.open(_MARK) as said:
                right = said.read() == _SAYS
        except Damaged:
            right = False
        if not right:
            raise CannotRun(f"MDO_BACKUP_KEY does not open the vault {self.folder}.")

    def put(self, name: str, source: IO[bytes]) -> int:
        """Store what ``source`` still gives under ``name``, on the disk before this returns; the number of bytes stored."""
        return self._write(name, encrypt(source, self._key, name))

    def put_bytes(self, name: str, content: bytes) -> int:
        return self.put(name, io.BytesIO(content))

    def put_as_it_is(self, name: str, source: Path) -> int:
        """Store a file that is encrypted already."""
        with source.open("rb") as handle:
            return self._write(name, iter(lambda: handle.read(1 << 20), b""))

    def _write(self, name: str, pieces: Iterator[bytes]) -> int:
        target = self.folder / name
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        size = 0
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle:
            for piece in pieces:
                size += handle.write(piece)
            handle.flush()
            os.fsync(handle.fileno())
        part.replace(target)
        _sync(target.parent)
        return size

    def open(self, name: str) -> IO[bytes]:
        """What is stored under ``name``. Raises ``Damaged`` (also in the midst of reading) and ``FileNotFoundError``."""
        stored = open(self.folder / name, "rb")  # noqa: SIM115  (closed by what reads it)
        try:
            return io.BufferedReader(Decrypted(stored, self._key, name), CHUNK)
        except BaseException:
            stored.close()
            raise

    def names(self, below: str) -> list[str]:
        """The names in one of its folders, without the folder, in order."""
        folder = self.folder / below
        return sorted(each.name for each in folder.iterdir() if each.suffix != ".part") if folder.is_dir() else []

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
