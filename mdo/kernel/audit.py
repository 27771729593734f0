"""The audit: who did or read what, written in the transaction that did it, chained afterwards by the sealer.

Actions (``ledger.py``) and ``read`` insert plain rows: no request waits for the chain. ``seal`` chains rows per organisation (the owner of
the data, else the acting one), in the order of their ids, below the oldest transaction that may still be open, so that no
row can appear later in front of a sealed one. ``verify`` recomputes the chain; ``anchor`` writes the heads to a place
outside of the database (TRUST §5.13: a chain alone misses a cut tail).
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.utils.translation import gettext as _

from mdo.kernel.acting import Acting, current
from mdo.kernel.clock import now
from mdo.kernel.errors import Unavailable
from mdo.kernel.models import AuditEntry, AuditSeal

SITE = UUID(int=0)  # the chain of rows that belong to no organisation
GENESIS = b"\0" * 32


def _insert(here: Acting, **columns: Any) -> None:
    try:
        AuditEntry.objects.bulk_create(
            [
                AuditEntry(
                    actor_kind=here.actor.actor_kind,
                    actor_id=here.actor.actor_id,
                    organisation_id=here.organisation_id,
                    purpose=here.purpose,
                    **columns,
                )
            ]
        )
    except DatabaseError as error:
        raise Unavailable(_("This cannot be shown or done now, because it cannot be recorded. Try again.")) from error


def read(kind: str, object_id: UUID, *, hospital_id: UUID, patient_id: UUID | None) -> None:
    """One row for one reading of ``kind`` ("case", "document", "decision", …), once per transaction and object.

    Raises ``Unavailable`` when the row cannot be written: without a trace there is no access.
    """
    here = current()
    if (kind, object_id) in here.reads:
        return
    _insert(
        here,
        action=f"{kind}.read",
        outcome="ok",
        object_kind=kind,
        object_id=object_id,
        hospital_id=hospital_id,
        patient_id=patient_id,
    )
    here.reads.add((kind, object_id))


def act(action: str, *, hospital_id: UUID | None, detail: Mapping[str, Any], outcome: str = "ok") -> None:
    """One row for something that is no action of its own: a list or a search that shows names. ``detail`` holds ids, states,
    numbers and versions only. Raises ``Unavailable`` as ``read`` does."""
    _insert(current(), action=action, outcome=outcome, hospital_id=hospital_id, detail=dict(detail))


def refused(action: str, outcome: str, *, object_id: UUID | None = None) -> None:
    """One row for a request that was refused for lack of rights (``denied``) or knowledge (``not_found``)."""
    _insert(current(), action=action, outcome=outcome, hospital_id=None, object_id=object_id)


# --- the chain ---------------------------------------------------------------------------------------------------------


def _canonical(entry: AuditEntry) -> bytes:
    values = {
        "uid": str(entry.uid),
        "at": entry.at.isoformat(),
        "actor_kind": entry.actor_kind,
        "actor_id": str(entry.actor_id),
        "organisation_id": str(entry.organisation_id or ""),
        "hospital_id": str(entry.hospital_id or ""),
        "purpose": entry.purpose,
        "action": entry.action,
        "outcome": entry.outcome,
        "object_kind": entry.object_kind,
        "object_id": str(entry.object_id or ""),
        "patient_id": str(entry.patient_id or ""),
        "detail": entry.detail,
    }
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _link(previous: bytes, n: int, entry: AuditEntry) -> bytes:
    return hashlib.sha256(previous + n.to_bytes(8, "big") + _canonical(entry)).digest()


def _chain_of(entry: AuditEntry) -> UUID:
    return entry.hospital_id or entry.organisation_id or SITE


def _heads(chain_ids: Iterable[UUID]) -> dict[UUID, tuple[int, bytes]]:
    links = AuditSeal.objects.filter(chain_id__in=set(chain_ids)).order_by("chain_id", "-n").distinct("chain_id")
    return {link.chain_id: (link.n, bytes(link.digest)) for link in links}


def seal(limit: int = 2000) -> int:
    """Chain the entries that are not chained yet; returns how many. One sealer at a time (advisory lock)."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('mdo.audit.seal'))")
            if not cursor.fetchone()[0]:
                return 0
        entries = list(
            AuditEntry.objects.filter(seal__isnull=True)
            .extra(where=["kernel_auditentry.xid < mdo_oldest_open_xid()"])
            .order_by("id")[:limit]
        )
        heads = _heads(_chain_of(entry) for entry in entries)
        links = []
        for entry in entries:
            n, previous = heads.get(_chain_of(entry), (0, GENESIS))
            digest = _link(previous, n + 1, entry)
            links.append(AuditSeal(chain_id=_chain_of(entry), n=n + 1, entry=entry, previous=previous, digest=digest))
            heads[_chain_of(entry)] = (n + 1, digest)
        AuditSeal.objects.bulk_create(links)
    return len(links)


@dataclass(frozen=True)
class Finding:
    """Something that does not add up: in which chain, at which link, and what."""

    chain_id: UUID
    n: int
    what: str


def verify(anchors: Path | None = None, key: bytes = b"") -> list[Finding]:
    """Recompute every chain; with ``anchors`` (and its ``key``), hold the chains against the heads written outside as well."""
    findings: list[Finding] = []
    state: dict[UUID, tuple[int, bytes]] = {}
    seen: dict[tuple[UUID, int], bytes] = {}
    for link in AuditSeal.objects.select_related("entry").order_by("chain_id", "n").iterator(2000):
        n, previous = state.get(link.chain_id, (0, GENESIS))
        if link.n != n + 1:
            findings.append(Finding(link.chain_id, link.n, "links are missing before this one"))
        if link.chain_id != _chain_of(link.entry):
            findings.append(Finding(link.chain_id, link.n, "the entry belongs to another organisation"))
        if bytes(link.previous) != previous or bytes(link.digest) != _link(bytes(link.previous), link.n, link.entry):
            findings.append(Finding(link.chain_id, link.n, "the entry or its order was changed"))
        state[link.chain_id] = (link.n, bytes(link.digest))
        seen[(link.chain_id, link.n)] = bytes(link.digest)
    for line in anchors.read_text().splitlines() if anchors and anchors.exists() else ():
        record = json.loads(line)
        mac = hmac.new(key, record["body"].encode(), "sha256").hexdigest()
        body = json.loads(record["body"])
        if not hmac.compare_digest(mac, record["mac"]):
            findings.append(Finding(SITE, 0, "an anchor was changed"))
            continue
        for chain, (n, digest) in body["heads"].items():
            if seen.get((UUID(chain), n)) != bytes.fromhex(digest):
                findings.append(Finding(UUID(chain), n, "the chain does not contain its anchored head"))
    return findings


def anchor(path: Path, key: bytes) -> int:
    """Append the heads of all chains, signed, to a file outside of the database; returns the number of chains."""
    links = AuditSeal.objects.order_by("chain_id", "-n").distinct("chain_id")
    heads = {str(link.chain_id): (link.n, bytes(link.digest).hex()) for link in links}
    body = json.dumps({"at": now().isoformat(), "heads": heads}, sort_keys=True)
    record = json.dumps({"body": body, "mac": hmac.new(key, body.encode(), "sha256").hexdigest()})
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(record + "\n")
    return len(heads)
