"""What the vault knows of a base: from when to when it was copied, and from which place of the write-ahead log on it needs that log."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from mdo.backup.vault import Vault
from mdo.kernel.encryption import Damaged

FOLDER = "base"
TAR, NOTE = "base.tar.gz", "note.json"


@dataclass(frozen=True)
class Base:
    """One copy of the database. ``segment``: the file of the log at which a restore begins (PostgreSQL's name: timeline, then place).
    ``files_key``: by which the right ``MDO_FILE_KEY`` is recognised, and nothing else. ``alone``: it holds the log of its own copying, and can be
    restored without any other."""

    name: str
    begun_at: datetime
    ended_at: datetime
    segment: str
    server: str
    files_key: str
    size: int = 0
    alone: bool = True

    def note(self) -> bytes:
        return json.dumps(asdict(self), default=datetime.isoformat, sort_keys=True).encode()


def bases(vault: Vault, tell: Callable[[str], None] | None = None) -> list[Base]:
    """The bases that are whole, oldest first; one that was cut short has no note. One whose note is damaged is left out, and ``tell`` hears of it:
    the others are as good as before."""
    found = []
    for name in vault.names(FOLDER):
        if NOTE not in vault.names(f"{FOLDER}/{name}"):
            continue
        try:
            with vault.open(f"{FOLDER}/{name}/{NOTE}") as handle:
                said = json.loads(handle.read())
        except Damaged:
            if tell:
                tell(f"The note of base {name} in the vault is damaged: nothing can be restored from that base.")
            continue
        for key in ("begun_at", "ended_at"):
            said[key] = datetime.fromisoformat(said[key])
        found.append(Base(**said))
    return found


def mark_of(file_key: bytes) -> str:
    """Tells one key of the stored files from another without giving it away."""
    return hashlib.sha256(b"mdo files key" + file_key).hexdigest()[:16]
