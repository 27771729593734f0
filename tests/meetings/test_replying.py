"""Replies to invitations, and who is expected after them."""

from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from mdo.directory.access import in_office
from mdo.directory.models import Board, Person
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from meetings.actions.replying import answer_invitation
from meetings.events import MeetingAnswered
from meetings.expected import expected
from meetings.models import Meeting, Reply
from tests.cast import Cast, Member, acting_as
from tests.factories import make_item, make_meeting, make_referral, writing


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    return make_meeting(cast.board, state=Meeting.State.PUBLISHED)


def answer(member: Member, meeting: Meeting, said: str, deputy: UUID | None = None) -> Any:
    with acting_as(member) as by:
        return answer_invitation(by=by, meeting_id=meeting.pk, answer=said, deputy=deputy, command_id=new_id())


def test_the_last_word_counts(cast: Cast, meeting: Meeting) -> None:
    done = answer(cast.radiologist, meeting, "no", cast.coordinator.pk)
    assert done.events == (MeetingAnswered(meeting_id=meeting.pk, person_id=cast.radiologist.pk, what="no"),)
    reply = Reply.objects.get()
    assert (reply.person_id, reply.answer, reply.deputy_id) == (cast.radiologist.pk, "no", cast.coordinator.pk)
    answer(cast.radiologist, meeting, "yes")
    assert list(Reply.objects.values_list("pk", "answer", "deputy")) == [(reply.pk, "yes", None)]
    rows = AuditEntry.objects.filter(action="meeting.answer").order_by("id")
    assert list(rows.values_list("outcome", "actor_id")) == [("ok", cast.radiologist.pk)] * 2


def test_who_may_answer(cast: Cast, meeting: Meeting) -> None:
    make_item(
        meeting,
        make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled", guest=cast.guest.person),
    )
    found: dict[str, str] = {}
    for name, member in cast.members.items():
        try:
            answer(member, meeting, "yes")
            found[name] = "done"
        except (Denied, NotFound) as refusal:
            found[name] = refusal.code
    refused = {"guest": "forbidden", **dict.fromkeys(("outsider", "privacy", "admin", "datamanager"), "not_found")}
    assert found == {**dict.fromkeys(cast.members, "done"), **refused}


@pytest.mark.parametrize(
    ("said", "deputy", "field"),
    [
        ("perhaps", None, "answer"),
        ("yes", "coordinator", "deputy"),
        ("no", "outsider", "deputy"),
        ("no", "radiologist", "deputy"),
    ],
)
def test_what_is_no_answer_is_refused_at_its_field(
    cast: Cast, meeting: Meeting, said: str, deputy: str | None, field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        answer(cast.radiologist, meeting, said, cast.members[deputy].pk if deputy else None)
    assert refusal.value.field == field
    assert Reply.objects.count() == 0


def test_a_deputy_who_is_absent_too_is_refused(cast: Cast, meeting: Meeting) -> None:
    answer(cast.coordinator, meeting, "no")
    with pytest.raises(Invalid):
        answer(cast.radiologist, meeting, "no", cast.coordinator.pk)


@pytest.mark.parametrize("state", ["running", "closed", "cancelled"])
def test_a_sitting_that_runs_or_is_over_takes_no_answer(cast: Cast, meeting: Meeting, state: str) -> None:
    with writing():
        Meeting.objects.filter(pk=meeting.pk).update(state=state)
    with pytest.raises(RuleBroken):
        answer(cast.radiologist, meeting, "yes")


def test_who_is_expected_and_what_will_be_missing(cast: Cast, meeting: Meeting) -> None:
    with writing():
        Board.objects.filter(pk=cast.board.pk).update(quorum={"disciplines": 1, "required": ["radiology"]})
    meeting = Meeting.objects.select_related("board").get(pk=meeting.pk)
    with acting_as(cast.secretary):
        before = expected(meeting, in_office(meeting.board))
    assert (before.board.met, before.warnings, before.absent, before.answered) == (True, [], [], 0)
    answer(cast.radiologist, meeting, "no")
    with acting_as(cast.secretary):
        after = expected(meeting, in_office(meeting.board))
    assert (after.board.met, len(after.warnings), after.answered) == (False, 1, 1)
    assert [each.person.pk for each in after.absent] == [cast.radiologist.pk]
    assert cast.observer.pk not in {each.person.pk for each in after.people}


def test_the_page_asks_and_tells_the_secretary(cast: Cast, meeting: Meeting) -> None:
    Person.objects.filter(pk=cast.secretary.pk).update(language="en")
    client, secretary = Client(), Client()
    client.force_login(cast.radiologist.person)
    secretary.force_login(cast.secretary.person)
    page = client.get(reverse("meetings:agenda", args=[meeting.pk]))
    assert page.context["own_reply"] is None
    sent = {"command_id": new_id(), "answer": "no", "deputy": str(cast.coordinator.pk)}
    assert client.post(reverse("meetings:reply", args=[meeting.pk]), sent).status_code == 303
    page = client.get(reverse("meetings:agenda", args=[meeting.pk]))
    assert page.context["own_reply"].deputy.pk == cast.coordinator.pk
    text = secretary.get(reverse("meetings:agenda", args=[meeting.pk]), {"panels": "all"}).content.decode()
    assert f"{cast.coordinator.person.display_name} comes instead" in text
    wrong = client.post(reverse("meetings:reply", args=[meeting.pk]), {**sent, "command_id": new_id(), "deputy": "x"})
    assert wrong.status_code == 422
