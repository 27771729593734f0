"""The access log as syslog: each sealed row once or more, in the order of sealing, to a collector of the hospital.

Nothing waits for the collector. The cursor is a row with a lease: it is taken in one short transaction and moved in another, and the
sending lies between them, so that a collector that says nothing for minutes holds no lock and no transaction (the sealer seals below
the oldest one that is open).

*What a row is* (RFC 5424): facility 13 (log audit), severity 6, or 4 where something was refused; MSGID the action; one element of
structured data with ids, states and numbers, as the row itself has them, no names and no care content. ``uid`` is the row's own: a
collector that is told twice knows by it.

*TCP* (RFC 6587 §3.4.1, octet counting): one connection for each batch. Its end is the receipt: we close our side and wait until the
collector, which has then read everything, closes its own. Without it the whole batch is sent again. *UDP* (RFC 5426) has no receipt: what
the network loses is lost.
"""

import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from time import monotonic
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q, QuerySet

from mdo.kernel.clock import now
from mdo.kernel.models import AuditForwarding, AuditSeal

LEASE = timedelta(seconds=60)
PAUSE = timedelta(seconds=10)  # after a failure
SEND_WITHIN_S = 10.0  # a batch, from the first packet to the receipt: well within the lease
BATCH = 500
LARGEST = 8192  # bytes of one message; a longer one goes without its detail
ENTERPRISE = 32473  # kept free for examples by RFC 5612: the program has no number of its own
_NAME = "syslog"


@dataclass(frozen=True)
class Collector:
    """Where the rows go: ``udp`` or ``tcp``, host and port."""

    transport: str
    host: str
    port: int


def forward(collector: Collector, within_s: float = SEND_WITHIN_S) -> int:
    """Send the next rows that are sealed and were not sent; how many. 0 when there are none, or another process is at it.

    Raises ``OSError`` when the collector cannot be reached or gives no receipt: the same rows are sent again after ten seconds.
    """
    lease = uuid4()
    cursor = _take(lease)
    if cursor is None:
        return 0
    seals = list(AuditSeal.objects.filter(pk__gt=cursor).select_related("entry").order_by("pk")[:BATCH])
    try:
        _send(collector, [message(seal) for seal in seals], within_s)
    except OSError:
        AuditForwarding.objects.filter(pk=_NAME, lease=lease).update(leased_until=now() + PAUSE)
        raise
    _give_back(lease, sent=seals[-1].pk if seals else cursor)
    return len(seals)


def waiting() -> tuple[int, float]:
    """How many sealed rows (at most 10,000) were not sent, and the age in seconds of the first of them."""
    unsent = _unsent()
    first = unsent.values_list("entry__at", flat=True).first()
    return unsent[:10_000].count(), max(0.0, (now() - first).total_seconds()) if first else 0.0


def _unsent() -> QuerySet[AuditSeal]:
    cursor = AuditForwarding.objects.filter(pk=_NAME).values_list("seal_id", flat=True).first() or 0
    return AuditSeal.objects.filter(pk__gt=cursor).order_by("pk")


def _take(lease: UUID) -> int | None:
    """The cursor, leased; ``None`` when there is nothing to send, another process has it, or it rests after a failure."""
    at = now()
    if not _unsent().exists():
        return None
    with transaction.atomic():
        AuditForwarding.objects.bulk_create([AuditForwarding(name=_NAME)], ignore_conflicts=True)
        free = AuditForwarding.objects.filter(Q(leased_until=None) | Q(leased_until__lt=at), pk=_NAME)
        if not free.update(leased_until=at + LEASE, lease=lease):
            return None
        return AuditForwarding.objects.values_list("seal_id", flat=True).get(pk=_NAME)


def _give_back(lease: UUID, *, sent: int) -> None:
    """Move the cursor behind what was sent, if the lease is still ours: whoever took it since sends the same rows again."""
    AuditForwarding.objects.filter(pk=_NAME, lease=lease).update(leased_until=None, seal_id=sent)


# --- the message ---------------------------------------------------------------------------------------------------------


def message(seal: AuditSeal) -> bytes:
    """One row as RFC 5424 has it."""
    entry = seal.entry
    values = {
        "uid": entry.uid,
        "chain": seal.chain_id,
        "n": seal.n,
        "actorKind": entry.actor_kind,
        "actor": entry.actor_id,
        "organisation": entry.organisation_id,
        "hospital": entry.hospital_id,
        "purpose": entry.purpose,
        "action": entry.action,
        "outcome": entry.outcome,
        "objectKind": entry.object_kind,
        "object": entry.object_id,
        "patient": entry.patient_id,
    }
    priority = 13 * 8 + (6 if entry.outcome == "ok" else 4)
    at = entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    host = _printable(socket.gethostname(), 255)
    head = f"<{priority}>1 {at} {host} mdo - {_printable(entry.action, 32)} "
    detail = json.dumps(entry.detail, sort_keys=True, separators=(",", ":"))
    whole = (head + _element({**values, "detail": detail})).encode()
    return whole if len(whole) <= LARGEST else (head + _element({**values, "detail": "too long"})).encode()


def _printable(text: str, longest: int) -> str:
    """A word of the header: printable ASCII without blanks, or the sign for nothing."""
    return "".join(each for each in text if "!" <= each <= "~")[:longest] or "-"


def _element(values: dict[str, object]) -> str:
    said = "".join(f' {name}="{_escaped(str(value))}"' for name, value in values.items() if value not in (None, ""))
    return f"[mdo@{ENTERPRISE}{said}]"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


# --- the way there ---------------------------------------------------------------------------------------------------------


def _send(collector: Collector, messages: Sequence[bytes], within_s: float) -> None:
    """Raises ``OSError`` (``TimeoutError`` among them) unless everything left, and over TCP arrived."""
    if collector.transport == "udp":
        family, _, _, _, address = socket.getaddrinfo(collector.host, collector.port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as line:
            for each in messages:
                line.sendto(each, address)
        return
    deadline = monotonic() + within_s
    with socket.create_connection((collector.host, collector.port), timeout=within_s) as line:
        line.sendall(b"".join(b"%d %s" % (len(each), each) for each in messages))
        line.shutdown(socket.SHUT_WR)
        while True:
            line.settimeout(max(0.001, deadline - monotonic()))
            if not line.recv(4096):
                return
