"""Journey (a): a case on its way to the agenda: handed in, returned, completed, accepted, put in order, published."""

from __future__ import annotations

import re
from datetime import date
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
from icalendar import Calendar
from playwright.sync_api import expect

from cases.coding import national_number
from mdo.cli.process import Child
from meetings.models import AgendaItem, Meeting
from tests.cast import PASSWORD, Cast
from tests.factories import PDF, insz, make_case, make_item, make_meeting, make_patient, make_referral
from tests.journeys.pages import AgendaPage, BoardPage, CasePage, LoginPage, NewCasePage, body_of, pdf_text
from tests.journeys.visitors import Visitors
from tests.meetings.acts import house
from tests.parts import MailServer, until

pytestmark = pytest.mark.journey

BORN = date(1961, 4, 12)
NUMBER = insz(BORN, 36)
QUESTION = "Borstsparend of mastectomie bij dit letsel van 17 mm?"
REASON = "Please add the HER2 result; the board cannot advise without it."
CANARIES = (
    "Vandenbossche",
    "Marguerite",
    NUMBER,
    national_number.formatted(NUMBER),
    "mastectomie",
    "HER2",
    "M.V.",
    "1961",
)


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    """Next week's sitting, planned, with a case of the partner on it already."""
    meeting = make_meeting(cast.board, state=Meeting.State.PLANNED)
    hospital, requester = cast.partner_hospital, cast.partner.person
    case = make_case(hospital, requester, patient=make_patient(hospital, family_name="Öztürk", given_name="Zeynep"))
    make_item(meeting, make_referral(cast.board, hospital, requester, case=case, status="scheduled"))
    return meeting


def holds_nothing_of_the_patient(message: EmailMessage) -> None:
    """Not in the headers, not in the text, not in the calendar: of this one nor of the other patient on the agenda."""
    parts = [str(value) for value in message.values()]
    parts += [str(part.get_content()) for part in message.walk() if part.get_content_maintype() == "text"]
    for canary in (*CANARIES, "Öztürk", "Zeynep", "Z.Ö."):
        assert canary not in "\n".join(parts)


def test_a_case_reaches_the_agenda(
    cast: Cast, visitors: Visitors, meeting: Meeting, worker: Child, smtp: MailServer
) -> None:
    requester = visitors.bring("requester", cast.requester, signed_in=False)
    secretary = visitors.bring("secretary", cast.secretary)

    # Signing in leads to Today.
    login = LoginPage(requester)
    login.open()
    requester.look("login")
    login.sign_in(cast.requester.username, PASSWORD)
    expect(requester.page.get_by_role("heading", name="Today")).to_be_visible()
    requester.look("today")

    # A new case: the number fills in the birth date and the sex.
    requester.page.get_by_role("link", name="Submit a case").click()
    new = NewCasePage(requester)
    new.number(national_number.formatted(NUMBER))
    expect(new.field("Birth date")).to_have_value(BORN.isoformat())
    expect(new.field("Sex")).to_have_value("female")
    new.field("Family name").fill("Vandenbossche")
    new.field("Given name").fill("Marguerite")
    new.field("Question to the board").fill(QUESTION)
    requester.look("new case")
    new.save()

    # The dossier says what is missing until nothing is.
    case = CasePage(requester)
    case.shows_patient("Vandenbossche")
    requester.look("case, empty")
    case.change()
    requester.look("dossier")
    case.fill(
        {
            "Clinical summary": "Palpable lump on the left for three weeks.",
            "Imaging": "Mammography and ultrasound: spiculated lesion of 17 mm, BI-RADS 5.",
            "Pathology": "Core biopsy: invasive carcinoma NST, grade 2.",
            "Patient's wishes": "Prefers to keep the breast if that is safe.",
            "cTNM": "cT1c cN0 cM0",
        },
        {
            "WHO/ECOG performance status": "0",
            "Laterality": "left",
            "Site (ICD-O-3)": "C50.4",
            "Oestrogen receptor (ER)": "positive",
            "Progesterone receptor (PR)": "positive",
            "HER2 (immunohistochemistry)": "not_done",
        },
    )
    case.save()
    case.upload("Verslag pathologie.pdf", PDF)
    expect(requester.page.get_by_role("link", name="Verslag pathologie.pdf")).to_be_visible()
    requester.look("case")
    case.hand_in()
    case.is_state("Submitted")

    # The secretary returns it with a reason; the mail says that, and nothing of the patient.
    board = BoardPage(secretary, cast.board.pk)
    board.open()
    secretary.look("board")
    board.choose("Vandenbossche")
    secretary.page.keyboard.press("r")
    expect(secretary.page.get_by_role("heading", name="Return a submission")).to_be_visible()
    secretary.look("return")
    secretary.page.get_by_label("What is missing").fill(REASON)
    secretary.page.get_by_role("button", name="Return to the requester").click()
    expect(secretary.page.get_by_text("Returned. The requester gets a mail.")).to_be_visible()
    smtp.wait_for(1)
    [returned] = smtp.messages
    assert str(returned["To"]) == cast.requester.person.email
    holds_nothing_of_the_patient(returned)
    [link] = re.findall(r"http://\S+", body_of(returned))

    # The requester follows the link, completes and hands it in again.
    assert link.startswith(requester.site)
    requester.go(urlsplit(link).path)
    expect(requester.page.get_by_text(REASON).first).to_be_visible()
    requester.look("case, returned")
    case.change()
    case.fill({}, {"HER2 (immunohistochemistry)": "1+"})
    case.save()
    case.hand_in()
    case.is_state("Submitted")

    # The secretary accepts it, puts it on the agenda, moves it up and publishes: with keys alone.
    board.open()
    board.choose("Vandenbossche")
    secretary.page.keyboard.press("a")
    expect(secretary.page.get_by_text("Accepted.", exact=True)).to_be_visible()
    board.choose("Vandenbossche")
    secretary.page.keyboard.press("p")
    expect(secretary.page.get_by_text("Put on the agenda.")).to_be_visible()
    secretary.page.keyboard.press("g")
    agenda = AgendaPage(secretary, meeting.pk)
    agenda.lists("Öztürk Zeynep", "Vandenbossche Marguerite")
    secretary.look("agenda")
    agenda.choose("Vandenbossche")
    secretary.page.keyboard.press("Alt+ArrowUp")
    agenda.lists("Vandenbossche Marguerite", "Öztürk Zeynep")
    secretary.page.keyboard.press("u")
    expect(secretary.page.get_by_text("Published. The invitations are on their way.")).to_be_visible()
    secretary.look("agenda, published")
    with house():
        rows = AgendaItem.objects.filter(meeting=meeting).order_by("position").values_list("state", "referral__status")
        assert list(rows) == [("scheduled", "scheduled")] * 2
        meeting.refresh_from_db()
        assert meeting.state == Meeting.State.PUBLISHED

    # Everybody who sits there is invited with a calendar entry, without health data.
    seated = (
        "chair",
        "coordinator",
        "secretary",
        "requester",
        "radiologist",
        "partner",
        "partnersecretary",
        "observer",
    )
    addresses = {cast.members[name].person.email for name in seated}
    until(lambda: {str(each["To"]) for each in smtp.messages[1:]} >= addresses, "the invitations")
    invitations = smtp.messages[1:]
    assert sorted(str(each["To"]) for each in invitations) == sorted(addresses)
    for message in invitations:
        holds_nothing_of_the_patient(message)
        part = message.get_body(("calendar",)) or next(
            p for p in message.walk() if p.get_content_type() == "text/calendar"
        )
        calendar = Calendar.from_ical(part.get_content())
        [event] = calendar.walk("VEVENT")
        assert (calendar["METHOD"], event.decoded("DTSTART"), event.decoded("DTEND")) == (
            "REQUEST",
            meeting.starts_at,
            meeting.ends_at,
        )
        assert f"{requester.site}/meetings/{meeting.pk}/" in body_of(message)

    # The agenda on paper, with names and without; the requester finds the sitting on Today.
    named = pdf_text(secretary.bytes_of(f"/meetings/{meeting.pk}/agenda.pdf"))
    assert "Vandenbossche" in named
    assert "Öztürk" in named
    plain = pdf_text(secretary.bytes_of(f"/meetings/{meeting.pk}/agenda.pdf?names=no"))
    assert "Case 1" in plain
    for canary in ("M.V. 1961", "Vandenbossche", "Öztürk", NUMBER, "mastectomie"):
        assert canary not in plain
    requester.go("/")
    expect(requester.page.get_by_text("A case of yours is on the agenda.")).to_be_visible()
    requester.look("today, with a meeting")
