"""The kinds of board (tumour and clinical board, care conference, cooperation committee) and their lists, as data."""

from collections.abc import Mapping
from datetime import time
from functools import cache
from typing import Annotated, Any, Literal, Self

from pydantic import Field as Bound
from pydantic import model_validator

from cases.coding.words import Definition, Words, in_language, read_yaml
from cases.dossiers.definition import Condition, Key, dossier, dossiers
from mdo.directory.disciplines import DISCIPLINES

Minutes = Annotated[int, Bound(ge=1, le=240)]
Days = Annotated[int, Bound(ge=0, le=366)]
MOST_DAYS = 180  # of a reminder


class Option(Definition):
    """One entry of a list: the stored code and its words. `group` is a heading of the list, where it has some.

    `avoidable`: of a reason to postpone, whether better preparation would have prevented it; `deceased`: whether it is the one to
    give when the patient died.
    """

    code: Key
    words: Words
    group: str = ""
    avoidable: bool = False
    deceased: bool = False

    def label(self, language: str | None) -> str:
        """The words in a language."""
        return in_language(self.words, language)


class Deadline(Definition):
    """Until when a case may be handed in, counted from the day of the meeting, in local time."""

    days_before: Days
    at: time


class ItemTerm(Definition):
    """When a required item is due, counted back from the day of the meeting; whether a case is taken in without it."""

    days_before: Days
    may_follow: bool = False


class Asked(Definition):
    """Who answers for a party that owes something: people of these disciplines; none: the requester."""

    disciplines: tuple[Key, ...] = ()


ReminderRole = Literal["owner", "requester", "secretary", "chair", "coordinator", "member"]


class ReminderRule(Definition):
    """A reminder that exists: from what its days are counted and to whom it may go."""

    code: Key
    words: Words
    anchor: Literal["start", "deadline", "closing"]
    to: Annotated[tuple[ReminderRole, ...], Bound(min_length=1)]

    def label(self, language: str | None) -> str:
        """What it is called, in a language."""
        return in_language(self.words, language)

    @property
    def after(self) -> bool:
        """Whether the days are counted after the anchor."""
        return self.anchor == "closing"


class ReminderDefault(Definition):
    """How a kind uses a reminder unless the board says otherwise."""

    rule: Key
    days: Annotated[int, Bound(ge=0, le=MOST_DAYS)]
    to: Annotated[tuple[ReminderRole, ...], Bound(min_length=1)]
    used: bool = True


class Hours(Definition):
    """When reminders go out, and between which hours of the day none does (local times; the end may be on the next day)."""

    send_at: time
    quiet_from: time
    quiet_until: time


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
    items: dict[Key, ItemTerm] = Bound(default_factory=dict)
    intents: tuple[Key, ...] = ()
    guidelines: tuple[Key, ...] = ()
    trials: tuple[Key, ...] = ()
    informers: tuple[Key, ...] = ()
    steps: tuple[Key, ...] = ()
    follow_up_reasons: tuple[Key, ...] = ()
    postponement_reasons: tuple[Key, ...] = ()
    referral_reasons: tuple[Key, ...] = ()
    minutes_per_item: Minutes
    minutes_per_topic: Minutes
    deadline: Deadline
    reminders: tuple[ReminderDefault, ...]


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
    items: dict[Key, ItemTerm]
    intents: tuple[Option, ...]
    guidelines: tuple[Option, ...]
    trials: tuple[Option, ...]
    informers: tuple[Option, ...]
    steps: tuple[Option, ...]
    follow_up_reasons: tuple[Option, ...]
    postponement_reasons: tuple[Option, ...]
    referral_reasons: tuple[Option, ...]
    minutes_per_item: int
    minutes_per_topic: int
    deadline: Deadline
    reminders: tuple[ReminderDefault, ...]

    def needed_to_hand_in(self, dossier_code: str) -> tuple[str, ...]:
        """The items without which a case is not taken in; the others may follow until they are due."""
        items = self.required_items.get(dossier_code, ())
        return tuple(item for item in items if not self.items[item].may_follow)

    @property
    def avoidable_reasons(self) -> frozenset[str]:
        """The codes of the reasons to postpone that better preparation prevents."""
        return frozenset(option.code for option in self.postponement_reasons if option.avoidable)

    @property
    def reason_for_deceased(self) -> str:
        """The code of the reason to postpone that is proposed when a patient died; "" where the kind has none."""
        return next((option.code for option in self.postponement_reasons if option.deceased), "")

    def needs(self, dossier_code: str, data: Mapping[str, Any]) -> frozenset[str]:
        """The codes of the disciplines that have to be there for a case, by what its dossier holds."""
        found = self.needed_disciplines.get(dossier_code, ())
        return frozenset(each.discipline for each in found if each.holds(data))

    def choices(self, name: str, language: str | None) -> list[tuple[str, str]]:
        """One of the lists (`intents`, `guidelines`, `trials`, `informers`, `steps`, `follow_up_reasons`, `postponement_reasons`, `referral_reasons`) as (code, words)."""
        options: tuple[Option, ...] = getattr(self, name)
        return [(option.code, option.label(language)) for option in options]

    def option_words(self, name: str, code: str, language: str | None) -> str:
        """The words of one entry, or the code itself when the list does not hold it (older data)."""
        options: tuple[Option, ...] = getattr(self, name)
        return next((option.label(language) for option in options if option.code == code), code)


class _File(Definition):
    intents: tuple[Option, ...]
    guidelines: tuple[Option, ...]
    trials: tuple[Option, ...]
    informers: tuple[Option, ...]
    steps: tuple[Option, ...]
    step_groups: dict[str, Words]
    follow_up_reasons: tuple[Option, ...]
    postponement_reasons: tuple[Option, ...]
    referral_reasons: tuple[Option, ...]
    reason_groups: dict[str, Words]
    asked: dict[Key, Asked]
    reminder_rules: tuple[ReminderRule, ...]
    hours: Hours
    kinds: tuple[KindDefinition, ...]

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        for options, groups in (
            (self.intents, {}),
            (self.guidelines, {}),
            (self.trials, {}),
            (self.informers, {}),
            (self.steps, self.step_groups),
            (self.follow_up_reasons, {}),
            (self.postponement_reasons, {}),
            (self.referral_reasons, self.reason_groups),
        ):
            codes = [option.code for option in options]
            if len(codes) != len(set(codes)):
                raise ValueError("a code stands twice")
            if unknown := {option.group for option in options} - {"", *groups}:
                raise ValueError(f"unknown groups {sorted(unknown)}")
        if unknown := {one for each in self.asked.values() for one in each.disciplines} - set(DISCIPLINES):
            raise ValueError(f"unknown disciplines {sorted(unknown)}")
        if unasked := {party for form in dossiers() for party in form.owes} - set(self.asked):
            raise ValueError(f"nobody is asked for what {sorted(unasked)} owe")
        rules = {rule.code: rule for rule in self.reminder_rules}
        for kind in self.kinds:
            named = [each.rule for each in kind.reminders]
            if len(named) != len(set(named)) or not set(named) <= set(rules):
                raise ValueError(f"{kind.code}: a reminder stands twice or is unknown")
            if any(not set(each.to) <= set(rules[each.rule].to) for each in kind.reminders):
                raise ValueError(f"{kind.code}: a reminder goes to somebody to whom it may not go")
            if set(kind.required_items) != set(kind.dossiers):
                raise ValueError(f"{kind.code}: required items and dossiers do not match")
            for code, items in kind.required_items.items():
                if unknown := set(items) - {item.code for item in dossier(code).items}:
                    raise ValueError(f"{kind.code}: {code} has no items {sorted(unknown)}")
            for code, needed in kind.needed_disciplines.items():
                asked = {key for each in needed for key in (*each.filled, *([each.field] if each.field else ()))}
                if unknown := asked - {field.key for field in dossier(code).fields("case")}:
                    raise ValueError(f"{kind.code}: {code} has no fields {sorted(unknown)}")
            if untimed := {item for items in kind.required_items.values() for item in items} - set(kind.items):
                raise ValueError(f"{kind.code}: nobody knows when {sorted(untimed)} are due")
        return self


_LISTS = (
    "intents",
    "guidelines",
    "trials",
    "informers",
    "steps",
    "follow_up_reasons",
    "postponement_reasons",
    "referral_reasons",
)


def _filled(kind: KindDefinition, file: _File) -> BoardKind:
    lists: dict[str, Any] = {}
    for name in _LISTS:
        known = {option.code: option for option in getattr(file, name)}
        lists[name] = tuple(known[code] for code in getattr(kind, name))
    plain: dict[str, Any] = {name: getattr(kind, name) for name in KindDefinition.model_fields if name not in lists}
    return BoardKind(**plain, **lists)


@cache
def _file() -> _File:
    return _File.model_validate(read_yaml("cases.dossiers", "board_kinds.yaml"))


@cache
def _kinds() -> dict[str, BoardKind]:
    return {kind.code: _filled(kind, _file()) for kind in _file().kinds}


def step_words(code: str, language: str | None) -> str:
    """The words of a step of a recommendation, of whichever kind of board; the code itself where no list holds it."""
    return next((option.label(language) for option in _file().steps if option.code == code), code)


def reminder_rules() -> dict[str, ReminderRule]:
    """The reminders that exist, by code, in the order of the file."""
    return {rule.code: rule for rule in _file().reminder_rules}


def usual_hours() -> Hours:
    """When reminders go out where a board did not set its own hours."""
    return _file().hours


def disciplines_asked(owes: str) -> tuple[str, ...]:
    """The disciplines that are asked for what a party owes; none: the requester is."""
    return _file().asked[owes].disciplines


def board_kind(code: str) -> BoardKind:
    """The kind of that code. Raises `KeyError` for one that does not exist."""
    return _kinds()[code]


def board_kinds() -> tuple[BoardKind, ...]:
    """All kinds, in the order of the file."""
    return tuple(_kinds().values())


# A broken file stops the start, not the first meeting.
_kinds()
