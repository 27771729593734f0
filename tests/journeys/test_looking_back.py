"""Journey (d): a clinician finds what was decided in one search; an outsider finds nothing, under no address."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from cases.models import Referral
from mdo.kernel.clock import now
from meetings.models import Decision, Meeting
from tests.cast import Cast
from tests.factories import make_case, make_decision, make_item, make_meeting, make_patient, make_referral
from tests.journeys.pages import CasePage, SearchPage
from tests.journeys.visitors import Visitors

pytestmark = pytest.mark.journey

TEXT = "Lumpectomie met sentinelprocedure, daarna bestraling van de borst."


@pytest.fixture
def decision(cast: Cast) -> Decision:
    """Taken in March, so to speak, for a patient of the organiser; another one of the partner at the same meeting."""
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED, starts_at=now() - timedelta(days=120))
    made = []
    for hospital, member, family, text in (  # the newest comes first in a search
        (cast.organiser, cast.requester, "Vermeersch", TEXT),
        (cast.partner_hospital, cast.partner, "Öztürk", "Okselklieruitruiming na primaire systemische therapie."),
    ):
        patient = make_patient(hospital, family_name=family, given_name="Annelies")
        case = make_case(hospital, member.person, patient=patient)
        referral = make_referral(cast.board, hospital, member.person, case=case, status=Referral.Status.DISCUSSED)
        item = make_item(meeting, referral, state="discussed")
        made.append(make_decision(item, state=Decision.State.SIGNED, text=text))
    return made[0]


def test_a_clinician_finds_the_decision_and_an_outsider_nothing(
    cast: Cast, visitors: Visitors, decision: Decision
) -> None:
    requester = visitors.bring("requester", cast.requester)
    search = SearchPage(requester)
    search.open()
    requester.look("decisions")
    for words in ("sentinel bestraling", "vermeersch", "lumpectomie"):
        search.find(words)
        search.found("Vermeersch Annelies")
    requester.look("search")
    search.find("okselklieruitruiming")  # of the partner's patient, whom the requester does not treat
    search.found()
    requester.look("search, nothing")
    search.find("sentinel")
    search.found("Vermeersch Annelies")
    requester.page.get_by_role("link", name="Vermeersch Annelies").click()
    expect(requester.page.get_by_text(TEXT)).to_be_visible()
    CasePage(requester).shows_patient("Vermeersch")
    requester.look("decision")
    requester.page.get_by_role("link", name="Open the case").click()
    CasePage(requester).shows_patient("Vermeersch")
    requester.look("case, decided")
    requester.page.get_by_role("link", name="All boards and decisions for this patient").click()
    expect(requester.page.get_by_role("row").filter(has_text="Lumpectomie met sentinelprocedure")).to_have_count(1)
    requester.look("timeline")
    search.open()
    search.find("vermersch lumpectmoie")  # typed in haste
    search.found("Vermeersch Annelies")
    expect(requester.page.get_by_text("Searched for vermeersch lumpectomie.")).to_be_visible()
    requester.look("search, mended")
    requester.page.get_by_role("link", name="Vermeersch Annelies").click()
    expect(requester.page.get_by_text(TEXT)).to_be_visible()
    requester.page.go_back()
    search.found("Vermeersch Annelies")
    requester.page.get_by_text("Keep this search").click()
    requester.page.get_by_label("Name", exact=True).fill("Mijn patiënte")
    requester.page.get_by_role("button", name="Keep", exact=True).click()
    requester.page.get_by_role("button", name="Mijn patiënte", exact=True).click()
    search.found("Vermeersch Annelies")
    requester.look("search, kept")
    requester.go("/cases/")
    requester.look("cases")

    partner = visitors.bring("partner", cast.partner)  # sits on the board under the agreement: finds both
    search = SearchPage(partner)
    search.open()
    search.find("annelies")
    search.found("Öztürk Annelies", "Vermeersch Annelies")

    outsider = visitors.bring("outsider", cast.outsider)
    search = SearchPage(outsider)
    search.open()
    for words in ("sentinel bestraling", "vermeersch", "lumpectomie"):
        search.find(words)
        search.found()
    outsider.look("search")
    item, meeting = decision.item, decision.meeting
    for path in (
        f"/decisions/{decision.pk}/",
        f"/decisions/{decision.pk}/report.pdf",
        f"/cases/{decision.case_id}/",
        f"/boards/{cast.board.pk}/",
        f"/meetings/{meeting.pk}/",
        f"/meetings/{meeting.pk}/agenda.pdf",
        f"/meetings/{meeting.pk}/minutes.pdf",
        f"/meetings/{meeting.pk}/room/",
        f"/meetings/{meeting.pk}/items/{item.pk}/stage/",
    ):
        assert outsider.status(path) == 404, path
    with outsider.expecting("404"):
        outsider.page.goto(f"{outsider.site}/decisions/{decision.pk}/")
        expect(outsider.page.get_by_text("Vermeersch")).to_have_count(0)
        outsider.look("not found")
