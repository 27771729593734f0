"""The form that all figures take, on the page, in a spreadsheet and on paper: a few headlines, and tables of numbers with units."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils.formats import number_format
from django.utils.translation import gettext as _


class Unit(StrEnum):
    COUNT = "count"
    PER_CENT = "percent"
    MINUTES = "minutes"
    DAYS = "days"


@dataclass(frozen=True, slots=True)
class Few:
    """Stands for a number that is not shown, so that nobody is recognised behind it: fewer than ``than``."""

    than: int


Value = float | Few | None  # None: there is nothing to count


def written(value: Value, unit: Unit) -> str:
    """A value in the active language: ``1.234``, ``8 %``, ``4,2 min``, ``12 d``, ``< 5``, or a dash where there is nothing."""
    if value is None:
        return "–"
    if isinstance(value, Few):
        return f"< {value.than}"
    if unit == Unit.MINUTES:
        return _("%(n)s min") % {"n": number_format(value, 1)}
    whole = number_format(round(value), 0, force_grouping=True)
    if unit == Unit.PER_CENT:
        return f"{whole} %"
    return _("%(n)s d") % {"n": whole} if unit == Unit.DAYS else whole


@dataclass(frozen=True, slots=True)
class Headline:
    """One number at a glance. ``goal``: the most that it should be, or the least where ``at_least``."""

    code: str
    label: str
    value: Value
    unit: Unit
    note: str = ""
    goal: float | None = None
    at_least: bool = False

    @property
    def text(self) -> str:
        return written(self.value, self.unit)

    @property
    def goal_text(self) -> str:
        if self.goal is None:
            return ""
        return f"{'≥' if self.at_least else '≤'} {written(self.goal, self.unit)}"

    @property
    def reached(self) -> bool | None:
        if self.goal is None or self.value is None or isinstance(self.value, Few):
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal


@dataclass(frozen=True, slots=True)
class Column:
    label: str
    unit: Unit


@dataclass(frozen=True, slots=True)
class Cell:
    """A value with its unit; ``bar``: its length of 100 where it is drawn."""

    value: Value
    unit: Unit
    bar: float | None = None

    @property
    def text(self) -> str:
        return written(self.value, self.unit)

    @property
    def length(self) -> str:
        """The bar as SVG wants it, whatever sign the language puts before decimals."""
        return f"{self.bar or 0:.1f}"


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    cells: tuple[Cell, ...]
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """``first``: what the labels of the rows are. ``note``: how it is counted, in a sentence."""

    code: str
    title: str
    first: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""


def table(
    code: str,
    title: str,
    first: str,
    columns: list[Column],
    rows: list[tuple[str, list[Value]]],
    *,
    drawn: int = 0,
    note: str = "",
    tags: dict[int, str] | None = None,
) -> Table:
    """A table whose column ``drawn`` is drawn as bars: per cent against 100, anything else against the greatest."""
    known = [each for _label, values in rows if isinstance(each := values[drawn], (int, float))]
    most = 100.0 if columns[drawn].unit == Unit.PER_CENT else max(known, default=0.0)
    return Table(
        code,
        title,
        first,
        tuple(columns),
        tuple(
            Row(
                label,
                tuple(
                    Cell(value, column.unit, _length(value, most) if place == drawn else None)
                    for place, (value, column) in enumerate(zip(values, columns, strict=True))
                ),
                (tags or {}).get(number, ""),
            )
            for number, (label, values) in enumerate(rows)
        ),
        note,
    )


def _length(value: Value, most: float) -> float:
    return round(100 * value / most, 1) if isinstance(value, (int, float)) and most else 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything of one board and period. ``sittings`` closed between ``since`` and ``until``. ``note``: what is counted in none of the
    figures, in a sentence."""

    since: datetime
    until: datetime
    sittings: int
    headlines: tuple[Headline, ...]
    tables: tuple[Table, ...]
    note: str = ""
