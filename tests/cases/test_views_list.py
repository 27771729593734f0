"""The list of cases: shelves, search, who sees which."""

from typing import Any

import pytest
from django.test import Client

from cases.models import Referral
from tests.cases.pages import NUMBER, sign_in
from tests.cast import Cast
from tests.factories import (
    make_case,
    make_patient,
    make_referral,
    writing,
)


def test_the_list_asks_the_same_number_of_questions_for_1_and_30_rows(
    cast: Cast, secretary: Client, django_assert_num_queries: Any
) -> None:
    make_referral(cast.board, cast.organiser, cast.requester.person, status="returned")
    secretary.get("/cases/")
    with django_assert_num_queries(13):
        assert len(secretary.get("/cases/").context["rows"]) == 1
    with writing():
        for number in range(29):
            make_referral(
                cast.board,
                cast.organiser,
                cast.requester.person,
                status=["draft", "submitted", "scheduled"][number % 3],
            )
    with django_assert_num_queries(13):
        assert len(secretary.get("/cases/").context["rows"]) == 30


def test_shelves_count_and_page(cast: Cast, secretary: Client) -> None:
    with writing():
        for status in [*Referral.Status] * 4 + [Referral.Status.DRAFT] * 20:
            make_referral(cast.board, cast.organiser, cast.requester.person, status=status)
        make_referral(cast.board, cast.partner_hospital, cast.partner.person)
    counts = {tab["label"]: tab["count"] for tab in secretary.get("/cases/").context["tabs"]}
    assert counts == {
        "All open": 44,
        "To complete": 28,
        "Handed in": 12,
        "On an agenda": 4,
        "Discussed": 4,
        "Withdrawn": 4,
    }
    pages = [len(secretary.get(f"/cases/?page={page}").context["rows"]) for page in (1, 2, "junk", 99)]
    assert pages == [30, 14, 30, 14]
    assert len(secretary.get("/cases/?show=discussed").context["rows"]) == 4
    assert len(secretary.get("/cases/?show=nonsense").context["rows"]) == 30
    assert len(secretary.get("/cases/?mine=1").context["rows"]) == 0
    assert len(sign_in(cast.requester).get("/cases/?mine=1").context["rows"]) == 30


def test_each_sees_the_own_hospitals_cases_only(cast: Cast) -> None:
    ours = make_referral(cast.board, cast.organiser, cast.requester.person)
    theirs = make_referral(cast.board, cast.partner_hospital, cast.partner.person)
    expected = {
        "chair": {ours.pk},
        "coordinator": {ours.pk},
        "secretary": {ours.pk},
        "requester": {ours.pk},
        "radiologist": {ours.pk},
        "partner": {theirs.pk},
        "partnersecretary": {theirs.pk},
        "guest": set(),
        "outsider": set(),
        "privacy": set(),
        "admin": set(),
        "datamanager": set(),
        "observer": set(),
    }
    for name, member in cast.members.items():
        answer = sign_in(member).get("/cases/")
        assert {row["referral"].pk for row in answer.context["rows"]} == expected[name], name


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("hondt", True),
        ("MARIA  d'hondt", True),
        (NUMBER, True),
        (f"{NUMBER[:2]}.{NUMBER[2:4]}.{NUMBER[4:6]}", True),
        ("hondt jan", False),
        ("%", False),
        ("_", False),
        ("🙂", False),
        ("12", False),
    ],
)
def test_search_by_name_and_number(cast: Cast, secretary: Client, typed: str, found: bool) -> None:
    patient = make_patient(cast.organiser, family_name="D'Hondt", given_name="Maria", national_number=NUMBER)
    mine = make_case(cast.organiser, cast.requester.person, patient=patient)
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=mine, status="discussed")
    another = make_patient(cast.organiser, family_name="Maes", given_name="Lore")
    of_another = make_case(cast.organiser, cast.requester.person, patient=another)
    make_referral(cast.board, cast.organiser, cast.requester.person, case=of_another)
    foreign = make_patient(cast.partner_hospital, family_name="D'Hondt", given_name="Maria", national_number=NUMBER)
    theirs = make_case(cast.partner_hospital, cast.partner.person, patient=foreign)
    make_referral(cast.board, cast.partner_hospital, cast.partner.person, case=theirs)
    answer = secretary.post("/cases/", {"q": typed})
    assert answer.status_code == 200
    assert [row["referral"].pk for row in answer.context["rows"]] == ([referral.pk] if found else [])


@pytest.mark.parametrize("typed", ["\x00", "a\x1b", "x" * 201])
def test_search_of_what_cannot_be(secretary: Client, typed: str) -> None:
    answer = secretary.post("/cases/", {"q": typed})
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["q"]
