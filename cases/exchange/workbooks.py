"""XLSX, streamed: sizes are looked at before anything is unpacked, formulas and merged cells are found and never computed.

Source: ISO/IEC 29500-1 (SpreadsheetML). Office's own encryption and the old XLS are OLE containers ([MS-CFB]), told apart by the
stream that only an encrypted one has.
"""

import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any, BinaryIO, Final

import openpyxl
from django.utils.translation import gettext_lazy as _
from openpyxl.utils.cell import range_boundaries
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from cases.exchange.tables import (
    MOST_COLUMNS,
    MOST_LINES,
    Cell,
    Facts,
    InvalidTable,
    Row,
    Table,
    damaged,
    encrypted,
    plain,
    too_many_rows,
    with_header,
)

ZIP: Final = b"PK\x03\x04"
OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MOST_PARTS = 500
MOST_UNPACKED = 150 * 1024 * 1024  # bytes of all parts together
MOST_STRINGS = 40 * 1024 * 1024  # the table of texts is held in memory
MOST_MERGES = 5_000
_MERGE = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]{0,200}?ref=\"([A-Z]{1,3}[0-9]{1,7}:[A-Z]{1,3}[0-9]{1,7})\"")
_OVERLAP = 400  # bytes of one piece that are looked at again with the next


def refuse_ole(file: BinaryIO) -> InvalidTable:
    """Why an OLE container is refused: a password, or the XLS of before 2007."""
    file.seek(0)
    if "EncryptedPackage".encode("utf-16-le") in file.read():
        return encrypted()
    return InvalidTable(_("This is an old XLS file. Save it as XLSX or CSV."), code="type")


def open_workbook(file: BinaryIO) -> Table:
    """The table on the first sheet that is not hidden. Raises ``InvalidTable``."""
    archive = _inspected(file)
    try:
        file.seek(0)
        book = openpyxl.load_workbook(file, read_only=True, data_only=False, keep_links=False)
        visible = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        hidden = tuple(sheet.title[:80] for sheet in book.worksheets if sheet.sheet_state != "visible")
        if not visible:
            raise InvalidTable(_("The workbook has no sheet that is not hidden."), code="no_sheet")
        sheet: Any = visible[0]
        merges = _merges(archive, sheet._worksheet_path)  # openpyxl does not read merges while streaming
        epoch_1904 = book.epoch == CALENDAR_MAC_1904
    except InvalidTable:
        raise
    # A parser fed with hostile bytes fails in every way that Python knows; to the sender it is one thing.
    except Exception as error:
        raise damaged() from error

    def lines() -> Iterator[Row]:
        try:
            for number, cells in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS + 1), start=1):
                if number > MOST_LINES:
                    raise too_many_rows()
                width = len(cells)
                while (
                    width and cells[width - 1].value is None
                ):  # most lines are much shorter than the widest one may be
                    width -= 1
                row = [_cell(cell) for cell in cells[:width]]
                yield Row(number, _marked(number, row, merges) if merges else tuple(row))
        except InvalidTable:
            raise
        except Exception as error:
            raise damaged() from error

    facts = Facts(
        "xlsx",
        sheet=sheet.title[:80],
        hidden_sheets=hidden,
        other_sheets=tuple(each.title[:80] for each in visible[1:]),
        epoch_1904=epoch_1904,
    )
    return with_header(lines, facts)


def _inspected(file: BinaryIO) -> zipfile.ZipFile:
    """The archive, when it is a workbook of a size that may be unpacked. What a part says of its size is also all that is read of it."""
    try:
        file.seek(0)
        archive = zipfile.ZipFile(file)
        parts = archive.infolist()
    except Exception as error:
        raise damaged() from error
    if any(part.flag_bits & 0x1 for part in parts):
        raise encrypted()
    names = {part.filename for part in parts}
    if any(name.endswith("vbaProject.bin") for name in names):
        raise InvalidTable(_("The workbook holds macros. Save it as XLSX without macros."), code="macros")
    if "xl/workbook.xml" not in names or "[Content_Types].xml" not in names:
        raise InvalidTable(
            _("This is no XLSX, CSV or JSON file, whatever its name says. Export the list anew."), code="type"
        )
    unpacked = sum(part.file_size for part in parts)
    texts = sum(part.file_size for part in parts if part.filename.lower().endswith("sharedstrings.xml"))
    if len(parts) > MOST_PARTS or unpacked > MOST_UNPACKED or texts > MOST_STRINGS:
        raise InvalidTable(
            _("The workbook is too large once it is unpacked. Copy the list alone into a new workbook."), code="bomb"
        )
    for part in parts:
        if part.filename.endswith((".xml", ".rels")):
            with archive.open(part) as stream:
                if b"<!DOCTYPE" in stream.read(1024):  # no spreadsheet has one; entities could grow without end
                    raise damaged()
    return archive


def _merges(archive: zipfile.ZipFile, path: str) -> list[tuple[int, int, int, int]]:
    """The merged areas of a sheet as (first column, first row, last column, last row), from 1. They stand behind all cells."""
    found: list[tuple[int, int, int, int]] = []
    with archive.open(path.lstrip("/")) as stream:
        before = b""
        while piece := stream.read(1 << 20):
            text = before + piece
            end = 0
            for match in _MERGE.finditer(text):
                found.append(range_boundaries(match[1].decode()))  # type: ignore[arg-type]
                end = match.end()
                if len(found) > MOST_MERGES:
                    raise InvalidTable(_("The sheet holds too many merged cells. Unmerge them."), code="merges")
            before = text[max(end, len(text) - _OVERLAP) :]
    return found


def _marked(number: int, row: list[Cell], merges: list[tuple[int, int, int, int]]) -> tuple[Cell, ...]:
    """The cells of a line, those of a merged area saying so: which row the content belongs to is anybody's guess."""
    for left, top, right, bottom in merges:
        if top <= number <= bottom:
            row += [Cell()] * (min(right, MOST_COLUMNS) - len(row))
            for column in range(left - 1, min(right, MOST_COLUMNS)):
                row[column] = Cell(row[column].text[:100], fault="merged")
    return tuple(row)


def _cell(cell: Any) -> Cell:
    value, kind = cell.value, cell.data_type
    if value is None:
        return Cell()
    if kind == "f":
        return Cell("=…", fault="formula")
    if kind == "e":
        return Cell(str(value)[:20], fault="error")
    if isinstance(value, datetime):
        return Cell(value.date().isoformat() if value.time() == time.min else value.isoformat(" "), day=value.date())
    if isinstance(value, date):
        return Cell(value.isoformat(), day=value)
    if isinstance(value, bool):
        return Cell("1" if value else "0")
    if isinstance(value, int | float):
        text = str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)
        return Cell(text, serial=float(value))
    return plain(str(value).strip())
