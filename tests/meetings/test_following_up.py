"""Follow-up: begun by a signature, kept by a correction, answered once by whom the matrix names; actions, Today, the digest, figures."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from mdo.kernel.clock import frozen, now
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.ids import new_id
from mdo.kernel.work import State as Work
from meetings import agreed, chain, following_up, waiting
from meetings.actions import reminding
from meetings.actions.following_up import answer_follow_up, finish_action
from meetings.actions.signing import correct_decision, sign_decisions
from meetings.models import Decision, DecisionAction, DigestLine, FollowUp, Meeting, Reminder
from tests.cast import Cast, Member, acting_as
from tests.factories import make_decision, make_item, make_meeting, make_referral, make_topic, writing
from tests.meetings.acts import audited, by_house, call, house

PAGE_QUERIES = 15


def signed(cast: Cast, owner: Member | None = None, *, plan: bool = False) -> Decision:
    """A signed decision on a case of the organiser; with ``owner``, with one action; with ``plan``, with the reminders after the
    closing."""
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED, closed_at=now())
    if plan:
        with writing():
            reminding.plan_reminders_after(Meeting.objects.select_related("board").get(pk=meeting.pk))
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status="discussed")
    return sign(cast, make_item(meeting, referral, state="discussed"), owner)


def sign(cast: Cast, item: Any, owner: Member | None = None) -> Decision:
    values = {"agreed": agreed.filled({"actions": [task(owner)]})} if owner else {}
    decision = make_decision(item, recorded_by=cast.chair.person, **values)
    what = [(decision.pk, chain.seen(decision))]
    call(sign_decisions, cast.coordinator, meeting_id=item.meeting_id, decisions=what)
    return decision


def task(owner: Member, **changes: Any) -> dict[str, str]:
    due = (now() + timedelta(days=7)).date().isoformat()
    row = {"id": str(new_id()), "text": "Genetica aanvragen", "owner": str(owner.pk), "due": due}
    return {**row, "name": owner.person.display_name, **changes}


def row_of(decision: Decision) -> FollowUp:
    with house():
        return FollowUp.objects.get(item=decision.item_id)


def answer(by: Member, row: FollowUp, outcome: str, **values: Any) -> Any:
    return call(answer_follow_up, by, follow_up_id=row.pk, outcome=outcome, **{"version": row.version, **values})


def client_of(member: Member) -> Client:
    client = Client()
    client.force_login(member.person)
    return client


def test_a_signature_begins_it_and_an_answer_ends_it(cast: Cast) -> None:
    decision = signed(cast)
    row = row_of(decision)
    assert (row.decision_id, row.outcome, row.due_on) == (decision.pk, "", now().date() + timedelta(days=30))
    done = answer(cast.requester, row, "partly", reason="patient_wish", note_text=" Geen chemo. ")
    assert [event.model_dump() for event in done.events] == [
        {
            "meeting_id": decision.meeting_id,
            "item_id": decision.item_id,
            "follow_up_id": row.pk,
            "version": 2,
        }
    ]
    assert audited("followup.answer") == [(cast.requester.pk, cast.organiser.pk, "ok")]
    row = row_of(decision)
    assert (row.outcome, row.reason, row.note, row.answered_by_id) == (
        "partly",
        "patient_wish",
        "Geen chemo.",
        cast.requester.pk,
    )
    with pytest.raises(Stale) as stale:
        answer(cast.secretary, row, "carried_out", version=1)
    assert stale.value.current == 2
    answer(cast.secretary, row, "carried_out")
    row = row_of(decision)
    assert (row.outcome, row.reason, row.note) == ("carried_out", "", "")


def test_a_topic_is_not_followed_up_but_its_actions_are(cast: Cast) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED, closed_at=now())
    item = make_item(meeting, topic=make_topic(cast.board), state="discussed")
    sign(cast, item, cast.radiologist)
    with house():
        assert (FollowUp.objects.count(), DecisionAction.objects.get().case_id) == (0, None)
        action = DecisionAction.objects.get()
    with acting_as(cast.radiologist) as person:
        assert list(following_up.access.visible_actions(person)) == [action]
    with pytest.raises(NotFound):
        call(finish_action, cast.outsider, action_id=action.pk, version=1, done=True)
    with pytest.raises(Denied):  # reads what was decided, and follows up the own hospital's cases only
        call(finish_action, cast.partner, action_id=action.pk, version=1, done=True)
    call(finish_action, cast.chair, action_id=action.pk, version=1, done=True)
    call(finish_action, cast.radiologist, action_id=action.pk, version=2, done=True)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"outcome": "perhaps"}, "outcome"),
        ({"outcome": "partly"}, "reason"),
        ({"outcome": "not", "reason": "magic"}, "reason"),
        ({"outcome": "carried_out", "reason": "other"}, "reason"),
        ({"outcome": "carried_out", "note_text": "x" * 1001}, "note"),
    ],
)
def test_an_answer_that_cannot_be(cast: Cast, values: dict[str, Any], field: str) -> None:
    row = row_of(signed(cast))
    with pytest.raises(Invalid) as refused:
        answer(cast.requester, row, **values)
    assert refused.value.field == field


def test_who_answers(cast: Cast) -> None:
    """As the matrix says; and each sees in the list exactly what they may answer."""
    row = row_of(signed(cast))
    may = {"chair", "coordinator", "secretary", "requester", "radiologist"}
    with frozen(now() + timedelta(days=31)):
        for name, member in cast.members.items():
            with acting_as(member) as person:
                seen = list(following_up.access.visible_follow_ups(person))
            assert seen == ([row] if name in may else []), name
            page = client_of(member).get(reverse("meetings:follow_up"))
            assert (page.status_code, page.context["page"].paginator.count) == (200, int(name in may)), name
    with pytest.raises(Denied):  # reads the case, which is not of the own hospital
        answer(cast.partner, row, "carried_out")
    for name in ("partnersecretary", "guest", "outsider", "privacy", "admin", "observer"):
        with pytest.raises(NotFound):
            answer(cast.members[name], row, "carried_out")


def test_a_correction_keeps_the_answer_and_what_was_done(cast: Cast) -> None:
    decision = signed(cast, cast.requester)
    with house():
        action = DecisionAction.objects.get()
    call(finish_action, cast.requester, action_id=action.pk, version=1, done=True)
    answer(cast.requester, row_of(decision), "carried_out")
    kept = task(cast.requester, id=str(action.key), due="2027-01-04")
    correction = new_id()
    for actions, dropped in ([kept, task(cast.chair)], False), ([], True):
        latest = decision if not dropped else Decision(pk=correction)
        correction = new_id()
        call(
            correct_decision,
            cast.coordinator,
            decision_id=latest.pk,
            correction_id=correction,
            version=0,
            text="Anders.",
            steps=[],
            reason="Datum",
            agreed={"actions": actions},
        )
        with house():
            new = Decision.objects.get(pk=correction)
        call(sign_decisions, cast.coordinator, meeting_id=decision.meeting_id, decisions=[(new.pk, chain.seen(new))])
        with house():
            again = DecisionAction.objects.get(pk=action.pk)
            assert (again.decision_id, again.due_on, again.dropped) == (correction, date(2027, 1, 4), dropped)
            assert again.done_at is not None
            assert DecisionAction.objects.count() == 2
        row = row_of(decision)
        assert (row.decision_id, row.outcome) == (correction, "carried_out")
    with house():
        other = DecisionAction.objects.exclude(pk=action.pk).get()
    with pytest.raises(RuleBroken):
        call(finish_action, cast.chair, action_id=other.pk, version=other.version, done=True)


def test_an_action_is_finished_by_its_owner_or_whoever_follows_up(cast: Cast) -> None:
    signed(cast, cast.partner)
    with house():
        action = DecisionAction.objects.get()
    with acting_as(cast.partner) as person:
        assert list(following_up.access.visible_actions(person)) == [action]
        assert waiting.today(person).overdue == 0
    with frozen(now() + timedelta(days=8)), acting_as(cast.partner) as person:
        assert waiting.today(person).overdue == 1
    with pytest.raises(NotFound):
        call(finish_action, cast.outsider, action_id=action.pk, version=1, done=True)
    done = call(finish_action, cast.partner, action_id=action.pk, version=1, done=True)
    assert [(event.name, event.done, event.version) for event in done.events] == [("action.finished", True, 2)]
    assert audited("action.finish") == [(cast.partner.pk, cast.organiser.pk, "ok")]
    with pytest.raises(Stale):
        call(finish_action, cast.secretary, action_id=action.pk, version=1, done=False)
    call(finish_action, cast.secretary, action_id=action.pk, version=2, done=False)
    with house():
        assert DecisionAction.objects.get().done_at is None


def test_nobody_is_asked_of_whoever_died(cast: Cast) -> None:
    decision = signed(cast, cast.requester)
    with frozen(now() + timedelta(days=31)):
        for dead in (False, True):
            if dead:
                with writing():
                    patient = decision.item.referral.case.patient  # type: ignore[union-attr]
                    patient.deceased_on = now().date()
                    patient.save()
            with acting_as(cast.requester) as person:
                assert following_up.access.visible_follow_ups(person).count() == (0 if dead else 1)
                assert following_up.access.visible_actions(person).count() == (0 if dead else 1)
                assert waiting.today(person).to_follow_up == (0 if dead else 1)


def test_the_reminder_goes_out_once_to_whoever_asked(cast: Cast) -> None:
    decision = signed(cast, plan=True)
    states = dict(Reminder.objects.filter(meeting=decision.meeting_id).values_list("kind", "state"))
    assert states == {
        "signature": Work.DROPPED,
        "follow_up": Work.WAITING,
    }  # a signature ends the one and not the other
    row = Reminder.objects.get(meeting=decision.meeting_id, kind="follow_up")
    with frozen(row.due_at + timedelta(minutes=1)):
        for _again in range(2):
            by_house(reminding.remind, reminder_id=row.pk)
        assert list(DigestLine.objects.values_list("person", "kind")) == [(cast.requester.pk, "follow_up")]
    other = signed(cast, plan=True)
    answer(cast.requester, row_of(other), "carried_out")
    row = Reminder.objects.get(meeting=other.meeting_id, kind="follow_up")
    with frozen(row.due_at + timedelta(minutes=1)):
        by_house(reminding.remind, reminder_id=row.pk)
    row.refresh_from_db()
    assert (row.state, row.last_error, DigestLine.objects.count()) == (Work.DROPPED, "nothing", 1)


def test_the_pages(cast: Cast) -> None:
    first, second, third = (row_of(signed(cast, cast.requester)) for _n in range(3))
    client = client_of(cast.requester)
    path = reverse("meetings:follow_up")
    with frozen(now() + timedelta(days=31)):
        page = client.get(path)
        assert page.context["known"] == following_up.Known(3, 0)
        assert (len(page.context["rows"]), page.context["overdue"]) == (3, 3)
        key = {"command_id": new_id(), "version": 1, "outcome": "carried_out"}
        done = client.post(reverse("meetings:follow_up_answer", args=[first.pk]), key)
        assert (done.status_code, done["Location"]) == (303, path)
        # What was not done asks why; what was typed stays.
        address = reverse("meetings:follow_up_answer", args=[second.pk])
        assert client.get(f"{address}?outcome=not").context["form"]["outcome"].value() == "not"
        sent = {"command_id": new_id(), "version": 1, "outcome": "not", "note": "Wacht <nog>"}
        refused = client.post(address, sent)
        assert (refused.status_code, "Wacht &lt;nog&gt;" in refused.content.decode()) == (422, True)
        assert client.post(address, {**sent, "reason": "waiting"}).status_code == 303
        assert client.post(address, {**sent, "command_id": new_id(), "reason": "lost"}).status_code == 409
        # Another treatment proposes to discuss the case again.
        other = client.post(
            reverse("meetings:follow_up_answer", args=[third.pk]),
            {"command_id": new_id(), "version": 1, "outcome": "other"},
        )
        assert other["Location"] == reverse("cases:refer", args=[third.case_id])
        page = client.get(path)
        assert (page.context["known"], len(page.context["rows"])) == (following_up.Known(3, 3), 0)
        action = page.context["actions"][0]
        tick = {"command_id": new_id(), "version": action.version, "done": "true"}
        assert client.post(reverse("meetings:action_done", args=[action.pk]), tick).status_code == 303
        assert len(client.get(path).context["actions"]) == 2
        decision = client.get(reverse("meetings:decision", args=[second.decision_id])).content.decode()
        assert "Wacht &lt;nog&gt;" in decision
        line = client.get(reverse("meetings:case_outcomes", args=[second.case_id])).content.decode()
        assert all(words in line for words in ("Lumpectomie met sentinelprocedure", "tag-warn"))
        assert client_of(cast.outsider).get(reverse("meetings:case_outcomes", args=[second.case_id])).status_code == 404
        assert client_of(cast.partner).get(address).status_code == 403
        assert client_of(cast.outsider).get(address).status_code == 404


@pytest.mark.parametrize("rows", [1, 30])
def test_one_row_costs_as_much_as_thirty(cast: Cast, rows: int, django_assert_num_queries: Any) -> None:
    for _n in range(rows):
        signed(cast, cast.requester)
    client = client_of(cast.secretary)
    with frozen(now() + timedelta(days=31)), django_assert_num_queries(PAGE_QUERIES):
        assert len(client.get(reverse("meetings:follow_up")).context["rows"]) == rows
