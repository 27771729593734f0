"""How long pages take, and how many queries they ask: a board with 60 cases on one agenda. Run with ``make bench``.

Pages are asked of a real server process over HTTP by one client, after a warm-up; the floor is ``/healthz`` in the same run.
Query counts come from the same pages in this process. Writes ``var/bench-pages.json``; asserts nothing about time.
"""

import json
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mdo.environment import BASE_DIR
from mdo.kernel.acting import System, acting
from meetings.room import audience, snapshot, work
from tests.cast import Cast
from tests.factories import make_decision, make_item, make_meeting, make_referral
from tests.room_client import sign_in

ITEMS, ROUNDS = 60, 40


def p95(values: list[float]) -> float:
    return round(sorted(values)[int(len(values) * 0.95) - 1], 1)


def timed(function: Callable[[], object]) -> list[float]:
    for _ in range(3):
        function()
    times = []
    for _ in range(ROUNDS):
        began = perf_counter()
        function()
        times.append((perf_counter() - began) * 1000)
    return times


def test_pages(site: str, cast: Cast) -> None:
    meeting = make_meeting(cast.board)
    homes = [(cast.organiser, cast.requester.person), (cast.partner_hospital, cast.partner.person)]
    for number in range(ITEMS):
        hospital, requester = homes[number % 2]
        item = make_item(meeting, make_referral(cast.board, hospital, requester, status="scheduled"))
        if number < 30:
            make_decision(item)
        make_referral(cast.board, hospital, requester, status="submitted")
    session = sign_in(cast.secretary)

    def fetch(path: str) -> Callable[[], object]:
        request = urllib.request.Request(site + path, headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"})
        return lambda: urllib.request.urlopen(request, timeout=30).read()

    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = session
    pages: list[dict[str, Any]] = []
    floor = p95(timed(fetch("/healthz")))
    addresses = {
        "today": reverse("today"),
        "cases": reverse("cases:list"),
        "board with 60 submissions": reverse("meetings:board", args=[cast.board.pk]),
        "agenda of 60 items": reverse("meetings:agenda", args=[meeting.pk]),
        "decisions": reverse("meetings:search"),
        "room page": reverse("meetings:room", args=[meeting.pk]),
        "stage of a case": reverse("meetings:stage", args=[meeting.pk, item.pk]),
    }
    for name, path in addresses.items():
        times = timed(fetch(path))
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200, name
        pages.append(
            {
                "name": name,
                "p50_ms": round(median(times), 1),
                "p95_ms": p95(times),
                "queries": len(queries),
                "floor_p95_ms": floor,
            }
        )

    place = audience.find(cast.chair.pk, meeting.pk, cast.chair.organisation_id)
    assert place is not None
    with CaptureQueriesContext(connection) as queries:
        work.start(meeting.pk, place.audience, None)
    times = timed(lambda: work.start(meeting.pk, place.audience, None))
    with acting(System("bench"), None, "bench"):
        size = len(json.dumps(snapshot.draw_room(snapshot.load(meeting.pk), place.audience)))
    room = {
        "items": ITEMS,
        "snapshot_p50_ms": round(median(times), 1),
        "snapshot_p95_ms": p95(times),
        "queries": len(queries),
        "bytes": size,
    }
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=BASE_DIR, capture_output=True, text=True, check=False)
    target = Path(BASE_DIR) / "var" / "bench-pages.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({"commit": head.stdout.strip(), "pages": pages, "room": room}, indent=2) + "\n")
    for page in pages:
        print(page)
    print(room)
