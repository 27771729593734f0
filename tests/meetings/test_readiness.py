"""The readiness of a sitting: what endangers it, worst first; who is asked; what goes out when; what was postponed and why."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cases.models import PreparationNote, Referral
from mdo.directory.models import Person
from mdo.kernel import clock
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from meetings import waiting
from meetings.actions import sitting
from meetings.models import AgendaItem, DigestLine, Meeting, ReminderSettings, Reply
from meetings.postponements import postponements
from tests.cast import Cast, Member, acting_as
from tests.factories import BRUSSELS, case_data, make_case, make_item, make_meeting, make_referral, make_topic, writing
from tests.meetings.acts import call

WEDNESDAY = datetime(2026, 11, 25, 14, tzinfo=BRUSSELS)
MONDAY = datetime(2026, 11, 23, 10, tzinfo=BRUSSELS)
QUERIES = 36


def client_of(member: Member) -> Client:
    Person.objects.filter(pk=member.pk).update(language="en")
    client = Client()
    client.force_login(member.person)
    return client


def page(client: Client, cast: Cast, **query: Any) -> Any:
    with clock.frozen(query.pop("moment", MONDAY)):
        return client.get(reverse("meetings:readiness", args=[cast.board.pk]), query)


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    with clock.frozen(MONDAY - timedelta(days=10)):
        return make_meeting(cast.board, starts_at=WEDNESDAY, ends_at=WEDNESDAY + timedelta(minutes=30))


def lacking(cast: Cast, meeting: Meeting | None = None, **data: Any) -> Referral:
    case = make_case(cast.organiser, cast.requester.person, data=case_data(**data))
    status = "scheduled" if meeting else "submitted"
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status=status)
    if meeting:
        make_item(meeting, referral)
    return referral


def test_as_it_begins_it_is_kept_which_cases_are_complete(cast: Cast, meeting: Meeting) -> None:
    complete, incomplete = lacking(cast, meeting), lacking(cast, meeting, wishes=None)
    elsewhere = make_referral(cast.board, cast.third, cast.partner.person, status="scheduled")
    for each in (make_referral(cast.board, cast.partner_hospital, cast.partner.person, status="scheduled"), elsewhere):
        make_item(meeting, each)
    make_item(meeting, topic=make_topic(cast.board))
    lacking(cast, wishes=None)  # waits beside the agenda
    call(sitting.start_meeting, cast.chair, meeting_id=meeting.pk)
    with acting_as(cast.chair):
        found = dict(AgendaItem.objects.filter(meeting=meeting).values_list("referral", "complete"))
    assert (found.pop(complete.pk), found.pop(incomplete.pk), found.pop(None)) == (True, False, None)
    assert list(found.values()) == [True, True]


def test_sorted_by_what_endangers_the_sitting(cast: Cast, meeting: Meeting) -> None:
    complete = lacking(cast, meeting)
    waits = lacking(cast, imaging_findings=None)
    later = lacking(cast, meeting, pathology_findings=None)  # due on Tuesday at noon
    overdue = lacking(cast, meeting, wishes=None)  # due on Monday at noon
    for _ in range(3):
        make_item(meeting, minutes=6)
    with writing():
        Reply.objects.create(meeting=meeting, hospital=cast.organiser, person=cast.radiologist.person, answer="no")
    moment = datetime(2026, 11, 23, 12, 30, tzinfo=BRUSSELS)
    found = page(client_of(cast.secretary), cast, moment=moment)
    ready = found.context["ready"]
    assert [danger.case.referral.pk if danger.case else danger.words for danger in ready.dangers] == [
        "Nobody comes of Radiology, which 3 cases need.",
        "Nobody comes of Pathology, which 2 cases need.",
        overdue.pk,
        "The agenda is 6 minutes longer than the sitting.",
        later.pk,
        waits.pk,
    ]
    assert (ready.cases, ready.complete) == (4, 1)
    by_case = {danger.case.referral.pk: danger for danger in ready.dangers if danger.case}
    assert by_case[overdue.pk].asked == (cast.requester.person,)
    assert by_case[waits.pk].asked == (cast.radiologist.person,)
    assert [gap.words for gap in by_case[later.pk].case.gaps] == ["Pathology"]
    assert by_case[later.pk].due == datetime(2026, 11, 24, 12, tzinfo=BRUSSELS)
    text = found.content.decode()
    assert str(complete.case_id) not in text
    assert list(AuditEntry.objects.filter(action="readiness.listed").values_list("hospital_id", flat=True)) == [
        cast.organiser.pk
    ]


def test_a_quorum_in_danger_comes_first(cast: Cast, meeting: Meeting) -> None:
    lacking(cast, meeting, wishes=None)
    with writing():
        for member in (cast.chair, cast.coordinator, cast.partner):
            Reply.objects.create(meeting=meeting, hospital=cast.organiser, person=member.person, answer="no")
    cast.board.quorum = {"disciplines": 3, "required": ["surgery"]}
    cast.board.save()
    ready = page(client_of(cast.chair), cast).context["ready"]
    assert [danger.tone for danger in ready.dangers[:2]] == ["danger", "danger"]
    assert ready.dangers[0].weight == 1000
    assert all(danger.case is None for danger in ready.dangers[:3])


@pytest.mark.parametrize(
    ("name", "status"),
    [("chair", 200), ("coordinator", 200), ("secretary", 200), ("radiologist", 403), ("partner", 403), ("partnersecretary", 403), ("observer", 403), ("requester", 404), ("outsider", 404), ("guest", 404)],
)  # fmt: skip
def test_who_sees_it(cast: Cast, meeting: Meeting, name: str, status: int) -> None:
    assert page(client_of(cast.members[name]), cast).status_code == status


@pytest.mark.parametrize("rows", [1, 30])
def test_one_case_costs_as_much_as_thirty(
    cast: Cast, meeting: Meeting, rows: int, django_assert_num_queries: Any
) -> None:
    for _ in range(rows):
        lacking(cast, meeting, pathology_findings=None)
    client = client_of(cast.secretary)
    with django_assert_num_queries(QUERIES):
        assert len(page(client, cast).context["ready"].dangers) >= rows


def test_ask_again_and_the_timeline(cast: Cast, meeting: Meeting) -> None:
    lacking(cast, meeting, pathology_findings=None)
    client = client_of(cast.secretary)
    with clock.frozen(MONDAY):
        sent = {"command_id": str(new_id()), "meeting": str(meeting.pk)}
        done = client.post(reverse("meetings:ask_again", args=[meeting.pk]), sent, follow=True)
    assert "1 person is asked in a digest now." in done.content.decode()
    assert list(DigestLine.objects.values_list("person__username", "kind", "occasion")) == [
        ("requester", "ask", "again:2026-11-23")
    ]
    entries = {entry.words: entry for entry in done.context["ready"].timeline}
    assert (entries["Asked again by the board"].state, entries["Asked again by the board"].waiting) == ("planned", 1)
    assert (entries["Ask again for what is missing"].state, entries["Ask again for what is missing"].planned) == (
        "planned",
        1,
    )
    assert entries["Decisions wait for a signature"].planned == 0
    moments = [entry.due_at for entry in done.context["ready"].timeline]
    assert moments == sorted(moments)


def test_the_reminders_of_the_board_as_a_form(cast: Cast, meeting: Meeting) -> None:
    client = client_of(cast.secretary)
    url = reverse("meetings:reminders", args=[cast.board.pk])
    form = client.get(url).context["form"]
    sent: dict[str, Any] = {
        name: form[name].value()
        for name in form.fields
        if form[name].value() is not None and form[name].value() is not False
    }
    wrong = client.post(url, {**sent, "ask_days": "999", "readiness_to": ["moon"]})
    assert (wrong.status_code, set(wrong.context["form"].errors)) == (422, {"ask_days", "readiness_to"})
    assert not ReminderSettings.objects.exists()
    sent |= {"ask_days": "6", "quiet_from": "20:00", "command_id": str(new_id())}
    sent.pop("reply_on")
    assert client.post(url, sent).status_code == 303
    row = ReminderSettings.objects.get()
    assert (row.rules["ask"], row.rules["reply"]["on"], row.version) == (
        {"on": True, "days": 6, "to": ["owner"]},
        False,
        1,
    )
    stale = client.post(url, {**sent, "command_id": str(new_id())})
    assert stale.status_code == 409
    assert client_of(cast.radiologist).get(url).status_code == 403


def test_the_case_shows_who_is_asked_and_until_when(cast: Cast, meeting: Meeting) -> None:
    referral = lacking(cast, meeting, imaging_findings=None, pathology_findings=None)
    url = reverse("meetings:asked", args=[referral.case_id, referral.pk])
    with clock.frozen(MONDAY):
        found = client_of(cast.requester).get(url)
    rows = [(row["gap"].item, row["asked"], row["gap"].due.astimezone(BRUSSELS).day) for row in found.context["rows"]]
    assert rows == [("imaging", [cast.radiologist.person], 23), ("pathology", [cast.requester.person], 24)]
    assert "/answer/" in found.content.decode()
    assert client_of(cast.outsider).get(url).status_code == 404
    other = lacking(cast)
    assert (
        client_of(cast.requester).get(reverse("meetings:asked", args=[referral.case_id, other.pk])).status_code == 404
    )


def test_today_leads_to_a_sitting_that_is_not_ready(cast: Cast, meeting: Meeting) -> None:
    lacking(cast, meeting)
    lacking(cast, meeting, wishes=None)
    for member, moment, expected in (
        (cast.secretary, MONDAY, [(meeting.pk, 1, 2)]),
        (cast.chair, MONDAY, [(meeting.pk, 1, 2)]),
        (cast.secretary, MONDAY - timedelta(days=1), []),
        (cast.radiologist, MONDAY, []),
        (cast.partnersecretary, MONDAY, []),
    ):
        with clock.frozen(moment), acting_as(member) as person:
            found = waiting.today(person).nearing
        assert [(each.meeting.pk, each.incomplete, each.cases) for each in found] == expected


def test_on_how_many_days_before_is_the_boards_own(cast: Cast, meeting: Meeting) -> None:
    lacking(cast, meeting, wishes=None)

    def shown(days_before: int) -> int:
        with clock.frozen(WEDNESDAY - timedelta(days=days_before)), acting_as(cast.secretary) as person:
            return len(waiting.today(person).nearing)

    assert [shown(days) for days in (1, 2, 3, 5, 6)] == [1, 1, 0, 0, 0]
    with writing():
        settings = ReminderSettings.objects.create(
            hospital=cast.organiser,
            board=cast.board,
            rules={"readiness": {"days": 5, "on": False}},
            send_at=time(8),
            quiet_from=time(19),
            quiet_until=time(7),
        )
    assert [shown(days) for days in (1, 2, 3, 5, 6)] == [1, 1, 1, 1, 0]
    with writing():
        settings.rules = {"readiness": {"days": 0}}
        settings.save()
    assert shown(1) == 0


def test_what_each_discipline_has_not_looked_at(cast: Cast, meeting: Meeting) -> None:
    first, second = lacking(cast, meeting), lacking(cast, meeting)
    lacking(cast, meeting, imaging_findings=None, imaging_done=None)  # needs no radiologist
    covered = lacking(cast, meeting)
    with writing():
        covered.items.update(protocol="DCIS")
        Person.objects.filter(pk=cast.partner.pk).update(discipline="pathology")

    def looked(member: Member, referral: Referral) -> None:
        with writing():
            PreparationNote.objects.create(
                hospital=cast.organiser,
                referral=referral,
                author=member.person,
                organisation=cast.organiser,
                discipline=member.person.discipline,
                case_version=1,
            )

    client = client_of(cast.secretary)
    answer = page(client, cast)
    unseen = answer.context["ready"].not_seen
    assert [(each.words, each.numbers, each.all) for each in unseen] == [
        ("Pathology", (1, 2, 3), 3),
        ("Radiology", (1, 2), 2),
    ]
    assert unseen[1].people == (cast.radiologist.person,)
    words = "Radiology has not looked at 2 cases yet: items 1, 2."
    assert words not in [danger.words for danger in answer.context["ready"].dangers]
    the_day_before = WEDNESDAY - timedelta(hours=23)
    assert words in [danger.words for danger in page(client, cast, moment=the_day_before).context["ready"].dangers]
    looked(cast.radiologist, second)
    radiology = page(client, cast).context["ready"].not_seen[1]
    assert (radiology.numbers, radiology.all, radiology.people) == ((1,), 2, ())
    looked(cast.radiologist, first)
    dangers = page(client, cast, moment=the_day_before).context["ready"].dangers
    assert not any("Radiology has not" in danger.words for danger in dangers)


def test_the_avoidable_share_counts_reasons_by_the_data_of_the_kind(cast: Cast, django_assert_num_queries: Any) -> None:
    with clock.frozen(MONDAY):
        for days, reasons in (
            (7, ["pathology_missing", "patient_condition"]),
            (200, ["no_quorum", "pathology_missing"]),
        ):
            held = make_meeting(cast.board, state="closed", starts_at=MONDAY - timedelta(days=days))
            make_item(held, lacking(cast), state="discussed")
            for reason in reasons:
                make_item(held, lacking(cast), state="postponed", postponed_reason=reason)
            elsewhere = make_referral(cast.board, cast.outside, cast.outsider.person)
            make_item(held, elsewhere, state="postponed", postponed_reason="no_quorum")
        with acting_as(cast.secretary), django_assert_num_queries(1):
            quarter, year = postponements(cast.board, [cast.organiser.pk, cast.partner_hospital.pk])
    assert (quarter.discussed, quarter.postponed, quarter.avoidable, quarter.avoidable_share) == (1, 2, 1, 50)
    assert (year.discussed, year.postponed, year.avoidable, year.avoidable_share) == (2, 4, 3, 75)
    assert year.postponed_share == 67
    assert [reason.count for reason in year.reasons] == [2, 1, 1]
    with clock.frozen(MONDAY - timedelta(days=900)), acting_as(cast.secretary):
        (nothing, _year) = postponements(cast.board, [cast.organiser.pk])
    assert (nothing.postponed_share, nothing.avoidable_share) == (None, None)
