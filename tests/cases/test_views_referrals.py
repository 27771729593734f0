"""Handing in, taking back, the patient and the question."""

from django.test import Client
from django.urls import reverse

from cases.models import Case, Patient
from mdo.kernel.ids import new_id
from tests.cases.pages import now_of, press, sign_in
from tests.cast import Cast
from tests.factories import (
    case_data,
    make_case,
    make_referral,
    tumour_data,
    writing,
)


def test_handing_in_and_taking_back(cast: Cast, secretary: Client, case: Case) -> None:
    (referral,) = now_of(case)[2]
    command_id = str(new_id())
    for _click in range(2):
        assert press(secretary, referral, "submit", command_id=command_id)["Location"] == f"/cases/{case.pk}/"
    (referral,) = now_of(case)[2]
    assert (referral.status, referral.version) == ("submitted", 2)
    stale = press(secretary, referral, "withdraw", version=1)
    assert stale.status_code == 409
    assert "Somebody else changed this submission" in stale.content.decode()
    assert press(secretary, referral, "withdraw").status_code == 302
    assert now_of(case)[2][0].status == "withdrawn"
    over = press(secretary, now_of(case)[2][0], "submit")
    assert over.status_code == 422
    assert "cannot become" in over.content.decode()


def test_handing_in_what_is_incomplete_links_to_each_answer(cast: Cast, secretary: Client) -> None:
    made = make_case(
        cast.organiser, cast.requester.person, data=case_data(wishes=None), tumours=[tumour_data(er_status=None)]
    )
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=made, status="draft")
    answer = press(secretary, referral, "submit")
    assert answer.status_code == 422
    # The receptors may follow: pathology is asked for them.
    assert [(error["url"], error["message"]) for error in answer.context["errors"]] == [
        (f"/cases/{made.pk}/edit/#id_wishes", "Patient's wishes is missing."),
    ]


def test_made_up_buttons(cast: Cast, secretary: Client, case: Case) -> None:
    (referral,) = now_of(case)[2]
    for changes in ({"version": ""}, {"version": "x"}, {"command_id": "1"}, {"command_id": ""}):
        for what in ("submit", "withdraw"):
            assert press(secretary, referral, what, **changes).status_code == 422
    assert secretary.get(f"/referrals/{referral.pk}/submit/").status_code == 405
    for client in (sign_in(cast.outsider), sign_in(cast.partnersecretary)):
        for what in ("submit", "withdraw"):
            assert press(client, referral, what).status_code == 404


def test_correcting_the_patient(cast: Cast, secretary: Client, case: Case) -> None:
    address = f"/cases/{case.pk}/patient/"
    page = secretary.get(address)
    assert page.status_code == 200
    form = page.context["form"]
    data = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    data |= {"birth_date": case.patient.birth_date.isoformat()}
    answer = secretary.post(address, data | {"given_name": "Other"})
    assert answer.status_code == 302, answer.context["form"].errors
    with writing():
        assert Patient.objects.get(pk=case.patient_id).given_name == "Other"
    stale = secretary.post(address, data | {"given_name": "Third", "command_id": str(new_id())})
    assert stale.status_code == 409
    assert "Third" in stale.content.decode()
    again = data | {"given_name": "Third", "command_id": str(new_id()), "version": 2, "hospital": str(cast.outside.pk)}
    assert secretary.post(address, again).status_code == 302
    with writing():
        assert Patient.objects.get(pk=case.patient_id).hospital_id == cast.organiser.pk
    made = make_referral(cast.board, cast.partner_hospital, cast.partner.person).case
    assert secretary.get(f"/cases/{made.pk}/patient/").status_code == 404
    assert sign_in(cast.outsider).get(address).status_code == 404


def test_changing_the_question_and_referring_again(cast: Cast, secretary: Client, case: Case) -> None:
    (referral,) = now_of(case)[2]
    address = reverse("cases:referral", args=[referral.pk])
    form = secretary.get(address).context["form"]
    data = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    data |= {"requested_on": "2026-11-20"}
    assert secretary.post(address, data | {"question": "Anders?"}).status_code == 302
    stale = secretary.post(address, data | {"question": "TYPED", "command_id": str(new_id())})
    assert stale.status_code == 409
    assert "TYPED" in stale.content.decode()
    assert "Anders?" in stale.content.decode()
    for field, value in (("board", cast.outside.pk), ("requester", cast.partner.pk), ("guest", cast.outsider.pk)):
        answer = secretary.post(address, data | {field: str(value), "version": 2, "command_id": str(new_id())})
        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [field]
    again = reverse("cases:refer", args=[case.pk])
    assert secretary.get(again).status_code == 200
    twice = secretary.post(again, data | {"command_id": str(new_id())})
    assert twice.status_code == 422
    assert list(twice.context["form"].errors) == ["board"]
    press(secretary, now_of(case)[2][0], "withdraw")
    assert secretary.post(again, data | {"command_id": str(new_id())}).status_code == 302
    assert sorted(each.status for each in now_of(case)[2]) == ["draft", "withdrawn"]
    assert secretary.get(address)["Location"] == f"/cases/{case.pk}/"  # withdrawn: nothing to change
