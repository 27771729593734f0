"""A case's dossier as pages show it: sections in words, tumours side by side, what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from cases.dossiers import DisplayGroup, Dossier, MissingItem, Row, board_kind, display, dossier, missing, title
from cases.dossiers.definition import Field, Level
from cases.dossiers.derived import icd10, stages
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
    derived: bool = False
    """Whether the cells follow from the row above and were answered by nobody; without a code, they say what is wrong."""


@dataclass(frozen=True, slots=True)
class TumourGroup:
    label: str
    rows: tuple[TumourRow, ...]


@dataclass(frozen=True, slots=True)
class TumourTable:
    """Tumours side by side: one column each, questions that nobody answered left out."""

    heads: tuple[TumourHead, ...]
    groups: tuple[TumourGroup, ...]


@dataclass(frozen=True, slots=True)
class DerivedLine:
    """What follows from a tumour's answers, under one question: the value in words, or the sentence that says why there is none.

    ``wrong`` is true when the answers contradict each other.
    """

    label: str
    words: str
    code: str = ""
    sentence: str = ""
    wrong: bool = False


def derived_lines(case: Case, data: Mapping[str, Any], language: str | None) -> dict[str, DerivedLine]:
    """By question: the stage group under each classification, the ICD-10 code under the topography. Nothing of it is stored."""
    form, found = definition(case), {}
    for each in stages(form, data, language):
        if each.stage is not None:
            found[each.field] = DerivedLine(
                _("Stage"), f"({each.stage.prefix}TNM {each.stage.edition})", each.stage.group
            )
        else:
            found[each.field] = DerivedLine(_("Stage"), "", sentence=each.sentence, wrong=each.contradiction)
    code = icd10(form, data, language)
    place = next((field.key for field in form.fields("tumour") if field.codes == "topography"), None)
    if code is not None and place is not None:
        found[place] = DerivedLine("ICD-10", code.words, code.code, sentence=code.sentence)
    return found


def definition(case: Case) -> Dossier:
    """The dossier in the version by which the case was begun."""
    return dossier(case.dossier, case.dossier_version)


def _shown(field: Field, guest: bool, pseudonyms: bool) -> bool:
    return (field.for_guests or not guest) and not (field.identifies and pseudonyms)


def shown_fields(form: Dossier, level: Level, *, guest: bool = False, pseudonyms: bool = False) -> frozenset[str]:
    """The questions of a level that a viewer may read: for a guest what is meant for guests, for an observer nothing that
    identifies."""
    return frozenset(field.key for field in form.fields(level) if _shown(field, guest, pseudonyms))


def sections(case: Case, language: str | None, *, guest: bool = False, pseudonyms: bool = False) -> list[DisplayGroup]:
    """The case level in words; for a guest only what is meant for guests, for an observer nothing that identifies."""
    groups = display(definition(case), "case", case.data, language)
    if not guest and not pseudonyms:
        return groups
    shared = shown_fields(definition(case), "case", guest=guest, pseudonyms=pseudonyms)
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
    derived = [derived_lines(case, tumour.data, language) for tumour in tumours]
    groups = []
    for group in form.groups("tumour"):
        rows: list[TumourRow] = []
        for field in group.fields:
            if _shown(field, guest, pseudonyms) and any(field.key in found for found in answers):
                rows.append(TumourRow(field.label(language), tuple(found.get(field.key) for found in answers)))
                rows += _derived_row([lines.get(field.key) for lines in derived])
        if rows:
            groups.append(TumourGroup(group.label(language), tuple(rows)))
    return TumourTable(heads(case, tumours, language), tuple(groups))


def _derived_row(lines: Sequence[DerivedLine | None]) -> list[TumourRow]:
    """What follows from a question's answers, where something does or where they contradict each other."""
    said = [line if line is not None and (line.code or line.wrong) else None for line in lines]
    label = next((line.label for line in said if line is not None), None)
    if label is None:
        return []
    cells = tuple(Row("", label, line.sentence or line.words, line.code) if line is not None else None for line in said)
    return [TumourRow(label, cells, derived=True)]


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


def may_follow(board: Board, gap: MissingItem) -> bool:
    """Whether ``board`` takes a case without it: it may come until it is due."""
    term = board_kind(board.kind).items.get(gap.item)
    return term is not None and term.may_follow
