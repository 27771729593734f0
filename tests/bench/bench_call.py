"""What a call from browser to browser costs: each one's line, the browsers' and the server's processors, for two to six people.

Run with ``make bench-call``: real pages in Chromium, pictures of 320×180 at ten a second, one real server process, loopback. Writes
``var/bench-call.json``; asserts nothing about time. By way of a media server the same is measured by ``make test-livekit``. The control
is the same measure with nobody in the call: nothing flows.
"""

from pathlib import Path
from time import monotonic
from typing import Any

from mdo.cli.process import Child
from meetings.models import Meeting
from tests.bench.rig import TICKS_PER_S, origin, write
from tests.cast import Cast
from tests.factories import make_item, make_meeting, make_topic
from tests.journeys import calling
from tests.journeys.conftest import visitors  # noqa: F401
from tests.journeys.pages import RoomPage
from tests.journeys.test_call import MAY, join
from tests.journeys.visitors import Visitor, Visitors
from tests.parts import NEVER_ASKS, until

BROWSER_FLAGS = [NEVER_ASKS]
NAMES = ("chair", "radiologist", "partner", "coordinator", "secretary", "partnersecretary")
LASTS_S = 12.0


def worked_s(process: int) -> float:
    """Processor time of a process and its children, in seconds."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(each) for each in fields[11:15]) / TICKS_PER_S


def browsers_s() -> float:
    """Processor time of every process of the browsers."""
    total = 0.0
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if "chromium" in (each / "cmdline").read_text()[:200]:
                fields = (each / "stat").read_text().rsplit(")", 1)[1].split()
                total += (int(fields[11]) + int(fields[12])) / TICKS_PER_S
        except OSError:
            continue
    return total


def measured(people: list[Visitor], site: Child) -> dict[str, Any]:
    """What flows within some seconds, per person, and what it costs."""
    before = [calling.counts(each) for each in people]
    served, drawn, at = worked_s(site.process.pid), browsers_s(), monotonic()
    until(lambda: monotonic() - at >= LASTS_S, "the measure", LASTS_S + 5)
    after, lasted = [calling.counts(each) for each in people], monotonic() - at
    return {
        "sent_kbps": [round((a.sent - b.sent) * 8 / 1000 / lasted) for a, b in zip(after, before, strict=True)],
        "received_kbps": [round((a.bytes - b.bytes) * 8 / 1000 / lasted) for a, b in zip(after, before, strict=True)],
        "frames_per_s": [round((a.frames - b.frames) / lasted, 1) for a, b in zip(after, before, strict=True)],
        "site_cpu": round((worked_s(site.process.pid) - served) / lasted, 3),
        "browsers_cpu": round((browsers_s() - drawn) / lasted, 2),
    }


def test_call(cast: Cast, visitors: Visitors, site_process: Child) -> None:  # noqa: F811
    result: dict[str, Any] = {**origin(), "picture": "320x180, 10 a second", "mesh": {}}
    meeting = make_meeting(cast.board, state=Meeting.State.RUNNING)
    make_item(meeting, topic=make_topic(cast.board))
    people: list[Visitor] = []
    for name in NAMES:
        visitor = visitors.bring(name, cast.members[name], **MAY)
        calling.watch(visitor)
        RoomPage(visitor, meeting.pk).enter()
        people.append(visitor)
    result["control"] = measured(people, site_process)
    for number, visitor in enumerate(people, start=1):
        join(visitor)
        if number < 2:
            continue
        here = people[:number]
        for each in here:
            calling.lines_stand(each, number - 1, 120)
            calling.sees(each, 60)
        result["mesh"][str(number)] = measured(here, site_process)
    assert result["control"]["sent_kbps"] == [0] * len(NAMES)
    print(write("bench-call", result), result)
