"""CSV: the encoding and the separator are found out and said, since a spreadsheet writes neither down."""

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO, Final

import filetype
from django.utils.translation import gettext_lazy as _

from cases.exchange.tables import (
    LONGEST_CELL,
    MAX_BYTES,
    MOST_COLUMNS,
    MOST_LINES,
    Cell,
    Facts,
    InvalidTable,
    Row,
    Table,
    plain,
    too_many_columns,
    too_many_rows,
    with_header,
)

DELIMITERS: Final = (";", ",", "\t")
_LOOKED_AT = 30  # lines, to find the separator


def decode(file: BinaryIO) -> tuple[str, str]:
    """The text and the name of its encoding. A byte order mark decides; else UTF-16 shows by its zeros, UTF-8 by being valid, and
    what remains is Windows-1252 (Excel's own in Western Europe). Raises ``InvalidTable`` for what is no text."""
    file.seek(0)
    content = file.read(MAX_BYTES + 1)
    try:
        if content.startswith(b"\xef\xbb\xbf"):
            return _text(content[3:].decode("utf-8"), content), "UTF-8 (BOM)"
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return _text(content.decode("utf-16"), content), "UTF-16"
        if b"\x00" in content[:4096]:
            return _text(content.decode("utf-16-le" if content[1:2] == b"\x00" else "utf-16-be"), content), "UTF-16"
    except UnicodeDecodeError as error:
        raise _no_text(content) from error
    try:
        return _text(content.decode("utf-8"), content), "UTF-8"
    except UnicodeDecodeError:
        pass
    try:
        return _text(content.decode("cp1252"), content), "Windows-1252"
    except UnicodeDecodeError as error:
        raise _no_text(content) from error


def _text(text: str, content: bytes) -> str:
    if any(c < " " and c not in "\t\n\r\f\v\x1a" for c in text[:4096]) or "\x00" in text:
        raise _no_text(content)
    return text


def _no_text(content: bytes) -> InvalidTable:
    if filetype.guess_mime(content) is not None or content.startswith(b"%PDF-"):
        return InvalidTable(
            _("This is no XLSX, CSV or JSON file, whatever its name says. Export the list anew."), code="type"
        )
    return InvalidTable(
        _("The letters of this file cannot be read. Save it as “CSV UTF-8” or as XLSX."), code="encoding"
    )


def open_delimited(text: str, encoding: str) -> Table:
    """The table in a text with separators. Raises ``InvalidTable``."""
    if text.startswith(("%PDF-", "<", "{\\rtf")):
        raise InvalidTable(
            _("This is no XLSX, CSV or JSON file, whatever its name says. Export the list anew."), code="type"
        )
    delimiter = ""
    if text[:4].lower() == "sep=" and len(text) > 4 and text[4] in DELIMITERS:  # Excel's own way to say it
        delimiter = text[4]
    delimiter = delimiter or _delimiter(text)

    def lines() -> Iterator[Row]:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        number = 0
        try:
            for number, fields in enumerate(reader, start=1):
                if number > MOST_LINES:
                    raise too_many_rows()
                if len(fields) > 2 * MOST_COLUMNS:
                    raise too_many_columns()
                if number == 1 and text[:4].lower() == "sep=":
                    continue
                yield Row(number, tuple(_cell(field) for field in fields))
        except csv.Error as error:
            raise InvalidTable(
                _("The quotation marks on line %(line)d do not close. Export the list anew."),
                code="quotes",
                params={"line": number + 1},
            ) from error

    return with_header(lines, Facts("csv", encoding=encoding, delimiter=delimiter))


def _cell(field: str) -> Cell:
    text = field.strip().strip("\x1a")
    if text.startswith(("=", "@")) and len(text) <= LONGEST_CELL:
        return Cell(text[:100], fault="formula")
    return plain(text)


def _delimiter(text: str) -> str:
    """The separator with which the first lines fall apart into the most columns, of equal number."""
    head = "".join(text[:200_000].splitlines(keepends=True)[:_LOOKED_AT])
    best, most = ";", 0.0
    for delimiter in DELIMITERS:
        try:
            widths = [
                len(fields) for fields in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter) if fields
            ]
        except csv.Error:
            continue
        if not widths:
            continue
        usual = max(set(widths), key=lambda width: (widths.count(width), width))
        score = usual + widths.count(usual) / len(widths) if usual > 1 else 0.0
        if score > most:
            best, most = delimiter, score
    return best
