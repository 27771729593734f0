"""The page of one case, and who finds it."""

from typing import Any

from django.test import Client

from tests.cases.pages import now_of, reads, sign_in
from tests.cast import Cast
from tests.factories import (
    case_data,
    make_case,
    make_document,
    make_grant,
    make_referral,
    tumour_data,
    writing,
)


def test_the_case_and_what_is_missing(cast: Cast, secretary: Client) -> None:
    made = make_case(
        cast.organiser, cast.requester.person, data=case_data(wishes=None), tumours=[tumour_data(er_status=None)]
    )
    make_referral(cast.board, cast.organiser, cast.requester.person, case=made, status="returned")
    (tumour,) = now_of(made)[1]
    answer = secretary.get(f"/cases/{made.pk}/")
    page = answer.content.decode()
    for text in (
        f'href="/cases/{made.pk}/edit/#id_wishes"',
        f'href="/cases/{made.pk}/edit/#id_tumour-{tumour.pk}-er_status"',
        "De HER2-bepaling ontbreekt.",
        "Hand in",
        "Withdraw",
    ):
        assert text in page
    assert reads("case") == [made.pk]
    assert answer["Cache-Control"] == "no-store, private"


def test_the_case_asks_a_constant_number_of_questions(
    cast: Cast, secretary: Client, django_assert_num_queries: Any
) -> None:
    few = make_referral(cast.board, cast.organiser, cast.requester.person).case
    many = make_case(cast.organiser, cast.requester.person, tumours=[tumour_data()] * 4)
    make_referral(cast.board, cast.organiser, cast.requester.person, case=many)
    make_document(few)
    for _number in range(30):
        make_document(many)
    secretary.get(f"/cases/{few.pk}/")
    for each in (few, many):
        with django_assert_num_queries(26):
            secretary.get(f"/cases/{each.pk}/")


def test_who_finds_the_page_of_a_case(cast: Cast) -> None:
    draft = make_referral(cast.board, cast.organiser, cast.requester.person, status="draft").case
    known = make_referral(cast.board, cast.organiser, cast.requester.person).case
    theirs = make_referral(cast.board, cast.partner_hospital, cast.partner.person).case
    expected = {
        "chair": (404, 200, 200),
        "coordinator": (404, 200, 200),
        "secretary": (200, 200, 200),
        "requester": (200, 200, 404),
        "radiologist": (404, 200, 200),
        "partner": (404, 200, 200),
        "partnersecretary": (404, 404, 200),
        "guest": (404, 404, 404),
        "outsider": (404, 404, 404),
        "privacy": (404, 404, 404),
        "admin": (404, 404, 404),
        "datamanager": (404, 404, 404),
        "observer": (404, 404, 404),
    }
    for name, member in cast.members.items():
        client = sign_in(member)
        found = tuple(client.get(f"/cases/{each.pk}/").status_code for each in (draft, known, theirs))
        assert found == expected[name], name


def test_a_guest_sees_what_is_meant_for_guests_while_the_slot_is_open(cast: Cast) -> None:
    made = make_case(cast.organiser, cast.requester.person, data=case_data(psychosocial="CANARY one"))
    make_referral(cast.board, cast.organiser, cast.requester.person, case=made, status="scheduled")
    secret, shared = (
        make_document(made, name="secret.pdf"),
        make_document(made, name="shared.pdf", shared_with_guests=True),
    )
    guest = sign_in(cast.guest)
    addresses = [f"/cases/{made.pk}/", f"/documents/{shared.pk}/", f"/documents/{secret.pk}/"]
    assert [guest.get(address).status_code for address in addresses] == [404, 404, 404]
    grant = make_grant(made, cast.guest.person)
    assert [guest.get(address).status_code for address in addresses] == [200, 200, 404]
    page = guest.get(f"/cases/{made.pk}/").content.decode()
    assert "shared.pdf" in page
    assert "Palpabel knobbeltje" in page
    for hidden in ("CANARY", "secret.pdf", "hypertensie", "/edit/", "Withdraw"):
        assert hidden not in page
    assert guest.get(f"/cases/{made.pk}/edit/").status_code == 403
    with writing():
        grant.delete()
    assert guest.get(f"/cases/{made.pk}/").status_code == 404
