"""The web server. The only file that knows Daphne: another ASGI server would replace this file and nothing else."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from typing import Any

from mdo import environment

logger = logging.getLogger(__name__)

GOODBYE_WITHIN_S = 3.0
"""How long rooms may take to tell their people that the server restarts."""

ANSWERED_WITHIN_S = 10.0
"""How long requests that are under way may still take."""

ENDED_WITHIN_S = 2.0
"""How long threads may still hold the process after that: one that waits for a lock cannot be told to stop."""

WEBSOCKET_MAX_BYTES = 1024 * 1024
"""Of one message. Above it Daphne drops the line (1006); the room itself closes politely (1009) from 64 KiB on."""


async def goodbye() -> None:
    """Let the rooms close their sockets with 1012, so that clients come back at once; Daphne itself sends no close frame."""
    say = getattr(sys.modules.get("meetings.room.hub"), "goodbye", None)
    if say is None:
        return
    try:
        await asyncio.wait_for(say(), GOODBYE_WITHIN_S)
    except Exception:  # whatever goes wrong, the process must end
        logger.exception("Saying goodbye to the rooms failed.")


def teach_daphne() -> type:
    """Daphne's server with two things that the rooms need, of which a program behind another server knows nothing.

    *Every close code goes through.* Daphne's WebSocket library takes 1000 and 3000–4999 from a program only and raises for 1008,
    1009, 1012 and 1013, which Daphne logs and forgets: the client would see a line cut without a word (1006). RFC 6455 §7.4.1
    and the IANA registry allow a server to send them.

    *A prepared frame goes straight to the line.* ``scope["extensions"]["mdo.frame"]`` takes the bytes of one whole frame, sends
    them after everything sent before and answers whether it could. Through the event queue each frame of five hundred costs about
    ten times as much, because it is encoded, checked and copied for each socket anew.
    """
    from daphne.server import Server
    from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
    from twisted.internet.tcp import Connection

    class Line(WebSocketProtocol):
        def serverClose(self, code: int | None = None) -> None:  # noqa: N802  (Daphne's name)
            self.sendCloseFrame(code=1000 if code is None else code, isReply=False)

        def write_frame(self, frame: bytes) -> bool:
            if self.state != self.STATE_OPEN or self.send_queue:
                return False
            line = self.transport
            if not isinstance(line, Connection) or line.dataBuffer or line._tempDataBuffer or line.disconnecting:
                line.write(frame)  # behind what waits already
                return True
            sent = line.writeSomeData(frame)
            if isinstance(sent, int) and sent < len(frame):
                line.write(frame[sent:])
            return True  # a line that is lost says so itself, to the reactor

    class Fronting(Server):
        def listen_success(self, port: Any) -> Any:
            super().listen_success(port)
            return port  # else the listener holds nothing that could be stopped

        def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
            if scope["type"] == "websocket":
                scope["extensions"] = {"mdo.frame": protocol.write_frame}
            return super().create_application(protocol, scope)

    WebSocketFactory.protocol = Line
    return Fronting


def requests_under_way(server: Any) -> bool:
    """Whether somebody who asked over HTTP still waits for the answer."""
    from daphne.http_protocol import WebRequest

    return any(
        isinstance(protocol, WebRequest) and "disconnected" not in details
        for protocol, details in server.connections.items()
    )


def end_for_certain() -> None:
    """Python waits for its threads at the end; a request that hangs would keep a process that serves nobody until it is killed."""

    def leave() -> None:
        logger.warning("A request that hangs was cut off.")
        logging.shutdown()
        os._exit(0)

    last = threading.Timer(ENDED_WITHIN_S, leave)
    last.daemon = True
    last.start()


def serve() -> int:
    """Listen on MDO_HOST and MDO_PORT until SIGTERM or SIGINT; returns an exit code, 1 when the port is taken."""
    settings = environment.load()
    # Half of the tail of a room's delays is the garbage collector: rarer, larger collections at the same memory.
    gc.set_threshold(50_000, 20, 100)

    server_class = teach_daphne()  # first of all: it installs the reactor
    from twisted.internet import reactor

    from mdo import kept_files
    from mdo.asgi import application

    kept_files.keep()

    gc.freeze()
    interface = settings.host.replace(":", r"\:")
    server = server_class(
        application=application,
        endpoints=[f"tcp:port={settings.port}:interface={interface}"],
        signal_handlers=False,
        server_name="mdo",
        http_timeout=None,
        ping_interval=5,
        ping_timeout=15,
        # The room closes politely by its own rules; this is only the last line.
        websocket_timeout=86_400,
        websocket_max_message_size=WEBSOCKET_MAX_BYTES,
        websocket_max_frame_size=WEBSOCKET_MAX_BYTES,
        application_close_timeout=5,
        proxy_forwarded_address_header="X-Forwarded-For" if settings.proxy else None,
        proxy_forwarded_proto_header="X-Forwarded-Proto" if settings.proxy else None,
        verbosity=1,
    )
    loop = reactor._asyncioEventloop
    ending: list[asyncio.Task[None]] = []

    async def end() -> None:
        """Take no new lines, see the rooms out, and let requests that are under way be answered."""
        for listener in server.listeners:
            listening = getattr(listener, "result", None)
            if listening is not None and hasattr(listening, "stopListening"):
                listening.stopListening()
        await goodbye()
        until = loop.time() + ANSWERED_WITHIN_S
        while requests_under_way(server) and loop.time() < until:  # noqa: ASYNC110  (bounded, and the process ends)
            await asyncio.sleep(0.02)
        end_for_certain()
        server.stop()

    def ask_to_end() -> None:
        if not ending:
            ending.append(loop.create_task(end()))

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask_to_end)
    server.run()
    if not ending:
        print(f"mdo: cannot listen on {settings.host} port {settings.port}.", file=sys.stderr)
        return 1
    return 0
