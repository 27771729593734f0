"""Accept, return, schedule, order, publish: each action's way, its refusals, its events and its audit row."""

from datetime import timedelta
from typing import Any

import pytest

from cases.models import Referral
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.ids import new_id
from meetings.actions import agenda_building as building
from meetings.actions import sitting
from meetings.models import AgendaItem, Delivery, Meeting
from tests.cast import Cast, acting_as
from tests.factories import make_item, make_meeting, make_referral, writing
from tests.meetings.acts import audited, by_house, call, house

Status = Referral.Status


@pytest.fixture
def referral(cast: Cast) -> Referral:
    return make_referral(cast.board, cast.partner_hospital, cast.partner.person)


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    return make_meeting(cast.board, state=Meeting.State.PLANNED)


# --- accept and return -------------------------------------------------------------------------------------------------


def test_accept(cast: Cast, referral: Referral) -> None:
    done = call(building.accept_referral, cast.secretary, referral_id=referral.pk, version=1)
    (event,) = done.events
    assert event.model_dump() == {
        "referral_id": referral.pk,
        "case_id": referral.case_id,
        "board_id": cast.board.pk,
        "hospital_id": cast.partner_hospital.pk,
        "before": "submitted",
        "after": "accepted",
        "version": 2,
    }
    assert audited("referral.accept") == [(cast.secretary.pk, cast.partner_hospital.pk, "ok")]


@pytest.mark.parametrize("name", ["chair", "coordinator", "secretary"])
def test_who_builds_the_agenda_accepts(cast: Cast, referral: Referral, name: str) -> None:
    call(building.accept_referral, cast.members[name], referral_id=referral.pk, version=1)
    with writing():
        assert Referral.objects.get().status == Status.ACCEPTED


@pytest.mark.parametrize("name", ["radiologist", "partner", "partnersecretary"])
def test_an_insider_does_not_accept(cast: Cast, referral: Referral, name: str) -> None:
    with pytest.raises(Denied):
        call(building.accept_referral, cast.members[name], referral_id=referral.pk, version=1)


@pytest.mark.parametrize("name", ["requester", "guest", "outsider", "privacy", "admin", "observer"])
def test_an_outsider_finds_no_referral(cast: Cast, referral: Referral, name: str) -> None:
    with pytest.raises(NotFound):
        call(building.accept_referral, cast.members[name], referral_id=referral.pk, version=1)


def test_accepting_twice_on_purpose_is_refused_and_by_accident_answered(cast: Cast, referral: Referral) -> None:
    command_id = new_id()
    arguments = {"referral_id": referral.pk, "version": 1, "command_id": command_id}
    assert not call(building.accept_referral, cast.secretary, **arguments).replayed
    assert call(building.accept_referral, cast.secretary, **arguments).replayed
    with pytest.raises(Stale) as stale:
        call(building.accept_referral, cast.secretary, referral_id=referral.pk, version=1)
    assert stale.value.current == 2
    with pytest.raises(RuleBroken):
        call(building.accept_referral, cast.secretary, referral_id=referral.pk, version=2)


def test_return_tells_the_requester_without_the_reason(cast: Cast, referral: Referral) -> None:
    arguments = {"referral_id": referral.pk, "version": 1, "reason": "  HER2 ontbreekt.\n"}
    done = call(building.return_referral, cast.secretary, **arguments)
    assert [(event.name, event.after) for event in done.events] == [("referral.moved", "returned")]
    with writing():
        assert Referral.objects.get().returned_reason == "HER2 ontbreekt."
    delivery = Delivery.objects.get()
    assert (delivery.kind, delivery.recipient_id, delivery.meeting_id) == ("returned", cast.partner.pk, None)
    assert delivery.detail == {
        "referral": str(referral.pk),
        "case": str(referral.case_id),
        "for": str(cast.partner_hospital.pk),
    }
    assert audited("referral.return") == [(cast.secretary.pk, cast.partner_hospital.pk, "ok")]


def test_who_may_not_return(cast: Cast, referral: Referral) -> None:
    arguments = {"referral_id": referral.pk, "version": 1, "reason": "Te vroeg."}
    for name in ("radiologist", "partner", "partnersecretary"):
        with pytest.raises(Denied):
            call(building.return_referral, cast.members[name], **arguments)
    for name in ("requester", "guest", "outsider", "privacy", "admin", "observer"):
        with pytest.raises(NotFound):
            call(building.return_referral, cast.members[name], **arguments)
    with pytest.raises(Stale):
        call(building.return_referral, cast.secretary, **{**arguments, "version": 3})


@pytest.mark.parametrize("reason", ["", "   \n", "x" * 1001])
def test_a_return_needs_a_reason(cast: Cast, referral: Referral, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        call(building.return_referral, cast.secretary, referral_id=referral.pk, version=1, reason=reason)
    assert refused.value.field == "reason"
    assert not Delivery.objects.exists()


def test_what_stands_on_an_agenda_is_not_returned(cast: Cast) -> None:
    scheduled = make_referral(cast.board, cast.organiser, cast.requester.person, status=Status.SCHEDULED)
    with pytest.raises(RuleBroken):
        call(building.return_referral, cast.secretary, referral_id=scheduled.pk, version=1, reason="Te vroeg.")


# --- the agenda --------------------------------------------------------------------------------------------------------


def schedule(cast: Cast, meeting: Meeting, referral: Referral, **arguments: Any) -> Any:
    arguments.setdefault("version", 1)
    arguments.setdefault("item_id", new_id())
    by = arguments.pop("by", cast.secretary)
    return call(building.schedule_referral, by, meeting_id=meeting.pk, referral_id=referral.pk, **arguments)


def test_schedule_accepts_what_was_only_handed_in(cast: Cast, meeting: Meeting, referral: Referral) -> None:
    item_id = new_id()
    done = schedule(cast, meeting, referral, item_id=item_id)
    assert [event.name for event in done.events] == ["referral.moved", "referral.moved", "agenda.item_added"]
    assert done.events[-1].model_dump() == {
        "meeting_id": meeting.pk,
        "item_id": item_id,
        "position": 1,
        "late": False,
    }
    item = AgendaItem.objects.get()
    assert (item.hospital_id, item.minutes, item.state) == (cast.partner_hospital.pk, 6, "scheduled")
    assert audited("agenda.schedule") == [(cast.secretary.pk, meeting.hospital_id, "ok")]


def test_a_case_handed_in_after_the_deadline_is_late(cast: Cast, meeting: Meeting) -> None:
    after = meeting.starts_at - timedelta(hours=1)
    late = make_referral(cast.board, cast.organiser, cast.requester.person, submitted_at=after)
    assert schedule(cast, meeting, late).events[-1].late is True
    with writing():
        assert Referral.objects.get().late is True


def test_schedule_refuses(cast: Cast, meeting: Meeting, referral: Referral) -> None:
    with pytest.raises(Stale):
        schedule(cast, meeting, referral, version=7)
    with pytest.raises(Invalid):
        schedule(cast, meeting, referral, minutes=0)
    schedule(cast, meeting, referral)
    with pytest.raises(RuleBroken):  # it is on an agenda already
        schedule(cast, meeting, referral, version=3)
    for state in (Meeting.State.RUNNING, Meeting.State.CLOSED, Meeting.State.CANCELLED):
        other = make_referral(cast.board, cast.organiser, cast.requester.person)
        with pytest.raises(RuleBroken):
            schedule(cast, make_meeting(cast.board, state=state), other)
    with pytest.raises(NotFound):
        schedule(cast, meeting, referral, by=cast.outsider)
    with pytest.raises(Denied):
        schedule(cast, meeting, referral, by=cast.partner)


def test_a_case_postponed_on_this_agenda_comes_back_to_its_place(cast: Cast, meeting: Meeting) -> None:
    put_off = make_referral(cast.board, cast.organiser, cast.requester.person, status=Status.POSTPONED)
    before = make_item(meeting, put_off, state=AgendaItem.State.POSTPONED)
    done = schedule(cast, meeting, put_off)
    assert done.events[-1].item_id == before.pk
    assert list(AgendaItem.objects.values_list("pk", "state", "postponed_reason")) == [(before.pk, "scheduled", "")]


def test_unschedule_closes_the_gap(cast: Cast, meeting: Meeting) -> None:
    referrals = [
        make_referral(cast.board, cast.organiser, cast.requester.person, status=Status.SCHEDULED) for _ in range(3)
    ]
    items = [make_item(meeting, each) for each in referrals]
    remove = {"meeting_id": meeting.pk, "item_id": items[0].pk, "version": 1}
    with pytest.raises(NotFound):
        call(building.unschedule, cast.outsider, **remove)
    with pytest.raises(Denied):
        call(building.unschedule, cast.radiologist, **remove)
    with pytest.raises(Stale):
        call(building.unschedule, cast.secretary, **{**remove, "version": 2})
    done = call(building.unschedule, cast.secretary, **remove)
    assert [event.name for event in done.events] == ["agenda.item_removed", "referral.moved", "agenda.items_moved"]
    assert done.events[2].positions == {str(items[1].pk): 1, str(items[2].pk): 2}
    with writing():
        assert Referral.objects.get(pk=referrals[0].pk).status == Status.ACCEPTED
    assert audited("agenda.remove") == [(cast.secretary.pk, meeting.hospital_id, "ok")]


def test_what_happened_is_not_taken_off(cast: Cast) -> None:
    running = make_meeting(cast.board, state=Meeting.State.RUNNING)
    item = make_item(running)
    with pytest.raises(RuleBroken):
        call(building.unschedule, cast.secretary, meeting_id=running.pk, item_id=item.pk, version=1)
    published = make_meeting(cast.board)
    postponed = make_item(published, state=AgendaItem.State.POSTPONED)
    with pytest.raises(RuleBroken):
        call(building.unschedule, cast.secretary, meeting_id=published.pk, item_id=postponed.pk, version=1)


def test_an_item_of_another_meeting_is_not_found(cast: Cast, meeting: Meeting) -> None:
    item = make_item(make_meeting(cast.board))
    with pytest.raises(NotFound):
        call(building.unschedule, cast.secretary, meeting_id=meeting.pk, item_id=item.pk, version=1)


def test_minutes(cast: Cast, meeting: Meeting) -> None:
    item = make_item(meeting)
    change = {"meeting_id": meeting.pk, "item_id": item.pk, "version": 1, "minutes": 12}
    done = call(building.set_minutes, cast.secretary, **change)
    assert [event.model_dump() for event in done.events] == [
        {"meeting_id": meeting.pk, "item_id": item.pk, "version": 2}
    ]
    assert AgendaItem.objects.get().minutes == 12
    with pytest.raises(Stale):
        call(building.set_minutes, cast.secretary, **change)
    for wrong in (0, 121, -5):
        with pytest.raises(Invalid):
            call(building.set_minutes, cast.secretary, **{**change, "version": 2, "minutes": wrong})
    with pytest.raises(Denied):
        call(building.set_minutes, cast.partnersecretary, **change)
    assert audited("agenda.set_minutes") == [(cast.secretary.pk, meeting.hospital_id, "ok")]


def test_topic(cast: Cast, meeting: Meeting) -> None:
    item_id = new_id()
    topic = {"meeting_id": meeting.pk, "item_id": item_id, "title": "Nieuwe\nwachtlijst", "minutes": 10}
    done = call(building.add_topic, cast.chair, **topic)
    assert [event.model_dump() for event in done.events] == [
        {"meeting_id": meeting.pk, "item_id": item_id, "position": 1, "late": False}
    ]
    item = AgendaItem.objects.select_related("topic").get()
    assert item.topic is not None
    assert (item.topic.title, item.hospital_id) == ("Nieuwe wachtlijst", cast.organiser.pk)
    for wrong in ({"title": " \n"}, {"title": "x" * 301}, {"text": "x" * 4001}, {"minutes": 500}):
        with pytest.raises(Invalid):
            call(building.add_topic, cast.chair, **{**topic, "item_id": new_id(), **wrong})
    with pytest.raises(Denied):
        call(building.add_topic, cast.radiologist, **topic)
    call(building.unschedule, cast.chair, meeting_id=meeting.pk, item_id=item_id, version=1)
    assert not AgendaItem.objects.exists()
    assert audited("agenda.plan_topic") == [(cast.chair.pk, cast.organiser.pk, "ok")]


def test_two_hundred_items_are_ordered_before_the_meeting(cast: Cast, meeting: Meeting) -> None:
    with writing():
        items = [make_item(meeting) for _ in range(200)]
    call(sitting.move_item, cast.secretary, meeting_id=meeting.pk, item_id=items[199].pk, to=1, version=1)
    order = list(AgendaItem.objects.order_by("position").values_list("pk", flat=True))
    assert order == [items[199].pk, *(item.pk for item in items[:199])]


# --- withdrawn meanwhile -----------------------------------------------------------------------------------------------


def test_the_house_strikes_what_was_withdrawn(cast: Cast, meeting: Meeting) -> None:
    gone = make_referral(cast.board, cast.organiser, cast.requester.person, status=Status.WITHDRAWN)
    item = make_item(meeting, gone)
    with house():
        assert building.withdrawn_items() == [meeting.pk]
    done = by_house(building.withdraw_items, meeting_id=meeting.pk)
    with house():
        assert building.withdrawn_items() == []
    assert [event.model_dump() for event in done.events] == [
        {"meeting_id": meeting.pk, "item_id": item.pk, "version": 2}
    ]
    with pytest.raises(Denied), acting_as(cast.secretary) as person:
        building.withdraw_items(by=person, meeting_id=meeting.pk)
