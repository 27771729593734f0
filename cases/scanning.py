"""Files that somebody hands in, shown to the hospital's virus scanner (ClamAV's `clamd`) before they are kept, where there is one."""

from __future__ import annotations

import io
import logging
import socket
from time import monotonic
from typing import Any

from clamav_client.clamd import ClamdError, ClamdNetworkSocket
from django.conf import settings
from django.utils.translation import gettext as _

from mdo.kernel.errors import Invalid, Unavailable

log = logging.getLogger(__name__)

ANSWERS_WITHIN_S = 20
"""Of connecting, showing a file and waiting for what was found, together; longer than ClamAV takes for the largest file that is taken."""
PONG_WITHIN_S = 2


def refuse_infected(content: bytes, field: str = "file") -> None:
    """Return when the scanner finds nothing, or when there is none (MDO_CLAMAV is empty).

    Raises ``Invalid`` (``field``) with the name of what was found, and ``Unavailable`` when the scanner does not answer: what nobody looked
    at is not kept.
    """
    scanner = _scanner(ANSWERS_WITHIN_S)
    if scanner is None:
        return
    try:
        state, what = scanner.instream(io.BytesIO(content))["stream"]
    except (ClamdError, OSError, KeyError, ValueError) as error:
        log.error("the virus scanner does not answer (%s)", type(error.__cause__ or error).__name__)
        raise Unavailable(
            _("The virus scanner does not answer. Nothing was kept: try again later."), field=field
        ) from error
    if state == "FOUND":
        raise Invalid({field: [_("A virus was found in this file (%(name)s). It was not kept.") % {"name": what}]})
    if state != "OK":
        log.error("the virus scanner does not answer (%s)", state)
        raise Unavailable(_("The virus scanner does not answer. Nothing was kept: try again later."), field=field)


def answers() -> bool | None:
    """Whether the scanner is there; ``None`` where there is none to be."""
    scanner = _scanner(PONG_WITHIN_S)
    try:
        return None if scanner is None else scanner.ping().strip() == "PONG"
    except (ClamdError, OSError, ValueError):
        return False


def _scanner(within_s: float) -> _Scanner | None:
    place: str | tuple[str, int] | None = settings.MDO_CLAMAV
    return None if place is None else _Scanner(place, within_s)


class _Scanner(ClamdNetworkSocket):
    """The client, on a line of our own: its own limits each silence, not all of them together, and connecting to a path not at all."""

    def __init__(self, place: str | tuple[str, int], within_s: float) -> None:
        self.place, self.within_s = place, within_s

    def _init_socket(self) -> None:
        line = _Line(socket.AF_UNIX if isinstance(self.place, str) else socket.AF_INET, socket.SOCK_STREAM)
        line.until = monotonic() + self.within_s
        self.clamd_socket = line
        try:
            line.connect(self.place)
        except OSError:
            line.close()
            raise


class _Line(socket.socket):
    """A connection with one moment (``until``, monotonic) by which everything on it is done. Each call raises ``TimeoutError`` then."""

    until = 0.0

    def _bound(self) -> None:
        left = self.until - monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)

    def connect(self, address: Any, /) -> None:
        self._bound()
        super().connect(address)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        self._bound()
        super().sendall(data, flags)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        self._bound()
        return super().recv_into(buffer, nbytes, flags)
