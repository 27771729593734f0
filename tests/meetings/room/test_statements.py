"""A room command costs at most 14 statements, BEGIN and COMMIT included; a snapshot the same number at 1 and at 60 items."""

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mdo.kernel.acting import System, acting
from meetings import texts
from meetings.models import AgendaItem
from meetings.room import audience, work
from tests.cast import Cast
from tests.factories import make_item, make_meeting, make_referral

MOST = 14
ONCE_A_SITTING = {"meeting.start": 21}  # it also keeps which cases are complete


@pytest.fixture
def table(committed: None, cast: Cast):
    meeting = make_meeting(cast.board)
    for _ in range(4):
        make_item(meeting, make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled"))
    return meeting


def counted(place, meeting, name: str, **args: object) -> int:
    with CaptureQueriesContext(connection) as queries:
        work.run_command(place, meeting.pk, uuid4(), name, args)

    return len(queries)


def test_statements_of_each_command(table, cast: Cast) -> None:
    place = audience.find(cast.chair.pk, table.pk, cast.chair.organisation_id)
    first, second, third, _ = AgendaItem.objects.filter(meeting=table).order_by("position")
    used = {"meeting.start": counted(place, table, "meeting.start")}
    used["agenda.open_item"] = counted(place, table, "agenda.open_item", item=first.pk, version=first.version)
    steps = [{"kind": "surgery", "text": "links"}]
    used["draft.save"] = counted(place, table, "draft.save", item=first.pk, version=1, steps=steps)
    with acting(System("test"), None, "test"):  # somebody reads along, as in every room
        texts.begin(AgendaItem.objects.select_related("meeting").get(pk=first.pk), None)
    used["decision.record"] = counted(place, table, "decision.record", item=first.pk, version=2)
    used["agenda.next"] = counted(place, table, "agenda.next", from_item=first.pk)
    used["agenda.move_item"] = counted(place, table, "agenda.move_item", item=third.pk, to=4, version=third.version)
    second.refresh_from_db()
    used["agenda.postpone"] = counted(
        place, table, "agenda.postpone", item=second.pk, version=second.version, reason="pathology_missing"
    )
    assert {name: number for name, number in used.items() if number > ONCE_A_SITTING.get(name, MOST)} == {}


def test_a_snapshot_asks_as_much_of_sixty_items_as_of_one(committed: None, cast: Cast) -> None:
    meeting = make_meeting(cast.board)
    asked = []
    for number in (1, 59):
        for _ in range(number):
            make_item(meeting, make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled"))
        place = audience.find(cast.chair.pk, meeting.pk, cast.chair.organisation_id)
        assert place is not None
        with CaptureQueriesContext(connection) as queries:
            begun = work.start(meeting.pk, place.audience, None)
        assert begun.room is not None
        asked.append(len(queries))
    assert len(begun.room["items"]) == 60
    assert asked == [16, 16]
