"""The typed texts of an item, read and held still: what actions and pages need of them. The room's sockets are in ``room/text.py``.

A text is a Yjs document with one root, the plain text ``text``; the rows of ``TextUpdate`` in their order are the document.
Everything here runs inside an open door; what changes a row takes the lock of the ``TextDocument`` first, as storing an
update does, so nothing is typed between the look and the deed.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

from django.db import connection
from django.utils.translation import gettext as _
from pycrdt import Doc, Text

from mdo.directory.models import Person
from mdo.kernel.clock import now
from mdo.kernel.errors import Stale
from mdo.kernel.ids import new_id
from meetings.models import AgendaItem, Decision, TextDocument, TextUpdate

ROOT: Final = "text"
MOST_CHARACTERS: Final = 20_000
DISCUSSION: Final = TextDocument.Field.DISCUSSION.value
RECOMMENDATION: Final = TextDocument.Field.RECOMMENDATION.value
FIELDS: Final = (DISCUSSION, RECOMMENDATION)


# Held still and read in one statement. Whoever stores an update holds the row of one document only, so no two wait for each other.
_FREEZE = """
WITH held AS (
    UPDATE meetings_textdocument SET frozen = true WHERE item_id = %s AND field = ANY(%s) RETURNING id, field, n
)
SELECT held.field, held.n, u.data FROM held
LEFT JOIN meetings_textupdate u ON u.document_id = held.id AND u.n <= held.n ORDER BY held.field, u.n
"""


def empty() -> "Doc[Text]":
    """A document without a word, whose root is the text."""
    return Doc({ROOT: Text()}, allow_multithreading=True)


def assemble(updates: Iterable[bytes | memoryview]) -> "Doc[Text]":
    """The document that these updates, in the order of their numbers, make."""
    document = empty()
    with document.transaction():
        for update in updates:
            document.apply_update(bytes(update))
    return document


def plain(document: "Doc[Text]") -> str:
    """The words of a document."""
    return str(document[ROOT])


def current(item: AgendaItem, field: str) -> tuple[int, str]:
    """The number of the last update of a text and its words; ``(0, "")`` while nothing was typed or nobody may read it."""
    found = TextDocument.objects.filter(item=item, field=field).first()
    return (0, "") if found is None else _read(found)


def freeze(item: AgendaItem, fields: Iterable[str], expected_n: int | None = None) -> dict[str, tuple[int, str]]:
    """Take no more updates of these texts; returns the number and the words at which each stands still.

    ``expected_n`` is the last update of the recommendation that the asker has seen. Raises ``Stale`` when another one came
    after it. A text that is frozen already stays as it is.
    """
    typed: dict[str, tuple[int, list[bytes]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_FREEZE, [item.pk, list(fields)])
        for field, n, data in cursor.fetchall():
            typed.setdefault(field, (n, []))[1].extend([] if data is None else [data])
    recommendation = typed.get(RECOMMENDATION)
    if expected_n is not None and recommendation is not None and recommendation[0] != expected_n:
        raise Stale(_("The text changed in between. Read it again."), current=recommendation[0], field="text")
    # A statement sees what was committed when it began; an update that it waited for came after, and is read now. Rows have no gaps.
    if any(len(updates) != n for n, updates in typed.values()):
        return {document.field: _read(document) for document in _locked(item, fields).values()}
    return {field: (n, plain(assemble(updates))) for field, (n, updates) in typed.items()}


def thaw(item: AgendaItem, fields: Iterable[str]) -> None:
    """Take updates of these texts again."""
    _hold(_locked(item, fields).values(), False)


def begin(item: AgendaItem, decision: Decision | None) -> None:
    """Make both texts of an item that is on the table. What is there stays; a new one begins with the words that the decision
    has already (of an item that was written before its texts were shared)."""
    TextDocument.objects.bulk_create(
        [
            TextDocument(
                id=new_id(),
                hospital_id=item.hospital_id,
                board_id=item.meeting.board_id,
                item=item,
                case_id=item.referral.case_id if item.referral else None,
                field=field,
            )
            for field in FIELDS
        ],
        ignore_conflicts=True,
    )
    words = {DISCUSSION: decision.discussion, RECOMMENDATION: decision.text} if decision is not None else {}
    if any(words.values()):
        for field, document in _locked(item, FIELDS).items():
            if document.n == 0 and words[field]:
                _seed(document, words[field])


def write(item: AgendaItem, field: str, words: str, by: Person) -> None:
    """Put ``words`` in place of what a text says, as one update by ``by``: for what is prepared or brought in, not typed at the
    table. The caller holds the right and answers for the item being open."""
    begin(item, None)
    document = _locked(item, [field])[field]
    rows = TextUpdate.objects.filter(document=document, n__lte=document.n).order_by("n").values_list("data", flat=True)
    made = assemble(rows)
    before = made.get_state()
    with made.transaction():
        text = made[ROOT]
        del text[0 : len(text)]
        text += as_typed(words)
    document.n += 1
    TextUpdate.objects.create(
        document=document, hospital_id=document.hospital_id, n=document.n, data=made.get_update(before), by=by, at=now()
    )
    document.save(update_fields=["n"])


def as_typed(words: str) -> str:
    """Words from elsewhere as a text field of a browser holds them: lines end in one character, and there is no NUL."""
    return words.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")


def digest(words: dict[str, str]) -> str:
    """SHA-256 (hexadecimal) of the texts as they were frozen: discussion, a NUL (which no text holds), recommendation; in UTF-8."""
    return hashlib.sha256("\0".join(words.get(field, "") for field in FIELDS).encode()).hexdigest()


def _locked(item: AgendaItem, fields: Iterable[str]) -> dict[str, TextDocument]:
    """The documents, locked; always in the same order, so that two who want both never wait for each other."""
    wanted = list(fields)
    found = TextDocument.objects.select_for_update(of=("self",)).filter(item=item, field__in=wanted).order_by("field")
    return {document.field: document for document in found}


def _read(document: TextDocument) -> tuple[int, str]:
    rows = TextUpdate.objects.filter(document=document, n__lte=document.n).order_by("n").values_list("data", flat=True)
    return document.n, plain(assemble(rows))


def _hold(documents: Iterable[TextDocument], frozen: bool) -> None:
    changed = [document for document in documents if document.frozen != frozen]
    if changed:
        TextDocument.objects.filter(pk__in=[document.pk for document in changed]).update(frozen=frozen)


def _seed(document: TextDocument, words: str) -> None:
    made: Doc[Text] = Doc({ROOT: Text(as_typed(words))})
    TextUpdate.objects.create(
        document=document, hospital_id=document.hospital_id, n=1, data=made.get_update(), by=None, at=now()
    )
    document.n = 1
    document.save(update_fields=["n"])
