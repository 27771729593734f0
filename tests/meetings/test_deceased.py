"""A patient who died: reminders and invitations stop for what is theirs, visibly, until a mistaken day of death is taken away."""

from datetime import date, timedelta
from typing import Any

import pytest

from cases.actions.patients import change_patient
from cases.forms import PatientForm
from cases.models import Case, Patient, Referral
from mdo.directory.models import Person
from mdo.kernel import clock
from mdo.kernel.errors import Denied, Invalid, RuleBroken
from mdo.kernel.ids import new_id
from meetings import guests
from meetings.actions import agenda_building as building
from meetings.actions import sitting
from meetings.actions.calling import calls_of
from meetings.actions.inviting import guests_of_deceased, invite_guest, withdraw_for_deceased
from meetings.actions.mailing import deliver
from meetings.actions.reminding import plan_reminders, remind
from meetings.models import AgendaItem, Delivery, DigestLine, Meeting, Reminder
from tests.cast import Cast, acting_as
from tests.factories import make_case, make_item, make_meeting, make_patient, make_referral, writing
from tests.meetings.acts import HOUSE, audited, by_house, call, house
from tests.meetings.guesting import browser, come_in, invite, open_link, read

DIED = date(2026, 11, 2)


@pytest.fixture
def patient(cast: Cast) -> Patient:
    return make_patient(cast.organiser, birth_date=date(1950, 2, 3))


@pytest.fixture
def case(cast: Cast, patient: Patient) -> Case:
    return make_case(cast.organiser, cast.requester.person, patient=patient)


def die(cast: Cast, patient: Patient, day: date | None) -> None:
    patient = seen(patient)
    form = PatientForm(
        {
            **{key: value for key, value in PatientForm.initial_of(patient).items() if value not in (None, False)},
            "deceased_on": day.isoformat() if day else "",
            "command_id": str(new_id()),
        },
        today=clock.now().date(),
        guests=Person.objects.none(),
    )
    assert form.is_valid(), form.errors
    call(change_patient, cast.secretary, patient_id=patient.pk, version=patient.version, details=form.details)


def outbox(**found: Any) -> set[tuple[str, str]]:
    return set(Delivery.objects.filter(**found).values_list("recipient__username", "kind"))


def seen(patient: Patient) -> Patient:
    with house():
        return Patient.objects.get(pk=patient.pk)


def test_nobody_is_reminded_of_what_is_unfinished(cast: Cast, patient: Patient, case: Case) -> None:
    meeting = make_meeting(cast.board, starts_at=clock.now() + timedelta(days=10))
    make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status=Referral.Status.DRAFT)

    def reminded() -> set[tuple[str, str]]:
        with writing():
            Delivery.objects.all().delete()
            Reminder.objects.all().delete()
            plan_reminders(meeting)
            reminder = Reminder.objects.get(kind="deadline")
        with clock.frozen(reminder.due_at + timedelta(seconds=1)):
            by_house(remind, reminder_id=reminder.pk)
        return set(DigestLine.objects.values_list("person__username", "kind"))

    everybody = {("requester", "deadline"), ("secretary", "deadline")}
    assert reminded() == everybody
    die(cast, patient, DIED)
    assert reminded() == set()
    die(cast, patient, None)
    assert reminded() == everybody


def test_nobody_is_invited_and_what_was_ordered_is_dropped(cast: Cast, patient: Patient, case: Case) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.PLANNED)
    referral = make_referral(
        cast.board,
        cast.organiser,
        cast.requester.person,
        case=case,
        status=Referral.Status.SCHEDULED,
        guest=cast.guest.person,
    )
    item = make_item(meeting, referral)
    guest = {
        "meeting_id": meeting.pk,
        "item_id": item.pk,
        "name": "Jef Maes",
        "discipline": "",
        "mail": "jef@example.org",
        "phone": "",
        "language": "nl",
    }
    call(building.publish_meeting, cast.secretary, meeting_id=meeting.pk, version=1)
    call(invite_guest, cast.secretary, **guest)
    asked = outbox(recipient__username__in=("guest", "requester")) | outbox(kind="guest_link")
    assert len(asked) == 3

    die(cast, patient, DIED)
    with house():
        waiting = list(Delivery.objects.filter(detail__as="guest") | Delivery.objects.filter(kind="guest_link"))
    for row in waiting:
        by_house(deliver, delivery_id=row.pk)
    with house():
        dropped = set(Delivery.objects.filter(pk__in=[row.pk for row in waiting]).values_list("state", "last_error"))
    assert dropped == {("dropped", "nobody is invited for this item any more")}
    with pytest.raises(RuleBroken, match="has died"):
        call(invite_guest, cast.secretary, **guest)

    call(building.publish_meeting, cast.secretary, meeting_id=meeting.pk, version=2)
    again = {name for name, _ in outbox(occasion="publish:1")}
    assert "chair" in again
    assert again.isdisjoint({"guest", "requester"})
    die(cast, patient, None)
    call(building.publish_meeting, cast.secretary, meeting_id=meeting.pk, version=3)
    assert {name for name, _ in outbox(occasion="publish:2")} >= {"guest", "requester"}
    call(invite_guest, cast.secretary, **guest)


def test_nobody_is_called_in_for_the_patient(cast: Cast, patient: Patient, case: Case) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.RUNNING)
    make_item(meeting, make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="scheduled"))
    with house():
        assert cast.requester.pk in {each.person_id for each in calls_of(meeting)}
    die(cast, patient, DIED)
    with house():
        assert cast.requester.pk not in {each.person_id for each in calls_of(meeting)}


def test_a_day_of_death_is_a_day_of_this_life(cast: Cast, patient: Patient) -> None:
    for day in (date(1949, 1, 1), clock.now().date() + timedelta(days=2)):
        with pytest.raises(Invalid) as refused:
            die(cast, patient, day)
        assert set(refused.value.errors) == {"deceased_on"}
    assert seen(patient).deceased_on is None


def test_it_stands_on_case_agenda_and_stage_for_who_may_read_them(
    cast: Cast, client: Any, patient: Patient, case: Case
) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.RUNNING)
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="scheduled")
    item: AgendaItem = make_item(meeting, referral)
    pages = {
        f"/cases/{case.pk}/": ("secretary", "chair"),
        f"/meetings/{meeting.pk}/": ("secretary", "chair", "partnersecretary", "observer"),
        f"/meetings/{meeting.pk}/items/{item.pk}/stage/": ("chair",),
    }

    def marked() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for page, names in pages.items():
            for name in names:
                member = cast.members[name]
                member.person.language = "en"
                member.person.save()
                client.force_login(member.person)
                answer = client.get(page)
                assert answer.status_code == 200, (page, name)
                if "Deceased" in answer.content.decode():
                    found.setdefault(page.split("/")[1] + page.rstrip("/")[-5:], set()).add(name)
        return found

    assert marked() == {}
    die(cast, patient, DIED)
    case_key, agenda_key, stage_key = (page.split("/")[1] + page.rstrip("/")[-5:] for page in pages)
    # Neither an observer, who gets pseudonyms, nor the other hospital's secretary, who gets a label, learns it.
    assert marked() == {case_key: {"secretary", "chair"}, agenda_key: {"secretary", "chair"}, stage_key: {"chair"}}


def test_a_link_that_was_mailed_is_withdrawn_and_tells_its_guest_nothing(
    cast: Cast, patient: Patient, case: Case
) -> None:
    meeting = make_meeting(cast.board, starts_at=clock.now() + timedelta(minutes=15))
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="scheduled")
    item, other = (
        make_item(meeting, referral),
        make_item(meeting, make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled")),
    )
    mailed, confirmed, elsewhere = invite(cast, item), invite(cast, item), invite(cast, other)
    inside, outside = come_in(confirmed), browser()
    assert open_link(outside, mailed).status_code == 200
    with house():
        assert guests_of_deceased() == []

    die(cast, patient, DIED)
    # Nobody comes in between the death and the sweep either.
    refused = outside.post("/guest/code/", {"code": guests.code(mailed)})
    assert (refused.status_code, read(mailed.pk).confirmed_at) == (422, None)
    with house():
        assert guests_of_deceased() == [meeting.pk]
    done = by_house(withdraw_for_deceased, meeting_id=meeting.pk)
    assert [(event.name, event.guest_id) for event in done.events] == [
        ("guest.left", mailed.pk),
        ("guest.left", confirmed.pk),
    ]
    assert [read(each.pk).revoked_at is None for each in (mailed, confirmed, elsewhere)] == [False, False, True]
    assert audited("guest.withdraw_for_deceased") == [(HOUSE.actor_id, cast.organiser.pk, "ok")]
    for client in (inside, outside):
        page = client.get("/guest/", follow=True).content.decode()
        assert {word: word in page for word in ("over", "died", "Deceased", patient.family_name)} == {
            "over": True,
            "died": False,
            "Deceased": False,
            patient.family_name: False,
        }
    assert by_house(withdraw_for_deceased, meeting_id=meeting.pk).events == ()
    with house():
        assert guests_of_deceased() == []
    with acting_as(cast.secretary) as person, pytest.raises(Denied):
        withdraw_for_deceased(by=person, meeting_id=meeting.pk)


def test_whoever_is_at_the_table_for_the_case_is_shown_out_by_people(cast: Cast, patient: Patient, case: Case) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.RUNNING, starts_at=clock.now())
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="scheduled")
    item = make_item(meeting, referral)
    at_the_table, late = invite(cast, item), invite(cast, item)
    come_in(at_the_table)
    call(sitting.open_item, cast.chair, meeting_id=meeting.pk, item_id=item.pk, version=item.version)
    die(cast, patient, DIED)
    by_house(withdraw_for_deceased, meeting_id=meeting.pk)
    assert (read(at_the_table.pk).revoked_at is None, read(late.pk).revoked_at is None) == (True, False)


def test_the_requester_comes_for_the_other_cases(cast: Cast, patient: Patient, case: Case) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.PLANNED)
    for each in (case, make_case(cast.organiser, cast.requester.person)):
        make_item(
            meeting, make_referral(cast.board, cast.organiser, cast.requester.person, case=each, status="scheduled")
        )
    call(building.publish_meeting, cast.secretary, meeting_id=meeting.pk, version=1)
    die(cast, patient, DIED)
    call(building.publish_meeting, cast.secretary, meeting_id=meeting.pk, version=2)
    assert ("requester", "invitation") in outbox(occasion="publish:1")
    assert outbox(kind="cancellation") == set()


def test_the_secretary_decides_what_becomes_of_the_case(cast: Cast, client: Any, patient: Patient, case: Case) -> None:
    meeting = make_meeting(cast.board, starts_at=clock.now() + timedelta(days=1))
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="scheduled")
    item = make_item(meeting, referral)
    cast.secretary.person.language = "en"
    cast.secretary.person.save()
    client.force_login(cast.secretary.person)
    agenda, readiness = f"/meetings/{meeting.pk}/", f"/boards/{cast.board.pk}/readiness/"
    said = "The patient of item 1 has died"
    assert "Why it is postponed" not in client.get(agenda).content.decode()
    assert said not in client.get(readiness).content.decode()
    die(cast, patient, DIED)
    assert said in client.get(readiness).content.decode()
    page = client.get(agenda).content.decode()
    assert '<option value="patient_condition" selected>' in page
    form = {"command_id": str(new_id()), "version": item.version}
    address = f"{agenda}items/{item.pk}/postpone/"
    assert client.post(address, {**form, "reason": "no_such_reason"}).status_code == 422
    assert client.post(address, {**form, "reason": "patient_condition"}).status_code == 303
    with house():
        stored = AgendaItem.objects.select_related("referral").get(pk=item.pk)
    assert (stored.state, stored.postponed_reason) == ("postponed", "patient_condition")
    assert getattr(stored.referral, "status", "") == "postponed"
    assert said not in client.get(readiness).content.decode()
