"""Who was there, and whether that was enough. Pure: intervals in, intervals and a verdict with sentences out.

Two quorums that must not be mixed up: the board's own (its setting) and the billing quorum of the country's rule set,
which is judged for each case from real attendance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Self
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from pydantic import BaseModel, ConfigDict, Field

from meetings.rulesets import BillingQuorum, Means, RuleSet

# A connection that comes back within a minute was never away (DESIGN, presence and attendance).
STITCHED_GAP = timedelta(seconds=60)
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Interval:
    """From `start` (aware) until `end`; an `end` of None is still going on. `means`: room, video or phone."""

    start: datetime
    end: datetime | None = None
    means: Means = "video"

    @property
    def until(self) -> datetime:
        """The end, or the end of time while it is going on."""
        return self.end or _END_OF_TIME


@dataclass(frozen=True, slots=True)
class Participant:
    """One person as the quorums see them. `intervals`: attendance of the item (or of the room); empty = was not there.

    `profession`: a word of the rule set (physician, nurse, …). `discipline`: code of the specialty.
    """

    person_id: UUID | str
    profession: str
    discipline: str
    organisation_id: UUID | str
    is_coordinator: bool = False
    intervals: tuple[Interval, ...] = ()

    @classmethod
    def present(
        cls,
        person_id: UUID | str,
        profession: str,
        discipline: str,
        organisation_id: UUID | str,
        *,
        means: Means,
        at: datetime,
        is_coordinator: bool = False,
    ) -> Self:
        """A person who is there now, by `means`, since `at`."""
        return cls(person_id, profession, discipline, organisation_id, is_coordinator, (Interval(at, None, means),))


class BoardQuorum(BaseModel):
    """A board's own rule (a setting): fewest people, fewest disciplines, disciplines that must be there, means that
    count."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    people: int = Field(default=0, ge=0, le=100)
    disciplines: int = Field(default=0, ge=0, le=50)
    required: tuple[str, ...] = ()
    means: frozenset[Means] = frozenset({"room", "video"})


@dataclass(frozen=True, slots=True)
class Quorum:
    """`have` of `need`, and for what is missing one sentence each, in the language active at the call."""

    met: bool
    have: int
    need: int
    reasons: tuple[str, ...] = ()

    def as_wire(self) -> dict[str, object]:
        """The object that the room's frames carry."""
        return {"met": self.met, "have": self.have, "need": self.need, "reasons": list(self.reasons)}


def attendance(
    intervals: Iterable[Interval], item_open: Iterable[Interval], gap: timedelta = STITCHED_GAP
) -> list[Interval]:
    """One person's attendance of one item: leases of the same means stitched over gaps of at most `gap`, then cut to
    the times at which the item was open. Sorted by start; different means may overlap; moments without length are
    left out."""
    windows = _merged(item_open, timedelta(0))
    found = []
    for lease in stitched(intervals, gap):
        for window in windows:
            start, until = max(lease.start, window.start), min(lease.until, window.until)
            if start < until:
                found.append(Interval(start, None if until == _END_OF_TIME else until, lease.means))
    return sorted(found, key=lambda one: (one.start, one.means))


def stitched(intervals: Iterable[Interval], gap: timedelta = STITCHED_GAP) -> list[Interval]:
    """The same presence with gaps of at most `gap` closed, each means by itself, sorted by start."""
    by_means: dict[Means, list[Interval]] = {}
    for one in intervals:
        by_means.setdefault(one.means, []).append(one)
    whole = [merged for group in by_means.values() for merged in _merged(group, gap)]
    return sorted(whole, key=lambda one: (one.start, one.means))


def board_quorum(
    rule: BoardQuorum, participants: Sequence[Participant], words: Mapping[str, str] | None = None
) -> Quorum:
    """Whether the board's own quorum is met. `words`: discipline code → its name in the reader's language.

    `have` and `need` count disciplines where the rule names a number of them, else people.
    """
    present = [p for p in participants if any(i.means in rule.means for i in p.intervals)]
    people = {p.person_id for p in present}
    disciplines = {p.discipline for p in present if p.discipline}
    absent = [code for code in rule.required if code not in disciplines]
    reasons = []
    if absent:
        names = ", ".join((words or {}).get(code, code) for code in absent)
        reasons.append(_("Not present: %(disciplines)s.") % {"disciplines": names})
    if (short := rule.disciplines - len(disciplines)) > 0:
        reasons.append(
            ngettext("%(n)d more discipline is needed.", "%(n)d more disciplines are needed.", short) % {"n": short}
        )
    if (short := rule.people - len(people)) > 0:
        reasons.append(ngettext("%(n)d more person is needed.", "%(n)d more people are needed.", short) % {"n": short})
    by_discipline = rule.disciplines > 0
    return Quorum(
        met=not reasons,
        have=len(disciplines) if by_discipline else len(people),
        need=rule.disciplines if by_discipline else rule.people,
        reasons=tuple(reasons),
    )


def billing_quorum(rules: RuleSet, participants: Sequence[Participant]) -> Quorum:
    """Whether one case may be billed under `rules`, from the attendance of its item.

    Counts different specialties of physicians by means that count. Where the rules ask for simultaneous participation
    it is the best moment that counts, and where they ask for the coordinator, the best moment with the coordinator
    there.
    """
    rule = rules.billing_quorum
    counted = [p for p in participants if p.profession in rule.professions]
    there = [p for p in counted if _present_by(p, rule)]
    have, coordinator = _best_moment(there, rule)
    reasons = []
    if rule.coordinator and not coordinator:
        reasons.append(_("The coordinator is not present."))
    if (short := rule.specialties - have) > 0:
        reasons.append(
            ngettext(
                "%(n)d more physician of another specialty is needed.",
                "%(n)d more physicians of other specialties are needed.",
                short,
            )
            % {"n": short}
        )
        if any(i.means not in rule.means for p in counted for i in p.intervals):
            reasons.append(_("Taking part by telephone does not count."))
        if rule.simultaneous and len({p.discipline for p in there}) >= rule.specialties:
            reasons.append(_("The physicians were not all there at the same moment."))
    return Quorum(
        met=have >= rule.specialties and (coordinator or not rule.coordinator),
        have=have,
        need=rule.specialties,
        reasons=tuple(reasons),
    )


def _present_by(participant: Participant, rule: BillingQuorum) -> bool:
    return bool(participant.discipline) and any(i.means in rule.means for i in participant.intervals)


def _best_moment(there: Sequence[Participant], rule: BillingQuorum) -> tuple[int, bool]:
    """(most different specialties, whether the coordinator was there then); a moment with the coordinator wins."""
    if not rule.simultaneous:
        return len({p.discipline for p in there}), any(p.is_coordinator for p in there)
    edges = sorted({edge for p in there for i in p.intervals for edge in (i.start, i.until)})
    best = (False, 0)
    for start, end in pairwise(edges):
        now = [
            p for p in there if any(i.means in rule.means and i.start <= start and end <= i.until for i in p.intervals)
        ]
        best = max(best, (rule.coordinator and any(p.is_coordinator for p in now), len({p.discipline for p in now})))
    return best[1], best[0]


def _merged(intervals: Iterable[Interval], gap: timedelta) -> list[Interval]:
    """Intervals joined where they overlap or lie at most `gap` apart; all of one means, or means without interest."""
    merged: list[Interval] = []
    for one in sorted(intervals, key=lambda i: i.start):
        if one.until < one.start:
            continue
        if merged and (merged[-1].until == _END_OF_TIME or one.start - merged[-1].until <= gap):
            last = merged[-1]
            until = max(last.until, one.until)
            merged[-1] = Interval(last.start, None if until == _END_OF_TIME else until, last.means)
        else:
            merged.append(one)
    return merged
