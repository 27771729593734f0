"""A person at a browser, watched: whatever the browser complains about on the way fails the journey at its end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Download,
    Page,
    Request,
    Response,
    WebSocket,
    expect,
)
from playwright.sync_api import Error as PlaywrightError

from mdo.directory.models import Person
from mdo.kernel.clock import now
from tests.cast import Member
from tests.room_client import sign_in

ARTIFACTS = Path(__file__).parents[1] / "artifacts"
LAPTOP = {"width": 1366, "height": 900}
SERIOUS = {"serious", "critical"}
# What the browser itself says while its network is cut, and nothing else.
_CUT = re.compile(r"net::ERR_INTERNET_DISCONNECTED")

expect.set_options(timeout=15_000)


@dataclass
class Visitor:
    """One person in a browser context of their own, reading English."""

    name: str
    member: Member
    context: BrowserContext
    page: Page
    site: str
    faults: list[str] = field(default_factory=list)
    expected: list[re.Pattern[str]] = field(default_factory=list)
    line: list[str] = field(default_factory=list)  # what went over the sockets, to read after a failure
    _axed: set[str] = field(default_factory=set)

    # --- what is watched ---------------------------------------------------------------------------------------------------

    def _watch(self, page: Page) -> None:
        page.set_default_timeout(15_000)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self._fault(f"script error: {error}"))
        page.on("websocket", self._listen)

    def _listen(self, socket: WebSocket) -> None:
        self._note(f"opens {socket.url}")
        socket.on("framesent", lambda frame: self._note(f"> {frame!s:.200}"))
        socket.on("framereceived", lambda frame: self._note(f"< {frame!s:.200}"))
        socket.on("close", lambda _socket: self._note("closed"))
        socket.on("socketerror", lambda error: self._note(f"failed: {error}"))

    def _note(self, words: str) -> None:
        self.line.append(f"{now():%H:%M:%S.%f} {words}")

    def _fault(self, words: str) -> None:
        if not any(pattern.search(words) for pattern in self.expected):
            self.faults.append(f"{self.name} at {urlsplit(self.page.url).path}: {words}")

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            self._fault(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and f"{parts.scheme}://{parts.netloc}" != self.site:
            self._fault(f"request to another host: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self._fault(f"{response.status} of {response.request.method} {response.url}")

    @contextmanager
    def expecting(self, *patterns: str) -> Iterator[None]:
        """Complaints that match are meant, as long as this lasts: a page that must not be found, a network that was cut."""
        before = list(self.expected)
        self.expected += [re.compile(pattern) for pattern in patterns]
        try:
            yield
        finally:
            self.expected = before

    # --- what one does -----------------------------------------------------------------------------------------------------

    def go(self, path: str) -> Page:
        """Open an address of the site; it answers with 200."""
        answer = self.page.goto(self.site + path)
        assert answer is not None
        assert answer.status == 200, f"{self.name}: {answer.status} for {path}"
        return self.page

    def status(self, path: str) -> int:
        """What this address answers to this person."""
        return self.context.request.get(self.site + path, max_redirects=0).status

    def bytes_of(self, path: str) -> bytes:
        """A file that this person is given."""
        answer = self.context.request.get(self.site + path)
        assert answer.status == 200, f"{self.name}: {answer.status} for {path}"
        return answer.body()

    @contextmanager
    def network_cut(self) -> Iterator[None]:
        """No network at all: requests fail and the open socket dies. What failed in a cut may be told a moment after it."""
        self.expected.append(_CUT)
        self.context.set_offline(True)
        try:
            yield
        finally:
            self.context.set_offline(False)

    def look(self, name: str) -> None:
        """The page as it stands has no serious fault of accessibility, light and dark. Each name is looked at once."""
        if name in self._axed:
            return
        self._axed.add(name)
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            self.page.evaluate("document.getAnimations().forEach((animation) => animation.finish())")
            # What else but colours could be another in the dark?
            rules = {} if scheme == "light" else {"runOnly": ["color-contrast"]}
            found = Axe().run(self.page, options={"resultTypes": ["violations"], **rules}).response["violations"]
            for fault in found:
                if fault["impact"] in SERIOUS:
                    where = "; ".join(
                        f"{' '.join(map(str, node['target']))}: {node['failureSummary']}" for node in fault["nodes"][:4]
                    )
                    self.faults.append(f"{self.name}, {name}, {scheme}: {fault['impact']} {fault['id']}: {where}")
        self.page.emulate_media(color_scheme="light", reduced_motion="reduce")

    def downloaded(self, download: Download) -> bytes:
        return Path(download.path()).read_bytes()

    def keep_screenshot(self, test: str) -> None:
        ARTIFACTS.mkdir(exist_ok=True)
        test = re.sub(r"\W+", "-", test)
        (ARTIFACTS / f"{test}-{self.name}.log").write_text("\n".join(self.line), encoding="utf-8")
        with suppress(PlaywrightError):  # a browser that answers no more must not hide what went wrong before
            self.page.screenshot(path=ARTIFACTS / f"{test}-{self.name}.png", timeout=5_000)


class Visitors:
    """Brings people of the cast to their browsers."""

    def __init__(self, browser: Browser, site: str) -> None:
        self.browser = browser
        self.site = site
        self.all: list[Visitor] = []

    def bring(self, name: str, member: Member, *, signed_in: bool = True, **options: Any) -> Visitor:
        """This person before an empty page, signed in unless they are to do it themselves."""
        Person.objects.filter(pk=member.pk).update(language="en")
        options.setdefault("viewport", LAPTOP)
        context = self.browser.new_context(
            locale="en-GB", timezone_id="Europe/Brussels", reduced_motion="reduce", color_scheme="light", **options
        )
        visitor = Visitor(name, member, context, context.new_page(), self.site)
        context.on("page", visitor._watch)
        context.on("request", visitor._asked)
        context.on("response", visitor._answered)
        visitor._watch(visitor.page)
        if signed_in:
            cookie = {"name": settings.SESSION_COOKIE_NAME, "value": sign_in(member), "url": self.site}
            context.add_cookies([cookie])  # type: ignore[list-item]
        self.all.append(visitor)
        return visitor

    @property
    def faults(self) -> list[str]:
        return [fault for visitor in self.all for fault in visitor.faults]

    def leave(self) -> None:
        for visitor in self.all:
            visitor.context.close()
