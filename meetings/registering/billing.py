"""Which codes are billed for one case. Pure; each line with the reason why, each that is missing with the reason why not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from meetings.quorum import Participant, billing_quorum
from meetings.registering.facts import Discussed, Id, Past, Setting
from meetings.registering.reasons import Reason
from meetings.rulesets import RuleSet
from meetings.rulesets.registration import Registration

SERVICES = ("first", "follow_up", "additional_elsewhere")
SUPPLEMENT, INTERNAL, EXTERNAL = "coordinator_supplement", "participation", "external_physician"
_PLACE = {"ambulatory": 0, "hospitalised": 1}


@dataclass(frozen=True, slots=True)
class Line:
    """One code for one physician. ``codes``: ambulatory and hospitalised; which of them counts hangs on where the patient stayed."""

    service: str
    codes: tuple[str, ...]
    person: Id

    def code(self, setting: Setting) -> str:
        """The number, or nothing while it is not known where the patient stayed."""
        place = _PLACE.get(setting)
        return "" if place is None else self.codes[min(place, len(self.codes) - 1)]


@dataclass(frozen=True, slots=True)
class BillingVerdict:
    """``service``: what the meeting is for this case, also where an obstacle leaves it without lines."""

    service: str
    lines: tuple[Line, ...]
    reasons: tuple[Reason, ...]

    @property
    def applies(self) -> bool:
        return bool(self.lines)


def billing_for(rules: RuleSet, discussed: Discussed, past: Sequence[Past]) -> BillingVerdict:
    """The lines of one case after one decision. ``past``: of each of its cancers. All obstacles are named, not only the first."""
    registration = rules.registration
    if not discussed.with_discussion and not rules.protocol_cases_bill:
        return BillingVerdict("", (), (Reason("not_discussed", False),))
    if registration is None:
        return BillingVerdict("", (), (Reason("unknown_reason", False),))
    service, reasons = _service(registration, discussed, past)
    asked = _request(rules, discussed)
    together = _quorum(rules, discussed)
    found = (*reasons, *asked, *together)
    if not service or not all(reason.applies for reason in found):
        return BillingVerdict(service, (), found)
    lines, more = _lines(rules, discussed, service)
    return BillingVerdict(service, lines, (*found, *more))


def _service(rules: Registration, discussed: Discussed, past: Sequence[Past]) -> tuple[str, tuple[Reason, ...]]:
    if discussed.reason not in rules.new | rules.follow_up:
        return "", (Reason("unknown_reason", False),)
    held = [each for each in past if each.first_held]
    elsewhere = discussed.elsewhere
    if (
        elsewhere is None
    ):  # nobody said: a new cancer whose first consultation was billed for another hospital's meeting
        here = any(discussed.organiser in each.held_at for each in past)
        elsewhere = discussed.reason in rules.new and bool(past) and len(held) == len(past) and not here
    if elsewhere:
        return "additional_elsewhere", (Reason("elsewhere", True),)
    if discussed.reason in rules.follow_up:
        return "follow_up", (Reason("follow_up", True),)
    if past and len(held) == len(past):
        return "follow_up", (Reason("first_was", True),)
    return "first", (Reason("first_of_another" if held else "first", True),)


def _request(rules: RuleSet, discussed: Discussed) -> tuple[Reason, ...]:
    """Who asked, and whether in writing and in time."""
    rule, obstacles = rules.request, []
    if rule.written and discussed.requested_on is None:
        obstacles.append(Reason("not_in_writing", False))
    if rule.before_meeting and discussed.requested_on is not None and discussed.requested_on > discussed.day:
        obstacles.append(Reason("asked_afterwards", False))
    if discussed.requester_profession not in rule.professions:
        obstacles.append(Reason("requester_profession", False))
    elif discussed.requester_discipline in rule.never_by:
        obstacles.append(Reason("requester_discipline", False))
    return tuple(obstacles) or (Reason("asked_in_writing", True),)


def _quorum(rules: RuleSet, discussed: Discussed) -> tuple[Reason, ...]:
    rule = rules.billing_quorum
    quorum = billing_quorum(rules, discussed.participants)
    if quorum.met:
        return (Reason("quorum", True),)
    obstacles = []
    if quorum.have < quorum.need:
        obstacles.append(Reason("quorum_short", False, {"have": quorum.have, "need": quorum.need}))
    else:
        obstacles.append(Reason("coordinator_absent", False))
    physicians = [each for each in discussed.participants if each.profession in rule.professions]
    if any(one.means not in rule.means for each in physicians for one in each.intervals):
        obstacles.append(Reason("telephone", False))
    return tuple(obstacles)


def _lines(rules: RuleSet, discussed: Discussed, service: str) -> tuple[tuple[Line, ...], tuple[Reason, ...]]:
    there = counted(rules, discussed.participants)
    coordinators = [each for each in there if each.is_coordinator]
    lines, reasons = [], []
    chief = coordinators[0] if coordinators else None
    lines.append(Line(service, rules.codes[service], chief.person_id if chief else ""))
    if chief is not None:
        disciplines = rules.coordinator_supplement.disciplines
        if not disciplines or chief.discipline in disciplines:
            lines.append(Line(SUPPLEMENT, rules.codes[SUPPLEMENT], chief.person_id))
            reasons.append(Reason("supplement", True))
        else:
            reasons.append(Reason("supplement_discipline", False))
    limits = rules.participations
    home = {"organiser": str(discussed.organiser), "case_hospital": str(discussed.case_hospital)}
    inside = {home[each] for each in limits.internal}
    others = [each for each in there if limits.coordinator or each is not chief]
    for name, most, group in (
        (INTERNAL, limits.internal_most, [each for each in others if str(each.organisation_id) in inside]),
        (EXTERNAL, limits.external_most, [each for each in others if str(each.organisation_id) not in inside]),
    ):
        lines += [Line(name, rules.codes[name], each.person_id) for each in _varied(group)[:most]]
        if len(group) > most:
            over = {"most": most, "over": len(group) - most}
            reasons.append(Reason("internal_over" if name == INTERNAL else "external_over", False, over))
    return tuple(lines), tuple(reasons)


def counted(rules: RuleSet, participants: Iterable[Participant]) -> list[Participant]:
    """The physicians who took part by a means that counts, whoever was there longest first."""
    rule = rules.billing_quorum
    found: dict[str, tuple[timedelta, Participant]] = {}
    for each in participants:
        spans = [one.until - one.start for one in each.intervals if one.means in rule.means]
        if each.profession not in rule.professions or not each.discipline or not spans:
            continue
        known = found.get(str(each.person_id))
        length = sum(spans, timedelta()) + (known[0] if known else timedelta())
        found[str(each.person_id)] = (length, known[1] if known and known[1].is_coordinator else each)
    return [each for _length, each in sorted(found.values(), key=lambda pair: (-pair[0], str(pair[1].person_id)))]


def _varied(group: Sequence[Participant]) -> list[Participant]:
    """Those of a discipline that nobody before them has come first."""
    seen: set[str] = set()
    first: list[Participant] = []
    for each in group:
        if each.discipline not in seen:
            seen.add(each.discipline)
            first.append(each)
    return [*first, *(each for each in group if each not in first)]
