"""Reminders: once, to whom it concerns, and never of what is past."""

from datetime import timedelta

import pytest

from mdo.kernel import clock
from mdo.kernel.errors import Denied
from mdo.kernel.ids import new_id
from meetings.actions import planning
from meetings.actions.mailing import deliver
from meetings.actions.reminding import remind
from meetings.actions.signing import sign_decisions
from meetings.models import AgendaItem, Delivery, Meeting, Reminder
from meetings.tasks import sweep
from tests.cast import Cast, acting_as
from tests.factories import make_decision, make_item, make_meeting, make_referral, writing
from tests.meetings.acts import audited, by_house, call, house
from tests.parts import MailServer


@pytest.fixture
def reminder(cast: Cast) -> Reminder:
    """Of the deadline of a sitting in nine days; it falls due some days before."""
    starts_at = clock.now() + timedelta(days=9)
    arguments = {"board_id": cast.board.pk, "meeting_id": new_id(), "starts_at": starts_at, "minutes": 60}
    call(planning.plan_sitting, cast.secretary, **arguments)
    return Reminder.objects.get()


def test_requesters_with_something_unfinished_and_their_secretaries(
    cast: Cast, reminder: Reminder, smtp: MailServer
) -> None:
    make_referral(cast.board, cast.organiser, cast.requester.person, status="draft")
    make_referral(cast.board, cast.partner_hospital, cast.partner.person, status="returned")
    make_referral(cast.board, cast.organiser, cast.radiologist.person, status="submitted")
    elsewhere = make_referral(cast.board, cast.organiser, cast.chair.person, status="draft")
    with writing():
        elsewhere.wanted_meeting = new_id()
        elsewhere.save()
    with clock.frozen(reminder.due_at):
        assert by_house(remind, reminder_id=reminder.pk).events == ()
        found = dict(Delivery.objects.values_list("recipient__username", "detail"))
        assert found == {
            "requester": {"unfinished": 1},
            "partner": {"unfinished": 1},
            "secretary": {"unfinished": 1, "waiting": 1},
            "partnersecretary": {"unfinished": 1, "waiting": 0},
        }
        with house():
            ids = list(Delivery.objects.values_list("pk", flat=True))
        for row_id in ids:
            by_house(deliver, delivery_id=row_id)
        by_house(remind, reminder_id=reminder.pk)
    assert len(smtp.messages) == 4
    assert Delivery.objects.count() == 4
    assert Reminder.objects.get().state == "done"
    assert [outcome for _actor, hospital, outcome in audited("reminder.send")] == ["ok", "ok"]


def test_nothing_to_finish_reminds_nobody(cast: Cast, reminder: Reminder) -> None:
    with clock.frozen(reminder.due_at):
        by_house(remind, reminder_id=reminder.pk)
    assert (Reminder.objects.get().state, Delivery.objects.count()) == ("dropped", 0)


def test_after_a_time_of_darkness_nobody_is_reminded_of_the_past(
    committed: None, cast: Cast, reminder: Reminder, smtp: MailServer
) -> None:
    make_referral(cast.board, cast.organiser, cast.requester.person, status="draft")
    with clock.frozen(reminder.due_at + timedelta(days=2)):
        sweep()
    row = Reminder.objects.get()
    assert (row.state, row.last_error, smtp.messages) == ("dropped", "the deadline is past", [])


def test_a_mail_that_comes_too_late_is_not_sent(cast: Cast, reminder: Reminder, smtp: MailServer) -> None:
    make_referral(cast.board, cast.organiser, cast.requester.person, status="draft")
    with clock.frozen(reminder.due_at):
        by_house(remind, reminder_id=reminder.pk)
    with clock.frozen(reminder.due_at + timedelta(days=2)):
        for row in Delivery.objects.all():
            by_house(deliver, delivery_id=row.pk)
    assert set(Delivery.objects.values_list("state", flat=True)) == {"dropped"}
    assert smtp.messages == []


def test_the_coordinator_is_reminded_of_signatures(cast: Cast, smtp: MailServer) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED)
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status="discussed")
    decision = make_decision(make_item(meeting, referral, state=AgendaItem.State.DISCUSSED))
    with writing():
        row = Reminder.objects.create(
            hospital=cast.organiser, meeting=meeting, kind="signature", due_at=clock.now() - timedelta(days=3)
        )
    by_house(remind, reminder_id=row.pk)
    delivery = Delivery.objects.get()
    assert (delivery.recipient_id, delivery.detail) == (cast.coordinator.pk, {"unsigned": 1})
    by_house(deliver, delivery_id=delivery.pk)
    (message,) = smtp.messages
    assert "/signing/" in str(message.get_content())
    assert referral.question not in str(message.get_content())
    from meetings import chain

    with house():
        decision.refresh_from_db()
        read = [(decision.pk, chain.seen(decision))]
    with writing():
        Reminder.objects.update(state="waiting")
    call(sign_decisions, cast.coordinator, meeting_id=meeting.pk, decisions=read)
    assert Reminder.objects.get().state == "dropped"


def test_a_reminder_of_signatures_without_any_is_dropped(cast: Cast) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED)
    with writing():
        row = Reminder.objects.create(
            hospital=cast.organiser, meeting=meeting, kind="signature", due_at=clock.now() - timedelta(days=3)
        )
    by_house(remind, reminder_id=row.pk)
    assert (Reminder.objects.get().state, Delivery.objects.count()) == ("dropped", 0)


def test_only_the_house_reminds(cast: Cast, reminder: Reminder) -> None:
    with pytest.raises(Denied), acting_as(cast.secretary) as person:
        remind(by=person, reminder_id=reminder.pk)
