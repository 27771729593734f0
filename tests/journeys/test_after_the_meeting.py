"""Journey: the secretary, weeks after a meeting. What did not go out is put right and a letter is posted; a case is registered and its file
made; what was decided is followed up by one key for each case; and the board's figures say exactly that."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, expect

from mdo.cli.process import Child
from mdo.directory.models import Person
from mdo.kernel import clock
from meetings.actions.reporting import make_report
from meetings.models import Dispatch, FollowUp, Meeting, RegistryExport, Report
from meetings.tasks import hand_over
from tests.cast import Cast
from tests.delivery_peers import Ehr, ehr
from tests.factories import make_item, make_meeting, make_patient, make_referral
from tests.journeys.counting import Counter
from tests.journeys.pages import pdf_text
from tests.journeys.visitors import Visitor, Visitors
from tests.meetings.acts import by_house, house
from tests.meetings.delivering.routing import make_route
from tests.meetings.test_registering import signed
from tests.parts import MailServer, until

pytestmark = pytest.mark.journey

FAMILIES = ("Vermeersch", "Öztürk", "Quaghebeur")
# Keys and buttons besides what is typed: three reports and two letters, one case, three cases.
MOST_SENDING, MOST_REGISTERING, MOST_FOLLOWING_UP = 11, 8, 5


@pytest.fixture
def record_system() -> Iterator[Ehr]:
    """It refuses whatever it is given."""
    with ehr("error") as peer:
        yield peer


@pytest.fixture
def meeting(cast: Cast, record_system: Ehr) -> Meeting:
    """Five weeks ago: three cases discussed and signed, one postponed. The first patient's GP has no address, the second's has one, the third
    has no GP. The record system was tried until it was given up."""
    began = clock.now() - timedelta(days=35)
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED, starts_at=began)
    second = Person.objects.create(
        username="second",
        title="dr.",
        first_name="Marc",
        last_name="Vanhecke",
        profession="physician",
        discipline="general_practice",
        postal_address="Brugstraat 7\n9999 Elders",
    )
    make_route(cast.organiser, "hl7", name="Dossier", settings={"address": f"127.0.0.1:{record_system.port}"})
    make_route(cast.organiser, "paper", name="Post", kinds=["letter"])
    with clock.frozen(began + timedelta(days=1)):
        for family, gp in zip(FAMILIES, (cast.guest.person, second, None), strict=True):
            known = {"gp": gp, "gp_name": gp.display_name if gp else ""}
            patient = make_patient(cast.organiser, family_name=family, given_name="Rosa", **known)
            signed(cast, meeting=meeting, patient=patient)
        with house():
            ordered = list(Report.objects.filter(meeting=meeting).order_by("pk").values_list("pk", flat=True))
        for report_id in ordered:
            by_house(make_report, report_id=report_id)
    for attempt in range(12):
        with clock.frozen(began + timedelta(days=1, hours=3 * (attempt + 1))):
            hand_over()
    postponed = make_referral(cast.board, cast.organiser, cast.requester.person, status="postponed")
    make_item(meeting, postponed, state="postponed", postponed_reason="no_quorum")
    return meeting


def line(visitor: Visitor, *words: str) -> Locator:
    """The row of a table that holds all of these words."""
    row = visitor.page.locator("tbody tr")
    for each in words:
        row = row.filter(has_text=each)
    expect(row).to_have_count(1)
    return row


def test_the_secretary_after_a_meeting(
    cast: Cast, visitors: Visitors, record_system: Ehr, meeting: Meeting, worker: Child, smtp: MailServer
) -> None:
    secretary = visitors.bring("secretary", cast.secretary)
    counter = Counter(secretary)
    pressed = 0
    for part, most in (
        (lambda: sends(secretary, meeting, record_system), MOST_SENDING),
        (lambda: registers(secretary, meeting), MOST_REGISTERING),
        (lambda: follows_up(secretary, meeting), MOST_FOLLOWING_UP),
    ):
        part()
        print(f"pressed {counter.pressed - pressed} times")
        assert 0 < counter.pressed - pressed <= most
        pressed = counter.pressed
    reads_figures(secretary, cast)


def sends(secretary: Visitor, meeting: Meeting, record_system: Ehr) -> None:
    """What was given up is put right and tried again; a letter is printed and marked as posted."""
    page = secretary.page

    # Today says what did not go out; the page of deliveries says why, and of whom.
    secretary.go("/")
    page.get_by_role("link", name="that did not go out", exact=False).click()
    expect(page.get_by_role("heading", level=1, name="Deliveries")).to_be_visible()
    deliveries = page.url
    expect(page.get_by_text("The other system refused it (AE 207).")).to_have_count(3)
    expect(line(secretary, "Letter to the GP", "Vermeersch")).to_contain_text(
        "The recipient's postal address is missing."
    )
    expect(page.locator("tbody tr").filter(has_text="Letter to the GP")).to_have_count(2)  # and none to nobody
    secretary.look("deliveries, given up")

    # The record system takes reports again: one press for each, and it has it.
    record_system.manner = "take"
    for number, family in enumerate(FAMILIES, start=1):
        line(secretary, "HL7 v2", family).get_by_role("button", name="Try again").click()
        expect(line(secretary, "HL7 v2", family).locator(".status")).not_to_have_text("Given up")
        until(lambda number=number: len(record_system.messages) == number, f"{number} reports in the record system")
    page.reload()
    for family in FAMILIES:
        expect(line(secretary, "HL7 v2", family).locator(".status")).to_have_text("Sent")

    # The address is filled in where the sentence says, in the case; then there is a letter to print.
    line(secretary, "Letter to the GP", "Vermeersch").get_by_role("link").click()
    page.get_by_role("link", name="Open the case").click()
    page.get_by_role("link", name="Address and number").click()
    page.get_by_label("Postal address").fill("Kerkstraat 1\n9998 Ergens")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.", exact=False)).to_be_visible()
    page.goto(deliveries)
    line(secretary, "Letter to the GP", "Vermeersch").get_by_role("button", name="Try again").click()
    expect(line(secretary, "Letter to the GP", "Vermeersch").locator(".status")).to_have_text("To print")

    # Both letters behind their addresses; one is posted, then whatever waits.
    address = page.get_by_role("link", name="Print 2 letters").get_attribute("href")
    assert address is not None
    paper = pdf_text(secretary.bytes_of(address))
    for words in ("Kerkstraat 1", "Brugstraat 7", "Vermeersch", "Öztürk", "De patiënt is nog niet ingelicht."):
        assert words in paper, words
    assert "Quaghebeur" not in paper
    line(secretary, "Letter to the GP", "Öztürk").get_by_role("button", name="Posted").click()
    expect(line(secretary, "Letter to the GP", "Öztürk").locator(".status")).to_have_text("Sent")
    expect(page.get_by_role("link", name="Print 1 letter")).to_be_visible()
    page.get_by_role("button", name="They are posted").click()
    expect(line(secretary, "Letter to the GP", "Vermeersch").locator(".status")).to_have_text("Sent")
    secretary.look("deliveries, sent")
    with house():
        rows = Dispatch.objects.filter(meeting=meeting).order_by("channel").values_list("channel", "state")
        assert list(rows) == [("hl7", "done")] * 3 + [("paper", "done")] * 2


def registers(secretary: Visitor, meeting: Meeting) -> None:
    """What is missing of a case is filled in, and the file for the registry made."""
    page = secretary.page
    page.locator("a.back-link").click()
    page.get_by_role("link", name="Registration and billing").click()
    expect(page.get_by_text("0 of 3 ready")).to_be_visible()
    missing = line(secretary, "Vermeersch").locator("td").last
    expect(missing).to_contain_text("Chronology of treatment")
    expect(missing).to_contain_text("Ambulatory or hospitalised")
    secretary.look("registration")
    page.get_by_role("link", name="Vermeersch Rosa").click()
    expect(page.get_by_text("A new cancer is registered.")).to_be_visible()
    page.get_by_label("Where the patient stayed").select_option("ambulatory")
    page.get_by_label("Chronology of treatment").fill("5 10")
    secretary.look("registration of a case")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("1 of 3 ready")).to_be_visible()
    expect(line(secretary, "Vermeersch").locator("td").last).to_have_text("complete")

    page.get_by_role("link", name="Files").click()
    day = timezone.localdate(meeting.starts_at).isoformat()
    page.get_by_label("From").fill(day)
    page.get_by_label("Until and including").fill(day)
    page.get_by_role("button", name="Show").click()
    page.get_by_role("button", name="For the registry: Make the file").click()
    expect(page.get_by_text("The file is ready.")).to_be_visible()
    secretary.look("files for the registry")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download").click()
    with zipfile.ZipFile(io.BytesIO(secretary.downloaded(waiting.value))) as archive:
        [sheet] = [name for name in archive.namelist() if name.endswith(".csv")]
        rows = list(csv.DictReader(io.StringIO(archive.read(sheet).decode("utf-8-sig")), delimiter=";"))
    told = [(row["family_name"], row["change"], row["treatment_chronology"]) for row in rows]
    assert told == [("Vermeersch", "new", "5 10")]
    with house():
        made = RegistryExport.objects.get()
        assert (made.rows, made.left_out, made.made_by_id) == (1, 2, secretary.member.pk)


def follows_up(secretary: Visitor, meeting: Meeting) -> None:
    """One key for each case; the next row is reached already. What was not done says why."""
    page = secretary.page
    secretary.go("/follow-up/")
    rows = page.locator("table.follow-up tr[data-row]")
    expect(rows).to_have_count(3)
    names = rows.locator("th bdi").all_inner_texts()
    secretary.look("follow-up")
    page.keyboard.press("j")
    page.keyboard.press("1")
    expect(rows).to_have_count(2)
    expect(rows.first).to_be_focused()
    page.keyboard.press("4")
    expect(rows).to_have_count(1)
    expect(page.get_by_text("It is proposed to discuss the case again.")).to_be_visible()
    expect(rows.first).to_be_focused()
    page.keyboard.press("3")
    page.get_by_label("Reason").select_option("patient_wish")
    secretary.look("follow-up, why not")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("The outcome of 3 of 3 cases that were due is known.")).to_be_visible()
    expect(rows).to_have_count(0)
    expect(page.locator("section[aria-labelledby=to-discuss] li")).to_have_count(1)
    secretary.look("follow-up, answered")
    with house():
        answered = FollowUp.objects.filter(item__meeting=meeting).select_related("case__patient")
        said = {each.case.patient.display_name: (each.outcome, each.reason) for each in answered}
    assert said == dict(zip(names, (("carried_out", ""), ("other", ""), ("not", "patient_wish")), strict=True))


def reads_figures(secretary: Visitor, cast: Cast) -> None:
    """The board's figures, of this meeting and of what was just said of it; the same in the file."""
    page = secretary.page
    secretary.go(f"/boards/{cast.board.pk}/")
    page.get_by_role("link", name="Figures").click()
    expect(page.get_by_text("1 sitting", exact=False)).to_be_visible()
    numbers = {
        "Cases discussed": "3",
        "Waiting time": "0 d",
        "Time per case": "4.0 min",
        "Postponed": "25 %",
        "Outcome known": "100 %",
        "Carried out": "33 %",
    }
    shown = dict(
        zip(
            page.locator(".headline dt").all_inner_texts(),
            page.locator(".headline-value").all_inner_texts(),
            strict=True,
        )
    )
    assert {words: shown[words] for words in numbers} == numbers
    hospital = (
        page.get_by_role("region", name="Hospital by hospital").get_by_role("row").filter(has_text=cast.organiser.name)
    )
    assert [each.strip() for each in hospital.locator("td").all_inner_texts()][:2] == ["4", "25 %"]
    secretary.look("figures")
    file = secretary.bytes_of(f"/boards/{cast.board.pk}/figures.csv").decode("utf-8-sig")
    listed = {row[0]: row[1] for row in csv.reader(io.StringIO(file), delimiter=";") if len(row) == 2}
    assert {words: listed[words] for words in numbers} == numbers
