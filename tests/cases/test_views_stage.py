"""What lies on the table: everything for the table, less for a guest, no name for an observer."""

from typing import Any

import pytest
from django.template.loader import render_to_string

from cases.access import visible_referrals
from cases.models import Referral
from cases.views.stage import stage_context
from mdo.directory.models import Person
from tests.cast import Cast, acting_as
from tests.factories import (
    case_data,
    make_case,
    make_document,
    make_grant,
    make_patient,
    make_referral,
    tumour_data,
)

NAMES = ("Canarygiven", "Canaryfamily", "Canarygp", "1961")
EVERYONES = (
    "Canaryquestion",
    "Canarysummary",
    "Links, bovenste buitenkwadrant",
    "Rechts, bovenste buitenkwadrant",
    "cT1c cN0 cM0",
)
PRIVATE = ("Canarypsychosocial", "Canarycomorbidity", "geen mutatie", "Canaryearlier", "secret.pdf")
IDENTIFYING = ("CANARY-104233",)


@pytest.fixture
def referral(cast: Cast) -> Referral:
    patient = make_patient(cast.organiser, family_name="Canaryfamily", given_name="Canarygiven", gp_name="Canarygp")
    data = case_data(
        clinical_summary="Canarysummary",
        psychosocial="Canarypsychosocial",
        comorbidity="Canarycomorbidity",
        image_references="CANARY-104233",
    )
    tumours = [tumour_data(brca1="none"), tumour_data(laterality="right")]
    case = make_case(cast.organiser, cast.requester.person, patient=patient, data=data, tumours=tumours)
    make_document(case, name="secret.pdf")
    make_document(case, name="shared.pdf", shared_with_guests=True)
    make_referral(
        cast.board, cast.organiser, cast.requester.person, case=case, status="discussed", question="Canaryearlier"
    )
    return make_referral(
        cast.board, cast.organiser, cast.requester.person, case=case, status="scheduled", question="Canaryquestion"
    )


def draw(by: Person, referral: Referral, **more: Any) -> str:
    found = (
        visible_referrals(by)
        .select_related("case__patient", "case__hospital", "board", "requester")
        .get(pk=referral.pk)
    )
    return render_to_string("cases/stage.html", stage_context(by, found, "nl", **more))


def test_the_table_sees_everything(cast: Cast, referral: Referral) -> None:
    for member in (cast.chair, cast.radiologist, cast.partner):
        with acting_as(member) as by:
            html = draw(by, referral)
        for text in (
            *EVERYONES,
            *PRIVATE,
            *IDENTIFYING,
            "Canarygiven",
            "Canaryfamily",
            "shared.pdf",
            "dr. Sofie Claes",
        ):
            assert text in html, (member.username, text)


def test_a_guest_sees_what_is_meant_for_guests(cast: Cast, referral: Referral) -> None:
    make_grant(referral.case, cast.guest.person)
    with acting_as(cast.guest) as by:
        html = draw(by, referral, guest=True)
    for text in (*EVERYONES, "Canarygiven", "Canaryfamily", "shared.pdf"):
        assert text in html, text
    for text in (*PRIVATE, *IDENTIFYING):
        assert text not in html, text


def test_an_observer_sees_no_name(cast: Cast, referral: Referral) -> None:
    make_grant(referral.case, cast.observer.person)
    with acting_as(cast.observer) as by:
        html = draw(by, referral, pseudonyms=True)
    patient = referral.case.patient
    for text in (*EVERYONES, "Canarypsychosocial", "Canarycomorbidity"):
        assert text in html, text
    numbers = (patient.national_number, patient.national_number[-4:], str(patient.birth_date.year))
    for text in (*NAMES[:3], *numbers, *IDENTIFYING, "secret.pdf", "shared.pdf", "Claes"):
        assert text not in html, text


def test_the_stage_asks_the_same_number_of_questions_for_much_and_little(
    cast: Cast, referral: Referral, django_assert_num_queries: Any
) -> None:
    small = make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled")
    for _number in range(30):
        make_document(referral.case)
    for each in (small, referral):
        with acting_as(cast.chair) as by:
            found = visible_referrals(by).select_related("case__patient", "case__hospital", "board", "requester")
            got = found.get(pk=each.pk)
            with django_assert_num_queries(5):
                render_to_string("cases/stage.html", stage_context(by, got, "nl"))
