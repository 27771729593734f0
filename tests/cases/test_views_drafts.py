"""What a page saves by itself while somebody types, and codes found by words there."""

from typing import Any

import pytest
from django.test import Client

from cases.models import Case, Tumour
from mdo.kernel.ids import new_id
from tests.cases.acts import audited
from tests.cases.pages import answers, now_of, sign_in
from tests.cast import Cast
from tests.factories import make_case, make_referral, writing


@pytest.fixture
def secretary(cast: Cast) -> Client:
    return sign_in(cast.secretary)


@pytest.fixture
def case(cast: Cast) -> Case:
    made = make_case(cast.organiser, cast.requester.person)
    make_referral(cast.board, cast.organiser, cast.requester.person, case=made, status="draft", question="Heelkunde?")
    return made


def next_of(sent: dict[str, Any], answer: Any, **changes: Any) -> dict[str, Any]:
    """What the page sends after this answer."""
    return sent | {name: answer.json()[name] for name in ("command_id", "version", "seen")} | changes


def test_a_dossier_saves_itself_step_by_step(cast: Cast, secretary: Client, case: Case) -> None:
    address = f"/cases/{case.pk}/draft/"
    (tumour,) = now_of(case)[1]
    first = answers(case, wishes="ONE")
    answer = secretary.post(address, first)
    assert (answer.status_code, answer.json()["version"], answer.json()["errors"]) == (200, 2, {})
    derived = answer.json()["parts"][f"id_tumour-{tumour.pk}-clinical_tnm_derived"]
    assert "<b>Stage IA</b>" in derived
    assert "(cTNM 8)" in derived
    assert [row["action"] for row in audited("case.change", "case.read")] == ["case.change"]

    # The answer got lost: the same again is done once, and does not hide what a colleague saved since.
    again = secretary.post(address, first)
    assert {**again.json(), "command_id": ""} == {**answer.json(), "command_id": ""}
    assert now_of(case)[0].version == 2
    second = next_of(first, answer, wishes="TWO")
    assert secretary.post(address, second).json()["version"] == 3
    assert (now_of(case)[0].data["wishes"], now_of(case)[0].version) == ("TWO", 3)


def test_what_is_wrong_keeps_its_stored_answer(cast: Cast, secretary: Client, case: Case) -> None:
    (tumour,) = now_of(case)[1]
    before = tumour.data
    name = f"tumour-{tumour.pk}-ki67"
    answer = secretary.post(f"/cases/{case.pk}/draft/", answers(case, wishes="SAVED", **{name: "140"}))
    assert (answer.status_code, list(answer.json()["errors"])) == (200, [f"id_{name}"])
    after, tumours, _referrals, _documents = now_of(case)
    assert (after.data["wishes"], tumours[0].data) == ("SAVED", before)


def test_categories_that_contradict_each_other_say_so(cast: Cast, secretary: Client, case: Case) -> None:
    (tumour,) = now_of(case)[1]
    name = f"tumour-{tumour.pk}-clinical_tnm"
    wrong, before = {f"{name}_0": "cTis cN0 cM1", f"{name}_1": "8"}, tumour.data
    answer = secretary.post(f"/cases/{case.pk}/draft/", answers(case, **wrong))
    assert (answer.status_code, list(answer.json()["errors"])) == (200, [f"id_{name}"])
    assert "A carcinoma in situ has no metastases" in answer.json()["errors"][f"id_{name}"]
    assert answer.json()["parts"][f"id_{name}_derived"].strip() == ""  # not the stage of what is stored
    answer = secretary.post(f"/cases/{case.pk}/edit/", answers(case, **wrong))
    assert answer.status_code == 422
    for words in ("A carcinoma in situ has no metastases", "cTis cN0 cM1"):
        assert words in answer.content.decode()
    assert now_of(case)[1][0].data == before
    # What was stored before anybody compared it says so where it is read.
    with writing():
        stored = {"clinical_tnm": {"edition": "8", "t": "cTis", "n": "cN0", "m": "cM1"}}
        Tumour.objects.filter(pk=tumour.pk).update(data=before | stored)
    for address in (f"/cases/{case.pk}/", f"/cases/{case.pk}/edit/"):
        assert "A carcinoma in situ has no metastases" in secretary.get(address).content.decode()


def test_somebody_else_saved_in_between(cast: Cast, secretary: Client, case: Case) -> None:
    address = f"/cases/{case.pk}/draft/"
    mine = answers(case, wishes="MINE")
    sign_in(cast.requester).post(address, answers(case, wishes="THEIRS"))
    answer = secretary.post(address, mine)
    assert answer.status_code == 409
    assert "THEIRS" in answer.json()["differences"]
    assert "MINE" in answer.json()["differences"]
    assert now_of(case)[0].data["wishes"] == "THEIRS"
    # Reading what the other one saved is reading the case.
    assert [row["action"] for row in audited("case.read")] == ["case.read"]
    # Saving again is meant then, by the button.
    assert secretary.post(f"/cases/{case.pk}/edit/", next_of(mine, answer)).status_code == 302
    assert now_of(case)[0].data["wishes"] == "MINE"


def test_both_typed_the_same(cast: Cast, secretary: Client, case: Case) -> None:
    address = f"/cases/{case.pk}/draft/"
    mine = answers(case, wishes="SAME")
    sign_in(cast.requester).post(address, answers(case, wishes="SAME"))
    answer = secretary.post(address, mine)
    assert (answer.status_code, answer.json()["version"], now_of(case)[0].version) == (200, 2, 2)


def test_a_question_saves_itself_until_it_is_handed_in(cast: Cast, secretary: Client, case: Case) -> None:
    referral = now_of(case)[2][0]
    address = f"/referrals/{referral.pk}/draft/"
    typed = {
        "command_id": str(new_id()),
        "version": 1,
        "board": str(cast.board.pk),
        "reason": "new_diagnosis",
        "question": "MINE",
        "requester": str(cast.requester.pk),
        "requested_on": referral.requested_on.isoformat(),
    }
    assert secretary.post(address, typed).json()["version"] == 2
    stale = secretary.post(address, typed | {"command_id": str(new_id()), "question": "OLDER"})
    assert stale.status_code == 409
    assert "MINE" in stale.json()["differences"]
    empty = secretary.post(address, typed | {"command_id": str(new_id()), "version": 2, "question": ""})
    assert (empty.status_code, list(empty.json()["errors"])) == (422, ["id_question"])
    handed_in = make_referral(cast.board, cast.organiser, cast.requester.person, question="Handed in")
    refused = secretary.post(f"/referrals/{handed_in.pk}/draft/", typed)
    assert refused.status_code == 422
    assert now_of(case)[2][0].question == "MINE"


@pytest.mark.parametrize(
    ("system", "words", "code"),
    [
        ("topography", "buitenste bovenste kwadrant borst", "C50.4"),
        ("topography", "c50.4", "C50.4"),
        ("morphology", "carcinome canalaire infiltrant", "8500/3"),
    ],
)
def test_codes_are_found_by_words(
    cast: Cast, secretary: Client, case: Case, system: str, words: str, code: str
) -> None:
    hits = secretary.post(f"/cases/{case.pk}/codes/", {"system": system, "q": words}).json()["hits"]
    assert hits[0]["code"] == code


@pytest.mark.parametrize("sent", [{}, {"system": "patients", "q": "x"}, {"system": "topography", "q": "x" * 201}])
def test_made_up_code_searches(secretary: Client, case: Case, sent: dict[str, str]) -> None:
    assert secretary.post(f"/cases/{case.pk}/codes/", sent).status_code == 422


@pytest.mark.parametrize("address", ["/cases/{case}/draft/", "/cases/{case}/codes/", "/referrals/{referral}/draft/"])
def test_of_another_hospital_there_is_nothing(cast: Cast, case: Case, address: str) -> None:
    referral = now_of(case)[2][0]
    for member, status in ((cast.outsider, 404), (cast.partnersecretary, 404), (cast.chair, 404)):
        filled = address.format(case=case.pk, referral=referral.pk)
        assert sign_in(member).post(filled, answers(case, system="topography", q="mamma")).status_code == status
    assert now_of(case)[0].version == 1
