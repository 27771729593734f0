"""The room goes on without Redis: stopped or frozen, commands are stored, and everybody hears of them."""

import asyncio
from time import monotonic
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from mdo.kernel import journal
from meetings.room import audience, hub, work
from tests.cast import Cast
from tests.factories import make_item, make_meeting, make_referral
from tests.room_client import RoomClient, room_of

pytestmark = pytest.mark.usefixtures("committed")


@sync_to_async
def set_table(cast: Cast):
    meeting = make_meeting(cast.board)
    return meeting, make_item(
        meeting, make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled")
    )


@pytest.mark.parametrize("address", ["redis://127.0.0.1:1/0"])
async def test_without_redis_the_room_goes_on(cast: Cast, settings, address: str) -> None:
    layer = settings.CHANNEL_LAYERS["default"]
    host = {"address": address, "socket_timeout": None, "socket_connect_timeout": 2}
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": {**layer["CONFIG"], "hosts": [host]}}}
    meeting, item = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        began = monotonic()
        seq = await chair.done("meeting.start")
        await radiologist.reach(seq)
        seq = await chair.done("agenda.open_item", item=item.pk, version=item.version)
        await radiologist.reach(seq)
        assert monotonic() - began < 3
        async with asyncio.timeout(5):
            while hub.here().published_failures == 0:  # noqa: ASYNC110  (a counter, not an event)
                await asyncio.sleep(0.05)


async def test_a_frozen_redis_does_not_hold_an_answer(cast: Cast, settings) -> None:
    """A server that takes connections and never answers: a Redis that was stopped with SIGSTOP."""

    writers: list[asyncio.StreamWriter] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.read()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    layer = settings.CHANNEL_LAYERS["default"]
    host = {"address": f"redis://127.0.0.1:{port}/0", "socket_timeout": None, "socket_connect_timeout": 2}
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": {**layer["CONFIG"], "hosts": [host]}}}
    meeting, item = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        began = monotonic()
        seq = await chair.done("meeting.start")
        await radiologist.reach(seq)
        seq = await chair.done("agenda.open_item", item=item.pk, version=item.version)
        await radiologist.reach(seq)
        assert monotonic() - began < 3
    server.close()
    for writer in writers:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


def chair_and_radiologist_are_in(client: RoomClient) -> bool:
    return sum(person["present"] for person in client.room["people"]) == 2


async def test_an_idle_socket_stays_open(cast: Cast) -> None:
    """redis-py's own timeout would close idle subscriptions after 5 s: seven quiet seconds, then the room still answers."""
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        await chair.until(lambda frame: frame["t"] == "event" and chair_and_radiologist_are_in(chair))
        await radiologist.until(lambda frame: frame["t"] == "event" and chair_and_radiologist_are_in(radiologist))
        quiet = await asyncio.gather(
            chair.communicator.receive_nothing(7, 0.2), radiologist.communicator.receive_nothing(7, 0.2)
        )
        assert quiet == [True, True]
        seq = await chair.done("meeting.start")
        await radiologist.reach(seq)


async def test_two_processes_hear_of_each_other(cast: Cast) -> None:
    """What another process committed arrives, by the channel layer at once or by looking within half a second."""
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.radiologist) as (radiologist,):

        def elsewhere() -> int:
            place = audience.find(cast.chair.pk, meeting.pk, cast.chair.organisation_id)
            assert place is not None
            mine, journal._deliveries[:] = list(journal._deliveries), []
            try:
                return work.run_command(place, meeting.pk, uuid4(), "meeting.start", {}).seq
            finally:
                journal._deliveries[:] = mine

        began = monotonic()
        seq = await sync_to_async(elsewhere)()
        await radiologist.reach(seq)
        assert monotonic() - began < 2
        assert radiologist.room["meeting"]["state"] == "running"
