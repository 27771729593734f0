"""Keys are UUIDv7 (RFC 9562): made by whoever creates the row, sortable by time, safe to resend."""

import hashlib
from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh UUIDv7 as the standard library's ``UUID``."""
    return uuid7()


def derived_id(command_id: UUID, actor_id: UUID, word: str) -> UUID:
    """The key of the row that a command makes: the same for each telling of the command, never another actor's.

    A UUIDv7 with the moment of ``command_id``; the rest is SHA-256 of actor, command and ``word``. So a form needs no id but
    its command's, and nobody can name a row of somebody else as the one to be made.
    """
    digest = hashlib.sha256(actor_id.bytes + command_id.bytes + word.encode()).digest()
    raw = bytearray(command_id.bytes[:6] + digest[:10])
    raw[6] = raw[6] & 0x0F | 0x70
    raw[8] = raw[8] & 0x3F | 0x80
    return UUID(bytes=bytes(raw))
