"""A room as `/metrics` shows it: how many sit in it, how long commands took, what was refused; no word of a client."""

import pytest
from asgiref.sync import sync_to_async

from mdo.kernel.metrics import REGISTRY
from mdo.watch.exposition import Rooms
from tests.cast import Cast
from tests.factories import make_meeting
from tests.room_client import room_of

pytestmark = pytest.mark.usefixtures("committed")
SENT = "Zwaluwkanarie.vandaag"


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_room_is_measured_and_names_nobody(cast: Cast) -> None:
    meeting = await sync_to_async(make_meeting)(cast.board)
    names = ("meeting.start", "unknown")
    before = {name: counted("mdo_room_command_seconds_count", command=name) for name in names}
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        await chair.done("meeting.start")
        assert (await radiologist.do("meeting.start"))["code"] == "forbidden"
        assert (await chair.do(SENT))["t"] == "refused"
        # A command counts after its answer left: the next one of the same socket is taken after that.
        await chair.do(SENT)
        await radiologist.do(SENT)
        inside = {family.name: [sample.value for sample in family.samples] for family in Rooms().collect()}
    assert (inside["mdo_rooms_open"], inside["mdo_sockets_open"]) == ([1], [2])
    assert counted("mdo_room_command_seconds_count", command="meeting.start") == before["meeting.start"] + 2
    assert counted("mdo_room_command_seconds_count", command="unknown") >= before["unknown"] + 1
    assert counted("mdo_room_commands_refused_total", command="meeting.start", code="forbidden") >= 1
    labels = {value for family in REGISTRY.collect() for sample in family.samples for value in sample.labels.values()}
    assert SENT not in labels
