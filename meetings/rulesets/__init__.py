"""Rules that differ by country and year, as versioned data files beside this module; read strictly, kept in memory."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from cases.coding.words import parse_yaml
from meetings.rulesets.registration import Registration

Means = Literal["room", "video", "phone"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BillingQuorum(_Strict):
    """Who must take part in one case before it may be billed."""

    specialties: int = Field(ge=1)
    coordinator: bool
    professions: frozenset[str]
    means: frozenset[Means]
    simultaneous: bool


class Participations(_Strict):
    """At most so many billed participations per case; ``internal``: whose physicians are not external."""

    internal_most: int = Field(ge=0)
    external_most: int = Field(ge=0)
    internal: frozenset[Literal["organiser", "case_hospital"]] = frozenset({"organiser", "case_hospital"})
    coordinator: bool = False


class Request(_Strict):
    """Who may ask for the meeting, and how."""

    written: bool
    never_by: frozenset[str]
    before_meeting: bool = True
    professions: frozenset[str] = frozenset({"physician"})


class CoordinatorSupplement(_Strict):
    """Of which disciplines the coordinator has to be; empty: of any."""

    disciplines: frozenset[str] = frozenset()


class RuleSet(_Strict):
    """One country's rules from one day on; `codes` hold [ambulatory, hospitalised] nomenclature numbers."""

    id: str
    country: str
    valid_from: date
    sources: tuple[str, ...]
    uncertain: tuple[str, ...] = ()
    billing_quorum: BillingQuorum
    participations: Participations
    codes: dict[str, tuple[str, ...]]
    request: Request
    protocol_cases_bill: bool
    coordinator_supplement: CoordinatorSupplement = CoordinatorSupplement()
    registration: Registration | None = None
    """None where a rule set knows no registration: nothing is registered or billed under it."""

    def is_uncertain(self, path: str) -> bool:
        """Whether a figure (``codes``, ``participations.internal_most``), or something of a part (``registration``), could not be verified, and
        has to be shown so."""
        return any(each == path or each.startswith(f"{path}.") for each in self.uncertain)


def names() -> tuple[str, ...]:
    """The ids of all rule sets, for a board's setting."""
    found = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml")))


def valid_on(name: str, day: date) -> RuleSet:
    """The rules of a day for whoever goes by the rule set ``name`` now: that one, or of its country the one that was valid before it began."""
    chosen = rule_set(name)
    if chosen.valid_from <= day:
        return chosen
    known = [each for each in map(rule_set, names()) if each.country == chosen.country and each.valid_from <= day]
    return max(known, key=lambda each: each.valid_from, default=chosen)


@cache
def rule_set(name: str) -> RuleSet:
    """The rule set with this id; KeyError when there is none."""
    if name not in names():
        raise KeyError(name)
    return RuleSet.model_validate(parse_yaml((files(__name__) / f"{name}.yaml").read_text("utf-8")))
