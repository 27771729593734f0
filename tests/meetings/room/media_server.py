"""A stand-in for LiveKit's API on loopback: rooms in memory, signed requests only. The real one is met by `make test-livekit`."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from livekit import api

from tests.ports import free_port

KEY, SECRET = "site", "secret-of-these-tests-alone-0123456789"


@dataclass
class MediaServer:
    """What it was asked, in order, and which rooms it has."""

    port: int = 0
    rooms: set[str] = field(default_factory=set)
    people: set[tuple[str, str]] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)
    fails_with: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, body: bytes, grants: api.VideoGrants) -> tuple[int, bytes]:
        if self.fails_with:
            return self.fails_with, json.dumps({"code": "unavailable", "msg": "no node"}).encode()
        if method == "ListRooms":
            names = api.ListRoomsRequest.FromString(body).names
            self.asked.append((method, names[0]))
            found = [api.Room(name=name) for name in names if name in self.rooms]
            return 200 if grants.room_list else 401, api.ListRoomsResponse(rooms=found).SerializeToString()
        if method == "CreateRoom":
            name = api.CreateRoomRequest.FromString(body).name
            self.asked.append((method, name))
            self.rooms.add(name)
            return 200 if grants.room_create else 401, api.Room(name=name).SerializeToString()
        if method == "DeleteRoom":
            name = api.DeleteRoomRequest.FromString(body).room
            self.asked.append((method, name))
            if name not in self.rooms:
                return 404, json.dumps({"code": "not_found", "msg": "requested room does not exist"}).encode()
            self.rooms.discard(name)
            return 200, b""
        asked = api.RoomParticipantIdentity.FromString(body)
        self.asked.append((method, asked.identity))
        if not grants.room_admin or grants.room != asked.room:
            return 401, b"{}"
        if (asked.room, asked.identity) not in self.people:
            return 404, json.dumps({"code": "not_found", "msg": "participant does not exist"}).encode()
        self.people.discard((asked.room, asked.identity))
        return 200, b""


@contextmanager
def media_server() -> Iterator[MediaServer]:
    """It answers for as long as this lasts."""
    server = MediaServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                claims = api.TokenVerifier(KEY, SECRET).verify(self.headers["Authorization"].removeprefix("Bearer "))
            except Exception:
                status, content = 401, b'{"code": "unauthenticated", "msg": "no"}'
            else:
                assert claims.video is not None
                status, content = server.answer(self.path.rsplit("/", 1)[1], body, claims.video)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    server.port = listening.server_port
    Thread(target=listening.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()


@contextmanager
def silent_server() -> Iterator[str]:
    """The address of something that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def nothing_there() -> str:
    """An address at which nothing listens."""
    return f"http://127.0.0.1:{free_port()}"
