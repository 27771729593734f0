"""One HL7 message in, one acknowledgement out: which hospital's it is, whether it may be taken, what came of it."""

import logging
from uuid import UUID, uuid5

from django.db import DatabaseError, connections
from django.utils import translation

from cases.actions.admissions import receive_admission
from cases.exchange import adt, hl7v2
from cases.exchange.hl7v2 import Header, Trouble
from mdo.directory.access import record_system_of, today
from mdo.directory.models import RecordSystem
from mdo.kernel.acting import System, acting
from mdo.kernel.clock import now
from mdo.kernel.errors import IdReused, Invalid, Refused
from mdo.kernel.ids import new_id

log = logging.getLogger(__name__)

HOUSE = System("adt")
_LOCKED_AT_MOST_MS = 5000


def answer(raw: bytes) -> bytes:
    """The acknowledgement of one message, without its frame, after it was applied: AA is sent once that is durable. Whatever the bytes,
    it answers. A control id that was taken before is answered again and applied once (for seven days)."""
    head: Header | None = None
    trouble: Trouble | None = None
    try:
        head = hl7v2.header(raw)
        _take(raw, head)
    except Trouble as found:
        trouble = found
    except Exception as error:  # the next message must not pay for it; the text of an error could hold content
        # What lies behind an error of Django's has a better name: DeadlockDetected, PoolTimeout.
        log.warning("an HL7 message failed: %s", type(error.__cause__ or error).__name__)
        kind = 206 if isinstance(error, DatabaseError) else 207
        trouble = Trouble(kind, "MSH", "It could not be stored. Send it again later.")
    return acknowledge(head, trouble)


def answer_in_thread(raw: bytes) -> bytes:
    """``answer`` for a thread of a server: with a connection to the database for this one message."""
    try:
        return answer(raw)
    finally:
        connections.close_all()


def acknowledge(head: Header | None, trouble: Trouble | None) -> bytes:
    """The acknowledgement with an id and a moment of its own."""
    stamp = now().strftime("%Y%m%d%H%M%S")
    return hl7v2.acknowledgement(head, trouble, control_id=new_id().hex[:20], stamp=stamp)


def refuse(beginning: bytes) -> bytes:
    """The acknowledgement of a message that was too long to be kept, from its beginning."""
    too_long = Trouble(102, "MSH", "The message is too long.", rejected=True)
    try:
        return acknowledge(hl7v2.header(beginning), too_long)
    except Trouble:
        return acknowledge(None, too_long)


def _take(raw: bytes, head: Header) -> None:
    with acting(HOUSE, None, "exchange"):
        source = record_system_of(head.sending_facility, head.receiving_facility)
    if source is None:
        where = "MSH-6" if head.receiving_facility else "MSH-4"
        raise Trouble(204, where, "Sending and receiving facility are not known together here.", rejected=True)
    adt.check_header(head, processing=source.processing)
    admission = adt.read(raw, today=today(), charset=source.charset, authority=source.authority)
    with (
        acting(HOUSE, source.organisation_id, "exchange", lock_timeout_ms=_LOCKED_AT_MOST_MS),
        translation.override("en"),
    ):
        try:
            receive_admission(
                by=HOUSE,
                admission=admission,
                registers=source.registers,
                source_id=source.pk,
                command_id=_command_id(source, head),
            )
        except IdReused:
            raise Trouble(205, "MSH-10", "This control id was used before with another content.") from None
        except Invalid as refused:
            field = refused.field or ""
            raise Trouble(
                101 if field not in adt.PLACES else 102, adt.PLACES.get(field, "PID"), refused.message
            ) from None
        except Refused as refused:
            raise Trouble(205, adt.PLACES.get(refused.field or "", "PID"), refused.message) from None


def _command_id(source: RecordSystem, head: Header) -> UUID:
    return uuid5(source.pk, head.control_id)
