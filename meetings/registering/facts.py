"""What the rules look at: plain values, read by ``reading``."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from meetings.quorum import Participant

Id = UUID | str
Setting = Literal["", "ambulatory", "hospitalised"]
NONE = "none"  # the form that somebody chose: none at all


@dataclass(frozen=True, slots=True)
class TumourFacts:
    """One tumour of a case as it was discussed. ``behaviour``: the digit behind the slash of its morphology; ``chosen``: the form that
    somebody chose against the rules (``none``: none)."""

    id: Id
    topography: str = ""
    laterality: str = ""
    behaviour: str = ""
    chosen: str = ""

    @property
    def looks(self) -> tuple[str, str] | None:
        """By which a later case's tumour is found to be the same cancer: its place and side; ``None`` where the place is not known."""
        return (self.topography[:3], self.laterality) if self.topography else None


@dataclass(frozen=True, slots=True)
class Discussed:
    """One signed decision about one case. ``requested_on``: the day of the written request, ``None`` where there is none;
    ``elsewhere``: whether somebody said that the first consultation was in another hospital (``None``: nobody said)."""

    item: Id
    case: Id
    at: datetime
    day: date
    reason: str
    with_discussion: bool
    organiser: Id
    case_hospital: Id
    tumours: tuple[TumourFacts, ...] = ()
    participants: tuple[Participant, ...] = ()
    requester_profession: str = "physician"
    requester_discipline: str = ""
    requested_on: date | None = None
    elsewhere: bool | None = None
    setting: Setting = ""


@dataclass(slots=True)
class Past:
    """What is known of one cancer before a discussion, by what came before it."""

    new: bool = False  # there is a form of the new diagnosis
    registered: bool = False  # there is any form that registers it
    went_on: bool = False  # it came back or went on since
    first_held: bool = False  # the first consultation was billed, or held elsewhere
    held_at: set[Id] = field(default_factory=set)  # by which organisers one was billed
