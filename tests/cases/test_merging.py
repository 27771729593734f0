"""Two records of one patient: cases go over with all that hangs on them, signed decisions are not touched, and it can be undone."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from cases import access
from cases.actions.merging import merge_patients, undo_merge
from cases.actions.patients import PatientDetails, change_patient
from cases.models import Case, Merge, Patient
from mdo.kernel.acting import current
from mdo.kernel.errors import Denied, NotFound, RuleBroken, Stale
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from meetings import chain
from meetings.actions.signing import sign_decisions
from meetings.models import Decision, Meeting
from tests.cast import Cast, acting_as
from tests.factories import (
    make_case,
    make_decision,
    make_document,
    make_item,
    make_meeting,
    make_patient,
    make_referral,
    writing,
)
from tests.meetings.acts import call, house


@pytest.fixture
def kept(cast: Cast) -> Patient:
    return make_patient(cast.organiser, family_name="Claes", given_name="Sofie", birth_date=date(1950, 2, 3))


@pytest.fixture
def double(cast: Cast) -> Patient:
    return make_patient(
        cast.organiser,
        family_name="Clays",
        given_name="Sophie",
        birth_date=date(1950, 2, 3),
        national_number="",
        other_identifier="Z-77",
        other_identifier_reason="spoed",
        deceased_on=date(2026, 11, 1),
    )


def now_of(*patients: Patient) -> list[Patient]:
    with house():
        return [Patient.objects.get(pk=each.pk) for each in patients]


def found_by(number: str) -> list[UUID]:
    """The decisions that the search index finds by a patient's number, for who has the door open."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT ids FROM mdo_search_decisions('', '{}', %s, '{}', NULL, NULL, 10, 0)", [number])
        return list(cursor.fetchone()[0])


def owner_of(case: Case) -> Patient:
    with house():
        return Case.objects.get(pk=case.pk).patient


def test_cases_go_over_and_the_chain_holds(cast: Cast, kept: Patient, double: Patient) -> None:
    case = make_case(cast.organiser, cast.requester.person, patient=double)
    own = make_case(cast.organiser, cast.requester.person, patient=kept)
    document = make_document(case)
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED)
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="discussed")
    decision = make_decision(
        make_item(meeting, referral, state="discussed"), text="Besluit: zebravink", recorded_by=cast.chair.person
    )
    with house():
        read = [(decision.pk, chain.seen(Decision.objects.get()))]
    call(sign_decisions, cast.coordinator, meeting_id=meeting.pk, decisions=read)
    with house():
        signed = Decision.objects.filter(pk=decision.pk).values().get()
        assert chain.verify(cast.board.pk) == []
    versions = {"version": kept.version, "merged_version": double.version}
    done = call(merge_patients, cast.secretary, patient_id=kept.pk, merged_id=double.pk, **versions)
    assert [event.model_dump() for event in done.events] == [
        {"patient_id": kept.pk, "merged_id": double.pk, "hospital_id": cast.organiser.pk, "cases": 1, "version": 2}
    ]
    entry = AuditEntry.objects.get(action="patient.merge")
    assert (entry.actor_id, entry.hospital_id) == (cast.secretary.pk, cast.organiser.pk)
    assert entry.detail["cases"] == [str(case.pk)]
    assert [owner_of(each).pk for each in (case, own)] == [kept.pk, kept.pk]
    with house():
        assert Decision.objects.filter(pk=decision.pk).values().get() == signed
        assert chain.verify(cast.board.pk) == []
        assert document.case_id == referral.case_id == case.pk
    survivor, pointer = now_of(kept, double)
    assert (survivor.family_name, survivor.deceased_on, survivor.merged_into_id) == ("Claes", date(2026, 11, 1), None)
    assert (pointer.family_name, pointer.merged_into_id) == ("Clays", kept.pk)
    with acting_as(cast.secretary) as by:
        assert access.find_patient(by, other_identifier="Z-77") == survivor
        assert list(access.visible_patients(by).order_by("pk")) == [survivor]
        assert found_by(kept.national_number) == [decision.pk]
    with pytest.raises(NotFound):  # a pointer is not corrected
        call(change_patient, cast.secretary, patient_id=double.pk, version=2, details=PatientDetails.of(pointer))


def test_undone_it_is_as_it_was_but_for_what_came_since(cast: Cast, kept: Patient, double: Patient) -> None:
    case = make_case(cast.organiser, cast.requester.person, patient=double)
    call(merge_patients, cast.secretary, patient_id=kept.pk, merged_id=double.pk)
    since = make_case(cast.organiser, cast.requester.person, patient=now_of(kept)[0])
    with acting_as(cast.secretary) as by:
        (merge,) = access.visible_merges(by, now_of_in(kept))
    done = call(undo_merge, cast.secretary, patient_id=kept.pk, merge_id=merge.pk)
    assert [(event.name, event.patient_id, event.cases) for event in done.events] == [
        ("patient.unmerged", double.pk, 1)
    ]
    assert [owner_of(each).pk for each in (case, since)] == [double.pk, kept.pk]
    assert now_of(double)[0].merged_into_id is None
    assert call(undo_merge, cast.secretary, patient_id=kept.pk, merge_id=merge.pk).events == ()
    with house():
        assert Merge.objects.get().undone_by == cast.secretary.pk


def now_of_in(patient: Patient) -> Patient:
    assert current()
    return Patient.objects.get(pk=patient.pk)


def test_a_chain_of_merges_is_undone_from_its_end(cast: Cast, kept: Patient, double: Patient) -> None:
    third = make_patient(cast.organiser)
    case = make_case(cast.organiser, cast.requester.person, patient=double)
    call(merge_patients, cast.secretary, patient_id=kept.pk, merged_id=double.pk)
    call(merge_patients, cast.secretary, patient_id=third.pk, merged_id=kept.pk)
    assert owner_of(case).pk == third.pk
    with acting_as(cast.secretary) as by:
        assert access.find_patient(by, other_identifier="Z-77") == now_of_in(third)
    with house():
        first, second = Merge.objects.order_by("made_at", "pk")
    with pytest.raises(RuleBroken, match="Undo that first"):
        call(undo_merge, cast.secretary, patient_id=kept.pk, merge_id=first.pk)
    call(undo_merge, cast.secretary, patient_id=third.pk, merge_id=second.pk)
    call(undo_merge, cast.secretary, patient_id=kept.pk, merge_id=first.pk)
    assert owner_of(case).pk == double.pk


def test_refusals(cast: Cast, kept: Patient, double: Patient) -> None:
    elsewhere = make_patient(cast.partner_hospital)
    ids = {"patient_id": kept.pk, "merged_id": double.pk}
    for by, refusal in (
        (cast.requester, Denied),  # sees a part of the hospital's cases only
        (cast.partnersecretary, NotFound),
        (cast.guest, NotFound),
        (cast.outsider, NotFound),
        (cast.admin, NotFound),
    ):
        with pytest.raises(refusal):
            call(merge_patients, by, **ids)
    with pytest.raises(NotFound):
        call(merge_patients, cast.secretary, patient_id=kept.pk, merged_id=elsewhere.pk)
    with pytest.raises(RuleBroken, match="same record"):
        call(merge_patients, cast.secretary, patient_id=kept.pk, merged_id=kept.pk)
    with pytest.raises(Stale):
        call(merge_patients, cast.secretary, **ids, version=1, merged_version=7)
    call(merge_patients, cast.secretary, **ids)
    with pytest.raises(RuleBroken, match="merged already"):
        call(merge_patients, cast.secretary, **ids)


def test_a_number_that_went_over_stands_in_the_way_of_undoing(cast: Cast, kept: Patient, double: Patient) -> None:
    call(merge_patients, cast.secretary, patient_id=double.pk, merged_id=kept.pk)
    with writing():
        Patient.objects.filter(pk=double.pk).update(national_number=kept.national_number)
        merge = Merge.objects.get()
    with pytest.raises(RuleBroken, match="same number"):
        call(undo_merge, cast.secretary, patient_id=double.pk, merge_id=merge.pk)


# What a merge does with each relation to a patient. A new one has to be thought of: stands at a case, moves, or stays and why.
RELATIONS = {
    "cases.case.patient": "moves",
    "cases.patient.merged_into": "the pointer itself; chains are followed",
    "cases.merge.survivor": "what happened, stays",
    "cases.merge.merged": "what happened, stays",
    "cases.link.one": "moves",
    "cases.link.other": "moves",
}


def test_every_relation_to_a_patient_is_thought_of() -> None:
    found = {
        f"{model._meta.label_lower}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if field.is_relation and field.concrete and field.related_model is Patient
    }
    assert found == set(RELATIONS)


def test_the_page_compares_then_merges_then_undoes(cast: Cast, client: Client, kept: Patient, double: Patient) -> None:
    case = make_case(cast.organiser, cast.requester.person, patient=double)
    make_case(cast.organiser, cast.requester.person, patient=kept)
    page = f"/cases/{case.pk}/patient/merge/"
    for name, status in (("requester", 403), ("partnersecretary", 404), ("chair", 404), ("outsider", 404)):
        client.force_login(cast.members[name].person)
        assert client.get(page).status_code == status, name
    cast.secretary.person.language = "en"
    cast.secretary.person.save()
    client.force_login(cast.secretary.person)
    assert page in client.get(f"/cases/{case.pk}/patient/").content.decode()

    def post(**values: object) -> Any:
        return client.post(page, {"command_id": str(new_id()), **values})

    assert "No other record" in post(number="nobody").content.decode()
    assert "No other record" in post(number="Z-77").content.decode()  # that is the case's own patient
    seen = post(number=kept.national_number)
    assert (seen.status_code, "Claes" in seen.content.decode(), Merge.objects.count()) == (200, True, 0)
    stale = post(number=kept.national_number, stays="other", version=9, other_version=1)
    assert (stale.status_code, owner_of(case)) == (409, double)
    assert post(number=kept.national_number, stays="other", version=1, other_version=1).status_code == 302
    assert owner_of(case) == kept
    listed = client.get(page).content.decode()
    assert "Merged into this record" in listed
    with house():
        merge = Merge.objects.get()
    assert post(undo=merge.pk).status_code == 302
    assert owner_of(case) == double
    assert post(undo=new_id()).status_code == 404
