"""The letters of a meeting that wait to be printed: one PDF, each report behind a page for an envelope with a window."""

import io
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
from mdo.kernel.errors import Unavailable
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
    """For a board's page: ``{"number", "days"}``, how many letters of all its meetings wait to be printed, and each day on which some were made
    with their ids; nothing where there is none, or somebody with this place does not deliver. One query."""
    of = access.hospitals(standing)
    if not of:
        return None
    zone = ZoneInfo(standing.board.time_zone)
    rows = list(access.visible_letters(standing.board, of).order_by("created_at", "pk").values_list("pk", "created_at"))
    days: dict[date, list[UUID]] = {}
    for key, made in rows:
        days.setdefault(made.astimezone(zone).date(), []).append(key)
    return {"number": len(rows), "days": sorted(days.items())} if rows else None


def print_all(rows: Sequence[Dispatch]) -> tuple[bytes, list[Dispatch]]:
    """One PDF of all whose file can be read, and the others; each begins on a right-hand page when it is printed on both sides. Raises
    ``Unavailable`` where not one can be read: then it is the store that is at fault, not a letter."""
    writer, lost = PdfWriter(), []
    for row in rows:
        body = _body(row)
        if body is None:
            lost.append(row)
            continue
        _add(writer, _cover(row))
        _add(writer, body)
    if len(lost) == len(rows):
        raise Unavailable(_("This document cannot be read now. Ask your administrator."))
    whole = io.BytesIO()
    writer.write(whole)
    return whole.getvalue(), lost


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


def _body(row: Dispatch) -> bytes | None:
    assert row.report is not None
    try:
        return read_whole(row.report.storage_name)
    except Unavailable:
        return None


def _add(writer: PdfWriter, body: bytes) -> None:
    pages = PdfReader(io.BytesIO(body)).pages
    for page in pages:
        writer.add_page(page)
    if len(pages) % 2:
        writer.add_blank_page()
