"""The other side of a delivery, on real sockets: a record system that takes HL7 over MLLP, and a FHIR server. Each does as it is told."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import hl7

VT, END = b"\x0b", b"\x1c\r"


def acknowledge(code: str, number: str, error: str = "") -> bytes:
    """An acknowledgement as a record system writes it."""
    lines = ["MSH|^~\\&|EHR|ZH|MDO||20261129120000||ACK|1|P|2.5.1", f"MSA|{code}|{number}"]
    if error:
        lines.append(f"ERR|||{error}|E||||Peeters, Maria: borst links")
    return ("\r".join(lines) + "\r").encode()


@dataclass
class Ehr:
    """``manner``: take, error, reject, other (acknowledges another message), noise, flood, cut (closes without an answer), half (closes in the middle
    of one), freeze (never answers), drip (a byte now and then)."""

    manner: str = "take"
    port: int = 0
    pause_s: float = 0.0
    messages: list[bytes] = field(default_factory=list)
    lines: int = 0
    ended: Event = field(default_factory=Event)

    @property
    def numbers(self) -> list[str]:
        """MSH-10 of what was taken, in order."""
        return [str(hl7.parse(each.decode("utf-8", "replace")).segment("MSH")[10]) for each in self.messages]

    def answer(self, line: socket.socket) -> None:
        self.lines += 1
        raw = b""
        while END not in raw:
            chunk = line.recv(65536)
            if not chunk:
                return
            raw += chunk
        message = raw.partition(END)[0].rpartition(VT)[2]
        number = message.split(b"|")[9].decode()
        if self.pause_s:
            self.ended.wait(self.pause_s)
        match self.manner:
            case "take":
                self.messages.append(message)
                line.sendall(VT + acknowledge("AA", number) + END)
            case "error":
                line.sendall(VT + acknowledge("AE", number, "207^Fout bij Peeters^HL70357") + END)
            case "reject":
                line.sendall(VT + acknowledge("AR", number, "Peeters") + END)
            case "other":
                line.sendall(VT + acknowledge("AA", "ANOTHER") + END)
            case "noise":
                line.sendall(VT + b"Peeters, Maria" + END)
            case "flood":
                line.sendall(VT + b"x" * 100_000)
                self.ended.wait(30)
            case "half":
                line.sendall(VT + acknowledge("AA", number)[:30])
            case "freeze":
                self.ended.wait(30)
            case "drip":
                for _ in range(100):
                    try:
                        line.sendall(b"M")
                    except OSError:
                        return
                    if self.ended.wait(0.05):
                        return


@contextmanager
def ehr(manner: str = "take", port: int = 0, pause_s: float = 0.0, tls: ssl.SSLContext | None = None) -> Iterator[Ehr]:
    """A record system that listens on loopback."""
    peer = Ehr(manner, pause_s=pause_s)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            peer.answer(self.request)

    with _serving(_Lines(("127.0.0.1", port), Handler), peer.ended, tls) as found:
        peer.port = found
        yield peer


class _Lines(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender who was killed is no news."""


@dataclass
class Fhir:
    """What was created, by its identifier. ``status``: what is answered instead of creating; ``manner``: take, freeze, redirect, noise."""

    manner: str = "take"
    status: int = 0
    port: int = 0
    pause_s: float = 0.0
    created: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)  # identifier, path, headers
    bodies: list[bytes] = field(default_factory=list)
    ended: Event = field(default_factory=Event)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/r4"


@contextmanager
def fhir_server(
    manner: str = "take", status: int = 0, port: int = 0, pause_s: float = 0.0, tls: ssl.SSLContext | None = None
) -> Iterator[Fhir]:
    """A FHIR server on loopback that creates on condition."""
    peer = Fhir(manner, status, pause_s=pause_s)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            condition = self.headers.get("If-None-Exist", "").rpartition("|")[2]
            peer.asked.append((condition, self.path, dict(self.headers)))
            peer.bodies.append(body)
            if peer.pause_s:
                peer.ended.wait(peer.pause_s)
            if peer.manner == "freeze":
                peer.ended.wait(30)
                return
            if peer.manner == "noise":
                self.wfile.write(b"Peeters, Maria\r\n\r\n")
                return
            if peer.manner == "redirect":
                self.send_response(302)
                self.send_header("Location", f"http://127.0.0.1:{peer.port}/elsewhere")
                self.end_headers()
                return
            known = condition in peer.created
            if not peer.status and not known:
                peer.created[condition] = json.loads(body)
            self.send_response(peer.status or (200 if known else 201))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Tells nobody."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A sender who was killed is no news."""

    with _serving(Server(("127.0.0.1", port), Handler), peer.ended, tls) as found:
        peer.port = found
        yield peer


@contextmanager
def _serving(server: socketserver.TCPServer, ended: Event, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass
class WebProxy:
    """``asked``: the tunnels, as they were asked for, with the authorization. Whatever the name, they lead to loopback. ``says``: instead of 200."""

    says: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"
    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def web_proxy(says: bytes = WebProxy.says) -> Iterator[WebProxy]:
    """An HTTP proxy on loopback that opens tunnels."""
    peer = WebProxy(says)
    ended = Event()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            place = self.rfile.readline().decode().split(" ")[1]
            headers = dict(line.decode().strip().split(": ", 1) for line in iter(self.rfile.readline, b"\r\n"))
            peer.asked.append((place, headers.get("Proxy-Authorization", "")))
            self.wfile.write(peer.says)
            if b" 200 " not in peer.says:
                return
            with socket.create_connection(("127.0.0.1", int(place.rpartition(":")[2]))) as there:
                back = Thread(target=_pour, args=(there, self.connection), daemon=True)
                back.start()
                _pour(self.connection, there)
                back.join(5)

    with _serving(_Lines(("127.0.0.1", 0), Handler), ended) as found:
        peer.port = found
        yield peer


def _pour(source: socket.socket, target: socket.socket) -> None:
    try:
        while part := source.recv(65536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
