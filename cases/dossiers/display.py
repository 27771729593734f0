"""Stored answers as words, for the case page, the room's stage and the report."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils import translation
from django.utils.formats import date_format, get_format

from cases.coding import tnm
from cases.coding.errors import InvalidTNM
from cases.coding.morphology import is_morphology, morphology_words
from cases.coding.topography import topography_words
from cases.coding.words import in_language
from cases.dossiers.definition import OTHER, Dossier, Field, Level, dossier
from cases.dossiers.fields import choice_words, other_words


@dataclass(frozen=True, slots=True)
class Row:
    """One answer. `code` is the medical code that the words explain, where there is one."""

    key: str
    label: str
    words: str
    code: str = ""
    unit: str = ""
    loinc: str = ""


@dataclass(frozen=True, slots=True)
class DisplayGroup:
    """The answers under one heading; never empty."""

    key: str
    label: str
    rows: tuple[Row, ...]


def display(
    dossier_code: str | Dossier, level: Level, data: Mapping[str, Any], language: str | None
) -> list[DisplayGroup]:
    """The answers that were given, in the order of the form, in the words of a language.

    `data` is canonical; it is read by the version that it names, so an old case keeps its old questions. What is
    empty or not asked is left out.
    """
    definition = definition_of(dossier_code, data)
    shown = definition.visible(level, data)
    groups = []
    for group in definition.groups(level):
        rows = tuple(
            row(definition, field, data, language)
            for field in group.fields
            if field.key in shown and data.get(field.key) not in (None, "", [])
        )
        if rows:
            groups.append(DisplayGroup(group.key, group.label(language), rows))
    return groups


@dataclass(frozen=True, slots=True)
class Change:
    """One answer that is not the same on two sides, in words; an empty text where it was not given."""

    key: str
    label: str
    before: str
    after: str


def changes(
    dossier_code: str | Dossier, level: Level, before: Mapping[str, Any], after: Mapping[str, Any], language: str | None
) -> list[Change]:
    """What differs between two states of the same answers, in the order of the form. In words: what is not asked does not count."""
    sides = []
    for data in (before, after):
        rows = [row for group in display(dossier_code, level, data, language) for row in group.rows]
        sides.append({row.key: f"{row.code} {row.words} {row.unit}".strip() for row in rows})
    return [
        Change(field.key, field.label(language), sides[0].get(field.key, ""), sides[1].get(field.key, ""))
        for field in definition_of(dossier_code, after).fields(level)
        if sides[0].get(field.key) != sides[1].get(field.key)
    ]


def title(dossier_code: str | Dossier, data: Mapping[str, Any], language: str | None) -> str:
    """A short name of a tumour, made of the fields marked `title`: `Left, upper outer quadrant`; may be empty."""
    definition = definition_of(dossier_code, data)
    parts = [
        row(definition, field, data, language).words
        for field in definition.fields("tumour")
        if field.title and data.get(field.key)
    ]
    text = ", ".join([*parts[:1], *(_lower_first(part) for part in parts[1:])])
    return text[:1].upper() + text[1:]


def definition_of(dossier_code: str | Dossier, data: Mapping[str, Any]) -> Dossier:
    """The definition by which data were stored. Raises `KeyError` for a version that does not exist."""
    definition = dossier_code if isinstance(dossier_code, Dossier) else dossier(dossier_code)
    version = data.get("version", definition.version)
    return definition if version == definition.version else dossier(definition.dossier, version)


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def row(definition: Dossier, field: Field, data: Mapping[str, Any], language: str | None) -> Row:
    """One answer in words; it has to be there."""
    words, code = _words(definition, field, data, language)
    return Row(field.key, field.label(language), words, code, field.unit, field.loinc)


def _words(definition: Dossier, field: Field, data: Mapping[str, Any], language: str | None) -> tuple[str, str]:
    value = data[field.key]
    match field.kind:
        case "choice":
            code = next((choice.code for choice in field.choices if choice.value == value), "")
            return choice_words(field, value, language, with_code=False), code
        case "multichoice":
            return ", ".join(choice_words(field, one, language, with_code=False) for one in value), ""
        case "code":
            if value == OTHER:
                return other_words(language), ""
            words = morphology_words if field.codes == "morphology" else topography_words
            return words(value, language, definition.site), value
        case "tnm":
            try:
                classification = tnm.from_json(value, site=definition.tnm_site(data))
            except InvalidTNM:
                return " ".join(str(value.get(axis, "")) for axis in ("t", "n", "m")).strip(), ""
            return classification.words(language), f"{classification} (TNM {classification.edition})"
        case "date":
            with translation.override(language or "en"):
                return date_format(date.fromisoformat(value), "l j F Y"), ""
        case "decimal":
            with translation.override(language or "en"):
                return str(value).replace(".", str(get_format("DECIMAL_SEPARATOR"))), ""
        case "text" if field.pattern == "morphology" and is_morphology(value):
            return morphology_words(value, language, definition.site), value
        case _:
            return str(value), ""


def owes_words(dossier_code: str | Dossier, owes: str, language: str | None) -> str:
    """Who owes an answer, in words. Raises `KeyError` for a name that the dossier does not know."""
    definition = dossier_code if isinstance(dossier_code, Dossier) else dossier(dossier_code)
    return in_language(definition.owes[owes], language)
