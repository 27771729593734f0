"""A case in a minute."""

import pytest
from django.test import Client

from mdo.kernel.ids import new_id
from tests.cases.pages import BIRTH, LONG_NAME, NUMBER, cases, filled, now_of, sign_in
from tests.cast import Cast
from tests.factories import (
    make_case,
    make_patient,
    make_referral,
)


@pytest.mark.parametrize("who", ["secretary", "requester"])
def test_a_case_in_a_minute_lands_on_its_page(cast: Cast, who: str) -> None:
    client = sign_in(cast.members[who])
    assert client.get("/cases/new/").status_code == 200
    answer = client.post("/cases/new/", filled(cast))
    (made,) = cases()
    assert answer.status_code == 302
    assert answer["Location"] == f"/cases/{made.pk}/"
    assert (made.hospital_id, made.requester_id) == (cast.organiser.pk, cast.requester.pk)
    page = client.get(answer["Location"]).content.decode()
    assert "D&#x27;Hondt Maria" in page
    assert "Heelkunde?" in page


def test_a_double_click_makes_one_case(cast: Cast, secretary: Client) -> None:
    data = filled(cast)
    first, second = secretary.post("/cases/new/", data), secretary.post("/cases/new/", data)
    assert (first.status_code, second.status_code) == (302, 302)
    assert first["Location"] == second["Location"]
    changed = secretary.post("/cases/new/", data | {"question": "Something else?"})
    assert changed["Location"] == first["Location"]
    assert len(cases()) == 1


def test_the_lookup_finds_the_own_hospitals_patient_only(cast: Cast, secretary: Client) -> None:
    foreign = make_patient(cast.partner_hospital, family_name="Canary", national_number=NUMBER, birth_date=BIRTH)
    theirs = make_case(cast.partner_hospital, cast.partner.person, patient=foreign)
    make_referral(cast.board, cast.partner_hospital, cast.partner.person, case=theirs)
    data = filled(cast, lookup="1", family_name="", birth_date="", sex="", question="typed")
    fragment = secretary.post("/cases/new/", data, headers={"hx-request": "true"}).content.decode()
    assert "<html" not in fragment
    assert "Canary" not in fragment
    assert 'value="1961-04-12"' in fragment
    assert "field-error" not in fragment
    known = make_patient(cast.organiser, family_name="Known", national_number=NUMBER, birth_date=BIRTH)
    ours = make_case(cast.organiser, cast.requester.person, patient=known)
    make_referral(cast.board, cast.organiser, cast.requester.person, case=ours, status="discussed")
    fragment = secretary.post("/cases/new/", data, headers={"hx-request": "true"}).content.decode()
    assert "Known" in fragment
    assert f"/cases/{ours.pk}/" in fragment
    whole = secretary.post("/cases/new/", data).content.decode()
    assert "Known" in whole
    assert "typed" in whole
    assert len(cases()) == 2


def test_a_colleagues_case_of_a_known_patient_is_not_listed_to_a_clinician(cast: Cast) -> None:
    known = make_patient(cast.organiser, family_name="Known", national_number=NUMBER, birth_date=BIRTH)
    hidden = make_case(cast.organiser, cast.radiologist.person, patient=known)
    fragment = sign_in(cast.requester).post("/cases/new/", filled(cast, lookup="1"), headers={"hx-request": "true"})
    assert "Known" in fragment.content.decode()
    assert str(hidden.pk) not in fragment.content.decode()


def test_errors_keep_everything_typed(cast: Cast, secretary: Client) -> None:
    answer = secretary.post("/cases/new/", filled(cast, question="", national_number="61.04.12-004.00"))
    assert answer.status_code == 422
    page = answer.content.decode()
    assert sorted(answer.context["form"].errors) == ["national_number", "question"]
    for kept in ("D&#x27;Hondt", "61.04.12-004.00", 'value="1961-04-12"', 'href="#id_question"', "data-errors"):
        assert kept in page
    assert cases() == []


def test_other_hospitals_ids_in_any_field(cast: Cast, secretary: Client) -> None:
    for field, value in (("board", cast.outside.pk), ("requester", cast.partner.pk), ("requester", cast.outsider.pk)):
        answer = secretary.post("/cases/new/", filled(cast, **{field: str(value)}))
        assert answer.status_code == 422
        assert list(answer.context["form"].errors) == [field]
    # Whatever else is sent counts for nothing.
    more = {name: str(cast.partner_hospital.pk) for name in ("hospital", "hospital_id", "organisation", "patient_id")}
    more |= {"case_id": str(new_id()), "status": "accepted", "late": "on", "version": "9"}
    assert secretary.post("/cases/new/", filled(cast, **more)).status_code == 302
    (made,) = cases()
    assert (made.hospital_id, made.version) == (cast.organiser.pk, 1)
    assert now_of(made)[2][0].status == "draft"


def test_a_very_long_name_in_two_directions(cast: Cast, secretary: Client) -> None:
    assert len(LONG_NAME) == 300
    answer = secretary.post("/cases/new/", filled(cast, family_name=LONG_NAME, given_name="<script>alert(1)</script>"))
    (made,) = cases()
    assert made.patient.family_name == LONG_NAME
    page = secretary.get(answer["Location"]).content.decode()
    assert "<script>alert(1)" not in page
    assert LONG_NAME.replace("'", "&#x27;") in page


@pytest.mark.parametrize("who", ["guest", "privacy", "admin", "observer"])
def test_without_a_role_in_the_hospital_there_is_no_new_case(cast: Cast, who: str) -> None:
    client = sign_in(cast.members[who])
    assert client.get("/cases/new/").status_code == 403
    assert client.post("/cases/new/", filled(cast)).status_code == 403
    assert client.get("/cases/").context["may_bring_in"] is False
