"""The chain of a board's signed decisions: each holds the hash of the one before it, so that none can be changed, swapped or
taken out unseen. The arithmetic is pure; ``verify`` reads a board's chain and recomputes it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Model

from meetings.models import Decision

GENESIS = "0" * 64

# What a signature covers, by the decision's ``content_version``. A field added later gets a new version of this list: old
# digests must stay what they were.
_FIRST = (
    "id",
    "hospital_id",
    "board_id",
    "meeting_id",
    "item_id",
    "case_id",
    "version",
    "replaces_id",
    "correction_reason",
    "intent",
    "steps",
    "text",
    "deviation",
    "attendance",
    "quorum",
    "recorded_at",
    "recorded_by_id",
)
CONTENT = {1: _FIRST, 2: (*_FIRST, "content_version", "discussion", "protocol", "voices", "text_digest")}
SIGNATURE = ("number", "signed_at", "signed_by_id")


@dataclass(frozen=True)
class Finding:
    """Something that does not add up: at which place of the chain, of which decision, and what."""

    number: int
    decision_id: UUID
    what: str


def canonical(values: Mapping[str, Any]) -> bytes:
    """One spelling of the values: sorted keys, UTF-8, no blanks; moments in UTC (RFC 3339), ids in lower case."""
    return json.dumps(
        {key: _plain(value) for key, value in values.items()},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    ).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, UUID):
        return str(value)
    return value


def _fields(decision: Model, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(decision, name) for name in names}


def seen(decision: Decision) -> str:
    """SHA-256 (hex) over what somebody read before signing; another value means that something changed in between."""
    return hashlib.sha256(canonical(_fields(decision, CONTENT[decision.content_version]))).hexdigest()


def digest(decision: Decision, previous: str) -> str:
    """SHA-256 (hex) over the decision, its signature and place, and the digest before it (``GENESIS`` for the first)."""
    body = canonical({**_fields(decision, (*CONTENT[decision.content_version], *SIGNATURE)), "previous": previous})
    return hashlib.sha256(body).hexdigest()


def check(decisions: Iterable[Decision]) -> list[Finding]:
    """Recompute a chain, given in the order of its numbers. An untouched one gives no findings."""
    findings: list[Finding] = []
    number, previous = 0, GENESIS
    for decision in decisions:
        here = decision.number or 0
        if here != number + 1:
            findings.append(Finding(here, decision.pk, "numbers are missing before this one"))
        if decision.previous_digest != previous:
            findings.append(Finding(here, decision.pk, "it does not follow the one before it"))
        if decision.digest != digest(decision, decision.previous_digest):
            findings.append(Finding(here, decision.pk, "its content or signature was changed"))
        number, previous = here, decision.digest
    return findings


def verify(board_id: UUID) -> list[Finding]:
    """Recompute the chain of one board. Needs the door of the house (a person sees only a part of it)."""
    signed = (Decision.State.SIGNED, Decision.State.REPLACED)
    chain = Decision.objects.filter(board=board_id).order_by("number")
    findings = check(chain.filter(number__isnull=False).iterator(500))
    loose = chain.filter(state__in=signed, number=None)
    return findings + [Finding(0, each.pk, "it is signed but has no place in the chain") for each in loose]
