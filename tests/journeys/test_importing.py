"""Journey: a secretary's own list becomes drafts. A mistake is said by row and field, the work goes on without the page, the same list again
creates nothing; then a board's old decisions, found by their words and wearing their mark."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.cast import Cast
from tests.journeys.visitors import Visitors
from tests.meetings.importing import HEAD, OLD_HEAD, csv, old_decision, submission

pytestmark = pytest.mark.journey


def test_a_list_becomes_drafts_and_old_decisions_are_found(
    committed: None, cast: Cast, visitors: Visitors, worker: Any
) -> None:
    secretary = visitors.bring("secretary", cast.secretary)
    page = secretary.page
    secretary.go("/cases/")
    page.get_by_text("Import", exact=True).click()
    page.get_by_role("link", name="A list of cases (XLSX, CSV)").click()
    secretary.look("imports")

    def upload(name: str, content: bytes) -> None:
        page.get_by_label("List", exact=True).set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})
        page.get_by_role("button", name="Upload and check").click()

    head = ("Kolom A", *HEAD[1:])  # a header of the hospital's own
    with secretary.expecting("422"):
        upload("lijst.pdf", b"%PDF-1.7")
        expect(page.get_by_text("This is no XLSX, CSV or JSON file").first).to_be_visible()
    upload("lijst.csv", csv([submission(1), submission(2, Aanvraagdatum="31/02/2026")], head))
    expect(page.get_by_text("Say what stands in each column.")).to_be_visible()
    secretary.look("import, columns")
    page.get_by_label("Kolom A").select_option(label="National number")
    page.get_by_role("button", name="Check the rows").click()
    expect(page.get_by_text("The day 31/02/2026 does not exist.")).to_be_visible()
    expect(page.get_by_role("button", name="Bring in")).to_have_count(0)
    secretary.look("import, mistakes")
    page.get_by_role("button", name="Throw away").click()

    mended = csv([submission(n) for n in range(1, 4)])
    upload("lijst.csv", mended)
    page.get_by_role("button", name="Bring in 3 rows").click()
    secretary.go("/cases/")  # away, and back
    page.get_by_text("Import", exact=True).click()
    page.get_by_role("link", name="A list of cases (XLSX, CSV)").click()
    page.get_by_role("row").nth(1).get_by_role("link").click()
    expect(page.get_by_text("The file and what stood in its rows were taken away")).to_be_visible()
    secretary.look("import, brought in")
    page.get_by_role("link", name="Open the case").first.click()
    expect(page.get_by_text("Vermeersch 1").first).to_be_visible()

    secretary.go("/imports/")
    upload("again.csv", mended)
    expect(page.get_by_text("Every row is here already")).to_be_visible()

    secretary.go("/imports/?show=decisions")
    upload("oud.csv", csv([old_decision(9)], OLD_HEAD))
    page.get_by_role("button", name="Bring in 1 row").click()
    expect(page.get_by_text("The file and what stood in its rows were taken away")).to_be_visible()
    secretary.go("/decisions/")
    page.get_by_label("Words, patient or national number").fill("sentinelprocedure")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="1 decision")).to_be_visible()
    expect(page.get_by_role("listitem").get_by_text("Imported, not signed here")).to_be_visible()
    page.get_by_role("link", name="Vermeersch 9").click()
    expect(page.get_by_text("It was not recorded or signed here")).to_be_visible()
    secretary.look("decision, imported")
