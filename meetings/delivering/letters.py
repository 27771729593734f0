"""The letters of a meeting that wait to be printed: one PDF, each report behind a page for an envelope with a window."""

import io
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _
from pypdf import PdfReader, PdfWriter

from mdo.directory.access import Standing
from mdo.directory.details import address_of
from mdo.directory.models import Board, Organisation
from mdo.kernel.storage import read_whole
from meetings.delivering import access
from meetings.models import Dispatch, Meeting
from meetings.reports.printing import cover_pdf


def waiting(meeting: Meeting, of: frozenset[UUID]) -> list[Dispatch]:
    """The letters to print, by recipient: of patients who may be read alone."""
    return _by_recipient(access.visible_letters(meeting.board, of).filter(meeting=meeting))


def waiting_of_board(board: Board, of: frozenset[UUID], day: date | None = None) -> list[Dispatch]:
    """The same of all meetings of a board; of one day, the letters that were made on it, where the board sits."""
    found = access.visible_letters(board, of)
    if day is not None:
        start = datetime.combine(day, time(), ZoneInfo(board.time_zone))
        found = found.filter(created_at__gte=start, created_at__lt=start + timedelta(days=1))
    return _by_recipient(found)


def _by_recipient(found: QuerySet[Dispatch]) -> list[Dispatch]:
    rows = found.select_related("hospital", "recipient", "report__decision__board", "meeting")
    return list(rows.order_by("recipient__last_name", "recipient", "created_at", "pk"))


def waiting_letters(standing: Standing) -> Mapping[str, Any] | None:
    """For a board's page: ``{"ids", "days"}``, the letters of all its meetings that wait to be printed, and the days on which they were made;
    nothing where there is none, or somebody with this place does not deliver. One query."""
    of = access.hospitals(standing)
    if not of:
        return None
    zone = ZoneInfo(standing.board.time_zone)
    rows = list(access.visible_letters(standing.board, of).order_by("created_at", "pk").values_list("pk", "created_at"))
    days = Counter(made.astimezone(zone).date() for _id, made in rows)
    return {"ids": [key for key, _made in rows], "days": sorted(days.items())} if rows else None


def print_all(rows: Sequence[Dispatch]) -> bytes:
    """All of them as one PDF; each begins on a right-hand page when it is printed on both sides. Raises ``Unavailable``."""
    writer = PdfWriter()
    for row in rows:
        _add(writer, _cover(row))
        _add(writer, _body(row))
    body = io.BytesIO()
    writer.write(body)
    return body.getvalue()


def _cover(row: Dispatch) -> bytes:
    report, recipient = row.report, row.recipient
    assert report is not None
    assert report.decision is not None
    assert recipient is not None
    with translation.override(report.language):
        text = _("Enclosed: %(what)s, %(board)s.") % {
            "what": report.get_kind_display(),
            "board": report.decision.board.name,
        }
    address = "\n".join((recipient.display_name, *filter(None, map(str.strip, address_of(recipient).splitlines()))))
    return cover_pdf(
        sender=sender_of(row.hospital),
        recipient=address,
        text=text,
        when=report.created_at,
        zone=report.decision.board.time_zone,
        language=report.language,
    )


def sender_of(hospital: Organisation) -> str:
    """The lines of the sender above the window of an envelope."""
    where = hospital.postal_address or hospital.city
    return "\n".join(filter(None, (hospital.name, *map(str.strip, where.splitlines()))))


def _body(row: Dispatch) -> bytes:
    assert row.report is not None
    return read_whole(row.report.storage_name)


def _add(writer: PdfWriter, body: bytes) -> None:
    pages = PdfReader(io.BytesIO(body)).pages
    for page in pages:
        writer.add_page(page)
    if len(pages) % 2:
        writer.add_blank_page()
