"""Who reads and types a shared text: whoever may read the draft, and row "draft" of the matrix, asked anew for every batch."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from mdo.directory.models import Agreement, Board, BoardRole
from mdo.kernel.clock import now
from mdo.kernel.models import AuditEntry
from meetings.models import AgendaItem, Meeting
from meetings.room import hub
from tests.cast import Cast
from tests.factories import make_item, make_meeting, make_referral
from tests.meetings.room.typists import FIELD, Typist, open_item, open_table, rows, stored
from tests.room_client import Closed, enter, room_of

pytestmark = pytest.mark.usefixtures("committed")

# Of a case of the organiser, and of one of the partner hospital: "types", "reads", the code of a refusal, or "no room".
OWN = {
    "chair": "types",
    "coordinator": "types",
    "secretary": "types",
    "requester": "types",
    "radiologist": "types",
    "observer": "reads",
    "partner": "types",
    "partnersecretary": "forbidden",
    "guest": "not_found",
    "outsider": "no room",
    "privacy": "no room",
    "admin": "no room",
    "datamanager": "no room",
}
OF_THE_PARTNER = {**OWN, "requester": "forbidden", "partnersecretary": "types"}


async def what_may(cast: Cast, who: str, meeting: Meeting, item: AgendaItem) -> str:
    """What this member can do with the recommendation of the item, by trying, after the chair put it on the table."""
    if item.state != AgendaItem.State.OPEN:
        async with room_of(meeting.pk, cast.chair) as (chair,):
            await chair.done("agenda.open_item", item=item.pk, version=item.version)
    try:
        client = await enter(meeting.pk, cast.members[who])
    except Closed:
        return "no room"
    try:
        typist = Typist(item.pk)
        answer = await typist.join(client)
        if answer["t"] == "text.refused":
            assert (answer["id"], answer["message"] != "") == (None, True)
            return str(answer["code"])
        said = await typist.try_to_send(typist.write(who))
        assert (said["t"] == "text.saved") is typist.editable
        return "types" if typist.editable else "reads"
    finally:
        await client.leave()
        await hub.stop()


@sync_to_async
def scheduled(cast: Cast, **referral: Any) -> tuple[Meeting, AgendaItem]:
    """A running meeting with one case that waits: opening it gives guests and observers their slot."""
    meeting = make_meeting(cast.board, state=Meeting.State.RUNNING)
    case = make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled", **referral)
    return meeting, make_item(meeting, case)


@pytest.mark.parametrize("who", list(OWN))
async def test_every_seat_at_a_case_of_the_organiser(cast: Cast, who: str) -> None:
    meeting, item = await scheduled(cast, guest=cast.guest.person)
    assert await what_may(cast, who, meeting, item) == OWN[who]
    wrote = who if OWN[who] == "types" else ""
    assert (await sync_to_async(stored)(item))[1] == wrote


@pytest.mark.parametrize("who", ["requester", "partnersecretary", "partner", "chair", "guest"])
async def test_every_seat_at_a_case_of_the_partner(cast: Cast, who: str) -> None:
    # The requester sits at the table by another case, of the own hospital.
    @sync_to_async
    def table() -> tuple[Meeting, AgendaItem]:
        meeting = make_meeting(cast.board, state=Meeting.State.RUNNING)
        make_item(meeting, make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled"))
        guest = make_referral(
            cast.board, cast.organiser, cast.requester.person, status="scheduled", guest=cast.guest.person
        )
        make_item(meeting, guest)
        return meeting, open_item(cast, meeting, hospital=cast.partner_hospital, requester=cast.partner.person)

    meeting, item = await table()
    assert await what_may(cast, who, meeting, item) == {**OF_THE_PARTNER}[who]


async def test_a_guest_hears_nothing_of_the_text_of_the_own_item(cast: Cast) -> None:
    meeting, item = await scheduled(cast, guest=cast.guest.person)
    async with room_of(meeting.pk, cast.chair, cast.guest) as (chair, guest):
        await chair.done("agenda.open_item", item=item.pk, version=item.version)
        await guest.until(lambda frame: frame["t"] == "snapshot" and frame["room"]["items"] != [])
        one, visitor = Typist(item.pk), Typist(item.pk)
        await one.join(chair)
        refused = await visitor.join(guest)
        assert (refused["t"], refused["code"]) == ("text.refused", "not_found")
        assert (await visitor.try_to_send(visitor.write("x")))["t"] == "text.refused"
        await guest.send({"do": "text.caret", **visitor.about, "data": "AQID"})
        await one.type("Niet voor de gast")
        await guest.send({"do": "ping", "seen": 0})
        await guest.until(lambda frame: frame["t"] == "head")
        assert {frame["t"] for frame in guest.frames} <= {"snapshot", "text.refused", "head"}
        assert not [frame for frame in chair.frames if frame["t"] == "text.caret"]


async def test_another_room_s_item_does_not_exist_here(cast: Cast) -> None:
    meeting, _ = await open_table(cast)
    _, foreign = await open_table(cast)
    async with room_of(meeting.pk, cast.chair) as (chair,):
        typist = Typist(foreign.pk)
        refused = await typist.join(chair)
        assert (refused["t"], refused["code"]) == ("text.refused", "not_found")

    @sync_to_async
    def traces() -> list[tuple[str, str]]:
        return list(AuditEntry.objects.filter(action__startswith="text.").values_list("action", "outcome"))

    assert await traces() == [("text.join", "not_found")]


async def test_partners_type_only_where_the_board_says_so(cast: Cast) -> None:
    meeting, item = await open_table(cast)
    await sync_to_async(Board.objects.filter(pk=cast.board.pk).update)(partners_draft=False)
    assert await what_may(cast, "partner", meeting, item) == "reads"


async def test_a_right_that_ends_ends_typing_with_the_next_word(cast: Cast) -> None:
    """The right is read for every batch, whatever the socket was told before."""
    meeting, item = await open_table(cast)
    async with room_of(meeting.pk, cast.partner) as (partner,):
        typist = Typist(item.pk)
        await typist.join(partner)
        await typist.type("Nog wel. ")
        await sync_to_async(Board.objects.filter(pk=cast.board.pk).update)(partners_draft=False)
        refused = await typist.try_to_send(typist.write("Niet meer."))
        assert (refused["t"], refused["code"]) == ("text.refused", "forbidden")
        assert await sync_to_async(stored)(item) == (1, "Nog wel. ")


async def test_a_right_that_comes_lets_type_without_joining_anew(cast: Cast) -> None:
    meeting, item = await scheduled(cast)
    async with room_of(meeting.pk, cast.chair, cast.observer) as (chair, observer):
        await chair.done("agenda.open_item", item=item.pk, version=item.version)
        typist = Typist(item.pk)
        assert (await typist.join(observer))["editable"] is False

        @sync_to_async
        def become_member() -> None:
            BoardRole.objects.filter(person=cast.observer.person).update(role=BoardRole.Role.MEMBER)

        await become_member()
        assert (await typist.until("text.state", editable=True))["n"] == 0
        await typist.type("Nu wel")


async def test_an_ended_agreement_ends_the_text_of_the_other_hospital(cast: Cast) -> None:
    """The chair follows the text of the partner's case: with the agreement ends the reading, within a second."""

    @sync_to_async
    def table() -> tuple[Meeting, AgendaItem]:
        meeting = make_meeting(cast.board, state=Meeting.State.RUNNING)
        return meeting, open_item(cast, meeting, hospital=cast.partner_hospital, requester=cast.partner.person)

    meeting, item = await table()
    async with room_of(meeting.pk, cast.chair) as (chair,):
        typist = Typist(item.pk)
        await typist.join(chair)
        await typist.type("Voorlopig")

        @sync_to_async
        def end() -> None:
            Agreement.objects.filter(pk=cast.agreement.pk).update(status=Agreement.Status.ENDED)

        await end()
        ended = await typist.until("text.refused")
        assert (ended["id"], ended["code"]) == (None, "not_found")
        assert hub.here().texts.sheets == {}


async def test_an_observer_reads_while_the_item_is_open(cast: Cast) -> None:
    meeting, item = await scheduled(cast)
    async with room_of(meeting.pk, cast.observer, cast.chair) as (observer, chair):
        await chair.done("agenda.open_item", item=item.pk, version=item.version)
        watching, typing = Typist(item.pk), Typist(item.pk)
        await watching.join(observer)
        await typing.join(chair)
        await typing.type("Te lezen")
        await watching.reach(1)
        version = chair.item(item.pk)["version"]
        await chair.done("agenda.postpone", item=item.pk, version=version, reason="other")
        ended = await watching.until("text.refused")
        assert (ended["id"], ended["code"]) == (None, "not_found")
        # Who sits at the table is told that nothing is taken any more, before or after the answer to the command, and reads on.
        told = [frame for frame in chair.frames if frame["t"] == "text.frozen" and typing.is_mine(frame)]
        assert (told or [await typing.until("text.frozen")])[-1]["frozen"] is True
        refused = await typing.try_to_send(typing.write("te laat"))
        assert (refused["t"], refused["code"]) == ("text.refused", "frozen")
        assert await sync_to_async(rows)(item, FIELD) == [(1, cast.chair.pk)]


async def test_a_person_whose_role_ended_is_gone_from_the_text(cast: Cast) -> None:
    meeting, item = await open_table(cast)
    async with room_of(meeting.pk, cast.radiologist, cast.chair) as (radiologist, chair):
        gone, stays = Typist(item.pk), Typist(item.pk)
        await gone.join(radiologist)
        await stays.join(chair)

        def end() -> Any:
            return BoardRole.objects.filter(person=cast.radiologist.person).update(valid_until=now())

        await sync_to_async(end)()
        await radiologist.closed()
        await stays.type("Onder ons")
        assert "Onder ons" not in radiologist.text
        assert {frame["t"] for frame in radiologist.frames if frame["t"].startswith("text.")} == {"text.state"}
