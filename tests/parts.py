"""The parts of the product as a test meets them: a mail server, a worker, the whole site, a browser."""

from __future__ import annotations

import asyncio
import mailbox
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from mdo.cli import static
from mdo.cli.mail import listen
from mdo.cli.process import Child, Program, tail


def until(condition: Callable[[], Any], what: str, within_s: float = 120, log: Path | None = None) -> Any:
    """The first true value of `condition`; fails with `what` after `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {within_s:.0f} s\n{tail(log, 40) if log else ''}")
        Event().wait(0.05)


def child_environment() -> dict[str, str]:
    """The settings of this test process for another one: the test database, no owner."""
    from django.conf import settings

    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_OWNER_URL"}
    url = urlsplit(environment["DATABASE_URL"])
    environment["DATABASE_URL"] = url._replace(path="/" + settings.DATABASES["default"]["NAME"]).geturl()
    return environment


def run_part(name: str, *arguments: str, **more: str) -> Child:
    """Start `mdo ARGUMENTS` as a process on the test database, with more settings than this process has."""
    from django.conf import settings

    folder = settings.MDO_VAR / "parts"
    folder.mkdir(exist_ok=True)
    environment = child_environment() | more
    program = Program(name, [sys.executable, "-m", "mdo", *arguments], environment, folder / f"{name}.log")
    return Child.start(program, folder)


# --- mail -------------------------------------------------------------------------------------------------------------------------


@dataclass
class MailServer:
    """A real SMTP server; what it took is read out of its Maildir (the same that /mailbox/ shows)."""

    folder: Path
    port: int
    _thread: Thread | None = field(default=None, repr=False)

    @property
    def messages(self) -> list[EmailMessage]:
        """Everything taken since the test began, in the order of arrival."""
        box = mailbox.Maildir(self.folder, factory=None, create=True)
        found = []
        for key in sorted(box.keys(), key=lambda key: os.stat(self.folder / box._lookup(key)).st_mtime_ns):  # type: ignore[attr-defined]
            message = BytesParser(policy=policy.default).parsebytes(box.get_bytes(key))
            assert isinstance(message, EmailMessage)
            found.append(message)
        return found

    def to(self, address: str) -> list[EmailMessage]:
        """What was sent to this address."""
        return [message for message in self.messages if address.lower() in str(message["To"]).lower()]

    def wait_for(self, number: int, within_s: float = 120) -> list[EmailMessage]:
        """Until at least `number` messages have arrived."""
        until(lambda: len(self.messages) >= number, f"{number} mails", within_s)
        return self.messages

    def clear(self) -> None:
        mailbox.Maildir(self.folder, factory=None, create=True).clear()

    def start(self) -> None:
        """Listen (again) on the same port."""
        # All of it in its own thread: Playwright keeps a loop running in this one.
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(listen(self.port, self.folder), self._loop).result(10)

    def stop(self) -> None:
        """Stop listening: from now on sending fails."""
        if self._thread is None:
            return

        async def close() -> None:
            self._server.close()
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()

        asyncio.run_coroutine_threadsafe(close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        self._thread = None


@pytest.fixture
def smtp(settings: Any) -> Iterator[MailServer]:
    """A real SMTP server where EMAIL_URL points, for this process, workers and site alike."""
    # Django's and pytest's own replacement would keep mail in memory.
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    server = MailServer(settings.MDO_MAILBOX, settings.EMAIL_PORT)
    server.start()
    yield server
    server.stop()
    server.clear()


# --- processes --------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def worker(committed: None) -> Iterator[Child]:
    """A real Celery worker with its clock, on the test database; ready to work."""
    from mdo import health

    with health.client() as redis:
        redis.delete(health.heartbeat_key())
        child = run_part("worker", "worker", "--beat")
        try:
            until(lambda: redis.get(health.heartbeat_key()), "the worker's heartbeat", log=child.program.log)
            yield child
        finally:
            child.stop()
            keys = list(redis.scan_iter(f"{os.environ['MDO_REDIS_PREFIX']}.celery.*"))
            if keys:
                redis.delete(*keys)


@pytest.fixture(scope="session")
def site_process(django_db_setup: None) -> Iterator[Child]:
    """A real web server process on the test database, one for the whole run."""
    static.collect()
    child = run_part("web", "web")
    try:
        until(lambda: answers(site_url() + "/healthz"), "the site", log=child.program.log)
        yield child
    finally:
        child.stop()


@pytest.fixture
def site(site_process: Child, committed: None) -> str:
    """The base URL of the running site, such as `http://127.0.0.1:40123`; what the test commits, it serves."""
    return site_url()


def site_url() -> str:
    return f"http://127.0.0.1:{os.environ['MDO_PORT']}"


def answers(url: str) -> bool:
    """Does this URL answer with 200?"""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


# --- browser ----------------------------------------------------------------------------------------------------------------------

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str:
    """The path of an installed Chromium; fails the test, never skips it."""
    for name in CHROMIUM:
        path = shutil.which(name)
        if path:
            return path
    pytest.fail("Chromium is not installed: install the package 'chromium' (apt-get install chromium).")


FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # A camera and a microphone of its own, for whoever is allowed them.
    "--use-fake-device-for-media-stream",
    # Pages on loopback reach each other, and a relay there, as pages elsewhere do.
    "--allow-loopback-in-peer-connection",
)
NEVER_ASKS = "--use-fake-ui-for-media-stream"
"""Camera, microphone and screen for everybody, whatever was granted: a screen can be shared by no other way in a browser without one."""


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Playwright's Browser on a real Chromium. One for each module: its loop must not be running when async tests come.

    A module that needs more flags names them: ``BROWSER_FLAGS = [NEVER_ASKS]``.
    """
    from playwright.sync_api import sync_playwright

    more = getattr(request.module, "BROWSER_FLAGS", [])
    # Playwright's synchronous interface runs a loop in this thread, which Django would take for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    try:
        with sync_playwright() as playwright:
            started = playwright.chromium.launch(executable_path=chromium(), args=[*FLAGS, *more])
            yield started
            started.close()
    finally:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
