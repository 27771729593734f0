"""Shared text under cuts: five people type in one text, their lines are cut again and again, and in the end everybody has the same.

The real consumers, two hubs (as two web processes have them), PostgreSQL and the channel layer; each client keeps a Yjs document as
a page does: it types whether or not it has a line, has at most one update on its way, and after a cut joins again and sends
what was not acknowledged. Equal means: five documents, word by word, and the rows of the database.

`python -m tests.chaos.text_convergence [seeds]` prints one line of JSON, `{"seeds", "edits", "cuts", "diverged"}`, and writes it with the
commit to `var/chaos-text.json`.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from tests.cast import Cast
    from tests.meetings.room.typists import Typist

SEEDS = 200
EDITS = 300
PAGES = ("chair", "coordinator", "radiologist", "partner", "requester")
HUBS = 2
PAUSE = 0.25  # after an edit: the page sends what it has
MOST_UNSENT = 12  # edits that a page makes while it waits for an answer
WORDS = ("a", "b ", "é", "\n", "de ", "tumor ", "ER+ ", "😀", "ç👍🏽", "borstsparend ", "lymfeklieren, ", "…")


class Lost(Exception):
    """The server refused words that it should have taken."""


@dataclass
class Outcome:
    """What one seed showed: how much was typed and cut, and who ended with another text than the rows."""

    seed: int
    edits: int = 0
    cuts: int = 0
    rows: int = 0
    diverged: list[str] = field(default_factory=list)


class Page:
    """One page in which somebody types."""

    def __init__(self, typist: Typist, name: str, meeting_id: UUID, session: str, chance: random.Random) -> None:
        self.typist, self.name, self.meeting_id, self.session, self.chance = typist, name, meeting_id, session, chance
        self.flight: tuple[str, bytes] | None = None
        self.unsent: list[bytes] = []
        self.online = False
        self.edits = self.cuts = 0

    async def come(self) -> None:
        from tests.room_client import enter

        client = await enter(self.meeting_id, None, session_key=self.session)  # type: ignore[arg-type]
        state = await self.typist.join(client)
        assert state["t"] == "text.state", state
        self.online = True
        if self.flight is not None:
            self.unsent.insert(0, self.flight[1])
            self.flight = None
        if self.unsent and self.chance.random() < 0.5:
            # The other way to say it: whatever the server's state vector does not cover.
            self.unsent = [self.typist.doc.get_update(self.typist.acknowledged)]

    async def cut(self) -> None:
        """The line is gone, with whatever was on it in either direction."""
        self.online = False
        self.cuts += 1
        await self.typist.client.leave()

    def edit(self) -> None:
        from pycrdt import merge_updates

        self.edits += 1
        text = self.typist.plain
        if text and self.chance.random() < 0.35:
            at = self.chance.randrange(len(text))
            made = self.typist.strike(at, min(self.chance.randint(1, 9), len(text) - at))
        else:
            made = self.typist.write(self.chance.choice(WORDS), self.chance.randint(0, len(text)))
        self.unsent.append(made)
        if len(self.unsent) > 3 * MOST_UNSENT:
            self.unsent = [merge_updates(*self.unsent)]

    async def exchange(self) -> None:
        """Hear what there is; send when nothing is on its way; wait when too much is unsent."""
        from pycrdt import merge_updates

        while self.flight is not None and (len(self.unsent) >= MOST_UNSENT or self._something_came()):
            await self.hear()
        while self._something_came():
            await self.hear()
        if self.flight is None and self.unsent:
            update = self.unsent[0] if len(self.unsent) == 1 else merge_updates(*self.unsent)
            self.unsent = []
            self.flight = (await self.typist.send(update), update)

    def _something_came(self) -> bool:
        return not self.typist.client.communicator.output_queue.empty()

    async def hear(self) -> None:
        frame = await self.typist.client.next_frame()
        self.typist.hear(frame)
        if frame["t"] == "event":  # as a page says how far it has read
            await self.typist.client.send({"do": "ping", "seen": frame["seq"]})
        elif self.flight is not None and self.typist.is_mine(frame) and frame.get("id") == self.flight[0]:
            if frame["t"] != "text.saved":
                raise Lost(f"{self.name}: {frame['code']}")
            self.flight = None

    async def type_all(self, edits: int) -> None:
        await self.come()
        away = 0
        for _ in range(edits):
            self.edit()
            if not self.online:
                away -= 1
                if away <= 0:
                    await self.come()
            elif self.chance.random() < 0.02:
                await self.cut()
                away = self.chance.randint(0, 25)
            elif len(self.unsent) >= MOST_UNSENT or self.chance.random() < PAUSE:
                await self.exchange()
            await asyncio.sleep(0)
        if not self.online:
            await self.come()
        while self.unsent or self.flight is not None:
            await self.exchange()
            if self.flight is not None:
                await self.hear()


async def _group(pages: Sequence[Page], edits: int, together: threading.Barrier, head: Any) -> None:
    from meetings.room import hub

    try:
        await asyncio.gather(*(page.type_all(edits) for page in pages))
        await asyncio.to_thread(together.wait)
        n, _ = await asyncio.to_thread(head)
        await asyncio.gather(*(page.typist.reach(n) for page in pages))
        await asyncio.to_thread(together.wait)
    except BaseException:
        together.abort()
        raise
    finally:
        for page in pages:
            if page.online:
                await page.typist.client.leave()
        await hub.stop()


def run_seed(cast: Cast, seed: int, edits: int = EDITS) -> Outcome:
    """Type one text to its end. Commits; raises what a page met that it should not have."""
    from asgiref.sync import async_to_sync
    from django.db import connections

    from tests.meetings.room.typists import Typist, open_table, stored
    from tests.room_client import sign_in

    chance = random.Random(seed)
    meeting, item = async_to_sync(open_table)(cast)
    pages = [
        Page(Typist(item.pk), who, meeting.pk, sign_in(cast.members[who]), random.Random(chance.random()))
        for who in PAGES
    ]
    together = threading.Barrier(HUBS, timeout=60)

    def head() -> tuple[int, str]:
        try:
            return stored(item)
        finally:
            connections.close_all()

    faults: list[BaseException] = []

    def serve(group: Sequence[Page]) -> None:
        try:
            asyncio.run(_group(group, edits, together, head))
        except BaseException as error:
            faults.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=serve, args=(pages[number::HUBS],)) for number in range(HUBS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    n, words = stored(item)
    outcome = Outcome(seed, sum(page.edits for page in pages), sum(page.cuts for page in pages), n)
    outcome.diverged = [page.name for page in pages if page.typist.plain != words]
    for fault in faults:
        if isinstance(fault, Lost):
            outcome.diverged.append(str(fault))
        elif not isinstance(fault, threading.BrokenBarrierError):
            raise fault
    return outcome


def run(cast: Cast, seeds: Sequence[int], edits: int = EDITS) -> dict[str, int]:
    """All seeds; a seed in which somebody ends with another text than the rows has diverged."""
    outcomes = []
    for seed in seeds:
        outcomes.append(run_seed(cast, seed, edits))
        if len(outcomes) % 10 == 0:
            diverged = [each.seed for each in outcomes if each.diverged]
            print(f"{len(outcomes)} of {len(seeds)} seeds, diverged: {diverged}", file=sys.stderr, flush=True)
    return {
        "seeds": len(outcomes),
        "edits": sum(each.edits for each in outcomes),
        "cuts": sum(each.cuts for each in outcomes),
        "diverged": sum(1 for each in outcomes if each.diverged),
    }


def main(seeds: int = SEEDS) -> dict[str, Any]:
    """Run on servers of its own, and write `var/chaos-text.json`."""
    from tests.bench.rig import Rig, origin, write

    about = origin()
    with Rig("text"):
        from tests.cast import make_cast

        figures = run(make_cast(), range(1, seeds + 1))
    write("chaos-text", {**figures, **about})
    return figures


if __name__ == "__main__":
    found = main(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS)
    print(json.dumps(found))
    sys.exit(1 if found["diverged"] else 0)
