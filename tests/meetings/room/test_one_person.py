"""An open room hears within a second that two hospitals' patients are one person, or two records one patient's, and shows it."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import Client

from cases.actions.linking import unlink_patients
from cases.actions.merging import merge_patients, undo_merge
from cases.models import Merge
from tests.cast import Cast, Member
from tests.factories import make_patient
from tests.meetings.acts import call, house
from tests.meetings.test_same_people import ELSEWHERE, Two, the_link
from tests.room_client import Looks, RoomClient, room_of

pytestmark = pytest.mark.usefixtures("committed")


def content(room: RoomClient) -> list[int]:
    """What makes a client fetch the stage again, by place on the agenda."""
    return [each["content"] for each in room.room["items"]]


def stages(cast: Cast, two: Two, member: Member) -> list[str]:
    client = Client()
    member.person.language = "en"
    member.person.save()
    client.force_login(member.person)
    address = f"/meetings/{two.meeting.pk}/items/%s/stage/"
    return [client.get(address % item.pk).content.decode() for item in two.items]


async def within_a_second(room: RoomClient, name: str, act: Any) -> None:
    before = content(room)
    looks = Looks()
    await sync_to_async(act)()
    await room.until(lambda frame: frame["t"] == "event" and frame["name"] == name, 5)
    assert looks.within_a_second
    assert all(now != then for now, then in zip(content(room), before, strict=True)), (before, content(room))


async def test_a_link_and_its_end(cast: Cast) -> None:
    two = await sync_to_async(Two)(cast)
    async with room_of(two.meeting.pk, cast.chair, cast.observer) as (chair, observer):
        shown = content(observer)
        assert ELSEWHERE not in "".join(await sync_to_async(stages)(cast, two, cast.chair))
        await within_a_second(chair, "patient.linked", two.link)
        assert [ELSEWHERE in each for each in await sync_to_async(stages)(cast, two, cast.chair)] == [True, True]
        link = await sync_to_async(the_link)()
        taken_back = {"board_id": cast.board.pk, "link_id": link.pk}
        await within_a_second(chair, "patient.unlinked", lambda: call(unlink_patients, cast.secretary, **taken_back))
        assert ELSEWHERE not in "".join(await sync_to_async(stages)(cast, two, cast.chair))
        # Who knows no names is told nothing by a number either.
        await observer.reach(chair.seq)
        assert content(observer) == shown
        assert "patients" not in str(chair.frames) + str(observer.frames)


async def test_a_merge_and_its_end(cast: Cast) -> None:
    two = await sync_to_async(Two)(cast)
    survivor = await sync_to_async(make_patient)(cast.organiser, family_name="Wielewaal")
    ids = {"patient_id": survivor.pk, "merged_id": two.patients[0].pk}

    def merged() -> None:
        call(merge_patients, cast.secretary, **ids)

    def parted() -> None:
        with house():
            merge = Merge.objects.get()
        call(undo_merge, cast.secretary, patient_id=survivor.pk, merge_id=merge.pk)

    async with room_of(two.meeting.pk, cast.chair) as (chair,):
        for act, name, shown in ((merged, "patient.merged", "Wielewaal"), (parted, "patient.unmerged", "Goudvink")):
            (before, other), looks = content(chair), Looks()
            await sync_to_async(act)()
            await chair.until(lambda frame, name=name: frame["t"] == "event" and frame["name"] == name, 5)
            assert looks.within_a_second
            assert content(chair)[0] > before
            assert content(chair)[1] == other
            assert shown in (await sync_to_async(stages)(cast, two, cast.chair))[0]
