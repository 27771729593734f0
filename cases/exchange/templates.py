"""The workbook to fill in for an import: the house's own layout, headers in the reader's language, lists to choose from."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from cases.coding.words import in_language
from cases.exchange.columns import ImportDefinition
from cases.exchange.tables import MOST_ROWS
from mdo.kernel.lines import one_line

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_STARTS = ("=", "+", "-", "@", "\t", "\r", "|", "%")  # of what a spreadsheet may take for a formula


def starts_like_a_formula(text: str) -> bool:
    """Whether a spreadsheet may take a text for a formula."""
    return text.startswith(_STARTS)


def plain_cell(text: str) -> str:
    """A text as it stands in a cell of a CSV: in one line, led by an apostrophe where a spreadsheet would take it for a formula."""
    text = one_line(text)
    return f"'{text}" if starts_like_a_formula(text) else text


def put_text(sheet: Worksheet, row: int, column: int, text: str) -> Any:
    """Write a text that stays a text whatever it begins with: typed as one, and with the mark that Excel shows as a leading
    apostrophe, so that it stays one when somebody edits or exports it; in one line, without what no workbook may hold. Returns the cell."""
    cell: Any = sheet.cell(row, column)
    text = one_line(text)
    cell.value = text
    cell.data_type = "s"
    if starts_like_a_formula(text):
        cell.quotePrefix = True
    return cell


def template(definition: ImportDefinition, language: str | None, lists: Mapping[str, Sequence[str]]) -> bytes:
    """The bytes of an empty workbook. ``lists`` gives the words to choose from by field. It holds no patient and no example: what
    stands in the first sheet is imported."""
    book = Workbook()
    sheet: Any = book.active
    sheet.title = _("List")
    sheet.freeze_panes = "A2"
    explanation: Any = book.create_sheet(_("Explanation"))
    choices: Any = book.create_sheet(_("Choices"))
    needed = {code: group for group in definition.needed for code in group}
    for column, words in enumerate((_("Column"), _("Needed"), _("How to fill it in")), start=1):
        put_text(explanation, 1, column, words).font = Font(bold=True)
    for number, field in enumerate(definition.fields, start=1):
        label = in_language(field.label, language)
        head = put_text(sheet, 1, number, label)
        head.font = Font(bold=True)
        head.fill = PatternFill("solid", fgColor="E3EBF5" if field.code in needed else "F2F2F2")
        head.alignment = Alignment(wrap_text=True, vertical="top")
        letter = get_column_letter(number)
        sheet.column_dimensions[letter].width = (
            40 if field.code in ("question", "text", "steps", "participants") else 20
        )
        for row in range(2, 202):
            sheet.cell(row, number).number_format = "dd/mm/yyyy" if field.kind == "day" else "@"
        _explain(explanation, number + 1, label, needed.get(field.code), definition, language)
        explanation.cell(number + 1, 3).value = in_language(field.hint, language) if field.hint else ""
        entries = list(lists.get(field.code, ()))
        if entries:
            put_text(choices, 1, number, label).font = Font(bold=True)
            for row, word in enumerate(entries, start=2):
                put_text(choices, row, number, word)
            area = f"'{choices.title}'!${letter}$2:${letter}${len(entries) + 1}"
            rule = DataValidation(type="list", formula1=area, allow_blank=True, showErrorMessage=False)
            rule.add(f"{letter}2:{letter}{MOST_ROWS + 1}")
            sheet.add_data_validation(rule)
    for letter, width in (("A", 32), ("B", 34), ("C", 70)):
        explanation.column_dimensions[letter].width = width
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _explain(
    sheet: Worksheet,
    row: int,
    label: str,
    group: Sequence[str] | None,
    definition: ImportDefinition,
    language: str | None,
) -> None:
    put_text(sheet, row, 1, label)
    said = ""
    if group is not None:
        others = [in_language(definition.field(code).label, language) for code in group]
        said = _("needed") if len(others) == 1 else _("one of these: %(columns)s") % {"columns": ", ".join(others)}
    put_text(sheet, row, 2, said)
