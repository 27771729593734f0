"""Real server processes: a goodbye before a restart, a kill that nobody announces, and what the room makes of them."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from mdo.cli.process import Child
from meetings.models import Lease
from meetings.room import presence
from meetings.room.protocol import SUBPROTOCOL, Close
from tests.cast import Cast, Member
from tests.factories import make_item, make_meeting, make_referral
from tests.parts import answers, run_part, until
from tests.ports import free_port
from tests.room_client import sign_in


@dataclass
class Site:
    """One web process and the port that it serves on."""

    child: Child
    port: str


@pytest.fixture
def two_sites(committed: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Site]]:
    """Two web processes on one database, as a deployment has them."""
    sites = []
    for name in ("web-one", "web-two"):
        port = str(free_port())
        monkeypatch.setenv("MDO_PORT", port)
        sites.append(Site(run_part(name, "web"), port))
    for each in sites:
        until(
            lambda each=each: answers(f"http://127.0.0.1:{each.port}/healthz"), "the site", log=each.child.program.log
        )
    yield sites
    for each in sites:
        each.child.stop()


@asynccontextmanager
async def entered(
    port: str, meeting_id: Any, member: Member, since: int | None = None
) -> AsyncIterator[ClientConnection]:
    key = await sync_to_async(sign_in)(member)
    query = f"?since={since}" if since is not None else ""
    async with connect(
        f"ws://127.0.0.1:{port}/ws/meetings/{meeting_id}/{query}",
        origin=f"http://127.0.0.1:{port}",
        subprotocols=[SUBPROTOCOL],
        additional_headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={key}"},
    ) as line:
        yield line
    await sync_to_async(connections.close_all)()


async def frame(line: ClientConnection, kind: str, within_s: float = 10) -> dict[str, Any]:
    async with asyncio.timeout(within_s):
        while True:
            read: dict[str, Any] = json.loads(await line.recv())
            if read["t"] == kind:
                return read


async def heard_until_closed(line: ClientConnection) -> list[int]:
    """Read until the line is closed; returns the sequences that were still told."""
    seqs = []
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(10):
            while True:
                seqs.append(json.loads(await line.recv()).get("seq") or 0)
    return seqs


@sync_to_async
def set_table(cast: Cast):
    meeting = make_meeting(cast.board)
    make_item(meeting, make_referral(cast.board, cast.organiser, cast.requester.person, status="scheduled"))
    return meeting


async def test_processes_hear_of_each_other_and_say_goodbye(two_sites: list[Site], cast: Cast) -> None:
    one, two = two_sites
    meeting = await set_table(cast)
    async with (
        entered(one.port, meeting.pk, cast.radiologist) as radiologist,
        entered(two.port, meeting.pk, cast.chair) as chair,
    ):
        await frame(radiologist, "snapshot")
        await frame(chair, "snapshot")
        # What one process commits is heard in the other.
        topic = {"id": str(uuid4()), "do": "agenda.add_topic", "args": {"title": "Rondvraag", "minutes": 5}}
        await chair.send(json.dumps(topic))
        heard = await frame(radiologist, "event", within_s=5)
        while heard["name"] != "agenda.item_added":
            heard = await frame(radiologist, "event", within_s=5)
        seen = heard["seq"]
        os.kill(one.child.process.pid, signal.SIGTERM)
        seen = max([seen, *await heard_until_closed(radiologist)])
        assert radiologist.close_code == Close.RESTART
        # Meanwhile the chair goes on, on the other process; the radiologist comes back there and has missed nothing.
        await chair.send(json.dumps({"id": str(uuid4()), "do": "meeting.start", "args": {}}))
        done = await frame(chair, "ack")
        async with entered(two.port, meeting.pk, cast.radiologist, since=seen) as again:
            first = json.loads(await again.recv())
            assert (first["t"], first["seq"]) == ("snapshot", done["seq"]) or first["seq"] == seen + 1


async def test_a_killed_process_leaves_no_ghosts(
    two_sites: list[Site], cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leases of a process that was killed end at the moment they were last seen; the others are told."""
    one, two = two_sites
    meeting = await set_table(cast)
    async with entered(two.port, meeting.pk, cast.chair) as chair:
        await frame(chair, "snapshot")
        async with entered(one.port, meeting.pk, cast.radiologist) as radiologist:
            await frame(radiologist, "snapshot")
            os.kill(one.child.process.pid, signal.SIGKILL)
            await heard_until_closed(radiologist)
        present = True
        while present:
            # The chair reads along, as a browser does: a reader that tells nothing would be closed after ten seconds.
            heard = await frame(chair, "event", within_s=30)
            await chair.send(json.dumps({"do": "ping", "seen": heard["seq"]}))
            for person in heard["data"].get("people", []):
                if person["id"] == str(cast.radiologist.pk):
                    present = person["present"]
        lease = await sync_to_async(Lease.objects.get)(person=cast.radiologist.person)
        assert lease.ended_at == lease.seen_at
        assert presence.DEAD_AFTER.total_seconds() == 15
