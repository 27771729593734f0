"""The right to one case, and to its place on an agenda: with which seats before it, and with which right of the matrix."""

from uuid import uuid4

import pytest

from cases import access
from mdo.directory.matrix import Seat
from mdo.kernel.acting import acting
from mdo.kernel.errors import Denied, NotFound
from mdo.kernel.models import AuditEntry
from tests.cases.world import HOUSE, SEEN, make_world
from tests.cast import Cast, acting_as

# Whoever sees the case of this name: with these seats before it, and with this right of the matrix or without.
PLACES: list[tuple[str, str, set[Seat], set[str], bool]] = [
    # member, case, seats, facts, may change (row `submit`)
    ("chair", "O_submitted", {Seat.CHAIR}, {"agr", "own", "set"}, False),
    ("chair", "O_other_board", {Seat.REQUESTER}, {"own"}, True),
    ("coordinator", "P_submitted", {Seat.COORDINATOR}, {"agr", "set"}, True),
    ("secretary", "O_draft", {Seat.PARTNER_SECRETARY}, {"own"}, True),
    ("secretary", "O_submitted", {Seat.SECRETARY, Seat.PARTNER_SECRETARY}, {"agr", "own", "set"}, True),
    ("secretary", "T_accepted", {Seat.SECRETARY}, {"agr", "set"}, True),
    ("requester", "O_submitted", {Seat.REQUESTER}, {"own"}, True),
    ("requester", "O_via", {Seat.REQUESTER}, {"own"}, True),
    ("radiologist", "O_submitted", {Seat.MEMBER}, {"agr", "own", "set"}, True),
    ("radiologist", "P_submitted", {Seat.MEMBER}, {"agr", "set"}, False),
    ("partner", "P_submitted", {Seat.PARTNER_MEMBER, Seat.REQUESTER}, {"agr", "own", "set"}, True),
    ("partner", "O_submitted", {Seat.PARTNER_MEMBER}, {"agr", "set"}, False),
    ("partnersecretary", "P_submitted", {Seat.PARTNER_SECRETARY}, {"agr", "own", "set"}, True),
    ("partnersecretary", "P_colleague_draft", {Seat.PARTNER_SECRETARY}, {"own"}, True),
    ("guest", "O_submitted", {Seat.GUEST}, {"slot"}, False),
    ("observer", "T_discussed", {Seat.OBSERVER}, {"agr", "set", "slot"}, False),
]


def test_places(cast: Cast) -> None:
    world = make_world(cast)
    for member, name, seats, facts, may_change in PLACES:
        case = world.cases[name]
        with acting_as(world.people[member]) as by:
            place = access.place(by, case)
            assert (place.seats, place.facts) == (seats, facts), (member, name)
            assert place.permits("submit") is may_change, (member, name)
            assert place.is_guest is (member == "guest")
            assert place.pseudonyms is (member == "observer")
            assert access.access_case_for_reading(by, case.pk) == case
            if may_change:
                assert access.access_case_for_submitting(by, case.pk) == case
            else:
                with pytest.raises(Denied):
                    access.access_case_for_submitting(by, case.pk)
    read = AuditEntry.objects.filter(action="case.read").order_by("id").values_list("object_id", flat=True)
    assert list(read) == [world.cases[name].pk for _, name, *_ in PLACES]


def test_what_one_may_not_know_of_does_not_exist(cast: Cast) -> None:
    world = make_world(cast)
    some = {"O_draft", "O_other_board", "P_draft", "P_submitted", "T_withdrawn", "X_own_board"}
    for member in ("requester", "partnersecretary", "guest", "outsider", "admin", "former"):
        with acting_as(world.people[member]) as by:
            for name in some - SEEN[member]:
                with pytest.raises(NotFound):
                    access.access_case_for_reading(by, world.cases[name].pk)
                with pytest.raises(NotFound):
                    access.access_referral_for_submitting(by, world.referrals[name].pk)
            with pytest.raises(NotFound):
                access.access_case_for_submitting(by, uuid4())
    assert not AuditEntry.objects.exists()


def test_the_house_may_touch_any_case(cast: Cast) -> None:
    world = make_world(cast)
    with acting(HOUSE, None, "work"):
        for case in world.cases.values():
            assert access.access_case_for(HOUSE, case.pk, "system") == case
        assert access.access_referral_for(HOUSE, world.referrals["O_draft"].pk, "build_agenda").case_id
        with pytest.raises(NotFound):
            access.access_case_for(HOUSE, uuid4(), "system")


AGENDA: list[tuple[str, str, type[Exception] | None]] = [
    ("secretary", "T_submitted", None),
    ("chair", "P_submitted", None),
    ("coordinator", "O_submitted", None),
    ("secretary", "O_draft", None),  # of her own hospital, before her own board
    ("secretary", "O_other_board", Denied),  # she has no seat there
    ("chair", "O_other_board", Denied),
    ("partnersecretary", "P_submitted", Denied),
    ("requester", "O_submitted", Denied),
    ("partner", "O_submitted", Denied),
    ("guest", "O_submitted", Denied),
    ("observer", "T_discussed", Denied),
    ("outsider", "O_submitted", NotFound),
]


def test_building_the_agenda(cast: Cast) -> None:
    world = make_world(cast)
    for member, name, error in AGENDA:
        referral = world.referrals[name]
        with acting_as(world.people[member]) as by:
            if error is None:
                assert access.access_referral_for_agenda(by, referral.pk) == referral
                assert access.access_referral_for(by, referral.pk, "build_agenda", lock=False) == referral
            else:
                with pytest.raises(error):
                    access.access_referral_for_agenda(by, referral.pk)


def test_referring_and_withdrawing_are_the_own_hospital_s(cast: Cast) -> None:
    world = make_world(cast)
    with acting_as(cast.secretary) as by:
        assert access.access_case_for_referring(by, world.cases["O_bare"].pk)
        assert access.access_referral_for_withdrawing(by, world.referrals["O_submitted"].pk)
        with pytest.raises(Denied):
            access.access_case_for_referring(by, world.cases["T_submitted"].pk)
        with pytest.raises(Denied):
            access.access_referral_for_withdrawing(by, world.referrals["T_submitted"].pk)
    with acting_as(cast.requester) as by:
        assert access.access_referral_for_withdrawing(by, world.referrals["O_via"].pk)
    with acting_as(cast.radiologist) as by, pytest.raises(Denied):
        access.access_referral_for_withdrawing(by, world.referrals["O_submitted"].pk)
