"""The negative control: a web server that acknowledges a command before it is committed. Only the chaos run starts it.

The command runs in its transaction as ever, then the answer goes out, and the commit follows a moment later: what a server does
that answers first and stores behind. `python -m tests.chaos.early`, on MDO_PORT.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any
from uuid import UUID

STORED_AFTER_S = 0.15


def main() -> int:
    from daphne.server import Server  # noqa: F401  (installs the reactor)

    from mdo import server
    from mdo.asgi import application  # noqa: F401  (sets Django up)
    from mdo.kernel.acting import acting
    from mdo.kernel.action import Done
    from meetings.room import commands, work
    from meetings.room.connection import dumps
    from meetings.room.consumer import RoomConsumer

    waiting: dict[UUID, tuple[RoomConsumer, asyncio.AbstractEventLoop]] = {}
    honest = RoomConsumer._command

    async def _command(self: RoomConsumer, message: Any) -> None:
        waiting[message.id] = (self, asyncio.get_running_loop())
        try:
            await honest(self, message)
        finally:
            waiting.pop(message.id, None)

    def _acted(person: Any, place: Any, meeting_id: UUID, command_id: UUID, name: str, args: dict[str, Any]) -> Done:
        command = commands.find(name)
        with acting(person, place.organisation_id, "room", action=name, savepoints=False, lock_timeout_ms=2000):
            done = command.run(by=person, meeting_id=meeting_id, command_id=command_id, args=args)
            consumer, loop = waiting[command_id]
            ack = dumps({"t": "ack", "id": str(command_id), "seq": done.seqs.get(meeting_id, 0)})
            asyncio.run_coroutine_threadsafe(consumer.send_text(ack), loop).result(5)
            time.sleep(STORED_AFTER_S)
        return done

    RoomConsumer._command = _command  # type: ignore[method-assign]
    work._acted = _acted
    return server.serve()


if __name__ == "__main__":
    sys.exit(main())
