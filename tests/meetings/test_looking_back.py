"""From a case back to everything that was decided, for this patient and for others alike; and searches that somebody keeps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from cases.discussions import move_and_keep
from cases.models import Case, Referral
from mdo.directory.models import Board
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from meetings.actions.saving_searches import forget_search
from meetings.models import Decision, SavedSearch
from meetings.timeline import Alike, Moment, alike, timeline
from tests.cast import PASSWORD, Cast, Member, acting_as
from tests.factories import make_decision, make_item, make_meeting, make_referral, tumour_data, writing
from tests.meetings.acts import call
from tests.meetings.test_search import MARCH, decide, referral_of


def moments(member: Member, case: Case) -> list[Moment]:
    with acting_as(member) as person:
        return timeline(person, Case.objects.get(pk=case.pk), "nl")


def told(found: list[Moment]) -> list[tuple[str, str]]:
    return [(each.board.name, each.hit.decision.text if each.hit else "–") for each in found]


@pytest.fixture
def other(cast: Cast) -> Board:
    """A board on which only the chair sits."""
    board = Board.objects.create(network=cast.network, organiser=cast.organiser, name="Genetica-MOC")
    cast.chair.person.board_roles.create(
        board=board, organisation=cast.organiser, role="chair", valid_from=MARCH - timedelta(days=400)
    )
    return board


def decide_again(cast: Cast, case: Case, board: Board, text: str, days: int) -> Decision:
    referral = make_referral(board, cast.organiser, cast.requester.person, case=case, status=Referral.Status.DISCUSSED)
    meeting = make_meeting(board, state="closed", starts_at=MARCH + timedelta(days=days))
    return make_decision(make_item(meeting, referral, state="discussed"), state=Decision.State.SIGNED, text=text)


def test_everything_of_one_patient_newest_first(
    cast: Cast, other: Board, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first = decide(cast, "Eerst heelkunde.")
    case = referral_of(first).case
    decide(cast, "Van iemand anders.")
    assert told(moments(cast.chair, case)) == [("Borst-MOC", "Eerst heelkunde.")]
    with acting_as(cast.chair) as person, django_assert_num_queries(7):
        timeline(person, case, "nl")
    decide_again(cast, case, other, "Erfelijkheidsonderzoek.", 10)
    postponed = make_referral(
        cast.board, cast.organiser, cast.requester.person, case=case, status=Referral.Status.POSTPONED
    )
    with writing():
        postponed.changed_at = MARCH + timedelta(days=20)
        move_and_keep(postponed)
    for days in range(30, 60):
        decide_again(cast, case, cast.board, f"Opvolging {days}.", days)
    found = moments(cast.chair, case)
    assert told(found)[:1] == [("Borst-MOC", "Opvolging 59.")]
    assert told(found)[30:] == [
        ("Borst-MOC", "–"),
        ("Genetica-MOC", "Erfelijkheidsonderzoek."),
        ("Borst-MOC", "Eerst heelkunde."),
    ]
    with acting_as(cast.chair) as person, django_assert_num_queries(7):
        timeline(person, case, "nl")
    shown = AuditEntry.objects.filter(action="patient.look_back").order_by("-id")[0]
    assert (shown.actor_id, shown.hospital_id, len(shown.detail["shown"])) == (cast.chair.pk, cast.organiser.pk, 32)


def test_the_page_is_for_those_who_read_the_whole_case(cast: Cast, client: Client) -> None:
    case = referral_of(decide(cast, "Eerst heelkunde.")).case
    address = reverse("meetings:timeline", args=[case.pk])
    for name, status in (("chair", 200), ("requester", 200), ("outsider", 404), ("guest", 404)):
        assert client.login(username=name, password=PASSWORD)
        page = client.get(address)
        assert (page.status_code, "Eerst heelkunde." in page.content.decode()) == (status, status == 200), name
        assert "alike" not in page.content.decode()


def test_tumours_that_are_alike_among_cases_that_may_be_opened(cast: Cast, client: Client, settings: Any) -> None:
    case = referral_of(decide(cast)).case
    same = decide(cast, "Net zo.")
    negative = tumour_data(er_status="negative", pr_status="negative")
    larger: dict[str, Any] = {"clinical_tnm": {"edition": "8", "t": "cT3", "n": "cN1", "m": "cM0"}}
    later = decide(cast, "Groter.", tumours=[tumour_data(**larger)])
    decide(cast, "Anders.", tumours=[negative | larger])
    decide(cast, "Van buiten.", hospital=cast.outside, requester=cast.outsider)
    decide_again(cast, case, cast.board, "Zelf.", 5)

    def found(member: Member) -> list[Alike]:
        with acting_as(member) as person, translation.override("en"):
            return alike(person, Case.objects.get(pk=case.pk), "en")

    assert [(each.hit.decision.pk, each.reasons) for each in found(cast.chair)] == [
        (same.pk, ["C50 Breast", "Stage I", "HR+ / HER2−"]),
        (later.pk, ["C50 Breast", "HR+ / HER2−"]),
    ]
    assert {each.hit.decision.pk for each in found(cast.requester)} == {same.pk, later.pk}
    assert client.login(username="chair", password=PASSWORD)
    address = reverse("meetings:timeline", args=[case.pk])
    assert "Net zo." not in client.get(address).content.decode()
    settings.MDO_SIMILAR_CASES = True
    assert "Net zo." in client.get(address).content.decode()


def test_a_search_is_kept_run_and_forgotten(cast: Cast, client: Client) -> None:
    decide(cast, "Lumpectomie links.", patient={"family_name": "Vermeersch"})
    decide(cast, "Opvolging.", patient={"family_name": "Baert"})
    assert client.login(username="chair", password=PASSWORD)
    keep, search = reverse("meetings:search_keep"), reverse("meetings:search")
    asked = {
        "words": "vermeersch",
        "since": "2026-03-01",
        "step": "surgery",
        "name": "  Mijn  patiënte ",
        "command_id": str(new_id()),
    }
    assert client.post(keep, asked).status_code == 303
    assert client.post(keep, asked).status_code == 303  # a double click
    with acting_as(cast.chair):
        kept = SavedSearch.objects.get()
        assert (kept.name, kept.asked) == (
            "Mijn patiënte",
            {"words": "vermeersch", "since": "2026-03-01", "step": "surgery"},
        )
    found = client.post(search, {"saved": str(kept.pk)}).context["found"]
    assert [hit.title.split()[0] for hit in found.hits] == ["Vermeersch"]
    for name in ("", "x" * 81, "a\0b"):
        assert client.post(keep, {**asked, "name": name, "command_id": str(new_id())}).status_code == 422
    row = AuditEntry.objects.filter(action="search.keep", outcome="ok").get()
    assert "vermeersch" not in str(row.detail).lower()
    other = Client()
    assert other.login(username="coordinator", password=PASSWORD)
    assert other.post(search, {"saved": str(kept.pk)}).status_code == 404
    forget = reverse("meetings:search_forget", args=[kept.pk])
    assert other.post(forget, {"command_id": str(new_id())}).status_code == 404
    with acting_as(cast.coordinator):
        assert not SavedSearch.objects.exists()  # nobody sees another's, past every filter of ours
    assert call(forget_search, cast.coordinator, search_id=kept.pk).events == ()  # as for one that is not there
    with acting_as(cast.chair):
        assert SavedSearch.objects.count() == 1
    assert client.post(forget, {"command_id": str(new_id())}).status_code == 303
    with acting_as(cast.chair):
        assert not SavedSearch.objects.exists()
