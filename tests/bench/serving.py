"""The server processes of the bench: `python -m tests.bench.serving room|bare|book|uvicorn`, on MDO_PORT of loopback.

`room` is what `mdo web` runs, with one more address: `/bench/`, by which the bench lets the room's own giving path tell
something without a database, and asks how often the journal was read for those who came back.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from typing import Any
from uuid import UUID

reads = {"starts": 0}


def counting(application: Any) -> Any:
    """The application with the bench's address."""
    from meetings.room import hub, work
    from meetings.room.connection import dumps, prepare

    begin = work.stand

    def start(*args: Any, **kwargs: Any) -> Any:
        reads["starts"] += 1
        return begin(*args, **kwargs)

    work.stand = start

    async def tell(giver: Any, connections: list[Any], seq: int, frame: str) -> None:
        """As the room tells an entry; afterwards each connection knows what it knew before."""
        ready = [(seq, prepare(frame))]
        known = [connection.seq for connection in connections]
        later = [giver.give(connection, ready) for connection in connections]
        await asyncio.gather(*(each for each in later if each is not None))
        for connection, before in zip(connections, known, strict=True):
            connection.seq = before
            if connection.unseen and connection.unseen[-1][0] == seq:
                connection.unseen_bytes -= connection.unseen.pop()[1]

    async def bench(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept", "subprotocol": None})
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            asked = json.loads(message["text"])
            if "give" in asked:
                room = hub.here().rooms[UUID(asked["give"])]
                frame = dumps({"t": "bench", "seq": asked["seq"], "pad": "x" * asked["bytes"]})
                await tell(hub.here(), list(room.connections), asked["seq"], frame)
            else:
                await send({"type": "websocket.send", "text": json.dumps(reads)})

    async def routed(scope: Any, receive: Any, send: Any) -> Any:
        if scope["type"] == "websocket" and scope["path"] == "/bench/":
            return await bench(scope, receive, send)
        return await application(scope, receive, send)

    return routed


def main(kind: str) -> int:
    port = os.environ["MDO_PORT"]
    if kind in ("room", "bare"):
        from daphne.server import Server  # noqa: F401  (installs the reactor)

        from mdo import asgi, server

        if kind == "bare":
            from tests.bench.book import bare

            asgi.application = bare  # type: ignore[assignment]
        else:
            asgi.application = counting(asgi.application)
        return server.serve()
    if kind == "book":
        from daphne.cli import CommandLineInterface

        CommandLineInterface().run(["-b", "127.0.0.1", "-p", port, "-v", "0", "tests.bench.book:application"])
        return 0
    if kind == "uvicorn":
        import uvicorn

        gc.set_threshold(50_000, 20, 100)
        from mdo.asgi import application

        gc.freeze()
        uvicorn.run(
            counting(application),
            host="127.0.0.1",
            port=int(port),
            loop="asyncio",
            lifespan="off",
            access_log=False,
            log_level="warning",
            ws_per_message_deflate=False,
            ws_ping_interval=None,
        )
        return 0
    raise SystemExit(f"unknown kind of server: {kind}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
