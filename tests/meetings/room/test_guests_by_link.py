"""A guest by link in the room: the lobby, the own item, the way out; and what those who run the meeting see of them."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from mdo.kernel.clock import now
from meetings.actions import inviting
from meetings.models import AgendaItem, GuestInvitation, Meeting
from meetings.room import hub
from meetings.room.protocol import Close
from tests.cast import Cast, Member
from tests.factories import make_meeting
from tests.meetings import guesting
from tests.room_client import Closed, Looks, RoomClient, communicator, enter, room_of

pytestmark = pytest.mark.usefixtures("committed")


@sync_to_async
def prepare(cast: Cast) -> tuple[Meeting, list[AgendaItem], GuestInvitation, str]:
    """A table of three cases and a guest of the second one who was let in; their session's key."""
    meeting, items = guesting.set_table(cast, starts_at=now())
    invitation = guesting.invite(cast, items[1])
    client = guesting.come_in(invitation)
    return meeting, items, invitation, str(client.session.session_key)


async def lobby(meeting: Meeting, cast: Cast, key: str) -> RoomClient:
    return await enter(meeting.pk, cast.guest, session_key=key)


def guests_in(client: RoomClient) -> list[tuple[str, str]]:
    return [(each["name"], each["state"]) for each in client.room["guests"]]


async def guests_become(client: RoomClient, *states: str) -> None:
    """Read frames until the room says this of its guests."""
    while [each["state"] for each in client.room["guests"]] != list(states):
        frame = await client.next_frame()
        if frame["t"] == "event" and "guests" in frame["data"]:
            client.room["guests"] = frame["data"]["guests"]


NAMES = ("Eerstemans", "Laatstemans", "E.", "L.")


async def test_from_the_lobby_to_the_table_and_out(cast: Cast) -> None:
    meeting, items, _invitation, key = await prepare(cast)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        assert guests_in(chair) == [(guesting.NAME, "confirmed")]
        assert radiologist.room["guests"] == []
        guest = await lobby(meeting, cast, key)
        try:
            assert guest.you["guest"]
            assert guest.you["name"] == guesting.NAME
            assert (guest.room["slot"], guest.room["items"], guest.room["people"]) == ("waiting", [], [])
            await guests_become(chair, "waiting")
            await chair.do("meeting.start")
            await chair.do("agenda.open_item", item=items[0].pk, version=1)
            looks = Looks()
            await chair.do("agenda.open_item", item=items[1].pk, version=1)
            await guest.until(lambda frame: frame["t"] == "snapshot" and frame["room"]["items"] != [])
            assert looks.within_a_second
            assert [each["id"] for each in guest.room["items"]] == [str(items[1].pk)]
            assert guest.room["slot"] == "in"
            await guests_become(chair, "in")
            looks = Looks()
            await chair.do("agenda.postpone", item=items[1].pk, version=2, reason="out_of_time")
            await guest.until(lambda frame: frame["t"] == "snapshot" and frame["room"]["items"] == [])
            assert looks.within_a_second
            assert guest.room["slot"] == "out"
            await guests_become(chair, "out")
            await chair.do("meeting.close")
            assert await guest.closed(3) == Close.NO_ACCESS
        finally:
            await guest.leave()
        # Nothing of anybody else in anything that was said.
        ids = [str(item.pk) for item in (items[0], items[2])]
        people = [member.person.last_name for member in cast.members.values()]
        for secret in (*NAMES[:2], *ids, *people):
            assert secret not in guest.text, secret
        assert {frame.get("seq", 0) for frame in guest.frames} == {0}


async def test_shown_out_within_a_second(cast: Cast) -> None:
    meeting, items, invitation, key = await prepare(cast)
    async with room_of(meeting.pk, cast.chair, cast.radiologist) as (chair, radiologist):
        await chair.do("meeting.start")
        await chair.do("agenda.open_item", item=items[1].pk, version=1)
        guest = await lobby(meeting, cast, key)
        try:
            assert guest.room["slot"] == "in"
            assert (await radiologist.do("guest.eject", guest=invitation.pk))["code"] == "forbidden"
            looks = Looks()
            assert (await chair.do("guest.eject", guest=invitation.pk))["t"] == "ack"
            assert await guest.closed(3) == Close.NO_ACCESS
            assert looks.within_a_second
            await guests_become(chair, "revoked")
        finally:
            await guest.leave()
        # The session is dead as well.
        with pytest.raises(Closed) as closed:
            await lobby(meeting, cast, key)
        assert closed.value.code == Close.SESSION_ENDED


async def test_a_guest_may_do_nothing(cast: Cast) -> None:
    meeting, items, invitation, key = await prepare(cast)
    async with room_of(meeting.pk, cast.chair) as (chair,):
        await chair.do("meeting.start")
        await chair.do("agenda.open_item", item=items[1].pk, version=1)
        guest = await lobby(meeting, cast, key)
        try:
            tries: list[tuple[str, dict[str, Any]]] = [
                ("agenda.next", {"from_item": str(items[1].pk)}),
                ("meeting.close", {}),
                ("guest.eject", {"guest": str(invitation.pk)}),
                ("agenda.open_item", {"item": str(items[2].pk), "version": 1}),
                ("decision.record", {"item": str(items[1].pk), "version": 1, "text": 0}),
            ]
            for name, args in tries:
                assert (await guest.do(name, **args))["code"] in ("forbidden", "not_found"), name
        finally:
            await guest.leave()


async def test_another_meeting_s_socket_stays_shut(cast: Cast) -> None:
    _meeting, _items, _invitation, key = await prepare(cast)
    other = await sync_to_async(make_meeting)(cast.board, state=Meeting.State.RUNNING)
    client = RoomClient(communicator(other.pk, key))
    await client.communicator.connect(5)
    assert await client.closed(5) == Close.NO_ACCESS
    await hub.stop()


async def test_a_new_link_shuts_the_old_socket(cast: Cast) -> None:
    meeting, _items, invitation, key = await prepare(cast)
    async with room_of(meeting.pk, cast.chair):
        guest = await lobby(meeting, cast, key)
        try:
            await sync_to_async(guesting.call)(cast, inviting.renew_link, meeting_id=meeting.pk, guest_id=invitation.pk)
            assert await guest.closed(2) == Close.NO_ACCESS
        finally:
            await guest.leave()
        with pytest.raises(Closed) as closed:
            await lobby(meeting, cast, key)
        assert closed.value.code == Close.SESSION_ENDED


async def test_attendance_counts_the_guest_of_the_item_alone(cast: Cast) -> None:
    from meetings import attendance
    from tests.meetings.acts import house

    meeting, items, _invitation, key = await prepare(cast)

    @sync_to_async
    def there(item: AgendaItem) -> set[str]:
        with house():
            fresh = AgendaItem.objects.select_related("referral", "meeting__board").get(pk=item.pk)
            return {
                seat.person.display_name for seat, _times in attendance.of_item(fresh, attendance.leases(fresh.meeting))
            }

    async with room_of(meeting.pk, cast.chair) as (chair,):
        guest = await lobby(meeting, cast, key)
        try:
            await chair.do("meeting.start")
            await chair.do("agenda.open_item", item=items[0].pk, version=1)
            member: Member = cast.chair
            assert await there(items[0]) == {member.person.display_name}
            await chair.do("agenda.open_item", item=items[1].pk, version=1)
            assert await there(items[1]) == {member.person.display_name, guesting.NAME}
        finally:
            await guest.leave()
