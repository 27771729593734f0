"""Journey: the GP. A mail without a word about anybody leads through signing in to the letter about the own patient, and to nothing else of
the hospital."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Route, expect

from mdo.cli.process import Child
from mdo.kernel.clock import now
from meetings.actions.signing import sign_decisions
from meetings.models import Decision, Meeting, Report
from tests.cast import PASSWORD, Cast
from tests.factories import (
    make_case,
    make_decision,
    make_document,
    make_item,
    make_meeting,
    make_patient,
    make_referral,
)
from tests.journeys.pages import LoginPage, body_of, pdf_text
from tests.journeys.visitors import Visitor, Visitors
from tests.meetings.acts import call, house
from tests.meetings.test_signing import seen
from tests.parts import MailServer, until

pytestmark = pytest.mark.journey

OWN, OTHER = "Vermeersch", "Öztürk"
TEXTS = {
    OWN: "Lumpectomie met sentinelprocedure, daarna bestraling.",
    OTHER: "Okselklieruitruiming na systemische therapie.",
}


@pytest.fixture
def decisions(cast: Cast) -> dict[str, Decision]:
    """Two of a meeting of today, not signed yet: a patient of this GP, and one whose GP is known by name only."""
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED, closed_at=now())
    made = {}
    for family, text in TEXTS.items():
        gp = cast.guest.person if family == OWN else None
        patient = make_patient(cast.organiser, family_name=family, given_name="Annelies", gp=gp)
        case = make_case(cast.organiser, cast.requester.person, patient=patient)
        make_document(case)
        referral = make_referral(
            cast.board,
            cast.organiser,
            cast.requester.person,
            case=case,
            status="discussed",
            question=f"Vraag {family}?",
        )
        item = make_item(meeting, referral, state="discussed")
        made[family] = make_decision(item, recorded_by=cast.chair.person, text=text)
    return made


def signs_in(visitor: Visitor, name: str) -> str:
    """Where the site leads whoever signs in here. The browser itself is not led there: its own viewer of PDF files answers a test no more."""
    led: list[str] = []

    def answer(route: Route) -> None:
        if route.request.method != "POST":
            return route.fallback()
        answered = route.fetch(max_redirects=0)
        assert answered.status == 302
        led.append(urlsplit(answered.headers["location"]).path)
        return route.fulfill(status=204)

    visitor.page.route(lambda url: urlsplit(url).path == "/accounts/login/", answer)
    with visitor.page.expect_request(lambda request: request.method == "POST"):
        LoginPage(visitor).sign_in(name, PASSWORD)
    until(lambda: visitor.page.title() and led, "an answer")
    visitor.page.unroute_all()
    [path] = led
    return path


def test_a_gp_reads_the_letter_and_nothing_else(
    cast: Cast, visitors: Visitors, decisions: dict[str, Decision], worker: Child, smtp: MailServer
) -> None:
    own, other = decisions[OWN], decisions[OTHER]
    call(sign_decisions, cast.coordinator, meeting_id=own.meeting_id, decisions=seen([own, other]))

    gp = visitors.bring("gp", cast.guest, signed_in=False)
    page = gp.page

    # The mail: one link, and nothing of the patient.
    [mail] = until(lambda: smtp.to(cast.guest.person.email), "the mail to the GP")
    words = "\n".join([*map(str, mail.values()), body_of(mail)])
    for secret in (OWN, OTHER, "Annelies", *TEXTS.values()):
        assert secret not in words
    [link] = re.findall(r"http://\S+", body_of(mail))
    path = urlsplit(link).path
    with house():
        letter = Report.objects.get(decision=own, kind=Report.Kind.LETTER)
        foreign = Report.objects.get(decision=other, kind=Report.Kind.LETTER)
    assert path == f"/letters/{letter.pk}.pdf"

    # Whoever is not signed in is asked to; then the letter comes by itself.
    assert gp.status(path) == 302
    gp.go(path)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert OWN not in page.content()
    gp.look("sign in")
    assert signs_in(gp, cast.guest.username) == path
    gp.go("/")
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    gp.look("today")
    text = pdf_text(gp.bytes_of(path))
    for words in (
        cast.guest.person.display_name,
        f"{OWN} Annelies",
        f"Vraag {OWN}?",
        TEXTS[OWN],
        "De patiënt is nog niet ingelicht.",
        cast.coordinator.person.display_name,
    ):
        assert words in text, words
    assert OTHER not in text
    assert TEXTS[OTHER] not in text

    # Nothing else: the other patient's letter, the decisions, the cases, the board and its meeting are not there.
    for hidden in (
        f"/letters/{foreign.pk}.pdf",
        *(
            f"/{where}"
            for each in (own, other)
            for where in (
                f"decisions/{each.pk}/",
                f"decisions/{each.pk}/report.pdf",
                f"decisions/{each.pk}/letter.pdf",
                f"cases/{each.case_id}/",
                f"cases/{each.case_id}/timeline/",
            )
        ),
        f"/boards/{cast.board.pk}/",
        f"/meetings/{own.meeting_id}/",
        f"/meetings/{own.meeting_id}/minutes.pdf",
        f"/meetings/{own.meeting_id}/room/",
    ):
        assert gp.status(hidden) == 404, hidden
    with gp.expecting("404"):
        page.goto(f"{gp.site}/decisions/{other.pk}/")
        expect(page.get_by_text(OTHER)).to_have_count(0)
        gp.look("not found")
    gp.go("/decisions/")
    for words in (OWN, OTHER):
        expect(page.get_by_text(words)).to_have_count(0)
