"""Journey (c): what a meeting leaves behind, and who gets it."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from mdo.cli.process import Child
from mdo.directory.models import (
    Agreement,
    AgreementBoard,
    AgreementParty,
    BoardRole,
    NetworkMembership,
    Organisation,
    OrganisationRole,
    Person,
)
from mdo.kernel.clock import now
from meetings.models import Decision, Meeting, Report
from tests.cast import PASSWORD, Cast, Member
from tests.factories import (
    make_case,
    make_decision,
    make_document,
    make_item,
    make_meeting,
    make_patient,
    make_referral,
)
from tests.journeys.pages import RoomPage, body_of, pdf_text
from tests.journeys.visitors import Visitors
from tests.meetings.acts import house
from tests.parts import MailServer, until

pytestmark = pytest.mark.journey

DECISIONS = {
    "Vermeersch": "Lumpectomy with sentinel procedure, then whole-breast irradiation.",
    "Öztürk": "Axillary dissection after primary systemic treatment.",
    "Quaghebeur": "Endocrine treatment for five years.",
}


@pytest.fixture
def doctor(cast: Cast) -> Member:
    """Of a fourth hospital, which has an agreement with the organiser alone: neither it nor the partner reads of the other."""
    since = now() - timedelta(days=30)
    hospital = Organisation.objects.create(name="AZ Zeepreventorium", short_name="ZP", colour=6, city="De Haan")
    NetworkMembership.objects.create(network=cast.network, organisation=hospital, joined_on=since.date())
    agreement = Agreement.objects.create(
        network=cast.network, title="Samenwerking kust", status=Agreement.Status.SIGNED, starts_on=since.date()
    )
    for party in (cast.organiser, hospital):
        AgreementParty.objects.create(
            agreement=agreement, organisation=party, signatory="Directie", signed_on=since.date()
        )
    AgreementBoard.objects.create(agreement=agreement, board=cast.board)
    person = Person.objects.create(
        username="fourth",
        email="fourth@example.org",
        title="dr.",
        first_name="Joke",
        last_name="Baeten",
        profession="physician",
        discipline="gynaecology",
        language="en",
    )
    OrganisationRole.objects.create(person=person, organisation=hospital, role="clinician", valid_from=since)
    BoardRole.objects.create(board=cast.board, person=person, organisation=hospital, role="member", valid_from=since)
    return Member(person, hospital)


@pytest.fixture
def meeting(cast: Cast, doctor: Member) -> Meeting:
    """About to begin: one case of the organiser, of the partner and of the fourth hospital."""
    meeting = make_meeting(cast.board, starts_at=now())
    for member, family, given in (
        (cast.requester, "Vermeersch", "Annelies"),
        (cast.partner, "Öztürk", "Zeynep"),
        (doctor, "Quaghebeur", "Hilde"),
    ):
        patient = make_patient(member.organisation, family_name=family, given_name=given)
        case = make_case(member.organisation, member.person, patient=patient)
        make_document(case)
        referral = make_referral(
            cast.board, member.organisation, member.person, case=case, status="scheduled", question=f"Vraag {family}?"
        )
        make_item(meeting, referral)
    Person.objects.update(language="en")
    return meeting


def make_earlier(cast: Cast) -> None:
    """Twelve decisions of a sitting of last week, which nobody signed."""
    meeting = make_meeting(cast.board, starts_at=now() - timedelta(days=7), state=Meeting.State.CLOSED)
    for _ in range(12):
        referral = make_referral(cast.board, cast.organiser, cast.radiologist.person, status="discussed")
        make_decision(make_item(meeting, referral, state="discussed"), recorded_by=cast.chair.person)


def test_a_meeting_leaves_reports_and_minutes(
    cast: Cast, doctor: Member, visitors: Visitors, meeting: Meeting, worker: Child, smtp: MailServer
) -> None:
    # Three people hold the meeting; the chair decides each case and closes, with keys alone.
    rooms = {
        name: RoomPage(visitors.bring(name, getattr(cast, name)), meeting.pk).enter()
        for name in ("chair", "coordinator", "partner")
    }
    chair = rooms["chair"]
    expect(chair.people.locator("li:not(.absent)")).to_have_count(3)
    chair.start()
    for number, (family, text) in enumerate(DECISIONS.items(), start=1):
        chair.next()
        chair.on_table(number)
        chair.shows_patient(family)
        chair.write(text)
        chair.record()
    # The partner's screen knows the item of the fourth hospital is there, and nothing of it.
    expect(rooms["partner"].agenda).not_to_contain_text("H.Q.")
    expect(rooms["partner"].page.get_by_text("Quaghebeur")).to_have_count(0)
    chair.next()
    chair.press("c")
    expect(chair.dialog).to_contain_text("Close the meeting")
    chair.press("Tab", "Enter")
    for room in rooms.values():
        expect(room.page.get_by_text("The meeting is closed.").first).to_be_visible()

    # The worker makes a report of each case and the minutes, and tells each person once.
    coordinator, partner = rooms["coordinator"].visitor, rooms["partner"].visitor

    def made(edition: str, number: int) -> bool:
        with house():
            return Report.objects.filter(meeting=meeting, edition=edition, state="done").count() == number

    until(lambda: made("recorded", 4), "three reports and the minutes", 60)
    entitled = (cast.chair, cast.coordinator, cast.secretary, cast.radiologist)  # and no partner: see `doctor`
    told = {each.person.email for each in (*entitled, cast.requester, cast.partner, doctor)}

    def about_reports() -> list[str]:
        """Whoever was called in to the running meeting got a mail of its own."""
        return sorted(str(mail["To"]) for mail in smtp.messages if "called in" not in str(mail["Subject"]))

    until(lambda: set(about_reports()) >= told, "the mails about the reports", 60)
    assert about_reports() == sorted(told)
    minutes_path = f"/meetings/{meeting.pk}/minutes.pdf"
    for mail in smtp.messages:
        words = "\n".join([*map(str, mail.values()), body_of(mail)])
        for family, text in DECISIONS.items():
            assert family not in words
            assert text not in words
        called = "called in" in str(mail["Subject"])
        wanted = not called and str(mail["To"]) in {each.person.email for each in entitled}
        assert (minutes_path in words) is wanted

    with house():
        decisions = {
            each.case.patient.family_name: each  # type: ignore[union-attr]
            for each in Decision.objects.filter(meeting=meeting).select_related("case__patient")
        }
    own, others = decisions["Vermeersch"], decisions["Öztürk"]

    # The minutes hold every decision and who was there; whoever may not read of every item is refused.
    minutes = pdf_text(coordinator.bytes_of(minutes_path))
    for words in (*DECISIONS.values(), "Vandecasteele", "Peeters", "Goossens"):
        assert words in minutes, words
    assert "Maes" not in minutes  # the radiologist was not there
    assert partner.status(minutes_path) == 403

    # The coordinator reads and signs everything at once: twelve of an earlier meeting with one password, then these without another.
    make_earlier(cast)
    coordinator.go("/")
    coordinator.look("today, to sign")
    coordinator.page.get_by_role("link", name="12 decisions to sign").click()
    expect(coordinator.page.get_by_role("article")).to_have_count(15)
    for text in DECISIONS.values():
        expect(coordinator.page.get_by_text(text)).to_be_visible()
    coordinator.look("signing")
    with coordinator.expecting("401"):
        coordinator.page.get_by_role("button", name="Sign all 12").first.click()
        expect(coordinator.page.get_by_role("heading", name="Sign 12 decisions")).to_be_visible()
    coordinator.look("signing, asked")
    coordinator.page.get_by_label("Password").fill(PASSWORD)
    coordinator.page.keyboard.press("Enter")
    expect(coordinator.page.get_by_text("12 decisions signed.")).to_be_visible()
    coordinator.page.get_by_role("button", name="Sign all 3").first.click()
    expect(coordinator.page.get_by_text("Nothing waits for your signature")).to_be_visible()
    coordinator.look("signing, done")
    with house():
        signed = Decision.objects.filter(meeting=meeting).order_by("item__position")
        assert [(each.state, each.signed_by_id) for each in signed] == [("signed", cast.coordinator.pk)] * 3
    until(lambda: made("signed", 7), "the signed edition, with a letter to each patient's GP", 60)

    # The requester's mail leads to their own case's report, which holds nothing of the other patients.
    requester = visitors.bring("requester", cast.requester)
    [mail] = [each for each in smtp.to(cast.requester.person.email) if "called in" not in str(each["Subject"])]
    [link] = re.findall(r"http://\S+", body_of(mail))
    assert str(others.pk) not in body_of(mail)
    assert urlsplit(link).path == f"/decisions/{own.pk}/"
    requester.go(urlsplit(link).path)
    expect(requester.page.get_by_text(DECISIONS["Vermeersch"])).to_be_visible()
    expect(requester.page.locator("[data-identity]")).to_contain_text("Vermeersch")
    requester.look("decision")
    report = pdf_text(requester.bytes_of(f"/decisions/{own.pk}/report.pdf"))
    for words in ("Vermeersch", "Vraag Vermeersch?", DECISIONS["Vermeersch"], "Vandecasteele", "Goossens", "Peeters"):
        assert words in report, words
    for family in ("Öztürk", "Quaghebeur"):
        assert family not in report
        assert DECISIONS[family] not in report
    for path in (f"/decisions/{others.pk}/", f"/decisions/{others.pk}/report.pdf", minutes_path):
        assert requester.status(path) in (403, 404), path
    assert requester.status(f"/decisions/{decisions['Quaghebeur'].pk}/report.pdf") == 404

    # Before the patient knows, the letter to the GP says so, and there is no summary to print. Then the requester says it.
    letter, summary = f"/decisions/{own.pk}/letter.pdf", f"/decisions/{own.pk}/summary.pdf"
    assert "De patiënt is nog niet ingelicht." in pdf_text(requester.bytes_of(letter))
    assert requester.status(summary) == 422
    requester.page.get_by_role("link", name="Patient informed").click()
    expect(requester.page.get_by_label("Who informed the patient")).to_have_value(cast.requester.person.display_name)
    requester.page.get_by_label("Words for the patient").fill("We bellen u morgen.")
    requester.look("patient informed")
    requester.page.get_by_role("button", name="Save").click()
    expect(requester.page.get_by_text("The patient is informed.")).to_be_visible()
    until(lambda: made("signed", 9), "the letter anew, and the summary", 60)
    requester.go(f"/decisions/{own.pk}/")
    expect(requester.page.get_by_role("link", name="Summary for the patient", exact=True)).to_be_visible()
    requester.look("decision, patient informed")
    said = pdf_text(requester.bytes_of(summary))
    assert "We bellen u morgen." in said
    assert DECISIONS["Vermeersch"] not in said
    assert f"De patiënt is ingelicht door {cast.requester.person.display_name}" in pdf_text(requester.bytes_of(letter))
