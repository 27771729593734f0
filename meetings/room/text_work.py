"""What typed texts do with the database: blocking calls, run in threads of their own, each with its own door.

The rows of ``TextUpdate`` are the truth. An update is stored outside of ``@action`` and the journal: its door is the person's, the
right is read again for every batch, and one audit row says once in a document's life that somebody typed in it.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from django.db import DatabaseError, Error, connection
from django.utils import translation
from django.utils.translation import gettext as _

from mdo.kernel import audit
from mdo.kernel.acting import acting
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, NotFound, Refused, Unavailable
from meetings import access, texts
from meetings.models import AgendaItem, Decision, Meeting, TextDocument, TextUpdate
from meetings.room.audience import Place
from meetings.room.text_copy import Copy, TooLong
from meetings.room.work import HOUSE, LOCK_TIMEOUT_MS
from meetings.text_updates import NoUpdate

# Typing never waits for a command's lock, and commands never wait for somebody who types.
text_threads = ThreadPoolExecutor(3, thread_name_prefix="room-text")

T = TypeVar("T")
Key = tuple[UUID, str]  # item, field
Row = tuple[int, bytes, UUID | None]  # n, data, by


class Frozen(Refused):
    """Nothing is typed in this text now: it is read back, recorded, or its item is not on the table."""

    code = "frozen"


class TextTooLong(Refused):
    code = "too_long"


class NotUnderstood(Refused):
    code = "invalid"


@dataclass(frozen=True)
class Head:
    """Where a text stands: number of its last update, and whether updates are taken. ``document_id`` is ``None`` before it is begun."""

    document_id: UUID | None
    n: int
    frozen: bool


NOT_BEGUN = Head(None, 0, True)


def _on_the_table(item: AgendaItem) -> bool:
    return item.meeting.state == Meeting.State.RUNNING and item.state == AgendaItem.State.OPEN


def _readable(place: Place, meeting_id: UUID, item_id: UUID) -> AgendaItem:
    """The item, for whoever may read its draft (as ``views/room.py: draft``): who sits at the table and may read the case."""
    item = access.access_item_for(place.person, meeting_id, item_id, "read_case", lock=False)
    if access.chair_at(place.person, item.meeting).is_guest:
        raise NotFound()
    if item.referral_id is not None and item.referral is None:
        raise Denied()  # row-level security says no where the matrix said yes: the stricter one counts
    return item


def _may_type(place: Place, item: AgendaItem) -> bool:
    return access.chair_at(place.person, item.meeting).permits_item("draft", item)


def _document(item: AgendaItem, field: str, *, lock: bool = False) -> TextDocument | None:
    """The text of an item on the table; made when the item was opened before its texts were shared."""
    found = TextDocument.objects.filter(item=item, field=field)
    if lock:
        found = found.select_for_update(of=("self",))
    document: TextDocument | None = found.first()
    if document is None and _on_the_table(item):
        decision = Decision.objects.filter(item=item, state=Decision.State.DRAFT).first()
        texts.begin(item, decision)
        document = found.first()
    return document


@dataclass(frozen=True)
class Entry:
    """How somebody comes to a text: where it stands, and whether they may type in it while it is on the table."""

    head: Head
    may_type: bool


def enter(place: Place, meeting_id: UUID, item_id: UUID, field: str) -> Entry:
    """Let somebody read a text; writes the read row. Raises ``Refused``."""
    return _said(place, "text.join", lambda: _enter(place, meeting_id, item_id, field))


def _enter(place: Place, meeting_id: UUID, item_id: UUID, field: str) -> Entry:
    with acting(place.person, place.organisation_id, "room", lock_timeout_ms=LOCK_TIMEOUT_MS):
        item = _readable(place, meeting_id, item_id)
        document = _document(item, field)
        if document is None:
            return Entry(NOT_BEGUN, _may_type(place, item))
        patient_id = item.referral.case.patient_id if item.referral else None
        audit.read("text", document.pk, hospital_id=item.hospital_id, patient_id=patient_id)
        frozen = document.frozen or not _on_the_table(item)
        return Entry(Head(document.pk, document.n, frozen), _may_type(place, item))


def still_reads(places: Sequence[Place], meeting_id: UUID, item_id: UUID) -> list[bool | None]:
    """For each of these people whether they may type in the texts of the item while it is on the table; ``None``: not even read."""
    found: list[bool | None] = []
    for place in places:
        try:
            with acting(place.person, place.organisation_id, "room", lock_timeout_ms=LOCK_TIMEOUT_MS):
                found.append(_may_type(place, _readable(place, meeting_id, item_id)))
        except (NotFound, Denied):
            found.append(None)
    return found


def heads(keys: Sequence[Key]) -> dict[Key, Head]:
    """Where these texts stand. Raises ``django.db.Error``."""
    with acting(HOUSE, None, "room", lock_timeout_ms=LOCK_TIMEOUT_MS):
        return _heads(keys)


def _heads(keys: Sequence[Key]) -> dict[Key, Head]:
    """A text that nobody has begun yet can be typed in as soon as its item is on the table: whoever joins then begins it."""
    items = AgendaItem.objects.filter(pk__in={item for item, _ in keys})
    open_items = set(
        items.filter(state=AgendaItem.State.OPEN, meeting__state=Meeting.State.RUNNING).values_list("pk", flat=True)
    )
    found = {key: Head(None, 0, key[0] not in open_items) for key in keys}
    documents = TextDocument.objects.filter(item__in={item for item, _ in keys})
    for item_id, field, pk, n, frozen in documents.values_list("item_id", "field", "pk", "n", "frozen"):
        found[(item_id, field)] = Head(pk, n, frozen or item_id not in open_items)
    return found


def follow(copy: Copy, key: Key) -> tuple[Head, list[Row]]:
    """Bring a copy to where the rows are; returns the head and the rows that were new to it. Raises ``django.db.Error``."""
    with acting(HOUSE, None, "room", lock_timeout_ms=LOCK_TIMEOUT_MS):
        head = _heads([key])[key]
        rows = _rows(head.document_id, copy.n) if head.document_id is not None and head.n > copy.n else []
    for n, data, by in rows:
        copy.take(n, data, by)
    return head, rows


def _rows(document_id: UUID, after: int) -> list[Row]:
    found = TextUpdate.objects.filter(document=document_id, n__gt=after).order_by("n").values_list("n", "data", "by_id")
    return [(n, bytes(data), by) for n, data, by in found]


# --- storing -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stored:
    """What became of one batch: the head after it, all rows that the copy had not, and an answer for each update."""

    head: Head
    rows: list[Row]
    answers: "list[Held | Refused]"


@dataclass(frozen=True)
class Held:
    """The update is in the rows up to ``n``; ``made``: row ``n`` is this very update, else everything in it was there before."""

    n: int
    made: bool


def store(place: Place, meeting_id: UUID, key: Key, copy: Copy, updates: Sequence[bytes]) -> Stored:
    """Store what one person typed, in one transaction, and take it into the copy after the commit.

    The right is read anew. The document's row is locked, so that numbers have no gaps and nothing is stored once it is frozen.
    Raises ``Refused`` when nothing of the batch could be stored.
    """
    return _said(place, "text.update", lambda: _store(place, meeting_id, key, copy, updates))


def _store(place: Place, meeting_id: UUID, key: Key, copy: Copy, updates: Sequence[bytes]) -> Stored:
    by = place.person.pk
    try:
        with acting(place.person, place.organisation_id, "room", lock_timeout_ms=LOCK_TIMEOUT_MS):
            item = access.access_item_for(place.person, meeting_id, key[0], "draft", lock=False)
            document = _document(item, key[1], lock=True)
            if document is None or document.frozen or not _on_the_table(item):
                raise Frozen(_("Nothing can be typed in this text now."))
            rows = _rows(document.pk, copy.n) if document.n > copy.n else []
            for n, data, writer in rows:
                copy.take(n, data, writer)
            answers: list[Held | Refused] = []
            new: list[Row] = []
            for update in updates:
                answers.append(_attempt(copy, document, new, update, by))
            if new:
                _add(document, new, by, known=copy.has_typed(by))
    except BaseException:
        copy.forget_trial()
        raise
    for n, data, writer in new:
        copy.take(n, data, writer)
    return Stored(Head(document.pk, document.n, False), [*rows, *new], answers)


def _attempt(copy: Copy, document: TextDocument, new: list[Row], update: bytes, by: UUID) -> Held | Refused:
    try:
        learnt = copy.attempt(update, by)
    except TooLong:
        return TextTooLong(_("Keep the text within 20,000 characters."))
    except NoUpdate:
        return NotUnderstood(_("This message was not understood."))
    if learnt:
        new.append((document.n + len(new) + 1, learnt, by))
    return Held(document.n + len(new), bool(learnt))


# One statement: each that names a protected table is planned with the policies of all that those ask.
_ADD = (
    "WITH head AS (UPDATE meetings_textdocument SET n = %s WHERE id = %s RETURNING id, hospital_id)"
    " INSERT INTO meetings_textupdate (document_id, hospital_id, n, data, by_id, at)"
    " SELECT head.id, head.hospital_id, added.n, added.data, %s, %s"
    " FROM head, unnest(%s::integer[], %s::bytea[]) AS added (n, data)"
)


def _add(document: TextDocument, new: Sequence[Row], by: UUID, *, known: bool = False) -> None:
    """Add rows under the document's lock; the first ones of a person leave a trace. ``known``: they have rows already."""
    if not known and not TextUpdate.objects.filter(document=document, by=by).exists():
        audit.act(
            "text.update",
            hospital_id=document.hospital_id,
            detail={"text_id": str(document.pk), "item_id": str(document.item_id), "field": document.field},
        )
    document.n = new[-1][0]
    numbers, data = [row[0] for row in new], [row[1] for row in new]
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [document.n, document.pk, by, now(), numbers, data])
        if cursor.rowcount != len(new):
            raise DatabaseError("rows of a text were not added")


def _said(place: Place, name: str, deed: Callable[[], T]) -> T:
    """Do it in the person's language; a refusal for lack of rights leaves its trace, what the database cannot do now is ``Unavailable``."""
    with translation.override(place.person.language):
        try:
            return deed()
        except (Denied, NotFound) as refusal:
            with acting(place.person, place.organisation_id, "room"):
                audit.refused(name, refusal.code)
            raise
        except Error as error:
            raise Unavailable(_("This could not be stored now. Try again in a moment.")) from error
