"""The same command sent again is answered, not done again.

``(actor, command id)`` is unique, stored with a digest of what was asked and the sequences reached, in the transaction of the
action. Only successes are stored. Rights are checked before a replay is answered: access functions call
``action.granted()``, which is where the replay happens.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from mdo.kernel.clock import now
from mdo.kernel.compiled import compiled
from mdo.kernel.models import CommandId

KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Earlier:
    """What the same command did the first time."""

    digest: bytes
    seqs: dict[UUID, int]


def digest(action: str, arguments: Mapping[str, Any]) -> bytes:
    """SHA-256 over the action's name and its arguments, in a canonical form."""
    body = json.dumps([action, _plain(arguments)], sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).digest()


def _plain(value: Any) -> Any:
    """Keys as text (an id may be one) and sets in order: the same in every process."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, set | frozenset):
        return sorted(str(each) for each in value)
    return value


@compiled
def _earlier(actor: UUID, command: UUID) -> QuerySet[CommandId, tuple[bytes | memoryview, Any]]:
    return CommandId.objects.filter(actor_id=actor, command_id=command).values_list("digest", "seqs")


def find(actor_id: UUID, command_id: UUID) -> Earlier | None:
    for digest, seqs in _earlier(actor=actor_id, command=command_id):
        return Earlier(bytes(digest), {UUID(stream): seq for stream, seq in seqs.items()})
    return None


def forget() -> int:
    """Delete what is older than 7 days; returns how many."""
    return CommandId.objects.filter(at__lt=now() - KEPT).delete()[0]
