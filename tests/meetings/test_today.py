"""Today: the next meeting, what waits for each of the cast, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cases.models import Referral
from mdo.directory.models import Agreement
from mdo.kernel.clock import frozen, now
from mdo.kernel.models import AuditEntry
from meetings import waiting
from meetings.models import Decision, Meeting
from meetings.waiting import ROWS_SHOWN, Today
from tests.cast import NAMES, PASSWORD, Cast, Member, acting_as
from tests.factories import (
    BRUSSELS,
    make_case,
    make_decision,
    make_item,
    make_meeting,
    make_patient,
    make_referral,
)

WEDNESDAY = datetime(2026, 11, 25, 14, tzinfo=BRUSSELS)
AT_NOON = datetime(2026, 11, 25, 12, tzinfo=BRUSSELS)


def today(member: Member) -> Today:
    with acting_as(member) as person:
        return waiting.today(person)


def referral(cast: Cast, status: str, requester: Member | None = None, **values: Any) -> Referral:
    requester = requester or cast.requester
    hospital = requester.organisation
    patient = make_patient(hospital, **values.pop("patient", {}))
    case = make_case(hospital, requester.person, patient=patient)
    return make_referral(cast.board, hospital, requester.person, case=case, status=status, **values)


def decision(cast: Cast, state: str, requester: Member | None = None, **values: Any) -> Decision:
    item = make_item(
        make_meeting(cast.board, state="closed"),
        referral(cast, Referral.Status.DISCUSSED, requester),
        state="discussed",
    )
    return make_decision(item, state=state, **values)


# --- meetings ----------------------------------------------------------------------------------------------------------


def test_what_runs_stands_on_top_then_what_comes(cast: Cast) -> None:
    with frozen(AT_NOON):
        later = make_meeting(cast.board, starts_at=WEDNESDAY + timedelta(days=7))
        coming = make_meeting(cast.board, starts_at=WEDNESDAY)
        running = make_meeting(cast.board, state="running")
        make_meeting(cast.board, starts_at=WEDNESDAY + timedelta(days=14))
        make_meeting(cast.board, starts_at=WEDNESDAY - timedelta(days=7), state="published")  # never held
        make_meeting(cast.board, state="closed")
        make_meeting(cast.board, state="cancelled", starts_at=WEDNESDAY)
        page = today(cast.chair)
    assert [sitting.meeting for sitting in page.meetings] == [running, coming, later]
    assert [(sitting.running, sitting.soon) for sitting in page.meetings] == [
        (True, True),
        (False, False),
        (False, False),
    ]
    assert [sitting.meeting for sitting in page.later] == [coming, later]


@pytest.mark.parametrize(
    ("minutes", "soon", "left"), [(46, False, 46), (45, True, 45), (1, True, 1), (0, True, 0), (-10, True, 0)]
)
def test_a_meeting_comes_near(cast: Cast, minutes: int, soon: bool, left: int) -> None:
    with frozen(WEDNESDAY - timedelta(minutes=minutes)):
        make_meeting(cast.board, starts_at=WEDNESDAY)
        (sitting,) = today(cast.chair).meetings
    assert (sitting.soon, sitting.minutes_left) == (soon, left)


def test_a_meeting_that_nobody_opened_goes_when_its_time_is_over(cast: Cast) -> None:
    make_meeting(cast.board, starts_at=WEDNESDAY)
    with frozen(WEDNESDAY + timedelta(minutes=90)):
        assert today(cast.chair).meetings == []


def test_everybody_sees_their_own_side_of_a_meeting(cast: Cast) -> None:
    """Items within reach are counted for who sits there; a requester and a guest get no numbers; the outsider no meeting."""
    with frozen(AT_NOON):
        meeting = make_meeting(cast.board, starts_at=WEDNESDAY)
        own = referral(cast, Referral.Status.SCHEDULED, guest=cast.guest.person)
        for each in (own, referral(cast, Referral.Status.SCHEDULED, cast.partner)):
            make_item(meeting, each)
        make_item(meeting)
        make_item(meeting, referral(cast, Referral.Status.SCHEDULED), state="withdrawn")
        seen = {
            name: [(each.items, each.asked, each.as_guest) for each in today(getattr(cast, name)).meetings]
            for name in NAMES
        }
    seated, partner = [(3, False, False)], [(3, True, False)]
    assert seen == {
        "chair": seated,
        "coordinator": seated,
        "secretary": seated,
        "radiologist": seated,
        "partner": partner,
        "partnersecretary": seated,
        "requester": [(None, True, False)],
        "guest": [(None, False, True)],
        "observer": [(None, False, False)],
        "outsider": [],
        "privacy": [],
        "admin": [],
        "datamanager": [],
    }


def test_a_planned_meeting_is_the_board_s_own_business(cast: Cast) -> None:
    with frozen(AT_NOON):
        meeting = make_meeting(cast.board, state="planned", starts_at=WEDNESDAY)
        make_item(meeting, referral(cast, Referral.Status.SCHEDULED, guest=cast.guest.person))
        assert [each.meeting for each in today(cast.chair).meetings] == [meeting]
        assert (today(cast.requester).meetings, today(cast.guest).meetings) == ([], [])


def test_an_ended_agreement_takes_the_meeting_away(cast: Cast) -> None:
    with frozen(AT_NOON):
        make_meeting(cast.board, starts_at=WEDNESDAY)
        assert len(today(cast.partner).meetings) == 1
        Agreement.objects.update(ends_on=AT_NOON.date() - timedelta(days=1))
        assert today(cast.partner).meetings == []


# --- what waits --------------------------------------------------------------------------------------------------------


def test_submissions_wait_for_who_builds_the_agenda(cast: Cast) -> None:
    first = referral(cast, Referral.Status.SUBMITTED, submitted_at=now() - timedelta(days=2))
    referral(cast, Referral.Status.SUBMITTED, cast.partner)
    for status in ("draft", "accepted", "scheduled", "withdrawn"):
        referral(cast, status)
    found = {
        name: [(each.board, each.count, each.since) for each in today(getattr(cast, name)).to_accept] for name in NAMES
    }
    expected = [(cast.board, 2, first.submitted_at)]
    assert {name for name, rows in found.items() if rows} == {"chair", "coordinator", "secretary"}
    assert found["secretary"] == expected
    Agreement.objects.update(status=Agreement.Status.ENDED)
    assert [each.count for each in today(cast.secretary).to_accept] == [1]  # of the own hospital


def test_an_agenda_waits_to_be_published_when_its_deadline_is_near(cast: Cast) -> None:
    meeting = make_meeting(cast.board, state="planned", starts_at=WEDNESDAY)
    make_meeting(cast.board, state="published", starts_at=WEDNESDAY)
    deadline = WEDNESDAY - timedelta(hours=50)
    with frozen(deadline - waiting.PUBLISH_AHEAD - timedelta(minutes=1)):
        assert today(cast.secretary).unpublished == []
    with frozen(deadline - waiting.PUBLISH_AHEAD):
        (work,) = today(cast.secretary).unpublished
        assert (work.meeting, work.deadline, work.past) == (meeting, deadline, False)
    with frozen(deadline):
        assert [each.past for each in today(cast.secretary).unpublished] == [True]
        assert [
            bool(today(getattr(cast, name)).unpublished) for name in ("partner", "partnersecretary", "outsider")
        ] == [False] * 3
    with frozen(WEDNESDAY):
        assert today(cast.secretary).unpublished == []


def test_signatures_wait_for_the_coordinator(cast: Cast) -> None:
    first, second = decision(cast, "recorded"), decision(cast, "recorded", cast.partner)
    make_decision(make_item(first.meeting, referral(cast, "discussed"), state="discussed"), state="recorded")
    decision(cast, "signed")
    decision(cast, "draft")
    found = {name: [(each.meeting, each.count) for each in today(getattr(cast, name)).to_sign] for name in NAMES}
    assert {name for name, rows in found.items() if rows} == {"coordinator"}
    assert sorted(found["coordinator"], key=lambda row: -row[1]) == [(first.meeting, 2), (second.meeting, 1)]


def test_returned_cases_and_drafts_wait_for_the_requester_and_their_secretary(cast: Cast) -> None:
    returned = referral(cast, Referral.Status.RETURNED)
    draft = referral(cast, Referral.Status.DRAFT)
    partners = referral(cast, Referral.Status.RETURNED, cast.partner)
    found = {}
    for name in NAMES:
        page = today(getattr(cast, name))
        found[name] = ([each.pk for each in page.returned.shown], [each.pk for each in page.drafts.shown])
    nothing: tuple[list[Any], list[Any]] = ([], [])
    expected = dict.fromkeys(NAMES, nothing) | {
        "requester": ([returned.pk], [draft.pk]),
        "secretary": ([returned.pk], [draft.pk]),
        "partner": ([partners.pk], []),
        "partnersecretary": ([partners.pk], []),
    }
    assert found == expected


def test_many_become_a_number(cast: Cast) -> None:
    for _ in range(ROWS_SHOWN + 3):
        referral(cast, Referral.Status.DRAFT)
    drafts = today(cast.requester).drafts
    assert (len(drafts.shown), drafts.more, drafts.total) == (ROWS_SHOWN, 3, ROWS_SHOWN + 3)


def test_outcomes_come_to_the_requester_for_two_weeks(cast: Cast) -> None:
    fresh = decision(cast, "signed")
    decision(cast, "signed", signed_at=now() - timedelta(days=15))
    decision(cast, "recorded")
    decision(cast, "signed", cast.partner)
    found = {name: [each.pk for each in today(getattr(cast, name)).outcomes] for name in NAMES}
    assert found["requester"] == [fresh.pk]
    assert {name for name, rows in found.items() if rows} == {"requester", "partner"}


def test_a_calm_day(cast: Cast) -> None:
    pages = {name: today(getattr(cast, name)) for name in NAMES}
    assert all(page.nothing_waits for page in pages.values())
    assert {name for name, page in pages.items() if page.keeps_the_audit} == {"privacy"}
    assert {name for name, page in pages.items() if page.submits} == {
        "chair", "coordinator", "secretary", "requester", "radiologist", "partner", "partnersecretary", "outsider"
    }  # fmt: skip


# --- the page ----------------------------------------------------------------------------------------------------------


def page_of(client: Client, username: str) -> str:
    client.logout()
    assert client.login(username=username, password=PASSWORD)
    answer = client.get(reverse("today"))
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_the_page_leads_to_what_waits(cast: Cast, client: Client) -> None:
    running = make_meeting(cast.board, state="running")
    returned = referral(
        cast,
        Referral.Status.RETURNED,
        patient={"family_name": "O'Neill \u202e<b>", "given_name": "Zoë"},
        returned_reason="De HER2-bepaling <ontbreekt>.",
    )
    referral(cast, Referral.Status.SUBMITTED)
    outcome = decision(cast, "signed")
    waiting_decision = decision(cast, "recorded")
    requester = page_of(client, "requester")
    assert reverse("cases:detail", args=[returned.case_id]) in requester
    assert "O&#x27;Neill \u202e&lt;b&gt; Zoë" in requester
    assert "De HER2-bepaling &lt;ontbreekt&gt;." in requester
    assert reverse("meetings:decision", args=[outcome.pk]) in requester
    assert reverse("meetings:room", args=[running.pk]) not in requester
    chair = page_of(client, "chair")
    assert reverse("meetings:room", args=[running.pk]) in chair
    assert reverse("meetings:board", args=[cast.board.pk]) in chair
    coordinator = page_of(client, "coordinator")
    assert reverse("meetings:signing") in coordinator
    for name in ("outsider", "privacy", "admin", "guest"):
        html = page_of(client, name)
        hidden = (running.pk, returned.case_id, outcome.pk, waiting_decision.pk, cast.board.pk)
        assert not [each for each in hidden if str(each) in html], name
    assert (reverse("audit") in page_of(client, "privacy")) is True


def test_names_that_are_shown_leave_a_trace(cast: Cast, client: Client) -> None:
    shown = referral(cast, Referral.Status.RETURNED)
    page_of(client, "requester")
    page_of(client, "chair")
    rows = AuditEntry.objects.filter(action="today.listed")
    assert [(row.actor_id, row.hospital_id, row.detail) for row in rows] == [
        (cast.requester.pk, cast.organiser.pk, {"cases": [str(shown.case_id)]})
    ]


QUERIES = 20


@pytest.mark.parametrize("rows", [1, 30])
def test_one_row_costs_as_much_as_thirty(cast: Cast, rows: int, django_assert_num_queries: Any) -> None:
    everything(cast, rows)
    with acting_as(cast.secretary) as person, django_assert_num_queries(QUERIES):
        page = waiting.today(person)
        assert not page.nothing_waits
    assert [each.count for each in page.to_accept] == [rows]


def everything(cast: Cast, rows: int) -> None:
    """So many of each thing that can wait for the organiser's secretary."""
    at = now()
    for _ in range(rows):
        meeting = make_meeting(cast.board, state=Meeting.State.PLANNED, starts_at=at + timedelta(hours=20))
        make_item(meeting, referral(cast, Referral.Status.SCHEDULED))
        for status in (Referral.Status.SUBMITTED, Referral.Status.RETURNED, Referral.Status.DRAFT):
            referral(cast, status)


@pytest.mark.parametrize("rows", [1, 30])
def test_the_whole_page_costs_the_same(cast: Cast, client: Client, rows: int, django_assert_num_queries: Any) -> None:
    everything(cast, rows)
    for _ in range(rows):
        decision(cast, "signed")
    client.login(username="requester", password=PASSWORD)
    with django_assert_num_queries(21):
        assert client.get(reverse("today")).status_code == 200
