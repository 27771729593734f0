"""A case's dossier as pages show it: sections in words, tumours side by side, what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.utils.translation import gettext as _

from cases.dossiers import DisplayGroup, Dossier, MissingItem, Row, board_kind, display, dossier, missing, title
from cases.dossiers.definition import Field
from cases.models import Case, Tumour
from mdo.directory.models import Board


@dataclass(frozen=True, slots=True)
class TumourHead:
    """The head of a tumour's column: its id, its number from 1 and its short name."""

    id: UUID
    number: int
    title: str


@dataclass(frozen=True, slots=True)
class TumourRow:
    """One question with the answers of all tumours, in the order of the heads; ``None`` where one was not given."""

    label: str
    cells: tuple[Row | None, ...]


@dataclass(frozen=True, slots=True)
class TumourGroup:
    label: str
    rows: tuple[TumourRow, ...]


@dataclass(frozen=True, slots=True)
class TumourTable:
    """Tumours side by side: one column each, questions that nobody answered left out."""

    heads: tuple[TumourHead, ...]
    groups: tuple[TumourGroup, ...]


def definition(case: Case) -> Dossier:
    """The dossier in the version by which the case was begun."""
    return dossier(case.dossier, case.dossier_version)


def _shown(field: Field, guest: bool, pseudonyms: bool) -> bool:
    return (field.for_guests or not guest) and not (field.identifies and pseudonyms)


def sections(case: Case, language: str | None, *, guest: bool = False, pseudonyms: bool = False) -> list[DisplayGroup]:
    """The case level in words; for a guest only what is meant for guests, for an observer nothing that identifies."""
    groups = display(definition(case), "case", case.data, language)
    if not guest and not pseudonyms:
        return groups
    shared = {field.key for field in definition(case).fields("case") if _shown(field, guest, pseudonyms)}
    kept = [replace(group, rows=tuple(row for row in group.rows if row.key in shared)) for group in groups]
    return [group for group in kept if group.rows]


def tumour_table(
    case: Case,
    tumours: Sequence[Tumour],
    language: str | None,
    *,
    guest: bool = False,
    pseudonyms: bool = False,
) -> TumourTable:
    """The tumours side by side in words; for a guest only what is meant for guests, for an observer nothing that identifies."""
    form = definition(case)
    answers = [
        {row.key: row for group in display(form, "tumour", tumour.data, language) for row in group.rows}
        for tumour in tumours
    ]
    groups = []
    for group in form.groups("tumour"):
        rows = tuple(
            TumourRow(field.label(language), tuple(found.get(field.key) for found in answers))
            for field in group.fields
            if _shown(field, guest, pseudonyms) and any(field.key in found for found in answers)
        )
        if rows:
            groups.append(TumourGroup(group.label(language), rows))
    return TumourTable(heads(case, tumours, language), tuple(groups))


def heads(case: Case, tumours: Sequence[Tumour], language: str | None) -> tuple[TumourHead, ...]:
    """Each tumour with its number and its short name ("Left, upper outer quadrant"; "Tumour 2" where nothing is known)."""
    form = definition(case)
    return tuple(
        TumourHead(
            tumour.pk, number, title(form, tumour.data, language) or str(_("Tumour %(number)d") % {"number": number})
        )
        for number, tumour in enumerate(tumours, start=1)
    )


def missing_for(case: Case, tumours: Sequence[Tumour], board: Board, language: str | None) -> list[MissingItem]:
    """What ``board`` asks for before it takes the case and what was not answered yet."""
    required = board_kind(board.kind).required_items.get(case.dossier, ())
    return missing(definition(case), case.data, [tumour.data for tumour in tumours], language=language, items=required)
