"""What each discipline that prepares a sitting needs of a case: its numbers, documents and answers, as data."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, Self

from pydantic import model_validator

from cases.coding.words import Definition, read_yaml
from cases.dossiers.definition import Field, Key, all_versions
from cases.dossiers.display import Row, definition_of, row
from mdo.directory.disciplines import PREPARING

MOST = 40  # numbers of one case: more is a text that holds something else
LONGEST = 64  # characters of one number (DICOM: 16, with what hospitals put before it)
_SEPARATORS = re.compile(r"[,;\r\n]+")
# "CT-5567 (AZN)": made in another hospital than the case's.
_MADE_AT = re.compile(r"(?P<number>[^()]*\S)\s*\((?P<made_at>[^()]{1,80})\)")


class Reference(NamedTuple):
    """One accession or report number; ``made_at``: the hospital where it was made, as it was written, "" for the case's own."""

    number: str
    made_at: str = ""


class Numbers(Definition):
    """A field that holds numbers. Without a pattern: numbers between separators."""

    field: Key
    pattern: str | None = None

    def found(self, text: str) -> list[Reference]:
        """The numbers of a text, in its order."""
        if self.pattern is not None:
            return [Reference(number) for number in re.findall(self.pattern, text)]
        return [_reference(part.strip()) for part in _SEPARATORS.split(text)]


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
        """The accession or report numbers that a case's answers hold, each once, in their order."""
        found: list[Reference] = []
        for each in self.numbers:
            text = data.get(each.field)
            found += each.found(text) if isinstance(text, str) else []
        return list(dict.fromkeys(each for each in found if 0 < len(each.number) <= LONGEST))[:MOST]

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


@cache
def worklists() -> dict[str, Worklist]:
    """The worklists by discipline, in the order of the file."""
    file = _File.model_validate(read_yaml("cases.dossiers", "worklists.yaml"))
    return {each.discipline: each for each in file.worklists}


# A broken file stops the start, not the first worklist.
worklists()
