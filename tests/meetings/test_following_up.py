"""Follow-up: begun by a signature, kept by a correction, answered once by whom the matrix names; actions, Today, the digest, figures."""

from datetime import date, timedelta
from html import unescape
from typing import Any
from uuid import UUID

import pytest
from django.urls import reverse

from cases.models import Referral
from mdo.directory.access import today
from mdo.directory.models import OrganisationRole, Person
from mdo.kernel.clock import frozen, now
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.ids import new_id
from mdo.kernel.work import State as Work
from meetings import agreed, chain, following_up, informing, waiting
from meetings.actions import reminding
from meetings.actions.following_up import answer_follow_up, finish_action, propose_discussion
from meetings.actions.signing import correct_decision, sign_decisions
from meetings.models import Decision, DecisionAction, DigestLine, FollowUp, Meeting, Reminder
from tests.cast import Cast, Member, acting_as
from tests.factories import make_decision, make_item, make_meeting, make_referral, make_topic, writing
from tests.meetings.acts import at_once, audited, by_house, call, client_of, house

PAGE_QUERIES = 19


def signed(cast: Cast, owner: Member | None = None, *, plan: bool = False, informs: str = "") -> Decision:
    """A signed decision on a case of the organiser; with ``owner``, with one action; with ``plan``, with the reminders after the
    closing; ``informs`` says who tells the patient."""
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED, closed_at=now())
    if plan:
        with writing():
            reminding.plan_reminders_after(Meeting.objects.select_related("board").get(pk=meeting.pk))
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status="discussed")
    return sign(cast, make_item(meeting, referral, state="discussed"), owner, informs)


def sign(cast: Cast, item: Any, owner: Member | None = None, informs: str = "") -> Decision:
    told = {"informs": informs} if informs else {}
    values = {"agreed": agreed.filled({"actions": [task(owner)], **told})} if owner else {}
    decision = make_decision(item, recorded_by=cast.chair.person, **values)
    what = [(decision.pk, chain.seen(decision))]
    call(sign_decisions, cast.coordinator, meeting_id=item.meeting_id, decisions=what)
    return decision


def task(owner: Member, **changes: Any) -> dict[str, str]:
    due = (today() + timedelta(days=7)).isoformat()
    row = {"id": str(new_id()), "text": "Genetica aanvragen", "owner": str(owner.pk), "due": due}
    return {**row, "name": owner.person.display_name, **changes}


def row_of(decision: Decision) -> FollowUp:
    with house():
        return FollowUp.objects.get(item=decision.item_id)


def row_of_item(row: FollowUp) -> FollowUp:
    with house():
        return FollowUp.objects.get(pk=row.pk)


def of_the_partner(cast: Cast) -> Decision:
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED, closed_at=now())
    referral = make_referral(cast.board, cast.partner_hospital, cast.partner.person, status="discussed")
    return sign(cast, make_item(meeting, referral, state="discussed"))


def answer(by: Member, row: FollowUp, outcome: str, **values: Any) -> Any:
    return call(answer_follow_up, by, follow_up_id=row.pk, outcome=outcome, **{"version": row.version, **values})


def test_a_signature_begins_it_and_an_answer_ends_it(cast: Cast) -> None:
    decision = signed(cast)
    row = row_of(decision)
    assert (row.decision_id, row.outcome, row.due_on) == (decision.pk, "", today() + timedelta(days=30))
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
    may = {"chair", "coordinator", "secretary", "requester", "radiologist", "datamanager"}
    with frozen(now() + timedelta(days=31)):
        for name, member in cast.members.items():
            with acting_as(member) as person, following_up.access.drawn_for(person):
                seen = list(following_up.access.visible_follow_ups(person))
            assert seen == ([row] if name in may else []), name
            page = client_of(member).get(reverse("meetings:follow_up"))
            assert (page.status_code, page.context["page"].paginator.count) == (200, int(name in may)), name
    with pytest.raises(Denied):  # reads the case, which is not of the own hospital
        answer(cast.partner, row, "carried_out")
    for name in ("partnersecretary", "guest", "outsider", "privacy", "admin", "observer"):
        with pytest.raises(NotFound):
            answer(cast.members[name], row, "carried_out")


def test_a_data_manager_answers_and_opens_nothing(cast: Cast) -> None:
    """For every case of the own hospital: who it is and what was recommended, in the list and in the form. Not the case, not the decision,
    not the actions; nothing of another hospital."""
    row, theirs = row_of(signed(cast)), row_of(of_the_partner(cast))
    client, path = client_of(cast.datamanager), reverse("meetings:follow_up")
    with house():
        name = row.case.patient.display_name
    with frozen(now() + timedelta(days=31)):
        page = client.get(path)
        words = unescape(page.content.decode())
        assert [(each.pk, opens) for each, _what, opens in page.context["rows"]] == [(row.pk, False)]
        assert (name in words, "Lumpectomie" in words) == (True, True)
        assert reverse("meetings:decision", args=[row.decision_id]) not in words
        assert [list(page.context[part]) for part in ("actions", "again", "to_inform")] == [[], [], []]
        assert client.get(reverse("today")).context["today"].to_follow_up == 1
        address = reverse("meetings:follow_up_answer", args=[row.pk])
        form = client.get(f"{address}?outcome=not")
        assert (form.status_code, "Lumpectomie" in form.content.decode()) == (200, True)
        sent = {"command_id": new_id(), "version": 1, "outcome": "not"}
        assert client.post(address, sent).status_code == 422
        assert client.post(address, {**sent, "reason": "waiting", "version": 7}).status_code == 409
        assert client.post(address, {**sent, "reason": "waiting"}).status_code == 303
    assert (row_of_item(row).outcome, audited("followup.answer")) == (
        "not",
        [(cast.datamanager.pk, cast.organiser.pk, "ok")],
    )
    for closed in (
        reverse("meetings:decision", args=[row.decision_id]),
        reverse("meetings:case_outcomes", args=[row.case_id]),
        reverse("cases:detail", args=[row.case_id]),
        reverse("meetings:follow_up_answer", args=[theirs.pk]),
    ):
        assert client.get(closed).status_code == 404, closed
    with pytest.raises(NotFound):
        answer(cast.datamanager, theirs, "carried_out")
    # Without the role there is nothing; the database says so too: what may be drawn is only read as the house.
    with acting_as(cast.datamanager):
        assert (FollowUp.objects.count(), Decision.objects.count()) == (1, 0)
    OrganisationRole.objects.filter(person=cast.datamanager.person).update(role="clinician")
    with acting_as(cast.datamanager):
        assert FollowUp.objects.count() == 0
    assert client.get(address).status_code == 404


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
                    patient.deceased_on = today()
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
        assert other["Location"] == path
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


# --- other treatment -----------------------------------------------------------------------------------------------------------


def other(cast: Cast) -> FollowUp:
    row = row_of(signed(cast))
    answer(cast.requester, row, "other")
    return row


def drafts(row: FollowUp) -> list[Referral]:
    with house():
        return list(Referral.objects.filter(case=row.case_id, status="draft"))


def test_another_treatment_drafts_a_discussion_once(cast: Cast) -> None:
    """Before the same board, by the same requester, with a question that names the decision; a second time there is nothing to do."""
    row = other(cast)
    done = call(propose_discussion, cast.requester, follow_up_id=row.pk)
    (draft,) = drafts(row)
    assert (done.events, draft.pk, draft.board_id) == ((), following_up.proposed_id(row), cast.board.pk)
    assert (draft.requester_id, draft.requested_on) == (cast.requester.pk, today())
    assert draft.question.startswith("Discussed on ")
    assert cast.board.name in draft.question
    call(propose_discussion, cast.secretary, follow_up_id=row.pk)
    assert len(drafts(row)) == 1
    assert audited("followup.propose") == [
        (cast.requester.pk, cast.organiser.pk, "ok"),
        (cast.secretary.pk, cast.organiser.pk, "ok"),
    ]
    assert audited("referral.create") == [(cast.requester.pk, cast.organiser.pk, "ok")]


def test_what_waits_for_a_new_discussion_stays_until_it_is_drafted(cast: Cast) -> None:
    """However long ago the answer was given; older ones on the next page."""
    rows = [other(cast) for _n in range(22)]
    client, path = client_of(cast.requester), reverse("meetings:follow_up")
    with frozen(now() + timedelta(days=90)):
        first, second = client.get(path), client.get(f"{path}?again=2")
        assert [len(page.context["again"]) for page in (first, second)] == [20, 2]
        shown = {row.pk for page in (first, second) for row in page.context["again"]}
        assert (shown, first.context["again"].paginator.count) == ({row.pk for row in rows}, 22)
        assert client.get(f"{path}?again=x").status_code == 200


def test_a_note_added_later_asks_for_no_second_discussion(cast: Cast) -> None:
    """What was drafted, or handed in and discussed, stays so; another answer in between begins anew, and then the button says what is."""
    row = other(cast)
    since = row_of_item(row).answered_at
    address, client = reverse("meetings:follow_up_discuss", args=[row.pk]), client_of(cast.requester)
    Person.objects.filter(pk=cast.requester.pk).update(language="en")

    def waits() -> list[UUID]:
        return [each.pk for each in client.get(reverse("meetings:follow_up")).context["again"]]

    def pressed(words: str) -> str:
        done = client.post(address, {"command_id": new_id()}, follow=True)
        assert words in unescape(done.content.decode())
        return str(done.redirect_chain[0][0])

    with frozen(now() + timedelta(days=2)):  # before it was drafted: it waits on
        answer(cast.requester, row_of_item(row), "other", note_text="Hormonaal")
        assert waits() == [row.pk]
    with frozen(now() + timedelta(days=9)):
        page = pressed("The new discussion is a draft.")
        assert (page, waits()) == (reverse("cases:referral", args=[following_up.proposed_id(row)]), [])
    (draft,) = drafts(row)
    with frozen(now() + timedelta(days=11)):
        answer(cast.secretary, row_of_item(row), "other", note_text="Hormonaal, op vraag van de patiënte")
        assert waits() == []
        kept = row_of_item(row)
        assert (kept.answered_at, kept.answered_by_id) == (since, cast.secretary.pk)
        answer(cast.requester, kept, "carried_out")
        answer(cast.requester, row_of_item(row), "other")
        assert waits() == [row.pk]
    case = reverse("cases:detail", args=[row.case_id])
    for state, page in (
        ("returned", reverse("cases:referral", args=[draft.pk])),
        ("submitted", case),
        ("discussed", case),
    ):
        with writing():
            Referral.objects.filter(pk=draft.pk).update(status=state)
        assert pressed(f"is there already: {Referral.Status(state).label}.") == page


def test_what_waits_is_counted_whole_and_turned_page_by_page(cast: Cast) -> None:
    """Each list by itself: turning one leaves the others where they are, and what the page is looked at for."""
    for _n in range(23):
        signed(cast, cast.requester, informs=informing.REQUESTER)
    client, path = client_of(cast.requester), reverse("meetings:follow_up")
    with frozen(now() + timedelta(days=8)):
        first = client.get(f"{path}?inform=2")
        second = client.get(path + first.context["actions"].after())
        assert "inform=2" in first.context["actions"].after()
        for key in ("actions", "to_inform"):
            assert first.context[key].paginator.count == 23
        assert [len(page.context["actions"]) for page in (first, second)] == [20, 3]
        assert [len(page.context["to_inform"]) for page in (first, second)] == [3, 3]
        assert len({row.pk for page in (first, second) for row in page.context["actions"]}) == 23
        assert (first.context["overdue"], second.context["overdue"]) == (23, 23)
        words = second.content.decode()
        assert 'href="?inform=2&amp;actions=1"' in words
        assert client.get(f"{path}?actions=x&inform=999").status_code == 200


def test_two_who_propose_at_once(committed: None, cast: Cast) -> None:
    row = other(cast)
    by = [cast.requester, cast.secretary]
    acts = [lambda who=who: call(propose_discussion, who, follow_up_id=row.pk) for who in by]
    assert at_once(*acts) == ["", ""]
    assert len(drafts(row)) == 1


def test_who_proposes_and_when(cast: Cast) -> None:
    row = row_of(signed(cast))
    answer(cast.requester, row, "carried_out")
    with pytest.raises(RuleBroken):
        call(propose_discussion, cast.requester, follow_up_id=row.pk)
    row = other(cast)
    for name in ("partner", "partnersecretary", "guest", "outsider", "privacy", "admin", "observer"):
        with pytest.raises((Denied, NotFound)) as refused:
            call(propose_discussion, cast.members[name], follow_up_id=row.pk)
        assert isinstance(refused.value, Denied) == (name == "partner"), name
    assert drafts(row) == []


def test_the_way_from_the_key_to_the_draft(cast: Cast) -> None:
    row, stays = row_of(signed(cast)), other(cast)
    client, path = client_of(cast.requester), reverse("meetings:follow_up")
    key = {"command_id": new_id(), "version": 1, "outcome": "other"}
    answered = client.post(reverse("meetings:follow_up_answer", args=[row.pk]), key)
    assert answered["Location"] == path
    assert [each.pk for each in client.get(path).context["again"]] == [row.pk, stays.pk]
    assert list(client_of(cast.partner).get(path).context["again"]) == []
    address = reverse("meetings:follow_up_discuss", args=[row.pk])
    assert address in client.get(reverse("meetings:decision", args=[row.decision_id])).content.decode()
    draft = reverse("cases:referral", args=[following_up.proposed_id(row)])
    for _twice in range(2):
        assert client.post(address, {"command_id": new_id()})["Location"] == draft
    assert client.get(draft).context["form"]["question"].value() == drafts(row)[0].question
    assert [each.pk for each in client.get(path).context["again"]] == [stays.pk]
    page = client.get(reverse("meetings:decision", args=[row.decision_id])).content.decode()
    assert (address in page, draft in page) == (False, True)
    assert client.post(address, {}).status_code == 422
    assert client_of(cast.partner).post(address, {"command_id": new_id()}).status_code == 403
    # Whoever asked works here no more: the form is shown, with what is known, and says what is missing.
    with writing():
        OrganisationRole.objects.filter(person=cast.requester.person).delete()
    address = reverse("meetings:follow_up_discuss", args=[stays.pk])
    form = client_of(cast.secretary).post(address, {"command_id": new_id()})
    assert form["Location"] == f"{reverse('cases:refer', args=[stays.case_id])}?after={stays.item.referral_id}"


def test_the_organisation_that_somebody_acts_for_stays_in_the_address(cast: Cast) -> None:
    row, left = other(cast), other(cast)
    client, acting = client_of(cast.secretary), f"for={cast.organiser.pk}"
    due = row_of(signed(cast))
    with frozen(now() + timedelta(days=31)):
        page = unescape(client.get(f"{reverse('meetings:follow_up')}?{acting}").content.decode())
        for outcome in ("partly", "not"):
            assert f"{reverse('meetings:follow_up_answer', args=[due.pk])}?outcome={outcome}&{acting}" in page

    def pressed(each: FollowUp) -> str:
        address = f"{reverse('meetings:follow_up_discuss', args=[each.pk])}?{acting}"
        page = client.post(address, {"command_id": new_id()})["Location"]
        assert client.get(page).status_code == 200
        return str(page)

    assert pressed(row) == f"{reverse('cases:referral', args=[following_up.proposed_id(row)])}?{acting}"
    with writing():
        OrganisationRole.objects.filter(person=cast.requester.person).delete()
    assert pressed(left) == f"{reverse('cases:refer', args=[left.case_id])}?after={left.item.referral_id}&{acting}"
