"""Rights that end act on open sockets within a second, and a guest sees the own item alone while it is open."""

from datetime import timedelta
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.models import Session

from mdo.directory.models import Agreement, BoardRole, Person
from mdo.kernel.clock import now
from meetings.room import hub, work
from meetings.room.protocol import Close
from tests.cast import Cast, Member
from tests.factories import make_item, make_meeting, make_referral
from tests.room_client import Closed, Looks, RoomClient, communicator, enter, room_of, sign_in

pytestmark = pytest.mark.usefixtures("committed")


@sync_to_async
def set_table(cast: Cast):
    meeting = make_meeting(cast.board)
    requester, guest = cast.requester.person, cast.guest.person
    first = make_referral(cast.board, cast.organiser, requester, status="scheduled")
    second = make_referral(cast.board, cast.organiser, requester, status="scheduled", guest=guest)
    third = make_referral(cast.board, cast.partner_hospital, cast.partner.person, status="scheduled")
    return meeting, [make_item(meeting, each) for each in (first, second, third)]


async def ends_within_a_second(client: RoomClient, end, code: int) -> None:
    await sync_to_async(end)()
    looks = Looks()
    assert await client.closed(5) == code
    assert looks.within_a_second


def end_agreement(cast: Cast) -> None:
    Agreement.objects.filter(pk=cast.agreement.pk).update(status=Agreement.Status.ENDED)


async def test_an_ended_agreement_shows_the_partner_out(cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.partner, cast.chair) as (partner, chair):
        assert len(chair.room["items"]) == 3
        await ends_within_a_second(partner, lambda: end_agreement(cast), Close.NO_ACCESS)
        # For the chair the partner's case is gone, and so is its label.
        await chair.until(lambda frame: frame["t"] == "snapshot")
        assert len(chair.room["items"]) == 2


async def test_an_ended_role_shows_out(cast: Cast) -> None:
    meeting, _ = await set_table(cast)

    def end() -> None:
        BoardRole.objects.filter(person=cast.radiologist.person).update(valid_until=now())

    async with room_of(meeting.pk, cast.radiologist) as (radiologist,):
        await ends_within_a_second(radiologist, end, Close.NO_ACCESS)


async def test_a_role_that_ends_by_the_clock_shows_out(cast: Cast) -> None:
    meeting, _ = await set_table(cast)

    @sync_to_async
    def ends_soon() -> None:
        BoardRole.objects.filter(person=cast.radiologist.person).update(valid_until=now() + timedelta(seconds=1.5))

    await ends_soon()
    async with room_of(meeting.pk, cast.radiologist) as (radiologist,):
        assert await radiologist.closed(4) == Close.NO_ACCESS


async def test_signing_out_closes_the_socket(cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    key = await sync_to_async(sign_in)(cast.radiologist)
    client = await enter(meeting.pk, cast.radiologist, session_key=key)
    try:
        await ends_within_a_second(client, lambda: Session.objects.filter(pk=key).delete(), Close.SESSION_ENDED)
    finally:
        await client.leave()
        await hub.stop()


async def test_a_deactivated_person_is_shown_out(cast: Cast) -> None:
    meeting, _ = await set_table(cast)

    def deactivate() -> None:
        Person.objects.filter(pk=cast.radiologist.pk).update(is_active=False)

    async with room_of(meeting.pk, cast.radiologist) as (radiologist,):
        await ends_within_a_second(radiologist, deactivate, Close.NO_ACCESS)


@pytest.mark.parametrize("who", ["outsider", "privacy", "admin"])
async def test_who_has_no_seat_finds_no_room(cast: Cast, who: str) -> None:
    meeting, _ = await set_table(cast)
    member: Member = cast.members[who]
    with pytest.raises(Closed) as closed:
        await enter(meeting.pk, member)
    assert closed.value.code == Close.NO_ACCESS
    await hub.stop()


async def test_without_a_session_there_is_no_room(cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    for key in (None, "", "x" * 32, "nonsense\x7f"):
        client = RoomClient(communicator(meeting.pk, key))
        assert (await client.communicator.connect(5))[0]
        assert await client.closed() == Close.SESSION_ENDED
    await hub.stop()


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "https://127.0.0.1:8000", "http://127.0.0.1:1", "null"])
async def test_a_foreign_origin_is_refused(cast: Cast, origin: str) -> None:
    meeting, _ = await set_table(cast)
    key = await sync_to_async(sign_in)(cast.chair)
    foreign = communicator(meeting.pk, key, origin=origin)
    assert (await foreign.connect(5))[0] is False
    await hub.stop()


async def test_a_guest_sees_the_own_item_alone(cast: Cast) -> None:
    meeting, (first, second, _) = await set_table(cast)

    async with room_of(meeting.pk, cast.chair, cast.guest) as (chair, guest):
        assert guest.you["guest"] is True
        assert (guest.seq, guest.room["items"], guest.room["people"], guest.room["forecast"]) == (0, [], [], None)
        await chair.done("meeting.start")
        await chair.done("agenda.open_item", item=first.pk, version=first.version)
        await chair.done("agenda.open_item", item=second.pk, version=second.version)
        await guest.until(lambda frame: frame["t"] == "snapshot" and frame["room"]["items"] != [])
        mine = guest.room["items"][0]
        assert (mine["id"], mine["position"], mine["draft"]["version"]) == (str(second.pk), 1, 0)
        refused = await guest.do("agenda.next", from_item=second.pk)
        assert (refused["t"], refused["code"]) == ("refused", "forbidden")
        unknown = await guest.do("draft.save", item=first.pk, version=1, steps=[])
        assert (unknown["t"], unknown["code"]) == ("refused", "not_found")
        await chair.done("agenda.postpone", item=second.pk, version=chair.item(second.pk)["version"], reason="other")
        await guest.until(lambda frame: frame["t"] == "snapshot" and frame["room"]["items"] == [])
        for hidden in (
            str(first.pk),
            chair.item(first.pk)["label"],
            cast.chair.person.last_name,
            cast.partner.person.last_name,
        ):
            assert hidden not in guest.text
        assert {frame["t"] for frame in guest.frames} == {"snapshot", "refused"}
        assert {frame["seq"] for frame in guest.frames if frame["t"] == "snapshot"} == {0}


async def test_an_observer_sees_pseudonyms(cast: Cast) -> None:
    meeting, (first, _, _) = await set_table(cast)
    async with room_of(meeting.pk, cast.observer, cast.chair) as (observer, chair):
        assert [item["label"] for item in observer.room["items"]] != [item["label"] for item in chair.room["items"]]
        for item in chair.room["items"]:
            assert item["label"] not in observer.text
        assert observer.you["can"] == ["call"]
        assert observer.item(first.pk)["requester"] is None


async def test_what_happens_while_places_are_worked_out_is_not_missed(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guest's item is opened between the look at everybody's place and the drawing: they see it, and may do what goes with it."""
    meeting, items = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.guest) as (chair, guest):
        await chair.done("meeting.start")
        here, version = hub.here(), chair.item(items[1].pk)["version"]
        await here.flush_presence()  # nothing is told later that would put it right by chance
        plain = here.recheck
        opened: list[bool] = []

        async def late(room: hub.Room) -> None:
            await plain(room)
            if not opened:
                opened.append(True)
                place = next(each.place for each in room.connections if each.place.person_id == cast.chair.pk)
                args = {"item": str(items[1].pk), "version": version}
                await here.command(work.run_command, place, meeting.pk, uuid4(), "agenda.open_item", args)

        monkeypatch.setattr(here, "recheck", late)
        await chair.do("agenda.add_topic", title="Rondvraag", minutes=5)
        while guest.you["can"] != ["call", "share", "speak"]:
            await guest.next_frame()
        assert [each["id"] for each in guest.room["items"]] == [str(items[1].pk)]
