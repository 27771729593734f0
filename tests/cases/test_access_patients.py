"""Who finds a patient again, who may bring one in, and whose the lists are that do it by the dozen."""

from uuid import uuid4

import pytest
from django.db.models import Q

from cases import access
from cases.models import ImportJob, Patient
from mdo.directory.access import visible_tokens
from mdo.directory.models import OrganisationRole
from mdo.kernel.acting import System, acting
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, NotFound
from tests.cases.world import SEEN, make_world
from tests.cast import Cast, acting_as
from tests.factories import insz, make_patient, writing


def test_patients(cast: Cast) -> None:
    """The patients of visible cases. The database adds, for clinicians and secretaries, the identities of the own hospital:
    a patient is found again by number there; the cases stay behind their own policy."""
    world = make_world(cast)
    everybody = [(case.patient_id, case.hospital_id) for case in world.cases.values()]
    everybody += [(patient.pk, patient.hospital_id) for patient in world.lonely.values()]
    for member, cases in SEEN.items():
        person = world.people[member]
        of_cases = {world.cases[name].patient_id for name in cases}
        works_there = OrganisationRole.objects.filter(
            Q(valid_until=None) | Q(valid_until__gt=now()),
            person=person.pk,
            person__is_active=True,
            organisation=person.organisation_id,
            role__in=["clinician", "secretary"],
        ).exists()
        own = {patient for patient, hospital in everybody if works_there and hospital == person.organisation_id}
        with acting_as(person) as by:
            assert set(access.visible_patients(by).values_list("pk", flat=True)) == of_cases, member
            assert set(Patient.objects.values_list("pk", flat=True)) == of_cases | own, member


def test_patients_are_found_again_in_the_own_hospital_only(cast: Cast) -> None:
    patient = make_patient(cast.organiser)
    twin = make_patient(cast.third, national_number=patient.national_number, birth_date=patient.birth_date)
    stranger = make_patient(cast.organiser, other_identifier="FR-123", other_identifier_reason="Woont in Frankrijk")
    number = patient.national_number
    for member in (cast.requester, cast.secretary, cast.radiologist):
        with acting_as(member) as by:
            assert access.find_patient(by, national_number=number) == patient
            assert access.find_patient(by, other_identifier="FR-123") == stranger
            assert access.find_patient(by) is None
            assert access.find_patient(by, national_number=insz(patient.birth_date, 998)) is None
            assert access.access_patient_for_submitting(by, patient.pk) == patient
            with pytest.raises(NotFound):
                access.access_patient_for_submitting(by, twin.pk)
    for member in (cast.partner, cast.partnersecretary, cast.outsider, cast.guest, cast.admin, cast.observer):
        with acting_as(member) as by:
            assert access.find_patient(by, national_number=number) is None
            with pytest.raises(NotFound):
                access.access_patient_for_submitting(by, patient.pk)


MAY_BRING_IN = {
    "chair",
    "coordinator",
    "secretary",
    "requester",
    "radiologist",
    "partner",
    "partnersecretary",
    "outsider",
}


def test_who_may_bring_in_a_case(cast: Cast) -> None:
    found = set()
    for name, member in cast.members.items():
        with acting_as(member) as by:
            may = access.may_bring_in(by)
            if may:
                assert access.access_hospital_for_submitting(by) == member.organisation_id
                found.add(name)
            else:
                with pytest.raises(Denied):
                    access.access_hospital_for_submitting(by)
    assert found == MAY_BRING_IN
    with acting(cast.requester.person, None, "care"), pytest.raises(Denied):
        access.access_hospital_for_submitting(cast.requester.person)


def test_for_whom_one_may_bring_in_a_case(cast: Cast) -> None:
    with acting_as(cast.secretary) as by:
        clinicians = {cast.chair, cast.coordinator, cast.requester, cast.radiologist}
        assert set(access.visible_requesters(by)) == {member.person for member in clinicians}
    with acting_as(cast.requester) as by:
        assert list(access.visible_requesters(by)) == [by]
        assert list(access.visible_guests()) == [cast.guest.person]
    with acting_as(cast.observer) as by:
        assert list(access.visible_requesters(by)) == []


def test_lists_prepared_imported_and_merged_are_the_house_s_and_their_owner_s(cast: Cast) -> None:
    with writing():
        job = ImportJob.objects.create(
            hospital=cast.organiser,
            kind=ImportJob.Kind.DECISIONS,
            board=cast.board,
            stage=ImportJob.Stage.PREVIEW,
            state="done",
            due_at=now(),
            by=cast.requester.person,
            size=1,
            sha256="0" * 64,
            row_count=0,
        )
    patient = make_patient(cast.organiser)
    house = System("test")
    with acting(house, None, "work"):
        assert list(access.visible_imports(house)) == [job]
        assert list(access.visible_preparation(house)) == []
        with pytest.raises(Denied):  # of no hospital's record system
            access.access_patients_named(house, national_number=patient.national_number, own_numbers=[])
    with acting_as(cast.requester) as person:
        assert list(access.visible_imports(person)) == [job]
        with pytest.raises(NotFound):
            access.access_import_row(person, uuid4(), "submit")
        with pytest.raises(NotFound):
            access.access_launch_for_opening(person, uuid4())
        with pytest.raises(Denied):
            access.access_import_for_submitting(person, job.pk, lock=False)
        with pytest.raises(Denied):  # it is one's own list, and no longer one's office to register at the board
            access.access_import_for_submitting(person, job.pk)
        assert list(access.visible_merges(person, patient)) == []
        assert list(visible_tokens(person)) == []
    with acting_as(cast.outsider) as person, pytest.raises(NotFound):
        access.access_import_for_submitting(person, job.pk)
