"""Keys are UUIDv7 (RFC 9562): made by whoever creates the row, sortable by time, safe to resend."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A fresh UUIDv7 as the standard library's ``UUID``."""
    return uuid7()
