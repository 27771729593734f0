"""The room over its wire: what people see, who may do what, and that bytes of any kind get an answer in words."""

from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async

from tests.cast import Cast
from tests.factories import make_item, make_meeting, make_referral
from tests.room_client import room_of

pytestmark = pytest.mark.usefixtures("committed")


@sync_to_async
def set_table(cast: Cast):
    meeting = make_meeting(cast.board)
    items = [
        make_item(meeting, make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled")),
        make_item(meeting, make_referral(cast.board, cast.partner_hospital, cast.partner.person, status="scheduled")),
    ]
    return meeting, items


async def test_a_meeting_is_held(cast: Cast) -> None:
    meeting, (first, second) = await set_table(cast)
    async with room_of(meeting.pk, cast.chair, cast.radiologist, cast.partner) as (chair, radiologist, partner):
        assert "run" in chair.you["can"]
        assert "run" not in radiologist.you["can"]
        await chair.done("meeting.start")
        seq = await chair.done("agenda.open_item", item=first.pk, version=first.version)
        await radiologist.reach(seq)
        assert radiologist.item(first.pk)["state"] == "open"
        assert radiologist.room["meeting"]["current"] == str(first.pk)
        seq = await radiologist.done("draft.save", item=first.pk, version=1, steps=[{"kind": "surgery", "text": "x"}])
        await chair.reach(seq)
        assert chair.item(first.pk)["draft"]["version"] == 2
        refused = await partner.do("decision.record", item=first.pk, version=2)
        assert (refused["t"], refused["code"]) == ("refused", "forbidden")
        await chair.done("decision.record", item=first.pk, version=2)
        assert chair.item(first.pk)["decision"]["state"] == "recorded"
        await chair.done("agenda.next", from_item=first.pk)
        assert [item["state"] for item in chair.room["items"]] == ["discussed", "open"]
        await chair.done(
            "agenda.postpone", item=second.pk, version=chair.item(second.pk)["version"], reason="pathology_missing"
        )
        seq = await chair.done("meeting.close")
        for client in (radiologist, partner):
            await client.reach(seq)
            assert client.room["meeting"]["state"] == "closed"


async def test_the_same_command_twice_is_done_once(cast: Cast) -> None:
    meeting, _ = await set_table(cast)
    async with room_of(meeting.pk, cast.chair) as (chair,):
        command_id = uuid4()
        first = await chair.do("meeting.start", command_id)
        again = await chair.do("meeting.start", command_id)
        assert (again["t"], again["seq"]) == ("ack", first["seq"])
        other = await chair.do("agenda.add_topic", command_id, title="Iets anders", minutes=5)
        assert (other["t"], other["code"]) == ("refused", "id_reused")
