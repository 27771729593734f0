"""The chain of a board's signed decisions: each holds the hash of the one before it, so that none can be changed, swapped or
taken out unseen. The arithmetic is pure; ``verify`` reads a board's chain, recomputes it, and holds it against the access log: each
signing wrote there how far the chain reached and with which digest, so that neither a cut tail nor a chain recomputed as a whole
passes unseen (the log itself is chained and anchored outside of the database).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Model

from mdo.kernel.models import AuditEntry
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
_SECOND = (*_FIRST, "content_version", "discussion", "protocol", "voices", "text_digest")
CONTENT = {1: _FIRST, 2: _SECOND, 3: (*_SECOND, "agreed")}
CURRENT = 3
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


def parts(decision: Decision) -> dict[str, str]:
    """For each field of what somebody reads the beginning of its SHA-256, to tell later which of them changed."""
    return {
        name: hashlib.sha256(canonical({name: getattr(decision, name)})).hexdigest()[:8]
        for name in CONTENT[decision.content_version]
    }


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


def length(board_id: UUID) -> int:
    """How many links the chain of a board has."""
    return Decision.objects.filter(board=board_id, number__isnull=False).count()


def head(decision: Decision) -> str:
    """How far a chain reached, for the access log: number and digest of its last link."""
    return f"{decision.number}:{decision.digest}"


def verify(board_id: UUID) -> list[Finding]:
    """Recompute the chain of one board and hold it against the access log. Needs the door of the house (a person sees only a part
    of it)."""
    signed = (Decision.State.SIGNED, Decision.State.REPLACED)
    chain = Decision.objects.filter(board=board_id).order_by("number")
    findings = check(chain.filter(number__isnull=False).iterator(500))
    loose = chain.filter(state__in=signed, number=None)
    findings += [Finding(0, each.pk, "it is signed but has no place in the chain") for each in loose]
    return findings + _against_the_log(board_id, signed)


def _against_the_log(board_id: UUID, signed: Iterable[str]) -> list[Finding]:
    there = {
        pk: (number, digest)
        for pk, number, digest in Decision.objects.filter(board=board_id, state__in=signed).values_list(
            "pk", "number", "digest"
        )
    }
    findings = []
    told = AuditEntry.objects.filter(action="decision.sign", outcome="ok", detail__board_id=str(board_id)).order_by(
        "id"
    )
    for detail in told.values_list("detail", flat=True).iterator(500):
        reached, _colon, digest = detail["head"].partition(":")
        gone = [UUID(each) for each in detail["decisions"] if UUID(each) not in there]
        findings += [Finding(int(reached), each, "the access log says that it was signed") for each in gone]
        last = UUID(detail["decisions"][-1])
        if last in there and there[last] != (int(reached), digest):
            findings.append(Finding(int(reached), last, "the access log knows it with another number or digest"))
    return findings
