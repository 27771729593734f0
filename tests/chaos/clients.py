"""People in a room while everything around them is killed: what a browser does to lose nothing, and what it was promised.

A client sends commands under ids of its own, sends again what was not answered (under the same id), comes back after every cut
to whichever process answers, with ``since``, and asks again from its sequence when it finds a gap.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from django.conf import settings
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from mdo.kernel.ids import new_id
from meetings.room.protocol import SUBPROTOCOL
from tests.room_client import apply

SILENT_S = 4.0  # a line that says nothing for so long is given up
RETRY_S = 0.4


@dataclass
class Sent:
    """One command and what became of it: ``acked`` with a sequence, ``refused`` with a code, or still waiting for an answer."""

    name: str
    args: dict[str, Any]
    at: float = 0.0
    tellings: int = 0
    acked: int | None = None
    refused: str = ""

    @property
    def waits(self) -> bool:
        return self.acked is None and not self.refused


@dataclass
class Client:
    """One person, one browser."""

    meeting_id: Any
    session_key: str
    ports: list[int]
    rng: random.Random
    commands: dict[str, Sent] = field(default_factory=dict)
    room: dict[str, Any] | None = None
    seq: int = 0
    connected: bool = False
    connections: int = 0
    goodbyes: int = 0  # lines that the server ended with 1012
    faults: list[str] = field(default_factory=list)
    line: ClientConnection | None = None
    heard_at: float = 0.0
    asked_again: bool = False

    async def live(self) -> None:
        """Until cancelled: be in the room, whatever happens to it."""
        while True:
            port = self.rng.choice(self.ports)
            query = f"?since={self.seq}" if self.room is not None else ""
            try:
                async with asyncio.timeout(SILENT_S):
                    line = await connect(
                        f"ws://127.0.0.1:{port}/ws/meetings/{self.meeting_id}/{query}",
                        origin=f"http://127.0.0.1:{port}",  # type: ignore[arg-type]
                        subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
                        additional_headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={self.session_key}"},
                        ping_interval=None,
                        compression=None,
                        close_timeout=1,
                        max_size=None,
                    )
                self.line, self.heard_at, self.asked_again = line, monotonic(), False
                self.connections += 1
                watch = asyncio.create_task(self._watch(line))
                try:
                    await self._hear(line)
                finally:
                    watch.cancel()
                    self.goodbyes += line.close_code == 1012
                    line.transport.abort()
            except (OSError, TimeoutError, WebSocketException):
                pass
            finally:
                self.connected, self.line = False, None
            await asyncio.sleep(self.rng.uniform(0.05, RETRY_S))

    async def _hear(self, line: ClientConnection) -> None:
        async for text in line:
            self.heard_at = monotonic()
            frame = json.loads(text)
            kind = frame["t"]
            if kind == "snapshot":
                self.seq, self.room = frame["seq"], frame["room"]
                await self._came(line)
            elif kind == "event":
                await self._event(line, frame)
            elif kind == "ack":
                sent = self.commands.get(frame["id"])
                if sent is not None:
                    if sent.refused or sent.acked not in (None, frame["seq"]):
                        self.faults.append(f"{sent.name} was answered twice, not alike")
                    sent.acked = frame["seq"]
            elif kind == "refused" and frame["id"] in self.commands:
                sent = self.commands[frame["id"]]
                if frame["code"] in ("unavailable", "too_fast"):
                    sent.at = monotonic()  # not stored: it is sent again in a moment, under the same id
                elif sent.acked is None:
                    sent.refused = frame["code"]
            elif kind == "head":
                if self.room is not None and not self.connected:
                    await self._came(line)
                if frame["seq"] > self.seq:
                    await self._ask_again(line)

    async def _came(self, line: ClientConnection) -> None:
        if not self.connected:
            self.connected = True
            for command_id, sent in self.commands.items():
                if sent.waits:
                    await self._tell(line, command_id, sent)

    async def _event(self, line: ClientConnection, frame: dict[str, Any]) -> None:
        assert self.room is not None
        if frame["seq"] <= self.seq:
            return
        if frame["seq"] > self.seq + 1:
            await self._ask_again(line)
            return
        self.asked_again = False
        self.seq = frame["seq"]
        apply(self.room, frame["data"])
        await self._came(line)

    async def _ask_again(self, line: ClientConnection) -> None:
        if not self.asked_again:
            self.asked_again = True
            await line.send(json.dumps({"do": "resume", "since": self.seq}))

    async def _watch(self, line: ClientConnection) -> None:
        """Ping, so that silence means something; send again what waits too long."""
        with contextlib.suppress(WebSocketException):
            while True:
                await line.send(json.dumps({"do": "ping", "seen": self.seq}))
                await asyncio.sleep(RETRY_S)
                now = monotonic()
                if now - self.heard_at > SILENT_S:
                    line.transport.abort()
                    return
                for command_id, sent in list(self.commands.items()):
                    if self.connected and sent.waits and now - sent.at > 3 * RETRY_S:
                        await self._tell(line, command_id, sent)

    async def _tell(self, line: ClientConnection, command_id: str, sent: Sent) -> None:
        sent.at = monotonic()
        sent.tellings += 1
        await line.send(json.dumps({"id": command_id, "do": sent.name, "args": sent.args}))

    async def act(self, stop: Callable[[], bool], pause_s: tuple[float, float] = (0.002, 0.03)) -> None:
        """One sensible command after the other, each a moment after the last one was answered."""
        while not stop():
            await asyncio.sleep(self.rng.uniform(*pause_s))
            if self.line is None or not self.connected or self.room is None:
                continue
            command_id, sent = str(new_id()), self._think()
            self.commands[command_id] = sent
            with contextlib.suppress(WebSocketException, AttributeError):
                await self._tell(self.line, command_id, sent)
            while sent.waits:  # noqa: ASYNC110  (answered by frames of any connection)
                await asyncio.sleep(0.005)

    def _think(self) -> Sent:
        assert self.room is not None
        items = self.room["items"]
        waiting = [item for item in items if item["state"] == "scheduled"]
        dice = self.rng.random()
        if dice < 0.12 or len(waiting) < 4:
            return Sent("agenda.add_topic", {"title": f"Rondvraag {new_id()}", "minutes": 5})
        item = self.rng.choice(waiting)
        if dice < 0.20:
            return Sent(
                "agenda.postpone",
                {"item": item["id"], "version": item["version"], "reason": "pathology_missing", "note": ""},
            )
        if dice < 0.30:
            return Sent("agenda.open_item", {"item": item["id"], "version": item["version"]})
        to = self.rng.randint(1, len(items))
        return Sent("agenda.move_item", {"item": item["id"], "to": to, "version": item["version"]})

    @property
    def waiting(self) -> int:
        """Commands that were sent and not answered."""
        return sum(1 for sent in self.commands.values() if sent.waits and sent.tellings)
