"""What a cell means for a field: days however a spreadsheet holds them, codes by their words, numbers that lost a zero."""

import re
from datetime import date, timedelta
from typing import Final

from django.utils.translation import gettext as _

from cases.exchange.columns import FieldDefinition
from cases.exchange.tables import Cell

_DAY_FIRST = re.compile(r"([0-9]{1,2})[/.\- ]([0-9]{1,2})[/.\- ]([0-9]{4})")
_YEAR_FIRST = re.compile(r"([0-9]{4})[-/.]?([0-9]{2})[-/.]?([0-9]{2})")
_SHORT_YEAR = re.compile(r"[0-9]{1,2}[/.\- ][0-9]{1,2}[/.\- ][0-9]{2}")
_TIME = re.compile(r"[ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?\Z")
# Excel's days count from 30-12-1899 (it believes in a 29-02-1900), or from 1904 on an old Macintosh; 1910 to 2100 pass for days.
_EPOCH, _EPOCH_1904 = date(1899, 12, 30), date(1904, 1, 1)
_SERIALS: Final = (3_654, 73_050)


class InvalidCell(ValueError):
    """A cell that cannot be taken, with the sentence that says why."""


def refuse_fault(cell: Cell) -> None:
    """Raises ``InvalidCell`` for a cell whose content was not taken when the file was read."""
    sentences = {
        "formula": _("This cell holds a formula. Paste the values only."),
        "error": _("This cell shows an error of the spreadsheet."),
        "merged": _("This cell is merged with others. Unmerge them and fill in each."),
        "long": _("This text is too long."),
        "shape": _("This value is neither a text, a number nor a list of texts."),
    }
    if cell.fault:
        raise InvalidCell(sentences[cell.fault])


def day_of(cell: Cell, *, epoch_1904: bool = False) -> str:
    """The day as ``YYYY-MM-DD``, "" for an empty cell. Raises ``InvalidCell``."""
    if cell.empty:
        return ""
    if cell.day is not None:
        return cell.day.isoformat()
    text = _TIME.sub("", cell.text).strip()
    serial = cell.serial if cell.serial is not None else float(text) if re.fullmatch("[0-9]{5}", text) else None
    if serial is not None and _SERIALS[0] <= serial < _SERIALS[1]:
        return ((_EPOCH_1904 if epoch_1904 else _EPOCH) + timedelta(days=int(serial))).isoformat()
    if found := _DAY_FIRST.fullmatch(text):
        day, month, year = map(int, found.groups())
    elif found := _YEAR_FIRST.fullmatch(text):
        year, month, day = map(int, found.groups())
    elif _SHORT_YEAR.fullmatch(text):
        raise InvalidCell(_("Write the year with four digits."))
    else:
        raise InvalidCell(_("This is no date. Write it as day/month/year, like 31/12/2026."))
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        raise InvalidCell(_("The day %(day)s does not exist.") % {"day": f"{day:02}/{month:02}/{year:04}"}) from None


def text_of(field: FieldDefinition, cell: Cell, *, epoch_1904: bool = False) -> str:
    """What a form's field would have been sent for this cell. Raises ``InvalidCell``."""
    refuse_fault(cell)
    if field.kind == "day":
        return day_of(cell, epoch_1904=epoch_1904)
    text = cell.text
    if not text:
        return ""
    if field.values:
        code = field.code_of(text)
        if code is None:
            words = ", ".join(each[0] for each in field.values.values())
            raise InvalidCell(_("This word is not known here. Write one of: %(words)s.") % {"words": words})
        return code
    if field.code == "national_number" and re.fullmatch(r"[0-9]{8,10}", text):
        return text.zfill(11)  # a spreadsheet takes it for a number and drops zeros in front; the check digits decide
    if cell.day is not None:  # a text such as 3-4 that the spreadsheet took for a day
        return cell.day.strftime("%d/%m/%Y")
    return text
