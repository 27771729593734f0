"""Documents of a case: adding, taking out, sharing with guests."""

import hashlib
import weakref
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.translation import gettext as _

from cases import access
from cases.actions.dossiers import open_case, touch
from cases.coding.documents import clean_file_name, inspect
from cases.coding.errors import InvalidDocument
from cases.events import DocumentAdded, DocumentRemoved
from cases.models import Document
from cases.scanning import refuse_infected
from mdo.kernel.acting import Actor, person_id
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, NotFound, RuleBroken
from mdo.kernel.events import Event
from mdo.kernel.storage import storage

AT_MOST = 60  # documents of one case


@dataclass(frozen=True, eq=False)
class Upload:
    """A file as it arrived: its bytes and the name that the sender gave it."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def __str__(self) -> str:
        """Name and digest: what makes two tellings of one command equal, without a copy of the bytes."""
        return f"{self.name!r} {self.sha256}"

    __repr__ = __str__


class _Wish:
    """Lives in the transaction's list of things to do on commit; the list is let go when the transaction is undone."""

    def __init__(self, name: str) -> None:
        self.removal = weakref.finalize(self, storage.delete, name)
        self.removal.atexit = False  # type: ignore[misc]  # between commit and callback a process may end: then the file is wanted

    def __call__(self) -> None:
        self.removal.detach()


def store(upload: Upload) -> str:
    """Store the bytes under a random name and return it; the file goes when the open transaction is undone, wholly or in part."""
    name = storage.save(storage.name_for(uuid4()), ContentFile(upload.content))
    transaction.on_commit(_Wish(name))
    return name


@action("document.add", row="submit")
def add_document(
    *, by: Actor, case_id: UUID, document_id: UUID, kind: str, upload: Upload, command_id: UUID
) -> tuple[Event, ...]:
    """Add a file to a case. Effects: its bytes are checked, stored encrypted under a random name, shown on the case; version + 1.

    Refused: ``Invalid`` (field ``file``) for anything but a sound PDF, PNG or JPEG, whatever its name says, and for an infected one; ``Unavailable`` while the virus scanner is away; ``RuleBroken`` after
    the discussion, above 60 documents, or for a file that is in the case already; ``NotFound``, ``Denied``. Nothing of a refused file stays.
    """
    open_case(by, case_id, lock=False)  # nobody waits for the case while the scanner looks at a file
    if kind not in Document.Kind.values:
        raise Invalid({"kind": [_("Choose one of the list.")]})
    try:
        facts = inspect(upload.content)
    except InvalidDocument as error:
        raise Invalid({"file": [error.sentence]}) from None
    refuse_infected(upload.content)
    case = open_case(by, case_id)
    if case.documents.filter(removed_at=None).count() >= AT_MOST:
        raise RuleBroken(_("A case has at most %(count)d documents.") % {"count": AT_MOST}, field="file")
    if case.documents.filter(removed_at=None, sha256=upload.sha256).exists():
        raise RuleBroken(_("This very file is in the case already."), field="file")
    document = Document.objects.create(
        id=document_id,
        hospital_id=case.hospital_id,
        case=case,
        kind=kind,
        name=clean_file_name(upload.name, facts.content_type),
        content_type=facts.content_type,
        size=facts.size,
        pages=facts.pages,
        sha256=upload.sha256,
        storage_name=store(upload),
        uploaded_by_id=person_id(by),
        uploaded_at=now(),
    )
    return (
        DocumentAdded(document_id=document.pk, case_id=case.pk, hospital_id=case.hospital_id),
        touch(case),
    )


def _present(by: Actor, document_id: UUID) -> Document:
    document = access.access_document_for_submitting(by, document_id)
    if document.removed_at is not None:
        raise NotFound()
    return document


@action("document.remove", row="submit")
def remove_document(*, by: Actor, document_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Take a document out of its case. Effects: nobody can open it any more; its bytes stay in the record; version + 1.

    Refused: ``NotFound`` (also when it was taken out before), ``Denied``, ``RuleBroken`` after the discussion.
    """
    document = _present(by, document_id)
    case = open_case(by, document.case_id)
    document.removed_at = now()
    document.save(update_fields=["removed_at"])
    return (
        DocumentRemoved(document_id=document.pk, case_id=case.pk, hospital_id=case.hospital_id),
        touch(case),
    )


@action("document.share", row="submit")
def share_document(*, by: Actor, document_id: UUID, shared: bool, command_id: UUID) -> tuple[Event, ...]:
    """Say whether a guest of the item may open the document while the item is open. Effects: so it is from now on; version + 1.

    Refused: ``NotFound``, ``Denied``.
    """
    document = _present(by, document_id)
    document.shared_with_guests = shared
    document.save(update_fields=["shared_with_guests"])
    return (touch(document.case),)
