"""Publishing: who is invited, what the mail says and what it never says, over real SMTP."""

from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from cases.models import Referral
from mdo.kernel import clock
from mdo.kernel.errors import Denied, NotFound, RuleBroken, Stale
from meetings.actions import agenda_building as building
from meetings.actions import planning
from meetings.actions.mailing import deliver
from meetings.models import AgendaItem, Delivery, Meeting
from meetings.tasks import sweep
from tests.cast import Cast
from tests.factories import make_case, make_item, make_meeting, make_patient, make_referral, make_topic, writing
from tests.meetings.acts import audited, by_house, call, house
from tests.parts import MailServer

BOARD = {"chair", "coordinator", "secretary", "radiologist", "partner", "partnersecretary", "observer"}


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    """A planned meeting with a case of the requester, whose GP is invited, and a topic."""
    meeting = make_meeting(cast.board, state=Meeting.State.PLANNED)
    patient = make_patient(cast.organiser, family_name="Kanarie", given_name="Gele")
    case = make_case(cast.organiser, cast.requester.person, patient=patient)
    referral = make_referral(
        cast.board,
        cast.organiser,
        cast.requester.person,
        case=case,
        status=Referral.Status.SCHEDULED,
        guest=cast.guest.person,
    )
    make_item(meeting, topic=make_topic(cast.board, title="Wachtlijst\r\nBcc: iedereen@example.org"))
    make_item(meeting, referral)
    return meeting


def publish(cast: Cast, meeting: Meeting, version: int = 1) -> Any:
    return call(building.publish_meeting, cast.secretary, meeting_id=meeting.pk, version=version)


def who(**found: Any) -> dict[str, set[str]]:
    """Who was ordered a mail, by occasion."""
    occasions: dict[str, set[str]] = {}
    for name, occasion in Delivery.objects.filter(**found).values_list("recipient__username", "occasion"):
        occasions.setdefault(occasion, set()).add(name)
    return occasions


def test_publish(cast: Cast, meeting: Meeting) -> None:
    done = publish(cast, meeting)
    assert [event.model_dump() for event in done.events] == [
        {"meeting_id": meeting.pk, "version": 2, "calendar_sequence": 0}
    ]
    assert who() == {"publish:0": BOARD | {"requester", "guest"}}
    as_what = dict(Delivery.objects.values_list("recipient__username", "detail__as"))
    assert {name for name, kind in as_what.items() if kind == "guest"} == {"guest"}
    assert {name for name, kind in as_what.items() if kind == "requester"} == {"requester"}
    assert audited("agenda.publish") == [(cast.secretary.pk, cast.organiser.pk, "ok")]


def test_publish_refuses(cast: Cast, meeting: Meeting) -> None:
    with pytest.raises(Stale):
        publish(cast, meeting, version=2)
    for by, refusal in ((cast.outsider, NotFound), (cast.partner, Denied), (cast.guest, Denied)):
        with pytest.raises(refusal):
            call(building.publish_meeting, by, meeting_id=meeting.pk, version=1)
    for state in ("running", "closed", "cancelled"):
        with pytest.raises(RuleBroken):
            publish(cast, make_meeting(cast.board, state=state))
    assert not Delivery.objects.exists()


def test_publish_again_raises_the_sequence_and_lets_go_who_is_no_longer_expected(cast: Cast, meeting: Meeting) -> None:
    publish(cast, meeting)
    with writing():
        Delivery.objects.update(attempts=1, state="done")
    item = AgendaItem.objects.get(referral__isnull=False)
    call(building.unschedule, cast.secretary, meeting_id=meeting.pk, item_id=item.pk, version=1)
    done = publish(cast, meeting, version=2)
    assert done.events[0].calendar_sequence == 1
    assert who(kind="invitation")["publish:1"] == BOARD
    assert who(kind="cancellation") == {"cancel:1": {"requester", "guest"}}


def test_an_ended_agreement_invites_nobody_of_the_partner(cast: Cast, meeting: Meeting) -> None:
    cast.agreement.ends_on = (clock.now() - timedelta(days=2)).date()
    cast.agreement.save()
    publish(cast, meeting)
    assert who() == {"publish:0": (BOARD - {"partner", "partnersecretary"}) | {"requester", "guest"}}


# --- the mails ---------------------------------------------------------------------------------------------------------


def send_all() -> None:
    with house():
        ids = list(Delivery.objects.filter(state="waiting").order_by("pk").values_list("pk", flat=True))
    for row_id in ids:
        by_house(deliver, delivery_id=row_id)


def part(message: EmailMessage, kind: str) -> str:
    return str(next(each for each in message.walk() if each.get_content_type() == kind).get_content())


def test_a_mail_for_each_with_a_calendar_entry_and_no_care_content(
    cast: Cast, meeting: Meeting, smtp: MailServer
) -> None:
    cast.board.name = "Borst\r\nBcc: iedereen@example.org"
    cast.board.save()
    cast.chair.person.language = "en"
    cast.chair.person.save()
    publish(cast, meeting)
    send_all()
    assert {str(each["To"]) for each in smtp.messages} == {
        f"{name}@example.org" for name in BOARD | {"requester", "guest"}
    }
    (message,) = smtp.to("chair@example.org")
    local = meeting.starts_at.astimezone(ZoneInfo("Europe/Brussels"))
    assert message["Subject"] == f"Borst Bcc: iedereen@example.org, {local:%A} {local.day} {local:%B %Y}, {local:%H:%M}"
    assert (message["Bcc"], message.get_content_type()) == (None, "multipart/alternative")
    assert f"/meetings/{meeting.pk}/?for={cast.organiser.pk}\n" in part(message, "text/plain")
    calendar = next(each for each in message.walk() if each.get_content_type() == "text/calendar")
    assert calendar.get_param("method") == "REQUEST"
    entry = Calendar.from_ical(calendar.get_payload(decode=True)).walk("VEVENT")[0]
    assert (entry["SEQUENCE"], entry.decoded("DTSTART"), str(entry["UID"])) == (
        0,
        meeting.starts_at,
        f"{meeting.pk}@mdo.invalid",
    )
    assert str(entry["ATTENDEE"]) == "mailto:chair@example.org"
    everything = "\n".join(_text(each) for each in smtp.messages)
    for canary in ("Kanarie", "Gele", "G.K.", "Claes", "Wachtlijst", "lokale behandeling"):
        others = everything.replace("dr. Sofie Claes", "")  # she is addressed by name in her own mail
        assert canary not in others
    assert set(Delivery.objects.values_list("state", flat=True)) == {"done"}


def _text(message: EmailMessage) -> str:
    parts = [str(each.get_content()) for each in message.walk() if not each.is_multipart()]
    return "\n".join([str(message["Subject"]), *parts])


def test_the_guest_learns_the_own_moment_and_nobodys_name(cast: Cast, meeting: Meeting, smtp: MailServer) -> None:
    publish(cast, meeting)
    send_all()
    (message,) = smtp.to("guest@example.org")
    text = part(message, "text/plain")
    assert f"/meetings/{meeting.pk}/room/" in text
    own = meeting.starts_at + timedelta(minutes=6)  # after the topic
    calendar = next(each for each in message.walk() if each.get_content_type() == "text/calendar")
    entry = Calendar.from_ical(calendar.get_payload(decode=True)).walk("VEVENT")[0]
    assert (entry.decoded("DTSTART"), entry.decoded("DTEND")) == (own, own + timedelta(minutes=6))


def test_a_repetition_has_the_same_message_id_and_a_done_row_is_not_sent(
    cast: Cast, meeting: Meeting, smtp: MailServer
) -> None:
    publish(cast, meeting)
    row = Delivery.objects.get(recipient=cast.chair.person)
    done = by_house(deliver, delivery_id=row.pk)
    assert [event.model_dump() for event in done.events] == [{"meeting_id": meeting.pk, "delivery_id": row.pk}]
    assert by_house(deliver, delivery_id=row.pk).events == ()
    assert len(smtp.messages) == 1
    with writing():  # as if the worker had been killed between sending and committing
        Delivery.objects.filter(pk=row.pk).update(state="waiting")
    by_house(deliver, delivery_id=row.pk)
    assert {message["Message-ID"] for message in smtp.messages} == {row.message_id}
    assert len(smtp.messages) == 2


def test_what_is_superseded_is_dropped(cast: Cast, meeting: Meeting, smtp: MailServer) -> None:
    publish(cast, meeting)
    publish(cast, meeting, version=2)
    send_all()
    states = {(each.occasion, each.state) for each in Delivery.objects.all()}
    assert states == {("publish:0", "dropped"), ("publish:1", "done")}
    (message,) = smtp.to("chair@example.org")
    assert str(message["Subject"]).startswith(("Changed", "Gewijzigd"))


def test_cancellation(cast: Cast, meeting: Meeting, smtp: MailServer) -> None:
    publish(cast, meeting)
    with writing():
        Delivery.objects.update(attempts=1)
    send_all()
    smtp.clear()
    call(planning.cancel_sitting, cast.secretary, meeting_id=meeting.pk, version=2)
    send_all()
    (message,) = smtp.to("guest@example.org")
    calendar = next(each for each in message.walk() if each.get_content_type() == "text/calendar")
    entry = Calendar.from_ical(calendar.get_payload(decode=True)).walk("VEVENT")[0]
    assert (calendar.get_param("method"), entry["SEQUENCE"], str(entry["STATUS"])) == ("CANCEL", 1, "CANCELLED")
    assert len(smtp.messages) == len(BOARD) + 2


def test_who_has_no_address_or_no_account_gets_nothing(cast: Cast, meeting: Meeting, smtp: MailServer) -> None:
    publish(cast, meeting)
    cast.chair.person.is_active = False
    cast.chair.person.save()
    cast.radiologist.person.email = ""
    cast.radiologist.person.save()
    send_all()
    dropped = dict(Delivery.objects.filter(state="dropped").values_list("recipient__username", "last_error"))
    assert dropped == {"chair": "no address", "radiologist": "no address"}


def test_only_the_house_sends(cast: Cast, meeting: Meeting) -> None:
    from tests.cast import acting_as

    publish(cast, meeting)
    row = Delivery.objects.all()[0]
    with pytest.raises(Denied), acting_as(cast.secretary) as person:
        deliver(by=person, delivery_id=row.pk)


# --- the sweep ---------------------------------------------------------------------------------------------------------


def test_the_sweep_sends_and_what_fails_comes_back(
    committed: None, cast: Cast, meeting: Meeting, smtp: MailServer
) -> None:
    publish(cast, meeting)
    smtp.stop()
    sweep()
    assert set(Delivery.objects.values_list("state", "attempts")) == {("waiting", 1)}
    assert set(Delivery.objects.values_list("last_error", flat=True)) == {"ConnectionRefusedError"}
    smtp.start()
    sweep()
    assert smtp.messages == []  # a pause first
    with clock.frozen(clock.now() + timedelta(seconds=11)):
        sweep()
    assert len(smtp.messages) == len(BOARD) + 2
    assert {message["Message-ID"] for message in smtp.messages} == set(
        Delivery.objects.values_list("message_id", flat=True)
    )
    assert set(Delivery.objects.values_list("state", "last_error")) == {("done", "")}


def test_a_killed_workers_rows_come_back(committed: None, cast: Cast, meeting: Meeting, smtp: MailServer) -> None:
    from mdo.kernel import work

    publish(cast, meeting)
    with house():
        claimed = work.claim(Delivery, 100)
    assert len(claimed) == len(BOARD) + 2
    sweep()
    assert smtp.messages == []
    with clock.frozen(clock.now() + timedelta(seconds=61)):
        sweep()
    assert len(smtp.messages) == len(claimed)


def test_a_real_worker_is_woken(committed: None, cast: Cast, meeting: Meeting, smtp: MailServer, worker: Any) -> None:
    publish(cast, meeting)
    # Sooner than the clock's next tick, most of the time; never later.
    assert len(smtp.wait_for(len(BOARD) + 2, within_s=9)) == len(BOARD) + 2
