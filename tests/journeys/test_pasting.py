"""Journey: a complete breast case out of two pasted reports, every interaction counted."""

from __future__ import annotations

from datetime import date

import pytest
from playwright.sync_api import Locator, expect

from cases.coding import national_number
from cases.models import Case, Referral
from tests.cast import Cast
from tests.factories import insz
from tests.journeys.visitors import Visitor, Visitors
from tests.meetings.acts import house

pytestmark = pytest.mark.journey

AT_MOST = 25
BORN = date(1958, 5, 17)
PATHOLOGY = """Laboratorium voor Pathologische Ontleding. Verslag 24B-118203.
Afname: 04.03.2024    Ontvangst: 05.03.2024

MATERIAAL
Echogeleide naaldbiopsie 14G linker borst 2 u.

SYNOPTISCH
Lateraliteit: links
Kwadrant: bovenste buitenkwadrant
Histologisch type: invasief carcinoom, NST
Differentiatiegraad: tubuli 3, kernen 2, mitosen 1 = 6/9, graad 2
Oestrogeenreceptor: positief (95 %, sterk)
Progesteronreceptor: positief (40 %, matig)
HER2 (4B5): 1+
Ki-67 (MIB-1): 18 %
"""
IMAGING = """Geachte collega,

Uw patiënte voelt sinds drie weken een knobbel in de linker borst. Mammografie en echografie van 28/02/2024: spiculaire massa
van 17 mm, BI-RADS 5, oksel vrij. Het biopt toont een invasief ductaal carcinoom. Klinisch stadium cT1c cN0 cM0 (TNM 8).
"""


class Hands:
    """What one does at a keyboard and with a mouse: a click, a typed field, a key, a paste count one each."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.page = visitor.page
        self.count = 0

    def click(self, target: Locator) -> None:
        self.count += 1
        target.click()

    def fill(self, target: Locator, text: str) -> None:
        """Typed or pasted; one clicks or tabs into the field first, which counts too where it has not the focus."""
        if not target.evaluate("field => field === document.activeElement"):
            self.count += 1
            target.focus()
        self.count += 1
        target.fill(text)

    def press(self, key: str) -> None:
        self.count += 1
        self.page.keyboard.press(key)


def test_a_complete_case_out_of_two_reports(cast: Cast, visitors: Visitors) -> None:
    visitor = visitors.bring("requester", cast.requester)
    hands, page = Hands(visitor), visitor.page
    visitor.go("/")

    # A case in a minute.
    hands.click(page.get_by_role("link", name="Submit a case"))
    hands.fill(page.get_by_label("National number", exact=True), national_number.formatted(insz(BORN, 36)))
    expect(page.get_by_label("Birth date", exact=True)).to_have_value(BORN.isoformat())
    hands.fill(page.get_by_label("Family name", exact=True), "Vandenbossche")
    hands.fill(page.get_by_label("Given name", exact=True), "Marguerite")
    hands.fill(page.get_by_label("Question to the board", exact=True), "Borstsparend of mastectomie?")
    hands.click(page.get_by_role("button", name="Save the draft"))

    # Two reports; what they say is proposed beside their words.
    expect(page.get_by_text("The draft is saved.")).to_be_visible()
    hands.press("p")
    expect(page.get_by_role("heading", name="Paste reports")).to_be_visible()
    visitor.look("paste, empty")
    hands.fill(page.get_by_role("textbox", name="Pathology"), PATHOLOGY)
    hands.fill(page.get_by_role("textbox", name="Imaging"), IMAGING)
    hands.click(page.get_by_role("button", name="Read", exact=True))
    row = page.get_by_role("row", name="HER2 (immunohistochemistry)")
    expect(row.get_by_role("checkbox")).to_be_checked()
    visitor.look("paste, read")

    # A row and its words light one another, by focus and by pointer.
    words = page.locator("#said-1-her2_ihc-1")
    expect(words).not_to_have_attribute("data-lit", "")
    row.get_by_role("checkbox").focus()
    expect(words).to_have_attribute("data-lit", "")
    expect(words).to_be_in_viewport()
    words.hover()
    expect(row).to_have_attribute("data-lit", "")
    page.mouse.move(0, 0)

    # What no report says is asked in the same place; one button takes it all.
    hands.fill(page.get_by_role("textbox", name="Clinical summary"), "Knobbel links sinds drie weken.")
    hands.fill(page.get_by_role("textbox", name="Patient's wishes"), "Borstsparend als het veilig is.")
    page.get_by_role("combobox", name="WHO/ECOG performance status").select_option("0")
    hands.count += 1
    hands.click(page.get_by_role("button", name="Take over what is ticked"))
    expect(page.get_by_text("Nothing is")).to_be_visible()
    hands.click(page.get_by_role("button", name="Hand in"))
    expect(page.locator(".panel .status").first).to_have_text("Submitted")
    assert hands.count <= AT_MOST, hands.count

    with house():
        [case] = Case.objects.filter(patient__family_name="Vandenbossche")
        [tumour] = case.tumours.all()
        assert case.referrals.get().status == Referral.Status.SUBMITTED
        assert (case.data["pathology_findings"], case.data["imaging_findings"]) == (PATHOLOGY.strip(), IMAGING.strip())
        assert {**tumour.data} == {
            "dossier": "breast",
            "version": 2,
            "laterality": "left",
            "topography": "C50.4",
            "morphology": "8500/3",
            "grade": "2",
            "clinical_tnm": {"edition": "8", "t": "cT1c", "n": "cN0", "m": "cM0"},
            "size_imaging": "17",
            "er_status": "positive",
            "er_percent": 95,
            "pr_status": "positive",
            "pr_percent": 40,
            "her2_ihc": "1+",
            "ki67": 18,
        }
