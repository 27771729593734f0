"""HL7 over MLLP: a message stands between VT (0x0B) and FS CR (0x1C 0x0D), and so does its acknowledgement. TCP, without a sign-in of
its own: it listens on loopback unless told otherwise, behind a tunnel or the hospital's own network.

Source: HL7 v2.5.1, appendix C (minimal lower layer protocol). What holds here beside it:

* a line carries as many messages as it likes, one after the other, each answered before the next is read;
* a frame that begins inside another one replaces it (the sender gave the first up); bytes between frames are passed over, but for a
  sender who sends nothing else;
* a message above ``largest`` is answered with AR and passed over without being kept;
* half a frame, an answer that nobody takes, and a line that says nothing end after their time; the others do not wait for them.
"""

import asyncio
import logging
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

log = logging.getLogger(__name__)

VT, FS, CR = b"\x0b", b"\x1c", b"\x0d"
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Limits:
    """What one line and all of them may cost. Bytes and seconds."""

    largest: int = 2 * 1024 * 1024
    noise: int = 64 * 1024
    lines: int = 64
    threads: int = 4
    idle_s: float = 3600.0
    message_s: float = 30.0
    answer_s: float = 15.0


class Gone(Exception):
    """The line is over: its end was reached, or it broke the rules."""


class Frames:
    """The messages of one line, one at a time."""

    def __init__(self, reader: asyncio.StreamReader, limits: Limits) -> None:
        self.reader, self.limits = reader, limits
        self.buffer = bytearray()

    async def _more(self, within_s: float) -> None:
        chunk = await asyncio.wait_for(self.reader.read(_CHUNK), within_s)
        if not chunk:
            raise Gone("closed")
        self.buffer += chunk

    async def message(self) -> tuple[bytes, bool]:
        """The next message, and whether it is whole: of one that was too long, its beginning. Raises ``Gone`` and ``TimeoutError``."""
        await self._begin()
        whole = True
        kept = b""
        deadline = asyncio.get_running_loop().time() + self.limits.message_s
        seen = 0  # up to here there is no end
        while True:
            end = self.buffer.find(FS, seen)
            if end >= 0 and len(self.buffer) > end + 1:
                found = bytes(self.buffer[:end])
                if self.buffer[end + 1 : end + 2] != CR:  # an FS that ends nothing belongs to no message
                    raise Gone("a frame without its end")
                del self.buffer[: end + 2]
                found = found.rpartition(VT)[2]
                return (found, True) if whole and len(found) <= self.limits.largest else (kept or found[:_CHUNK], False)
            seen = end if end >= 0 else len(self.buffer)
            if len(self.buffer) > self.limits.largest:
                kept, whole = kept or bytes(self.buffer[:_CHUNK]), False
                del self.buffer[: len(self.buffer) - 2]  # the end may have begun
                seen = 0
            await self._more(max(0.0, deadline - asyncio.get_running_loop().time()))

    async def _begin(self) -> None:
        """Pass over what stands before the next frame."""
        passed = 0
        while True:
            start = self.buffer.find(VT)
            if start >= 0:
                del self.buffer[: start + 1]
                return
            passed += len(self.buffer)
            if passed > self.limits.noise:
                raise Gone("nothing but noise")
            self.buffer.clear()
            await self._more(self.limits.idle_s)


class Server:
    """Listens, and gives each message to ``answer`` in a thread. ``refuse`` answers what was too long, from its beginning."""

    def __init__(
        self, answer: Callable[[bytes], bytes], refuse: Callable[[bytes], bytes], limits: Limits | None = None
    ) -> None:
        self.answer, self.refuse, self.limits = answer, refuse, limits or Limits()
        self.open: set[asyncio.Task[None]] = set()
        self.pool = ThreadPoolExecutor(self.limits.threads, thread_name_prefix="mllp")

    async def listen(self, host: str, port: int) -> int:
        """Begin; the port that was given (for 0, one that was free). Raises ``OSError`` when it is taken."""
        self.server = await asyncio.start_server(self._line, host, port, limit=_CHUNK)
        return int(self.server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Take no more lines; what is being applied is applied to its end."""
        self.server.close()
        for task in tuple(self.open):
            task.cancel()
        await asyncio.gather(*self.open, return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(None, self.pool.shutdown)

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self.open) >= self.limits.lines:
            log.warning("hl7: a line was refused, %s are open", len(self.open))
            writer.transport.abort()
            return
        self.open.add(task)
        frames = Frames(reader, self.limits)
        why = "closed"
        try:
            while True:
                raw, whole = await frames.message()
                loop = asyncio.get_running_loop()
                answer = await loop.run_in_executor(self.pool, self.answer if whole else self.refuse, raw)
                writer.write(VT + answer + FS + CR)
                await asyncio.wait_for(writer.drain(), self.limits.answer_s)
        except Gone as gone:
            why = str(gone)
        except TimeoutError:
            why = "out of time"
        except (ConnectionError, asyncio.CancelledError):
            why = "cut"
        finally:
            self.open.discard(task)
            if why != "closed":
                log.info("hl7: a line ended: %s", why)
            writer.transport.abort() if why == "out of time" else writer.close()


def serve(answer: Callable[[bytes], bytes], refuse: Callable[[bytes], bytes], host: str, port: int) -> int:
    """Listen until SIGTERM or SIGINT; an exit code, 1 when the port is taken."""
    return asyncio.run(_serve(Server(answer, refuse), host, port))


async def _serve(server: Server, host: str, port: int) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        await server.listen(host, port)
    except OSError as error:
        log.error("hl7: port %s of %s cannot be used: %s", port, host, error.strerror)
        return 1
    log.info("hl7: listening on port %s of %s", port, host)
    await stop.wait()
    await server.close()
    return 0
