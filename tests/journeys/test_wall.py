"""The shared view: people follow whoever presents, into a document and its pages, and look away; a screen on the wall does too."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from cases.models import Case
from mdo.demo.papers import Printer, mammogram
from mdo.directory.models import Board
from mdo.kernel.clock import now
from meetings.models import Meeting
from tests.cast import Cast
from tests.factories import make_case, make_document, make_item, make_meeting, make_patient, make_referral, writing
from tests.journeys.pages import RoomPage
from tests.journeys.visitors import Visitors
from tests.parts import until

pytestmark = pytest.mark.journey

# Where the pages' looks are kept while somebody works on them.
LOOKS = os.environ.get("JOURNEY_LOOKS", "")


def look(page: Page, name: str) -> None:
    """Keep how the page looks, light and dark, and on a phone where it is somebody's own page."""
    if not LOOKS:
        return
    page.screenshot(path=Path(LOOKS) / f"{name}.png")
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.screenshot(path=Path(LOOKS) / f"{name}-dark.png")
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    size = page.viewport_size
    if size is not None and not name.startswith("wall"):
        page.set_viewport_size({"width": 360, "height": 740})
        page.screenshot(path=Path(LOOKS) / f"{name}-phone.png")
        page.set_viewport_size(size)


def papers(case: Case) -> None:
    """A report of three pages and a picture, the picture for guests too."""
    with Printer() as printer:
        pages = [
            printer.paper(
                f"Verslag pathologie, blad {n}",
                [("Blad", str(n)), ("Orgaan", "Borst links")],
                [f"Alinea {n}. " * 40] * 6,
            )
            for n in (1, 2, 3)
        ]
    make_document(case, name="Verslag pathologie.pdf", content=_bound(pages), pages=3)
    picture = BytesIO()
    Image.open(BytesIO(mammogram(3, left=True))).save(picture, "PNG")
    make_document(
        case,
        name="Mammografie links.png",
        content=picture.getvalue(),
        content_type="image/png",
        kind="imaging",
        pages=None,
    )


def _bound(papers: list[bytes]) -> bytes:
    from pypdf import PdfReader, PdfWriter

    writer, out = PdfWriter(), BytesIO()
    for paper in papers:
        writer.append(PdfReader(BytesIO(paper)))
    writer.write(out)
    return out.getvalue()


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    meeting = make_meeting(cast.board, starts_at=now())
    for family, given in (("Vermeersch", "Annelies"), ("D'Hondt", "Lutgart")):
        case = make_case(
            cast.organiser,
            cast.requester.person,
            patient=make_patient(cast.organiser, family_name=family, given_name=given),
        )
        papers(case)
        referral = make_referral(
            cast.board,
            cast.organiser,
            cast.requester.person,
            case=case,
            status="scheduled",
            question=f"Wat nu voor {given}?",
        )
        make_item(meeting, referral)
    return meeting


def at_end(room: RoomPage) -> bool:
    """The page of the document is scrolled to its end."""
    paper = room.case.locator(".paper")
    return bool(paper.evaluate("at => at.scrollTop > 50 && at.scrollTop > at.scrollHeight - at.clientHeight - 5"))


def begun(visitors: Visitors, cast: Cast, meeting: Meeting, *names: str, **options: Any) -> list[RoomPage]:
    """These people in the running meeting, the first item open, the first of them presenting."""
    rooms = [RoomPage(visitors.bring(name, getattr(cast, name), **options), meeting.pk).enter() for name in names]
    chair = rooms[0]
    chair.start()
    chair.next()
    for room in rooms:
        room.on_table(1)
        room.shows_patient("Vermeersch")
    chair.people.get_by_role("button", name="Vandecasteele").click()
    chair.dialog.get_by_role("button", name="Present").click()
    expect(chair.case).to_contain_text("You present")
    return rooms


def test_others_follow_into_a_document_and_look_away(cast: Cast, visitors: Visitors, meeting: Meeting) -> None:
    chair, radiologist, partner = begun(visitors, cast, meeting, "chair", "radiologist", "partner")
    for room in (radiologist, partner):
        expect(room.case.locator(".shared")).to_contain_text("You follow dr. Greet Vandecasteele.")
    # The chair opens the report and turns its pages, by keys; the others go along.
    chair.case.get_by_role("link", name="Verslag pathologie.pdf").first.click()
    for room in (chair, radiologist, partner):
        expect(room.case.locator(".sheet")).to_have_attribute("data-page", "1")
        expect(room.case.get_by_role("document")).to_contain_text("Verslag pathologie, blad 1")
        expect(room.case.locator("[data-identity]")).to_be_visible()
    chair.press("PageDown")
    for room in (chair, radiologist, partner):
        expect(room.case.get_by_role("document")).to_contain_text("Verslag pathologie, blad 2")
    look(chair.page, "document-chair")
    chair.visitor.look("document")
    # How far down one is, the others are.
    chair.case.locator(".paper").focus()
    chair.press("End")
    until(lambda: at_end(chair) and at_end(radiologist), "the others to be where the chair is", 15)
    # The radiologist turns a page alone: looks away; one key brings them back.
    radiologist.case.locator(".paper").focus()
    radiologist.press("PageUp")
    expect(radiologist.case.get_by_role("document")).to_contain_text("blad 1")
    expect(radiologist.case.locator(".shared")).to_contain_text(
        "You look for yourself; dr. Greet Vandecasteele presents."
    )
    look(radiologist.page, "looking-away")
    radiologist.visitor.look("looking away")
    chair.press("PageDown")
    expect(partner.case.get_by_role("document")).to_contain_text("blad 3")
    expect(radiologist.case.get_by_role("document")).to_contain_text("blad 1")
    radiologist.press("f")
    expect(radiologist.case.get_by_role("document")).to_contain_text("blad 3")
    radiologist.press("f")
    expect(radiologist.case.locator(".shared")).to_contain_text("You look for yourself")
    # A pointer is seen where it points, with a name, and goes.
    chair.press("v")
    box = chair.case.locator(".sheet-box").bounding_box()
    assert box is not None
    chair.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    expect(partner.case.locator(".pointer")).to_have_text("dr. Greet Vandecasteele")
    look(partner.page, "pointer")
    expect(partner.case.locator(".pointer")).to_have_count(0)
    chair.press("v")
    # Back to the case with Escape; then the picture.
    chair.press("Escape")
    expect(partner.case).to_contain_text("Wat nu voor Annelies?")
    chair.case.get_by_role("link", name="Mammografie links.png").first.click()
    expect(partner.case.get_by_role("img", name="Mammografie links.png")).to_be_visible()
    look(partner.page, "picture")
    # A new item brings everybody back.
    chair.press("Escape")
    chair.write("Heelkunde.")
    chair.press("Escape")
    chair.page.keyboard.press("n")


def test_a_wall_display_from_code_to_dark(cast: Cast, visitors: Visitors, meeting: Meeting) -> None:
    Board.objects.filter(pk=cast.board.pk).update(read_back=Board.ReadBack.NO_OBJECTION)
    wall = visitors.bring("wall", cast.outsider, signed_in=False, viewport={"width": 1920, "height": 1080})
    wall.go("/wall/")
    code = wall.page.locator(".code")
    expect(code).to_be_visible()
    look(wall.page, "wall-code")
    wall.look("wall code")
    shown = str(code.get_attribute("aria-label")).removeprefix("Code: ").replace(" ", "")
    assert len(shown) == 6
    (chair,) = begun(visitors, cast, meeting, "chair")
    chair.people.get_by_role("button", name="Pair a screen").click()
    chair.page.get_by_label("Code on the screen").fill("XXXXXX")
    chair.press("Enter")
    expect(chair.dialog.get_by_role("alert")).to_contain_text("No screen shows this code.")
    look(chair.page, "wall-pairing")
    chair.visitor.look("pairing")
    chair.page.get_by_label("Code on the screen").fill(shown.lower())
    chair.press("Enter")
    expect(chair.people).to_contain_text("paired by dr. Greet Vandecasteele")
    # It shows what lies on the table, and follows.
    expect(wall.page.locator("[data-identity]")).to_contain_text("Vermeersch")
    expect(wall.page.locator("#wall")).to_contain_text("Wat nu voor Annelies?")
    look(wall.page, "wall-case")
    wall.look("wall")
    for forbidden in ("D'Hondt", "L.D.", "Koen Maes"):
        expect(wall.page.locator("#wall")).not_to_contain_text(forbidden)
    assert wall.page.locator("#wall :is(button, input, select, [href]):not([inert] *)").count() == 0
    chair.case.get_by_role("link", name="Verslag pathologie.pdf").first.click()
    expect(wall.page.locator(".text-layer")).to_contain_text("blad 1")
    chair.press("PageDown")
    expect(wall.page.locator(".text-layer")).to_contain_text("blad 2")
    look(wall.page, "wall-document")
    wall.page.set_viewport_size({"width": 3840, "height": 2160})
    look(wall.page, "wall-document-4k")
    chair.press("Escape")
    expect(wall.page.locator("#wall")).to_contain_text("Wat nu voor Annelies?")
    look(wall.page, "wall-case-4k")
    wall.page.set_viewport_size({"width": 1920, "height": 1080})
    # The next item comes; the meeting ends, and it is dark.
    # What is read back stands on it, word for word, until it is recorded by going on.
    chair.write("Borstsparende heelkunde, daarna radiotherapie.")
    expect(wall.page.locator("#wall")).not_to_contain_text("Borstsparende")
    chair.press("Escape", "r")
    expect(wall.page.locator(".wording")).to_contain_text("Borstsparende heelkunde, daarna radiotherapie.")
    look(wall.page, "wall-wording")
    wall.look("wall with wording")
    chair.press("n")
    expect(wall.page.locator("[data-identity]")).to_contain_text("D'Hondt")
    expect(wall.page.locator(".wording")).to_have_count(0)
    chair.postpone("Pathology missing", "Nog niet binnen.")
    expect(wall.page.locator("#wall")).to_contain_text("Nothing is on the table.")
    chair.press("c")
    expect(chair.dialog).to_contain_text("Close the meeting")
    chair.dialog.get_by_role("button", name="Close the meeting").click()
    expect(wall.page.locator(".dark")).to_be_visible()
    expect(wall.page.locator("[data-identity]")).to_have_count(0)
    look(wall.page, "wall-dark")
    # Somebody touches it: it waits for the next meeting.
    wall.page.keyboard.press("Enter")
    expect(wall.page.locator(".code")).to_be_visible()


def _pdf(objects: list[bytes]) -> bytes:
    """A PDF of these objects, the first its catalogue."""
    out, places = b"%PDF-1.5\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj" % number + each + b"endobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table
    return out + end + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))


def _stream(head: bytes, body: bytes) -> bytes:
    return b"<<%s/Length %d>>stream\n" % (head, len(body)) + body + b"\nendstream "


def scanned() -> bytes:
    """Words in a font that the file leaves out, over a red picture in JPEG 2000: as scanners and laboratories make them."""
    red = BytesIO()
    Image.new("RGB", (64, 64), (200, 20, 20)).save(red, "JPEG2000", no_jp2=False)
    drawing = b"q 100 0 0 100 50 50 cm /Im Do Q BT /F 18 Tf 20 170 Td (Labo: HER2 negatief) Tj ET"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>/XObject<</Im 6 0 R>>>>>>"
    return _pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            page,
            _stream(b"", drawing),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            _stream(b"/Type/XObject/Subtype/Image/Width 64/Height 64/Filter/JPXDecode", red.getvalue()),
        ]
    )


def test_documents_of_every_kind_are_shown_or_said_to_be_broken(
    cast: Cast, visitors: Visitors, meeting: Meeting
) -> None:
    with writing():
        case = Case.objects.get(patient__family_name="Vermeersch")
    make_document(case, name="Labo.pdf", content=scanned())
    make_document(case, name="Kapot.pdf", content=b"%PDF-1.4\nthis is none\n%%EOF\n")
    (chair,) = begun(visitors, cast, meeting, "chair")
    chair.case.get_by_role("link", name="Labo.pdf").first.click()
    expect(chair.case.get_by_role("document")).to_contain_text("Labo: HER2 negatief")
    canvas = chair.case.locator("canvas")
    pixel = "at => [...at.getContext('2d').getImageData(at.width / 2, at.height / 2, 1, 1).data].slice(0, 3)"
    until(lambda: canvas.evaluate(pixel)[0] > 150 > canvas.evaluate(pixel)[1], "the picture to be drawn", 15)
    chair.press("+")
    expect(chair.case.get_by_role("button", name="Fit the width")).to_have_text("125 %")
    look(chair.page, "scanned")
    chair.press("Escape")
    chair.case.get_by_role("link", name="Kapot.pdf").first.click()
    expect(chair.case).to_contain_text("This document cannot be shown here.")
    chair.press("Escape")
    expect(chair.case).to_contain_text("Wat nu voor Annelies?")
