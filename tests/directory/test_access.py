"""Who belongs where. The rule stands in the prose above mdo/directory/access.py; here it is case by case."""

from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from mdo.directory import access
from mdo.directory.matrix import Seat
from mdo.directory.models import (
    Agreement,
    AgreementBoard,
    AgreementParty,
    Board,
    BoardRole,
    Network,
    NetworkMembership,
    Organisation,
    OrganisationRole,
    Person,
)
from mdo.kernel import audit
from mdo.kernel.acting import System, acting
from mdo.kernel.clock import frozen, now
from mdo.kernel.errors import Denied, NotFound
from tests.cast import NAMES, Cast, acting_as, seat
from tests.meetings.acts import client_of

BRUSSELS = ZoneInfo("Europe/Brussels")


def agree(cast: Cast, *parties: Organisation, board: Board | None = None, **values: Any) -> Agreement:
    """Another agreement, signed and in force, of exactly these parties."""
    values.setdefault("starts_on", access.today() - timedelta(days=10))
    values.setdefault("status", Agreement.Status.SIGNED)
    agreement = Agreement.objects.create(network=cast.network, title="Andere", **values)
    for each in parties:
        AgreementParty.objects.create(agreement=agreement, organisation=each, signed_on=values["starts_on"])
    if board is not None:
        AgreementBoard.objects.create(agreement=agreement, board=board)
    return agreement


def hospitals(cast: Cast, *names: str) -> set[UUID]:
    return {getattr(cast, name).pk for name in names}


# --- reach -------------------------------------------------------------------------------------------------------------


def test_the_parties_reach_each_other(cast: Cast) -> None:
    all_three = hospitals(cast, "organiser", "partner_hospital", "third")
    for place in (cast.organiser, cast.partner_hospital, cast.third):
        assert access.reach(cast.board, place.pk) == all_three
    assert access.reach(cast.board, cast.outside.pk) == frozenset()
    assert access.reach(cast.board, cast.practice.pk) == frozenset()


def test_two_agreements_give_no_third(cast: Cast) -> None:
    """A–B and B–C never give A–C; the organiser, who is a party to both, reaches all."""
    cast.agreement.delete()
    agree(cast, cast.organiser, cast.partner_hospital, board=cast.board)
    agree(cast, cast.organiser, cast.third, board=cast.board)
    assert access.reach(cast.board, cast.organiser.pk) == hospitals(cast, "organiser", "partner_hospital", "third")
    assert access.reach(cast.board, cast.partner_hospital.pk) == hospitals(cast, "organiser", "partner_hospital")
    assert access.reach(cast.board, cast.third.pk) == hospitals(cast, "organiser", "third")


def test_an_agreement_without_the_organiser_gives_nothing(cast: Cast) -> None:
    agree(cast, cast.outside, cast.partner_hospital, board=cast.board)
    assert access.reach(cast.board, cast.outside.pk) == frozenset()
    assert cast.outside.pk not in access.reach(cast.board, cast.partner_hospital.pk)


def test_an_agreement_that_does_not_cover_the_board_gives_nothing(cast: Cast) -> None:
    agree(cast, cast.organiser, cast.outside)
    assert access.reach(cast.board, cast.outside.pk) == frozenset()


@pytest.mark.parametrize(
    ("changes", "in_force"),
    [
        ({}, True),
        ({"status": Agreement.Status.DECLARATION}, False),
        ({"status": Agreement.Status.ENDED}, False),
        ({"starts": 1}, False),
        ({"starts": 0}, True),
        ({"ends": 0}, True),
        ({"ends": -1}, False),
    ],
)
def test_what_is_in_force(cast: Cast, changes: dict[str, Any], in_force: bool) -> None:
    agreement, today = cast.agreement, access.today()
    agreement.status = changes.get("status", agreement.status)
    if "starts" in changes:
        agreement.starts_on = today + timedelta(days=changes["starts"])
    if "ends" in changes:
        agreement.ends_on = today + timedelta(days=changes["ends"])
    agreement.save()
    partner = hospitals(cast, "organiser", "partner_hospital", "third") if in_force else set()
    assert access.reach(cast.board, cast.partner_hospital.pk) == partner
    assert access.reach(cast.board, cast.organiser.pk) == partner | {cast.organiser.pk}


@pytest.mark.parametrize("who", ["organiser", "partner_hospital", "third"])
def test_a_party_that_did_not_sign_is_not_in_it(cast: Cast, who: str) -> None:
    AgreementParty.objects.filter(agreement=cast.agreement, organisation=getattr(cast, who)).update(signed_on=None)
    expected = {"organiser", "partner_hospital", "third"} - {who} if who != "organiser" else set()
    assert access.reach(cast.board, cast.third.pk) == (hospitals(cast, *expected) if who != "third" else set())
    assert cast.organiser.pk in access.reach(cast.board, cast.organiser.pk)


def test_an_agreement_ends_at_midnight_in_brussels(cast: Cast) -> None:
    cast.agreement.ends_on = access.today()
    cast.agreement.save()
    midnight = datetime.combine(cast.agreement.ends_on + timedelta(days=1), time(0), BRUSSELS)
    with frozen(midnight - timedelta(seconds=1)):
        assert access.reach(cast.board, cast.partner_hospital.pk) != frozenset()
    with frozen(midnight):
        assert access.reach(cast.board, cast.partner_hospital.pk) == frozenset()


# --- standing ----------------------------------------------------------------------------------------------------------

STANDINGS: dict[str, set[Seat]] = {
    "chair": {Seat.CHAIR},
    "coordinator": {Seat.COORDINATOR},
    "secretary": {Seat.SECRETARY},
    "radiologist": {Seat.MEMBER},
    "observer": {Seat.OBSERVER},
    "partner": {Seat.PARTNER_MEMBER},
    "partnersecretary": {Seat.PARTNER_SECRETARY},
}


@pytest.mark.parametrize("name", NAMES)
def test_seats(cast: Cast, name: str) -> None:
    with acting_as(cast.members[name]) as person:
        assert access.standing(person, cast.board).seats == STANDINGS.get(name, set())
        boards = access.visible_boards(person)
        assert [each.board for each in boards] == ([cast.board] if name in STANDINGS else [])
        assert all(each.seats == STANDINGS[name] for each in boards)


def test_a_role_counts_for_its_organisation_only(cast: Cast) -> None:
    """Somebody with roles in two hospitals acts for one at a time."""
    partner = cast.partner.person
    OrganisationRole.objects.create(
        person=partner, organisation=cast.organiser, role="clinician", valid_from=now() - timedelta(days=1)
    )
    with acting(partner, cast.organiser.pk, "care"):
        assert access.standing(partner, cast.board).seats == set()
        assert access.visible_boards(partner) == []
        assert access.standing(partner, cast.board, cast.partner_hospital.pk).seats == {Seat.PARTNER_MEMBER}
        assert access.organisation_roles(partner) == {"clinician"}
        assert access.organisation_roles(partner, cast.third.pk) == set()


@pytest.mark.parametrize(
    ("start", "end", "holds"), [(-2, None, True), (-2, 1, True), (-2, -1, False), (1, None, False)]
)
def test_a_role_holds_between_its_moments(cast: Cast, start: int, end: int | None, holds: bool) -> None:
    guest, moment = cast.guest.person, now()
    dates = {
        "valid_from": moment + timedelta(hours=start),
        "valid_until": None if end is None else moment + timedelta(hours=end),
    }
    seat(guest, cast.board, cast.organiser, "member", **dates)
    OrganisationRole.objects.create(person=guest, organisation=cast.organiser, role="clinician", **dates)
    with acting(guest, cast.organiser.pk, "care"):
        assert access.standing(guest, cast.board).seats == ({Seat.MEMBER} if holds else set())
        assert access.organisation_roles(guest) == ({"clinician"} if holds else set())
        assert bool(access.visible_boards(guest)) is holds
    found = {each.pk for each in access.organisations_of(guest)}
    assert found == {cast.practice.pk} | ({cast.organiser.pk} if holds else set())


def test_a_role_ends_in_the_very_moment(cast: Cast) -> None:
    role = BoardRole.objects.get(person=cast.chair.pk)
    role.valid_until = now()
    role.save()
    with frozen(role.valid_until - timedelta(microseconds=1)), acting_as(cast.chair) as chair:
        assert access.standing(chair, cast.board).seats == {Seat.CHAIR}
    with frozen(role.valid_until), acting_as(cast.chair) as chair:
        assert access.standing(chair, cast.board).seats == set()


def test_an_inactive_person_has_no_seat(cast: Cast) -> None:
    cast.chair.person.is_active = False
    cast.chair.person.save()
    with acting_as(cast.chair) as chair:
        assert access.standing(chair, cast.board).seats == set()


def test_without_organisation_and_for_the_house_there_is_no_seat(cast: Cast) -> None:
    house = System("sweep")
    with acting(house, cast.organiser.pk, "work"):
        assert access.standing(house, cast.board).seats == set()
        assert access.visible_boards(house) == []
        assert access.organisation_roles(house) == set()
    with acting(cast.chair.person, None, "care"):
        assert access.standing(cast.chair.person, cast.board).seats == set()
        assert access.visible_boards(cast.chair.person) == []
        assert access.organisation_roles(cast.chair.person) == set()


def test_several_roles_are_several_seats(cast: Cast) -> None:
    seat(cast.chair.person, cast.board, cast.organiser, "coordinator")
    with acting_as(cast.chair) as chair:
        (standing,) = access.visible_boards(chair)
        assert standing.seats == {Seat.CHAIR, Seat.COORDINATOR}
        assert standing.permits("sign")


def test_facts(cast: Cast) -> None:
    board = cast.board
    with acting_as(cast.partner) as partner:
        assert access.standing(partner, board).facts == {"set"}
        assert access.standing(partner, board).facts_for(cast.organiser.pk) == {"set", "agr"}
        assert access.standing(partner, board).facts_for(cast.partner_hospital.pk) == {"set", "agr", "own"}
        assert access.standing(partner, board).facts_for(cast.outside.pk) == {"set"}
        board.delegate_recording, board.partners_draft = True, False
        assert access.standing(partner, board).facts == {"delegated"}
    with acting_as(cast.secretary) as secretary:
        assert access.standing(secretary, board).permits("record")
        board.delegate_recording = False
        assert not access.standing(secretary, board).permits("record")
        assert access.standing(secretary, board).permits("record", ["delegated"])


def test_a_partner_loses_the_seat_with_the_agreement(cast: Cast) -> None:
    cast.agreement.status = Agreement.Status.ENDED
    cast.agreement.save()
    for member, seats in ((cast.partner, set()), (cast.partnersecretary, set()), (cast.chair, {Seat.CHAIR})):
        with acting_as(member) as person:
            assert access.standing(person, cast.board).seats == seats
            assert len(access.visible_boards(person)) == len(seats)


# --- for whom one acts -------------------------------------------------------------------------------------------------


def test_the_organisation_for_a_board(cast: Cast) -> None:
    partner = cast.partner.person
    assert access.organisation_for(partner, cast.board, None) == cast.partner_hospital.pk
    assert access.organisation_for(partner, cast.board, cast.third.pk) == cast.partner_hospital.pk
    seat(partner, cast.board, cast.third, "member")
    assert access.organisation_for(partner, cast.board, cast.third.pk) == cast.third.pk
    assert access.organisation_for(partner, cast.board, None) == cast.partner_hospital.pk
    # Without a seat: for the preferred one of the own organisations, never for another's.
    requester = cast.requester.person
    for preferred in (cast.organiser.pk, None, cast.third.pk):
        assert access.organisation_for(requester, cast.board, preferred) in (cast.organiser.pk, None)
    assert access.organisation_for(requester, cast.board, cast.organiser.pk) == cast.organiser.pk
    assert access.organisation_for(requester, cast.board, None) == cast.organiser.pk
    assert access.organisation_for(Person.objects.create(username="nobody"), cast.board, cast.organiser.pk) is None


def test_the_organisations_of_a_person(cast: Cast) -> None:
    seat(cast.partner.person, cast.board, cast.organiser, "member")
    assert access.organisations_of(cast.partner.person) == [cast.organiser, cast.partner_hospital]
    assert access.organisations_of(cast.observer.person) == [cast.organiser]
    assert access.organisations_of(Person.objects.create(username="nobody")) == []


def test_people_with_a_role(cast: Cast) -> None:
    clinicians = {cast.chair, cast.coordinator, cast.requester, cast.radiologist}
    assert set(access.people_with_role(cast.organiser.pk, "clinician")) == {member.person for member in clinicians}
    assert list(access.people_with_role(None, "guest")) == [cast.guest.person]
    assert list(access.people_with_role(cast.organiser.pk, "guest")) == []
    cast.guest.person.is_active = False
    cast.guest.person.save()
    assert list(access.people_with_role(None, "guest")) == []


# --- where one may refer to --------------------------------------------------------------------------------------------


def test_boards_open_to_a_hospital(cast: Cast) -> None:
    for place in (cast.organiser, cast.partner_hospital, cast.third):
        assert access.boards_open_to(place.pk) == [cast.board]
    assert access.boards_open_to(cast.outside.pk) == []
    own = Board.objects.create(network=cast.network, organiser=cast.outside, name="Andere MOC")
    assert access.boards_open_to(cast.outside.pk) == [own]


def test_a_board_is_closed_when_its_organiser_did_not_sign_that_agreement(cast: Cast) -> None:
    """Two agreements do not add up: one that covers the board without its organiser, one with the organiser for nothing."""
    agree(cast, cast.outside, cast.partner_hospital, board=cast.board)
    agree(cast, cast.outside, cast.organiser)
    assert access.boards_open_to(cast.outside.pk) == []


def test_a_board_closes_with_the_agreement(cast: Cast) -> None:
    cast.agreement.ends_on = access.today() - timedelta(days=1)
    cast.agreement.save()
    assert access.boards_open_to(cast.partner_hospital.pk) == []
    assert access.boards_open_to(cast.organiser.pk) == [cast.board]


def test_open_boards_and_reach_agree(cast: Cast) -> None:
    """Wherever a hospital may refer to, the organiser's people may know of it, and nowhere else."""
    agree(cast, cast.outside, cast.organiser)
    for place in (cast.organiser, cast.partner_hospital, cast.third, cast.outside, cast.practice):
        reached = place.pk in access.reach(cast.board, cast.organiser.pk)
        assert (access.boards_open_to(place.pk) == [cast.board]) is reached


# --- the right to a board ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_planning_a_board(cast: Cast, name: str) -> None:
    with acting_as(cast.members[name]) as person:
        if name in ("chair", "coordinator", "secretary"):
            assert access.access_board_for(person, cast.board.pk, "build_agenda").board == cast.board
        elif name in STANDINGS:
            with pytest.raises(Denied):
                access.access_board_for(person, cast.board.pk, "build_agenda")
        else:
            with pytest.raises(NotFound):
                access.access_board_for(person, cast.board.pk, "build_agenda")


def test_a_board_that_does_not_exist(cast: Cast) -> None:
    with acting_as(cast.chair) as chair, pytest.raises(NotFound):
        access.access_board_for(chair, uuid4(), "run")


def test_facts_open_a_conditional_right(cast: Cast) -> None:
    with acting_as(cast.partnersecretary) as person:
        with pytest.raises(Denied):
            access.access_board_for(person, cast.board.pk, "see_agenda")
        assert access.access_board_for(person, cast.board.pk, "see_agenda", ["agr"]).board == cast.board


def test_only_the_house_is_the_house(cast: Cast) -> None:
    with acting_as(cast.coordinator) as person, pytest.raises(Denied):
        access.require_system(person)
    access.require_system(System("sweep"))


def test_the_operator_and_one_s_own_account(cast: Cast) -> None:
    operator = Person.objects.create(username="operator", is_staff=True)
    with acting(operator, None, "work"):
        access.require_operator(operator)
        assert access.is_operator(operator)
        assert access.access_own_account(operator) == operator
    with acting_as(cast.admin) as person:  # an organisation's administrator is not the operator
        with pytest.raises(Denied):
            access.require_operator(person)
        assert access.access_own_account(person) == person
    house = System("sweep")
    with acting(house, None, "work"):
        assert not access.is_operator(house)
        with pytest.raises(Denied):
            access.access_own_account(house)
    for gone in (operator, cast.admin.person):
        Person.objects.filter(pk=gone.pk).update(is_active=False)
        with acting(gone, None, "work"):
            assert not access.is_operator(gone)
            with pytest.raises(Denied):
                access.access_own_account(gone)


AUDIT_SEATS = {
    "chair": {Seat.CHAIR, Seat.REQUESTER},
    "coordinator": {Seat.COORDINATOR, Seat.REQUESTER},
    "secretary": {Seat.SECRETARY, Seat.PARTNER_SECRETARY},
    "requester": {Seat.REQUESTER},
    "radiologist": {Seat.MEMBER, Seat.REQUESTER},
    "partner": {Seat.PARTNER_MEMBER, Seat.REQUESTER},
    "partnersecretary": {Seat.PARTNER_SECRETARY},
    "guest": {Seat.GUEST},
    "outsider": {Seat.REQUESTER},
    "privacy": {Seat.PRIVACY_OFFICER},
    "admin": {Seat.ADMIN},
    "observer": {Seat.OBSERVER},
    "datamanager": {Seat.DATA_MANAGER},
}


def test_to_whom_the_page_of_follow_ups_is_offered(cast: Cast) -> None:
    offered = set()
    for name, member in cast.members.items():
        with acting_as(member) as by:
            if access.follows_up(by):
                offered.add(name)
    # By a seat on the board or a role in a hospital, of the own patients; not by administering, reading the log, being a guest.
    assert offered == set(NAMES) - {"guest", "observer", "privacy", "admin"}


def test_to_whom_the_pages_of_cases_are_offered(cast: Cast) -> None:
    offered = set()
    for name, member in cast.members.items():
        with acting_as(member) as by:
            if access.reads_cases(by):
                offered.add(name)
        words = client_of(member).get(reverse("today")).content.decode()
        assert (f'href="{reverse("cases:list")}"' in words) == (name in offered), name
    assert offered == set(NAMES) - {"privacy", "admin", "datamanager"}


def test_who_reads_the_access_log(cast: Cast) -> None:
    """Own acts; the privacy officer what concerns the own hospital, as owner of the data or as the one who acted."""
    for member in cast.members.values():
        with acting_as(member):
            audit.act("test.done", hospital_id=cast.partner_hospital.pk, detail={})
    with acting_as(cast.partner):
        audit.act("test.crossed", hospital_id=cast.organiser.pk, detail={})
        audit.act("test.inside", hospital_id=cast.partner_hospital.pk, detail={})
    at_home = {member.pk for member in cast.members.values() if member.organisation == cast.organiser}
    for name, member in cast.members.items():
        with acting_as(member) as person:
            assert access.seats_of(person) == AUDIT_SEATS[name]
            if name in ("guest", "admin", "observer"):
                with pytest.raises(Denied):
                    access.visible_audit(person)
                continue
            found = access.visible_audit(person)
            if name != "privacy":
                assert set(found.values_list("actor_id", flat=True)) == {person.pk}
                continue
            assert set(found.filter(action="test.done").values_list("actor_id", flat=True)) == at_home
            assert set(found.exclude(action="test.done").values_list("action", flat=True)) == {"test.crossed"}


def test_who_sees_how_the_system_runs(cast: Cast) -> None:
    """Whoever administers the organisation that they act for, and nobody else."""
    for name, member in cast.members.items():
        with acting_as(member) as person:
            assert access.sees_status(person) is (name == "admin")
            if name == "admin":
                assert access.access_status(person) == member.organisation.pk
            else:
                with pytest.raises(NotFound):
                    access.access_status(person)
    with acting(cast.admin.person, None, "care"), pytest.raises(NotFound):
        access.access_status(cast.admin.person)


# --- words -------------------------------------------------------------------------------------------------------------


def test_how_rows_are_named(cast: Cast) -> None:
    named = {
        str(cast.organiser): "AZ Sint-Godelieve",
        cast.organiser.short: "SG",
        str(cast.network): "Netwerk Westhoek",
        str(NetworkMembership.objects.get(organisation=cast.third)): "AZ Maria Ter Duinen – Netwerk Westhoek",
        str(cast.board): "Borst-MOC",
        str(cast.agreement): "Samenwerking borstkliniek (1)",
        str(AgreementParty.objects.get(organisation=cast.third)): "AZ Maria Ter Duinen – Samenwerking borstkliniek (1)",
        str(AgreementBoard.objects.get()): "Borst-MOC – Samenwerking borstkliniek (1)",
        str(cast.chair.person): "dr. Greet Vandecasteele",
        str(BoardRole.objects.get(person=cast.chair.pk)): "dr. Greet Vandecasteele: Chair, Borst-MOC",
        str(OrganisationRole.objects.get(person=cast.admin.pk)): (
            "Jan Smets: Administrator of the organisation, AZ Sint-Godelieve"
        ),
    }
    assert list(named) == list(named.values())
    assert Network.objects.get() == cast.network


def test_a_page_that_knows_ones_boards_asks_no_more_for_the_place_on_one(
    cast: Cast, django_assert_num_queries: Any
) -> None:
    with acting_as(cast.chair) as chair:
        asked = access.standing(chair, cast.board)
        assert [each.board for each in access.visible_boards(chair)] == [cast.board]
        with django_assert_num_queries(0):
            assert access.standing(chair, cast.board) == asked
    with acting_as(cast.requester) as requester:  # has no seat, but a reach, as the requester of a case
        assert access.visible_boards(requester) == []
        with django_assert_num_queries(1):
            found = access.standing(requester, cast.board)
        assert (found.seats, cast.organiser.pk in found.reach) == (frozenset(), True)


def test_only_a_program_enters_people(cast: Cast) -> None:
    for name in NAMES:
        with acting_as(getattr(cast, name)) as person, pytest.raises(NotFound):
            access.provisions(person)
