"""What stands before the web processes, as small as it can be: a line that comes goes to one of those that are in; lines that are there stay."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from itertools import count


class Front:
    """Listens on one port of loopback; `targets` are the ports that new lines go to, in turn."""

    def __init__(self) -> None:
        self.targets: list[int] = []
        self.lines: Counter[int] = Counter()
        self.refused = 0
        self._turn = count()
        self._server: asyncio.Server | None = None

    async def open(self, port: int) -> None:
        self._server = await asyncio.start_server(self._line, "127.0.0.1", port)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            target, there = await self._reach()
            self.lines[target] += 1
            try:
                await asyncio.gather(_pour(reader, there[1]), _pour(there[0], writer))
            finally:
                self.lines[target] -= 1
        writer.close()

    async def _reach(self) -> tuple[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        for _ in range(len(self.targets)):
            target = self.targets[next(self._turn) % len(self.targets)]
            with contextlib.suppress(OSError):
                return target, await asyncio.open_connection("127.0.0.1", target)
        self.refused += 1
        raise OSError("nobody answers")


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
