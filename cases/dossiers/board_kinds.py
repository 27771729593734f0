"""The kinds of board (tumour and clinical board, care conference, cooperation committee) and their lists, as data."""

from collections.abc import Mapping
from datetime import time
from functools import cache
from typing import Annotated, Any, Self

from pydantic import Field as Bound
from pydantic import model_validator

from cases.coding.words import Definition, Words, in_language, read_yaml
from cases.dossiers.definition import Condition, Key, dossier

Minutes = Annotated[int, Bound(ge=1, le=240)]
Days = Annotated[int, Bound(ge=0, le=366)]


class Option(Definition):
    """One entry of a list: the stored code and its words. `group` is a heading of the list, where it has some."""

    code: Key
    words: Words
    group: str = ""

    def label(self, language: str | None) -> str:
        """The words in a language."""
        return in_language(self.words, language)


class Deadline(Definition):
    """Until when a case may be handed in, counted from the day of the meeting, in local time."""

    days_before: Days
    at: time


class Reminders(Definition):
    """After how many days who is reminded; 0 reminds nobody of a deadline."""

    deadline_near_days: Days
    signature_waiting_days: Days
    follow_up_days: Days


class Needed(Definition):
    """A discipline that has to be there for a case: when one of the fields `filled` was answered, or when `field` holds one of
    the values `in`. All are fields of the case, not of a tumour."""

    discipline: Key
    filled: tuple[Key, ...] = ()
    field: Key | None = None
    values: tuple[str, ...] = Bound(default=(), alias="in")

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if bool(self.filled) == bool(self.field) or bool(self.field) != bool(self.values):
            raise ValueError(f"{self.discipline}: either `filled`, or `field` with `in`")
        return self

    def holds(self, data: Mapping[str, Any]) -> bool:
        """Whether a case with these answers needs the discipline."""
        if self.field is not None:
            return Condition.model_validate({"field": self.field, "in": self.values}).holds(data)
        return any(data.get(key) not in (None, "", []) for key in self.filled)


class KindDefinition(Definition):
    """A kind as the file holds it: its lists are codes."""

    code: Key
    label: Words
    words: Words
    report: Words
    identifiable_patients: bool
    dossiers: tuple[Key, ...] = ()
    required_items: dict[Key, tuple[Key, ...]] = Bound(default_factory=dict)
    needed_disciplines: dict[Key, tuple[Needed, ...]] = Bound(default_factory=dict)
    intents: tuple[Key, ...] = ()
    steps: tuple[Key, ...] = ()
    postponement_reasons: tuple[Key, ...] = ()
    referral_reasons: tuple[Key, ...] = ()
    minutes_per_item: Minutes
    minutes_per_topic: Minutes
    deadline: Deadline
    reminders: Reminders


class BoardKind(Definition):
    """A kind with its lists filled in. Everything here is a default that a board may change in its own settings."""

    code: Key
    label: Words
    """The short name of such a board: MOC, MDO."""
    words: Words
    report: Words
    identifiable_patients: bool
    dossiers: tuple[Key, ...]
    required_items: dict[Key, tuple[Key, ...]]
    needed_disciplines: dict[Key, tuple[Needed, ...]]
    intents: tuple[Option, ...]
    steps: tuple[Option, ...]
    postponement_reasons: tuple[Option, ...]
    referral_reasons: tuple[Option, ...]
    minutes_per_item: int
    minutes_per_topic: int
    deadline: Deadline
    reminders: Reminders

    def needs(self, dossier_code: str, data: Mapping[str, Any]) -> frozenset[str]:
        """The codes of the disciplines that have to be there for a case, by what its dossier holds."""
        found = self.needed_disciplines.get(dossier_code, ())
        return frozenset(each.discipline for each in found if each.holds(data))

    def choices(self, name: str, language: str | None) -> list[tuple[str, str]]:
        """One of the lists (`intents`, `steps`, `postponement_reasons`, `referral_reasons`) as (code, words)."""
        options: tuple[Option, ...] = getattr(self, name)
        return [(option.code, option.label(language)) for option in options]

    def option_words(self, name: str, code: str, language: str | None) -> str:
        """The words of one entry, or the code itself when the list does not hold it (older data)."""
        return dict(self.choices(name, language)).get(code, code)


class _File(Definition):
    intents: tuple[Option, ...]
    steps: tuple[Option, ...]
    step_groups: dict[str, Words]
    postponement_reasons: tuple[Option, ...]
    referral_reasons: tuple[Option, ...]
    reason_groups: dict[str, Words]
    kinds: tuple[KindDefinition, ...]

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        for options, groups in (
            (self.intents, {}),
            (self.steps, self.step_groups),
            (self.postponement_reasons, {}),
            (self.referral_reasons, self.reason_groups),
        ):
            codes = [option.code for option in options]
            if len(codes) != len(set(codes)):
                raise ValueError("a code stands twice")
            if unknown := {option.group for option in options} - {"", *groups}:
                raise ValueError(f"unknown groups {sorted(unknown)}")
        for kind in self.kinds:
            if set(kind.required_items) != set(kind.dossiers):
                raise ValueError(f"{kind.code}: required items and dossiers do not match")
            for code, items in kind.required_items.items():
                if unknown := set(items) - {item.code for item in dossier(code).items}:
                    raise ValueError(f"{kind.code}: {code} has no items {sorted(unknown)}")
            for code, needed in kind.needed_disciplines.items():
                asked = {key for each in needed for key in (*each.filled, *([each.field] if each.field else ()))}
                if unknown := asked - {field.key for field in dossier(code).fields("case")}:
                    raise ValueError(f"{kind.code}: {code} has no fields {sorted(unknown)}")
        return self


def _filled(kind: KindDefinition, file: _File) -> BoardKind:
    lists: dict[str, Any] = {}
    for name in ("intents", "steps", "postponement_reasons", "referral_reasons"):
        known = {option.code: option for option in getattr(file, name)}
        lists[name] = tuple(known[code] for code in getattr(kind, name))
    plain: dict[str, Any] = {name: getattr(kind, name) for name in KindDefinition.model_fields if name not in lists}
    return BoardKind(**plain, **lists)


@cache
def _kinds() -> dict[str, BoardKind]:
    file = _File.model_validate(read_yaml("cases.dossiers", "board_kinds.yaml"))
    return {kind.code: _filled(kind, file) for kind in file.kinds}


def board_kind(code: str) -> BoardKind:
    """The kind of that code. Raises `KeyError` for one that does not exist."""
    return _kinds()[code]


def board_kinds() -> tuple[BoardKind, ...]:
    """All kinds, in the order of the file."""
    return tuple(_kinds().values())


# A broken file stops the start, not the first meeting.
_kinds()
