"""Signing and correcting: the chain, what changed since it was read, and decisions that cannot change."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from mdo.kernel.acting import acting
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.ids import new_id
from meetings import chain
from meetings.actions.reporting import make_report
from meetings.actions.signing import correct_decision, sign_decisions
from meetings.actions.sitting import open_item
from meetings.models import AgendaItem, Decision, Delivery, Meeting, Report
from tests.cast import Cast, Member, acting_as
from tests.factories import make_decision, make_item, make_meeting, make_referral, writing
from tests.meetings.acts import at_once, audited, by_house, call, client_of, house

SIGNING_QUERIES = 12


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    return make_meeting(cast.board, state=Meeting.State.CLOSED)


def decide(cast: Cast, meeting: Meeting, number: int = 3) -> list[Decision]:
    """Recorded decisions: of the organiser's, the partner's, and one on a topic."""
    found = []
    for index in range(number):
        hospital, requester = [(cast.organiser, cast.requester), (cast.partner_hospital, cast.partner)][index % 2]
        if index == 2:
            item = make_item(meeting, state=AgendaItem.State.DISCUSSED)
        else:
            referral = make_referral(cast.board, hospital, requester.person, status="discussed")
            item = make_item(meeting, referral, state=AgendaItem.State.DISCUSSED)
        found.append(make_decision(item, recorded_by=cast.chair.person))
    return found


@pytest.fixture
def decisions(cast: Cast, meeting: Meeting) -> list[Decision]:
    return decide(cast, meeting)


def seen(decisions: list[Decision]) -> list[tuple[UUID, str]]:
    with house():
        rows = Decision.objects.in_bulk([each.pk for each in decisions])
        return [(each.pk, chain.seen(rows[each.pk])) for each in decisions]


def sign(cast: Cast, meeting: Meeting, what: list[tuple[UUID, str]], by: Member | None = None) -> Any:
    return call(sign_decisions, by or cast.coordinator, meeting_id=meeting.pk, decisions=what)


def all_decisions() -> list[Decision]:
    with house():
        return list(Decision.objects.order_by("number", "version"))


def test_sign_all(cast: Cast, meeting: Meeting, decisions: list[Decision]) -> None:
    done = sign(cast, meeting, seen(decisions))
    assert [event.model_dump() for event in done.events] == [
        {"meeting_id": meeting.pk, "item_id": each.item_id, "decision_id": each.pk, "number": number}
        for number, each in enumerate(decisions, start=1)
    ]
    signed = all_decisions()
    assert [each.state for each in signed] == ["signed"] * 3
    assert signed[0].previous_digest == chain.GENESIS
    assert [each.previous_digest for each in signed[1:]] == [each.digest for each in signed[:2]]
    assert {each.signed_by_id for each in signed} == {cast.coordinator.pk}
    with house():
        assert chain.verify(cast.board.pk) == []
    assert audited("decision.sign") == [(cast.coordinator.pk, cast.organiser.pk, "ok")]
    # The signed reports of both cases, and the minutes since nothing waits any more.
    rows = Report.objects.exclude(kind="letter").order_by("kind").values_list("kind", "edition")
    assert list(rows) == [("case", "signed"), ("case", "signed"), ("minutes", "signed")]


def test_sign_one_and_the_minutes_wait(cast: Cast, meeting: Meeting, decisions: list[Decision]) -> None:
    sign(cast, meeting, seen(decisions[:1]))
    rows = Report.objects.order_by("kind").values_list("kind", "edition")
    assert list(rows) == [("case", "signed"), ("letter", "signed")]  # the patient has a GP
    sign(cast, meeting, seen(decisions[1:]))
    assert Report.objects.filter(kind="minutes", edition="signed").count() == 1
    with house():
        assert chain.verify(cast.board.pk) == []


def test_what_changed_since_it_was_read_is_left(cast: Cast, meeting: Meeting, decisions: list[Decision]) -> None:
    read = seen(decisions)
    with writing():
        Decision.objects.filter(pk=decisions[1].pk).update(text="Iets anders.")
    done = sign(cast, meeting, read)
    assert [event.decision_id for event in done.events] == [decisions[0].pk, decisions[2].pk]
    with pytest.raises(Stale):
        sign(cast, meeting, read[1:2])
    with pytest.raises(Stale):  # signed already
        sign(cast, meeting, read[:1])
    sign(cast, meeting, seen(decisions[1:2]))
    with house():
        assert chain.verify(cast.board.pk) == []


def test_the_same_command_again_is_answered(cast: Cast, meeting: Meeting, decisions: list[Decision]) -> None:
    arguments = {"meeting_id": meeting.pk, "decisions": seen(decisions), "command_id": new_id()}
    assert not call(sign_decisions, cast.coordinator, **arguments).replayed
    assert call(sign_decisions, cast.coordinator, **arguments).replayed


def test_sign_refuses(cast: Cast, meeting: Meeting, decisions: list[Decision]) -> None:
    what = seen(decisions)
    for name in ("chair", "secretary", "radiologist", "partner", "partnersecretary", "observer"):
        with pytest.raises(Denied):
            sign(cast, meeting, what, by=cast.members[name])
    for name in ("guest", "outsider", "privacy", "admin"):
        with pytest.raises(NotFound):
            sign(cast, meeting, what, by=cast.members[name])
    with pytest.raises(Invalid):
        sign(cast, meeting, [])
    with pytest.raises(NotFound):
        sign(cast, meeting, [*what, (new_id(), "0" * 64)])
    other = make_meeting(cast.board, state=Meeting.State.CLOSED)
    with pytest.raises(NotFound):
        sign(cast, other, what)
    running = make_meeting(cast.board, state=Meeting.State.RUNNING)
    with pytest.raises(RuleBroken):
        sign(cast, running, seen(decide(cast, running, 1)))


def test_the_chain_goes_on_past_what_the_coordinator_can_no_longer_see(
    cast: Cast, meeting: Meeting, decisions: list[Decision]
) -> None:
    sign(cast, meeting, seen(decisions))
    cast.agreement.ends_on = (meeting.starts_at - timedelta(days=9)).date()
    cast.agreement.save()
    later = make_meeting(cast.board, state=Meeting.State.CLOSED)
    done = sign(cast, later, seen(decide(cast, later, 1)))
    assert done.events[0].number == 4
    with house():
        assert chain.verify(cast.board.pk) == []


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Geknoeid."},
        {"steps": []},
        {"attendance": [{"name": "Niemand"}]},
        {"signed_by_id": None},
        {"number": 9},
        {"previous_digest": "f" * 64},
        {"digest": "0" * 64},
    ],
)
def test_a_tampered_decision_is_found(
    cast: Cast, meeting: Meeting, decisions: list[Decision], change: dict[str, Any]
) -> None:
    sign(cast, meeting, seen(decisions))
    rows = all_decisions()
    assert chain.check(rows) == []
    for name, value in change.items():
        setattr(rows[1], name, value)
    assert chain.check(rows) != []
    rows = all_decisions()
    assert next(each.what for each in chain.check([rows[0], rows[2]])) == "numbers are missing before this one"


def test_a_signed_decision_cannot_be_changed_even_by_the_house(
    cast: Cast, meeting: Meeting, decisions: list[Decision]
) -> None:
    sign(cast, meeting, seen(decisions))
    chosen = Decision.objects.filter(pk=decisions[0].pk)
    for change in (
        {"text": "x"},
        {"state": "recorded"},
        {"number": 7},
        {"digest": ""},
        {"state": "replaced", "text": "x"},
    ):
        with pytest.raises(IntegrityError), writing(), transaction.atomic():
            chosen.update(**change)
    with pytest.raises(IntegrityError), writing(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM meetings_decision WHERE id = %s", [decisions[0].pk])


def test_two_signatures_at_once(committed: None, cast: Cast, meeting: Meeting, decisions: list[Decision]) -> None:
    what = seen(decisions)
    assert at_once(*[lambda: sign(cast, meeting, what)] * 2) == ["", "Stale"]
    with house():
        assert chain.verify(cast.board.pk) == []
    assert [each.number for each in all_decisions()] == [1, 2, 3]


def test_the_boards_room_goes_on_while_a_signature_is_being_written(
    committed: None, cast: Cast, meeting: Meeting, decisions: list[Decision]
) -> None:
    running = make_meeting(cast.board, state=Meeting.State.RUNNING)
    item, what = make_item(running), seen(decisions)

    def open_it() -> None:  # as patient as the room is
        with acting(cast.chair.person, cast.chair.organisation_id, "care", lock_timeout_ms=2000):
            open_item(by=cast.chair.person, meeting_id=running.pk, item_id=item.pk, version=1, command_id=new_id())

    with acting_as(cast.coordinator) as person:
        sign_decisions(by=person, meeting_id=meeting.pk, decisions=what, command_id=new_id())
        assert at_once(open_it) == [""]
    assert [each.number for each in all_decisions()] == [1, 2, 3, None]


def test_two_meetings_signed_at_once_share_one_chain(
    committed: None, cast: Cast, meeting: Meeting, decisions: list[Decision]
) -> None:
    other = make_meeting(cast.board, state=Meeting.State.CLOSED)
    here, there = seen(decisions), seen(decide(cast, other))
    assert at_once(lambda: sign(cast, meeting, here), lambda: sign(cast, other, there)) == ["", ""]
    with house():
        assert chain.verify(cast.board.pk) == []
    assert [each.number for each in all_decisions()] == [1, 2, 3, 4, 5, 6]


# --- corrections -------------------------------------------------------------------------------------------------------


def correct(cast: Cast, decision: Decision, by: Member | None = None, **arguments: Any) -> Any:
    values: dict[str, Any] = {
        "decision_id": decision.pk,
        "correction_id": new_id(),
        "version": 0,
        "text": "Mastectomie in plaats van lumpectomie.",
        "intent": "curative",
        "steps": [{"kind": "surgery", "text": "Mastectomie"}],
        "reason": "Verkeerde ingreep genoteerd.",
    }
    return call(correct_decision, by or cast.coordinator, **{**values, **arguments})


def test_a_correction_replaces_when_it_is_signed(cast: Cast, meeting: Meeting, decisions: list[Decision]) -> None:
    sign(cast, meeting, seen(decisions))
    old = decisions[0]
    correction_id = new_id()
    done = correct(cast, old, correction_id=correction_id)
    assert [event.model_dump() for event in done.events] == [
        {
            "meeting_id": meeting.pk,
            "item_id": old.item_id,
            "decision_id": correction_id,
            "replaces_id": old.pk,
        }
    ]
    with house():
        new = Decision.objects.get(pk=correction_id)
        assert (new.version, new.state, new.attendance) == (2, "recorded", old.attendance)
        assert Decision.objects.get(pk=old.pk).state == "signed"
    sign(cast, meeting, seen([new]))
    with house():
        assert dict(Decision.objects.filter(item=old.item_id).values_list("pk", "state")) == {
            old.pk: "replaced",
            correction_id: "signed",
        }
        assert chain.verify(cast.board.pk) == []
        row = Report.objects.get(decision=correction_id, kind="case")
    by_house(make_report, report_id=row.pk)
    mail = Delivery.objects.get(kind="reports")
    assert (mail.recipient_id, mail.detail) == (
        cast.requester.pk,
        {"decisions": [str(correction_id)], "corrected": True, "for": str(cast.organiser.pk)},
    )
    assert audited("decision.correct") == [(cast.coordinator.pk, cast.organiser.pk, "ok")]


def test_a_correction_goes_to_everybody_who_got_the_version_before(
    cast: Cast, meeting: Meeting, decisions: list[Decision]
) -> None:
    """Alone or within the minutes; not to who may read the minutes no more, nor to who got something else."""
    sign(cast, meeting, seen(decisions))
    old, other = decisions[0], decisions[1]
    home, there = str(cast.organiser.pk), str(cast.partner_hospital.pk)
    got = {
        cast.requester: {"decisions": [str(old.pk)], "for": home},
        cast.radiologist: {"minutes": True, "for": home},
        cast.outsider: {"minutes": True, "for": home},
        cast.partner: {"decisions": [str(other.pk)], "for": there},
    }
    with writing():
        for member, detail in got.items():
            Delivery.objects.create(
                hospital=cast.organiser,
                meeting=meeting,
                recipient=member.person,
                kind="reports",
                occasion="closed",
                detail=detail,
                message_id=f"<{new_id()}@test>",
                due_at=meeting.starts_at,
                state="done",
            )
    correction_id = new_id()
    correct(cast, old, correction_id=correction_id)
    with house():
        new = Decision.objects.get(pk=correction_id)
    sign(cast, meeting, seen([new]))
    by_house(make_report, report_id=Report.objects.get(decision=correction_id, kind="case").pk)
    told = Delivery.objects.filter(occasion__startswith="correct:").values_list("recipient", "detail")
    detail = {"decisions": [str(correction_id)], "corrected": True, "for": home}
    assert dict(told) == {cast.requester.pk: detail, cast.radiologist.pk: detail}


def test_two_coordinators_correct_at_once(
    committed: None, cast: Cast, meeting: Meeting, decisions: list[Decision]
) -> None:
    """One correction stands, whole; the other is told, and can write over it knowingly."""
    sign(cast, meeting, seen(decisions))
    outcomes = at_once(
        lambda: correct(cast, decisions[0], text="De ene."), lambda: correct(cast, decisions[0], text="De andere.")
    )
    assert outcomes == ["", "Stale"]
    with house():
        (waiting,) = Decision.objects.filter(replaces=decisions[0].pk)
    assert (waiting.text in ("De ene.", "De andere."), waiting.draft_version) == (True, 1)


def test_a_correction_that_waits_is_written_over(cast: Cast, meeting: Meeting, decisions: list[Decision]) -> None:
    sign(cast, meeting, seen(decisions))
    correct(cast, decisions[0])
    with pytest.raises(Stale) as stale:
        correct(cast, decisions[0])
    assert stale.value.current == 1
    correct(cast, decisions[0], version=1, text="Nog beter.")
    with house():
        assert [each.text for each in Decision.objects.filter(replaces=decisions[0].pk)] == ["Nog beter."]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
        ({"text": " ", "steps": []}, "text"),
        ({"steps": [{"kind": "magic", "text": ""}]}, "steps"),
        ({"intent": "magic"}, "intent"),
        ({"deviation": "x" * 1001}, "deviation"),
    ],
)
def test_a_correction_that_cannot_be(
    cast: Cast, meeting: Meeting, decisions: list[Decision], wrong: dict[str, Any], field: str
) -> None:
    sign(cast, meeting, seen(decisions))
    with pytest.raises(Invalid) as refused:
        correct(cast, decisions[0], **wrong)
    assert refused.value.field == field


def test_correct_refuses(cast: Cast, meeting: Meeting, decisions: list[Decision]) -> None:
    with pytest.raises(RuleBroken):  # not signed yet
        correct(cast, decisions[0])
    sign(cast, meeting, seen(decisions))
    for name in ("chair", "secretary", "radiologist", "requester"):
        with pytest.raises(Denied):
            correct(cast, decisions[0], by=cast.members[name])
    for name in ("guest", "outsider", "privacy", "admin", "partnersecretary", "observer"):
        with pytest.raises(NotFound):
            correct(cast, decisions[0], by=cast.members[name])


# --- the pages ---------------------------------------------------------------------------------------------------------


def test_the_signing_page(cast: Cast, meeting: Meeting, decisions: list[Decision]) -> None:
    client = client_of(cast.coordinator)
    page = client.get(reverse("meetings:signing"))
    ((shown, waiting),) = page.context["groups"]
    assert (shown, [each.decision.pk for each in waiting]) == (meeting, [each.pk for each in decisions])
    assert "Lumpectomie met sentinelprocedure" in page.content.decode()
    path = reverse("meetings:sign", args=[meeting.pk])
    one = client.post(path, {"command_id": new_id(), "one": waiting[0].value})
    assert (one.status_code, one["Location"]) == (303, reverse("meetings:signing"))
    rest = client.post(path, {"command_id": new_id(), "decision": [each.value for each in waiting[1:]]})
    assert rest.status_code == 303
    assert {each.state for each in all_decisions()} == {"signed"}
    assert client.get(reverse("meetings:signing")).context["total"] == 0


def test_the_signing_page_flags_what_changed(cast: Cast, meeting: Meeting, decisions: list[Decision]) -> None:
    client = client_of(cast.coordinator)
    ((_meeting, read),) = client.get(reverse("meetings:signing")).context["groups"]
    values = [each.value for each in read]
    with writing():
        Decision.objects.filter(pk=decisions[0].pk).update(text="Iets anders.")
    path = reverse("meetings:sign", args=[meeting.pk])
    stale = client.post(path, {"command_id": new_id(), "one": values[0]})
    assert stale.status_code == 409
    assert [each.changed for each in stale.context["groups"][0][1]] == [True, False, False]
    assert [each.differs for each in stale.context["groups"][0][1]] == [("Advies",), (), ()]
    page = client.post(path, {"command_id": new_id(), "decision": values})
    assert (page.status_code, page.context["total"], len(page.context["errors"])) == (409, 1, 1)
    assert page.context["groups"][0][1][0].differs == ("Advies",)
    assert [each.state for each in all_decisions()] == ["signed", "signed", "recorded"]
    assert client.post(path, {"command_id": new_id(), "decision": ["junk"]}).status_code == 404
    assert client.post(path, {"command_id": new_id()}).status_code == 422


@pytest.mark.parametrize(
    ("name", "status"), [("chair", 403), ("secretary", 403), ("partner", 403), ("requester", 404), ("outsider", 404)]
)
def test_only_a_coordinator_signs(cast: Cast, meeting: Meeting, name: str, status: int) -> None:
    assert client_of(cast.members[name]).get(reverse("meetings:signing")).status_code == status


def test_the_signing_page_costs_the_same_at_1_and_at_30(
    cast: Cast, meeting: Meeting, django_assert_num_queries: Any
) -> None:
    client = client_of(cast.coordinator)
    for more in (2, 28):
        with writing():
            decide(cast, meeting, more)
        with django_assert_num_queries(SIGNING_QUERIES):
            assert client.get(reverse("meetings:signing")).status_code == 200


def test_the_decision_page_and_its_correction(cast: Cast, meeting: Meeting, decisions: list[Decision]) -> None:
    sign(cast, meeting, seen(decisions))
    client = client_of(cast.coordinator)
    page = client.get(reverse("meetings:decision", args=[decisions[0].pk]))
    assert (page.status_code, page.context["may_correct"]) == (200, True)
    path = reverse("meetings:correct", args=[decisions[0].pk])
    form = client.get(path)
    assert form.context["form"]["text"].value() == decisions[0].text
    sent = {
        "command_id": new_id(),
        "correction_id": new_id(),
        "version": 0,
        "reason": "",
        "text": "Ander <besluit>",
        "intent": "curative",
        "actions-TOTAL_FORMS": "0",
        "actions-INITIAL_FORMS": "0",
        "steps-TOTAL_FORMS": "2",
        "steps-INITIAL_FORMS": "1",
        "steps-0-kind": "surgery",
        "steps-0-text": "Mastectomie",
        "steps-1-kind": "",
        "steps-1-text": "",
    }
    refused = client.post(path, sent)
    assert (refused.status_code, "Ander &lt;besluit&gt;" in refused.content.decode()) == (422, True)
    assert client.post(path, {**sent, "reason": "Fout genoteerd"})["Location"] == reverse("meetings:signing")
    assert client.get(reverse("meetings:signing")).context["total"] == 1
    assert client.get(path).context["form"]["reason"].value() == "Fout genoteerd"
    assert client_of(cast.requester).get(path).status_code == 403
    assert client_of(cast.outsider).get(path).status_code == 404


DECISION = {
    "chair": 200,
    "coordinator": 200,
    "secretary": 200,
    "requester": 200,
    "radiologist": 200,
    "partner": 200,
    "partnersecretary": 404,
    "guest": 404,
    "outsider": 404,
    "privacy": 404,
    "admin": 404,
    "datamanager": 404,
    "observer": 404,
}


def test_who_may_look_back(cast: Cast, meeting: Meeting, decisions: list[Decision]) -> None:
    path = reverse("meetings:decision", args=[decisions[0].pk])
    assert {name: client_of(member).get(path).status_code for name, member in cast.members.items()} == DECISION
    drafted = decide(cast, make_meeting(cast.board, state=Meeting.State.RUNNING), 1)[0]
    with writing():
        Decision.objects.filter(pk=drafted.pk).update(state="draft")
    assert client_of(cast.chair).get(reverse("meetings:decision", args=[drafted.pk])).status_code == 404
