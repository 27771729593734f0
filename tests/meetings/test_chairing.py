"""Leading a sitting: parking, breaks, undo, a deputy, delegated recording, presenting, protocol cases, calling in."""

from datetime import timedelta
from typing import Any

import pytest

from cases.models import Grant, Referral
from mdo.kernel import clock
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken, Stale
from meetings import texts
from meetings.actions import calling, chairing, draft, sitting, undoing
from meetings.models import AgendaItem, CallIn, Decision, Delegation, Delivery, Meeting
from tests.cast import Cast, acting_as
from tests.factories import make_item, make_lease, make_meeting, make_referral, make_topic, writing
from tests.meetings.acts import audited, by_house, call, house

State = AgendaItem.State


class Table:
    """A running meeting: two cases of the organiser, one of the partner, a topic."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.meeting = make_meeting(cast.board)
        requester, partner = cast.requester.person, cast.partner.person
        self.first = make_item(
            self.meeting,
            make_referral(cast.board, cast.organiser, requester, status="scheduled", guest=cast.guest.person),
        )
        self.second = make_item(
            self.meeting, make_referral(cast.board, cast.partner_hospital, partner, status="scheduled")
        )
        self.third = make_item(self.meeting, make_referral(cast.board, cast.organiser, requester, status="scheduled"))
        self.topic = make_item(self.meeting, topic=make_topic(cast.board))
        self.by("chair", sitting.start_meeting)

    def by(self, who: str, action: Any, **arguments: Any) -> Any:
        return call(action, self.cast.members[who], meeting_id=self.meeting.pk, **arguments)

    def now(self, item: AgendaItem) -> AgendaItem:
        with house():
            return AgendaItem.objects.select_related("referral").get(pk=item.pk)

    @property
    def there(self) -> Meeting:
        with house():
            return Meeting.objects.get(pk=self.meeting.pk)

    def step(self, who: str, action: Any, item: AgendaItem, **arguments: Any) -> Any:
        return self.by(who, action, item_id=item.pk, version=self.now(item).version, **arguments)

    def states(self) -> list[str]:
        return [self.now(each).state for each in (self.first, self.second, self.third, self.topic)]

    def decide(self, item: AgendaItem) -> None:
        with writing():
            Decision.objects.filter(item=item).update(steps=[{"kind": "surgery", "text": ""}])
        self.by("chair", draft.record_decision, item_id=item.pk, version=1, seen=None)


@pytest.fixture
def table(cast: Cast) -> Table:
    return Table(cast)


# --- parking -----------------------------------------------------------------------------------------------------------


def test_a_parked_item_waits_until_the_others_are_done(table: Table, cast: Cast) -> None:
    done = table.step("chair", chairing.park_item, table.first)
    assert [event.name for event in done.events] == ["agenda.item_parked"]
    assert audited("agenda.park") == [(cast.chair.pk, cast.organiser.pk, "ok")]
    table.by("chair", sitting.next_item, from_item=None)
    assert table.states() == ["scheduled", "open", "scheduled", "scheduled"]
    table.step("chair", sitting.open_item, table.first)
    assert table.now(table.first).parked is False


def test_parking_what_is_open_takes_it_off_the_table(table: Table, cast: Cast) -> None:
    table.step("chair", sitting.open_item, table.first)
    table.step("chair", chairing.park_item, table.first)
    item = table.now(table.first)
    assert (item.state, item.parked, table.there.current_item_id) == ("scheduled", True, None)
    assert item.open_intervals[-1][1] is not None
    with house():
        assert not Grant.objects.filter(source_id=item.pk, ended_at=None).exists()


def test_parking_is_refused(table: Table, cast: Cast) -> None:
    with pytest.raises(Stale):
        table.by("chair", chairing.park_item, item_id=table.first.pk, version=99)
    with pytest.raises(Denied):
        table.step("radiologist", chairing.park_item, table.first)
    table.step("chair", chairing.park_item, table.first)
    with pytest.raises(RuleBroken):
        table.step("chair", chairing.park_item, table.first)
    with pytest.raises(RuleBroken):
        table.step("chair", chairing.unpark_item, table.second)
    table.step("chair", chairing.unpark_item, table.first)
    assert table.now(table.first).parked is False
    table.step("chair", sitting.open_item, table.first)
    table.decide(table.first)
    with pytest.raises(RuleBroken):
        table.step("chair", chairing.park_item, table.first)


# --- breaks ------------------------------------------------------------------------------------------------------------


def test_a_break_moves_what_is_expected_and_ends_with_the_next_item(table: Table, cast: Cast) -> None:
    done = table.by("chair", chairing.take_break, minutes=10)
    assert [event.name for event in done.events] == ["meeting.break_begun"]
    there = table.there
    assert there.break_until is not None
    assert there.breaks[-1][1] is None
    with pytest.raises(RuleBroken):
        table.by("chair", chairing.take_break, minutes=5)
    done = table.by("chair", sitting.next_item, from_item=None)
    assert "meeting.break_ended" in [event.name for event in done.events]
    assert table.there.break_until is None
    assert table.there.breaks[-1][1] is not None


def test_a_break_that_is_taken_is_the_one_that_was_planned(table: Table) -> None:
    with writing():
        AgendaItem.objects.filter(pk__in=[table.first.pk, table.third.pk]).update(break_after=10)

    def planned() -> list[int]:
        return [table.now(item).break_after for item in (table.first, table.second, table.third)]

    table.by("chair", chairing.take_break, minutes=5)
    assert planned() == [0, 0, 10]
    table.by("chair", undoing.undo_step)
    assert planned() == [10, 0, 10]
    # Going on without it uses it up: the next break that is taken is the one after it.
    for item in (table.first, table.second):
        table.step("chair", sitting.open_item, item)
        table.decide(item)
    table.by("chair", chairing.take_break, minutes=10)
    assert planned() == [10, 0, 0]


def test_a_break_is_ended_by_hand(table: Table) -> None:
    with pytest.raises(RuleBroken):
        table.by("chair", chairing.end_break)
    table.by("chair", chairing.take_break, minutes=10)
    table.by("chair", chairing.end_break)
    assert table.there.break_until is None


def test_no_break_while_a_case_lies_undecided(table: Table) -> None:
    table.step("chair", sitting.open_item, table.first)
    with pytest.raises(RuleBroken):
        table.by("chair", chairing.take_break, minutes=10)
    with pytest.raises(Invalid):
        table.by("chair", chairing.take_break, minutes=0)
    table.decide(table.first)
    table.by("chair", chairing.take_break, minutes=10)
    assert table.states()[0] == "discussed"
    assert table.there.current_item_id is None


# --- undo --------------------------------------------------------------------------------------------------------------


def test_undo_of_next_puts_the_table_back_as_if_it_had_not_been(table: Table, cast: Cast) -> None:
    table.step("chair", sitting.open_item, table.topic)
    began = table.now(table.topic).open_intervals
    table.by("chair", sitting.next_item, from_item=table.topic.pk)
    assert table.states() == ["open", "scheduled", "scheduled", "discussed"]
    done = table.by("chair", undoing.undo_step)
    assert [event.name for event in done.events] == ["agenda.step_undone"]
    assert table.states() == ["scheduled", "scheduled", "scheduled", "open"]
    assert table.now(table.topic).open_intervals == began
    assert table.now(table.first).open_intervals == []
    assert table.there.current_item_id == table.topic.pk
    with house():
        assert not Grant.objects.filter(source_id=table.first.pk, ended_at=None).exists()
    with pytest.raises(RuleBroken):
        table.by("chair", undoing.undo_step)


def test_undo_of_a_postponement_takes_it_off_the_other_sitting(table: Table, cast: Cast) -> None:
    later = make_meeting(cast.board, starts_at=table.meeting.starts_at + timedelta(days=7))
    table.step("chair", sitting.postpone_item, table.first, reason="imaging_missing", to_meeting=later.pk)
    with house():
        assert AgendaItem.objects.filter(meeting=later).count() == 1
    done = table.by("chair", undoing.undo_step)
    assert [event.name for event in done.events] == ["agenda.item_removed", "agenda.step_undone"]
    item = table.now(table.first)
    assert (item.state, item.postponed_reason, item.postponed_to_id) == ("scheduled", "", None)
    assert item.referral is not None
    assert item.referral.status == Referral.Status.SCHEDULED
    with house():
        assert AgendaItem.objects.filter(meeting=later).count() == 0


def test_undo_of_an_open_postponement_opens_it_again(table: Table, cast: Cast) -> None:
    table.step("chair", sitting.open_item, table.first)
    table.step("chair", sitting.postpone_item, table.first, reason="imaging_missing")
    table.by("chair", undoing.undo_step)
    assert table.states()[0] == "open"
    with house():
        assert Grant.objects.filter(source_id=table.first.pk, ended_at=None, person=cast.guest.pk).exists()


def test_undo_of_an_order(table: Table) -> None:
    table.step("chair", sitting.move_item, table.topic, to=1)
    table.by("chair", undoing.undo_step)
    assert [table.now(each).position for each in (table.first, table.second, table.third, table.topic)] == [1, 2, 3, 4]


def test_undo_is_over_after_half_a_minute(table: Table) -> None:
    table.step("chair", chairing.park_item, table.first)
    with clock.frozen(clock.now() + timedelta(seconds=31)), pytest.raises(RuleBroken):
        table.by("chair", undoing.undo_step)


def test_undo_is_over_once_something_was_recorded(table: Table) -> None:
    table.step("chair", sitting.open_item, table.first)
    table.decide(table.first)
    with pytest.raises(RuleBroken):
        table.by("chair", undoing.undo_step)


def test_undo_is_refused_when_the_item_was_changed_since(table: Table) -> None:
    table.step("chair", sitting.postpone_item, table.first, reason="imaging_missing")
    with writing():
        AgendaItem.objects.filter(pk=table.first.pk).update(version=50)
    with pytest.raises(RuleBroken):
        table.by("chair", undoing.undo_step)
    with pytest.raises(Denied):
        table.by("radiologist", undoing.undo_step)


# --- deputies ----------------------------------------------------------------------------------------------------------


def test_a_deputy_may_what_the_chair_may_in_this_meeting_only(table: Table, cast: Cast) -> None:
    with pytest.raises(Denied):
        table.step("radiologist", sitting.open_item, table.first)
    done = table.by("chair", chairing.hand_over, person=cast.radiologist.pk)
    assert [event.model_dump() for event in done.events] == [
        {"meeting_id": table.meeting.pk, "person_id": cast.radiologist.pk}
    ]
    table.step("radiologist", sitting.open_item, table.first)
    table.decide(table.first)
    other = make_meeting(cast.board)
    with pytest.raises(Denied):
        call(sitting.start_meeting, cast.radiologist, meeting_id=other.pk)
    table.by("chair", chairing.take_back_chair)
    with pytest.raises(Denied):
        table.step("radiologist", sitting.open_item, table.second)
    with pytest.raises(RuleBroken):
        table.by("chair", chairing.take_back_chair)


def test_a_deputy_is_one_no_more_when_the_meeting_is_over(table: Table, cast: Cast) -> None:
    table.by("chair", chairing.hand_over, person=cast.radiologist.pk)
    table.by("radiologist", sitting.close_meeting)
    with pytest.raises(Denied):
        table.by("radiologist", sitting.close_meeting)


def test_a_partner_in_the_chair_sees_no_more_than_before(table: Table, cast: Cast) -> None:
    hidden = make_item(table.meeting, make_referral(cast.board, cast.outside, cast.outsider.person, status="scheduled"))
    table.by("chair", chairing.hand_over, person=cast.partner.pk)
    table.step("partner", sitting.open_item, table.second)
    with pytest.raises(NotFound):
        table.step("partner", sitting.open_item, hidden)


def test_who_does_not_sit_at_the_board_gets_no_chair(table: Table, cast: Cast) -> None:
    for name in ("outsider", "observer", "guest", "secretary"):
        with pytest.raises(Invalid):
            table.by("chair", chairing.hand_over, person=cast.members[name].pk)


def test_recording_is_delegated_to_a_secretary(table: Table, cast: Cast) -> None:
    table.step("chair", sitting.open_item, table.first)
    with pytest.raises(Denied):
        table.by("secretary", draft.record_decision, item_id=table.first.pk, version=1, seen=None)
    with pytest.raises(RuleBroken):
        table.by("secretary", chairing.delegate_recording, person=cast.secretary.pk, allowed=True)
    with pytest.raises(Invalid):
        table.by("chair", chairing.delegate_recording, person=cast.partnersecretary.pk, allowed=True)
    table.by("chair", chairing.delegate_recording, person=cast.secretary.pk, allowed=True)
    assert table.by("chair", chairing.delegate_recording, person=cast.secretary.pk, allowed=True).events == ()
    with writing():
        Decision.objects.update(steps=[{"kind": "surgery", "text": ""}])
    table.by("secretary", draft.record_decision, item_id=table.first.pk, version=1, seen=None)
    table.by("chair", chairing.delegate_recording, person=cast.secretary.pk, allowed=False)
    with house():
        assert not Delegation.objects.filter(ended_at=None).exists()
    with pytest.raises(Denied):
        table.by("secretary", draft.reopen_decision, item_id=table.first.pk)


def test_a_presenter_is_somebody_who_may_share(table: Table, cast: Cast) -> None:
    done = table.by("chair", chairing.name_presenter, person=cast.radiologist.pk)
    assert [event.name for event in done.events] == ["meeting.presenter_named"]
    assert table.by("chair", chairing.name_presenter, person=cast.radiologist.pk).events == ()
    for name in ("outsider", "guest", "observer"):
        with pytest.raises(Invalid):
            table.by("chair", chairing.name_presenter, person=cast.members[name].pk)
    table.by("chair", chairing.name_presenter, person=None)
    assert table.there.presenter_id is None


# --- protocol cases ----------------------------------------------------------------------------------------------------


def test_protocol_cases_are_recorded_in_one_gesture(table: Table, cast: Cast) -> None:
    for item in (table.first, table.second):
        table.step("chair", chairing.mark_protocol, item, protocol="  DCIS   laag ")
    done = table.by("chair", draft.record_protocol, items=[table.first.pk, table.second.pk])
    assert [event.name for event in done.events] == ["decision.recorded", "referral.moved", "agenda.item_closed"] * 2
    assert table.states()[:2] == ["discussed", "discussed"]
    with house():
        decision = Decision.objects.get(item=table.first)
        assert (decision.state, decision.protocol, decision.attendance) == ("recorded", "DCIS laag", [])
        assert decision.quorum["billing"]["met"] is False
        assert "DCIS laag" in decision.text
    with pytest.raises(RuleBroken):
        table.by("chair", draft.record_protocol, items=[table.first.pk])


def test_protocol_cases_are_refused_as_a_whole(table: Table, cast: Cast) -> None:
    table.step("chair", chairing.mark_protocol, table.first, protocol="DCIS")
    with pytest.raises(RuleBroken):
        table.by("chair", draft.record_protocol, items=[table.first.pk, table.third.pk])
    assert table.states()[0] == "scheduled"
    with pytest.raises(Denied):
        table.by("secretary", draft.record_protocol, items=[table.first.pk])
    with pytest.raises(Invalid):
        table.by("chair", draft.record_protocol, items=[])
    with pytest.raises(RuleBroken):
        table.step("chair", chairing.mark_protocol, table.topic, protocol="DCIS")
    with pytest.raises(Invalid):
        table.step("chair", chairing.mark_protocol, table.first, protocol="x" * 121)
    assert table.step("chair", chairing.mark_protocol, table.first, protocol="DCIS").events == ()


def test_what_was_prepared_is_the_recommendation_of_a_protocol_case(table: Table, cast: Cast) -> None:
    table.step("chair", sitting.open_item, table.first)
    item = table.now(table.first)
    with house():
        texts.write(item, texts.RECOMMENDATION, "Borstsparend.", cast.chair.person)
    table.step("chair", chairing.park_item, table.first)
    table.step("chair", chairing.mark_protocol, table.first, protocol="DCIS")
    table.by("chair", draft.record_protocol, items=[table.first.pk])
    with house():
        assert Decision.objects.get(item=table.first).text == "Borstsparend."


def test_closing_asks_what_becomes_of_protocol_cases(table: Table, cast: Cast) -> None:
    for item in (table.first, table.second):
        table.step("chair", chairing.mark_protocol, item, protocol="DCIS")
    with pytest.raises(RuleBroken) as asked:
        table.by("chair", sitting.close_meeting)
    assert asked.value.field == "covered"
    for wrong in ("out_of_time", "no_such_reason"):
        with pytest.raises(Invalid):
            table.by("chair", sitting.close_meeting, covered=wrong)
    with pytest.raises(Denied):  # who may not record cannot have them recorded by closing
        table.by("secretary", sitting.close_meeting, covered="record")
    assert (table.there.state, table.states()) == ("running", ["scheduled"] * 4)

    done = table.by("chair", sitting.close_meeting, covered="record")
    assert table.states() == ["discussed", "discussed", "postponed", "postponed"]
    assert [table.now(item).postponed_reason for item in (table.first, table.third)] == ["", "out_of_time"]
    assert [event.name for event in done.events] == [
        "agenda.item_postponed",
        "referral.moved",
        "agenda.item_postponed",
        "meeting.closed",
    ]
    with house():
        recorded = Decision.objects.filter(protocol="DCIS", state="recorded", recorded_by=cast.chair.pk)
        assert {each.item_id for each in recorded} == {table.first.pk, table.second.pk}
        assert [each.quorum["billing"]["met"] for each in recorded] == [False, False]


def test_protocol_cases_are_postponed_for_a_reason_that_somebody_gives(table: Table, cast: Cast) -> None:
    table.step("chair", chairing.mark_protocol, table.first, protocol="DCIS")
    table.by("secretary", sitting.close_meeting, covered="pathology_missing")
    reasons = [table.now(item).postponed_reason for item in (table.first, table.second, table.third)]
    assert reasons == ["pathology_missing", "out_of_time", "out_of_time"]


def test_a_protocol_case_that_was_withdrawn_asks_nothing(table: Table, cast: Cast) -> None:
    table.step("chair", chairing.mark_protocol, table.first, protocol="DCIS")
    with writing():
        Referral.objects.filter(pk=table.first.referral_id).update(status="withdrawn")
    table.by("chair", sitting.close_meeting)
    assert table.states()[0] == "withdrawn"


# --- calling in --------------------------------------------------------------------------------------------------------


def test_the_next_two_are_called_in_once(table: Table, cast: Cast) -> None:
    make_lease(table.meeting, cast.partner.person, cast.partner_hospital)
    table.step("chair", sitting.open_item, table.first)
    with house():
        assert calling.waiting_calls() == [table.meeting.pk]
    done = by_house(calling.call_people, meeting_id=table.meeting.pk)
    assert [event.name for event in done.events] == ["agenda.people_called"]
    with house():
        calls = {(each.item_id, each.person_id): each.by_mail for each in CallIn.objects.all()}
        mails = list(Delivery.objects.filter(kind="call_in").values_list("recipient_id", flat=True))
        assert calling.waiting_calls() == []
    assert calls == {(table.second.pk, cast.partner.pk): False, (table.third.pk, cast.requester.pk): True}
    assert mails == [cast.requester.pk]
    assert by_house(calling.call_people, meeting_id=table.meeting.pk).events == ()


def test_a_guest_is_called_in_before_their_item(table: Table, cast: Cast) -> None:
    by_house(calling.call_people, meeting_id=table.meeting.pk)
    with house():
        assert CallIn.objects.filter(item=table.first, person=cast.guest.pk, by_mail=True).exists()


def test_absent_disciplines_that_the_quorum_asks_for_are_called_in(table: Table, cast: Cast) -> None:
    with writing():
        cast.board.quorum = {"disciplines": 3, "required": [cast.radiologist.person.discipline]}
        cast.board.save()
    for item in (table.first, table.second):
        table.step("chair", sitting.open_item, item)
        by_house(calling.call_people, meeting_id=table.meeting.pk)
        with house():
            assert Delivery.objects.filter(kind="call_in", recipient=cast.radiologist.pk).count() == 1


def test_nobody_is_called_into_a_meeting_that_is_over(table: Table) -> None:
    table.by("chair", sitting.close_meeting)
    with house():
        assert calling.waiting_calls() == []
    assert by_house(calling.call_people, meeting_id=table.meeting.pk).events == ()
    with acting_as(table.cast.chair) as chair, pytest.raises(Denied):
        calling.call_people(by=chair, meeting_id=table.meeting.pk)
