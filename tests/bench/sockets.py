"""Many WebSocket clients in one process, at a cost that does not hide the server's: one epoll, no object per frame.

Only what the benches need of RFC 6455: the opening handshake, masked text to the server, unmasked text from it, ping and close.
"""

from __future__ import annotations

import base64
import os
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

PING_EVERY_S = 4.0
LATE_S = 1.0


class Gone(Exception):
    """The server closed a line, or refused it."""


def masked(text: bytes, opcode: int = 1) -> bytes:
    """One frame from a client. The mask is zero: allowed, and it costs no time."""
    head = bytes([0x80 | opcode])
    size = len(text)
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += struct.pack("!BH", 0x80 | 126, size)
    else:
        head += struct.pack("!BQ", 0x80 | 127, size)
    return head + b"\0\0\0\0" + text


@dataclass(frozen=True)
class Door:
    """Where a line goes: the port on loopback, the path, and the headers that the handshake carries; over TLS to `localhost` where ``tls`` says
    whom to believe."""

    port: int
    path: str
    cookie: str = ""
    subprotocol: str = ""
    tls: ssl.SSLContext | None = None

    def request(self) -> bytes:
        host = f"localhost:{self.port}" if self.tls else f"127.0.0.1:{self.port}"
        lines = [
            f"GET {self.path} HTTP/1.1",
            f"Host: {host}",
            f"Origin: {'https' if self.tls else 'http'}://{host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        ]
        if self.subprotocol:
            lines.append(f"Sec-WebSocket-Protocol: {self.subprotocol}")
        if self.cookie:
            lines.append(f"Cookie: {self.cookie}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Line:
    """One client: what it was last told, and when."""

    __slots__ = ("buffer", "door", "fd", "frames", "open", "ping_at", "sent_ping", "seq", "socket", "told_at")

    def __init__(self, door: Door) -> None:
        self.door = door
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.fd = self.socket.fileno()
        self.buffer = b""
        self.open = False
        self.seq = 0
        self.told_at = 0.0
        self.frames = 0
        self.ping_at = time.perf_counter() + PING_EVERY_S
        self.sent_ping = True

    def connect(self) -> None:
        self.socket.connect(("127.0.0.1", self.door.port))
        if self.door.tls:  # the number of its file stays
            self.socket = self.door.tls.wrap_socket(self.socket, server_hostname="localhost")
        self.socket.sendall(self.door.request())
        self.socket.setblocking(False)

    def receive(self) -> bytes:
        """What has come; nothing when the other side has closed. Raises ``OSError``, which is ``BlockingIOError`` or ``SSLWantReadError`` when
        nothing is there yet."""
        data = self.socket.recv(262144)
        while isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():  # of which the kernel tells nobody
            data += self.socket.recv(262144)
        return data

    def send(self, text: str) -> None:
        self.socket.sendall(masked(text.encode()))


def seq_of(text: bytes) -> int:
    """The number in a frame that has one: ``"seq":N`` within the first 140 bytes."""
    start = text.find(b'"seq":', 0, 140)
    if start < 0:
        return -1
    start += 6
    stop = start
    while text[stop : stop + 1].isdigit():
        stop += 1
    return int(text[start:stop]) if stop > start else -1


class Crowd:
    """All lines of this process, and one loop that reads them."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.lines: dict[int, Line] = {}
        self.on_frame: Callable[[Line, bytes, float], None] | None = None

    def close(self, lines: Iterable[Line]) -> None:
        for line in list(lines):
            if self.lines.pop(line.fd, None) is not None:
                self.epoll.unregister(line.fd)
            line.socket.close()

    def dial(self, door: Door) -> Line:
        """Begin a line; its handshake is answered while the crowd reads."""
        line = Line(door)
        line.connect()
        self.lines[line.fd] = line
        self.epoll.register(line.fd, select.EPOLLIN)
        return line

    def enter(
        self, doors: Sequence[Door], ready: Callable[[Line], bool], within_s: float, at_once: int = 40
    ) -> list[Line]:
        """Dial all doors, ``at_once`` at a time, until each line is ``ready``. Raises ``Gone`` and ``TimeoutError``."""
        lines: list[Line] = []
        waiting: list[Line] = []
        deadline = time.perf_counter() + within_s
        queue = list(doors)
        while queue or waiting:
            while queue and len(waiting) < at_once:
                line = self.dial(queue.pop(0))
                lines.append(line)
                waiting.append(line)
            self.tend(40)
            self.read(0.05)
            waiting = [line for line in waiting if not ready(line)]
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{len(waiting)} lines are not ready")
        return lines

    def cut(self, line: Line, why: str) -> None:
        """A line that the server closed or refused."""
        raise Gone(f"{line.door.path} {why}")

    def read(self, within_s: float) -> None:
        """Read whatever has come."""
        for fd, _event in self.epoll.poll(within_s, 4096):
            line = self.lines.get(fd)
            if line is None:
                continue
            try:
                data = line.receive()
            except (BlockingIOError, ssl.SSLWantReadError):
                continue
            except OSError as error:
                self.cut(line, f"was lost: {error}")
                continue
            at = time.perf_counter()
            if not data:
                self.cut(line, f"was cut after {line.frames} frames")
                continue
            self._take(line, line.buffer + data if line.buffer else data, at)

    def _take(self, line: Line, data: bytes, at: float) -> None:
        if not line.open:
            head, found, rest = data.partition(b"\r\n\r\n")
            if not found:
                line.buffer = data
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.cut(line, f"is not opened: {head[:80]!r}")
                return
            line.open, data = True, rest
        start, end = 0, len(data)
        while end - start >= 2:
            size, body = data[start + 1] & 0x7F, start + 2
            if size == 126:
                if end - start < 4:
                    break
                size, body = int.from_bytes(data[start + 2 : start + 4], "big"), start + 4
            elif size == 127:
                if end - start < 10:
                    break
                size, body = int.from_bytes(data[start + 2 : start + 10], "big"), start + 10
            if end - body < size:
                break
            self._frame(line, data[start] & 0x0F, data[body : body + size], at)
            start = body + size
        line.buffer = data[start:]

    def _frame(self, line: Line, opcode: int, text: bytes, at: float) -> None:
        if opcode == 1:
            line.frames += 1
            kind = text[6:10]
            if kind in (b"even", b"snap", b"benc"):
                seq = seq_of(text)
                if seq > line.seq:
                    line.seq, line.told_at = seq, at
                    line.sent_ping = False
            if self.on_frame is not None:
                self.on_frame(line, text, at)
        elif opcode == 9:
            line.socket.sendall(masked(text, 10))
        elif opcode == 8:
            self.cut(line, f"was closed: {int.from_bytes(text[:2], 'big')}")

    def reached(self, lines: Sequence[Line], seq: int, within_s: float) -> float:
        """Read until all of these lines were told ``seq``; the moment at which the last one was. Raises ``TimeoutError``."""
        deadline = time.perf_counter() + within_s
        behind = [line for line in lines if line.seq < seq]
        while behind:
            self.read(0.2)
            behind = [line for line in behind if line.seq < seq]
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{len(behind)} of {len(lines)} lines never came to {seq}")
        return max(line.told_at for line in lines)

    def tend(self, most: int = 10) -> int:
        """Tell the server what was drawn, as browsers do; a few at a time, so that no burst of ours meets a measurement.

        Returns how many lines wait to do so for longer than they should: where the machine is slow, they come first.
        """
        now, told, late = time.perf_counter(), 0, 0
        for line in self.lines.values():
            if line.ping_at <= now and not line.sent_ping and line.door.subprotocol:
                if told >= most:
                    late += line.ping_at < now - LATE_S
                    continue
                line.ping_at, line.sent_ping = now + PING_EVERY_S, True
                line.send(f'{{"do":"ping","seen":{line.seq}}}')
                told += 1
        return late

    def rest(self, seconds: float) -> None:
        """Let time pass: read, and tend."""
        until = time.perf_counter() + seconds
        late = 1
        while (left := until - time.perf_counter()) > 0 or late:
            late = self.tend()
            self.read(min(0.005, max(0.0, left)))
