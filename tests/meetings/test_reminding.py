"""Reminders: once, to whom it concerns, one digest for a person and day, and never of what is past."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from cases.answers import answer_id
from cases.models import Referral
from mdo.directory.models import BoardRole, Organisation, OrganisationRole, Person
from mdo.kernel import clock, work
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.ids import new_id
from meetings import chain
from meetings.actions import planning
from meetings.actions.reminding import ask_again, plan_missing_reminders, remind, set_reminders
from meetings.actions.signing import sign_decisions
from meetings.models import AgendaItem, Delivery, DigestLine, Meeting, Reminder, Reply
from meetings.tasks import sweep
from tests.cast import Cast, Member, acting_as, seat
from tests.factories import (
    BRUSSELS,
    case_data,
    make_case,
    make_decision,
    make_item,
    make_meeting,
    make_patient,
    make_referral,
    writing,
)
from tests.meetings.acts import at_once, audited, by_house, call, house
from tests.parts import MailServer

MONDAY = datetime(2026, 11, 16, 10, tzinfo=BRUSSELS)
NEXT_WEDNESDAY = datetime(2026, 11, 25, 14, tzinfo=BRUSSELS)  # the deadline is Monday the 23rd at noon


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=BRUSSELS)


def plan(cast: Cast, starts_at: datetime = NEXT_WEDNESDAY) -> Meeting:
    with clock.frozen(MONDAY):
        call(
            planning.plan_sitting,
            cast.secretary,
            board_id=cast.board.pk,
            meeting_id=new_id(),
            starts_at=starts_at,
            minutes=60,
        )
    return Meeting.objects.get(starts_at=starts_at)


def reminder(meeting: Meeting, kind: str = "deadline") -> Reminder:
    return Reminder.objects.get(meeting=meeting, kind=kind)


def send(moment: datetime) -> None:
    """What the sweep does at a moment: first what is due, then, a minute later, the mails."""
    with clock.frozen(moment):
        sweep()
    with clock.frozen(moment + timedelta(seconds=61)):
        sweep()


def lines(**wanted: Any) -> dict[str, tuple[str, str]]:
    """What became of each person's line: person → (state, why)."""
    found = DigestLine.objects.filter(**wanted)
    return {name: (state, why) for name, state, why in found.values_list("person__username", "state", "why")}


def pathologist(cast: Cast, hospital: Organisation | None = None) -> Member:
    hospital = hospital or cast.organiser
    person = Person.objects.create(
        username="pathologist",
        email="pathologist@example.org",
        last_name="Bex",
        profession="physician",
        discipline="pathology",
    )
    seat(person, cast.board, hospital, "member", valid_from=MONDAY - timedelta(days=30))
    OrganisationRole.objects.create(
        person=person, organisation=hospital, role="clinician", valid_from=MONDAY - timedelta(days=30)
    )
    return Member(person, hospital)


def lacking(cast: Cast, meeting: Meeting | None = None, member: Member | None = None, **data: Any) -> Referral:
    """A case without its pathology, on an agenda or waiting for one."""
    member = member or cast.requester
    patient = make_patient(member.organisation, family_name="Kanariezwaluw", given_name="Rosa")
    data = data or {"pathology_findings": None}
    case = make_case(member.organisation, member.person, patient=patient, data=case_data(**data))
    status = "scheduled" if meeting else "submitted"
    referral = make_referral(cast.board, member.organisation, member.person, case=case, status=status)
    if meeting:
        make_item(meeting, referral)
    return referral


# --- the deadline and the signatures --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("committed")
def test_requesters_with_something_unfinished_and_their_secretaries(cast: Cast, smtp: MailServer) -> None:
    meeting = plan(cast)
    make_referral(cast.board, cast.organiser, cast.requester.person, status="draft")
    make_referral(cast.board, cast.partner_hospital, cast.partner.person, status="returned")
    make_referral(cast.board, cast.organiser, cast.radiologist.person, status="submitted")
    make_referral(cast.board, cast.organiser, cast.chair.person, status="draft", wanted_meeting=new_id())
    assert reminder(meeting).due_at == at(22, 8)
    send(at(22, 8))
    send(at(22, 8))
    named = ("requester", "partner", "secretary", "partnersecretary")
    assert lines() == dict.fromkeys(named, ("sent", ""))
    assert sorted(str(message["To"]) for message in smtp.messages) == sorted(f"{name}@example.org" for name in named)
    (mail,) = smtp.to("secretary@example.org")[:1]
    assert "1 aanmelding" in str(mail.get_content()) or "1 submission" in str(mail.get_content())
    assert reminder(meeting).state == "done"
    assert [outcome for _actor, _hospital, outcome in audited("reminder.send")].count("ok") >= 1


@pytest.mark.usefixtures("committed")
def test_nothing_to_finish_reminds_nobody(cast: Cast, smtp: MailServer) -> None:
    meeting = plan(cast)
    send(at(22, 8))
    assert (reminder(meeting).state, reminder(meeting).last_error) == ("dropped", "nothing")
    assert (smtp.messages, DigestLine.objects.count()) == ([], 0)


@pytest.mark.usefixtures("committed")
def test_after_a_time_of_darkness_nobody_is_reminded_of_the_past(cast: Cast, smtp: MailServer) -> None:
    meeting = plan(cast)
    make_referral(cast.board, cast.organiser, cast.requester.person, status="draft")
    send(at(23, 12, 1))
    assert (reminder(meeting).state, reminder(meeting).last_error) == ("dropped", "past")
    assert smtp.to("requester@example.org") == []


@pytest.mark.usefixtures("committed")
def test_what_was_done_or_is_past_meanwhile_is_left_out(cast: Cast, smtp: MailServer) -> None:
    meeting = plan(cast)
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status="draft")
    make_referral(cast.board, cast.partner_hospital, cast.partner.person, status="draft")
    by_house_at(at(22, 8), meeting)
    with writing():
        Referral.objects.filter(pk=referral.pk).update(status="withdrawn")
    with clock.frozen(at(22, 8, 2)):
        sweep()
    assert lines(kind="deadline")["requester"] == ("dropped", "nothing")
    assert lines(kind="deadline")["partner"] == ("sent", "")
    assert smtp.to("requester@example.org") == []
    with writing():  # as if the worker had been down since
        Delivery.objects.update(state="waiting")
        DigestLine.objects.update(state="waiting")
    with clock.frozen(at(23, 12, 1)):
        sweep()
    assert lines(kind="deadline")["partner"] == ("dropped", "past")
    assert len(smtp.to("partner@example.org")) == 1


def by_house_at(moment: datetime, meeting: Meeting, kind: str = "deadline") -> Any:
    with clock.frozen(moment):
        return by_house(remind, reminder_id=reminder(meeting, kind).pk)


def test_the_coordinator_is_reminded_of_signatures(cast: Cast) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED)
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status="discussed")
    decision = make_decision(make_item(meeting, referral, state=AgendaItem.State.DISCUSSED))
    with writing():
        row = Reminder.objects.create(hospital=cast.organiser, meeting=meeting, kind="signature", due_at=clock.now())
    by_house(remind, reminder_id=row.pk)
    assert lines() == {"coordinator": ("waiting", "")}
    with house():
        decision.refresh_from_db()
        read = [(decision.pk, chain.seen(decision))]
    with writing():
        Reminder.objects.update(state="waiting")
    call(sign_decisions, cast.coordinator, meeting_id=meeting.pk, decisions=read)
    assert (Reminder.objects.get().state, Reminder.objects.get().last_error) == ("dropped", "signed")


def test_only_the_house_reminds(cast: Cast) -> None:
    meeting = plan(cast)
    with pytest.raises(Denied), acting_as(cast.secretary) as person:
        remind(by=person, reminder_id=reminder(meeting).pk)


# --- what is missing ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("committed")
def test_owners_get_one_digest_with_links_that_open_the_one_field(cast: Cast, smtp: MailServer) -> None:
    meeting = plan(cast)
    owner = pathologist(cast)
    first = lacking(cast, meeting)
    lacking(cast)  # waits for the board's next sitting
    theirs = lacking(cast, meeting, cast.partner)  # of a hospital without a pathologist on the board: its requester
    lacking(cast, meeting, pathology_findings=None, imaging_findings=None)
    send(at(21, 8))  # four days before
    assert lines(kind="ask") == dict.fromkeys(("pathologist", "radiologist", "partner"), ("sent", ""))
    (mail,) = smtp.to(owner.person.email)
    body = str(mail.get_content())
    address = (
        f"/cases/{first.case_id}/answer/{answer_id(first.case_id, None, 'pathology_findings')}/?for={cast.organiser.pk}"
    )
    assert (body.count("/answer/"), address in body) == (3, True)
    assert str(answer_id(theirs.case_id, None, "pathology_findings")) in str(
        smtp.to("partner@example.org")[0].get_content()
    )
    for message in smtp.messages:
        text = str(message).lower()
        for secret in ("kanariezwaluw", "pathol", "findings", "borstsparend", first.question.lower()):
            assert secret not in text.replace(owner.person.email, ""), secret


@pytest.mark.usefixtures("committed")
def test_one_digest_a_day_whatever_falls_due(cast: Cast, smtp: MailServer) -> None:
    wednesday, thursday = plan(cast), plan(cast, NEXT_WEDNESDAY + timedelta(days=1))
    owner = pathologist(cast)
    lacking(cast, wednesday)
    lacking(cast, thursday)
    send(at(21, 8))
    assert len(smtp.to(owner.person.email)) == 1
    with clock.frozen(at(21, 9)):
        call(ask_again, cast.secretary, meeting_id=wednesday.pk)
        call(ask_again, cast.secretary, meeting_id=wednesday.pk)  # asked twice is asked once
    send(at(21, 9, 5))
    assert len(smtp.to(owner.person.email)) == 1  # had one today
    send(at(22, 8))  # Thursday's reminder falls due as well
    sent = smtp.to(owner.person.email)
    assert (len(sent), str(sent[1].get_content()).count("/answer/")) == (2, 2)
    assert len({str(message["Message-ID"]) for message in sent}) == 2


def test_a_second_digest_beside_the_one_that_waits_is_refused_by_the_database(cast: Cast) -> None:
    meeting = plan(cast)
    lacking(cast, meeting)
    with clock.frozen(at(21, 9)):
        call(ask_again, cast.secretary, meeting_id=meeting.pk)
    (row,) = Delivery.objects.all()
    with pytest.raises(IntegrityError, match="delivery_one_digest"), transaction.atomic(), writing():
        Delivery.objects.create(
            hospital=cast.organiser,
            recipient=row.recipient,
            kind="digest",
            occasion="other",
            message_id="<x@y>",
            due_at=row.due_at,
        )


@pytest.mark.usefixtures("committed")
def test_after_a_day_of_darkness_there_is_no_flood(cast: Cast, smtp: MailServer) -> None:
    """Twelve sittings, sixty reminders due within the time of darkness: one digest for each person, or none where it is too late."""
    owner = pathologist(cast)
    make_referral(cast.board, cast.organiser, cast.requester.person, status="draft")
    for hours in range(12):
        lacking(cast, plan(cast, NEXT_WEDNESDAY + timedelta(hours=hours / 4)))
    due = Reminder.objects.filter(state="waiting", due_at__lte=at(24, 9)).count()
    assert due > 40
    send(at(24, 9))
    assert not Reminder.objects.filter(state="waiting", due_at__lte=at(24, 9)).exists()
    counts = {name: len(smtp.to(f"{name}@example.org")) for name in ("pathologist", "secretary", "chair", "requester")}
    assert counts == {"pathologist": 1, "secretary": 1, "chair": 1, "requester": 0}  # the deadline was Monday at noon
    assert str(smtp.to(owner.person.email)[0].get_content()).count("/answer/") == 12
    send(at(24, 9, 30))
    assert len(smtp.to(owner.person.email)) == 1


@pytest.mark.usefixtures("committed")
def test_in_the_quiet_hours_nothing_goes_out(cast: Cast, smtp: MailServer) -> None:
    meeting = plan(cast)
    owner = pathologist(cast)
    lacking(cast, meeting)
    with clock.frozen(at(22, 20)):
        call(ask_again, cast.secretary, meeting_id=meeting.pk)
    send(at(23, 6, 50))
    assert smtp.messages == []
    send(at(23, 7))
    assert len(smtp.to(owner.person.email)) == 1
    with clock.frozen(at(24, 12)):
        call(ask_again, cast.secretary, meeting_id=meeting.pk)
    send(at(25, 3))  # the worker was down and wakes at night
    assert len(smtp.to(owner.person.email)) == 1
    send(at(25, 7))
    assert len(smtp.to(owner.person.email)) == 2
    # Without quiet hours the same moment is loud: what held it back was the setting.
    quiet_never = {"rules": {}, "send_at": time(8), "quiet_from": time(0), "quiet_until": time(0), "version": 0}
    early = plan(cast, NEXT_WEDNESDAY + timedelta(days=7))
    lacking(cast, early)
    call(set_reminders, cast.secretary, board_id=cast.board.pk, **quiet_never)
    with clock.frozen(at(26, 2)):
        call(ask_again, cast.secretary, meeting_id=early.pk)
    send(at(26, 2, 2))
    assert len(smtp.to(owner.person.email)) == 3


@pytest.mark.usefixtures("committed")
def test_what_would_come_too_late_in_the_morning_is_dropped(cast: Cast, smtp: MailServer) -> None:
    meeting = plan(cast, at(25, 6, 30))
    lacking(cast, meeting)
    with clock.frozen(at(24, 21)):
        call(ask_again, cast.secretary, meeting_id=meeting.pk)
    assert lines(kind="ask") == {"requester": ("dropped", "past")}
    assert not Delivery.objects.filter(kind="digest").exists()


@pytest.mark.usefixtures("committed")
def test_who_did_not_answer_is_asked_whether_they_come(cast: Cast, smtp: MailServer) -> None:
    meeting = plan(cast)
    with writing():
        Meeting.objects.update(state="published")
        Reply.objects.create(meeting=meeting, hospital=cast.organiser, person=cast.chair.person, answer="yes")
    send(at(22, 8))
    assert lines(kind="reply") == dict.fromkeys(("coordinator", "radiologist", "partner"), ("sent", ""))
    assert f"/meetings/{meeting.pk}/" in str(smtp.to("radiologist@example.org")[0].get_content())


# --- asking again and the rules of the board ------------------------------------------------------------------------------


def test_who_asks_again(cast: Cast) -> None:
    meeting = plan(cast)
    with clock.frozen(at(23, 9)):
        with pytest.raises(RuleBroken):
            call(ask_again, cast.secretary, meeting_id=meeting.pk)  # nothing is missing
        lacking(cast, meeting)
        for name in ("radiologist", "partnersecretary", "observer"):
            with pytest.raises(Denied):
                call(ask_again, cast.members[name], meeting_id=meeting.pk)
        with pytest.raises(NotFound):
            call(ask_again, cast.outsider, meeting_id=meeting.pk)
        assert call(ask_again, cast.chair, meeting_id=meeting.pk).events == ()
    assert audited("reminder.ask_again")[-1] == (cast.chair.pk, cast.organiser.pk, "ok")
    with clock.frozen(NEXT_WEDNESDAY), pytest.raises(RuleBroken):
        call(ask_again, cast.secretary, meeting_id=meeting.pk)


HOURS = {"send_at": time(9), "quiet_from": time(20), "quiet_until": time(8, 30)}


def test_the_rules_of_a_board_move_what_did_not_go_out(cast: Cast) -> None:
    meeting = plan(cast)
    lacking(cast, meeting)
    by_house_at(at(21, 8), meeting, "ask")
    assert reminder(meeting, "ask").state == "done"
    rules = {
        "ask": {"on": True, "days": 2, "to": ["owner"]},
        "ask_again": {"on": True, "days": 2, "to": ["owner"]},
        "deadline": {"on": False, "days": 1, "to": []},
        "readiness": {"on": True, "days": 3, "to": ["coordinator"]},
    }
    with clock.frozen(at(21, 9)):
        call(set_reminders, cast.secretary, board_id=cast.board.pk, version=0, rules=rules, **HOURS)
    assert reminder(meeting, "ask").due_at == at(21, 8)  # went out and does not go out again
    assert (reminder(meeting, "ask_again").due_at, reminder(meeting, "readiness").due_at) == (at(23, 9), at(22, 9))
    assert (reminder(meeting).state, reminder(meeting).last_error) == ("dropped", "off")
    by_house_at(at(22, 9), meeting, "readiness")
    assert set(lines(kind="readiness")) == {"coordinator"}
    assert audited("reminder.set") == [(cast.secretary.pk, cast.organiser.pk, "ok")]
    with clock.frozen(at(22, 9)), pytest.raises(Stale):
        call(set_reminders, cast.secretary, board_id=cast.board.pk, version=0, rules=rules, **HOURS)


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"moon": {"on": True, "days": 1, "to": ["owner"]}}, "moon"),
        ({"ask": {"on": True, "days": 181, "to": ["owner"]}}, "ask_days"),
        ({"ask": {"on": True, "days": "1", "to": ["owner"]}}, "ask_days"),
        ({"ask": {"on": True, "days": 1, "to": ["chair"]}}, "ask_to"),
        ({"ask": {"on": True, "days": 1, "to": []}}, "ask_to"),
    ],
)
def test_rules_that_cannot_be(cast: Cast, rules: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        call(set_reminders, cast.secretary, board_id=cast.board.pk, version=0, rules=rules, **HOURS)
    assert set(refused.value.errors) == {field}
    with pytest.raises(Denied):
        call(set_reminders, cast.radiologist, board_id=cast.board.pk, version=0, rules={}, **HOURS)


@pytest.mark.usefixtures("committed")
def test_a_sitting_from_before_the_rules_gets_its_reminders(cast: Cast) -> None:
    meeting = make_meeting(cast.board, starts_at=NEXT_WEDNESDAY)
    with clock.frozen(at(22, 9)):
        sweep()
        sweep()
    found = dict(Reminder.objects.filter(meeting=meeting).values_list("kind", "state"))
    assert found == {
        "ask": "dropped",
        "reply": "dropped",
        "deadline": "dropped",
        "ask_again": "waiting",
        "readiness": "waiting",
    }


def test_a_sitting_that_has_no_reminders_gets_them_by_the_house_alone(cast: Cast) -> None:
    meeting = plan(cast)
    planned = dict(Reminder.objects.filter(meeting=meeting).values_list("kind", "due_at"))
    assert planned
    with writing():
        Reminder.objects.filter(meeting=meeting).delete()
    with clock.frozen(MONDAY):
        assert by_house(plan_missing_reminders, meeting_id=meeting.pk).events == ()
        assert dict(Reminder.objects.filter(meeting=meeting).values_list("kind", "due_at")) == planned
        by_house(plan_missing_reminders, meeting_id=meeting.pk)  # again: nothing twice
    assert Reminder.objects.filter(meeting=meeting).count() == len(planned)
    assert [outcome for _who, _where, outcome in audited("reminder.plan")] == ["ok", "ok"]
    with acting_as(cast.secretary) as person, pytest.raises(Denied):
        plan_missing_reminders(by=person, meeting_id=meeting.pk)


# --- between the claim and the mail ---------------------------------------------------------------------------------------


def move(cast: Cast, meeting: Meeting, starts_at: datetime) -> None:
    meeting.refresh_from_db()
    call(
        planning.move_sitting,
        cast.secretary,
        meeting_id=meeting.pk,
        version=meeting.version,
        starts_at=starts_at,
        minutes=60,
        place="",
    )


def test_one_that_was_moved_after_it_was_claimed_waits_for_its_new_day(cast: Cast) -> None:
    meeting = plan(cast)
    lacking(cast, meeting)
    row = reminder(meeting, "ask")
    with clock.frozen(at(21, 8)):
        with house():
            assert row.pk in work.claim(Reminder, 50)
        move(cast, meeting, NEXT_WEDNESDAY + timedelta(days=2))
        by_house(remind, reminder_id=row.pk)
    assert (reminder(meeting, "ask").state, reminder(meeting, "ask").due_at, lines()) == ("waiting", at(23, 8), {})
    by_house_at(at(23, 8), meeting, "ask")
    assert lines(kind="ask") == {"requester": ("waiting", "")}


def test_what_waits_for_the_morning_is_dropped_when_the_sitting_is_moved_to_another_day(cast: Cast) -> None:
    meeting = plan(cast)
    lacking(cast, meeting)
    by_house_at(at(21, 20), meeting, "ask")  # late: in the quiet hours
    with clock.frozen(at(21, 21)):
        call(ask_again, cast.secretary, meeting_id=meeting.pk)
        move(cast, meeting, NEXT_WEDNESDAY + timedelta(days=2))
    found = DigestLine.objects.filter(kind="ask").order_by("occasion").values_list("occasion", "state", "why")
    assert [(occasion[:4], state, why) for occasion, state, why in found] == [
        ("agai", "waiting", ""),
        ("due:", "dropped", "moved"),
    ]
    assert reminder(meeting, "ask").state == "waiting"


def test_one_that_was_tried_again_is_not_sent_twice_when_the_hour_of_the_sitting_moves(cast: Cast) -> None:
    meeting = plan(cast)
    lacking(cast, meeting)
    with clock.frozen(at(21, 8)), house():
        assert reminder(meeting, "ask").pk in work.claim(Reminder, 50)
        work.failed(reminder(meeting, "ask"), "OperationalError")
    by_house_at(at(21, 8, 5), meeting, "ask")
    assert reminder(meeting, "ask").due_at != at(21, 8)
    with clock.frozen(at(21, 9)):
        move(cast, meeting, NEXT_WEDNESDAY + timedelta(hours=1))
    assert reminder(meeting, "ask").state == "done"
    # A move to another day does ask anew.
    with clock.frozen(at(21, 10)):
        move(cast, meeting, NEXT_WEDNESDAY + timedelta(days=7))
    assert (reminder(meeting, "ask").state, reminder(meeting, "ask").due_at) == ("waiting", at(28, 8))


@pytest.mark.usefixtures("committed")
def test_several_sweeps_at_once_remind_each_person_once(cast: Cast, smtp: MailServer) -> None:
    for hours in range(3):
        lacking(cast, plan(cast, NEXT_WEDNESDAY + timedelta(hours=hours)))
    owner = pathologist(cast)
    for moment in (at(24, 9), at(24, 9, 2), at(24, 9, 4)):  # stopped for two days, then four at once
        with clock.frozen(moment):
            assert at_once(*[sweep] * 4) == [""] * 4
    counts = {name: len(smtp.to(f"{name}@example.org")) for name in ("pathologist", "secretary", "chair")}
    assert counts == {"pathologist": 1, "secretary": 1, "chair": 1}
    assert len({str(message["Message-ID"]) for message in smtp.messages}) == len(smtp.messages)
    assert not Reminder.objects.filter(state="waiting", due_at__lte=at(24, 9)).exists()
    assert owner.person.email in {str(message["To"]) for message in smtp.messages}


@pytest.mark.usefixtures("committed")
def test_what_was_called_off_or_changed_hands_after_its_line_was_written_is_said_to_nobody(
    cast: Cast, smtp: MailServer
) -> None:
    meeting, other = plan(cast), plan(cast, NEXT_WEDNESDAY + timedelta(days=1))
    owner = pathologist(cast)
    for each in (meeting, other):
        lacking(cast, each)
        by_house_at(at(22, 8), each, "ask")
    assert lines(meeting=meeting) == {"pathologist": ("waiting", "")}
    with clock.frozen(at(22, 8, 1)):
        meeting.refresh_from_db()
        call(planning.cancel_sitting, cast.secretary, meeting_id=meeting.pk, version=meeting.version)
    with writing():  # somebody else looks at slides from now on
        BoardRole.objects.filter(person=owner.person).update(valid_until=at(22, 8))
    with clock.frozen(at(22, 8, 2)):
        sweep()
    assert (lines(meeting=meeting), lines(meeting=other)) == (
        {"pathologist": ("dropped", "called_off")},
        {"pathologist": ("dropped", "nothing")},
    )
    assert smtp.to(owner.person.email) == []
