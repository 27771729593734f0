"""How long from the chair's key to the other browser's paint, and what thirty people who come in cost a page that is open.

Run with ``make bench-browser``: two real pages in Chromium before a real server process, on loopback. Writes
``var/bench-browser.json``; asserts nothing about time. The control is the same measure with nothing pressed: no paint.
"""

import asyncio
import gzip
import re
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from playwright.sync_api import Page, expect
from websockets.asyncio.client import connect

from mdo.directory.models import BoardRole, Person
from mdo.environment import BASE_DIR
from mdo.kernel.clock import now
from meetings.models import Meeting
from meetings.room.protocol import SUBPROTOCOL
from tests.bench.rig import origin, percentile, write
from tests.cast import Cast, Member, seat
from tests.factories import make_item, make_meeting, make_topic, writing
from tests.journeys.pages import RoomPage
from tests.journeys.visitors import Visitors
from tests.room_client import sign_in

KEYS = 40
JOINERS = 30

# Before the page's own listener, which takes the keys that it knows.
_KEYS = """
window.pressedAt = [];
addEventListener('keydown', (event) => window.pressedAt.push(performance.timeOrigin + event.timeStamp), true);
"""

# What the eye sees is there one task after the frame in which the page drew it.
_WATCH = """() => {
    window.paintedAt = []; window.longTasks = [];
    new MutationObserver((changes) => {
        if (!changes.some((each) => each.attributeName === 'aria-current' && each.target.getAttribute('aria-current'))) return;
        requestAnimationFrame(() => {
            const channel = new MessageChannel();
            channel.port1.onmessage = () => window.paintedAt.push(performance.timeOrigin + performance.now());
            channel.port2.postMessage(null);
        });
    }).observe(document.querySelector('#room'), { subtree: true, attributes: true, attributeFilter: ['aria-current'] });
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.longTasks.push(entry.duration);
    }).observe({ type: 'longtask', buffered: false });
}"""


def watch(page: Page) -> None:
    page.evaluate(_WATCH)


def key_to_paint(chair: RoomPage, other: RoomPage, meeting: Meeting) -> list[float]:
    times = []
    for number in range(1, KEYS + 1):
        other.page.evaluate("() => { window.paintedAt = []; }")
        chair.page.evaluate("() => { window.pressedAt = []; }")
        chair.next()
        other.on_table(number)
        other.page.wait_for_function("() => window.paintedAt.length > 0")
        pressed = chair.page.evaluate("() => window.pressedAt[0]")
        painted = other.page.evaluate("() => window.paintedAt[0]")
        times.append(painted - pressed)
        # The next key comes when both pages lie still: nobody goes on within half a second.
        for room in (chair, other):
            room.page.evaluate("() => new Promise((done) => setTimeout(done, 400))")
    return times


def make_joiners(cast: Cast) -> list[Member]:
    members = []
    with writing():
        for number in range(JOINERS):
            person = Person.objects.create(
                username=f"joiner{number}",
                email=f"joiner{number}@example.org",
                last_name=f"Lid {number}",
                discipline="surgery",
            )
            seat(person, cast.board, cast.organiser, BoardRole.Role.MEMBER, valid_from=now())
            members.append(Member(person, cast.organiser))
    return members


async def come_in(
    site: str, meeting: Meeting, sessions: list[str], stay: threading.Event, there: threading.Event
) -> None:
    address = f"{site.replace('http', 'ws')}/ws/meetings/{meeting.pk}/"

    async def one(session: str) -> None:
        headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"}
        async with connect(address, subprotocols=[SUBPROTOCOL], origin=site, additional_headers=headers) as socket:  # type: ignore[arg-type, list-item]
            await socket.recv()
            arrived.append(session)
            while not stay.is_set():
                try:
                    await asyncio.wait_for(socket.recv(), 0.2)
                except TimeoutError:
                    continue

    arrived: list[str] = []
    tasks = [asyncio.create_task(one(session)) for session in sessions]
    while len(arrived) < len(sessions):  # noqa: ASYNC110  (a bench, not a test)
        await asyncio.sleep(0.05)
    there.set()
    await asyncio.gather(*tasks)


def bundle() -> dict[str, float]:
    """The room's script as the page loads it, in kB gzipped: the entry and what it imports at once, without viewers."""
    import json

    dist = BASE_DIR / "frontend" / "dist"
    manifest: dict[str, Any] = json.loads((dist / "manifest.json").read_text())
    sizes: dict[str, float] = {}

    def add(key: str) -> None:
        entry = manifest[key]
        name = Path(entry["file"]).name
        if name not in sizes:
            sizes[name] = round(len(gzip.compress((dist / entry["file"]).read_bytes(), 9)) / 1000, 1)
            for each in entry.get("imports", ()):
                add(each)
            for each in entry.get("dynamicImports", ()):
                if not re.search(r"[Vv]iewer|pdf", each):
                    add(each)

    add("src/room/main.ts")
    return sizes


def test_browser(site: str, cast: Cast, browser: Any) -> None:
    visitors = Visitors(browser, site)
    meeting = make_meeting(cast.board)
    for number in range(KEYS + 2):
        make_item(meeting, topic=make_topic(cast.board, title=f"Onderwerp {number}"))
    leader = visitors.bring("chair", cast.chair)
    leader.page.add_init_script(_KEYS)
    chair = RoomPage(leader, meeting.pk).enter()
    other = RoomPage(visitors.bring("radiologist", cast.radiologist), meeting.pk).enter()
    chair.start()
    watch(chair.page)
    watch(other.page)
    other.page.evaluate("() => new Promise((done) => setTimeout(done, 1000))")
    assert other.page.evaluate("() => window.paintedAt.length") == 0  # the control: nobody pressed anything
    times = key_to_paint(chair, other, meeting)

    sessions = [sign_in(each) for each in make_joiners(cast)]
    stay, there = threading.Event(), threading.Event()
    other.page.evaluate("() => { window.longTasks = []; }")
    thread = threading.Thread(target=lambda: asyncio.run(come_in(site, meeting, sessions, stay, there)), daemon=True)
    thread.start()
    there.wait(60)
    expect(other.people.locator("li:not(.absent) .person-name")).to_have_count(JOINERS + 2)
    long = other.page.evaluate("() => window.longTasks")
    stay.set()
    thread.join(10)
    visitors.leave()

    sizes = bundle()
    result = {
        **origin(),
        "key_to_paint_ms": {
            "n": len(times),
            "p50": percentile(times, 0.5),
            "p95": percentile(times, 0.95),
            "max": max(times),
        },
        "thirty_join": {"tasks_over_50_ms": [round(each) for each in sorted(long)], "longest_ms": max(long, default=0)},
        "room_script_gzipped_kb": {"all": round(sum(sizes.values()), 1), **sizes},
    }
    print(write("bench-browser", result).read_text())
