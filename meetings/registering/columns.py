"""What stands in each column of the registry's file, and what is still missing. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from cases.coding.words import in_language
from cases.dossiers import Dossier
from cases.dossiers.definition import OTHER, Field, Level
from meetings.rulesets.registration import OF_THE_DOSSIER, Column, Registration

_TNM = ("t", "n", "m")


def flat(data: Mapping[str, Any]) -> dict[str, str]:
    """Answers of a dossier as texts: codes as they are, a list with spaces, TNM in one text with its edition beside it, and the morphology
    that was typed where the list did not have it."""
    found: dict[str, str] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            found[key] = " ".join(str(value[axis]) for axis in _TNM if value.get(axis))
            found[f"{key}_edition"] = str(value.get("edition", ""))
        elif isinstance(value, list):
            found[key] = " ".join(str(each) for each in value)
        elif value is not None:
            found[key] = str(value)
    if found.get("morphology") == OTHER:
        found["morphology"] = found.get("morphology_other", "")
    return found


def values(rules: Registration, places: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Column → text; ``places``: for each source what it holds. What a source does not hold is empty."""
    return {column.code: places.get(column.place, {}).get(column.name, "") for column in rules.columns}


def field_of(column: Column, dossier: Dossier) -> Field | None:
    """The question of the dossier whose answer the column holds."""
    if column.place not in OF_THE_DOSSIER:
        return None
    level: Level = "case" if column.place == "case" else "tumour"
    name = column.name.removesuffix("_edition")
    return next((field for field in dossier.fields(level) if field.key == name), None)


def label_of(column: Column, dossier: Dossier, language: str | None) -> str:
    """The words of a column: its own, or those of the question."""
    if column.words is not None:
        return in_language(column.words, language)
    field = field_of(column, dossier)
    return field.label(language) if field is not None else column.code


def missing(
    rules: Registration, dossier: Dossier, filled: Mapping[str, str], data: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """The columns that are needed and empty, in order. An answer is needed where the dossier asks for it: it is shown, and where it
    hangs on another answer, that one was given. ``data``: the answers of ``case`` and ``tumour``."""
    return [
        column.code
        for column in rules.columns
        if column.needed
        and not filled.get(column.code)
        and not (column.unless and filled.get(column.unless))
        and _asked(column, dossier, data)
    ]


def _asked(column: Column, dossier: Dossier, data: Mapping[str, Mapping[str, Any]]) -> bool:
    if column.place not in OF_THE_DOSSIER:
        return True
    field = field_of(column, dossier)
    if field is None:
        return False
    level: Level = "case" if column.place == "case" else "tumour"
    answers = data.get(level, {})
    if field.key not in dossier.visible(level, answers):
        return False
    return field.required_if is None or field.required_for_submission or field.required_if.holds(answers)


def fillable(rules: Registration, dossier: Dossier, tumour: Mapping[str, Any], answers: Mapping[str, Any]) -> list[str]:
    """The questions about a tumour that whoever registers may answer: those that the file needs and the dossier left open. ``answers``:
    what they gave already, which may be mended."""
    found = []
    for column in rules.columns:
        field = field_of(column, dossier) if column.place == "tumour" and column.needed else None
        if field is None or field.kind == "tnm" or tumour.get(field.key) not in (None, "", []):
            continue
        if field.key in answers or field.key in dossier.visible("tumour", {**tumour, **answers}):
            found.append(field.key)
    if "morphology" in found:
        found.append("morphology_other")
    return found


def digest(values: Mapping[str, Any]) -> str:
    """By which it is known whether what was exported is still what stands here."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
