"""The form of a board kind as data: what a YAML file under `definitions/` may say, checked when it is read."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal, Self

from pydantic import Field as Bound
from pydantic import model_validator

from cases.coding import tnm
from cases.coding.icdo3 import Code, site_codes
from cases.coding.words import Definition, Words, in_language, read_yaml

Level = Literal["case", "tumour"]
Kind = Literal["choice", "multichoice", "integer", "decimal", "date", "text", "longtext", "tnm", "code"]
Key = Annotated[str, Bound(pattern=r"^[a-z][a-z0-9_]{0,39}$")]

LEVELS: tuple[Level, ...] = ("case", "tumour")
OTHER = "other"
"""The choice of a code list for what the list does not hold."""
# They stand beside the values in the stored data.
RESERVED = frozenset({"dossier", "version"})
LONGEST_TEXT = 200
LONGEST_LONGTEXT = 10_000


class Condition(Definition):
    """True when the other field holds one of these values; that field stands earlier on the same level."""

    field: Key
    values: Annotated[tuple[str, ...], Bound(min_length=1, alias="in")]

    def holds(self, data: Mapping[str, Any]) -> bool:
        """Whether the condition is true of canonical data."""
        value = data.get(self.field)
        return any(one in self.values for one in (value if isinstance(value, list) else [value]))


class Choice(Definition):
    """One answer: the stored value, its words, and the code that stands before the words where there is one."""

    value: Annotated[str, Bound(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+./-]{0,39}$")]
    words: Words
    code: str = ""


class Field(Definition):
    """One question of the form."""

    key: Key
    kind: Kind
    words: Words
    help: Words | None = None
    choices: tuple[Choice, ...] = ()
    unit: str = ""
    minimum: int | None = None
    maximum: int | None = None
    max_length: int | None = None
    pattern: Literal["morphology"] | None = None
    not_in_future: bool = False
    at_most: Key | None = None
    prefixes: tuple[str, ...] = ()
    default_prefix: str | None = None
    codes: Literal["topography", "morphology"] | None = None
    required_for_submission: bool = False
    required_if: Condition | None = None
    show_if: Condition | None = None
    item: Key | None = None
    owes: Key
    loinc: str = ""
    title: bool = False
    for_guests: bool = False
    """Whether a guest of the item (the GP, the patient) reads the answer too."""

    identifies: bool = False
    """Whether the answer leads to the patient (a number of an image or report): an observer does not read it."""

    def label(self, language: str | None) -> str:
        """The question in a language."""
        return in_language(self.words, language)

    def length(self) -> int:
        """The longest text that is taken, in characters."""
        return self.max_length or (LONGEST_LONGTEXT if self.kind == "longtext" else LONGEST_TEXT)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        allowed: dict[str, tuple[Kind, ...]] = {
            "choices": ("choice", "multichoice"),
            "unit": ("integer", "decimal"),
            "minimum": ("integer", "decimal"),
            "maximum": ("integer", "decimal"),
            "at_most": ("integer", "decimal"),
            "max_length": ("text", "longtext"),
            "pattern": ("text",),
            "not_in_future": ("date",),
            "prefixes": ("tnm",),
            "default_prefix": ("tnm",),
            "codes": ("code",),
        }
        for attribute, kinds in allowed.items():
            if getattr(self, attribute) not in (None, (), "", False) and self.kind not in kinds:
                raise ValueError(f"{self.key}: {attribute} does not belong to a {self.kind}")
        needed = {"choice": "choices", "multichoice": "choices", "tnm": "prefixes", "code": "codes"}
        if self.kind in needed and not getattr(self, needed[self.kind]):
            raise ValueError(f"{self.key}: a {self.kind} needs {needed[self.kind]}")
        if self.kind in ("integer", "decimal") and (self.minimum is None or self.maximum is None):
            raise ValueError(f"{self.key}: a number needs its bounds")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"{self.key}: the minimum is above the maximum")
        if self.key in RESERVED:
            raise ValueError(f"{self.key} is a reserved key")
        values = [choice.value for choice in self.choices]
        if len(values) != len(set(values)):
            raise ValueError(f"{self.key}: a choice stands twice")
        if not set(self.prefixes) <= set(tnm.PREFIXES) or self.default_prefix not in (None, *self.prefixes):
            raise ValueError(f"{self.key}: unknown TNM prefix")
        if self.loinc and not _is_loinc(self.loinc):
            raise ValueError(f"{self.key}: {self.loinc} is no LOINC code")
        return self


class Group(Definition):
    """Fields under one heading."""

    key: Key
    words: Words
    fields: Annotated[tuple[Field, ...], Bound(min_length=1)]

    def label(self, language: str | None) -> str:
        """The heading in a language."""
        return in_language(self.words, language)


class Item(Definition):
    """Something a board asks to have before it accepts a case; one or more fields answer it."""

    code: Key
    words: Words


class Dossier(Definition):
    """The whole form of a board kind in one version."""

    dossier: Key
    version: Annotated[int, Bound(ge=1)]
    site: str
    words: Words
    no_tumour: Words
    """What is said of a case to which nobody added a tumour yet."""
    owes: dict[str, Words]
    items: tuple[Item, ...]
    case: tuple[Group, ...]
    tumour: tuple[Group, ...]

    def groups(self, level: Level) -> tuple[Group, ...]:
        """The groups of a level, in order. Raises `KeyError` for a level that does not exist."""
        return {"case": self.case, "tumour": self.tumour}[level]

    def fields(self, level: Level) -> Iterator[Field]:
        """All fields of a level, in order."""
        for group in self.groups(level):
            yield from group.fields

    def codes(self, field: Field) -> tuple[Code, ...]:
        """The code list of a `code` field."""
        codes = site_codes(self.site)
        return codes.morphology if field.codes == "morphology" else codes.topography

    def values(self, field: Field) -> tuple[str, ...]:
        """Everything a choice or code field may hold."""
        if field.kind == "code":
            known = tuple(code.code for code in self.codes(field))
            return (*known, OTHER) if field.codes == "morphology" else known
        return tuple(choice.value for choice in field.choices)

    def visible(self, level: Level, data: Mapping[str, Any]) -> frozenset[str]:
        """The keys of the fields that are asked, given the answers so far; what hangs on a hidden field is hidden."""
        seen: set[str] = set()
        for field in self.fields(level):
            condition = field.show_if
            if condition is None or (condition.field in seen and condition.holds(data)):
                seen.add(field.key)
        return frozenset(seen)

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        item_codes = [item.code for item in self.items]
        if len(item_codes) != len(set(item_codes)):
            raise ValueError("an item stands twice")
        answered: set[str] = set()
        for level in LEVELS:
            earlier: dict[str, Field] = {}
            for field in self.fields(level):
                self._check(level, field, earlier)
                earlier[field.key] = field
                if field.item and (field.required_for_submission or field.required_if):
                    answered.add(field.item)
        if answered != set(item_codes):
            raise ValueError(f"items without a required field or unknown: {sorted(answered ^ set(item_codes))}")
        return self

    def _check(self, level: Level, field: Field, earlier: Mapping[str, Field]) -> None:
        where = f"{level}.{field.key}"
        if field.key in earlier:
            raise ValueError(f"{where} stands twice")
        if field.owes not in self.owes:
            raise ValueError(f"{where}: nobody is called {field.owes}")
        if (field.required_for_submission or field.required_if) and field.item is None:
            raise ValueError(f"{where} is required but belongs to no item")
        for condition in (field.show_if, field.required_if):
            if condition is not None:
                other = earlier.get(condition.field)
                if other is None or other.kind not in ("choice", "multichoice", "code"):
                    raise ValueError(f"{where} depends on {condition.field}, which is no earlier choice")
                if not set(condition.values) <= set(self.values(other)):
                    raise ValueError(f"{where} depends on a value that {condition.field} does not have")
        if field.at_most is not None and getattr(earlier.get(field.at_most), "kind", None) != field.kind:
            raise ValueError(f"{where} is compared with {field.at_most}, which is no earlier {field.kind}")


def _is_loinc(code: str) -> bool:
    """Whether the check digit behind the hyphen (mod 10, Luhn, as in the LOINC users' guide) is right."""
    if not re.fullmatch(r"[0-9]{1,7}-[0-9]", code):
        return False
    digits = [int(digit) for digit in code.replace("-", "")]
    doubled = [sum(divmod(digit * 2, 10)) if index % 2 else digit for index, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


@cache
def _definitions() -> dict[str, dict[int, Dossier]]:
    found: dict[str, dict[int, Dossier]] = {}
    folder = files("cases.dossiers").joinpath("definitions")
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".yaml"):
            definition = Dossier.model_validate(read_yaml("cases.dossiers", f"definitions/{file.name}"))
            versions = found.setdefault(definition.dossier, {})
            if definition.version in versions:
                raise ValueError(f"{file.name}: version {definition.version} of {definition.dossier} stands twice")
            versions[definition.version] = definition
    return found


def dossier(code: str, version: int | None = None) -> Dossier:
    """The dossier of that code, in that version or in the newest. Raises `KeyError` for one that does not exist."""
    versions = _definitions()[code]
    return versions[version if version is not None else max(versions)]


def dossiers() -> tuple[Dossier, ...]:
    """The newest version of every dossier."""
    return tuple(dossier(code) for code in sorted(_definitions()))


# A broken definition stops the start, not the first submission.
_definitions()
