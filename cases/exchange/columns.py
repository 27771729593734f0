"""The fields of an imported list and the headers by which they are known, as data (``columns.yaml``)."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Literal, Self

from pydantic import Field as Bound
from pydantic import model_validator

from cases.coding.words import Definition, Words, in_language, read_yaml
from cases.exchange.tables import header_key


class FieldDefinition(Definition):
    """One field. ``values`` gives the words that stand for a code, ``hint`` what the template says of it."""

    code: str
    label: Words
    headers: tuple[str, ...] = ()
    kind: Literal["text", "day"] = "text"
    values: dict[str, tuple[str, ...]] = Bound(default_factory=dict)
    hint: Words | None = None

    @property
    def keys(self) -> frozenset[str]:
        """Every header that means this field, as it is compared."""
        return frozenset(map(header_key, (self.code, *self.label.values(), *self.headers)))

    def code_of(self, word: str) -> str | None:
        """The code for which a word stands, ``None`` for one that is not known."""
        key = header_key(word)
        return next((code for code, words in self.values.items() if key == code or key in map(header_key, words)), None)


class ImportDefinition(Definition):
    """A kind of import: its fields in the order of the template, and which of them a file must have (one of each group)."""

    code: str
    fields: tuple[FieldDefinition, ...]
    needed: tuple[tuple[str, ...], ...]

    def field(self, code: str) -> FieldDefinition:
        """Raises ``KeyError`` for a field that this kind has not."""
        found = {field.code: field for field in self.fields}
        return found[code]

    def match(self, header: Sequence[str]) -> dict[int, str]:
        """Which column (from 0) is which field, as far as the headers say so. The first column that fits a field has it."""
        found: dict[int, str] = {}
        for column, text in enumerate(header):
            key = header_key(text)
            for field in self.fields:
                if key in field.keys and field.code not in found.values():
                    found[column] = field.code
                    break
        return found

    def missing(self, columns: Mapping[int, str]) -> list[tuple[str, ...]]:
        """The groups of which no field has a column."""
        there = set(columns.values())
        return [group for group in self.needed if not there & set(group)]

    def labels(self, language: str | None) -> dict[str, str]:
        return {field.code: in_language(field.label, language) for field in self.fields}


class _Import(Definition):
    code: str
    fields: tuple[str, ...]
    needed: tuple[tuple[str, ...], ...]


class _File(Definition):
    fields: tuple[FieldDefinition, ...]
    imports: tuple[_Import, ...]

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        known = {field.code: field for field in self.fields}
        for each in self.imports:
            if unknown := {*each.fields, *(code for group in each.needed for code in group)} - set(known):
                raise ValueError(f"{each.code}: unknown fields {sorted(unknown)}")
            taken: dict[str, str] = {}
            for code in each.fields:
                for key in known[code].keys:
                    if taken.setdefault(key, code) != code:
                        raise ValueError(f"{each.code}: the header {key!r} means {taken[key]} and {code}")
        return self


@cache
def _imports() -> dict[str, ImportDefinition]:
    file = _File.model_validate(read_yaml("cases.exchange", "columns.yaml"))
    known = {field.code: field for field in file.fields}
    return {
        each.code: ImportDefinition(
            code=each.code, fields=tuple(known[code] for code in each.fields), needed=each.needed
        )
        for each in file.imports
    }


def import_definition(code: str) -> ImportDefinition:
    """The kind of import of that code. Raises ``KeyError``."""
    return _imports()[code]


# A broken file stops the start, not the first import.
_imports()
