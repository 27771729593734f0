"""A name server that hangs holds nobody: the look-up of a host has its own limit of time, whatever the system does."""

import socket
from threading import Event, Thread
from time import monotonic
from typing import Any

import pytest

from meetings.delivering import mllp
from meetings.delivering.faults import NotTaken

WITHIN_S = 0.4  # instead of three seconds


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The system's look-up, as it is while its name server gives no answer. Ends with the test."""
    over = Event()

    def waits(*_asked: Any, **_how: Any) -> Any:
        over.wait(30)
        raise socket.gaierror

    monkeypatch.setattr(mllp, "CONNECT_S", WITHIN_S)
    monkeypatch.setattr(socket, "getaddrinfo", waits)
    yield over
    over.set()


def test_it_ends_in_time(hanging: Event) -> None:
    started = monotonic()
    with pytest.raises(NotTaken) as refused:
        mllp.exchange("ehr.example.org", 2575, b"MSH|")
    assert (refused.value.code, refused.value.down) == ("unreachable", True)
    assert WITHIN_S <= monotonic() - started < WITHIN_S + 2


def test_only_a_few_hang_and_they_come_back(hanging: Event) -> None:
    threads = [Thread(target=lambda: _refused("ehr.example.org"), daemon=True) for _n in range(mllp.HANGING)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(10)
    started = monotonic()
    _refused("ehr.example.org")  # at once: so many hang already
    assert monotonic() - started < WITHIN_S / 2
    hanging.set()
    for _n in range(mllp.HANGING):  # each gave its place back
        assert mllp._looking_up.acquire(timeout=5)
    for _n in range(mllp.HANGING):
        mllp._looking_up.release()


def _refused(host: str) -> None:
    with pytest.raises(NotTaken):
        mllp.connect(host, 2575)


def test_without_the_limit_it_would_hold_the_worker(hanging: Event) -> None:
    """The negative control: the way of the standard library, under the same name server."""
    done = Event()

    def plain() -> None:
        try:
            socket.create_connection(("ehr.example.org", 2575), WITHIN_S)
        except OSError:
            done.set()

    Thread(target=plain, daemon=True).start()
    assert not done.wait(3 * WITHIN_S)
    hanging.set()
    assert done.wait(5)


@pytest.mark.parametrize("host", ["x" * 300, "a..b", "no-such-name.invalid"])
def test_a_name_that_is_none(host: str) -> None:
    _refused(host)


def test_an_address_that_this_machine_cannot_speak_to_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a name with an IPv6 address where that is switched off: the kernel makes no such socket."""
    strange, own = 255, socket.AF_INET
    with pytest.raises(OSError, match="Address family not supported"):
        socket.socket(strange, socket.SOCK_STREAM)
    with socket.create_server(("127.0.0.1", 0)) as peer:
        place = peer.getsockname()
        found = [(family, socket.SOCK_STREAM, 0, "", place) for family in (strange, own)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_asked, **_how: found)
        with mllp.connect("ehr.example.org", place[1]) as line:
            assert line.getpeername() == place
        found.pop()
        _refused("ehr.example.org")


def test_every_address_of_a_name_is_tried_within_the_time() -> None:
    """A peer that listens on one of two addresses is found."""
    with socket.create_server(("127.0.0.1", 0)) as peer:
        port = peer.getsockname()[1]
        with mllp.connect("localhost", port) as line:
            assert line.getpeername()[:2] == ("127.0.0.1", port)
