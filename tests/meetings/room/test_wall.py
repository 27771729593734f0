"""A screen on a wall: its code, what it is shown and what not, and how it goes dark."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import ANY
from uuid import UUID, uuid4

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.core.cache import cache
from django.db import connections
from django.test import Client

from cases.models import Document
from mdo.asgi import application
from mdo.directory.models import Agreement, Board, BoardRole, Person
from mdo.kernel.clock import now
from mdo.kernel.errors import NotFound, RuleBroken
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from meetings import walls
from meetings.actions.walls import pair_wall, unpair_wall
from meetings.events import WallPaired, WallUnpaired
from meetings.models import AgendaItem, Lease, Meeting, WallDisplay
from meetings.room import hub
from meetings.room.protocol import SUBPROTOCOL, Close
from tests.cast import Cast, acting_as
from tests.factories import make_case, make_document, make_item, make_meeting, make_patient, make_referral, make_topic
from tests.meetings.acts import house
from tests.room_client import Closed, Looks, RoomClient, enter, room_of

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Nobody has typed a wrong code yet."""
    walls._wrong.clear()
    yield
    walls._wrong.clear()


class Screen:
    """The browser on the wall."""

    def __init__(self) -> None:
        self.client = Client(raise_request_exception=False)

    def code(self) -> str:
        answer = self.client.post("/wall/code/")
        assert answer.status_code == 200
        return str(answer.json()["code"])

    @property
    def key(self) -> str:
        return self.client.cookies[walls.COOKIE].value

    def state(self) -> str:
        return str(self.client.get("/wall/state/").json()["state"])

    def status(self, path: str) -> int:
        return self.client.get(path).status_code


def set_table(cast: Cast) -> tuple[Meeting, list[AgendaItem]]:
    """A case of the organiser with a document, one of the partner, one of a hospital without an agreement, a topic."""
    meeting = make_meeting(cast.board)
    requester = cast.requester.person
    mine = make_case(cast.organiser, requester, patient=make_patient(cast.organiser, family_name="Vermeersch"))
    make_document(mine, name="Verslag.pdf")
    first = make_referral(cast.board, cast.organiser, requester, case=mine, status="scheduled")
    theirs = make_case(
        cast.partner_hospital, cast.partner.person, patient=make_patient(cast.partner_hospital, family_name="Öztürk")
    )
    second = make_referral(cast.board, cast.partner_hospital, cast.partner.person, case=theirs, status="scheduled")
    return meeting, [
        make_item(meeting, first),
        make_item(meeting, second),
        make_item(meeting, topic=make_topic(cast.board)),
    ]


def paired(cast: Cast, meeting: Meeting, who: str = "chair") -> Screen:
    screen = Screen()
    with acting_as(cast.members[who]) as person:
        pair_wall(by=person, meeting_id=meeting.pk, code=screen.code(), command_id=new_id())
    return screen


@asynccontextmanager
async def on_the_wall(meeting_id: UUID, screen: Screen) -> AsyncIterator[RoomClient]:
    """The screen's socket, its first frame read."""
    cookie = f"{walls.COOKIE}={screen.key}".encode()
    headers = [(b"origin", settings.MDO_ORIGINS[0].encode()), (b"host", b"127.0.0.1"), (b"cookie", cookie)]
    line = WebsocketCommunicator(
        application, f"/ws/meetings/{meeting_id}/?wall=1", headers=headers, subprotocols=[SUBPROTOCOL]
    )
    wall = RoomClient(line)
    assert (await line.connect(8))[0]
    await wall.next_frame()
    try:
        yield wall
    finally:
        await wall.leave()
        await hub.stop()
        await sync_to_async(connections.close_all)()


# --- the code --------------------------------------------------------------------------------------------------------------


def test_a_screen_shows_a_code_and_waits(cast: Cast) -> None:
    screen = Screen()
    page = screen.client.get("/wall/")
    assert (page.status_code, page.headers["Cache-Control"]) == (
        200,
        "max-age=0, no-cache, no-store, must-revalidate, private",
    )
    assert screen.state() == "free"
    code = screen.code()
    assert len(code) == 6
    assert set(code) <= set(walls.LETTERS)
    assert not set("0OQ1IL2Z5S8BUV") & set(walls.LETTERS)
    cookie = screen.client.cookies[walls.COOKIE]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Strict")
    assert screen.state() == "waiting"
    assert screen.status(f"/wall/items/{uuid4()}/stage/") == 404


def test_neither_code_nor_key_is_stored(cast: Cast) -> None:
    meeting, _ = set_table(cast)
    screen = Screen()
    code = screen.code()
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT cache_key, value FROM cache")
        kept = json.dumps(cursor.fetchall())
    assert code not in kept
    assert screen.key not in kept
    with acting_as(cast.chair) as person:
        pair_wall(by=person, meeting_id=meeting.pk, code=code, command_id=new_id())
    display = WallDisplay.objects.get()
    assert display.key_digest == walls.digest("key", screen.key)
    assert screen.key not in json.dumps(
        AuditEntry.objects.filter(action="wall.pair").values_list("detail", flat=True)[0]
    )


def test_pairing_says_what_happened_and_lasts(cast: Cast) -> None:
    meeting, _ = set_table(cast)
    screen = Screen()
    typed = screen.code().lower()
    with acting_as(cast.secretary) as person:
        done = pair_wall(by=person, meeting_id=meeting.pk, code=f" {typed[:3]}-{typed[3:]} ", command_id=new_id())
    display = WallDisplay.objects.get()
    assert done.events == (WallPaired(meeting_id=meeting.pk, wall_id=display.pk),)
    assert (display.paired_by_id, display.organisation_id) == (cast.secretary.pk, cast.organiser.pk)
    assert (display.hospital_id, display.ended_at) == (meeting.hospital_id, None)
    audited = AuditEntry.objects.get(action="wall.pair")
    assert (audited.actor_id, audited.hospital_id) == (cast.secretary.pk, meeting.hospital_id)
    assert screen.client.get("/wall/state/").json() == {
        "state": "paired",
        "meeting": str(meeting.pk),
        "socket": f"/ws/meetings/{meeting.pk}/?wall=1",
    }
    with acting_as(cast.chair) as person:
        undone = unpair_wall(by=person, meeting_id=meeting.pk, wall_id=display.pk, command_id=new_id())
        assert undone.events == (WallUnpaired(meeting_id=meeting.pk, wall_id=display.pk),)
        with pytest.raises(NotFound):
            unpair_wall(by=person, meeting_id=meeting.pk, wall_id=display.pk, command_id=new_id())
    assert screen.state() == "free"


def test_a_code_serves_once_and_not_for_ever(cast: Cast) -> None:
    meeting, _ = set_table(cast)
    screen = Screen()
    earlier, code = screen.code(), screen.code()
    with acting_as(cast.chair) as person:
        with pytest.raises(RuleBroken):  # the screen shows another one by now
            pair_wall(by=person, meeting_id=meeting.pk, code=earlier, command_id=new_id())
        pair_wall(by=person, meeting_id=meeting.pk, code=code, command_id=new_id())
        with pytest.raises(RuleBroken):
            pair_wall(by=person, meeting_id=meeting.pk, code=code, command_id=new_id())
    late = Screen()
    code = late.code()
    cache.delete(f"wall-code:{walls.digest('code', code)}")  # ten minutes later
    with acting_as(cast.chair) as person, pytest.raises(RuleBroken) as refused:
        pair_wall(by=person, meeting_id=meeting.pk, code=code, command_id=new_id())
    assert refused.value.field == "code"
    assert walls.CODE_LASTS_S == 600


def test_wrong_codes_are_counted(cast: Cast) -> None:
    meeting, _ = set_table(cast)
    screen = Screen()
    code = screen.code()
    with acting_as(cast.chair) as person:
        for _each in range(walls.WRONG_AT_MOST):
            with pytest.raises(RuleBroken, match="No screen"):
                pair_wall(by=person, meeting_id=meeting.pk, code="WRONGX", command_id=new_id())
        with pytest.raises(RuleBroken, match="Too many"):
            pair_wall(by=person, meeting_id=meeting.pk, code=code, command_id=new_id())
    with acting_as(cast.coordinator) as person:  # somebody else did not try
        pair_wall(by=person, meeting_id=meeting.pk, code=code, command_id=new_id())


def test_one_address_does_not_get_codes_without_end(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walls, "CODES_PER_ADDRESS", 3)
    screen = Screen()
    assert [screen.client.post("/wall/code/").status_code for _each in range(4)] == [200, 200, 200, 429]


def test_a_meeting_that_is_over_takes_no_screen(cast: Cast) -> None:
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED)
    with acting_as(cast.chair) as person, pytest.raises(RuleBroken):
        pair_wall(by=person, meeting_id=meeting.pk, code=Screen().code(), command_id=new_id())


def test_a_screen_shows_one_meeting(cast: Cast) -> None:
    first, _ = set_table(cast)
    second, _ = set_table(cast)
    screen = paired(cast, first)
    with acting_as(cast.chair) as person:
        pair_wall(by=person, meeting_id=second.pk, code=screen.code(), command_id=new_id())
    assert screen.client.get("/wall/state/").json()["meeting"] == str(second.pk)
    assert WallDisplay.objects.filter(ended_at=None).count() == 1


# --- what it is shown --------------------------------------------------------------------------------------------------------


async def test_it_is_shown_what_lies_on_the_table_and_nothing_else(cast: Cast) -> None:
    meeting, (first, second, topic) = await sync_to_async(set_table)(cast)
    screen = await sync_to_async(paired)(cast, meeting)
    async with room_of(meeting.pk, cast.chair) as (chair,), on_the_wall(meeting.pk, screen) as wall:
        assert chair.room["walls"] == [{"id": ANY, "by": str(cast.chair.pk), "at": ANY}]
        assert (wall.seq, wall.room["items"], wall.you["can"]) == (0, [], [])
        assert set(wall.room) == {"meeting", "items", "steps", "intents", "guidelines", "trials", "informers"}
        await chair.done("meeting.start")
        for item, name in ((first, "Vermeersch"), (second, "Öztürk")):
            await chair.done("agenda.open_item", item=item.pk, version=chair.item(item.pk)["version"])
            await wall.until(
                lambda frame, item=item: (
                    frame["t"] == "snapshot" and [each["id"] for each in frame["room"]["items"]] == [str(item.pk)]
                )
            )
            shown = wall.room["items"][0]
            assert (shown["position"], shown["state"], shown["read_back"]) == (1, "open", None)
            page = await sync_to_async(screen.client.get)(f"/wall/items/{item.pk}/stage/")
            assert (page.status_code, name in page.content.decode()) == (200, True)
        # Of what is not on the table it gets nothing; nor of anybody.
        other = await sync_to_async(screen.status)(f"/wall/items/{first.pk}/stage/")
        assert other == 404
        for word in (str(first.pk), str(topic.pk), cast.radiologist.person.last_name, cast.chair.person.last_name):
            assert word not in json.dumps(wall.frames[-1])
        assert {frame["seq"] for frame in wall.frames if "seq" in frame} == {0}
        # Nobody came: a screen is not present.
        assert await sync_to_async(Lease.objects.count)() == 1
        assert [each["present"] for each in chair.room["people"] if each["id"] == str(cast.chair.pk)] == [True]


async def test_it_has_nothing_to_say(cast: Cast) -> None:
    meeting, (first, *_) = await sync_to_async(set_table)(cast)
    screen = await sync_to_async(paired)(cast, meeting)
    async with room_of(meeting.pk, cast.radiologist) as (radiologist,), on_the_wall(meeting.pk, screen) as wall:
        answer = await wall.do("meeting.start")
        assert (answer["t"], answer["code"]) == ("refused", "forbidden")
        point = {"do": "signal", "kind": "point", "data": {"item": str(first.pk), "x": 0, "y": 0, "on": True}}
        for message in ({"do": "resume", "since": 0}, point):
            await wall.send(message)
            refused = await wall.until(lambda frame: frame["t"] == "refused")
            assert refused["code"] == "forbidden"
        await wall.send({"do": "ping", "seen": 0})
        assert (await wall.until(lambda frame: frame["t"] == "head"))["seq"] == 0
        assert not [frame for frame in radiologist.frames if frame["t"] == "signal"]


async def test_it_follows_the_presenter(cast: Cast) -> None:
    meeting, (first, second, _topic) = await sync_to_async(set_table)(cast)
    screen = await sync_to_async(paired)(cast, meeting)
    async with room_of(meeting.pk, cast.chair) as (chair,), on_the_wall(meeting.pk, screen) as wall:
        await chair.done("meeting.start")
        await chair.done("meeting.present", person=cast.chair.pk)
        await chair.done("agenda.open_item", item=first.pk, version=chair.item(first.pk)["version"])
        view = {"item": str(first.pk), "tab": "case", "document": None, "page": 1, "scroll": 0.5}
        for item in (second, first):
            await chair.send({"do": "signal", "kind": "view", "data": {**view, "item": str(item.pk)}})
        heard = await wall.until(lambda frame: frame["t"] == "signal")
        assert heard["data"] == view  # of the item that is not on the table it heard nothing
        assert wall.room["meeting"]["presenter"] == str(cast.chair.pk)


async def test_its_documents_are_those_of_the_case_on_the_table(cast: Cast) -> None:
    meeting, (first, second, _topic) = await sync_to_async(set_table)(cast)
    screen = await sync_to_async(paired)(cast, meeting)

    @sync_to_async
    def ids() -> list[UUID]:
        other = make_document(second.referral.case)
        with house():
            return [Document.objects.get(case=first.referral.case).pk, other.pk]

    mine, theirs = await ids()
    async with room_of(meeting.pk, cast.chair) as (chair,):
        assert await sync_to_async(screen.status)(f"/wall/documents/{mine}/") == 404
        await chair.done("meeting.start")
        await chair.done("agenda.open_item", item=first.pk, version=chair.item(first.pk)["version"])
        assert await sync_to_async(screen.status)(f"/wall/documents/{mine}/") == 200
        assert await sync_to_async(screen.status)(f"/wall/documents/{theirs}/") == 404
        # Whose eyes these were, and why: in the audit.
        read = await sync_to_async(lambda: AuditEntry.objects.get(action="document.read"))()
        assert (read.actor_id, read.purpose, read.object_id) == (cast.chair.pk, "wall", mine)
        # Nothing else of the site opens to a screen.
        for path in (
            f"/documents/{mine}/",
            f"/meetings/{meeting.pk}/room/",
            f"/meetings/{meeting.pk}/items/{first.pk}/stage/",
        ):
            assert await sync_to_async(screen.status)(path) == 302


async def test_the_wording_stands_while_it_is_read_back(cast: Cast) -> None:
    await sync_to_async(Board.objects.filter(pk=cast.board.pk).update)(read_back=Board.ReadBack.NO_OBJECTION)
    meeting, (first, *_) = await sync_to_async(set_table)(cast)
    screen = await sync_to_async(paired)(cast, meeting)
    async with room_of(meeting.pk, cast.chair) as (chair,), on_the_wall(meeting.pk, screen) as wall:
        await chair.done("meeting.start")
        await chair.done("agenda.open_item", item=first.pk, version=chair.item(first.pk)["version"])
        address = f"/wall/items/{first.pk}/wording/"
        assert await sync_to_async(screen.status)(address) == 404
        draft = chair.item(first.pk)["draft"]["version"]
        steps = [{"kind": "surgery", "text": "Borstsparende heelkunde"}]
        await chair.done("draft.save", item=first.pk, version=draft, steps=steps)
        draft = chair.item(first.pk)["draft"]["version"]
        await chair.done("readback.begin", item=first.pk, version=draft, text=0)
        await wall.until(
            lambda frame: (
                frame["t"] == "snapshot"
                and bool(frame["room"]["items"])
                and bool(frame["room"]["items"][0]["read_back"])
            )
        )
        wording = await sync_to_async(lambda: screen.client.get(address).json())()
        assert (wording["steps"], wording["text"]) == (steps, "")


# --- how it goes dark ----------------------------------------------------------------------------------------------------------


async def dark_within_a_second(wall: RoomClient, screen: Screen, item: AgendaItem, end: Any) -> None:
    await sync_to_async(end)()
    looks = Looks()
    assert await wall.closed(5) == Close.NO_ACCESS
    assert looks.within_a_second
    assert await sync_to_async(screen.status)(f"/wall/items/{item.pk}/stage/") == 404
    assert await sync_to_async(screen.state)() == "free"


@pytest.mark.parametrize("how", ["role", "person", "agreement", "unpair"])
async def test_it_goes_dark_when_the_eyes_behind_it_close(cast: Cast, how: str) -> None:
    meeting, (_first, second, _topic) = await sync_to_async(set_table)(cast)
    screen = await sync_to_async(paired)(cast, meeting, "coordinator")
    async with room_of(meeting.pk, cast.chair) as (chair,), on_the_wall(meeting.pk, screen) as wall:
        await chair.done("meeting.start")
        await chair.done("agenda.open_item", item=second.pk, version=chair.item(second.pk)["version"])
        await wall.until(lambda frame: frame["t"] == "snapshot" and frame["room"]["items"] != [])
        if how == "agreement":  # the case on the table is out of reach: the wall stays, and shows nothing
            looks = Looks()
            await sync_to_async(Agreement.objects.filter(pk=cast.agreement.pk).update)(status=Agreement.Status.ENDED)
            await wall.until(lambda frame: frame["t"] == "snapshot" and frame["room"]["items"] == [])
            assert looks.within(1.5)
            assert await sync_to_async(screen.status)(f"/wall/items/{second.pk}/stage/") == 404
            return

        def end() -> None:
            if how == "role":
                BoardRole.objects.filter(person=cast.coordinator.person).update(
                    valid_until=now() - timedelta(seconds=1)
                )
            elif how == "person":
                Person.objects.filter(pk=cast.coordinator.pk).update(is_active=False)
            else:
                with acting_as(cast.chair) as person:
                    display = WallDisplay.objects.get()
                    unpair_wall(by=person, meeting_id=meeting.pk, wall_id=display.pk, command_id=new_id())

        await dark_within_a_second(wall, screen, second, end)


async def test_it_goes_dark_when_the_meeting_ends(cast: Cast) -> None:
    meeting, _ = await sync_to_async(set_table)(cast)
    screen = await sync_to_async(paired)(cast, meeting)
    async with room_of(meeting.pk, cast.chair) as (chair,), on_the_wall(meeting.pk, screen) as wall:
        await chair.done("meeting.start")
        await chair.done("meeting.close")
        assert await wall.closed(5) == Close.NO_ACCESS
    assert await sync_to_async(screen.state)() == "free"
    assert (await sync_to_async(WallDisplay.objects.get)()).ended_at is not None


@pytest.mark.parametrize("key", [None, "", "nonsense", "x" * 5000])
async def test_a_screen_that_is_not_paired_finds_no_room(cast: Cast, key: str | None) -> None:
    meeting, _ = await sync_to_async(set_table)(cast)
    screen = Screen()
    if key is not None:
        screen.client.cookies[walls.COOKIE] = key
    else:
        await sync_to_async(screen.code)()  # it waits for its code to be typed
    with pytest.raises(Closed) as closed:
        async with on_the_wall(meeting.pk, screen):
            pass
    assert closed.value.code == Close.NO_ACCESS
    await hub.stop()


async def test_a_screen_of_another_meeting_finds_no_room(cast: Cast) -> None:
    meeting, _ = await sync_to_async(set_table)(cast)
    elsewhere, _ = await sync_to_async(set_table)(cast)
    screen = await sync_to_async(paired)(cast, meeting)
    with pytest.raises(Closed) as closed:
        async with on_the_wall(elsewhere.pk, screen):
            pass
    assert closed.value.code == Close.NO_ACCESS
    await hub.stop()


async def test_the_browser_of_somebody_signed_in_is_a_screen_like_any_other(cast: Cast) -> None:
    """What it shows is what the person who paired it may see, not what the one who is signed in may."""
    meeting, (first, *_) = await sync_to_async(set_table)(cast)
    screen = await sync_to_async(paired)(cast, meeting)
    await sync_to_async(screen.client.force_login)(
        cast.outsider.person, backend="django.contrib.auth.backends.ModelBackend"
    )
    async with room_of(meeting.pk, cast.chair) as (chair,):
        await chair.done("meeting.start")
        await chair.done("agenda.open_item", item=first.pk, version=chair.item(first.pk)["version"])
        assert await sync_to_async(screen.status)(f"/wall/items/{first.pk}/stage/") == 200
        read = await sync_to_async(lambda: AuditEntry.objects.get(action="case.read"))()
        assert (read.actor_id, read.purpose) == (cast.chair.pk, "wall")
        again = await enter(meeting.pk, cast.coordinator)
        await again.leave()
