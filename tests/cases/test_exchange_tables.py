"""Reading lists: what is taken, how it was read, and every kind of file and cell that is refused."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import openpyxl
import pytest

from cases.exchange import tables, workbooks
from cases.exchange.columns import import_definition
from cases.exchange.reading import open_table
from cases.exchange.tables import Cell, InvalidTable, Row, Table
from cases.exchange.templates import template
from cases.exchange.values import InvalidCell, day_of, text_of


def workbook(rows: list[list[Any]], change: Callable[[Any, Any], None] | None = None) -> bytes:
    book = openpyxl.Workbook()
    sheet: Any = book.active
    for row in rows:
        sheet.append(row)
    if change is not None:
        change(book, sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def read(content: bytes) -> Table:
    return open_table(io.BytesIO(content))


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows()]


def refusal(content: bytes, *, rows: bool = False) -> str:
    try:
        table = read(content)
        if rows:
            list(table.rows())
    except InvalidTable as error:
        return str(error.code)
    return "taken"


HEAD = ["INSZ", "Naam", "Geboren"]


# --- text files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "UTF-8"),
        ("utf-8-sig", "UTF-8 (BOM)"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("cp1252", "Windows-1252"),
    ],
)
@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
def test_encoding_and_separator_are_found_and_said(encoding: str, said: str, delimiter: str) -> None:
    lines = [HEAD, ["1", "Müller–Öztürk", '"1, of\n2; drie"'], ["", "", ""], ["2", "Hélène", ""]]
    table = read("\r\n".join(delimiter.join(line) for line in lines).encode(encoding))
    assert (table.facts.kind, table.facts.encoding, table.facts.delimiter) == ("csv", said, delimiter)
    assert table.header == tuple(HEAD)
    assert texts(table) == [["1", "Müller–Öztürk", "1, of\n2; drie"], ["2", "Hélène", ""]]
    assert [row.number for row in table.rows()] == [2, 4]


def test_excels_own_line_and_a_title_stand_above_the_headers() -> None:
    table = read(b"sep=,\nLijst MOC borst\nINSZ,Naam\n1,A\n")
    assert (table.header, texts(table), [row.number for row in table.rows()]) == (("INSZ", "Naam"), [["1", "A"]], [4])


def test_a_formula_in_a_text_file_is_no_text() -> None:
    [row] = read(b"INSZ;Naam;Telefoon\n1;=HYPERLINK(1);+32 3 100 00 00\n").rows()
    assert [cell.fault for cell in row.cells] == ["", "formula", ""]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n", "empty"),
        (b"%PDF-1.7\n%\xe2\xe3", "type"),
        (b"<html><table><tr><td>a</td></tr></table>", "type"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "type"),
        (b"Naam;Voornaam\n\x81\x8d;x\n", "encoding"),
        (b"\xff\xfeN", "encoding"),
        (b"just one word\nand another\n", "no_header"),
        (b"Naam;naam \n1;2\n", "duplicate_header"),
        (b"=A1;Naam\n1;2\n", "header"),
        (";".join(f"k{n}" for n in range(101)).encode(), "too_many_columns"),
        (b'{"decisions": [{"a": 1, "a": 2}]}', "json_twice"),
        (b'{"decisions": [{"a": NaN, "b": 2}]}', "json"),
        (b"[" * 100_000, "json"),
        (b'{"patients": []}', "json_shape"),
        (b'[{"a": 1}]', "json_shape"),
    ],
)
def test_what_is_no_list_is_refused(content: bytes, code: str) -> None:
    assert refusal(content) == code


def test_quotation_marks_that_do_not_close_are_named() -> None:
    assert refusal(b'INSZ;Naam\n1;"A\n2;B\n', rows=True) == "quotes"


def test_more_rows_than_stated_are_refused_and_as_many_are_taken() -> None:
    body = "INSZ;Naam\n" + "1;A\n" * tables.MOST_ROWS
    assert sum(1 for _ in read(body.encode()).rows()) == tables.MOST_ROWS
    assert refusal((body + "1;A\n").encode(), rows=True) == "too_many_rows"
    assert refusal(("INSZ;Naam\n" + ";\n" * tables.MOST_LINES).encode(), rows=True) == "too_many_rows"


def test_json_records_are_a_table() -> None:
    records = [{"family_name": "A", "steps": ["Heelkunde", "Opvolging"]}, {"family_name": "B", "text": {"x": 1}}]
    table = read(json.dumps({"decisions": records}).encode())
    assert table.header == ("family_name", "steps", "text")
    rows = list(table.rows())
    assert [cell.text for cell in rows[0].cells] == ["A", "Heelkunde\nOpvolging", ""]
    assert rows[1].cells[2].fault == "shape"


# --- workbooks ---------------------------------------------------------------------------------------------------------


def test_a_workbook_gives_days_numbers_and_texts() -> None:
    def change(book: Any, sheet: Any) -> None:
        book.create_sheet("Geheim").sheet_state = "hidden"
        book.create_sheet("Nota's")

    table = read(workbook([HEAD, [65041235794, "A", date(1965, 4, 12)], [None] * 3, ["7", "B", 23844]], change))
    assert (table.facts.kind, table.facts.sheet) == ("xlsx", "Sheet")
    assert (table.facts.hidden_sheets, table.facts.other_sheets) == (("Geheim",), ("Nota's",))
    rows = list(table.rows())
    assert rows[0] == Row(
        2, (Cell("65041235794", serial=65041235794.0), Cell("A"), Cell("1965-04-12", day=date(1965, 4, 12)))
    )
    assert [day_of(row.cells[2]) for row in rows] == ["1965-04-12", "1965-04-12"]


def test_formulas_errors_and_merges_are_said_cell_by_cell() -> None:
    def change(book: Any, sheet: Any) -> None:
        sheet.merge_cells("B3:B4")
        sheet["C4"].value, sheet["C4"].data_type = "#REF!", "e"

    table = read(workbook([HEAD, ["1", "A", "=TODAY()"], ["2", "B", "x"], ["3", "C", "y"]], change))
    assert [[cell.fault for cell in row.cells] for row in table.rows()] == [
        ["", "", "formula"],
        ["", "merged", ""],
        ["", "merged", "error"],
    ]


def _encrypted_zip() -> bytes:
    content = bytearray(workbook([HEAD]))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def _zip(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def _merged_header(book: Any, sheet: Any) -> None:
    sheet.merge_cells("A1:B1")


def _hidden(book: Any, sheet: Any) -> None:
    book.create_sheet("x").sheet_state = "hidden"
    book.create_chartsheet("y")
    sheet.sheet_state = "hidden"


SMALL = {"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}
BOMB = {**SMALL, "xl/worksheets/sheet1.xml": b" " * (151 << 20)}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (lambda: workbooks.OLE + b"\0" * 600, "type"),
        (lambda: workbooks.OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (_encrypted_zip, "encrypted"),
        (lambda: _zip(**{"word/document.xml": b"<x/>", "[Content_Types].xml": b"<x/>"}), "type"),
        (lambda: _zip(**{**SMALL, "xl/vbaProject.bin": b"x"}), "macros"),
        (lambda: _zip(**BOMB), "bomb"),
        (lambda: _zip(**{**SMALL, "xl/worksheets/sheet1.xml": b'<!DOCTYPE x [<!ENTITY a "b">]><x/>'}), "damaged"),
        (lambda: workbook([HEAD])[:-200], "damaged"),
        (lambda: b"PK\x03\x04" + b"x" * 300, "damaged"),
        (lambda: workbook([HEAD, ["1"]], _merged_header), "header"),
        (lambda: workbook([["Naam", "naam"], ["1"]]), "duplicate_header"),
        (lambda: workbook([[]]), "no_header"),
        (lambda: b"x" * (tables.MAX_BYTES + 1), "too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_workbooks_that_cannot_be_trusted_are_refused(content: Callable[[], bytes], code: str) -> None:
    assert refusal(content()) == code


def test_a_million_formatted_lines_end_at_the_limit() -> None:
    def change(book: Any, sheet: Any) -> None:
        sheet.cell(1_000_000, 1).value = "far"

    assert refusal(workbook([HEAD, ["1", "A"]], change), rows=True) == "too_many_rows"


# --- headers and cells ---------------------------------------------------------------------------------------------------


def test_headers_are_known_in_four_languages() -> None:
    fields = ["national_number", "family_name", "given_name", "question", "requester", "requested_on", "reason"]
    for header in (
        ["Rijksregisternummer", "NAAM", "Voornaam", "Vraagstelling", "Aanvrager", "Aanvraagdatum", "Reden"],
        ["N° national", "Nom", "Prénom", "Question posée", "Demandeur", "Date de la demande", "Motif"],
        ["Nationalregisternummer", "Nachname", "Vorname", "Fragestellung", "Anmelder", "Anmeldedatum", "Grund"],
        ["national_number", "family name", "First name", "question", "requester", "requested_on", "Reason"],
    ):
        found = import_definition("submissions").match(header)
        assert {**dict.fromkeys(range(7), ""), **found} == dict(enumerate(fields)) | (
            {0: ""} if header[0] == "N° national" else {}
        )
    assert import_definition("submissions").missing(found) == []
    assert import_definition("decisions").missing({0: "family_name", 1: "steps"}) == [
        ("national_number", "other_identifier"),
        ("given_name",),
        ("decided_on",),
    ]


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        (Cell("31/12/2026"), "2026-12-31"),
        (Cell("1-2-2026"), "2026-02-01"),
        (Cell("01.02.2026 14:00"), "2026-02-01"),
        (Cell("2026-02-01T14:00:00Z"), "2026-02-01"),
        (Cell("20260201"), "2026-02-01"),
        (Cell("46054"), "2026-02-01"),
        (Cell("46054.5", serial=46054.5), "2026-02-01"),
        (Cell(), ""),
    ],
)
def test_days_are_read_however_they_are_held(cell: Cell, day: str) -> None:
    assert day_of(cell) == day


def test_an_old_macintosh_counts_from_1904() -> None:
    assert day_of(Cell("44592", serial=44592), epoch_1904=True) == "2026-02-01"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("31/02/2026", "The day 31/02/2026 does not exist."),
        ("02/28/2026", "The day 02/28/2026 does not exist."),
        ("1/2/26", "Write the year with four digits."),
        ("morgen", "This is no date. Write it as day/month/year, like 31/12/2026."),
        ("12", "This is no date. Write it as day/month/year, like 31/12/2026."),
    ],
)
def test_days_that_are_none_are_said(text: str, said: str) -> None:
    with pytest.raises(InvalidCell) as caught:
        day_of(Cell(text))
    assert str(caught.value) == said


def test_words_stand_for_codes_and_a_lost_zero_comes_back() -> None:
    fields = import_definition("submissions").field
    assert [text_of(fields("sex"), Cell(word)) for word in ("V", "Homme", "weiblich", "")] == [
        "female",
        "male",
        "female",
        "",
    ]
    with pytest.raises(InvalidCell):
        text_of(fields("sex"), Cell("ja"))
    assert text_of(fields("national_number"), Cell("1020312345", serial=1020312345.0)) == "01020312345"


# --- the template ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["submissions", "decisions"])
@pytest.mark.parametrize("language", ["nl", "fr", "de", "en"])
def test_the_template_is_read_back_and_every_column_is_known(kind: str, language: str) -> None:
    definition = import_definition(kind)
    evil = '=HYPERLINK("http://x")'
    content = template(definition, language, {definition.fields[0].code: [evil, "+1", "gewoon"]})
    table = read(content)
    assert list(definition.match(table.header).values()) == [field.code for field in definition.fields]
    assert list(table.rows()) == []
    book = openpyxl.load_workbook(io.BytesIO(content))
    cells = [book.worksheets[2].cell(row, 1) for row in (2, 3, 4)]
    assert [(cell.value, cell.data_type, bool(cell.quotePrefix)) for cell in cells] == [
        (evil, "s", True),
        ("+1", "s", True),
        ("gewoon", "s", False),
    ]
