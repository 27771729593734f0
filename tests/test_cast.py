"""The cast and the factories make what they say, in the test's transaction and committed."""

from datetime import date

import pytest
from django.db import connection

from cases import access
from cases.coding import national_number
from cases.dossiers import dossier
from cases.dossiers.form import clean
from cases.models import Referral
from mdo.directory.matrix import Seat
from mdo.directory.models import BoardRole
from meetings.models import Decision, Meeting
from tests.cast import NAMES, Cast, acting_as
from tests.factories import (
    case_data,
    insz,
    make_case,
    make_decision,
    make_document,
    make_item,
    make_lease,
    make_meeting,
    make_referral,
    tumour_data,
)

SEATS = {
    "chair": {Seat.CHAIR},
    "coordinator": {Seat.COORDINATOR},
    "secretary": {Seat.SECRETARY},
    "requester": set(),
    "radiologist": {Seat.MEMBER},
    "partner": {Seat.PARTNER_MEMBER},
    "partnersecretary": {Seat.PARTNER_SECRETARY},
    "guest": set(),
    "outsider": set(),
    "privacy": set(),
    "admin": set(),
    "observer": {Seat.OBSERVER},
    "datamanager": set(),
}


def test_everybody_has_the_seat_of_the_table(cast: Cast) -> None:
    from mdo.directory.access import standing

    found = {}
    for name, member in cast.members.items():
        with acting_as(member) as person:
            found[name] = set(standing(person, cast.board).seats)
    assert found == SEATS
    assert tuple(found) == NAMES


def test_the_cast_is_cheap(db: None, django_assert_max_num_queries: object) -> None:
    from tests.cast import make_cast

    with django_assert_max_num_queries(14):  # type: ignore[operator]
        make_cast()


def test_a_committed_cast_is_seen_by_another_connection(committed: None, cast: Cast) -> None:
    connection.close()
    assert BoardRole.objects.filter(board=cast.board).count() == 8


def test_dossiers_of_the_factories_are_canonical() -> None:
    today, first = date(2026, 11, 21), dossier("breast", 1)
    assert clean(first, "case", case_data(), today=today) == case_data()
    assert clean(first, "tumour", tumour_data(), today=today) == tumour_data()


@pytest.mark.parametrize("birth", [date(1961, 3, 4), date(1999, 12, 31), date(2003, 2, 1)])
def test_national_numbers_are_valid(birth: date) -> None:
    number = national_number.parse(insz(birth), today=date(2026, 11, 21))
    assert (number.birth.agrees_with(birth), number.sex) == (True, "female")


def test_a_whole_world(cast: Cast) -> None:
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, status=Referral.Status.SCHEDULED)
    document = make_document(referral.case)
    meeting = make_meeting(cast.board, state=Meeting.State.RUNNING)
    make_item(meeting)
    item = make_item(meeting, referral, state="open")
    decision = make_decision(item, state=Decision.State.DRAFT)
    make_lease(meeting, cast.chair.person, cast.organiser)
    make_case(cast.outside, cast.outsider.person, tumours=[tumour_data(), tumour_data(laterality="right")])
    with acting_as(cast.chair) as chair:
        assert list(access.visible_cases(chair)) == [referral.case]
        assert list(access.visible_documents(chair)) == [document]
        assert list(Decision.objects.all()) == [decision]
    assert Meeting.objects.get().current_item == item
