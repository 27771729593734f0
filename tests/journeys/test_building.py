"""Journey: twenty submissions from the inbox to a published agenda in a good order, counted."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from meetings.models import AgendaItem, Meeting
from tests.cast import Cast
from tests.factories import case_data, make_case, make_meeting, make_patient, make_referral
from tests.journeys.counting import Counter
from tests.journeys.pages import AgendaPage, BoardPage
from tests.journeys.visitors import Visitors
from tests.meetings.acts import house

pytestmark = pytest.mark.journey

MOST = 60


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    """Next week's sitting, and twenty submissions of two hospitals, every second one with pictures and slides to show."""
    meeting = make_meeting(cast.board, state=Meeting.State.PLANNED)
    for number in range(20):
        partner = number % 3 == 0
        hospital = cast.partner_hospital if partner else cast.organiser
        requester = cast.partner.person if partner else cast.requester.person
        shown = {} if number % 2 else {"imaging_findings": None, "pathology_findings": None}
        case = make_case(
            hospital,
            requester,
            patient=make_patient(hospital, family_name=f"Patiënt {number:02}", given_name="Rosa"),
            data=case_data(**shown),
        )
        make_referral(cast.board, hospital, requester, case=case)
    return meeting


def test_twenty_submissions_are_accepted_ordered_and_published(
    cast: Cast, visitors: Visitors, meeting: Meeting
) -> None:
    secretary = visitors.bring("secretary", cast.secretary)
    page = secretary.page
    counter = Counter(secretary)
    board = BoardPage(secretary, cast.board.pk)
    board.open()
    assert counter.pressed == 0
    secretary.look("board with twenty")

    # Accepted, all at once; then put on the agenda, all at once.
    page.get_by_label("Tick all").click()
    expect(page.locator("input[name=referral]:checked")).to_have_count(20)
    page.get_by_role("button", name="Accept", exact=True).last.click()
    expect(page.get_by_text("20 cases accepted.")).to_be_visible()
    page.get_by_label("Tick all").click()
    page.get_by_role("button", name="Put on the agenda").last.click()
    expect(page.get_by_text("20 cases put on the agenda.")).to_be_visible()

    # Ordered: looked at, one locked where it stands, taken.
    page.get_by_role("link", name="Agenda of", exact=False).click()
    before = page.locator("tr[data-row] th a[data-open]").all_text_contents()
    assert len(before) == 20
    page.get_by_role("link", name="Propose an order").click()
    expect(page.get_by_role("heading", name="Proposed order")).to_be_visible()
    secretary.look("proposed order")
    page.get_by_role("button", name=f"Lock {before[0]} at its place").click()
    expect(page.get_by_role("button", name=f"Lock {before[0]} at its place")).to_have_attribute("aria-pressed", "true")
    proposed = page.locator("tr[data-row] th > bdi").all_text_contents()
    page.get_by_role("button", name="Take this order").click()
    expect(page.get_by_text("The agenda stands in the proposed order.")).to_be_visible()
    agenda = AgendaPage(secretary, meeting.pk)
    agenda.lists(*proposed)
    assert proposed[0] == before[0]
    assert proposed != before

    # Published.
    page.get_by_role("button", name="Publish", exact=False).click()
    expect(page.get_by_text("Published. The invitations are on their way.")).to_be_visible()
    with house():
        assert Meeting.objects.get(pk=meeting.pk).state == Meeting.State.PUBLISHED
        assert AgendaItem.objects.filter(meeting=meeting, state="scheduled").count() == 20
    print(f"pressed {counter.pressed} times")
    assert 0 < counter.pressed <= MOST
