"""The lines of a worklist: each coming case with its numbers, documents, earlier decision and what was prepared of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cases.access import visible_documents, visible_preparation
from cases.dossiers.display import Row
from cases.dossiers.worklists import Worklist
from cases.models import Case, Document, PreparationNote, Referral
from cases.views.identity import identity
from mdo.directory.access import Standing
from mdo.directory.image_archive import study_address
from mdo.directory.models import Organisation
from mdo.kernel.acting import Actor, current
from mdo.kernel.ids import new_id
from meetings import access
from meetings.models import AgendaItem, Decision, Meeting
from meetings.preparing import items_to_prepare, open_by_discipline

MOST = 300  # lines of one page


@dataclass(frozen=True)
class Study:
    """One accession or report number. ``own``: made in the hospital for which somebody acts, in whose image archive ``address`` opens
    it. ``made_at``: where it was made, when that is not the case's own hospital. ``in_text``: it was found inside a report."""

    number: str
    own: bool
    address: str
    made_at: str
    in_text: bool


@dataclass(frozen=True)
class Line:
    """One case. ``outside``: images or slides of it were made in another hospital than the one for which the reader acts: what its
    numbers say, and where it has none, its hospital."""

    item: AgendaItem
    referral: Referral
    patient: dict[str, Any]
    organisation: Organisation
    outside: bool
    studies: list[Study]
    answers: list[Row]
    documents: list[Document]
    earlier: Decision | None
    mine: PreparationNote | None
    others: list[PreparationNote]
    typed: str | None
    note_id: UUID
    command_id: UUID

    @property
    def key(self) -> str:
        return str(self.referral.pk)

    @property
    def version(self) -> int:
        """Of the own row in force."""
        return self.mine.version if self.mine else 0

    @property
    def text(self) -> str:
        """What stands in the box: what was typed and refused, else the own note."""
        return self.typed if self.typed is not None else self.mine.text if self.mine else ""

    @property
    def changed(self) -> bool:
        """Whether the dossier changed since it was looked at."""
        return self.mine is not None and self.mine.case_version != self.referral.case.version


@dataclass(frozen=True)
class SittingLines:
    meeting: Meeting
    lines: list[Line]

    @property
    def numbers(self) -> list[str]:
        return own_numbers(self.lines)

    @property
    def copied(self) -> str:
        """One number on a line, as archives take a pasted list."""
        return "\n".join(self.numbers)


@dataclass(frozen=True)
class Lines:
    """A whole worklist, by sitting. ``waiting``: how many cases nobody of each discipline has looked at."""

    sittings: list[SittingLines]
    waiting: dict[str, int]
    more: bool

    @property
    def all(self) -> list[Line]:
        return [line for sitting in self.sittings for line in sitting.lines]

    @property
    def open(self) -> list[Line]:
        """What the reader has not looked at."""
        return [line for line in self.all if line.mine is None]

    @property
    def numbers(self) -> list[str]:
        return own_numbers(self.all)

    @property
    def copied(self) -> str:
        return "\n".join(self.numbers)

    @property
    def outside(self) -> int:
        return sum(line.outside for line in self.all)


def own_numbers(lines: Iterable[Line]) -> list[str]:
    """The numbers of the own hospital, each once: what its own archive can be asked for. What was only found in a text comes last."""
    found = [study for line in lines for study in line.studies if study.own]
    return list(dict.fromkeys(study.number for study in sorted(found, key=lambda each: each.in_text)))


def lines_for(
    by: Actor,
    standings: Sequence[Standing],
    worklist: Worklist,
    language: str | None,
    *,
    meeting_id: UUID | None = None,
    typed: dict[UUID, str] | None = None,
) -> Lines:
    """The worklist of ``by`` for one discipline. A constant number of queries, whatever the number of cases."""
    found = (
        items_to_prepare(by, standings, meeting_id)
        .select_related("meeting__board__organiser", "hospital", "referral__case__patient", "referral__requester")
        .order_by("meeting__starts_at", "meeting", "position")
    )
    items = list(found[: MOST + 1])
    more, items = len(items) > MOST, items[:MOST]
    referrals = {item.referral_id: item.referral for item in items if item.referral is not None}
    cases = [referral.case_id for referral in referrals.values()]
    documents: dict[UUID, list[Document]] = {}
    for document in visible_documents(by).filter(case__in=cases, kind__in=worklist.documents):
        documents.setdefault(document.case_id, []).append(document)
    notes = list(visible_preparation(by).filter(referral__in=list(referrals)).select_related("author", "organisation"))
    beside: dict[UUID, list[PreparationNote]] = {}
    for note in notes:
        beside.setdefault(note.referral_id, []).append(note)
    earlier = _earlier(by, items)
    sites = _Sites(worklist, referrals.values())
    sittings: dict[UUID, SittingLines] = {}
    for item in items:
        referral = item.referral
        if referral is None:
            continue
        case = referral.case
        studies = sites.studies(case, item.hospital)
        prepared = beside.get(referral.pk, [])
        line = Line(
            item=item,
            referral=referral,
            patient=identity(case.patient, item.hospital),
            organisation=item.hospital,
            outside=not all(study.own for study in studies) if studies else item.hospital_id != sites.here,
            studies=studies,
            answers=worklist.answers(case.dossier, case.data, language),
            documents=documents.get(case.pk, []),
            earlier=earlier.get((case.patient_id, item.meeting.board_id)),
            mine=next((note for note in prepared if note.author_id == by.actor_id), None),
            others=[note for note in prepared if note.author_id != by.actor_id],
            typed=(typed or {}).get(referral.pk),
            note_id=new_id(),
            command_id=new_id(),
        )
        sittings.setdefault(item.meeting_id, SittingLines(item.meeting, [])).lines.append(line)
    return Lines(list(sittings.values()), open_by_discipline(items, notes), more)


class _Sites:
    """Where the studies of a worklist were made. One query, none where no number names a hospital of its own."""

    def __init__(self, worklist: Worklist, referrals: Iterable[Referral]) -> None:
        self.here = current().organisation_id
        self.worklist = worklist
        self.references = {each.case_id: worklist.studies(each.case.data) for each in referrals}
        self.by_name: dict[str, set[UUID]] = {}
        self.archive = ""  # the template of the own hospital
        if any(reference.made_at for found in self.references.values() for reference in found):
            for each in Organisation.objects.filter(kind=Organisation.Kind.HOSPITAL):
                for name in (each.name, each.short_name):
                    self.by_name.setdefault(name.casefold(), set()).add(each.pk)
                if each.pk == self.here:
                    self.archive = each.pacs_address

    def studies(self, case: Case, hospital: Organisation) -> list[Study]:
        """The studies of one case of that hospital."""
        found = []
        for number, made_at, in_text in self.references[case.pk]:
            named = self.by_name.get(made_at.casefold(), set()) if made_at else {hospital.pk}
            own, at_home = named == {self.here}, named == {hospital.pk}
            address = ""
            if own and self.worklist.images:
                # The patient's number is the one that the case's hospital gave.
                record = case.patient.record_number if at_home else ""
                address = study_address(hospital.pacs_address if at_home else self.archive, number, record)
            found.append(Study(number, own, address, "" if at_home else made_at, in_text))
        return found


def _earlier(by: Actor, items: Sequence[AgendaItem]) -> dict[tuple[UUID, UUID], Decision]:
    """The last decision on each patient at the same board, by (patient, board); also one that was imported and not signed here."""
    patients = {item.referral.case.patient_id for item in items if item.referral is not None}
    boards = {item.meeting.board_id for item in items}
    found = (
        access.visible_decisions(by)
        .filter(
            case__patient__in=patients,
            board__in=boards,
            state__in=(Decision.State.RECORDED, Decision.State.SIGNED, Decision.State.IMPORTED),
        )
        .exclude(item__in=[item.pk for item in items])
        .select_related("meeting", "case")
        .order_by("case__patient_id", "board_id", "-meeting__starts_at", "-version")
        .distinct("case__patient_id", "board_id")
    )
    return {(each.case.patient_id, each.board_id): each for each in found if each.case is not None}
