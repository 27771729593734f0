"""Who may know of a case, read it and change it.

**The rule.** A case belongs to the patient's hospital. It may be read by

* the secretaries of that hospital, acting for it;
* its requester, and the requester of one of its referrals, acting for that hospital;
* whoever has a seat that reads cases (chair, coordinator, secretary of the organiser, member) on a board to which it was
  referred, while the hospital is within the reach of that seat (``mdo/directory/access.py``): not drafts, not what was withdrawn;
* a guest or observer who holds a grant, until it ends;
* a program of that hospital whose token has a scope for cases (what it may do there: the column P of the matrix).

Whoever may read it may still not change it: that is the row ``submit`` of the matrix. Somebody who may not read it does not
learn that it exists. The same rule stands a second time in the database (``migrations/0003_protection.py``).
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import F, Q, QuerySet

from cases.models import (
    Case,
    Discussion,
    Document,
    Grant,
    ImportJob,
    ImportRow,
    Launch,
    Merge,
    Patient,
    PreparationNote,
    Referral,
    Sketch,
    Tumour,
)
from mdo.directory import access as directory
from mdo.directory.matrix import Seat, permits
from mdo.directory.models import ApiToken, Board, OrganisationRole, Person
from mdo.kernel import audit
from mdo.kernel.acting import Actor, current
from mdo.kernel.action import granted
from mdo.kernel.clock import now
from mdo.kernel.compiled import compiled
from mdo.kernel.errors import Denied, NotFound

SECRETARY, CLINICIAN = OrganisationRole.Role.SECRETARY, OrganisationRole.Role.CLINICIAN
DATA_MANAGER = OrganisationRole.Role.DATA_MANAGER
READ, SUBMIT, FHIR = ApiToken.Scope.READ_CASES, ApiToken.Scope.SUBMIT_CASES, ApiToken.Scope.READ_FHIR


# --- lists -------------------------------------------------------------------------------------------------------------


def _own(by: Actor) -> Q:
    """Cases and referrals that somebody sees because of where they work, whatever the board."""
    organisation_id = current().organisation_id
    own = Q(requester=by.actor_id, hospital=organisation_id)
    if SECRETARY in directory.organisation_roles(by) or directory.scopes(by) & {READ, SUBMIT, FHIR}:
        own |= Q(hospital=organisation_id)
    return own


def _brings_in(by: Actor) -> bool:
    """Whether somebody, or a program, brings patients and cases into the hospital that they act for."""
    if directory.organisation_roles(by) & {SECRETARY, CLINICIAN}:
        return True
    return permits("submit", {Seat.MACHINE}, directory.scopes(by))


def _grants(by: Actor) -> QuerySet[Grant]:
    return Grant.objects.filter(person=by.actor_id, ended_at=None, until__gt=now())


def _at_boards(by: Actor) -> Q:
    """Referrals that somebody sees because they have a seat at the board."""
    found = Q(pk__in=[])
    for standing in directory.visible_boards(by):
        if standing.permits("read_case", ["agr"]):
            found |= Q(board=standing.board, hospital__in=standing.reach, status__in=Referral.KNOWN_TO_BOARD)
    return found


def visible_referrals(by: Actor) -> QuerySet[Referral]:
    """The referrals that ``by`` may read now."""
    if by.actor_kind == "system":
        return Referral.objects.all()
    granted_cases = Q(
        case__in=_grants(by).values("case"), status__in=Referral.KNOWN_TO_BOARD
    )  # no draft for another board
    return Referral.objects.filter(_own(by) | _at_boards(by) | granted_cases)


def visible_cases(by: Actor, among: Collection[UUID] | None = None) -> QuerySet[Case]:
    """The cases that ``by`` may read now. ``among``: of these alone; where a few are known, the rule is asked of a few, not of every case."""
    if by.actor_kind == "system":
        return Case.objects.all() if among is None else Case.objects.filter(pk__in=among)
    referred = Referral.objects.filter(Q(requester=by.actor_id, hospital=current().organisation_id) | _at_boards(by))
    if among is not None:
        return Case.objects.filter(
            _own(by) | Q(pk__in=referred.filter(case__in=among).values("case")) | Q(pk__in=_grants(by).values("case")),
            pk__in=among,
        )
    return Case.objects.filter(_own(by) | Q(pk__in=referred.values("case")) | Q(pk__in=_grants(by).values("case")))


def readable_cases(by: Actor, referrals: Collection[Referral]) -> set[UUID]:
    """Of which of these referrals ``by`` may read the case now. What a seat on a referral's board lets read is known without a question; one
    query for the others."""
    reach = {each.board.pk: each.reach for each in directory.visible_boards(by) if each.permits("read_case", ["agr"])}
    at_boards = {
        each.case_id
        for each in referrals
        if each.status in Referral.KNOWN_TO_BOARD and each.hospital_id in reach.get(each.board_id, ())
    }
    others = {each.case_id for each in referrals} - at_boards
    if not others:
        return at_boards
    return at_boards | set(visible_cases(by, others).values_list("pk", flat=True))


def visible_tumours(by: Actor) -> QuerySet[Tumour]:
    return Tumour.objects.filter(case__in=visible_cases(by))


def visible_documents(by: Actor) -> QuerySet[Document]:
    """The documents that ``by`` may open now: a guest only those that are shared with guests."""
    found = Document.objects.filter(case__in=visible_cases(by), removed_at=None)
    if by.actor_kind == "system":
        return found
    slots = _grants(by).filter(via=Grant.Via.SLOT)
    return found.filter(Q(shared_with_guests=True) | ~Q(case__in=slots.values("case")))


def visible_preparation(by: Actor) -> QuerySet[PreparationNote]:
    """**The rule.** What was prepared for the table may be read by whoever reads the referral in full: not by a guest or observer,
    who reads it for as long as their item is open. Only what is in force; oldest first."""
    found = PreparationNote.objects.filter(referral__in=visible_referrals(by), replaced_at=None)
    if by.actor_kind == "system":
        return found
    return found.exclude(referral__case__in=_grants(by).filter(via=Grant.Via.SLOT).values("case"))


def visible_discussions(by: Actor) -> QuerySet[Discussion]:
    """How dossiers lay on the table, for the referrals that ``by`` may read."""
    return Discussion.objects.filter(referral__in=visible_referrals(by))


def visible_patients(by: Actor) -> QuerySet[Patient]:
    """The patients of the cases that ``by`` may read; secretaries and clinicians also find their own hospital's by number."""
    return Patient.objects.filter(cases__in=visible_cases(by)).distinct()


# --- the right to one case ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """In which seats somebody sits before one case, and which facts hold there."""

    seats: frozenset[Seat]
    facts: frozenset[str]

    def permits(self, row: str, facts: Iterable[str] = ()) -> bool:
        return permits(row, self.seats, self.facts | frozenset(facts))

    @property
    def is_guest(self) -> bool:
        """A guest only: what is meant for guests."""
        return self.seats == {Seat.GUEST}

    @property
    def pseudonyms(self) -> bool:
        return self.seats == {Seat.OBSERVER}


def place(by: Actor, case: Case) -> Place:
    """The seats of ``by`` before ``case``. Used after the case was found to be visible."""
    organisation_id = current().organisation_id
    seats: set[Seat] = set()
    facts: set[str] = set()
    at_home = case.hospital_id == organisation_id
    if at_home and SECRETARY in directory.organisation_roles(by):
        seats.add(
            Seat.PARTNER_SECRETARY
        )  # the own hospital's secretary: rights on own cases, whoever organises the board
        facts.add("own")
    if at_home and DATA_MANAGER in directory.organisation_roles(by):
        seats.add(Seat.DATA_MANAGER)  # answers for the house, and reads no case by that
        facts.add("own")
    referrals = list(case.referrals.select_related("board__organiser"))
    if at_home and (scopes := directory.scopes(by)):
        seats.add(Seat.MACHINE)
        facts |= scopes
    if at_home and (case.requester_id == by.actor_id or any(each.requester_id == by.actor_id for each in referrals)):
        seats.add(Seat.REQUESTER)
        facts.add("own")
    boards: dict[UUID, Board] = {
        each.board_id: each.board for each in referrals if each.status in Referral.KNOWN_TO_BOARD
    }
    for board in boards.values():
        standing = directory.standing(by, board)
        if standing.seats and case.hospital_id in standing.reach:
            seats |= standing.seats
            facts |= standing.facts_for(case.hospital_id)
    if _grants(by).filter(case=case).exists():
        seats.add(Seat.OBSERVER if Seat.OBSERVER in seats else Seat.GUEST)
        facts.add("slot")
    return Place(frozenset(seats), frozenset(facts))


def _case(by: Actor, case_id: UUID, *, lock: bool) -> Case:
    found = visible_cases(by, [case_id])
    if lock:
        found = Case.objects.select_for_update(of=("self",)).filter(pk__in=found.values("pk"))
    case = found.select_related("patient", "patient__gp", "hospital", "requester").first()
    if case is None:
        raise NotFound()
    return case


def access_case_for(by: Actor, case_id: UUID, row: str, *, lock: bool = True) -> Case:
    """The case, locked, if ``by`` may read it and has the right ``row`` on it. Raises ``NotFound`` or ``Denied``."""
    case = _case(by, case_id, lock=lock)
    if by.actor_kind != "system" and not place(by, case).permits(row):
        raise Denied()
    granted(row, hospital_id=case.hospital_id)
    return case


def access_case_for_reading(by: Actor, case_id: UUID) -> Case:
    """The case with its patient, for showing it; writes the read row. Raises ``NotFound``, or ``Denied`` for an observer's list."""
    case = access_case_for(by, case_id, "read_case", lock=False)
    audit.read("case", case.pk, hospital_id=case.hospital_id, patient_id=case.patient_id)
    return case


def access_case_for_submitting(by: Actor, case_id: UUID) -> Case:
    """The case, locked, for changing it, its tumours and documents, or referring it."""
    return access_case_for(by, case_id, "submit")


def access_case_for_referring(by: Actor, case_id: UUID) -> Case:
    """The case, locked, for putting it before a board: its own hospital does that, whoever else may change it."""
    case = access_case_for_submitting(by, case_id)
    if case.hospital_id != current().organisation_id:
        raise Denied()
    return case


def access_hospital_for_submitting(by: Actor) -> UUID:
    """The id of the acting hospital, if ``by`` may bring a new patient or case into it. Raises ``Denied``."""
    organisation_id = current().organisation_id
    if organisation_id is None or not may_bring_in(by):
        raise Denied()
    granted("submit", hospital_id=organisation_id)
    return organisation_id


def access_hospital_for_reading_out(by: Actor) -> UUID:
    """The id of the hospital whose patients, referrals and signed decisions a program reads out: the one that its token belongs to.
    Raises ``Denied``. Which rows those are, the lists say (``visible_…``)."""
    organisation_id = current().organisation_id
    if organisation_id is None or not permits("read_report", {Seat.MACHINE}, directory.scopes(by)):
        raise Denied()
    granted("read_report", hospital_id=organisation_id)
    return organisation_id


def may_bring_in(by: Actor) -> bool:
    """Whether to offer a new case: the question of ``access_hospital_for_submitting``, without consequence."""
    return current().organisation_id is not None and _brings_in(by)


def access_referral_for(by: Actor, referral_id: UUID, row: str, *, lock: bool = True) -> Referral:
    """The referral with its case, locked, if ``by`` may see it and has the right ``row`` on its case or at its board."""
    found = visible_referrals(by).filter(pk=referral_id)
    if lock:
        found = Referral.objects.select_for_update(of=("self",)).filter(pk__in=found.values("pk"))
    referral = found.select_related(
        "case__patient", "case__hospital", "board__organiser", "requester", "hospital"
    ).first()
    if referral is None:
        raise NotFound()
    if by.actor_kind != "system" and not _permits_referral(by, referral, row):
        raise Denied()
    granted(row, hospital_id=referral.hospital_id)
    return referral


def _permits_referral(by: Actor, referral: Referral, row: str) -> bool:
    if row != "build_agenda":
        return place(by, referral.case).permits(row)
    standing = directory.standing(by, referral.board)  # only a seat at this very board counts for its agenda
    return referral.hospital_id in standing.reach and standing.permits(row)


def access_referral_for_submitting(by: Actor, referral_id: UUID) -> Referral:
    return access_referral_for(by, referral_id, "submit")


def access_referral_for_withdrawing(by: Actor, referral_id: UUID) -> Referral:
    """For taking it back: its requester or their hospital's secretary, since nobody else sees it afterwards."""
    referral = access_referral_for_submitting(by, referral_id)
    if not Referral.objects.filter(_own(by), pk=referral.pk).exists():
        raise Denied()
    return referral


def access_referral_for_preparing(by: Actor, referral_id: UUID) -> Referral:
    """For saying that it was seen, or leaving a note for the table: row ``prepare``."""
    return access_referral_for(by, referral_id, "prepare")


def access_referral_for_agenda(by: Actor, referral_id: UUID) -> Referral:
    """For accepting, returning and scheduling it: row ``build_agenda`` at its board."""
    return access_referral_for(by, referral_id, "build_agenda")


def access_discussion_for_copying(by: Actor, discussion_id: UUID, patient: Patient) -> Discussion:
    """An earlier discussion of this patient of the acting hospital, for beginning a new case with. Raises ``NotFound`` or ``Denied``."""
    found = visible_discussions(by).filter(pk=discussion_id, case__patient=patient).first()
    if found is None:
        raise NotFound()
    access_case_for_submitting(by, found.case_id)
    return found


def access_document_for_reading(by: Actor, document_id: UUID) -> Document:
    """The document, for serving its bytes; writes the read row. Raises ``NotFound``."""
    document = visible_documents(by).select_related("case").filter(pk=document_id).first()
    if document is None or not place(by, document.case).permits("read_case"):
        raise NotFound()
    granted("read_case", hospital_id=document.hospital_id)
    audit.read("document", document.pk, hospital_id=document.hospital_id, patient_id=document.case.patient_id)
    return document


def access_document_for_submitting(by: Actor, document_id: UUID) -> Document:
    """The document with its case locked, for removing or sharing it; also one that was removed, so that a repetition is answered."""
    document = Document.objects.filter(case__in=visible_cases(by), pk=document_id).first()
    if document is None:
        raise NotFound()
    document.case = access_case_for_submitting(by, document.case_id)
    return document


def _named(hospital: UUID, named: Q) -> QuerySet[Patient]:
    # A record in force before one that went up in another: its number may have gone along.
    found = Patient.objects.filter(named, hospital=hospital).select_related("merged_into")
    return found.order_by(F("merged_into").asc(nulls_first=True), "pk")[:1]


@compiled
def _by_national_number(hospital: UUID, number: str) -> QuerySet[Patient]:
    return _named(hospital, Q(national_number=number))


@compiled
def _by_own_number(hospital: UUID, number: str) -> QuerySet[Patient]:
    return _named(hospital, Q(other_identifier=number) | Q(record_number=number))


def find_patient(by: Actor, *, national_number: str = "", other_identifier: str = "") -> Patient | None:
    """A patient of the acting hospital by exact number; ``None`` where there is none or ``by`` does not work there."""
    organisation_id = current().organisation_id
    if organisation_id is None or not _brings_in(by):
        return None
    if national_number:
        found = _by_national_number(hospital=organisation_id, number=national_number)
    elif other_identifier:
        found = _by_own_number(hospital=organisation_id, number=other_identifier)
    else:
        return None
    return surviving(found[0]) if found else None


def surviving(patient: Patient) -> Patient:
    """The record in force: the patient itself, or the one in which it went up, however many merges later."""
    while patient.merged_into is not None:
        patient = patient.merged_into
    return patient


def access_patients_for_merging(by: Actor, *patient_ids: UUID) -> list[Patient]:
    """These patients of the acting hospital, locked, in the order given: for its secretaries, who see every case of theirs, and for the
    house when it acts on behalf of the hospital's record system. Raises ``NotFound`` or ``Denied``."""
    hospital_id = current().organisation_id
    roles = directory.organisation_roles(by)
    if hospital_id is None or not (by.actor_kind == "system" or roles & {SECRETARY, CLINICIAN}):
        raise NotFound()
    locked = Patient.objects.select_for_update(of=("self",)).filter(pk__in=patient_ids, hospital=hospital_id)
    found = {
        each.pk: each for each in locked.order_by("pk")
    }  # in one order, so that two merges never wait for each other
    if len(found) < len(set(patient_ids)):
        raise NotFound()
    if by.actor_kind != "system" and SECRETARY not in roles:
        raise Denied()
    granted("submit", hospital_id=hospital_id)
    return [found[each] for each in patient_ids]


def may_merge(by: Actor) -> bool:
    """Whether to offer a merge: the question of ``access_patients_for_merging`` in the acting hospital, without consequence."""
    return SECRETARY in directory.organisation_roles(by)


def access_patients_named(by: Actor, *, national_number: str, own_numbers: Iterable[str]) -> list[Patient]:
    """The acting hospital's patients in force whom any of these numbers names, locked: for what its record system tells. A number of a
    record that went up in another names that one, unless a record in force has it. Raises ``Denied`` for anybody but the house."""
    directory.require_system(by)
    hospital_id = current().organisation_id
    if hospital_id is None:
        raise Denied()
    granted("system", hospital_id=hospital_id)
    own = list(own_numbers)
    by_number = [Q(national_number=national_number)] if national_number else []
    by_number += [Q(record_number__in=own), Q(other_identifier__in=own)] if own else []
    found: set[UUID] = set()
    for named in by_number:
        rows = list(Patient.objects.filter(named, hospital=hospital_id).select_related("merged_into"))
        in_force = [each for each in rows if each.merged_into_id is None]
        found |= {surviving(each).pk for each in in_force or rows}
    return list(Patient.objects.select_for_update(of=("self",)).filter(pk__in=found).order_by("pk"))


def visible_merges(by: Actor, patient: Patient) -> QuerySet[Merge]:
    """The merges in force into a patient of the acting hospital, for who may undo them."""
    if patient.hospital_id != current().organisation_id or SECRETARY not in directory.organisation_roles(by):
        return Merge.objects.none()
    found = Merge.objects.filter(survivor=patient, undone_at=None, survivor__merged_into=None)
    return found.select_related("merged").order_by("made_at", "pk")


def visible_requesters(by: Actor) -> QuerySet[Person]:
    """For whom ``by`` may bring in a case of the acting hospital: its secretaries and programs for all of its clinicians, a
    clinician alone."""
    clinicians = directory.people_with_role(current().organisation_id, CLINICIAN)
    if SECRETARY in directory.organisation_roles(by) or SUBMIT in directory.scopes(by):
        return clinicians
    return clinicians.filter(pk=by.actor_id)


def may_be_requester(by: Actor, person_id: UUID) -> bool:
    """Whether ``by`` may bring in a case for this clinician."""
    return current().once(
        ("requester", by.actor_id, person_id), lambda: visible_requesters(by).filter(pk=person_id).exists()
    )


def visible_guests() -> QuerySet[Person]:
    """Whom a case may name as the patient's GP or as a guest of its item: everybody who has a guest's role somewhere now."""
    return directory.people_with_role(None, OrganisationRole.Role.GUEST)


def access_gp_for_describing(by: Actor, case_id: UUID, *, lock: bool = True) -> Person:
    """The GP of a patient of the acting hospital, locked, where that is somebody of the directory who has a guest's role now. For whoever may
    change the case. Raises ``NotFound`` or ``Denied``."""
    case = access_case_for(by, case_id, "submit", lock=lock)
    if case.hospital_id != current().organisation_id:
        raise Denied()
    people = Person.objects.select_for_update(of=("self",)) if lock else Person.objects
    gp_id = case.patient.gp_id
    gp = people.filter(pk=gp_id, pk__in=visible_guests().values("pk")).first() if gp_id else None
    if gp is None:
        raise NotFound()
    return gp


@compiled
def _own_patient_locked(hospital: UUID, patient: UUID) -> QuerySet[Patient]:
    return Patient.objects.select_for_update().filter(pk=patient, hospital=hospital, merged_into=None)


def access_patient_for_submitting(by: Actor, patient_id: UUID) -> Patient:
    """A patient of the acting hospital, locked, for a new case or a correction. Raises ``NotFound`` or ``Denied``."""
    hospital_id = current().organisation_id
    if hospital_id is None or not _brings_in(by):
        raise NotFound()
    found = _own_patient_locked(hospital=hospital_id, patient=patient_id)
    if not found:
        raise NotFound()
    granted("submit", hospital_id=hospital_id)
    return found[0]


def visible_sketches(by: Actor) -> QuerySet[Sketch]:
    """What ``by`` has typed of new cases, in the hospital that they act for. Nobody else sees it."""
    return Sketch.objects.filter(author=by.actor_id, hospital=current().organisation_id)


def access_sketch_for_submitting(by: Actor, sketch_id: UUID) -> Sketch:
    """What ``by`` has typed of a new case, locked. Raises ``NotFound``, and ``Denied`` for whoever brings in no cases any more."""
    sketch = visible_sketches(by).select_for_update(of=("self",)).filter(pk=sketch_id).first()
    if sketch is None:
        raise NotFound()
    access_hospital_for_submitting(by)
    return sketch


def visible_launches(by: Actor) -> QuerySet[Launch]:
    """The launches that name ``by``, in the hospital that they act for."""
    return Launch.objects.filter(person=by.actor_id, hospital=current().organisation_id)


def access_launch_for_opening(by: Actor, launch_id: UUID) -> Launch:
    """The launch, locked, for the person whom it names. Raises ``NotFound``."""
    launch = visible_launches(by).select_for_update(of=("self",)).filter(pk=launch_id).first()
    if launch is None:
        raise NotFound()
    granted("read_case", hospital_id=launch.hospital_id)
    return launch


# --- imported lists ----------------------------------------------------------------------------------------------------


def visible_imports(by: Actor) -> QuerySet[ImportJob]:
    """**The rule.** An imported list is seen by whoever uploaded it and by the secretaries of its hospital, acting for it."""
    if by.actor_kind == "system":
        return ImportJob.objects.all()
    own = Q(by=by.actor_id)
    if SECRETARY in directory.organisation_roles(by):
        own |= Q(hospital=current().organisation_id)
    return ImportJob.objects.filter(own, hospital=current().organisation_id)


def boards_to_register_at(by: Actor) -> list[Board]:
    """The boards of which ``by`` may bring in old decisions of the own hospital's patients: row ``register``, so the coordinator and the
    secretary, and a partner's secretary for their own."""
    return [each.board for each in directory.visible_boards(by) if registers_own(each)]


def registers_own(standing: directory.Standing) -> bool:
    """Whether old decisions of the acting hospital's patients may be brought in by this seat on a board."""
    return current().organisation_id in standing.reach and standing.permits("register", ["own"])


def _may_import(by: Actor, kind: str, board_id: UUID | None) -> bool:
    """Whether ``by`` may bring patients into the acting hospital, and for old decisions also register at their board."""
    if not may_bring_in(by):
        return False
    return kind != ImportJob.Kind.DECISIONS or any(board.pk == board_id for board in boards_to_register_at(by))


def access_hospital_for_importing(by: Actor, kind: str, board_id: UUID | None) -> UUID:
    """The id of the acting hospital, if ``by`` may import a list of this kind into it. Raises ``Denied``."""
    organisation_id = current().organisation_id
    if organisation_id is None or not _may_import(by, kind, board_id):
        raise Denied()
    granted("submit", hospital_id=organisation_id)
    return organisation_id


def access_import_for_submitting(by: Actor, import_id: UUID, *, lock: bool = True) -> ImportJob:
    """The list, locked, for changing or applying it: whoever sees it and may still import such a list. Raises ``NotFound``, ``Denied``."""
    found = visible_imports(by).filter(pk=import_id)
    if lock:
        found = ImportJob.objects.select_for_update(of=("self",)).filter(pk__in=found.values("pk"))
    job = found.select_related("hospital", "board__organiser").first()
    if job is None:
        raise NotFound()
    if not _may_import(by, job.kind, job.board_id):
        raise Denied()
    granted("submit", hospital_id=job.hospital_id)
    return job


def access_import_row(by: Actor, row_id: UUID, row: str) -> ImportRow:
    """A row of a list, locked, with its list; ``row`` is "submit", or "register" for an old decision. Raises ``NotFound``, ``Denied``."""
    found = ImportRow.objects.filter(job__in=visible_imports(by), pk=row_id)
    line = (
        ImportRow.objects.select_for_update(of=("self",))
        .filter(pk__in=found.values("pk"))
        .select_related("job__hospital", "job__board__organiser")
        .first()
    )
    if line is None:
        raise NotFound()
    if not _may_import(by, line.job.kind, line.job.board_id):
        raise Denied()
    granted(row, hospital_id=line.hospital_id)
    return line
