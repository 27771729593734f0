"""The dossier's form: saving, conflicts, tumours, made-up fields."""

import pytest
from django.test import Client

from cases.models import Case
from mdo.kernel.ids import new_id
from tests.cases.pages import answers, now_of, sign_in, upload
from tests.cast import Cast
from tests.factories import (
    PDF,
    make_referral,
)


def test_saving_what_is_there_changes_no_answer(cast: Cast, secretary: Client, case: Case) -> None:
    before, tumours, _referrals, _documents = now_of(case)
    assert secretary.get(f"/cases/{case.pk}/edit/").status_code == 200
    answer = secretary.post(f"/cases/{case.pk}/edit/", answers(case))
    assert answer["Location"] == f"/cases/{case.pk}/"
    after, tumours_after, _referrals, _documents = now_of(case)
    assert (after.data, after.version) == (before.data, 2)
    assert [tumour.data for tumour in tumours_after] == [tumour.data for tumour in tumours]


def test_a_draft_is_saved_incomplete_and_stays_open(cast: Cast, secretary: Client, case: Case) -> None:
    answer = secretary.post(f"/cases/{case.pk}/edit/", answers(case, wishes="", then="stay"))
    assert answer["Location"] == f"/cases/{case.pk}/edit/"
    assert "wishes" not in now_of(case)[0].data


def test_errors_in_a_dossier_keep_everything_typed(cast: Cast, secretary: Client, case: Case) -> None:
    (tumour,) = now_of(case)[1]
    changes = {f"tumour-{tumour.pk}-ki67": "140", f"tumour-{tumour.pk}-clinical_tnm_0": "cT9", "wishes": "TYPED"}
    answer = secretary.post(f"/cases/{case.pk}/edit/", answers(case, **changes))
    assert answer.status_code == 422
    page = answer.content.decode()
    for text in (
        "TYPED",
        'value="140"',
        'value="cT9"',
        f'href="#id_tumour-{tumour.pk}-ki67"',
        "data-errors",
        'data-guard="dirty"',
    ):
        assert text in page
    assert now_of(case)[0].version == 1


def test_somebody_else_saved_in_between(cast: Cast, secretary: Client, case: Case) -> None:
    mine = answers(case, wishes="MINE")
    other = sign_in(cast.requester)
    assert other.post(f"/cases/{case.pk}/edit/", answers(case, wishes="THEIRS", comorbidity="")).status_code == 302
    answer = secretary.post(f"/cases/{case.pk}/edit/", mine)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "MINE" in page
    assert "THEIRS" in page
    assert now_of(case)[0].data["wishes"] == "THEIRS"
    again = mine | {
        "version": answer.context["forms"].command["version"].value(),
        "seen": answer.context["forms"].command["seen"].value(),
        "command_id": answer.context["forms"].command["command_id"].value(),
    }
    assert secretary.post(f"/cases/{case.pk}/edit/", again).status_code == 302
    assert now_of(case)[0].data["wishes"] == "MINE"


def test_a_document_added_in_between_is_no_conflict(cast: Cast, secretary: Client, case: Case) -> None:
    mine = answers(case, wishes="MINE")
    upload(sign_in(cast.requester), case, PDF)
    assert secretary.post(f"/cases/{case.pk}/edit/", mine).status_code == 302
    assert (now_of(case)[0].data["wishes"], now_of(case)[0].version) == ("MINE", 3)


def test_a_second_tumour_comes_and_goes(cast: Cast, secretary: Client, case: Case) -> None:
    address = f"/cases/{case.pk}/edit/"
    data = answers(case, wishes="TYPED", then="add_tumour")
    answer = secretary.post(address, data)
    (first, second) = now_of(case)[1]
    assert answer["Location"] == f"{address}#tumour-{second.pk}"
    assert secretary.post(address, data)["Location"] == answer["Location"]  # a double click
    assert len(now_of(case)[1]) == 2
    secretary.post(address, answers(case, **{f"tumour-{second.pk}-laterality": "right"}))
    assert now_of(case)[1][1].data["laterality"] == "right"
    answer = secretary.post(address, answers(case, wishes="MORE", then=f"remove:{first.pk}"))
    assert answer.status_code == 302
    assert [tumour.pk for tumour in now_of(case)[1]] == [second.pk]
    assert now_of(case)[0].data["wishes"] == "MORE"
    answer = secretary.post(address, answers(case, wishes="LAST", then=f"remove:{second.pk}"))
    assert answer.status_code == 422
    assert "at least one tumour" in answer.content.decode()
    assert now_of(case)[0].data["wishes"] == "MORE"  # it says that nothing was saved
    for junk in ("remove:junk", "remove:", "nonsense"):
        assert secretary.post(address, answers(case, then=junk)).status_code == 302
    assert secretary.post(address, answers(case, then=f"remove:{new_id()}")).status_code == 404


def test_a_tumour_that_somebody_added_meanwhile_is_not_emptied(cast: Cast, secretary: Client, case: Case) -> None:
    mine = answers(case, wishes="MINE")
    other = sign_in(cast.requester)
    other.post(f"/cases/{case.pk}/edit/", answers(case, then="add_tumour"))
    (_first, second) = now_of(case)[1]
    other.post(f"/cases/{case.pk}/edit/", answers(case, **{f"tumour-{second.pk}-laterality": "right"}))
    answer = secretary.post(f"/cases/{case.pk}/edit/", mine)
    assert answer.status_code == 409
    command = answer.context["forms"].command
    again = mine | {name: command[name].value() for name in ("version", "seen", "command_id")}
    assert secretary.post(f"/cases/{case.pk}/edit/", again).status_code == 302
    assert now_of(case)[1][1].data["laterality"] == "right"


def test_mass_assignment_and_foreign_tumours_change_nothing(cast: Cast, secretary: Client, case: Case) -> None:
    foreign = make_referral(cast.board, cast.partner_hospital, cast.partner.person).case
    (theirs,) = now_of(foreign)[1]
    more = {name: str(cast.partner_hospital.pk) for name in ("hospital", "hospital_id", "patient", "requester")}
    more |= {f"tumour-{theirs.pk}-ki67": "99", "dossier": "kidney"}
    assert secretary.post(f"/cases/{case.pk}/edit/", answers(case, **more)).status_code == 302
    after, tumours, _referrals, _documents = now_of(case)
    assert (after.hospital_id, after.patient_id, after.requester_id) == (
        case.hospital_id,
        case.patient_id,
        case.requester_id,
    )
    assert (after.dossier, len(tumours)) == ("breast", 1)
    assert now_of(foreign)[1][0].data == theirs.data


@pytest.mark.parametrize("field", ["command_id", "version", "seen"])
@pytest.mark.parametrize("junk", [None, "junk", "", "-1", "\x00"])
def test_made_up_hidden_fields(cast: Cast, secretary: Client, case: Case, field: str, junk: str | None) -> None:
    answer = secretary.post(f"/cases/{case.pk}/edit/", answers(case, **{field: junk}))
    expected = 302 if field == "seen" and junk in ("junk", "-1") else 422  # the version speaks for itself
    assert answer.status_code == expected


def test_after_the_discussion_there_is_no_form(cast: Cast, secretary: Client) -> None:
    ended = make_referral(cast.board, cast.organiser, cast.requester.person, status="discussed").case
    assert secretary.get(f"/cases/{ended.pk}/edit/")["Location"] == f"/cases/{ended.pk}/"
    assert secretary.post(f"/cases/{ended.pk}/edit/", answers(ended)).status_code == 422
