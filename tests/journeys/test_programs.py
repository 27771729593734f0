"""Journey: the hospital's own programs. An administrator gives the record system a token and takes it back; a secretary brings in what it
exported; it opens a patient in a clinician's browser by a signed form, once. And what is typed of a new case survives a closed tab."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import jwt
import pytest
from playwright.sync_api import expect

from cases.models import Case, Patient
from mdo.directory.models import Person
from tests.cases.bundles import LICENCE, bundle
from tests.cases.test_launch import claims
from tests.cast import Cast
from tests.factories import make_case, make_patient
from tests.journeys.visitors import Visitor, Visitors
from tests.meetings.acts import house

pytestmark = pytest.mark.journey


@pytest.fixture
def patient(committed: None, cast: Cast) -> Patient:
    Person.objects.filter(pk=cast.requester.pk).update(licence_number=LICENCE)
    return make_patient(cast.organiser, family_name="Kanariezwaluw")


def test_a_token_is_made_opens_a_patient_once_and_is_revoked(cast: Cast, visitors: Visitors, patient: Patient) -> None:
    case = make_case(cast.organiser, cast.requester.person, patient=patient)
    admin = visitors.bring("admin", cast.admin)
    page = admin.page
    admin.go("/")
    page.get_by_role("link", name="Access for programs").click()
    page.get_by_label("Program", exact=True).fill("Dossiersysteem")
    page.get_by_label("Open cases from the record system").check()
    page.get_by_role("button", name="Make the token").click()
    expect(page.get_by_text("it is shown this once")).to_be_visible()
    admin.look("tokens, made")
    client = page.get_by_label("Identity of the record system (iss)").input_value()
    key = page.get_by_label("Key to sign with (HS256)").input_value()
    admin.go("/tokens/")
    expect(page.get_by_label("Key to sign with (HS256)")).to_have_count(0)

    class System:
        pk = UUID(client)

    def token() -> str:
        told = claims(System, patient.national_number) | {"aud": f"{admin.site}/hooks/launch/"}  # type: ignore[arg-type]
        return jwt.encode(told, key, algorithm="HS256")

    clinician = visitors.bring("requester", cast.requester)
    once = token()
    post(clinician, once)
    clinician.page.wait_for_url(f"**/cases/{case.pk}/")
    expect(clinician.page.get_by_text("Kanariezwaluw").first).to_be_visible()
    with clinician.expecting("409"):
        post(clinician, once)
        expect(clinician.page.get_by_text("Open the patient again in the record system.").first).to_be_visible()
        clinician.look("launch, used")

    page.get_by_role("button", name="Revoke the token of Dossiersysteem").click()
    expect(page.get_by_text("The token is revoked.")).to_be_visible()
    with clinician.expecting("403"):
        post(clinician, token())
        expect(clinician.page.get_by_role("heading", level=1)).to_be_visible()
    assert "/cases/" not in clinician.page.url


def post(visitor: Visitor, token: str) -> None:
    """As the record system's own page does, from another site: a form of one field, sent by itself."""
    visitor.page.goto("about:blank")
    form = f'<form method="post" action="{visitor.site}/hooks/launch/"><input name="token" value="{token}"></form>'
    visitor.page.set_content(form)
    with visitor.page.expect_navigation():
        visitor.page.evaluate("document.forms[0].submit()")


def test_an_exported_case_is_looked_at_and_made(cast: Cast, visitors: Visitors, patient: Patient) -> None:
    secretary = visitors.bring("secretary", cast.secretary)
    page = secretary.page
    secretary.go("/cases/")
    page.get_by_text("Import", exact=True).click()
    page.get_by_role("link", name="One case from a record system (FHIR)").click()

    def choose(content: Any) -> None:
        file = {"name": "export.json", "mimeType": "application/json", "buffer": json.dumps(content).encode()}
        page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
        page.get_by_role("button", name="Look at it").click()

    with secretary.expecting("422"):
        choose({"resourceType": "Bundle", "type": "collection", "entry": []})
        expect(page.get_by_text("Nothing was made.")).to_be_visible()
    choose(bundle())
    expect(page.get_by_text("Your hospital does not know this patient yet")).to_be_visible()
    expect(page.get_by_text("H-4711")).to_be_visible()
    secretary.look("FHIR, looked at")
    with house():
        assert not Case.objects.exists()
    page.get_by_role("button", name="Make the case").click()
    page.wait_for_url("**/cases/*-*/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    with house():
        assert Case.objects.get().patient.record_number == "H-4711"


def test_what_is_typed_of_a_new_case_survives_a_closed_tab(cast: Cast, visitors: Visitors, patient: Patient) -> None:
    secretary = visitors.bring("secretary", cast.secretary)
    secretary.go("/cases/new/")
    page = secretary.page
    page.get_by_label("Family name").fill("Wielewaal")
    page.get_by_label("Question to the board").fill("Heelkunde eerst, of")
    expect(page.locator("[data-draft-state]")).to_contain_text("Saved at")
    assert page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})").count("Wielewaal") == 0
    page.close()  # nobody asks: it is saved
    again = secretary.page = secretary.context.new_page()
    secretary.go("/cases/new/")
    again.get_by_role("link", name="Wielewaal").click()
    expect(again.get_by_label("Question to the board")).to_have_value("Heelkunde eerst, of")
    secretary.look("new case, resumed")
    secretary.go("/cases/new/")
    again.get_by_role("button", name="Throw away").click()
    expect(again.get_by_text("What you had typed was thrown away.")).to_be_visible()
    expect(again.get_by_role("link", name="Wielewaal")).to_have_count(0)
