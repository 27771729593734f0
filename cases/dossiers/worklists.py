"""What each discipline that prepares a sitting needs of a case: its numbers, documents and answers, as data."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple, Self

from pydantic import model_validator

from cases.coding.words import Definition, read_yaml
from cases.dossiers.definition import Dossier, Field, Key, all_versions
from cases.dossiers.display import Row, definition_of, row
from mdo.directory.disciplines import PREPARING

MOST = 40  # numbers of one case: more is a text that holds something else
LONGEST = 64  # characters of one number (DICOM: 16, with what hospitals put before it)
_SEPARATORS = re.compile(r"[,;\r\n]+")
# "CT-5567 (AZN)": made in another hospital than the case's.
_MADE_AT = re.compile(r"(?P<number>[^()]*\S)\s*\((?P<made_at>[^()]{1,80})\)")


class Reference(NamedTuple):
    """One accession or report number; ``made_at``: the hospital where it was made, as it was written, "" for the case's own.
    ``in_text``: nobody wrote it as a number, it was found inside a running text."""

    number: str
    made_at: str = ""
    in_text: bool = False


class Numbers(Definition):
    """A field that holds numbers. Without a pattern: numbers between separators."""

    field: Key
    pattern: str | None = None

    def found(self, text: str) -> list[Reference]:
        """The numbers of a text, in its order."""
        if self.pattern is not None:
            return [Reference(number, in_text=True) for number in re.findall(self.pattern, text)]
        return [_reference(part.strip()) for part in _SEPARATORS.split(text)]


def written(numbers: Iterable[str]) -> str:
    """Numbers as one answer of a question that holds them."""
    return ", ".join(numbers)


def _reference(text: str) -> Reference:
    found = _MADE_AT.fullmatch(text)
    return Reference(found["number"], found["made_at"].strip()) if found else Reference(text)


class Worklist(Definition):
    """The list of one discipline."""

    discipline: Key
    documents: tuple[Key, ...]
    images: bool
    numbers: tuple[Numbers, ...]
    shows: tuple[Key, ...]

    def studies(self, data: Mapping[str, Any]) -> list[Reference]:
        """The accession or report numbers that a case's answers hold, each once: first those that stand there as numbers."""
        found: dict[tuple[str, str], Reference] = {}
        known: set[str] = set()
        for each in sorted(self.numbers, key=lambda one: one.pattern is not None):
            text = data.get(each.field)
            for reference in each.found(text) if isinstance(text, str) else ():
                if 0 < len(reference.number) <= LONGEST and not (reference.in_text and reference.number in known):
                    found.setdefault((reference.number, reference.made_at), reference)
                    known.add(reference.number)
        return list(found.values())[:MOST]

    def answers(self, dossier_code: str, data: Mapping[str, Any], language: str | None) -> list[Row]:
        """The answers that are read beside the question, in the order of this list; what was not answered is left out."""
        definition = definition_of(dossier_code, data)
        fields = {field.key: field for field in definition.fields("case")}
        shown = definition.visible("case", data)
        return [
            row(definition, fields[key], data, language)
            for key in self.shows
            if key in fields and key in shown and data.get(key) not in (None, "", [])
        ]


class _File(Definition):
    worklists: tuple[Worklist, ...]

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if tuple(each.discipline for each in self.worklists) != PREPARING:
            raise ValueError(f"the worklists are of {', '.join(PREPARING)}, in this order")
        known: dict[str, Field] = {
            field.key: field for definition in all_versions() for field in definition.fields("case")
        }
        for each in self.worklists:
            named = {*each.shows, *(numbers.field for numbers in each.numbers)}
            if named - set(known):
                raise ValueError(f"{each.discipline}: no dossier has {sorted(named - set(known))}")
            if wrong := [one.field for one in each.numbers if known[one.field].kind not in ("text", "longtext")]:
                raise ValueError(f"{each.discipline}: numbers stand in a text, not in {wrong}")
        return self


class Offered(NamedTuple):
    """Numbers that a text holds beside the question of the dossier that keeps them: those that do not stand there yet."""

    field: Field
    numbers: tuple[str, ...]


def offered_numbers(definition: Dossier, key: str, text: str, data: Mapping[str, Any]) -> list[Offered]:
    """What a text for the question ``key`` would add to the questions that hold numbers, where the definition has them."""
    fields = {field.key: field for field in definition.fields("case")}
    found = []
    for each in worklists().values():
        holds = next((one.field for one in each.numbers if one.pattern is None and one.field in fields), None)
        patterns = [one for one in each.numbers if one.pattern is not None and one.field == key]
        if holds is None or not patterns:
            continue
        stands = {reference.number for reference in each.studies({holds: data.get(holds)})}
        new = [one.number for pattern in patterns for one in pattern.found(text) if one.number not in stands]
        if new:
            found.append(Offered(fields[holds], tuple(dict.fromkeys(new))[:MOST]))
    return found


@cache
def worklists() -> dict[str, Worklist]:
    """The worklists by discipline, in the order of the file."""
    file = _File.model_validate(read_yaml("cases.dossiers", "worklists.yaml"))
    return {each.discipline: each for each in file.worklists}


# A broken file stops the start, not the first worklist.
worklists()
