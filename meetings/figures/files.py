"""Figures as files for a spreadsheet: CSV and XLSX, the same tables as on the page."""

import csv
import io

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from cases.exchange.templates import plain_cell, put_text
from meetings.figures.tables import Cell, Figures, Unit

_FORMATS = {Unit.COUNT: "0", Unit.PER_CENT: "0.0", Unit.MINUTES: "0.0", Unit.DAYS: "0.0"}
_LONGEST_TITLE = 31  # of a sheet (ECMA-376)


def _heads(figures: Figures) -> list[tuple[str, list[str]]]:
    """Each table's title with its headers, units said."""
    units = {Unit.COUNT: "", Unit.PER_CENT: " (%)", Unit.MINUTES: _(" (min)"), Unit.DAYS: _(" (days)")}
    return [
        (each.title, [each.first, *(f"{column.label}{units[column.unit]}" for column in each.columns)])
        for each in figures.tables
    ]


def as_csv(figures: Figures, above: list[str]) -> bytes:
    """UTF-8 with its mark, semicolons (what a Belgian Excel opens by itself), one table below the other; ``above``: first lines.
    A text that a spreadsheet would take for a formula is led by an apostrophe."""
    out = io.StringIO()
    lines = csv.writer(out, delimiter=";", lineterminator="\r\n")
    for each in above:
        lines.writerow([plain_cell(each)])
    lines.writerow([])
    lines.writerow([_("Figure"), _("Value")])
    for headline in figures.headlines:
        lines.writerow([plain_cell(headline.label), headline.text])
    for (title, heads), table in zip(_heads(figures), figures.tables, strict=True):
        lines.writerow([])
        lines.writerow([plain_cell(title)])
        lines.writerow([plain_cell(head) for head in heads])
        for row in table.rows:
            lines.writerow([plain_cell(row.label), *(_number(cell) for cell in row.cells)])
    return ("\ufeff" + out.getvalue()).encode()


def _number(cell: Cell) -> str:
    if cell.value is None or not isinstance(cell.value, (int, float)):
        return cell.text
    return str(round(cell.value, 1)).removesuffix(".0").replace(".", ",")


def as_xlsx(figures: Figures, above: list[str]) -> bytes:
    """One sheet for the headlines and one for each table, numbers as numbers."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = _("Figures")[:_LONGEST_TITLE]
    for row, each in enumerate(above, start=1):
        put_text(sheet, row, 1, each)
    start = len(above) + 2
    for row, headline in enumerate(figures.headlines, start=start):
        put_text(sheet, row, 1, headline.label)
        put_text(sheet, row, 2, headline.text)
        put_text(sheet, row, 3, headline.note)
    sheet.column_dimensions["A"].width = 34
    for (title, heads), table in zip(_heads(figures), figures.tables, strict=True):
        page = book.create_sheet(title[:_LONGEST_TITLE])
        page.freeze_panes = "A2"
        for column, head in enumerate(heads, start=1):
            put_text(page, 1, column, head).font = Font(bold=True)
            page.column_dimensions[get_column_letter(column)].width = 34 if column == 1 else 18
        for number, line in enumerate(table.rows, start=2):
            put_text(page, number, 1, line.label)
            for column, cell in enumerate(line.cells, start=2):
                if isinstance(cell.value, (int, float)):
                    page.cell(number, column, round(cell.value, 2)).number_format = _FORMATS[cell.unit]
                else:
                    put_text(page, number, column, cell.text)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
