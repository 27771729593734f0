"""One message to a record system over MLLP (HL7 v2.5.1, appendix C), and its acknowledgement: all of it within ten seconds."""

import contextlib
import http.client
import socket
import ssl
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Thread, Timer
from time import monotonic
from typing import Any

from django.conf import settings

from mdo import outward
from meetings.delivering.faults import NotTaken

VT, END = b"\x0b", b"\x1c\r"
CONNECT_S, ALL_S = 3.0, 10.0
LARGEST_ANSWER = 64 * 1024
HANGING = 8  # look-ups at once, in each process

_looking_up = BoundedSemaphore(HANGING)


@contextlib.contextmanager
def bounded(line: socket.socket, until: float) -> Iterator[None]:
    """Whatever is done with ``line`` ends at that moment (monotonic): a peer that gives a byte now and then holds nobody. Raises
    ``NotTaken`` for what ends there, or is cut."""
    late = False

    def cut() -> None:
        nonlocal late
        late = True
        with contextlib.suppress(OSError):
            socket.socket.shutdown(line, socket.SHUT_RDWR)  # the line itself, also under TLS

    timer = Timer(max(0.0, until - monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except TimeoutError:
        raise NotTaken("no_answer", down=True) from None
    except ssl.SSLCertVerificationError:
        raise NotTaken("certificate", down=True) from None
    except OSError:
        raise NotTaken("no_answer" if late else "cut", down=True) from None
    except http.client.HTTPException:
        raise NotTaken("no_answer" if late else "garbled", down=True) from None
    finally:
        timer.cancel()


Found = list[tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]]


def look_up(host: str, port: int, until: float) -> Found:
    """The addresses of a host, by that moment (monotonic). The system's own look-up knows no limit of time, so each has a thread of its own,
    which is left behind where the name server hangs: it ends when the system gives up, and only a few may hang at once. Raises
    ``NotTaken``."""
    if not _looking_up.acquire(blocking=False):
        raise NotTaken("unreachable", down=True)
    answer: SimpleQueue[Found] = SimpleQueue()

    def ask() -> None:
        found: Found = []
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            pass  # a name that is none, or that nobody knows
        finally:
            _looking_up.release()
            answer.put(found)

    Thread(target=ask, daemon=True, name="look-up").start()
    try:
        return answer.get(timeout=max(0.0, until - monotonic()))
    except Empty:
        raise NotTaken("unreachable", down=True) from None


def connect(host: str, port: int) -> socket.socket:
    """A connection, within ``CONNECT_S`` with all that it takes: the name's look-up, and each of its addresses. Raises ``NotTaken``."""
    until = monotonic() + CONNECT_S
    for family, kind, protocol, _name, address in look_up(host, port, until):
        try:
            line = socket.socket(family, kind, protocol)
        except OSError:  # this machine does not speak it: IPv6 is switched off, and the name has such an address
            continue
        try:
            line.settimeout(max(0.05, until - monotonic()))
            line.connect(address)
        except OSError:
            line.close()
        else:
            return line
    raise NotTaken("unreachable", down=True)


def secured(line: socket.socket, host: str) -> ssl.SSLSocket:
    """The line under TLS, before any word is said on it: shaking hands is bounded like the rest. Raises ``OSError``."""
    context = outward.context(settings.ENVIRONMENT.client_cert)
    return context.wrap_socket(line, server_hostname=host, do_handshake_on_connect=False)


def exchange(host: str, port: int, message: bytes, *, secure: bool = False) -> bytes:
    """Send one message and read the answer to it, without its frame; ``secure``: by TLS. Raises ``NotTaken``."""
    until = monotonic() + ALL_S
    line = connect(host, port)
    try:
        line.settimeout(max(0.1, until - monotonic()))
        if secure:
            line = secured(line, host)
        with bounded(line, until):
            if isinstance(line, ssl.SSLSocket):
                line.do_handshake()
            line.sendall(VT + message + END)
            answer = b""
            while END not in answer:
                if len(answer) > LARGEST_ANSWER:
                    raise NotTaken("garbled")
                chunk = line.recv(8192)
                if not chunk:
                    raise ConnectionError
                answer += chunk
        return answer.partition(END)[0].rpartition(VT)[2]
    finally:
        line.close()
