"""What is agreed beside the steps: checked while it is written, whole when it is recorded, signed with the rest, corrected."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from cases.dossiers.board_kinds import board_kind
from mdo.kernel.errors import Invalid
from mdo.kernel.ids import new_id
from meetings import agreed, chain, texts
from meetings.actions import draft, signing, sitting
from meetings.models import Decision, Report
from meetings.reports import layout, writing
from tests.cast import Cast
from tests.factories import make_decision, make_item, make_meeting
from tests.factories import writing as writes
from tests.meetings.acts import call, house
from tests.meetings.test_reading_back import Table

MOC = board_kind("tumour_board")


def action(cast: Cast, **changes: Any) -> dict[str, Any]:
    row = {"id": new_id(), "text": "Genetica aanvragen", "owner": str(cast.requester.pk), "due": "2026-12-24"}
    return {**row, **changes}


@pytest.fixture
def table(cast: Cast) -> Table:
    return Table(cast, "off")


def save(table: Table, given: dict[str, Any] | None, deviation: str = "") -> None:
    version = table.decision.draft_version
    table.at("radiologist", draft.save_draft, version=version, steps=[], deviation=deviation, agreed=given)


def record(table: Table) -> None:
    now = table.now
    with house():
        seen = texts.current(now, texts.RECOMMENDATION)[0]
    table.at("chair", draft.record_decision, version=table.decision.draft_version, seen=seen)


def test_it_is_recorded_signed_and_stands_in_the_report(cast: Cast, table: Table) -> None:
    given = {
        "guideline": "",
        "trial": "proposed",
        "trial_name": "DESCARTES",
        "informs": "gp",
        "actions": [action(cast)],
    }
    save(table, given, "Wens van de patiënt")
    save(table, None, "Wens van de patiënt")  # somebody who knows nothing of it leaves it as it is
    record(table)
    call(sitting.close_meeting, cast.chair, meeting_id=table.meeting.pk)
    kept = table.decision
    assert kept.agreed == {
        "guideline": "deviation",  # its reason says so
        "trial": "proposed",
        "trial_name": "DESCARTES",
        "informs": "gp",
        "informs_who": "",
        "actions": [
            {
                "id": str(given["actions"][0]["id"]),  # type: ignore[index]
                "text": "Genetica aanvragen",
                "owner": str(cast.requester.pk),
                "name": cast.requester.person.display_name,
                "due": "2026-12-24",
            }
        ],
    }
    what = [(kept.pk, chain.seen(kept))]
    call(signing.sign_decisions, cast.coordinator, meeting_id=table.meeting.pk, decisions=what)
    with house():
        assert chain.verify(cast.board.pk) == []
        signed = Decision.objects.select_related("meeting__board__organiser").get(pk=kept.pk)
        signed.agreed["actions"][0]["due"] = "2027-01-01"
        assert [each.what for each in chain.check([signed])] == ["its content or signature was changed"]
        report = Report.objects.filter(decision=kept, kind="case").order_by("-created_at").first()
        assert report is not None
        with translation.override("nl"):
            printed = layout.case_report(writing.case_report(kept, signed.meeting, report))["recommendation"]
    assert (printed["deviation"], printed["guideline"]) == ("Wens van de patiënt", "")
    assert (printed["trial"], printed["informs"]) == ("studie voorgesteld: DESCARTES", "de huisarts")
    due = "donderdag 24 december 2026"
    assert printed["actions"] == [
        {"text": "Genetica aanvragen", "owner": cast.requester.person.display_name, "due": due}
    ]
    client = Client()
    client.force_login(cast.requester.person)
    page = client.get(reverse("meetings:decision", args=[kept.pk])).content.decode()
    assert all(words in page for words in ("DESCARTES", "Genetica aanvragen", "Wens van de patiënt"))


def test_old_digests_stay_what_they_were(cast: Cast) -> None:
    """A decision of the list before this one does not cover what came later; one of now does."""
    item = make_item(make_meeting(cast.board, state="closed"), state="discussed")
    old = make_decision(item, content_version=2)
    before = chain.digest(old, chain.GENESIS)
    assert b"agreed" not in chain.canonical({name: getattr(old, name) for name in chain.CONTENT[2]})
    old.agreed = {"trial": "none_fits"}
    assert chain.digest(old, chain.GENESIS) == before
    old.content_version = 3
    fresh = chain.digest(old, chain.GENESIS)
    old.agreed = {"trial": "considered"}
    assert chain.digest(old, chain.GENESIS) != fresh != before


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"guideline": "magic"}, "guideline"),
        ({"trial": "magic"}, "trial"),
        ({"informs": "informed"}, "informs"),  # of another kind of board
        ({"trial_name": "x" * 201}, "trial_name"),
        ({"actions": [{"owner": str(new_id())}]}, "actions"),
        ({"actions": [{"due": "2026-02-31"}]}, "actions"),
        ({"actions": [{"text": "x" * 501}]}, "actions"),
        ({"actions": [{}] * 21}, "actions"),
    ],
)
def test_what_is_refused_while_it_is_written(cast: Cast, table: Table, wrong: dict[str, Any], field: str) -> None:
    given = {**wrong, "actions": [action(cast, **row) for row in wrong.get("actions", ())]}
    with pytest.raises(Invalid) as refused:
        save(table, given)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("lacking", "deviation", "field"),
    [
        ({"guideline": "deviation"}, "", "deviation"),
        ({"guideline": "followed"}, "Toch niet", "guideline"),
        ({"trial": "considered"}, "", "trial_name"),
        ({"informs": "other"}, "", "informs_who"),
        ({"actions": [{"owner": ""}]}, "", "actions"),
        ({"actions": [{"due": ""}]}, "", "actions"),
        ({"actions": [{"text": " "}]}, "", "actions"),
    ],
)
def test_what_may_wait_while_it_is_written_but_is_not_recorded(
    cast: Cast, table: Table, lacking: dict[str, Any], deviation: str, field: str
) -> None:
    save(table, {**lacking, "actions": [action(cast, **row) for row in lacking.get("actions", ())]}, deviation)
    with pytest.raises(Invalid) as refused:
        record(table)
    assert (refused.value.field, table.decision.state) == (field, "draft")


def test_it_is_corrected(cast: Cast) -> None:
    """An owner who left the board since keeps the action; the form brings everything back and takes it."""
    item = make_item(make_meeting(cast.board, state="closed"), state="discussed")
    outside = {**action(cast, id=str(new_id()), owner=str(cast.outsider.pk)), "name": "dr. Weg"}
    kept = agreed.filled({"guideline": "followed", "actions": [outside]})
    old = make_decision(item, agreed=kept, recorded_by=cast.chair.person)
    call(signing.sign_decisions, cast.coordinator, meeting_id=item.meeting_id, decisions=[(old.pk, chain.seen(old))])
    client = Client()
    client.force_login(cast.coordinator.person)
    path = reverse("meetings:correct", args=[old.pk])
    page = client.get(path)
    assert page.context["form"]["guideline"].value() == "followed"
    rows = page.context["actions"]
    assert [(row["owner"].value(), row["due"].value()) for row in rows if row["text"].value()] == [
        (str(cast.outsider.pk), "2026-12-24")
    ]
    sent = {
        "command_id": new_id(),
        "correction_id": new_id(),
        "version": 0,
        "reason": "Datum",
        "text": old.text,
        "intent": "",
        "guideline": "none",
        "trial": "considered",
        "trial_name": "",
        "steps-TOTAL_FORMS": "0",
        "steps-INITIAL_FORMS": "0",
        "actions-TOTAL_FORMS": "2",
        "actions-INITIAL_FORMS": "1",
        "actions-0-id": outside["id"],
        "actions-0-text": "Genetica aanvragen",
        "actions-0-owner": str(cast.outsider.pk),
        "actions-0-due": "2027-01-07",
        "actions-1-text": "Iets",
    }
    refused = client.post(path, sent)
    assert (refused.status_code, "Genetica aanvragen" in refused.content.decode()) == (422, True)
    sent["actions-1-text"] = ""
    refused = client.post(path, sent)
    assert (refused.status_code, bool(refused.context["form"].errors["trial_name"])) == (422, True)
    assert client.post(path, {**sent, "trial_name": "DESCARTES"}).status_code == 303
    with house():
        new = Decision.objects.get(replaces=old)
    assert (new.agreed["guideline"], new.agreed["trial_name"], new.content_version) == ("none", "DESCARTES", 3)
    assert [(row["id"], row["due"]) for row in new.agreed["actions"]] == [(outside["id"], "2027-01-07")]
    with writes():
        Decision.objects.filter(pk=new.pk).update(
            content_version=2
        )  # as one that waited through an update of the program
    assert client.post(path, {**sent, "command_id": new_id(), "version": 1, "trial_name": "X"}).status_code == 303
    with house():
        assert Decision.objects.get(pk=new.pk).content_version == 3
