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
    """True when the other field holds one of these values; that field stands earlier on the same level.

    Of a topography a value may be a whole category: `C34` is every part of the lung.
    """

    field: Key
    values: Annotated[tuple[str, ...], Bound(min_length=1, alias="in")]

    def holds(self, data: Mapping[str, Any]) -> bool:
        """Whether the condition is true of canonical data."""
        value = data.get(self.field)
        return any(self.takes(one) for one in (value if isinstance(value, list) else [value]) if isinstance(one, str))

    def takes(self, value: str) -> bool:
        """Whether a value of the other field is one of these, or within one."""
        return value in self.values or value.partition(".")[0] in self.values


class Agreement(Definition):
    """Which answers go together with each answer of another choice that stands earlier on the same level."""

    field: Key
    pairs: dict[str, tuple[str, ...]]


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
    agrees_with: Agreement | None = None
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
    confirm_when_copied: bool = False
    """Whether the answer may be another one by the next discussion: copied, it has to be confirmed."""

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
            "agrees_with": ("choice",),
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
    show_if: Condition | None = None
    fields: Annotated[tuple[Field, ...], Bound(min_length=1)]

    def label(self, language: str | None) -> str:
        """The heading in a language."""
        return in_language(self.words, language)


class Item(Definition):
    """Something a board asks to have before it accepts a case; one or more fields answer it."""

    code: Key
    words: Words


class Dossier(Definition):
    """The whole form of a board kind in one version.

    `site` names the code lists and the TNM chapter. With the site `general` the lists hold every place, and the chapter
    is that of the tumour's own topography and morphology.
    """

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

    def accepted(self, level: Level, condition: Condition) -> tuple[str, ...]:
        """Every value of the other field for which a condition holds."""
        other = next(field for field in self.fields(level) if field.key == condition.field)
        return tuple(value for value in self.values(other) if condition.takes(value))

    def tnm_site(self, data: Mapping[str, Any]) -> str:
        """The site whose TNM chapter is for a tumour, by its answers."""
        if self.site != tnm.GENERAL:
            return self.site
        morphology = data.get("morphology")
        return tnm.site_of(data.get("topography"), data.get("morphology_other") if morphology == OTHER else morphology)

    def visible(self, level: Level, data: Mapping[str, Any]) -> frozenset[str]:
        """The keys of the fields that are asked, given the answers so far; what hangs on a hidden field is hidden."""
        seen: set[str] = set()

        def holds(condition: Condition | None) -> bool:
            return condition is None or (condition.field in seen and condition.holds(data))

        for group in self.groups(level):
            if holds(group.show_if):
                for field in group.fields:
                    if holds(field.show_if):
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
            for group in self.groups(level):
                self._check_condition(f"{level}.{group.key}", group.show_if, earlier)
                for field in group.fields:
                    self._check(level, group, field, earlier)
                    earlier[field.key] = field
                    if field.item and (field.required_for_submission or field.required_if):
                        answered.add(field.item)
        if answered != set(item_codes):
            raise ValueError(f"items without a required field or unknown: {sorted(answered ^ set(item_codes))}")
        return self

    def _check(self, level: Level, group: Group, field: Field, earlier: Mapping[str, Field]) -> None:
        where = f"{level}.{field.key}"
        if field.key in earlier:
            raise ValueError(f"{where} stands twice")
        if field.owes not in self.owes:
            raise ValueError(f"{where}: nobody is called {field.owes}")
        if (field.required_for_submission or field.required_if) and field.item is None:
            raise ValueError(f"{where} is required but belongs to no item")
        for condition in (field.show_if, field.required_if):
            self._check_condition(where, condition, earlier)
        if group.show_if is not None and field.show_if is not None:
            # The page hides what hangs on a hidden question; it cannot hide one for two reasons.
            within = {each.key for each in group.fields}
            narrower = field.show_if.field == group.show_if.field and set(self.accepted(level, field.show_if)) <= set(
                self.accepted(level, group.show_if)
            )
            if field.show_if.field not in within and not narrower:
                raise ValueError(f"{where} depends on {field.show_if.field}, which its group does not hold")
        if field.at_most is not None and getattr(earlier.get(field.at_most), "kind", None) != field.kind:
            raise ValueError(f"{where} is compared with {field.at_most}, which is no earlier {field.kind}")
        if field.agrees_with is not None:
            other = earlier.get(field.agrees_with.field)
            if other is None or other.kind != "choice":
                raise ValueError(f"{where} agrees with {field.agrees_with.field}, which is no earlier choice")
            pairs = field.agrees_with.pairs
            if not set(pairs) <= set(self.values(other)):
                raise ValueError(f"{where} agrees with a value that {other.key} does not have")
            if not {value for values in pairs.values() for value in values} <= set(self.values(field)):
                raise ValueError(f"{where} agrees by a value that it does not have")

    def _check_condition(self, where: str, condition: Condition | None, earlier: Mapping[str, Field]) -> None:
        if condition is None:
            return
        other = earlier.get(condition.field)
        if other is None or other.kind not in ("choice", "multichoice", "code"):
            raise ValueError(f"{where} depends on {condition.field}, which is no earlier choice")
        for wanted in condition.values:
            known = self.values(other)
            if wanted not in known and not any(value.startswith(f"{wanted}.") for value in known):
                raise ValueError(f"{where} depends on a value that {condition.field} does not have")


def _is_loinc(code: str) -> bool:
    """Whether the check digit behind the hyphen (mod 10, Luhn, as in the LOINC users' guide) is right."""
    if not re.fullmatch(r"[0-9]{1,7}-[0-9]", code):
        return False
    digits = [int(digit) for digit in code.replace("-", "")]
    doubled = [sum(divmod(digit * 2, 10)) if index % 2 else digit for index, digit in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


class Addition(Definition):
    """A question that a version asks beside the one that it continues, and behind which of its questions."""

    level: Level
    behind: Key
    field: Field


class Continuation(Definition):
    """A version that asks everything that an earlier one asks, and more."""

    dossier: Key
    version: Annotated[int, Bound(ge=1)]
    continues: Annotated[int, Bound(ge=1)]
    adds: Annotated[tuple[Addition, ...], Bound(min_length=1)]

    def of(self, earlier: Dossier) -> Dossier:
        """The whole version, checked as any other."""
        levels = {level: list(earlier.groups(level)) for level in LEVELS}
        for each in self.adds:
            groups = levels[each.level]
            places = [
                (number, place)
                for number, group in enumerate(groups)
                for place, field in enumerate(group.fields, start=1)
                if field.key == each.behind
            ]
            if not places:
                raise ValueError(f"{self.dossier} {self.version}: there is no question {each.behind}")
            number, place = places[0]
            fields = groups[number].fields
            groups[number] = groups[number].model_copy(
                update={"fields": (*fields[:place], each.field, *fields[place:])}
            )
        whole = {name: getattr(earlier, name) for name in Dossier.model_fields} | levels | {"version": self.version}
        return Dossier.model_validate(whole)


@cache
def _definitions() -> dict[str, dict[int, Dossier]]:
    found: dict[str, dict[int, Dossier]] = {}
    later: list[Continuation] = []
    folder = files("cases.dossiers").joinpath("definitions")
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".yaml"):
            raw = read_yaml("cases.dossiers", f"definitions/{file.name}")
            if "continues" in raw:
                later.append(Continuation.model_validate(raw))
            else:
                _put(found, Dossier.model_validate(raw))
    for each in sorted(later, key=lambda one: (one.dossier, one.version)):
        _put(found, each.of(found[each.dossier][each.continues]))
    return found


def _put(found: dict[str, dict[int, Dossier]], definition: Dossier) -> None:
    versions = found.setdefault(definition.dossier, {})
    if definition.version in versions:
        raise ValueError(f"version {definition.version} of {definition.dossier} stands twice")
    versions[definition.version] = definition


def dossier(code: str, version: int | None = None) -> Dossier:
    """The dossier of that code, in that version or in the newest. Raises `KeyError` for one that does not exist."""
    versions = _definitions()[code]
    return versions[version if version is not None else max(versions)]


def all_versions() -> tuple[Dossier, ...]:
    """Every version of every dossier, the older ones too: cases keep the one by which they were begun."""
    return tuple(version for code in sorted(_definitions()) for version in _definitions()[code].values())


def dossiers() -> tuple[Dossier, ...]:
    """The newest version of every dossier."""
    return tuple(dossier(code) for code in sorted(_definitions()))


# A broken definition stops the start, not the first submission.
_definitions()
