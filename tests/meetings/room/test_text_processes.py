"""One text in two web processes: what is typed in one is heard in the other, and a killed process takes nothing along that it
had acknowledged."""

import json
import os
import signal
from time import monotonic
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from websockets.asyncio.client import ClientConnection

from tests.cast import Cast
from tests.meetings.room.test_processes import Site, entered, heard_until_closed, two_sites
from tests.meetings.room.typists import Typist, open_table, stored

__all__ = ["two_sites"]


class Wire:
    """A WebSocket to a real process, as a typist uses it."""

    def __init__(self, line: ClientConnection) -> None:
        self.line = line

    async def send(self, message: dict[str, Any]) -> None:
        await self.line.send(json.dumps(message))

    async def next_frame(self, within_s: float = 8) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(await self.line.recv())
        return frame


async def test_one_text_in_two_processes(two_sites: list[Site], cast: Cast) -> None:
    one, two = two_sites
    meeting, item = await open_table(cast)
    mine, theirs = Typist(item.pk), Typist(item.pk)
    async with (
        entered(one.port, meeting.pk, cast.chair) as chair,
        entered(two.port, meeting.pk, cast.radiologist) as radiologist,
    ):
        await mine.join(Wire(chair))
        await theirs.join(Wire(radiologist))
        took = []
        for number in range(1, 21):
            began = monotonic()
            await mine.send(mine.write("x"))
            await theirs.reach(number)
            took.append((monotonic() - began) * 1000)
            await mine.reach(number)
        print(f"update to a frame of the other process: p50 {sorted(took)[10]:.1f} ms")
        assert sorted(took)[10] < 450  # the channel layer's word: the look alone would take half a second
        await mine.client.send({"do": "text.caret", **mine.about, "data": "AQID"})
        caret = await theirs.until("text.caret")
        assert (caret["by"], caret["data"]) == (str(cast.chair.pk), "AQID")
        # Both at once, in the same place.
        for letter in "abcdefghij":
            await mine.send(mine.write(letter, at=0))
            await theirs.send(theirs.write(letter.upper(), at=0))
        await mine.reach(40)
        await theirs.reach(40)
        assert mine.plain == theirs.plain == (await sync_to_async(stored)(item))[1]
        await the_killed_process_took_nothing(one, two, meeting.pk, item.pk, cast, mine, theirs)


async def the_killed_process_took_nothing(
    one: Site, two: Site, meeting_id: UUID, item_id: UUID, cast: Cast, mine: Typist, theirs: Typist
) -> None:
    sent = [await mine.send(mine.write(f"[{number}]")) for number in range(20)]
    held = [(await mine.answer(sent[0]))["id"]]
    os.kill(one.child.process.pid, signal.SIGKILL)
    await heard_until_closed(mine.client.line)
    async with entered(two.port, meeting_id, cast.chair) as again:
        state = await mine.join(Wire(again))
        assert state["n"] >= 40 + len(held)
        answer = await mine.try_to_send(mine.doc.get_update(mine.acknowledged))
        assert answer["t"] == "text.saved"
        await theirs.reach(answer["n"])
        n, words = await sync_to_async(_stored)(item_id)
        assert (n, words) == (answer["n"], mine.plain)
        assert mine.plain == theirs.plain
        assert all(f"[{number}]" in words for number in range(20))


def _stored(item_id: UUID) -> tuple[int, str]:
    from mdo.kernel.acting import acting
    from meetings.models import AgendaItem
    from tests.meetings.room.typists import HOUSE

    with acting(HOUSE, None, "work"):
        item = AgendaItem.objects.get(pk=item_id)
    return stored(item)
