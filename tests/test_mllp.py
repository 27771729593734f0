"""HL7 over MLLP on real sockets: frames in pieces, halves and heaps, senders who stop, and a stored message behind each AA."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date

import pytest
from channels.db import database_sync_to_async

from cases import receiving
from cases.models import Patient
from mdo.directory.models import RecordSystem
from mdo.environment import BASE_DIR, names, placeholders
from mdo.mllp import CR, FS, VT, Limits, Server
from tests.cases.test_exchange_adt import NUMBER, message
from tests.cast import Cast
from tests.factories import make_patient
from tests.meetings.acts import house

SHORT = Limits(largest=1000, noise=500, lines=3, threads=2, idle_s=60, message_s=60, answer_s=60)


class Line:
    """A sender."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, raw: bytes) -> None:
        self.writer.write(raw)
        await self.writer.drain()

    async def told(self) -> bytes:
        """The next answer without its frame."""
        found = await asyncio.wait_for(self.reader.readuntil(FS + CR), 20)
        assert found[:1] == VT
        return found[1:-2]

    async def ended(self) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(), 20) == b""
        except ConnectionError:
            return True


@asynccontextmanager
async def served(
    answer: Callable[[bytes], bytes] = lambda raw: b"got " + raw, limits: Limits = SHORT
) -> AsyncIterator[Callable[[], "asyncio.Future[Line]"]]:
    """A server, and a function that opens a line to it."""
    server = Server(answer, lambda raw: b"too long " + raw[:5], limits)
    port = await server.listen("127.0.0.1", 0)
    lines: list[Line] = []

    async def line() -> Line:
        found = Line(*await asyncio.open_connection("127.0.0.1", port))
        lines.append(found)
        return found

    try:
        yield line  # type: ignore[misc]
    finally:
        for each in lines:
            each.writer.close()
        await server.close()


def framed(raw: bytes) -> bytes:
    return VT + raw + FS + CR


async def test_many_messages_on_one_line_are_answered_in_order() -> None:
    async with served() as line:
        here = await line()
        await here.send(framed(b"one") + framed(b"two") + b"\r\n" + framed(b""))
        assert [await here.told() for _ in range(3)] == [b"got one", b"got two", b"got "]


async def test_a_message_may_come_byte_by_byte() -> None:
    async with served() as line:
        here = await line()
        for byte in framed(b"slow") + framed(b"again"):
            await here.send(bytes([byte]))
        assert [await here.told(), await here.told()] == [b"got slow", b"got again"]


async def test_half_a_frame_is_given_up_for_the_next() -> None:
    async with served() as line:
        here = await line()
        await here.send(VT + b"half of it" + framed(b"whole"))
        assert await here.told() == b"got whole"
        other = await line()
        await other.send(VT + b"half")
        other.writer.write_eof()
        assert await other.ended()


async def test_what_is_too_long_is_answered_and_passed_over() -> None:
    async with served() as line:
        here = await line()
        await here.send(framed(b"x" * 1000) + framed(b"MSH|y" + b"y" * 300_000) + framed(b"short"))
        assert [await here.told() for _ in range(3)] == [b"got " + b"x" * 1000, b"too long MSH|y", b"got short"]


@pytest.mark.parametrize("raw", [b"GET / HTTP/1.1\r\n" * 100, VT + b"a" + FS + b"b" + framed(b"c")])
async def test_noise_ends_the_line_and_no_other(raw: bytes) -> None:
    async with served() as line:
        here, other = await line(), await line()
        await here.send(raw)
        assert await here.ended()
        await other.send(framed(b"still here"))
        assert await other.told() == b"got still here"


@pytest.mark.parametrize(
    ("limits", "sent"),
    [(Limits(message_s=0.05), VT + b"frozen in the middle"), (Limits(idle_s=0.05), b""), (Limits(message_s=0.05), VT)],
)
async def test_a_frozen_sender_is_let_go(limits: Limits, sent: bytes) -> None:
    async with served(limits=limits) as line:
        here = await line()
        await here.send(sent)
        assert await here.ended()


async def test_who_takes_no_answers_is_let_go() -> None:
    async with served(lambda raw: raw * 200, Limits(answer_s=0.05)) as line:
        here = await line()
        whole = framed(b"x" * 50_000) * 4

        async def send_for_ever() -> None:
            while True:
                await here.send(whole)

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(send_for_ever(), 20)


async def test_more_lines_than_there_may_be_are_refused_and_slow_answers_hold_nobody_up() -> None:
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    def answer(raw: bytes) -> bytes:
        if raw == b"slow":
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(20)
        return raw

    async with served(answer) as line:
        slow, quick, third = await line(), await line(), await line()
        await slow.send(framed(b"slow"))
        await quick.send(framed(b"quick"))
        await third.send(framed(b"third"))
        assert [await quick.told(), await third.told()] == [b"quick", b"third"]
        assert await (await line()).ended()
        go_on.set()
        assert await slow.told() == b"slow"


async def test_a_patient_over_the_line(committed: None, cast: Cast) -> None:
    def prepare() -> Patient:
        RecordSystem.objects.create(organisation=cast.organiser, sending_facility="AZSG", receiving_facility="MDO")
        return make_patient(cast.organiser, national_number=NUMBER, family_name="Claes", birth_date=date(1965, 4, 12))

    def name(patient: Patient) -> tuple[str, int]:
        with house():
            return Patient.objects.values_list("family_name", "version").get(pk=patient.pk)

    patient = await database_sync_to_async(prepare)()
    renamed = message(f"PID|1||{NUMBER}^^^^NN||Claeys^Sofie||19650412|F")
    async with served(receiving.answer_in_thread, Limits()) as line:
        lines = [await line() for _ in range(4)]
        for here in lines:  # the same message on four lines at once is applied once
            await here.send(framed(renamed))
        assert {(await here.told()).split(b"\r")[1] for here in lines} == {b"MSA|AA|1"}
        here = lines[0]
        for junk, code in ((b"no HL7 at all", b"MSA|AR|"), (renamed.replace(b"Sofie", b"So\0fie"), b"MSA|AE|1")):
            await here.send(framed(junk))
            assert (await here.told()).split(b"\r")[1] == code
    assert await database_sync_to_async(name)(patient) == ("Claeys", 2)


def test_the_command_listens_until_it_is_told_to_end() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        settings = {name: value for name, value in os.environ.items() if name not in names()}
        settings |= {**placeholders(), "MDO_HL7_PORT": port}
        command = [sys.executable, "-m", "mdo", "hl7"]
        refused = subprocess.run(command, env=settings, cwd=BASE_DIR, capture_output=True, timeout=60, check=False)
        assert (refused.returncode, b"cannot be used" in refused.stderr) == (1, True)
    with subprocess.Popen(command, env=settings, cwd=BASE_DIR, stderr=subprocess.PIPE) as running:
        assert running.stderr is not None
        assert any(b"listening on port " + port.encode() in line for line in running.stderr)
        with socket.create_connection(("127.0.0.1", int(port)), 20) as here:
            here.sendall(framed(b"MSH|nonsense"))
            assert b"MSA|AR|" in here.recv(1000)
        running.send_signal(signal.SIGTERM)
        running.stderr.read()
        assert running.wait(20) == 0
