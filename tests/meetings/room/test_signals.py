"""Signals: who presents is followed, who may share points; whoever may not see the item hears nothing; nothing is kept."""

import asyncio
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import connection

from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry, JournalEntry
from meetings.models import AgendaItem, Meeting
from meetings.room import hub, signals
from tests.cast import Cast
from tests.factories import make_item, make_meeting, make_referral, make_topic, writing
from tests.room_client import RoomClient, enter, room_of

pytestmark = pytest.mark.usefixtures("committed")

QUIET_S = 0.4  # nothing comes within this: a signal takes a few milliseconds


@sync_to_async
def set_table(cast: Cast, *, presenter: UUID | None = None) -> tuple[Meeting, list[AgendaItem]]:
    """The organiser's case, the guest's case, the partner's case; the meeting runs and the first one is open."""
    meeting = make_meeting(cast.board)
    requester = cast.requester.person
    first = make_referral(cast.board, cast.organiser, requester, status="scheduled")
    second = make_referral(cast.board, cast.organiser, requester, status="scheduled", guest=cast.guest.person)
    third = make_referral(cast.board, cast.third, requester, status="scheduled")
    items = [make_item(meeting, each) for each in (first, second, third)]
    if presenter is not None:
        with writing():
            Meeting.objects.filter(pk=meeting.pk).update(presenter=presenter)
    return meeting, items


def view(shown: AgendaItem, **data: Any) -> dict[str, Any]:
    at = {"item": str(shown.pk), "tab": "case", "document": None, "page": 1, "scroll": 0.0, **data}
    return {"do": "signal", "kind": "view", "data": at}


def point(item: AgendaItem, **data: Any) -> dict[str, Any]:
    return {"do": "signal", "kind": "point", "data": {"item": str(item.pk), "x": 0.5, "y": 0.25, "on": True, **data}}


async def signal(client: RoomClient) -> dict[str, Any]:
    return await client.until(lambda frame: frame["t"] == "signal")


async def hears_nothing(client: RoomClient) -> None:
    """No signal comes within a moment; everything else may."""
    with suppress(TimeoutError):
        async with asyncio.timeout(QUIET_S):
            while True:
                frame = await client.next_frame()
                assert frame["t"] != "signal", frame


def heard(client: RoomClient) -> list[dict[str, Any]]:
    return [frame for frame in client.frames if frame["t"] == "signal"]


async def test_who_presents_is_followed(cast: Cast) -> None:
    meeting, (item, *_) = await set_table(cast, presenter=cast.chair.pk)
    document = new_id()
    async with room_of(meeting.pk, cast.chair, cast.radiologist, cast.observer) as (chair, radiologist, observer):
        await chair.send(view(item, tab="document", document=str(document), page=3, scroll=0.5))
        said = {"t": "signal", "kind": "view", "by": str(cast.chair.pk), "name": cast.chair.person.display_name}
        at = {"item": str(item.pk), "tab": "document", "document": str(document), "page": 3, "scroll": 0.5}
        for other in (radiologist, observer):
            frame = await signal(other)
            assert frame == {**said, "data": at}
        await hears_nothing(chair)
        # Whoever comes later is told where the presenter is, right after the first frame.
        late = await enter(meeting.pk, cast.coordinator)
        assert (await signal(late))["data"] == at
        assert late.frames[0]["t"] == "snapshot"
        await late.leave()


async def test_only_the_presenter_is_followed(cast: Cast) -> None:
    meeting, (item, *_) = await set_table(cast, presenter=cast.chair.pk)
    async with room_of(meeting.pk, cast.radiologist, cast.coordinator) as (radiologist, coordinator):
        await radiologist.send(view(item))
        await hears_nothing(coordinator)


async def test_while_nobody_presents_nobody_is_followed(cast: Cast) -> None:
    meeting, (item, *_) = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        await chair.send(view(item))
        await hears_nothing(radiologist)
        # Named now: heard from now on; and no more once somebody else is named.
        await chair.done("meeting.present", person=cast.chair.pk)
        await chair.send(view(item, scroll=0.1))
        assert (await signal(radiologist))["data"]["scroll"] == 0.1
        await chair.done("meeting.present", person=cast.radiologist.pk)
        await radiologist.reach(chair.seq)
        before = len(heard(radiologist))
        await chair.send(view(item, scroll=0.2))
        await radiologist.send(view(item, scroll=0.3))
        assert (await signal(chair))["by"] == str(cast.radiologist.pk)
        await hears_nothing(radiologist)
        assert len(heard(radiologist)) == before


async def test_whoever_may_share_points(cast: Cast) -> None:
    meeting, (item, *_) = await set_table(cast)
    async with room_of(meeting.pk, cast.partner, cast.radiologist, cast.observer) as (partner, radiologist, observer):
        await partner.send(point(item))
        frame = await signal(radiologist)
        assert (frame["kind"], frame["name"], frame["data"]["x"]) == ("point", cast.partner.person.display_name, 0.5)
        await signal(observer)
        # An observer watches.
        await observer.send(point(item))
        await hears_nothing(radiologist)


async def test_a_guest_hears_of_the_own_item_alone_and_only_while_it_is_open(cast: Cast) -> None:
    meeting, (first, own, third) = await set_table(cast, presenter=cast.chair.pk)
    async with room_of(meeting.pk, cast.chair, cast.guest, cast.radiologist) as (chair, guest, radiologist):
        await chair.done("meeting.start")
        await chair.done("agenda.open_item", item=first.pk, version=chair.item(first.pk)["version"])
        for item in (first, own, third):
            await chair.send(view(item))
            await signal(radiologist)
        await hears_nothing(guest)
        await chair.done("agenda.open_item", item=own.pk, version=chair.item(own.pk)["version"])
        await guest.until(lambda frame: frame["t"] == "snapshot" and frame["room"]["items"] != [])
        await chair.send(view(own, scroll=0.5))
        assert (await signal(guest))["data"]["item"] == str(own.pk)
        # They may point there, and nowhere else.
        assert guest.you["can"] == ["call", "share", "speak"]
        for item in (third, own):
            await guest.send(point(item))
        pointed = await chair.until(lambda frame: frame["t"] == "signal" and frame["kind"] == "point")
        assert (pointed["by"], pointed["data"]["item"]) == (str(cast.guest.pk), str(own.pk))
        assert len([frame for frame in chair.frames if frame["t"] == "signal"]) == 1
        # Their item ends, and with it what they hear; coming back they are told nothing either.
        await chair.done("agenda.open_item", item=first.pk, version=chair.item(first.pk)["version"])
        await guest.until(lambda frame: frame["t"] == "snapshot" and frame["room"]["items"] == [])
        assert guest.you["can"] == []
        await guest.send(point(own))
        await hears_nothing(chair)
        await chair.send(view(own, scroll=0.7))
        await chair.send(view(first))
        await hears_nothing(guest)
        again = await enter(meeting.pk, cast.guest)
        await hears_nothing(again)
        await again.leave()


async def test_whoever_may_not_see_the_item_hears_nothing_of_it(cast: Cast) -> None:
    """A case of a hospital with which the partner's has no agreement any more."""

    @sync_to_async
    def others() -> tuple[Meeting, AgendaItem, AgendaItem]:
        meeting = make_meeting(cast.board)
        case = make_referral(cast.board, cast.outside, cast.outsider.person, status="scheduled")
        with writing():
            Meeting.objects.filter(pk=meeting.pk).update(presenter=cast.chair.pk)
        return meeting, make_item(meeting, case), make_item(meeting, topic=make_topic(cast.board))

    meeting, unseen, topic = await others()
    async with room_of(meeting.pk, cast.chair, cast.partner) as (chair, partner):
        assert {each["id"] for each in partner.room["items"]} == {str(topic.pk)}
        await chair.send(view(unseen))
        await hears_nothing(partner)
        await chair.send(view(topic))
        assert (await signal(partner))["data"]["item"] == str(topic.pk)


async def test_without_the_question_who_sees_it_a_guest_would_hear(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: it is that question which keeps the guest from hearing."""
    meeting, (first, *_) = await set_table(cast, presenter=cast.chair.pk)
    monkeypatch.setattr(signals, "hears", lambda audience, row: True)
    async with room_of(meeting.pk, cast.chair, cast.guest) as (chair, guest):
        await chair.send(view(first))
        assert (await signal(guest))["data"]["item"] == str(first.pk)


async def test_an_item_of_another_meeting_is_nobody_s(cast: Cast) -> None:
    meeting, _ = await set_table(cast, presenter=cast.chair.pk)
    _, (elsewhere, *_) = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        await chair.send(view(elsewhere))
        await hears_nothing(radiologist)


async def test_signals_are_kept_nowhere(cast: Cast) -> None:
    meeting, (item, *_) = await set_table(cast, presenter=cast.chair.pk)

    @sync_to_async
    def rows() -> tuple[int, int, int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM kernel_commandid")
            return AuditEntry.objects.count(), JournalEntry.objects.count(), cursor.fetchone()[0]

    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        await radiologist.until(lambda frame: frame.get("name") == "presence.changed")
        before, seq = await rows(), radiologist.seq
        for at in range(5):
            await chair.send(view(item, scroll=at / 10))
            await chair.send(point(item, x=at / 10))
        await radiologist.until(lambda frame: frame["t"] == "signal" and frame["data"].get("scroll") == 0.4)
        assert (await rows(), radiologist.seq) == (before, seq)


@pytest.mark.parametrize(
    "data",
    [
        {"scroll": 1.5},
        {"scroll": "NaN"},
        {"page": 0},
        {"page": 10**9},
        {"tab": "agenda"},
        {"document": "../../etc"},
        {"item": "nothing"},
        {"name": "somebody else"},
    ],
)
async def test_what_is_no_view_is_refused(cast: Cast, data: dict[str, Any]) -> None:
    meeting, (item, *_) = await set_table(cast, presenter=cast.chair.pk)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        await chair.send(view(item, **data))
        refused = await chair.until(lambda frame: frame["t"] == "refused")
        assert (refused["code"], refused["id"]) == ("invalid", None)
        await hears_nothing(radiologist)


async def test_too_many_are_left_out_and_the_last_one_counts(cast: Cast) -> None:
    meeting, (item, *_) = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        for at in range(100):
            await chair.send(point(item, x=at / 100))
        await radiologist.until(lambda frame: frame["t"] == "signal" and frame["data"]["x"] == 0.99)
        assert len(heard(radiologist)) <= signals.PER_SECOND + 10
        # Nobody is shown out for it.
        await chair.send({"do": "ping", "seen": chair.seq})
        await chair.until(lambda frame: frame["t"] == "head")


async def test_a_reader_that_is_silent_gets_none(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    meeting, (item, *_) = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        await chair.send(point(item))
        await signal(radiologist)
        monkeypatch.setattr(signals, "SILENT_FOR_S", 0.0)
        await chair.send(point(item))
        await hears_nothing(radiologist)
        monkeypatch.undo()
        await radiologist.send({"do": "ping", "seen": radiologist.seq})
        await radiologist.until(lambda frame: frame["t"] == "head")
        await chair.send(point(item))
        await signal(radiologist)


async def test_processes_pass_signals_on(cast: Cast) -> None:
    """What another process publishes is heard here, by those who may; what is said here is published for the others."""
    meeting, (first, own, _third) = await set_table(cast, presenter=cast.chair.pk)
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(hub.GROUP, channel)
    async with room_of(meeting.pk, cast.radiologist, cast.guest, cast.chair) as (radiologist, guest, chair):
        said = {"by": str(cast.chair.pk), "name": "x", "kind": "view", "data": view(own)["data"]}
        stranger = {**said, "by": str(cast.coordinator.pk)}
        message = {"type": "signal", "meeting": str(meeting.pk), "from": "elsewhere", "said": [stranger, said]}
        await layer.group_send(hub.GROUP, message)
        frame = await signal(radiologist)
        assert (frame["by"], len(heard(radiologist))) == (str(cast.chair.pk), 1)
        await hears_nothing(guest)
        # A view of somebody who does not present is not passed on here either.
        await hears_nothing(radiologist)
        await chair.send(view(first))
        async with asyncio.timeout(5):
            published = await layer.receive(channel)
            while published["type"] != "signal" or published["from"] == "elsewhere":
                published = await layer.receive(channel)
        assert published["from"] == hub.here().process
        assert [each["data"]["item"] for each in published["said"]] == [str(first.pk)]


async def test_a_channel_layer_that_hangs_holds_nobody_up(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    meeting, (item, *_) = await set_table(cast)

    class Hangs:
        async def group_send(self, group: str, message: dict[str, Any]) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(signals, "get_channel_layer", Hangs)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        for at in range(3):
            await chair.send(point(item, x=at / 4))
            assert (await signal(radiologist))["data"]["x"] == at / 4
        # Each try is given up after half a second; then what came meanwhile goes as one.
        while hub.here().signals.failures == 0:
            await hears_nothing(radiologist)
