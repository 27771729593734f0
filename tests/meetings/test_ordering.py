"""A proposed order from what is in the database: wishes, the page, taking it, undoing it, locks, and how long it takes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from cases.dossiers import board_kind
from mdo.directory.models import BoardRole, Person
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.models import AuditEntry
from meetings.actions import agenda_building as building
from meetings.actions import ordering, replying, sitting
from meetings.models import AgendaItem, Meeting, Reply
from tests.cast import Cast, Member
from tests.factories import case_data, make_case, make_item, make_meeting, make_patient, make_referral, writing
from tests.meetings.acts import audited, call, house
from tests.meetings.test_views_agenda import url

ORDER_QUERIES = 21


def signed_in(member: Member) -> Client:
    """This member at a browser, reading English."""
    Person.objects.filter(pk=member.pk).update(language="en")
    client = Client()
    client.force_login(member.person)
    return client


def put(meeting: Meeting, cast: Cast, family: str, *, partner: bool = False, **values: Any) -> AgendaItem:
    """A case on the agenda; a partner's asks for nobody but what `values` say."""
    hospital = cast.partner_hospital if partner else cast.organiser
    requester = cast.partner.person if partner else cast.requester.person
    data = case_data(imaging_findings=None, pathology_findings=None)
    case = make_case(hospital, requester, patient=make_patient(hospital, family_name=family), data=data)
    return make_item(meeting, make_referral(cast.board, hospital, requester, case=case, status="scheduled"), **values)


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    """Five cases: the radiologist is needed for the first, the third and the last; the partner asks about two and four."""
    meeting = make_meeting(cast.board, state=Meeting.State.PLANNED)
    for number, family in enumerate(["Aerts", "Baert", "Claes", "Dewit", "Evers"]):
        needs = [] if number % 2 else ["radiology"]
        put(meeting, cast, family, partner=bool(number % 2), minutes=10, needs=needs)
    return meeting


def families(meeting: Meeting) -> list[str]:
    with house():
        items = AgendaItem.objects.filter(meeting=meeting).order_by("position")
        return [
            item.referral.case.patient.family_name
            for item in items.select_related("referral__case__patient")
            if item.referral
        ]


def sent(meeting: Meeting, order: str = "") -> list[tuple[Any, int]]:
    """Every item with its version, in the order of the first letters of the names."""
    with house():
        items = list(
            AgendaItem.objects.filter(meeting=meeting).select_related("referral__case__patient").order_by("position")
        )
    if order:
        items.sort(key=lambda item: order.index(item.referral.case.patient.family_name[0]))  # type: ignore[union-attr]
    return [(item.pk, item.version) for item in items]


def page_of(member: Member, meeting: Meeting) -> Any:
    return signed_in(member).get(url("order", meeting.pk))


def test_the_page_proposes_and_changes_nothing(cast: Cast, meeting: Meeting) -> None:
    before = families(meeting)
    page = page_of(cast.secretary, meeting)
    shown = page.context["shown"]
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    assert shown.saves_minutes > 0
    assert shown.proposal.moves
    assert sorted(line.row.name[:5] for line in shown.lines) == sorted(f"{family}"[:5] for family in before)
    text = page.content.decode()
    assert "Right after" in text
    assert "Radiology" in text
    assert families(meeting) == before
    assert {hospital for _actor, hospital, _outcome in audited("agenda.order_proposed")} == {
        cast.organiser.pk,
        cast.partner_hospital.pk,
    }


def test_an_order_is_taken_at_once_and_undone(cast: Cast, meeting: Meeting) -> None:
    before = families(meeting)
    client = signed_in(cast.secretary)
    shown = page_of(cast.secretary, meeting).context["shown"]
    sent_back = {"command_id": "01890000-0000-7000-8000-000000000001", "order": shown.versions}
    assert client.post(url("take_order", meeting.pk), sent_back).status_code == 303
    taken = families(meeting)
    assert taken == [line.row.referral.case.patient.family_name for line in shown.lines] != before
    assert audited("agenda.take_order") == [(cast.secretary.pk, cast.organiser.pk, "ok")]
    assert client.post(url("take_order", meeting.pk), sent_back).status_code == 303  # a double click
    assert "Undo the proposed order" in client.get(url("agenda", meeting.pk)).content.decode()
    done = call(ordering.restore_order, cast.secretary, meeting_id=meeting.pk)
    assert [event.name for event in done.events] == ["agenda.items_moved"]
    assert families(meeting) == before
    assert "Undo the proposed order" not in client.get(url("agenda", meeting.pk)).content.decode()
    with pytest.raises(RuleBroken):
        call(ordering.restore_order, cast.secretary, meeting_id=meeting.pk)


def test_what_changed_since_is_neither_taken_nor_undone(cast: Cast, meeting: Meeting) -> None:
    order = sent(meeting, "ECADB")
    for wrong in ([], order[:-1], [*order, order[0]], [(order[0][0], 7), *order[1:]]):
        with pytest.raises(Stale):
            call(ordering.take_order, cast.secretary, meeting_id=meeting.pk, order=wrong)
    assert call(ordering.take_order, cast.secretary, meeting_id=meeting.pk, order=order).events
    assert families(meeting) == ["Evers", "Claes", "Aerts", "Dewit", "Baert"]
    put(meeting, cast, "Fonteyn")
    with pytest.raises(RuleBroken):
        call(ordering.restore_order, cast.secretary, meeting_id=meeting.pk)
    with pytest.raises(Stale):
        call(ordering.take_order, cast.secretary, meeting_id=meeting.pk, order=order)
    call(sitting.start_meeting, cast.chair, meeting_id=meeting.pk)
    with pytest.raises(RuleBroken):
        call(ordering.take_order, cast.secretary, meeting_id=meeting.pk, order=sent(meeting))


def test_what_does_not_wait_in_order_keeps_its_place(cast: Cast, meeting: Meeting) -> None:
    with writing():
        AgendaItem.objects.filter(meeting=meeting, position=3).update(protocol="DCIS")
    rest = [each for each in sent(meeting, "EADBC") if each != sent(meeting)[2]]
    call(ordering.take_order, cast.secretary, meeting_id=meeting.pk, order=rest)
    assert families(meeting) == ["Evers", "Aerts", "Claes", "Dewit", "Baert"]


def test_a_locked_item_stays(cast: Cast, meeting: Meeting) -> None:
    item_id, version = sent(meeting)[1]
    arguments = {"meeting_id": meeting.pk, "item_id": item_id, "version": version, "locked": True}
    done = call(ordering.lock_item, cast.secretary, **arguments)
    assert [event.name for event in done.events] == ["agenda.item_changed"]
    assert audited("agenda.lock_item") == [(cast.secretary.pk, cast.partner_hospital.pk, "ok")]
    with pytest.raises(Stale):
        call(ordering.lock_item, cast.secretary, **arguments)
    assert call(ordering.lock_item, cast.secretary, **{**arguments, "version": version + 1}).events == ()
    shown = page_of(cast.secretary, meeting).context["shown"]
    assert (shown.lines[1].row.item.pk, shown.lines[1].reasons[0]) == (item_id, "Locked at this place")
    assert shown.proposal.moves


def test_wishes_of_an_item(cast: Cast, meeting: Meeting) -> None:
    item_id, version = sent(meeting)[4]
    client = signed_in(cast.secretary)
    at = url("item_wishes", meeting.pk, item_id)
    assert "By the dossier" in client.get(at).content.decode()
    sent_back = {
        "command_id": "01890000-0000-7000-8000-000000000002",
        "version": version,
        "needs": ["surgery", "medical_oncology"],
        "heavy": "on",
        "guest_until": "14:20",
    }
    late = client.post(at, {**sent_back, "guest_from": "14:30"})
    assert late.status_code == 422
    assert "after the first one" in late.content.decode()
    assert client.post(at, {**sent_back, "needs": ["magic"]}).status_code == 422
    assert client.post(at, sent_back).status_code == 303
    with house():
        item = AgendaItem.objects.get(pk=item_id)
    assert (item.needs, item.heavy, item.guest_from, item.version) == (
        ["medical_oncology", "surgery"],
        True,
        None,
        version + 1,
    )
    shown = page_of(cast.secretary, meeting).context["shown"]
    line = next(line for line in shown.lines if line.row.item.pk == item_id)
    assert line.place.place <= 2
    assert any("The guest can come until 14:20" in each for each in line.reasons)
    assert any("Heavy" in each for each in line.reasons)
    # With the dossier again, the disciplines follow from it.
    again = {"command_id": "01890000-0000-7000-8000-000000000003", "version": version + 1, "by_dossier": "on"}
    assert client.post(at, again).status_code == 303
    with house():
        assert AgendaItem.objects.get(pk=item_id).needs is None


def test_the_dossier_says_who_is_needed(cast: Cast) -> None:
    kind = board_kind("tumour_board")
    assert kind.needs("breast", {"imaging_findings": "x"}) == {"radiology"}
    assert kind.needs("breast", case_data()) == {"radiology", "pathology"}
    assert kind.needs("general", {"imaging_done": ["ct", "pet_ct"]}) == {"radiology", "nuclear_medicine"}
    assert kind.needs("breast", {}) == frozenset()
    assert board_kind("care_conference").needs("breast", case_data()) == frozenset()


def test_who_comes_for_a_while_is_needed_then(cast: Cast, meeting: Meeting) -> None:
    """The radiologist leaves after half an hour: her three cases come first. Without the reply the last one stays late."""
    answer = {"meeting_id": meeting.pk, "answer": "yes", "deputy": None}
    until = meeting.starts_at + timedelta(minutes=30)
    for field, value in (
        ("can_from", meeting.starts_at + timedelta(days=2)),
        ("can_until", meeting.starts_at - timedelta(days=2)),
    ):
        with pytest.raises(Invalid):
            call(replying.answer_invitation, cast.radiologist, **answer, **{field: value})
    call(replying.answer_invitation, cast.radiologist, **answer, can_until=until)
    shown = page_of(cast.secretary, meeting).context["shown"]
    assert [line.row.item.needs for line in shown.lines[:3]] == [["radiology"]] * 3
    assert any("is there until 14:30" in each for line in shown.lines[:3] for each in line.reasons)
    assert shown.missed == []
    client = signed_in(cast.radiologist)
    said = {"command_id": "01890000-0000-7000-8000-000000000004", "answer": "yes", "can_from": "14:20", "can_until": ""}
    assert client.post(url("reply", meeting.pk), said).status_code == 303
    with house():
        reply = Reply.objects.get(person=cast.radiologist.person)
    assert (reply.can_from, reply.can_until) == (meeting.starts_at + timedelta(minutes=20), None)
    call(replying.answer_invitation, cast.radiologist, **{**answer, "answer": "no"}, can_until=until)
    with house():
        assert Reply.objects.get(person=cast.radiologist.person).can_until is None
    assert any("Nobody of Radiology" in each for each in page_of(cast.secretary, meeting).context["shown"].missed)


# --- breaks ------------------------------------------------------------------------------------------------------------


def breaks_of(meeting: Meeting) -> dict[int, int]:
    with house():
        items = AgendaItem.objects.filter(meeting=meeting).exclude(break_after=0)
        return dict(items.values_list("position", "break_after"))


def test_the_boards_wish_for_a_break_is_proposed_taken_shown_and_undone(cast: Cast, meeting: Meeting) -> None:
    client = signed_in(cast.secretary)
    assert page_of(cast.secretary, meeting).context["shown"].breaks == ""  # fifty minutes want none after sixty
    with writing():
        cast.board.break_after, cast.board.break_minutes = 30, 12
        cast.board.save()
    page = page_of(cast.secretary, meeting)
    shown = page.context["shown"]
    assert [rest.minutes for rest in shown.proposal.breaks] == [12]
    assert "Break, 12 minutes" in page.content.decode()
    sent_back = {
        "command_id": "01890000-0000-7000-8000-000000000006",
        "order": shown.versions,
        "breaks": shown.breaks,
    }
    assert client.post(url("take_order", meeting.pk), sent_back).status_code == 303
    (place,) = breaks_of(meeting)
    assert breaks_of(meeting) == {place: 12}
    assert 2 <= place <= 4
    agenda = client.get(url("agenda", meeting.pk)).context["agenda"]
    row = agenda.rows[place]
    assert (row.rest.starts_at, row.rest.minutes) == (meeting.starts_at + timedelta(minutes=10 * place), 12)
    assert row.expected_at == row.rest.starts_at + timedelta(minutes=12)
    assert agenda.forecast.end == meeting.starts_at + timedelta(minutes=62)
    # Planned as it stands: nothing more is proposed, and it stays about where it is.
    again = page_of(cast.secretary, meeting).context["shown"]
    assert (again.changes, again.breaks) == (False, again.breaks_now)
    call(ordering.restore_order, cast.secretary, meeting_id=meeting.pk)
    assert breaks_of(meeting) == {}
    with writing():
        cast.board.break_after = 0
        cast.board.save()
    assert page_of(cast.secretary, meeting).context["shown"].breaks == ""


def test_an_order_that_can_stay_still_gets_its_break(cast: Cast) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.PLANNED)
    for family in ("Aerts", "Baert"):
        put(meeting, cast, family, minutes=60, needs=[])
    page = page_of(cast.secretary, meeting)
    assert page.context["shown"].proposal.moves is False
    assert "Take this order" in page.content.decode()


def test_a_break_by_hand_stays_at_its_place(cast: Cast, meeting: Meeting) -> None:
    (_first, version), (second, _), (third, _), *_rest = sent(meeting)
    plan = {"meeting_id": meeting.pk, "item_id": second, "version": version, "minutes": 15}
    done = call(ordering.plan_break, cast.secretary, **plan)
    assert [event.name for event in done.events] == ["agenda.item_changed"]
    assert audited("agenda.plan_break") == [(cast.secretary.pk, cast.partner_hospital.pk, "ok")]
    for wrong, error in (
        ({}, Stale),
        ({"version": 2, "minutes": 61}, Invalid),
        ({"version": 2, "minutes": -1}, Invalid),
    ):
        with pytest.raises(error):
            call(ordering.plan_break, cast.secretary, **{**plan, **wrong})
    with pytest.raises(Denied):
        call(ordering.plan_break, cast.radiologist, **{**plan, "version": 2})
    # Another case comes before it: the break is still after two.
    call(sitting.move_item, cast.secretary, meeting_id=meeting.pk, item_id=third, to=1, version=1)
    assert breaks_of(meeting) == {2: 15}
    # The one behind which it is now goes: it is after the one before.
    item_id, version = sent(meeting)[1]
    call(building.unschedule, cast.secretary, meeting_id=meeting.pk, item_id=item_id, version=version)
    assert breaks_of(meeting) == {1: 15}
    # By the page: taken away, planned anew.
    client = signed_in(cast.secretary)
    item_id, version = sent(meeting)[0]
    form = {"command_id": "01890000-0000-7000-8000-000000000007", "item": f"{item_id}:{version}"}
    assert client.post(url("plan_break", meeting.pk), {**form, "minutes": 0}).status_code == 303
    assert breaks_of(meeting) == {}
    for bad in ({"minutes": 5, "item": "x"}, {"minutes": 61}, {"minutes": ""}):
        assert client.post(url("plan_break", meeting.pk), {**form, **bad}).status_code == 422
    assert client.post(url("plan_break", meeting.pk), {**form, "minutes": 5}).status_code in (409, 422)


def test_breaks_that_make_no_sense_are_refused_with_the_order(cast: Cast, meeting: Meeting) -> None:
    order = sent(meeting)
    for breaks in ([(cast.board.pk, 10)], [(order[0][0], 0)], [(order[0][0], 61)], [(order[0][0], 5)] * 2):
        with pytest.raises(Invalid):
            call(ordering.take_order, cast.secretary, meeting_id=meeting.pk, order=order, breaks=breaks)
    assert breaks_of(meeting) == {}


@pytest.mark.parametrize("name", ["partnersecretary", "radiologist", "observer", "requester"])
def test_who_does_not_build_gets_no_proposal(cast: Cast, meeting: Meeting, name: str) -> None:
    assert page_of(cast.members[name], meeting).status_code in (403, 404)
    with pytest.raises((Denied, NotFound)):
        call(ordering.take_order, cast.members[name], meeting_id=meeting.pk, order=sent(meeting))


def test_no_bytes_are_a_fault(cast: Cast, meeting: Meeting) -> None:
    client = signed_in(cast.secretary)
    for order in (
        "",
        "x",
        ",,,",
        "1:2",
        f"{meeting.pk}:-1",
        f"{meeting.pk}:99999999999",
        "\x00",
        f"{meeting.pk}:1," * 2000,
    ):
        sent_back = {"command_id": "01890000-0000-7000-8000-000000000005", "order": order}
        assert client.post(url("take_order", meeting.pk), sent_back).status_code in (409, 422), order
    assert client.post(url("take_order", meeting.pk), {"order": "x"}).status_code == 422


def test_forty_items_cost_as_many_queries_as_five(cast: Cast, meeting: Meeting, django_assert_num_queries: Any) -> None:
    client: Client = signed_in(cast.secretary)
    client.get(url("order", meeting.pk))
    with django_assert_num_queries(ORDER_QUERIES):
        client.get(url("order", meeting.pk))
    codes = ["radiology", "pathology", "surgery", "medical_oncology", "radiation_oncology"]
    for number in range(35):
        needs = [codes[number % 5], codes[(number * 3 + 1) % 5]]
        put(meeting, cast, f"Z{number}", partner=number % 3 == 0, needs=needs, minutes=4 + number % 5)
    with writing():
        for number, code in enumerate(codes * 3):
            who = Person.objects.create(
                username=f"p{number}", last_name=f"Persoon {number}", discipline=code, profession="physician"
            )
            where = cast.partner_hospital if number % 2 else cast.organiser
            BoardRole.objects.create(board=cast.board, person=who, organisation=where, role="member", valid_from=now())
    with django_assert_num_queries(ORDER_QUERIES):
        page = client.get(url("order", meeting.pk))
    assert sum(hasattr(line, "row") for line in page.context["shown"].lines) == 40
    assert AuditEntry.objects.filter(action="agenda.order_proposed").exists()


def test_what_an_item_asks_for_is_said_once_and_checked(cast: Cast, meeting: Meeting) -> None:
    item = AgendaItem.objects.filter(meeting=meeting).order_by("position").first()
    assert item is not None
    asked: dict[str, Any] = {
        "meeting_id": meeting.pk,
        "item_id": item.pk,
        "version": item.version,
        "needs": ["pathology", "radiology", "pathology"],
        "heavy": True,
        "guest_from": None,
        "guest_until": None,
    }
    with pytest.raises(Invalid) as refused:
        call(ordering.set_wishes, cast.secretary, **asked | {"needs": ["astrology"]})
    assert set(refused.value.errors) == {"needs"}
    with pytest.raises(Denied):
        call(ordering.set_wishes, cast.radiologist, **asked)
    with pytest.raises(NotFound):
        call(ordering.set_wishes, cast.outsider, **asked)
    done = call(ordering.set_wishes, cast.secretary, **asked)
    assert [event.name for event in done.events] == ["agenda.item_changed"]
    with pytest.raises(Stale):
        call(ordering.set_wishes, cast.secretary, **asked)
    item.refresh_from_db()
    assert (item.needs, item.heavy, item.version) == (["pathology", "radiology"], True, asked["version"] + 1)
    assert audited("agenda.set_wishes") == [(cast.secretary.pk, cast.organiser.pk, "ok")]


# --- at the edges ------------------------------------------------------------------------------------------------------


def test_nothing_and_a_single_item(cast: Cast) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.PLANNED)
    page = page_of(cast.secretary, meeting)
    assert (page.status_code, page.context["shown"]) == (200, None)
    assert call(ordering.take_order, cast.secretary, meeting_id=meeting.pk, order=[]).events == ()
    put(meeting, cast, "Alleen", minutes=100, locked=True)
    shown = page_of(cast.secretary, meeting).context["shown"]
    # A break has nothing behind it: there is none, however long the one item is.
    assert (shown.changes, shown.breaks, len(shown.lines)) == (False, "", 1)
    assert call(ordering.take_order, cast.secretary, meeting_id=meeting.pk, order=sent(meeting)).events == ()


def test_sixty_items_with_locks_up_to_the_last(cast: Cast) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.PLANNED)
    for number in range(60):
        put(meeting, cast, f"Z{number:02}", partner=number % 2 == 0, needs=[], locked=number in (0, 30, 59))
    shown = page_of(cast.secretary, meeting).context["shown"]
    places = {
        line.row.referral.case.patient.family_name: line.place.place for line in shown.lines if hasattr(line, "row")
    }
    assert sorted(places.values()) == list(range(1, 61))
    assert {name: places[name] for name in ("Z00", "Z30", "Z59")} == {"Z00": 1, "Z30": 31, "Z59": 60}
    with writing():  # one goes meanwhile: what is locked stands beyond the end, and the list that was read is old
        AgendaItem.objects.filter(meeting=meeting, position=20).update(state="withdrawn")
    read = [(line.row.item.pk, line.row.item.version) for line in shown.lines if hasattr(line, "row")]
    with pytest.raises(Stale):
        call(ordering.take_order, cast.secretary, meeting_id=meeting.pk, order=read)
    again = page_of(cast.secretary, meeting).context["shown"]
    assert [line.row.referral.case.patient.family_name for line in again.lines if hasattr(line, "row")][-1] == "Z59"


@pytest.mark.usefixtures("committed")
def test_of_two_who_take_an_order_at_once_one_is_told(cast: Cast) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.PLANNED)
    for family in ("Aerts", "Baert", "Claes"):
        put(meeting, cast, family, needs=[])
    orders = [sent(meeting, "CBA"), sent(meeting, "BAC")]
    together = threading.Barrier(2)

    def take(order: list[tuple[Any, int]]) -> str:
        together.wait(30)
        try:
            call(ordering.take_order, cast.secretary, meeting_id=meeting.pk, order=order)
        except Stale:
            return "stale"
        finally:
            connection.close()
        return "taken"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(take, orders)) == ["stale", "taken"]
    assert families(meeting) in (["Claes", "Baert", "Aerts"], ["Baert", "Aerts", "Claes"])
    with house():
        assert list(
            AgendaItem.objects.filter(meeting=meeting).order_by("position").values_list("position", flat=True)
        ) == [1, 2, 3]
