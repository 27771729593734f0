"""From the tables to what the rules look at, for some items at once: a constant number of queries."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from cases.dossiers import Dossier, dossier
from cases.models import Case, Discussion, Referral, Tumour
from mdo.directory.models import Board, Person
from mdo.kernel.acting import Actor
from meetings import access
from meetings.models import AgendaItem, BillingLine, Decision, Meeting, RegistrationForm
from meetings.quorum import Interval, Participant
from meetings.registering import columns
from meetings.registering.course import Verdict, verdicts
from meetings.registering.facts import Discussed, TumourFacts
from meetings.rulesets import RuleSet, rule_set, valid_on


@dataclass(frozen=True)
class Told:
    """What somebody says for one tumour: the form against the rules, what was done, and what the dossier left open."""

    chosen: str = ""
    chronology: tuple[str, ...] = ()
    answers: Mapping[str, Any] = field(default_factory=dict)
    taken: Mapping[str, Any] = field(default_factory=dict)  # as changed in the case since the discussion


@dataclass(frozen=True)
class Said:
    """What somebody says for one case."""

    setting: str = ""
    requested_on: date | None = None
    elsewhere: bool | None = None
    tumours: Mapping[UUID, Told] = field(default_factory=dict)


@dataclass
class Entry:
    """One signed decision about one case, with its dossier as it was discussed, what was saved of it, and what the rules make of it."""

    decision: Decision
    case: Case
    referral: Referral
    rules: RuleSet
    data: Mapping[str, Any]
    tumours: tuple[tuple[UUID, Mapping[str, Any]], ...]
    line: BillingLine | None
    forms: dict[UUID, RegistrationForm]
    said: Said
    people: Mapping[str, Person]
    live: Mapping[UUID, Mapping[str, Any]] = field(default_factory=dict)
    verdict: Verdict | None = None

    @property
    def dossier(self) -> Dossier:
        return dossier(self.case.dossier, self.data.get("version") or self.case.dossier_version)

    @property
    def version(self) -> int:
        return self.line.version if self.line else 0

    @property
    def day(self) -> date:
        return day_of(self.decision)

    @property
    def confirmed(self) -> bool:
        """Whether a person saved this; until then it is what the signature proposed."""
        return self.line is not None and self.line.saved_by_id is not None

    @property
    def corrected(self) -> bool:
        """Whether the decision was corrected since this was saved."""
        return self.line is not None and self.confirmed and self.line.decision_id != self.decision.pk

    @property
    def outdated(self) -> bool:
        """Whether it has to be looked at again: the decision was corrected since this was saved, or patient or tumour were changed."""
        return self.confirmed and (self.corrected or self.patient_changed or any(map(self.tumour_changed, self.forms)))

    @property
    def patient_changed(self) -> bool:
        """Whether what was saved says something else of the patient than their record says now."""
        if self.line is None or not self.confirmed:
            return False
        patient, saved = self.case.patient, self.line.values
        said = {
            "national_number": patient.national_number,
            "other_number": patient.other_identifier,
            "record_number": patient.record_number,
            "family_name": patient.family_name,
            "given_name": patient.given_name,
            "birth_date": patient.birth_date.isoformat(),
        }
        sexes = {form.values.get("sex", patient.sex) for form in self.forms.values()}
        return any(saved.get(key, value) != value for key, value in said.items()) or bool(sexes - {patient.sex})

    def tumour_changed(self, tumour_id: UUID) -> bool:
        """Whether the tumour stands otherwise in the case than when this was saved."""
        form = self.forms.get(tumour_id)
        return form is not None and bool(form.seen) and form.seen != self.seen(tumour_id)

    def seen(self, tumour_id: UUID) -> str:
        """A digest of the tumour as it stands in the case now."""
        return columns.digest({"tumour": self.live.get(tumour_id)})

    def changed(self, tumour_id: UUID) -> dict[str, Any]:
        """The answers about a tumour that were changed in the case since the discussion. None of a tumour that is there no more."""
        discussed = next(each for key, each in self.tumours if key == tumour_id)
        live = self.live.get(tumour_id, discussed)
        known = {field.key for field in self.dossier.fields("tumour")}
        return {key: live.get(key) for key in sorted(known) if live.get(key) != discussed.get(key)}

    def answered(self, tumour_id: UUID) -> dict[str, Any]:
        """The answers about a tumour: the dossier's, and what somebody gave where it held none."""
        told = self.said.tumours.get(tumour_id, Told())
        data = {**next(each for key, each in self.tumours if key == tumour_id), **told.taken}
        return {**data, **{key: value for key, value in told.answers.items() if data.get(key) in (None, "", [])}}

    def values(self, tumour_id: UUID, position: int, kind: str) -> dict[str, str]:
        """Each column of the registry's file, but for what only the file knows."""
        registration = self.rules.registration
        assert registration is not None
        patient, signer = self.case.patient, self.decision.signed_by
        told = self.said.tumours.get(tumour_id, Told())
        places = {
            "form": {"layout": registration.layout, "kind": kind, "position": str(position)},
            "hospital": {"name": self.case.hospital.name, "licence_number": self.case.hospital.licence_number},
            "patient": {
                "national_number": patient.national_number,
                "other_identifier": patient.other_identifier,
                "family_name": patient.family_name,
                "given_name": patient.given_name,
                "birth_date": patient.birth_date.isoformat(),
                "sex": patient.sex,
            },
            "meeting": {"date": self.day.isoformat()},
            "referral": {"reason": self.referral.reason},
            "decision": {
                "number": str(self.decision.number or ""),
                "version": str(self.decision.version),
                "discussed": "no" if self.decision.without_discussion else "yes",
            },
            "requester": _physician(self.referral.requester),
            "coordinator": _physician(signer) if signer else {},
            "given": {"chronology": " ".join(told.chronology)},
            "case": columns.flat(self.data),
            "tumour": columns.flat(self.answered(tumour_id)),
        }
        return columns.values(registration, places)


def _physician(person: Person) -> dict[str, str]:
    return {"name": person.display_name, "licence_number": person.licence_number}


def entries(by: Actor, items: Iterable[AgendaItem], said: Mapping[UUID, Said] | None = None) -> dict[UUID, Entry]:
    """By item, for those whose decision is signed and whose board registers, by the rules under which it was put down, else those of its
    meeting's day. ``said``: what somebody says now, instead of what was saved. What each discussion is depends on the patient's earlier ones, as far as ``by`` may read them. Six queries, and one more for people."""
    wanted = [item.pk for item in items]
    patients = Case.objects.filter(referrals__items__in=wanted).values("patient")
    found = list(
        access.visible_decisions(by)
        .filter(state=Decision.State.SIGNED, case__patient__in=patients)
        .select_related("case__patient", "case__hospital", "item__referral__requester", "meeting", "board", "signed_by")
        .order_by("meeting__starts_at", "pk")
    )
    found = [each for each in found if each.item.referral is not None]
    lines = {line.item_id: line for line in BillingLine.objects.filter(item__in=[each.item_id for each in found])}
    rules = {each.item_id: _rules(each, lines.get(each.item_id)) for each in found}
    found = [each for each in found if _registers(each.board, rules[each.item_id])]
    referrals = [each.item.referral_id for each in found]
    discussions: dict[UUID, Discussion] = {}
    for discussion in Discussion.objects.filter(referral__in=referrals, outcome=Referral.Status.DISCUSSED).order_by(
        "at"
    ):
        discussions[discussion.referral_id] = discussion
    live: dict[UUID, list[Tumour]] = {}
    for tumour in Tumour.objects.filter(case__in=[each.case_id for each in found]):
        live.setdefault(tumour.case_id, []).append(tumour)
    forms: dict[UUID, dict[UUID, RegistrationForm]] = {}
    for form in RegistrationForm.objects.filter(item__in=[each.item_id for each in found]):
        forms.setdefault(form.item_id, {})[form.tumour_id] = form
    named = {row["person"] for each in found for row in each.attendance if row.get("person")}
    people = {str(person.pk): person for person in Person.objects.filter(pk__in=named)}
    every: dict[UUID, Entry] = {}
    for decision in found:
        case, referral = decision.case, decision.item.referral
        assert case is not None
        assert referral is not None
        kept = discussions.get(referral.pk)
        data: Mapping[str, Any] = kept.data if kept else case.data
        tumours: tuple[tuple[UUID, Mapping[str, Any]], ...] = (
            tuple((UUID(each["id"]), each["data"]) for each in kept.tumours)
            if kept
            else tuple((each.pk, each.data) for each in live.get(case.pk, []))
        )
        line, own = lines.get(decision.item_id), forms.get(decision.item_id, {})
        told = (said or {}).get(decision.item_id) or _saved(line, own, referral)
        now = {each.pk: each.data for each in live.get(case.pk, [])}
        every[decision.item_id] = Entry(
            decision, case, referral, rules[decision.item_id], data, tumours, line, own, told, people, now
        )
    _decide(every.values())
    return {item_id: every[item_id] for item_id in wanted if item_id in every}


def registers(board: Board, day: date) -> bool:
    """Whether a board registers what it discusses on a day."""
    return _registers(board, valid_on(board.rule_set, day))


def _registers(board: Board, rules: RuleSet) -> bool:
    return rules.registration is not None and board.kind in rules.registration.board_kinds


def _rules(decision: Decision, line: BillingLine | None) -> RuleSet:
    return rule_set(line.rule_set) if line else valid_on(decision.board.rule_set, day_of(decision))


def _saved(line: BillingLine | None, forms: Mapping[UUID, RegistrationForm], referral: Referral) -> Said:
    """What was said before; of the request, what the referral says as long as nobody said otherwise."""
    return Said(
        setting=line.setting if line else "",
        requested_on=line.requested_on if line else referral.requested_on,
        elsewhere=line.elsewhere if line else None,
        tumours={
            key: Told(form.chosen, tuple(form.chronology), form.answers, form.taken) for key, form in forms.items()
        },
    )


def _decide(every: Collection[Entry]) -> None:
    by_patient: dict[UUID, list[Entry]] = {}
    for entry in every:
        by_patient.setdefault(entry.case.patient_id, []).append(entry)
    for course in by_patient.values():
        found = verdicts((entry.rules, _facts(entry)) for entry in course)
        for entry in course:
            entry.verdict = found[entry.decision.item_id]


def _facts(entry: Entry) -> Discussed:
    decision, requester = entry.decision, entry.referral.requester
    return Discussed(
        item=decision.item_id,
        case=entry.case.pk,
        at=decision.meeting.starts_at,
        day=entry.day,
        reason=entry.referral.reason,
        with_discussion=not decision.without_discussion,
        organiser=decision.board.organiser_id,
        case_hospital=decision.hospital_id,
        tumours=tuple(_tumour(entry, tumour_id) for tumour_id, _data in entry.tumours),
        participants=tuple(
            found for row in decision.attendance for found in _participant(row, decision.item.closed_at)
        ),
        requester_profession=requester.profession,
        requester_discipline=requester.discipline,
        requested_on=entry.said.requested_on,
        elsewhere=entry.said.elsewhere,
        setting=entry.said.setting,  # type: ignore[arg-type]
    )


def _tumour(entry: Entry, tumour_id: UUID) -> TumourFacts:
    told = columns.flat(entry.answered(tumour_id))
    return TumourFacts(
        id=tumour_id,
        topography=told.get("topography", ""),
        laterality=told.get("laterality", ""),
        behaviour=told.get("morphology", "").partition("/")[2],
        chosen=entry.said.tumours.get(tumour_id, Told()).chosen,
    )


def _participant(row: Mapping[str, Any], closed: datetime | None) -> Iterable[Participant]:
    """Somebody whom the directory knows, as they stand in the frozen attendance; who was only typed is no physician whom one could bill."""
    if not row.get("person"):
        return
    times = []
    for start, end, means in row["times"]:
        until = datetime.fromisoformat(end) if end else closed
        times.append(Interval(datetime.fromisoformat(start), until, means))
    yield Participant(
        row["person"],
        row["profession"],
        row["discipline"],
        row["organisation"],
        row["role"] == "coordinator",
        tuple(times),
    )


def day_of(decision: Decision) -> date:
    """The day of its meeting."""
    return held_on(decision.meeting, decision.board)


def held_on(meeting: Meeting, board: Board) -> date:
    """The day of a meeting, where its board sits."""
    return meeting.starts_at.astimezone(ZoneInfo(board.time_zone)).date()
