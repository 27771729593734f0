"""The SMTP sink of the demonstration: takes every mail on loopback into a Maildir, which the site shows at /mailbox/."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP

MAX_BYTES = 32 * 1024 * 1024


async def listen(port: int, folder: Path) -> asyncio.Server:
    """Take mail on 127.0.0.1:`port` into the Maildir `folder`; raises OSError when the port is taken."""
    handler = Mailbox(str(folder))
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: SMTP(handler, data_size_limit=MAX_BYTES, enable_SMTPUTF8=True, hostname="mdo", ident="MDO mailbox"),
        "127.0.0.1",
        port,
    )


async def _serve(port: int, folder: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = await listen(port, folder)
    await stop.wait()
    server.close()


def serve(port: int, folder: Path) -> int:
    """Take mail until SIGTERM."""
    try:
        asyncio.run(_serve(port, folder))
    except OSError as error:
        print(f"mdo: the mailbox cannot listen on port {port}: {error.strerror}.", file=sys.stderr)
        return 1
    return 0
