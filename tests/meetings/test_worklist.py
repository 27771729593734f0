"""The worklist: the coming cases of one's boards with numbers, links into the own archive, earlier decisions and what was prepared."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from cases.dossiers import dossier
from cases.dossiers.worklists import offered_numbers, worklists
from cases.models import PreparationNote, Referral
from mdo.directory import access as directory
from mdo.directory.image_archive import study_address, validate_template
from mdo.directory.models import Organisation, Person
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from meetings import preparing, waiting
from meetings.models import Meeting
from meetings.preparing import items_to_prepare
from tests.cast import NAMES, Cast, Member, acting_as
from tests.factories import (
    case_data,
    make_case,
    make_decision,
    make_document,
    make_item,
    make_meeting,
    make_patient,
    make_referral,
    writing,
)
from tests.meetings.acts import house

QUERIES = 14
PACS = "https://pacs.example.org/open?acc={accession}"


@pytest.fixture
def meeting(db: None, cast: Cast) -> Meeting:
    return make_meeting(cast.board)


def put(cast: Cast, meeting: Meeting, member: Member | None = None, **values: Any) -> Referral:
    """A case on the agenda, of the hospital of ``member`` (default: the requester's, the organiser's)."""
    member = member or cast.requester
    hospital = member.organisation
    patient = values.pop("patient", None) or make_patient(hospital, **values.pop("person", {}))
    case = make_case(hospital, member.person, patient=patient, data=case_data(**values.pop("data", {})))
    referral = make_referral(cast.board, hospital, member.person, case=case, status="scheduled", **values)
    make_item(meeting, referral)
    return referral


def page(client: Client, member: Member, query: str = "") -> Any:
    sign_in(client, member)
    return client.get(reverse("meetings:worklist") + query)


def sign_in(client: Client, member: Member) -> None:
    with writing():
        Person.objects.filter(pk=member.pk).update(language="en")
    client.force_login(member.person, backend="django.contrib.auth.backends.ModelBackend")


def posted(client: Client, name: str, referral: Referral | None = None, **values: Any) -> Any:
    values = {"command_id": new_id(), "note_id": new_id(), "version": 0} | values
    return client.post(reverse(name, args=[referral.pk] if referral else []), values)


# --- the numbers ---------------------------------------------------------------------------------------------------------


def test_each_discipline_finds_its_numbers() -> None:
    data = case_data(
        image_references=" MG-104233, US-104234;\nMR 77 \r\nMG-104233,," + "x" * 65,
        pathology_findings="Biopt B-26-1184 (okselklier: H2026/04511) van 17.10.2026: NST, graad 2, ER 95 %, pT1c 17-20 mm.",
    )
    found = {code: [each.number for each in worklist.studies(data)] for code, worklist in worklists().items()}
    images = ["MG-104233", "US-104234", "MR 77"]
    assert found == {"radiology": images, "pathology": ["B-26-1184", "H2026/04511"], "nuclear_medicine": images}
    assert worklists()["radiology"].studies({"dossier": "breast", "version": 1}) == []


def test_numbers_that_somebody_wrote_come_before_those_found_in_a_text() -> None:
    data = case_data(
        pathology_numbers="H2026/04511; B-26-7 (AZN)",
        pathology_findings="Biopt B-26-1184, revisie van H2026/04511 en B-26-7.",
    )
    found = worklists()["pathology"].studies(data)
    assert found == [("H2026/04511", "", False), ("B-26-7", "AZN", False), ("B-26-1184", "", True)]
    assert worklists()["pathology"].studies(data | {"pathology_numbers": ""}) == [
        ("B-26-1184", "", True),
        ("H2026/04511", "", True),
    ]


def test_a_text_offers_the_numbers_that_do_not_stand_there_yet() -> None:
    text = "Biopt B-26-1184, revisie van H2026/04511 (B-26-1184)."
    new, old = dossier("breast"), dossier("breast", 1)
    [offered] = offered_numbers(new, "pathology_findings", text, {"pathology_numbers": "H2026/04511 (AZN)"})
    assert (offered.field.key, offered.numbers) == ("pathology_numbers", ("B-26-1184",))
    assert offered_numbers(new, "pathology_findings", "B-26-1184", {"pathology_numbers": "B-26-1184"}) == []
    assert offered_numbers(new, "imaging_findings", text, {}) == []
    assert offered_numbers(old, "pathology_findings", text, {}) == []  # it has no place for them


def test_copied_are_first_the_numbers_that_somebody_wrote(cast: Cast, meeting: Meeting, client: Client) -> None:
    put(cast, meeting, data={"version": 1, "pathology_findings": "Biopt B-26-333 (2025)."})
    put(cast, meeting, data={"version": 2, "pathology_numbers": "H-2", "pathology_findings": "Biopt B-26-3333."})
    answer = page(client, cast.radiologist, "?discipline=pathology")
    assert answer.context["lines"].numbers == ["H-2", "B-26-333", "B-26-3333"]
    assert answer.content.decode().count("found in the text") == 2


def test_a_number_may_name_the_hospital_where_it_was_made() -> None:
    data = case_data(image_references="MG-1, CT-5567 (AZN), US (links) 3, MR-2  ( UZ Gent ), (AZN), CT-9 (a) (b)")
    assert worklists()["radiology"].studies(data) == [
        ("MG-1", "", False),
        ("CT-5567", "AZN", False),
        ("US (links) 3", "", False),
        ("MR-2", "UZ Gent", False),
        ("(AZN)", "", False),
        ("CT-9 (a) (b)", "", False),
    ]


@pytest.mark.parametrize(
    "template",
    [
        PACS,
        "https://pacs.example.org/{patient}/{accession}/",
        "https://pacs.example.org:8443/v?a={accession}&b={accession}",
    ],
)
def test_a_template_of_the_archive_is_taken(template: str) -> None:
    validate_template(template)


@pytest.mark.parametrize(
    "template",
    [
        "http://pacs.example.org/?a={accession}",
        "javascript:alert({accession})",
        "https://pacs.example.org/",
        "https://pacs.example.org/{accession}/{name}",
        "https://pacs.example.org/{accession}/{",
        "https://{accession}.example.org/{accession}",
        "https://user:pw@pacs.example.org/{accession}",
        "https://pacs.example.org/ {accession}",
        "https:///{accession}",
    ],
)
def test_a_template_that_leads_elsewhere_is_not(template: str) -> None:
    with pytest.raises(ValidationError):
        validate_template(template)


def test_values_are_encoded_and_an_unknown_patient_gives_no_link() -> None:
    assert (
        study_address(PACS, "A/1 &x=é{patient}")
        == "https://pacs.example.org/open?acc=A%2F1%20%26x%3D%C3%A9%7Bpatient%7D"
    )
    both = "https://pacs.example.org/{patient}/{accession}"
    assert study_address(both, "1", "..") == "https://pacs.example.org/../1"
    assert (study_address(both, "1"), study_address("", "1", "2")) == ("", "")


# --- who sees what -------------------------------------------------------------------------------------------------------


def test_the_list_is_of_the_boards_on_which_one_sits(cast: Cast, meeting: Meeting) -> None:
    ours, partners = put(cast, meeting), put(cast, meeting, cast.partner)
    for state in ("withdrawn", "postponed", "discussed"):
        make_item(meeting, make_referral(cast.board, cast.organiser, cast.requester.person), state=state)
    make_item(meeting)
    put(cast, make_meeting(cast.board, state=Meeting.State.CANCELLED))
    known = {ours.pk: "ours", partners.pk: "partners"}
    seen = {}
    for name in NAMES:
        with acting_as(cast.members[name]) as by:
            found = items_to_prepare(by, directory.visible_boards(by)).values_list("referral", flat=True)
            seen[name] = {known[each] for each in found}
    both = {"ours", "partners"}
    assert seen == {name: set() for name in NAMES} | {
        "chair": both,
        "coordinator": both,
        "secretary": both,
        "radiologist": both,
        "partner": both,
        "partnersecretary": {"partners"},
    }


def test_own_images_open_in_the_own_archive_and_outside_ones_are_marked(
    cast: Cast, meeting: Meeting, client: Client
) -> None:
    with writing():
        Organisation.objects.update(pacs_address=PACS)
    put(cast, meeting, data={"image_references": "MG 1"})
    put(cast, meeting, cast.partner, data={"image_references": "XX-2"})
    for member, mine, other in ((cast.radiologist, "MG 1", "XX-2"), (cast.partner, "XX-2", "MG 1")):
        html = page(client, member, "?discipline=radiology").content.decode()
        links = re.findall(r'<a [^>]*href="(https://[^"]*)"([^>]*)>', html)
        assert [href for href, _rest in links] == [f"https://pacs.example.org/open?acc={mine.replace(' ', '%20')}"]
        assert all('rel="noopener noreferrer" referrerpolicy="no-referrer"' in rest for _href, rest in links)
        copied = re.findall(r'data-copy="([^"]*)"', html)
        assert sorted(copied) == sorted([mine, mine, other])  # all, which is the own one; each by itself
        assert html.count("Outside images") == 1
    assert "https://pacs" not in page(client, cast.radiologist, "?discipline=pathology").content.decode()


def test_outside_goes_by_where_an_image_was_made(cast: Cast, meeting: Meeting, client: Client) -> None:
    with writing():
        Organisation.objects.update(pacs_address=PACS)
    there, here = cast.partner_hospital, cast.organiser
    ours = put(cast, meeting, data={"image_references": f"MG-1, CT-2 ({there.short_name.lower()}), MR-3 (Elders)"})
    theirs = put(cast, meeting, cast.partner, data={"image_references": f"CT-4 ({here.name})"})

    def studies(member: Member) -> dict[Any, Any]:
        lines = page(client, member, "?discipline=radiology").context["lines"]
        found = {
            line.referral.pk: (line.outside, [(study.number, study.own, bool(study.address)) for study in line.studies])
            for line in lines.all
        }
        return found | {"copied": lines.numbers}

    # A case of the own hospital with images from elsewhere is marked; a partner's with images made here is not.
    assert studies(cast.radiologist) == {
        ours.pk: (True, [("MG-1", True, True), ("CT-2", False, False), ("MR-3", False, False)]),
        theirs.pk: (False, [("CT-4", True, True)]),
        "copied": ["MG-1", "CT-4"],
    }
    assert studies(cast.partner) == {
        ours.pk: (True, [("MG-1", False, False), ("CT-2", True, True), ("MR-3", False, False)]),
        theirs.pk: (True, [("CT-4", False, False)]),
        "copied": ["CT-2"],
    }
    # The patient's number of the case's hospital says nothing in another one's archive.
    with writing():
        Organisation.objects.update(pacs_address="https://pacs.example.org/{patient}/{accession}")
        ours.case.patient.record_number = "R-77"
        ours.case.patient.save(update_fields=["record_number"])
    (line,) = [
        each
        for each in page(client, cast.partner, "?discipline=radiology").context["lines"].all
        if each.referral.pk == ours.pk
    ]
    assert line.studies[1].address == ""
    assert "R-77" in page(client, cast.radiologist, "?discipline=radiology").content.decode()


def test_an_earlier_decision_of_this_board_and_the_documents_of_the_kind(
    cast: Cast, meeting: Meeting, client: Client
) -> None:
    patient = make_patient(cast.organiser)
    before = make_meeting(cast.board, state=Meeting.State.CLOSED)
    case = make_case(cast.organiser, cast.requester.person, patient=patient)
    discussed = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="discussed")
    decision = make_decision(make_item(before, discussed, state="discussed"))
    referral = put(cast, meeting, patient=patient)
    shown = make_document(referral.case, kind="imaging", name="mri.pdf")
    make_document(referral.case, kind="pathology", name="biopt.pdf")
    html = page(client, cast.radiologist).content.decode()
    assert html.count(reverse("meetings:decision", args=[decision.pk])) == 1
    assert reverse("cases:document", args=[shown.pk]) in html
    assert "biopt.pdf" not in html
    rows = AuditEntry.objects.filter(action="worklist.listed", actor_id=cast.radiologist.pk)
    assert [each.detail for each in rows] == [{"cases": [str(referral.case_id)]}]


def test_one_meeting_is_prepared_by_its_board(cast: Cast, meeting: Meeting, client: Client) -> None:
    put(cast, meeting, person={"family_name": "Alleen"})
    put(cast, make_meeting(cast.board), person={"family_name": "Anders"})
    query = f"?meeting={meeting.pk}"
    html = page(client, cast.radiologist, query).content.decode()
    assert ("Alleen" in html, "Anders" in html) == (True, False)
    answers = {
        name: page(client, cast.members[name], query).status_code for name in ("requester", "observer", "outsider")
    }
    assert answers == {"requester": 403, "observer": 403, "outsider": 404}
    assert page(client, cast.radiologist, "?meeting=x").status_code == 404


# --- seen, and notes -----------------------------------------------------------------------------------------------------


def test_seen_noted_and_the_rest(cast: Cast, meeting: Meeting, client: Client) -> None:
    first, *rest = [put(cast, meeting) for _n in range(3)]
    page(client, cast.radiologist)
    with acting_as(cast.radiologist) as by:
        assert waiting.today(by).to_prepare == 3
    assert posted(client, "meetings:worklist_note", first, text="Tweede letsel op 3 uur.").status_code == 303
    refused = posted(client, "meetings:worklist_note", first, text="Andere versie")
    assert refused.status_code == 409
    assert "Andere versie" in refused.content.decode()
    assert posted(client, "meetings:worklist_note", rest[0], text="").status_code == 422
    answer = client.post(
        reverse("meetings:worklist_rest"), {"command_id": new_id(), "referral": [each.pk for each in rest]}
    )
    assert answer.status_code == 303
    assert posted(client, "meetings:worklist_rest").status_code == 422
    with acting_as(cast.radiologist) as by:
        assert waiting.today(by).to_prepare == 0
    with house():
        kept = PreparationNote.objects.filter(replaced_at=None).order_by("at").values_list("referral", "text")
        assert list(kept) == [(first.pk, "Tweede letsel op 3 uur."), *[(each.pk, "") for each in rest]]
    # Others read it under its discipline, on the case's page and on the stage.
    sign_in(client, cast.chair)
    stage = reverse("meetings:stage", args=[meeting.pk, first.items.get().pk])
    for url in (reverse("cases:detail", args=[first.case_id]), stage):
        html = client.get(url).content.decode()
        assert re.search(r"<b>Radiology</b>.*?Tweede letsel op 3 uur\.", html, re.DOTALL)


def test_the_right_comes_before_what_was_typed(cast: Cast, meeting: Meeting, client: Client) -> None:
    referral = put(cast, meeting)
    for name, status in (("outsider", 404), ("guest", 404), ("radiologist", 422)):
        sign_in(client, cast.members[name])
        for address in ("meetings:worklist_note", "meetings:worklist_seen"):
            assert client.post(reverse(address, args=[referral.pk]), {}).status_code == status


def test_what_changed_since_is_said(cast: Cast, meeting: Meeting, client: Client) -> None:
    referral = put(cast, meeting)
    page(client, cast.radiologist)
    posted(client, "meetings:worklist_seen", referral, seen="1")
    assert "Changed since you saw it" not in page(client, cast.radiologist).content.decode()
    with writing():
        referral.case.version += 1
        referral.case.save(update_fields=["version"])
    assert "Changed since you saw it" in page(client, cast.radiologist).content.decode()


def test_open_by_discipline_counts_what_nobody_of_it_has_seen(cast: Cast, meeting: Meeting, client: Client) -> None:
    referrals = [put(cast, meeting) for _n in range(2)]
    page(client, cast.radiologist)
    posted(client, "meetings:worklist_seen", referrals[0], seen="1")
    with house():
        found = preparing.open_by_discipline(meeting.items.all(), PreparationNote.objects.filter(replaced_at=None))
    assert found == {"radiology": 1, "pathology": 2, "nuclear_medicine": 2}


@pytest.mark.parametrize("rows", [1, 30])
def test_one_row_costs_as_much_as_thirty(
    cast: Cast, meeting: Meeting, client: Client, rows: int, django_assert_num_queries: Any
) -> None:
    for _n in range(rows):
        referral = put(cast, meeting)
        make_document(referral.case, kind="imaging")
        with writing():
            PreparationNote.objects.create(
                hospital=cast.organiser,
                referral=referral,
                author=cast.chair.person,
                organisation=cast.organiser,
                text="Zie ook MRI.",
                case_version=1,
            )
    page(client, cast.radiologist)
    with django_assert_num_queries(QUERIES):
        answer = client.get(reverse("meetings:worklist"))
    assert answer.content.decode().count("<tr data-row") == rows
