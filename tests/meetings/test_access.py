"""Who may know of a meeting, sit in its room and do what there: the rule above meetings/access.py, case by case."""

from datetime import timedelta
from uuid import uuid4

import pytest

from cases.models import Referral
from mdo.directory.access import today
from mdo.directory.matrix import Seat
from mdo.directory.models import Agreement, BoardRole
from mdo.kernel.acting import acting
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, NotFound
from mdo.kernel.models import AuditEntry
from meetings import access
from meetings.models import AgendaItem, Decision
from tests.cast import Cast, acting_as, seat
from tests.factories import (
    writing,
)
from tests.meetings.tables import ALL, HOUSE, Table


def end(agreement: Agreement) -> None:
    agreement.ends_on = today() - timedelta(days=1)
    agreement.save()


# --- one's place -------------------------------------------------------------------------------------------------------

# member: seats at the meeting, rows of the agenda, what the room offers
PLACES: dict[str, tuple[set[Seat], set[str], set[str]]] = {
    "chair": (
        {Seat.CHAIR},
        ALL,
        {
            "run",
            "postpone",
            "reorder",
            "add_late",
            "close",
            "draft",
            "record",
            "share",
            "call",
            "speak",
            "read_back",
            "invite",
        },
    ),
    "coordinator": (
        {Seat.COORDINATOR},
        ALL,
        {
            "run",
            "postpone",
            "reorder",
            "add_late",
            "close",
            "draft",
            "record",
            "sign",
            "share",
            "call",
            "speak",
            "read_back",
            "invite",
        },
    ),
    "secretary": (
        {Seat.SECRETARY},
        ALL,
        {"run", "postpone", "reorder", "add_late", "close", "draft", "share", "call", "speak", "invite"},
    ),
    "requester": ({Seat.REQUESTER}, ALL, {"draft", "share", "call", "speak", "read_back"}),
    "radiologist": ({Seat.MEMBER}, ALL, {"draft", "share", "call", "speak", "read_back"}),
    "partner": ({Seat.PARTNER_MEMBER, Seat.REQUESTER}, ALL, {"draft", "share", "call", "speak", "read_back"}),
    "partnersecretary": ({Seat.PARTNER_SECRETARY}, ALL, {"draft", "share", "call", "speak"}),
    "guest": ({Seat.GUEST}, {"own"}, set()),
    "outsider": (set(), set(), set()),
    "privacy": (set(), set(), set()),
    "admin": (set(), set(), set()),
    "datamanager": (set(), set(), set()),
    "observer": ({Seat.OBSERVER}, ALL, {"call"}),
}


def test_places_and_rows(cast: Cast, table: Table) -> None:
    for name, (seats, rows, can) in PLACES.items():
        member = cast.members[name]
        with acting_as(member) as by:
            place = access.chair_at(by, table.meeting)
            assert place.seats == seats, name
            assert place.can == can, name
            assert place.organisation_id == member.organisation_id
            assert place.is_guest is (name == "guest")
            assert place.pseudonyms is (name == "observer")
            assert place.guest_items == ({table.own.pk} if name == "guest" else set())
            visible = set(access.visible_items(by, table.meeting).values_list("pk", flat=True))
            assert visible == {table.items[row].pk for row in rows}, name
            assert set(access.visible_items(by, table.meeting, place).values_list("pk", flat=True)) == visible
            known = {table.meeting} if name in ("requester", "guest") else {table.meeting, table.elsewhere}
            assert set(access.visible_meetings(by)) == (known if seats else set()), name
            if seats:
                found, same = access.access_meeting_for_reading(by, table.meeting.pk)
                assert (found, same.seats) == (table.meeting, seats)
            else:
                with pytest.raises(NotFound):
                    access.access_meeting_for_reading(by, table.meeting.pk)


def test_the_house_sees_all(cast: Cast, table: Table) -> None:
    with acting(HOUSE, None, "work"):
        assert set(access.visible_meetings(HOUSE)) == {table.meeting, table.elsewhere}
        assert access.visible_items(HOUSE, table.meeting).count() == 4
        assert access.access_meeting_for(HOUSE, table.meeting.pk, "run") == table.meeting
        assert access.access_item_for(HOUSE, table.meeting.pk, table.third.pk, "run") == table.third
        decision = make_decision_inside(table.own)
        assert access.visible_decisions(HOUSE).get() == decision
        assert access.access_decision_for(HOUSE, decision.pk, "sign") == decision


def make_decision_inside(item: AgendaItem) -> Decision:
    """In an open door of the house: the factory's own would be a second one."""
    from tests.factories import _guard

    _guard("test")
    made = Decision.objects.create(
        hospital_id=item.hospital_id,
        board_id=item.meeting.board_id,
        meeting=item.meeting,
        item=item,
        case_id=item.referral.case_id if item.referral else None,
        state=Decision.State.RECORDED,
        text="Besproken.",
    )
    _guard("")
    return made


def test_without_the_agreement_the_partner_has_no_place(cast: Cast, table: Table) -> None:
    end(cast.agreement)
    for name in ("partner", "partnersecretary"):
        with acting_as(cast.members[name]) as by:
            assert access.chair_at(by, table.meeting).seats == set()
            assert list(access.visible_meetings(by)) == []
            with pytest.raises(NotFound):
                access.access_meeting_for_reading(by, table.meeting.pk)
            with pytest.raises(NotFound):
                access.access_item_for(by, table.meeting.pk, table.partner.pk, "draft")
    with acting_as(cast.chair) as by:
        rows = set(access.visible_items(by, table.meeting).values_list("pk", flat=True))
        assert rows == {table.own.pk, table.topic.pk}
        with pytest.raises(NotFound):
            access.access_item_for(by, table.meeting.pk, table.partner.pk, "run")


def test_who_withdrew_has_no_place(cast: Cast, table: Table) -> None:
    with writing():
        AgendaItem.objects.filter(pk=table.own.pk).update(state=AgendaItem.State.WITHDRAWN)
    for member in (cast.requester, cast.guest):
        with acting_as(member) as by:
            assert access.chair_at(by, table.meeting).seats == set()
            assert list(access.visible_meetings(by)) == []
            with pytest.raises(NotFound):
                access.access_item_for(by, table.meeting.pk, table.own.pk, "read_case")


def test_a_requester_acts_for_the_hospital_of_the_case(cast: Cast, table: Table) -> None:
    with acting(cast.requester.person, cast.third.pk, "care"):
        assert access.chair_at(cast.requester.person, table.meeting).seats == set()
    with acting(cast.requester.person, None, "care"):
        assert access.chair_at(cast.requester.person, table.meeting).seats == set()
        assert list(access.visible_meetings(cast.requester.person)) == []
    # `outsider` asked for the third hospital's case, but works elsewhere.
    with acting_as(cast.outsider) as by:
        assert access.chair_at(by, table.meeting).seats == set()


def test_for_which_organisation_one_sits_there(cast: Cast, table: Table) -> None:
    partner = cast.partner.person
    assert access.organisation_for(partner, table.meeting, None) == cast.partner_hospital.pk
    seat(partner, cast.board, cast.third, "member")
    assert access.organisation_for(partner, table.meeting, cast.third.pk) == cast.third.pk


def test_a_member_who_is_a_guest_too_keeps_both_places(cast: Cast, table: Table) -> None:
    with writing():
        Referral.objects.filter(pk=table.third.referral_id).update(guest=cast.observer.person)
    with acting_as(cast.observer) as by:
        place = access.chair_at(by, table.meeting)
        assert (place.seats, place.is_guest, place.pseudonyms) == ({Seat.OBSERVER, Seat.GUEST}, False, False)
        assert access.visible_items(by, table.meeting, place).count() == 4


# --- rights on one item ------------------------------------------------------------------------------------------------

# row: member → the items for which it holds (the own one is open).
RIGHTS: dict[str, dict[str, set[str]]] = {
    "read_case": {
        **dict.fromkeys(("chair", "coordinator", "secretary", "radiologist", "partner"), ALL),
        "requester": {"own"},
        "partnersecretary": {"partner"},
        "guest": {"own"},
        "observer": {"own"},
    },
    "draft": {
        **dict.fromkeys(("chair", "coordinator", "secretary", "radiologist", "partner"), ALL),
        "requester": {"own"},
        "partnersecretary": {"partner"},
    },
    "run": dict.fromkeys(("chair", "coordinator", "secretary"), ALL),
    "record": dict.fromkeys(("chair", "coordinator"), ALL),
    "sign": {"coordinator": ALL},
    "read_back": {
        **dict.fromkeys(("chair", "coordinator", "radiologist", "partner"), ALL),
        "requester": {"own"},
    },
    "read_report": {
        **dict.fromkeys(("chair", "coordinator", "secretary"), ALL),
        "requester": {"own"},
        "radiologist": {"own", "topic"},
        "partner": {"partner"},
        "partnersecretary": {"partner"},
    },
}


@pytest.mark.parametrize("row", RIGHTS)
def test_rights(cast: Cast, table: Table, row: str) -> None:
    for name, member in cast.members.items():
        with acting_as(member) as by:
            granted: set[str] = set()
            for key, item in table.items.items():
                try:
                    found = access.access_item_for(by, table.meeting.pk, item.pk, row)
                    assert (found, found.meeting) == (item, table.meeting)
                    granted.add(key)
                except Denied:
                    assert key in PLACES[name][1], (name, key)  # who is denied sees the item
                except NotFound:
                    assert key not in PLACES[name][1], (name, key)
            assert granted == RIGHTS[row].get(name, set()), name


def test_settings_of_the_board_move_rights(cast: Cast, table: Table) -> None:
    cast.board.delegate_recording, cast.board.partners_draft = True, False
    cast.board.save()
    with acting_as(cast.secretary) as by:
        assert access.access_item_for(by, table.meeting.pk, table.own.pk, "record")
    with acting_as(cast.partner) as by:
        with pytest.raises(Denied):
            access.access_item_for(by, table.meeting.pk, table.own.pk, "draft")
        assert access.access_item_for(by, table.meeting.pk, table.partner.pk, "draft")  # as its requester


def test_guest_and_observer_read_while_it_is_open(cast: Cast, table: Table) -> None:
    for member in (cast.guest, cast.observer):
        with acting_as(member) as by:
            assert access.access_item_for_reading(by, table.meeting.pk, table.own.pk) == table.own
    with writing():
        AgendaItem.objects.filter(pk=table.own.pk).update(state=AgendaItem.State.SCHEDULED)
    for member in (cast.guest, cast.observer):
        with acting_as(member) as by, pytest.raises(Denied):
            access.access_item_for_reading(by, table.meeting.pk, table.own.pk)


def test_a_guest_before_the_turn_knows_the_own_row_only(cast: Cast, table: Table) -> None:
    from cases.models import Grant

    with writing():
        Grant.objects.update(ended_at=now())
        AgendaItem.objects.filter(pk=table.own.pk).update(state=AgendaItem.State.SCHEDULED)
    with acting_as(cast.guest) as by:
        with pytest.raises(Denied):  # the referral is hidden, the place before the door is not
            access.access_item_for(by, table.meeting.pk, table.own.pk, "read_case")
        for key in ("partner", "third", "topic"):
            with pytest.raises(NotFound):
                access.access_item_for(by, table.meeting.pk, table.items[key].pk, "read_case")
        assert access.access_item_for(by, table.meeting.pk, table.own.pk, "see_agenda") == table.own


def test_an_item_belongs_to_its_meeting(cast: Cast, table: Table) -> None:
    with acting_as(cast.chair) as by:
        for meeting_id, item_id in (
            (table.elsewhere.pk, table.own.pk),
            (table.meeting.pk, uuid4()),
            (uuid4(), table.own.pk),
        ):
            with pytest.raises(NotFound):
                access.access_item_for(by, meeting_id, item_id, "run")
    with acting(HOUSE, None, "work"), pytest.raises(NotFound):
        access.access_item_for(HOUSE, table.meeting.pk, uuid4(), "run")


# --- the meeting and the board -----------------------------------------------------------------------------------------


def test_running_a_meeting(cast: Cast, table: Table) -> None:
    for name, member in cast.members.items():
        with acting_as(member) as by:
            if "run" in PLACES[name][2]:
                assert access.access_meeting_for(by, table.meeting.pk, "run") == table.meeting
                assert access.access_meeting_for(by, table.meeting.pk, "run", lock=False) == table.meeting
                assert access.access_board_for_planning(by, cast.board.pk) == cast.board
            else:
                with pytest.raises(Denied if PLACES[name][0] else NotFound):
                    access.access_meeting_for(by, table.meeting.pk, "run")
                board_seat = PLACES[name][0] - {Seat.REQUESTER, Seat.GUEST}
                with pytest.raises(Denied if board_seat else NotFound):
                    access.access_board_for_planning(by, cast.board.pk)
    with acting_as(cast.chair) as by, pytest.raises(NotFound):
        access.access_meeting_for(by, uuid4(), "run")


def test_sharing_at_the_table(cast: Cast, table: Table) -> None:
    for name, member in cast.members.items():
        with acting_as(member) as by:
            if "share" in PLACES[name][2]:
                assert access.access_meeting_for_sharing(by, table.meeting.pk) == table.meeting
            else:
                with pytest.raises(Denied if PLACES[name][0] else NotFound):
                    access.access_meeting_for_sharing(by, table.meeting.pk)


def test_a_role_that_ends_ends_the_right(cast: Cast, table: Table) -> None:
    BoardRole.objects.filter(person=cast.chair.pk).update(valid_until=now() - timedelta(minutes=5))
    with acting_as(cast.chair) as by, pytest.raises(NotFound):
        access.access_meeting_for(by, table.meeting.pk, "run")


# --- reading -----------------------------------------------------------------------------------------------------------


def test_the_stage_writes_the_read_row(cast: Cast, table: Table) -> None:
    with acting_as(cast.partner) as by:
        item = access.access_item_for_reading(by, table.meeting.pk, table.own.pk)
        assert item.referral is not None
        assert item.referral.case.patient.national_number
        assert access.access_item_for_reading(by, table.meeting.pk, table.topic.pk).referral is None
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id, entry.hospital_id, entry.patient_id) == (
        "case.read",
        item.referral.case_id,
        cast.organiser.pk,
        item.referral.case.patient_id,
    )


def test_where_the_database_says_no_the_matrix_does_not_help(cast: Cast, table: Table) -> None:
    """The requester's side withdrew the case, and nobody has struck the item yet."""
    with writing():
        Referral.objects.filter(pk=table.third.referral_id).update(status="withdrawn")
    with acting_as(cast.chair) as by, pytest.raises(Denied):
        access.access_item_for_reading(by, table.meeting.pk, table.third.pk)
    assert not AuditEntry.objects.exists()
