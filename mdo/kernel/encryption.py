"""Encryption of what is stored: chunked, authenticated, with random access. Pure; needs no settings.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance", CRYPTO 2015) over AES-256-GCM: each chunk of 64 KiB has a nonce of a random 7-byte prefix, a 32-bit
counter and a last-chunk flag, so chunks cannot be reordered, dropped, cut off or taken from another file. The key of each
file is derived (HKDF-SHA-256) from the site's key and the file's random salt; the name is bound as additional data.

Layout: ``MDO1`` · salt (16) · nonce prefix (7) · chunks of (plain ≤ 65,536) + tag (16).
"""

import io
import os
from collections.abc import Iterator
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"MDO1"
SALT, PREFIX, CHUNK, TAG = 16, 7, 65_536, 16
HEADER = len(MAGIC) + SALT + PREFIX


class Damaged(Exception):
    """The stored bytes are not what was written: changed, cut, of another file or under another key."""


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), 32, salt, b"mdo file").derive(key))


def _nonce(prefix: bytes, index: int, last: bool) -> bytes:
    return prefix + index.to_bytes(4, "big") + (b"\1" if last else b"\0")


def encrypt(source: IO[bytes], key: bytes, name: str) -> Iterator[bytes]:
    """Yield the stored form of ``source`` (read from its position to its end) under the 32-byte ``key``, bound to ``name``."""
    salt, prefix = os.urandom(SALT), os.urandom(PREFIX)
    cipher, index = _cipher(key, salt), 0
    yield MAGIC + salt + prefix
    chunk = _whole(source)
    while True:
        following = _whole(source) if len(chunk) == CHUNK else b""
        last = not following
        yield cipher.encrypt(_nonce(prefix, index, last), chunk, name.encode())
        if last:
            return
        chunk, index = following, index + 1


def _whole(source: IO[bytes]) -> bytes:
    """A full chunk, or what was left of ``source``: a read may give less than was asked for before the end."""
    parts, missing = [], CHUNK
    while missing and (part := source.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


class Decrypted(io.RawIOBase):
    """A readable, seekable view on a stored file; each chunk is authenticated before a byte of it is given out."""

    def __init__(self, stored: IO[bytes], key: bytes, name: str) -> None:
        super().__init__()
        self._stored, self._name, self._position = stored, name.encode(), 0
        header = stored.read(HEADER)
        if len(header) != HEADER or not header.startswith(MAGIC):
            raise Damaged(name)
        salt, self._prefix = header[len(MAGIC) : len(MAGIC) + SALT], header[len(MAGIC) + SALT :]
        self._cipher = _cipher(key, salt)
        body = stored.seek(0, io.SEEK_END) - HEADER
        if body < TAG:
            raise Damaged(name)
        self._last = (body - 1) // (CHUNK + TAG)
        self.size = body - (self._last + 1) * TAG
        self._cached: tuple[int, bytes] = (-1, b"")
        self._chunk(self._last)  # a cut or lengthened tail is found before the first byte leaves

    def _chunk(self, index: int) -> bytes:
        if self._cached[0] != index:
            self._stored.seek(HEADER + index * (CHUNK + TAG))
            sealed = self._stored.read(CHUNK + TAG)
            try:
                nonce = _nonce(self._prefix, index, index == self._last)
                plain = self._cipher.decrypt(nonce, sealed, self._name)
            except InvalidTag as error:
                raise Damaged(self._name.decode()) from error
            self._cached = (index, plain)
        return self._cached[1]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        if self._position >= self.size:
            return 0
        index, start = divmod(self._position, CHUNK)
        piece = self._chunk(index)[start : start + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def close(self) -> None:
        self._stored.close()
        super().close()
