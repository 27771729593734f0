"""People at plain pages with the way of the room's own script, and tickets of the site's own making."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.db import connections
from playwright.sync_api import Browser, BrowserContext, Page, Route

from mdo.environment import BASE_DIR
from mdo.kernel.clock import now
from meetings.models import CallRoom, Meeting
from meetings.room import media
from tests.journeys import calling
from tests.parts import until

T = TypeVar("T")
PAGE = BASE_DIR / "var" / "livekit" / "page"
ORIGIN = "http://localhost:9"  # nothing listens there: the page is handed out by the test


def apart(ask: Callable[[], T]) -> T:
    """In a thread without a loop, as the room does it: Playwright keeps one running in this one."""

    def run() -> T:
        try:
            return ask()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(60)


@dataclass
class Seat:
    """One browser context with the page."""

    name: str
    context: BrowserContext
    page: Page
    peer: UUID = field(default_factory=uuid4)
    said: list[str] = field(default_factory=list)

    def ticket(self, meeting: Meeting, epoch: int = 0, **more: Any) -> dict[str, Any]:
        """As the room gives it; ``more`` may change what is asked for, or the ticket's own ``urls`` and ``key``."""
        changed = {name: more.pop(name) for name in ("urls", "key") if name in more}
        asked = {"guest": False, "speak": True, "encrypted": False, **more}

        def give() -> dict[str, Any]:
            CallRoom.objects.get_or_create(meeting=meeting, epoch=epoch)
            ask = media.Ask(meeting_id=meeting.pk, epoch=epoch, peer=self.peer, name=self.name, at=now(), **asked)
            return {"id": str(uuid4()), **media.ticket("livekit", ask)}

        return {**apart(give), **changed}

    def open(self, *, camera: bool = True, mic: bool = True) -> None:
        self.page.evaluate("([camera, mic]) => call.open(camera, mic)", [camera, mic])

    def join(self, ticket: dict[str, Any], *others: Seat, peers: int | None = None) -> None:
        ids = [str(other.peer) for other in others]
        self.page.evaluate(
            "([ticket, others, peers]) => call.join(ticket, others, peers)", [ticket, ids, peers or len(ids) + 1]
        )

    def renew(self, ticket: dict[str, Any]) -> None:
        self.page.evaluate("ticket => call.way.renew(ticket)", ticket)

    def begin_to_renew(self, ticket: dict[str, Any]) -> None:
        """Without waiting for its end: several at once."""
        self.page.evaluate("ticket => { call.renewing = call.way.renew(ticket); }", ticket)

    @property
    def downs(self) -> list[str]:
        return list(self.page.evaluate("call.downs"))

    def link(self, other: Seat) -> str:
        return str(self.page.evaluate("peer => call.links.get(peer) ?? ''", str(other.peer)))

    def counts(self) -> calling.Counts:
        return calling.counts(self)  # type: ignore[arg-type]

    def hears(self, within_s: float = 20) -> None:
        calling.hears(self, within_s)  # type: ignore[arg-type]

    def sees(self, within_s: float = 20) -> None:
        calling.sees(self, within_s)  # type: ignore[arg-type]


class Seats:
    """Brings people to pages, and lets them go."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.all: list[Seat] = []

    def bring(self, name: str) -> Seat:
        context = self.browser.new_context(permissions=["camera", "microphone"])
        context.route(f"{ORIGIN}/**", _hand_out)
        seat = Seat(name, context, context.new_page())
        calling.watch(seat)  # type: ignore[arg-type]
        seat.page.on("console", lambda message: seat.said.append(message.text))
        seat.page.on("pageerror", lambda error: seat.said.append(f"script error: {error}"))
        seat.page.goto(f"{ORIGIN}/index.html")
        until(lambda: seat.page.title() == "ready", f"the page of {name}")
        self.all.append(seat)
        return seat

    def together(self, meeting: Meeting, number: int, *, camera: bool = True, **more: Any) -> list[Seat]:
        """So many in one call."""
        seats = [self.bring(f"p{each}") for each in range(number)]
        for seat in seats:
            seat.open(camera=camera)
        for seat in seats:
            seat.join(seat.ticket(meeting, **more), *(other for other in seats if other is not seat))
        return seats

    def leave(self) -> None:
        for seat in self.all:
            seat.context.close()


def _hand_out(route: Route) -> None:
    file = PAGE / route.request.url.removeprefix(f"{ORIGIN}/")
    kind = mimetypes.guess_type(file.name)[0] or "text/html"
    # The policy of the room's own page, as far as it bears upon a call.
    policy = "script-src 'self'; worker-src 'self'; connect-src 'self' http://127.0.0.1:* ws://127.0.0.1:*"
    route.fulfill(body=file.read_bytes(), headers={"Content-Type": kind, "Content-Security-Policy": policy})
