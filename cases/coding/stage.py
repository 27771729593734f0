"""The anatomic stage group of a tumour, by the published table of the edition that gave its categories.

The tables lie beside this file (`stage_<site>.yaml`) with their source; so far only the breast has one. What no row
says gives no stage: an X, a missing category, a complete response, prefixes that do not belong together. The
prognostic stage of the AJCC, which needs grade and receptors, is another thing and is not derived.

    >>> str(stage_group(parse("pT2 N1a M0", edition="8")))
    'IIB (pTNM 8)'
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Annotated, Any, Literal

from django.utils.translation import gettext_lazy as _
from pydantic import Field, model_validator

from cases.coding.errors import InvalidTNM, NoStage
from cases.coding.tnm import AXES, TNM, Category, from_json, site_definition
from cases.coding.words import Definition, read_yaml

Code = Literal["table", "incomplete", "prefix", "inconsistent", "none"]
ANY = "any"
SITES = ("breast",)
PREFIXES = ("c", "p", "yc", "yp")


class StageRow(Definition):
    """A line of the printed table: these T with these N with these M are this stage."""

    stage: Annotated[str, Field(pattern=r"^(0|I{1,3}[ABC]?|IV)$")]
    t: tuple[str, ...]
    n: tuple[str, ...]
    m: tuple[str, ...]


class StageTable(Definition):
    """The table of one edition, and what it was compared with."""

    edition: str
    published: int
    source: str
    compared_with: str
    rows: tuple[StageRow, ...]

    @model_validator(mode="after")
    def _no_cell_twice(self) -> "StageTable":
        cells = [cell for row in self.rows for cell in product(row.t, row.n, row.m)]
        if len(cells) != len(set(cells)):
            raise ValueError(f"a cell of edition {self.edition} stands twice")
        return self

    def find(self, t: str, n: str, m: str) -> str | None:
        """The stage of exactly these categories, the most particular row first, or None."""
        cells = {cell: row.stage for row in self.rows for cell in product(row.t, row.n, row.m)}
        tried = product(_wider(m), _wider(n), _wider(t))
        return next((cells[each] for each in ((t, n, m) for m, n, t in tried) if each in cells), None)


class SiteStages(Definition):
    """The tables of a site."""

    site: str
    tables: tuple[StageTable, ...]

    @model_validator(mode="after")
    def _categories_exist(self) -> "SiteStages":
        definition = site_definition(self.site)
        for table in self.tables:
            for row in table.rows:
                for axis, values in zip(AXES, (row.t, row.n, row.m), strict=True):
                    known = {category.value for category in definition.categories(axis)}
                    if unknown := set(values) - known - {ANY}:
                        raise ValueError(f"stage {row.stage}: {axis} has no {sorted(unknown)}")
        return self


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage group with what it is of: `prefix` c, p, yc or yp, and the edition of the table."""

    group: str
    prefix: str
    edition: str
    site: str

    def __str__(self) -> str:
        return f"{self.group} ({self.prefix}TNM {self.edition})"


@cache
def site_stages(site: str = "breast") -> SiteStages:
    """The tables of a site. Raises `KeyError` for a site that has none."""
    if site not in SITES:
        raise KeyError(site)
    return SiteStages.model_validate(read_yaml("cases.coding", f"stage_{site}.yaml"))


def stage_tables() -> tuple[tuple[str, StageTable], ...]:
    """Every table that is implemented, with its site: what may be derived, and from which publication."""
    return tuple((site, table) for site in SITES for table in site_stages(site).tables)


def stage_group(tnm: TNM) -> Stage:
    """The anatomic stage group of a classification.

    Raises `NoStage` with a sentence, the `field` to look at and a `code`: `table` (none for this tumour or edition),
    `incomplete` (a category is missing or X), `prefix` (recurrence, autopsy, or T and N found in different ways),
    `inconsistent` (the categories contradict each other) or `none` (the table has no group for them).
    """
    table = _table(tnm)
    t, n, m = _all_three(tnm)
    prefix = _prefix(t, n)
    stage = table.find(t.value, n.value, m.value)
    if t.value.startswith("is") and (m.value == "1" or _base(n.value) not in ("0", "X")) and not prefix.startswith("y"):
        raise NoStage(
            _("A carcinoma in situ has no metastases: compare %(t)s with %(other)s."),
            code="inconsistent",
            field="m" if m.value == "1" else "n",
            params={"t": str(t), "other": str(m if m.value == "1" else n)},
        )
    if stage is not None:
        return Stage(group=stage, prefix=prefix, edition=tnm.edition, site=tnm.site)
    for category in (t, n):
        if category.value == "X":
            raise NoStage(
                _("There is no stage group as long as %(category)s is not known."),
                code="incomplete",
                field=category.axis.lower(),
                params={"category": category.axis},
            )
    if _base(t.value) == _base(n.value) == m.value[0] == "0":
        raise _without_tumour(tnm, prefix)
    raise NoStage(
        _("The table of edition %(edition)s has no stage group for %(tnm)s."),
        code="none",
        field="t",
        params={"edition": tnm.edition, "tnm": str(tnm)},
    )


def contradiction(value: Mapping[str, Any], *, site: str) -> str:
    """Why a stored classification cannot be right (`{"edition": "8", "t": "pTis", "n": "pN1"}`), by the table of its edition; empty
    where nothing speaks against it, where it is not whole, or where there is no table."""
    try:
        stage_group(from_json(value, site=site))
    except NoStage as none:
        return str(none.sentence) if none.code == "inconsistent" else ""
    except InvalidTNM:
        return ""  # said by the field itself
    return ""


def _table(tnm: TNM) -> StageTable:
    if tnm.site not in SITES:
        raise NoStage(_("No stage is derived for this tumour: its table is not here."), code="table", field="edition")
    for table in site_stages(tnm.site).tables:
        if table.edition == tnm.edition:
            return table
    raise NoStage(
        _("No stage is derived by edition %(edition)s: its table is not here."),
        code="table",
        field="edition",
        params={"edition": tnm.edition},
    )


def _all_three(tnm: TNM) -> tuple[Category, Category, Category]:
    if tnm.t is None or tnm.n is None or tnm.m is None:
        axis = next(axis for axis, category in zip(AXES, (tnm.t, tnm.n, tnm.m), strict=True) if category is None)
        raise NoStage(
            _("A stage needs T, N and M: %(axis)s is missing."),
            code="incomplete",
            field=axis.lower(),
            params={"axis": axis},
        )
    return tnm.t, tnm.n, tnm.m


def _prefix(t: Category, n: Category) -> str:
    for category in (t, n):
        if category.prefix not in PREFIXES:
            raise NoStage(
                _("No stage is derived for a recurrence or an autopsy (%(category)s)."),
                code="prefix",
                field=category.axis.lower(),
                params={"category": str(category)},
            )
    if t.prefix != n.prefix:
        raise NoStage(
            _("%(t)s and %(n)s were found in different ways: a stage needs one prefix for T and N."),
            code="prefix",
            field="n",
            params={"t": str(t), "n": str(n)},
        )
    return t.prefix


def _without_tumour(tnm: TNM, prefix: str) -> NoStage:
    if prefix.startswith("y"):
        return NoStage(
            _("A complete response (%(tnm)s) has no stage group."), code="none", field="t", params={"tnm": str(tnm)}
        )
    return NoStage(
        _("%(tnm)s says that there is no tumour: compare T, N and M."),
        code="inconsistent",
        field="t",
        params={"tnm": str(tnm)},
    )


def _base(value: str) -> str:
    """The category without what divides it: `1` of `1mi`, `0` of `0(i+)`, `is` of `is(DCIS)`."""
    plain = value.partition("(")[0]
    return plain if plain in ("X", "is") else plain[:1]


def _wider(value: str) -> Iterator[str]:
    """The value itself, then what it is a part of, then any; in situ is never any."""
    yield value
    base = _base(value)
    if base != value:
        yield base
    if base != "is":
        yield ANY
