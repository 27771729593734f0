"""What a board still misses before it can accept a case."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cases.coding.words import in_language
from cases.dossiers.definition import Dossier, Level, dossier


@dataclass(frozen=True, slots=True)
class MissingItem:
    """One unanswered question: its field, its words, who owes the answer, and of which tumour (from 0; None: the case).

    `item` is the board's word for it: several fields can answer one item.
    """

    field: str
    label: str
    owes: str
    owes_label: str
    item: str
    tumour_index: int | None = None


def missing(
    dossier_code: str | Dossier,
    case_data: Mapping[str, Any],
    tumours: Sequence[Mapping[str, Any]],
    *,
    language: str | None = None,
    items: Collection[str] | None = None,
) -> list[MissingItem]:
    """What is missing, in the order of the form: first the case, then tumour by tumour.

    `items` are the items that the board asks for (a setting of the board); None asks for all that the dossier names.
    A case without any tumour misses the tumour itself (field `tumour`).
    """
    definition = dossier_code if isinstance(dossier_code, Dossier) else dossier(dossier_code)
    wanted = {item.code for item in definition.items} if items is None else set(items)
    found = _missing(definition, "case", case_data, wanted, None, language)
    for index, data in enumerate(tumours):
        found += _missing(definition, "tumour", data, wanted, index, language)
    if not tumours:
        first = next(field for field in definition.fields("tumour"))
        found.append(
            MissingItem(
                field="tumour",
                label=in_language(definition.no_tumour, language),
                owes=first.owes,
                owes_label=in_language(definition.owes[first.owes], language),
                item=first.item or "tumour",
            )
        )
    return found


def item_words(dossier_code: str | Dossier, language: str | None) -> list[tuple[str, str]]:
    """Everything a board can ask for, as (code, words): the choices of a board's setting."""
    definition = dossier_code if isinstance(dossier_code, Dossier) else dossier(dossier_code)
    return [(item.code, in_language(item.words, language)) for item in definition.items]


def _missing(
    definition: Dossier,
    level: Level,
    data: Mapping[str, Any],
    wanted: set[str],
    tumour_index: int | None,
    language: str | None,
) -> list[MissingItem]:
    shown = definition.visible(level, data)
    return [
        MissingItem(
            field=field.key,
            label=field.label(language),
            owes=field.owes,
            owes_label=in_language(definition.owes[field.owes], language),
            item=field.item,
            tumour_index=tumour_index,
        )
        for field in definition.fields(level)
        if field.item in wanted
        and field.item is not None
        and field.key in shown
        and (field.required_for_submission or (field.required_if is not None and field.required_if.holds(data)))
        and data.get(field.key) in (None, "", [])
    ]
