"""The access log as syslog, to a real collector: each sealed row, in order, once or more, and never at the sealer's cost."""

import re
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import pytest

from mdo.kernel import audit, clock, forwarding, tasks
from mdo.kernel.acting import System, acting
from mdo.kernel.forwarding import Collector
from mdo.kernel.models import AuditForwarding, AuditSeal
from tests.parts import until

HERE = "127.0.0.1"


class Receiver:
    """A collector on TCP (octet counting), which reads each line to its end; ``frozen`` it takes connections and reads nothing."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.frozen = False
        self.arrived, self.thawed = Event(), Event()
        self.listener = socket.create_server((HERE, 0))
        self.collector = Collector("tcp", HERE, self.listener.getsockname()[1])
        self.thread = Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            with line:
                if self.frozen:
                    line.recv(1, socket.MSG_PEEK)
                    self.arrived.set()
                    self.thawed.wait(200)
                    continue
                data = b""
                while chunk := line.recv(65536):
                    data += chunk
                while data:
                    length, _, rest = data.partition(b" ")
                    self.messages.append(rest[: int(length)].decode())
                    data = rest[int(length) :]
                line.sendall(b"ignored")  # some collectors say something first

    def stop(self) -> None:
        self.thawed.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    started = Receiver()
    yield started
    started.stop()


def leave_traces(number: int, **detail: Any) -> None:
    with acting(System("clerk"), None, "work"):
        for n in range(number):
            audit.act(f"test.done_{n}", hospital_id=uuid4(), detail=detail, outcome="ok" if n else "denied")


def seal_all(number: int) -> None:
    until(lambda: audit.seal() or AuditSeal.objects.count() >= number, f"{number} rows sealed", 150)


def uids(messages: list[str]) -> list[str]:
    return [found[1] for each in messages for found in [re.search(r' uid="([^"]+)"', each)] if found]


def sealed() -> list[str]:
    return [str(each.entry.uid) for each in AuditSeal.objects.select_related("entry").order_by("pk")]


def test_each_sealed_row_is_sent_once_in_the_order_of_sealing(committed: None, receiver: Receiver) -> None:
    leave_traces(3)
    assert forwarding.forward(receiver.collector) == 0  # not sealed: not sent
    seal_all(3)
    assert forwarding.waiting()[0] == 3
    assert forwarding.forward(receiver.collector) == 3
    leave_traces(1)
    seal_all(4)
    assert forwarding.forward(receiver.collector) == 1
    assert forwarding.forward(receiver.collector) == 0
    assert uids(receiver.messages) == sealed()
    assert forwarding.waiting() == (0, 0.0)


def test_a_row_as_a_message(committed: None, receiver: Receiver) -> None:
    leave_traces(2, what='a "quoted" ] \\ word', n=3)
    seal_all(2)
    forwarding.forward(receiver.collector)
    first, second = receiver.messages
    entry = AuditSeal.objects.select_related("entry").order_by("pk")[0].entry
    assert re.fullmatch(
        r"<108>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z [!-~]+ mdo - test\.done_0 \[mdo@32473 .*\]", first
    )
    assert second.startswith("<110>1 ")
    values = dict(re.findall(r' (\w+)="((?:\\.|[^"\\])*)"', first))
    assert {name: values[name] for name in ("actorKind", "actor", "hospital", "purpose", "action", "outcome")} == {
        "actorKind": "system",
        "actor": str(entry.actor_id),
        "hospital": str(entry.hospital_id),
        "purpose": "work",
        "action": "test.done_0",
        "outcome": "denied",
    }
    assert "patient" not in values  # what there is not is not said
    plain = re.sub(r'\\(["\]\\])', r"\1", values["detail"])
    assert plain == r'{"n":3,"what":"a \"quoted\" ] \\ word"}'


def test_a_row_too_long_goes_without_its_detail(committed: None, receiver: Receiver) -> None:
    leave_traces(1, ids=["x" * 100] * 90)
    seal_all(1)
    forwarding.forward(receiver.collector)
    (only,) = receiver.messages
    assert len(only) < forwarding.LARGEST
    assert 'detail="too long"' in only


def test_more_than_a_batch_goes_in_one_turn(
    committed: None, receiver: Receiver, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "BATCH", 2)
    settings.MDO_ACCESS_LOG_SYSLOG = ("tcp", HERE, receiver.collector.port)
    leave_traces(5)
    seal_all(5)
    assert tasks.forward() == 5
    assert uids(receiver.messages) == sealed()
    monkeypatch.setattr(tasks, "FORWARD_FOR_S", 0)
    assert tasks.forward() == 0  # its time is over
    settings.MDO_ACCESS_LOG_SYSLOG = None
    assert tasks.forward() == 0


def test_a_collector_that_is_away_gets_the_rows_later(
    committed: None, receiver: Receiver, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(socket.create_server((HERE, 0))) as taken:
        port = taken.getsockname()[1]
    settings.MDO_ACCESS_LOG_SYSLOG = ("tcp", HERE, port)
    leave_traces(2)
    seal_all(2)
    with clock.frozen(clock.now()) as _:
        at = clock.now()
        assert tasks.forward() == 0
        assert "ConnectionRefusedError" in caplog.text
        assert forwarding.forward(receiver.collector) == 0  # it rests
    with clock.frozen(at + forwarding.PAUSE + timedelta(seconds=1)):
        assert forwarding.forward(receiver.collector) == 2
    assert uids(receiver.messages) == sealed()


def test_a_frozen_collector_holds_neither_the_sealer_nor_a_row(
    committed: None, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "LEASE", timedelta(minutes=5))  # sealing may wait for others on this server
    receiver.frozen = True
    leave_traces(2)
    seal_all(2)
    failed: list[str] = []

    def send() -> None:
        from django.db import connections

        try:
            forwarding.forward(receiver.collector, within_s=200)
        except OSError as error:
            failed.append(type(error).__name__)
        finally:
            connections.close_all()

    sending = Thread(target=send)
    sending.start()
    until(lambda: AuditForwarding.objects.filter(leased_until__gt=clock.now()).exists(), "the lease")
    leave_traces(2)
    seal_all(4)  # while the collector says nothing
    assert sending.is_alive()
    assert forwarding.forward(receiver.collector) == 0  # one at a time
    assert receiver.arrived.wait(60)
    receiver.frozen = False
    receiver.thawed.set()  # the connection ends without having been read: a reset
    sending.join(25)
    assert failed == ["ConnectionResetError"]
    assert receiver.messages == []
    with clock.frozen(clock.now() + timedelta(minutes=2)):
        assert forwarding.forward(receiver.collector) == 4  # nothing was lost
    assert uids(receiver.messages) == sealed()


def test_a_lock_held_while_sending_would_hold_the_sealer(committed: None) -> None:
    """Negative control: the cursor locked in an open transaction, as a simpler sender would do it, keeps rows from being sealed."""
    from django.db import connections, transaction

    AuditForwarding.objects.create(name="syslog")
    held, release = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            AuditForwarding.objects.select_for_update().get(pk="syslog")
            held.set()
            release.wait(30)
        connections.close_all()

    holding = Thread(target=hold)
    holding.start()
    assert held.wait(60)
    leave_traces(1)
    sealed_meanwhile = [audit.seal() for _ in range(20)]
    release.set()
    holding.join(10)
    assert sealed_meanwhile == [0] * 20
    seal_all(1)


def test_without_a_receipt_in_time_the_rows_stay(committed: None, receiver: Receiver) -> None:
    receiver.frozen = True
    leave_traces(1)
    seal_all(1)
    with pytest.raises(TimeoutError):
        forwarding.forward(receiver.collector, within_s=0.2)
    assert forwarding.waiting()[0] == 1


def test_a_lease_that_ran_out_moves_nothing(committed: None, receiver: Receiver) -> None:
    """Whoever was away longer than the lease does not move the cursor of whoever took over: the rows come twice, none is left out."""
    leave_traces(2)
    seal_all(2)
    mine = uuid4()
    assert forwarding._take(mine) == 0
    with clock.frozen(clock.now() + forwarding.LEASE + timedelta(seconds=1)):
        assert forwarding.forward(receiver.collector) == 2
    forwarding._give_back(mine, sent=0)
    assert forwarding.waiting()[0] == 0


@contextmanager
def datagrams() -> Iterator[tuple[Collector, socket.socket]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((HERE, 0))
        line.settimeout(10)
        yield Collector("udp", HERE, line.getsockname()[1]), line


def test_each_row_is_a_datagram(committed: None) -> None:
    leave_traces(3)
    seal_all(3)
    with datagrams() as (collector, line):
        assert forwarding.forward(collector) == 3
        said = [line.recv(65536).decode() for _ in range(3)]
    assert uids(said) == sealed()
    assert all(each.startswith("<1") for each in said)


def test_a_collector_without_an_address_is_one_that_is_away(committed: None) -> None:
    leave_traces(1)
    seal_all(1)
    with pytest.raises(socket.gaierror):
        forwarding.forward(Collector("udp", "nowhere.invalid", 514))
    assert forwarding.waiting()[0] == 1


def test_its_words_fit_the_header() -> None:
    assert forwarding._printable("a b\nc[é", 3) == "abc"
    assert forwarding._printable(" ", 3) == "-"
    assert str(AuditForwarding(name="syslog", seal_id=7)) == "syslog@7"
