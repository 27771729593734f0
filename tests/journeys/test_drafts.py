"""Journey: a dossier that saves itself while it is filled in, with codes found by words, through a cut and a colleague's answers."""

from __future__ import annotations

import pytest
from playwright.sync_api import Dialog, expect

from cases.models import Case
from tests.cast import Cast
from tests.factories import case_data, make_case, make_patient, make_referral, tumour_data
from tests.journeys.pages import CasePage
from tests.journeys.visitors import Visitors
from tests.meetings.acts import house
from tests.parts import until

pytestmark = pytest.mark.journey


@pytest.fixture
def case(cast: Cast) -> Case:
    patient = make_patient(cast.organiser, family_name="Vandenbossche", given_name="Marguerite")
    made = make_case(
        cast.organiser,
        cast.requester.person,
        patient=patient,
        data=case_data(wishes=None),
        tumours=[tumour_data(topography=None, morphology=None, clinical_tnm=None)],
    )
    make_referral(cast.board, cast.organiser, cast.requester.person, case=made, status="draft")
    return made


def stored(case: Case) -> Case:
    with house():
        return Case.objects.get(pk=case.pk)


def test_a_dossier_saves_itself(cast: Cast, visitors: Visitors, case: Case) -> None:
    requester = visitors.bring("requester", cast.requester)
    secretary = visitors.bring("secretary", cast.secretary)
    requester.go(f"/cases/{case.pk}/edit/")
    page, dossier = requester.page, CasePage(requester)
    missing = page.get_by_role("region", name="Still missing")
    expect(missing.get_by_role("link", name="Patient's wishes")).to_be_visible()

    # Words in another language find the codes; the stage and ICD-10 follow, with what is missing, without a button.
    dossier.find("Site (ICD-O-3)", "buitenste bovenste kwadrant")
    dossier.find("Histology (ICD-O-3)", "carcinome canalaire infiltrant")
    dossier.fill({"cTNM": "cT2 cN1 cM0", "Patient's wishes": "Prefers to keep the breast."}, {})
    dossier.draft_is("Saved at")
    expect(page.get_by_text("Stage IIB")).to_be_visible()
    expect(page.get_by_text("(cTNM 8)")).to_be_visible()
    expect(page.get_by_text("ICD-10 C50.4")).to_be_visible()
    expect(missing.get_by_role("link", name="Patient's wishes")).to_have_count(0)
    requester.look("dossier, saved by itself")
    with house():
        (tumour,) = case.tumours.all()
        assert (tumour.data["topography"], tumour.data["morphology"]) == ("C50.4", "8500/3")

    # What contradicts itself says so when one goes on to the next question, and no stage follows from it meanwhile.
    dossier.fill({"cTNM": "cTis cN0 cM1"}, {})
    expect(page.get_by_text("Stage IIB")).to_have_count(0)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_text("A carcinoma in situ has no metastases")).to_be_visible()
    dossier.fill({"cTNM": "cT2 cN1 cM0"}, {})
    expect(page.get_by_text("Stage IIB")).to_be_visible()

    # A cut: what is typed stays, leaving would warn, and it is sent when the line is back.
    with requester.network_cut():
        dossier.fill({"Patient's wishes": "Prefers to keep the breast, if safe."}, {})
        dossier.draft_is("Not saved: no connection")
        page.get_by_role("button", name="Save", exact=True).last.click()
        dossier.draft_is("Not saved: no connection")
    dossier.draft_is("Saved at")
    assert stored(case).data["wishes"] == "Prefers to keep the breast, if safe."

    # A colleague saves something else meanwhile: both are shown, nothing is written over, and saving again is meant.
    colleague = CasePage(secretary)
    secretary.go(f"/cases/{case.pk}/edit/")
    colleague.fill({"Patient's wishes": "Wants no surgery at all."}, {})
    colleague.draft_is("Saved at")
    with requester.expecting("409"):
        dossier.fill({"Patient's wishes": "Prefers a mastectomy."}, {})
        dossier.draft_is("Not saved: somebody else saved in between")
    row = page.get_by_role("row", name="Patient's wishes")
    expect(row).to_contain_text("Wants no surgery at all.")
    expect(row).to_contain_text("Prefers a mastectomy.")
    requester.look("dossier, somebody else saved")
    assert stored(case).data["wishes"] == "Wants no surgery at all."
    warned: list[str] = []

    def stay(dialog: Dialog) -> None:
        warned.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.get_by_role("link", name="To the case").first.click()
    until(lambda: warned == ["beforeunload"], "the warning")
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    assert stored(case).data["wishes"] == "Prefers a mastectomy."
    expect(page.get_by_role("row", name="Stage")).to_contain_text("IIB")
