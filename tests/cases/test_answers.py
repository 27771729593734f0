"""The page of one question: shown, answered, refused, and what it says when somebody else was faster."""

from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from cases import answers
from cases.models import Case, Referral, Tumour
from mdo.directory.models import Person
from mdo.kernel.ids import new_id
from tests.cast import Cast, Member
from tests.factories import case_data, make_case, make_referral, tumour_data, writing


def sign_in(member: Member) -> Client:
    Person.objects.filter(pk=member.pk).update(language="en")
    client = Client()
    client.force_login(member.person)
    return client


@pytest.fixture
def case(cast: Cast) -> Case:
    made = make_case(
        cast.organiser,
        cast.requester.person,
        data=case_data(pathology_findings=None, imaging_findings=None),
        tumours=[tumour_data(er_status=None, er_percent=None)],
    )
    make_referral(cast.board, cast.organiser, cast.requester.person, case=made, status="submitted")
    return made


def fresh(case: Case) -> Case:
    with writing():
        return Case.objects.prefetch_related("tumours").get(pk=case.pk)


def fields(client: Client, url: str, **typed: Any) -> dict[str, Any]:
    command = client.get(url).context["command"]
    return {name: command[name].value() for name in ("command_id", "version", "seen")} | typed


def test_a_radiologist_answers_what_was_asked_and_nothing_else_changes(cast: Cast, case: Case) -> None:
    client = sign_in(cast.radiologist)
    url = answers.address(case.pk, None, "imaging_findings")
    page = client.get(url)
    assert (page.status_code, page.context["row"].definition.key) == (200, "imaging_findings")
    text = page.content.decode()
    assert "clinical_summary" not in text
    assert "imaging_findings" not in url
    done = client.post(url, fields(client, url, imaging_findings="MRI: 19 mm.", wishes="overwritten?"))
    assert (done.status_code, done["Location"]) == (302, f"/cases/{case.pk}/")
    assert fresh(case).data == {**case_data(pathology_findings=None), "imaging_findings": "MRI: 19 mm."}


def test_the_next_answer_of_the_same_party_follows(cast: Cast, case: Case) -> None:
    client = sign_in(cast.requester)
    tumour = _tumour(case)
    url = answers.address(case.pk, None, "pathology_findings")
    done = client.post(url, fields(client, url, pathology_findings="B-26-1184: NST, graad 2."))
    assert done["Location"] == answers.address(case.pk, tumour, "er_status")
    done = client.post(done["Location"], fields(client, done["Location"], er_status="positive"))
    assert done["Location"] == f"/cases/{case.pk}/"
    (found,) = fresh(case).tumours.all()
    assert found.data == tumour_data(er_percent=None)


def _tumour(case: Case) -> UUID:
    with writing():
        return Tumour.objects.get(case=case).pk


def test_what_cannot_be_is_refused_and_stays_typed(cast: Cast, case: Case) -> None:
    client = sign_in(cast.requester)
    url = answers.address(case.pk, _tumour(case), "ki67")
    refused = client.post(url, fields(client, url, ki67="140"))
    assert refused.status_code == 422
    assert (refused.context["row"].field.value(), refused.context["errors"][0]["field_id"]) == ("140", "id_ki67")
    assert fresh(case).version == 1


def test_somebody_else_was_faster(cast: Cast, case: Case) -> None:
    client = sign_in(cast.requester)
    url = answers.address(case.pk, None, "imaging_findings")
    typed = fields(client, url, imaging_findings="Mijn tekst.")
    with writing():  # another answer is no reason to refuse
        Case.objects.filter(pk=case.pk).update(data=case_data(pathology_findings="x", imaging_findings=None), version=2)
    other = sign_in(cast.radiologist)
    other.post(url, fields(other, url, imaging_findings="Radioloog: 19 mm."))
    late = client.post(url, typed)
    assert (late.status_code, late.context["now"]) == (409, "Radioloog: 19 mm.")
    assert "Mijn tekst." in late.content.decode()
    again = {name: late.context["command"][name].value() for name in ("command_id", "version", "seen")}
    assert client.post(url, again | {"imaging_findings": "Mijn tekst."}).status_code == 302
    assert fresh(case).data["imaging_findings"] == "Mijn tekst."
    assert fresh(case).data["pathology_findings"] == "x"


def test_whoever_may_not_answer(cast: Cast, case: Case) -> None:
    url = answers.address(case.pk, None, "imaging_findings")
    for name, status in (
        ("outsider", 404),
        ("guest", 404),
        ("privacy", 404),
        ("partner", 403),
        ("partnersecretary", 404),
        ("chair", 403),
    ):
        assert sign_in(cast.members[name]).get(url).status_code == status, name
    client = sign_in(cast.requester)
    assert client.get(f"/cases/{case.pk}/answer/{new_id()}/").status_code == 404
    other = make_case(cast.organiser, cast.requester.person)
    assert client.get(url.replace(str(case.pk), str(other.pk))).status_code == 404  # the number holds for one case only


def test_a_question_that_is_not_asked_any_more_leads_to_the_case(cast: Cast, case: Case) -> None:
    client = sign_in(cast.requester)
    hidden = answers.address(case.pk, _tumour(case), "morphology_other")  # it is in the list
    assert client.get(hidden)["Location"] == f"/cases/{case.pk}/"
    with writing():
        Referral.objects.filter(case=case).update(status="discussed")
    assert client.get(answers.address(case.pk, None, "imaging_findings"))["Location"] == f"/cases/{case.pk}/"
