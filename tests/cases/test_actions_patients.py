"""Registering and correcting patients."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from threading import Event, Thread
from typing import Any

import pytest
from django.db import connections

from cases import access
from cases.actions.patients import PatientDetails, change_patient, register_patient
from cases.events import PatientChanged, PatientRegistered
from cases.models import Patient
from mdo.kernel.acting import acting
from mdo.kernel.action import Done
from mdo.kernel.errors import Denied, IdReused, Invalid, NotFound, Stale
from mdo.kernel.ids import new_id
from tests.cases.acts import audited, hold, row, somebody_waits_for_a_lock, strangers
from tests.cast import Cast, Member, acting_as
from tests.factories import insz, make_patient, writing
from tests.parts import until

BIRTH = date(1961, 4, 12)
DETAILS = PatientDetails(
    family_name="D'Hondt", given_name="Öykü", birth_date=BIRTH, sex="female", national_number=insz(BIRTH, 4)
)


def register(member: Member, details: PatientDetails = DETAILS, **more: Any) -> tuple[Done, Any]:
    patient_id, command_id = more.pop("patient_id", new_id()), more.pop("command_id", new_id())
    with acting_as(member) as by:
        return register_patient(by=by, patient_id=patient_id, details=details, command_id=command_id), patient_id


def stored(patient_id: Any) -> Patient:
    with writing():
        return Patient.objects.get(pk=patient_id)


@pytest.mark.parametrize("who", ["secretary", "requester"])
def test_a_secretary_and_a_clinician_register(cast: Cast, who: str) -> None:
    member = cast.members[who]
    done, patient_id = register(member)
    assert done.events == (PatientRegistered(patient_id=patient_id, hospital_id=cast.organiser.pk),)
    patient = stored(patient_id)
    assert (patient.hospital_id, patient.display_name, patient.name_key) == (
        cast.organiser.pk,
        "D'Hondt Öykü",
        "d'hondt oyku",
    )
    assert audited("patient.register") == [
        row(
            "patient.register",
            member,
            cast.organiser.pk,
            ["patient.registered"],
            patient_id=patient_id,
            hospital_id=cast.organiser.pk,
        )
    ]


def test_the_same_number_gives_the_existing_patient_and_changes_nothing(cast: Cast) -> None:
    _done, first = register(cast.secretary)
    done, second = register(cast.requester, replace(DETAILS, family_name="Somebody else"))
    assert done.events == ()
    with acting_as(cast.requester) as by:
        found = access.find_patient(by, national_number=DETAILS.national_number)
    assert found is not None
    assert found.pk == first
    assert found.family_name == "D'Hondt"
    with writing():
        assert not Patient.objects.filter(pk=second).exists()


def test_two_hospitals_know_the_same_person_apart(cast: Cast) -> None:
    register(cast.secretary)
    done, patient_id = register(cast.partnersecretary)
    assert done.events == (PatientRegistered(patient_id=patient_id, hospital_id=cast.partner_hospital.pk),)
    with acting_as(cast.partnersecretary) as by:
        found = access.find_patient(by, national_number=DETAILS.national_number)
        assert found is not None
        assert found.hospital_id == cast.partner_hospital.pk


def test_another_hospitals_patient_is_not_hinted_at(cast: Cast) -> None:
    register(cast.secretary)
    with acting_as(cast.partnersecretary) as by:
        assert access.find_patient(by, national_number=DETAILS.national_number) is None


@pytest.mark.parametrize("who", ["guest", "privacy", "admin"])
def test_without_a_role_in_a_hospital_nobody_registers(cast: Cast, who: str) -> None:
    with pytest.raises(Denied):
        register(cast.members[who])
    with writing():
        assert Patient.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"family_name": " "}, "family_name"),
        ({"given_name": ""}, "given_name"),
        ({"birth_date": date(2990, 1, 1)}, "birth_date"),
        ({"birth_date": date(1500, 1, 1)}, "birth_date"),
        ({"sex": "f"}, "sex"),
        ({"national_number": "61041200400"}, "national_number"),
        ({"national_number": ""}, "national_number"),
        ({"national_number": "", "other_identifier": "P-1"}, "other_identifier_reason"),
        ({"gp_id": new_id()}, "gp"),
    ],
)
def test_what_is_wrong_is_refused_by_field(cast: Cast, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        register(cast.secretary, replace(DETAILS, **changes))
    assert list(refused.value.errors) == [field]
    with writing():
        assert Patient.objects.count() == 0


def test_another_identifier_with_a_reason(cast: Cast) -> None:
    details = replace(DETAILS, national_number="", other_identifier="P-1", other_identifier_reason="Toeriste")
    done, patient_id = register(cast.secretary, details)
    assert len(done.events) == 1
    assert stored(patient_id).other_identifier == "P-1"
    assert register(cast.secretary, details)[0].events == ()


def test_told_twice_it_is_done_once(cast: Cast) -> None:
    patient_id, command_id = new_id(), new_id()
    register(cast.secretary, patient_id=patient_id, command_id=command_id)
    again, _ = register(cast.secretary, patient_id=patient_id, command_id=command_id)
    assert again.replayed
    assert len(audited("patient.register")) == 1
    with pytest.raises(IdReused):
        register(cast.secretary, replace(DETAILS, sex="male"), patient_id=patient_id, command_id=command_id)


def test_two_at_once_end_with_one_patient(cast: Cast, committed: None) -> None:
    """Both looked and found nobody; the second waits at the unique key and answers with the patient of the first."""
    registered, go_on = Event(), Event()
    outcomes: dict[str, Any] = {}

    def race(name: str, member: Member, before_commit: Callable[[], object]) -> None:
        try:
            with acting(member.person, member.organisation_id, "care"):
                done = register_patient(by=member.person, patient_id=new_id(), details=DETAILS, command_id=new_id())
                outcomes[name] = len(done.events)
                before_commit()
        except Exception as error:  # a thread's error would be lost
            outcomes[name] = error
        finally:
            connections.close_all()

    first = Thread(target=race, args=["first", cast.secretary, lambda: hold(registered, go_on)])
    second = Thread(target=race, args=["second", cast.requester, lambda: None])
    first.start()
    assert registered.wait(20)
    second.start()
    until(somebody_waits_for_a_lock, "the second registration waits")
    go_on.set()
    for thread in (first, second):
        thread.join(20)
    assert outcomes == {"first": 1, "second": 0}
    with writing():
        assert Patient.objects.count() == 1


# --- correcting --------------------------------------------------------------------------------------------------------


def change(member: Member, patient: Patient, details: PatientDetails = DETAILS, version: int = 1) -> Done:
    with acting_as(member) as by:
        return change_patient(by=by, patient_id=patient.pk, version=version, details=details, command_id=new_id())


def test_a_correction_raises_the_version(cast: Cast) -> None:
    patient = make_patient(cast.organiser)
    done = change(cast.secretary, patient, replace(DETAILS, gp_id=cast.guest.pk, phone="051 12 34 56"))
    assert done.events == (PatientChanged(patient_id=patient.pk, hospital_id=cast.organiser.pk, version=2),)
    now = stored(patient.pk)
    assert (now.version, now.display_name, now.gp_id, now.phone) == (2, "D'Hondt Öykü", cast.guest.pk, "051 12 34 56")
    assert audited("patient.change") == [
        row(
            "patient.change",
            cast.secretary,
            cast.organiser.pk,
            ["patient.changed"],
            patient_id=patient.pk,
            hospital_id=cast.organiser.pk,
        )
    ]


def test_a_correction_of_what_changed_meanwhile_is_stale(cast: Cast) -> None:
    patient = make_patient(cast.organiser, version=3)
    with pytest.raises(Stale) as refused:
        change(cast.secretary, patient, version=2)
    assert refused.value.current == 3


def test_a_number_that_another_patient_of_the_hospital_has_is_refused(cast: Cast) -> None:
    make_patient(cast.organiser, birth_date=BIRTH, national_number=DETAILS.national_number)
    patient = make_patient(cast.organiser)
    with pytest.raises(Invalid) as refused:
        change(cast.secretary, patient)
    assert list(refused.value.errors) == ["national_number"]
    without = replace(DETAILS, national_number="", other_identifier="P-1", other_identifier_reason="Toeriste")
    make_patient(cast.organiser, other_identifier="P-1", other_identifier_reason="Toeriste")
    with pytest.raises(Invalid) as refused:
        change(cast.secretary, patient, without)
    assert list(refused.value.errors) == ["other_identifier"]


def test_the_hospitals_own_number_stands_beside_the_national_one(cast: Cast) -> None:
    both = replace(DETAILS, record_number="H-77")
    patient_id = new_id()
    register(cast.secretary, both, patient_id=patient_id)
    found = stored(patient_id)
    assert (found.national_number, found.record_number, found.other_identifier) == (DETAILS.national_number, "H-77", "")
    with acting_as(cast.secretary) as secretary:
        assert access.find_patient(secretary, other_identifier="H-77") == found
    # It names one patient: another one with it is refused by its field, new or corrected.
    third = make_patient(cast.organiser)
    taken = replace(DETAILS, national_number=insz(date(1950, 2, 3)), birth_date=date(1950, 2, 3), record_number="H-77")
    for act in (
        lambda: register(cast.secretary, taken),
        lambda: change(cast.secretary, third, taken),
    ):
        with pytest.raises(Invalid) as refused:
            act()
        assert list(refused.value.errors) == ["record_number"]


def test_a_number_that_only_another_hospital_has_is_taken(cast: Cast) -> None:
    make_patient(cast.partner_hospital, birth_date=BIRTH, national_number=DETAILS.national_number)
    assert len(change(cast.secretary, make_patient(cast.organiser)).events) == 1


def test_other_hospitals_and_people_without_a_role_find_no_patient(cast: Cast) -> None:
    patient = make_patient(cast.organiser)
    for member in [*strangers(cast), cast.partner, cast.partnersecretary]:
        with pytest.raises(NotFound):
            change(member, patient)
    assert stored(patient.pk).version == 1
