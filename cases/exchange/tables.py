"""A table as a hospital sends it: one line of headers, then rows. What a file is follows from its content, never from its name.

Reading is pure and streams: ``reading.open_table`` looks at the file and its headers, ``rows`` gives one row after the other and stops at
the limits. Whatever cannot be trusted as a whole (another kind of file, a password, headers that stand twice, too many rows)
raises ``InvalidTable``; what is wrong with one cell (a formula, an error, a merge) is said in that cell, so that it can be shown
by row and field.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext_lazy as _

from cases.coding.names import name_key
from mdo.kernel.codes import InvalidCode

MAX_BYTES = 10 * 1024 * 1024
MOST_ROWS = 5_000  # with something in them
MOST_LINES = 20_000  # empty ones included: spreadsheets like to format a million of them
MOST_COLUMNS = 100
LONGEST_CELL = 20_000
HEADER_WITHIN = 20  # lines: titles may stand above the headers


class InvalidTable(InvalidCode):
    """A file that is refused as a whole."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in a cell. ``day`` where it is a real date; ``serial`` where it is a bare number; ``fault`` says why the content
    cannot be taken: "formula", "error", "merged" or "long"."""

    text: str = ""
    day: date | None = None
    serial: float | None = None
    fault: str = ""

    @property
    def empty(self) -> bool:
        return not self.text and not self.fault


EMPTY = Cell()


def plain(text: str) -> Cell:
    """A cell with this text, which was stripped; of a text that is too long its beginning."""
    return Cell(text[:100], fault="long") if len(text) > LONGEST_CELL else Cell(text)


@dataclass(frozen=True, slots=True)
class Row:
    """``number`` is the line as a spreadsheet counts it, from 1; of a JSON file the how-manieth record."""

    number: int
    cells: tuple[Cell, ...]

    @property
    def empty(self) -> bool:
        return all(cell.empty for cell in self.cells)


@dataclass(frozen=True)
class Facts:
    """How the file was read, to be said out loud: kind ("xlsx", "csv", "json"), encoding, separator, the sheet and those left out."""

    kind: str
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    hidden_sheets: tuple[str, ...] = ()
    other_sheets: tuple[str, ...] = ()
    epoch_1904: bool = False


@dataclass(frozen=True)
class Table:
    """Headers in their order (without empty ones at the end), the line they stand on, and a way to read what follows."""

    header: tuple[str, ...]
    facts: Facts
    _lines: Callable[[], Iterator[Row]]
    _header_line: int

    def rows(self) -> Iterator[Row]:
        """The rows under the headers that hold something, each as wide as the headers (or wider, when a cell stands beyond them).

        Raises ``InvalidTable`` beyond ``MOST_ROWS`` rows, or where the file turns out to be damaged.
        """
        found = 0
        for row in self._lines():
            if row.number <= self._header_line or row.empty:
                continue
            found += 1
            if found > MOST_ROWS:
                raise too_many_rows()
            missing = len(self.header) - len(row.cells)
            yield row if missing <= 0 else Row(row.number, row.cells + (EMPTY,) * missing)


def too_many_rows() -> InvalidTable:
    return InvalidTable(
        _("The file has more than %(count)d rows. Split it into several files."),
        code="too_many_rows",
        params={"count": MOST_ROWS},
    )


def too_many_columns() -> InvalidTable:
    return InvalidTable(
        _("The file has more than %(count)d columns. Leave out those that are not needed."),
        code="too_many_columns",
        params={"count": MOST_COLUMNS},
    )


def damaged() -> InvalidTable:
    return InvalidTable(_("The file is damaged or incomplete: export it anew."), code="damaged")


def encrypted() -> InvalidTable:
    return InvalidTable(_("The file is protected with a password: save a copy without one."), code="encrypted")


def with_header(lines: Callable[[], Iterator[Row]], facts: Facts) -> Table:
    """The table whose headers are the first line with two cells or more in it (a title may stand above). Raises ``InvalidTable``."""
    for row in lines():
        if row.number > HEADER_WITHIN:
            break
        if sum(not cell.empty for cell in row.cells) >= 2:
            return Table(_headers(row), facts, lines, row.number)
    raise InvalidTable(
        _("No line with headers was found: the first lines need at least two words, one above each column."),
        code="no_header",
    )


def _headers(row: Row) -> tuple[str, ...]:
    cells = list(row.cells)
    while cells and cells[-1].empty:
        cells.pop()
    if len(cells) > MOST_COLUMNS:
        raise too_many_columns()
    seen: set[str] = set()
    for cell in cells:
        if cell.fault:
            raise InvalidTable(
                _(
                    "The headers on line %(line)d hold a formula or merged cells. Write one plain word above each column."
                ),
                code="header",
                params={"line": row.number},
            )
        key = header_key(cell.text)
        if key and key in seen:
            raise InvalidTable(
                _("Two columns are called “%(header)s”. Give each its own header."),
                code="duplicate_header",
                params={"header": cell.text[:80]},
            )
        seen.add(key)
    return tuple(cell.text[:200] for cell in cells)


def header_key(text: str) -> str:
    """A header for comparing: without accents, capitals and punctuation."""
    return " ".join("".join(c if c.isalnum() else " " for c in name_key(text)).split())
