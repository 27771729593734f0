"""The pages of cases over HTTP: what they show, take, refuse and leave untouched."""

import json
from datetime import date
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from cases.models import Case, Document, Patient, Referral, Tumour
from cases.views.edit import fingerprint
from mdo.directory.models import Person
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from tests.cast import Cast, Member
from tests.factories import (
    PDF,
    case_data,
    insz,
    make_case,
    make_document,
    make_grant,
    make_patient,
    make_referral,
    tumour_data,
    writing,
)

BIRTH = date(1961, 4, 12)
NUMBER = insz(BIRTH, 4)
LONG_NAME = ("D'Hondt-" + "Vanderstraeten " * 30 + "أحمد")[:300]


def sign_in(member: Member) -> Client:
    Person.objects.filter(pk=member.pk).update(language="en")
    client = Client()
    client.force_login(member.person)
    return client


@pytest.fixture
def secretary(cast: Cast) -> Client:
    return sign_in(cast.secretary)


@pytest.fixture
def case(cast: Cast) -> Case:
    made = make_case(cast.organiser, cast.requester.person)
    make_referral(cast.board, cast.organiser, cast.requester.person, case=made, status="draft", question="Heelkunde?")
    return made


def now_of(case: Case) -> tuple[Case, list[Tumour], list[Referral], list[Document]]:
    with writing():
        found = Case.objects.select_related("patient").get(pk=case.pk)
        return found, list(found.tumours.all()), list(found.referrals.all()), list(found.documents.all())


def reads(kind: str) -> list[UUID | None]:
    return list(AuditEntry.objects.filter(action=f"{kind}.read").order_by("id").values_list("object_id", flat=True))


# --- the list ----------------------------------------------------------------------------------------------------------


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
    make_referral(cast.board, cast.organiser, cast.requester.person)
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


# --- a new case --------------------------------------------------------------------------------------------------------


def filled(cast: Cast, **changes: Any) -> dict[str, Any]:
    data = {
        "command_id": str(new_id()),
        "national_number": NUMBER,
        "family_name": "D'Hondt",
        "given_name": "Maria",
        "birth_date": "1961-04-12",
        "sex": "female",
        "board": str(cast.board.pk),
        "reason": "new_diagnosis",
        "question": "Heelkunde?",
        "requester": str(cast.requester.pk),
        "requested_on": "2026-11-20",
    } | changes
    return {name: value for name, value in data.items() if value is not None}


def cases() -> list[Case]:
    with writing():
        return list(Case.objects.select_related("patient").order_by("created_at"))


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


# --- one case ----------------------------------------------------------------------------------------------------------


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
        with django_assert_num_queries(27):
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


# --- the dossier -------------------------------------------------------------------------------------------------------


def answers(case: Case, **changes: Any) -> dict[str, Any]:
    """What the page sends when nothing is changed, with changes."""
    found, tumours, _referrals, _documents = now_of(case)
    data: dict[str, Any] = {"command_id": str(new_id()), "version": found.version, "seen": fingerprint(found, tumours)}
    data |= {key: value for key, value in found.data.items() if key not in ("dossier", "version")}
    for tumour in tumours:
        for key, value in tumour.data.items():
            name = f"tumour-{tumour.pk}-{key}"
            if isinstance(value, dict):
                data |= {
                    f"{name}_0": " ".join(value[axis] for axis in "tnm" if axis in value),
                    f"{name}_1": value["edition"],
                }
            elif key not in ("dossier", "version"):
                data[name] = value
    return {name: value for name, value in (data | changes).items() if value is not None}


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


# --- buttons and other forms -------------------------------------------------------------------------------------------


def press(client: Client, referral: Referral, what: str, **changes: Any) -> Any:
    data = {"command_id": str(new_id()), "version": referral.version} | changes
    return client.post(f"/referrals/{referral.pk}/{what}/", data)


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


# --- documents ---------------------------------------------------------------------------------------------------------


def upload(client: Client, case: Case, *contents: bytes, **more: Any) -> Any:
    names = more.pop("names", [f"file {number}.pdf" for number in range(len(contents))])
    files = [SimpleUploadedFile(name, content) for name, content in zip(names, contents, strict=True)]
    data = {"command_id": str(new_id()), "kind": "imaging", "documents": files} | more
    return client.post(f"/cases/{case.pk}/documents/", data)


def png() -> bytes:
    found = BytesIO()
    Image.new("L", (40, 30)).save(found, "PNG")
    return found.getvalue()


def test_several_documents_at_once(cast: Cast, secretary: Client, case: Case) -> None:
    answer = upload(secretary, case, PDF, png())
    assert answer["Location"] == f"/cases/{case.pk}/#documents"
    assert [(each.content_type, each.kind) for each in now_of(case)[3]] == [
        ("application/pdf", "imaging"),
        ("image/png", "imaging"),
    ]


def test_sound_files_are_kept_and_the_others_named(cast: Cast, secretary: Client, case: Case) -> None:
    names = ["good.pdf", "program.pdf", "empty.pdf"]
    answer = upload(secretary, case, PDF, b"MZ\x90\x00", b"", names=names)
    assert answer.status_code == 422
    messages = [error["message"] for error in answer.context["errors"]]
    assert [message.split(":")[0] for message in messages] == ["program.pdf", "empty.pdf"]
    assert [each.name for each in now_of(case)[3]] == ["good.pdf"]


def test_bad_uploads(cast: Cast, secretary: Client, case: Case) -> None:
    assert (
        secretary.post(f"/cases/{case.pk}/documents/", {"command_id": str(new_id()), "kind": "other"}).status_code
        == 422
    )
    assert upload(secretary, case, PDF, kind="secret").status_code == 422
    assert upload(secretary, case, PDF, command_id="junk").status_code == 422
    assert upload(sign_in(cast.outsider), case, PDF).status_code == 404
    assert upload(sign_in(cast.partnersecretary), case, PDF).status_code == 404
    assert now_of(case)[3] == []


def test_a_document_is_served_to_be_looked_at_and_never_kept(cast: Cast, secretary: Client, case: Case) -> None:
    document = make_document(case, name="D'Hondt Maria.pdf")
    answer = secretary.get(f"/documents/{document.pk}/")
    assert answer.status_code == 200
    assert answer.content == PDF
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f'inline; filename="document-{document.pk.hex[-8:]}.pdf"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].startswith("sandbox;")
    assert answer["Cache-Control"] == "no-store, private"
    assert "Hondt" not in json.dumps(dict(answer.headers))
    assert reads("document") == [document.pk]
    for member in (cast.outsider, cast.partnersecretary, cast.guest, cast.privacy):
        assert sign_in(member).get(f"/documents/{document.pk}/").status_code == 404
    assert reads("document") == [document.pk]


@pytest.mark.parametrize(
    ("header", "status", "start", "end"),
    [
        ("bytes=0-9", 206, 0, 9),
        ("bytes=10-", 206, 10, len(PDF) - 1),
        ("bytes=-5", 206, len(PDF) - 5, len(PDF) - 1),
        ("bytes=-99999", 206, 0, len(PDF) - 1),
        ("bytes=5-99999", 206, 5, len(PDF) - 1),
        ("bytes=9-5", 200, 0, len(PDF) - 1),
        ("bytes=0-1,3-4", 200, 0, len(PDF) - 1),
        ("lines=1-2", 200, 0, len(PDF) - 1),
        ("bytes=junk", 200, 0, len(PDF) - 1),
        ("bytes=-", 200, 0, len(PDF) - 1),
    ],
)
def test_ranges(cast: Cast, secretary: Client, case: Case, header: str, status: int, start: int, end: int) -> None:
    document = make_document(case)
    answer = secretary.get(f"/documents/{document.pk}/", headers={"range": header})
    assert answer.status_code == status
    assert answer.content == PDF[start : end + 1]
    assert answer["Accept-Ranges"] == "bytes"
    assert answer.headers.get("Content-Range") == (f"bytes {start}-{end}/{len(PDF)}" if status == 206 else None)


def test_ranges_that_cannot_be_and_ranges_of_another_version(cast: Cast, secretary: Client, case: Case) -> None:
    document = make_document(case)
    for header in (f"bytes={len(PDF)}-", "bytes=-0"):
        answer = secretary.get(f"/documents/{document.pk}/", headers={"range": header})
        assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{len(PDF)}")
    answer = secretary.get(f"/documents/{document.pk}/", headers={"range": "bytes=0-1", "if-range": '"old"'})
    assert (answer.status_code, answer.content) == (200, PDF)
    assert secretary.head(f"/documents/{document.pk}/")["Content-Length"] == str(len(PDF))


def test_a_file_that_is_gone_is_said_to_be(cast: Cast, secretary: Client, case: Case) -> None:
    from mdo.kernel.storage import storage

    document = make_document(case)
    storage.delete(document.storage_name)
    assert secretary.get(f"/documents/{document.pk}/").status_code == 503


def test_sharing_and_taking_out(cast: Cast, secretary: Client, case: Case) -> None:
    document = make_document(case)
    address = f"/documents/{document.pk}/"
    assert secretary.post(f"{address}share/", {"command_id": str(new_id()), "shared": "1"}).status_code == 302
    assert now_of(case)[3][0].shared_with_guests
    data = {"command_id": str(new_id())}
    for _click in range(2):
        assert secretary.post(f"{address}remove/", data)["Location"] == f"/cases/{case.pk}/#documents"
    assert secretary.get(address).status_code == 404
    assert secretary.post(f"{address}share/", {"command_id": str(new_id())}).status_code == 404
    assert secretary.post(f"{address}remove/", {"command_id": "junk"}).status_code == 422
    for what in ("share", "remove"):
        assert sign_in(cast.outsider).post(f"{address}{what}/", {"command_id": str(new_id())}).status_code == 404


def test_nobody_comes_in_without_signing_in(case: Case) -> None:
    for address in (
        "/cases/",
        "/cases/new/",
        f"/cases/{case.pk}/",
        f"/cases/{case.pk}/edit/",
        f"/documents/{case.pk}/",
    ):
        answer = Client().get(address)
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/accounts/login/")
