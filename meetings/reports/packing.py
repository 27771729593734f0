"""The paper pack of a meeting, for the day the network is down: the agenda with names, and every case with its documents.

One PDF, encrypted with AES-256 (ISO 32000-2) under a passphrase that whoever asks for it is shown once and that is kept nowhere. It is
made out of what that person may read, each case through ``access``, which writes the read row.
"""

from __future__ import annotations

import io
import logging
import secrets
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from PIL import Image, ImageOps
from pypdf import PdfReader, PdfWriter

from cases.access import visible_documents
from cases.models import Document
from mdo.kernel.acting import Actor
from mdo.kernel.encryption import Damaged
from mdo.kernel.errors import Denied, NotFound, RuleBroken
from mdo.kernel.storage import storage
from meetings import access
from meetings.models import AgendaItem, Meeting
from meetings.reports import content, writing
from meetings.reports.printing import case_sheet_pdf

log = logging.getLogger(__name__)

# Letters and digits that are not taken for each other when they are copied by hand, in groups of four: 100 bits.
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _EACH = 5, 4
SHORTEST: Final = 12
MOST_PAGES: Final = 1_500
MOST_BYTES: Final = 150 * 1024 * 1024
_A4 = (1240, 1754)  # at 150 dots an inch


def new_passphrase() -> str:
    """Five groups of four letters and digits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_EACH)) for _ in range(_GROUPS))


@dataclass
class Pack:
    """A pack while it is made: pages, with a bookmark for each case."""

    writer: PdfWriter
    pages: int = 0
    size: int = 0

    def add(self, body: bytes, bookmark: str | None = None) -> int:
        """Put a PDF behind what is there; the number of its pages. Raises ``RuleBroken`` above the bounds."""
        reader = PdfReader(io.BytesIO(body))
        self.pages += len(reader.pages)
        self.size += len(body)
        if self.pages > MOST_PAGES or self.size > MOST_BYTES:
            raise RuleBroken(_("This is too much for one pack. Print the larger documents apart."))
        first = len(self.writer.pages)
        for page in reader.pages:
            self.writer.add_page(page)
        if bookmark is not None:
            self.writer.add_outline_item(title=bookmark, page_number=first)
        return len(reader.pages)


def paper_pack(
    by: Actor, meeting: Meeting, agenda: bytes, numbers: dict[UUID, content.AgendaLine], language: str, passphrase: str
) -> bytes:
    """The encrypted pack of a meeting, behind its ``agenda`` (a PDF). ``numbers``: of each item that ``by`` may read, its line there.

    Raises ``RuleBroken`` where it would grow too large. Each case that is in it was read by ``by``.
    """
    pack = Pack(PdfWriter())
    pack.add(agenda, _("Agenda"))
    for item_id, line in numbers.items():
        try:
            item = access.access_item_for_reading(by, meeting.pk, item_id)
        except (Denied, NotFound):  # it went out of reach while this was made
            continue
        _add_case(pack, by, meeting, item, line, language)
    pack.writer.encrypt(passphrase, algorithm="AES-256")
    body = io.BytesIO()
    pack.writer.write(body)
    return body.getvalue()


def _add_case(
    pack: Pack, by: Actor, meeting: Meeting, item: AgendaItem, line: content.AgendaLine, language: str
) -> None:
    assert item.referral is not None
    found = list(visible_documents(by).filter(case=item.referral.case_id).order_by("uploaded_at", "pk"))
    bodies = [(document, _pages_of(document)) for document in found]
    with translation.override(language):
        rows = tuple(
            content.Row(str(document.get_kind_display()), _said_of(document, body)) for document, body in bodies
        )
    sheet = writing.case_sheet(meeting, item, line, rows, language)
    pack.add(case_sheet_pdf(sheet, language), f"{line.number or '–'} · {line.pseudonym}")
    for _document, body in bodies:
        if body is not None:
            pack.add(body)


def _said_of(document: Document, body: bytes | None) -> str:
    if body is None:
        return _("%(name)s: cannot be printed here") % {"name": document.name}
    pages = len(PdfReader(io.BytesIO(body)).pages)
    return f"{document.name} ({ngettext('%(n)d page', '%(n)d pages', pages) % {'n': pages}})"


def _pages_of(document: Document) -> bytes | None:
    """A document as pages: a PDF as it is, a picture on a page of its own; ``None`` for what cannot be."""
    try:
        with storage.open(document.storage_name) as file:
            body = file.read()
        if document.content_type != "application/pdf":
            return _picture(body)
        PdfReader(io.BytesIO(body)).pages[0]
        return body
    except (Damaged, OSError):
        log.warning("document %s cannot be read for a pack", document.pk)
    except Exception as error:  # a PDF may be broken in more ways than pypdf has errors for
        log.warning("document %s has no pages for a pack (%s)", document.pk, type(error).__name__)
    return None


def _picture(body: bytes) -> bytes:
    with Image.open(io.BytesIO(body)) as opened:
        shown = ImageOps.exif_transpose(opened).convert("RGB")
        shown.thumbnail(_A4 if shown.height >= shown.width else _A4[::-1])
        page = io.BytesIO()
        shown.save(page, "PDF", resolution=150.0)
        return page.getvalue()
