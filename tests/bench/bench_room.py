"""How fast the room is, beside what it is measured against: `make bench-room`, which writes `var/bench-room.json`.

One server process is pinned to one core, all clients to the other. In each scenario four things are measured in turn, so that
whatever else the machine does meets all of them alike: a real command, durable, from the chair's socket to its delivery at the
last socket of the room; the same bytes by the consumer of the Channels book; the same bytes by the room's own giving path
without a database; and one insert with its commit. `docs/contributors/benches.md` says how to read the figures.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any
from uuid import uuid4

from tests.bench.rig import Rig, Served, cores, origin, percentile, write
from tests.bench.sockets import Crowd, Door, Gone, Line

SERVER_CORE, CLIENT_CORE = cores()
WITHIN_S = 20.0
PAUSE_S = 0.02
SCENARIOS = {"25x20": (25, 20, 160), "1x500": (1, 500, 80), "1x1000": (1, 1000, 60)}
LEAST_ROUNDS, MOST_S = 30, 35.0  # of one scenario, where the machine is busy
IDLE_SOCKETS = 500
STORM = 500

Figures = dict[str, Any]


@dataclass
class Bench:
    """What all parts of one run share."""

    rig: Rig
    cast: Any
    crowd: Crowd = field(default_factory=Crowd)
    acks: dict[str, int] = field(default_factory=dict)
    event_bytes: int = 0

    def __post_init__(self) -> None:
        self.crowd.on_frame = self._on_frame

    def _on_frame(self, line: Line, text: bytes, at: float) -> None:
        if text.startswith(b'{"t":"ack"'):
            answer = json.loads(text)
            self.acks[answer["id"]] = answer["seq"]
        elif text.startswith(b'{"t":"refused"'):
            raise SystemExit(f"A command was refused: {text.decode()}")
        elif text.startswith(b'{"t":"event"') and b"items_moved" in text[:200]:
            self.event_bytes = len(text)

    def begin_anew(self) -> None:
        """Let go of every line and end every server process."""
        self.crowd.close(self.crowd.lines.copy().values())
        self.acks.clear()
        self.crowd.on_frame = self._on_frame
        for served in list(self.rig.served):
            self.rig.end(served)

    # --- the four things -------------------------------------------------------------------------------------------

    def durable(self, table: Any, lines: list[Line]) -> float:
        """ms from the chair's command to the last socket of the room."""
        command_id, frame = table.move()
        began = perf_counter()
        lines[0].send(frame)
        while command_id not in self.acks:
            self.crowd.read(1.0)
            if perf_counter() - began > WITHIN_S:
                raise TimeoutError("a command was not answered")
        seq = self.acks.pop(command_id)
        return (self.crowd.reached(lines, seq, WITHIN_S) - began) * 1000

    def book(self, lines: list[Line]) -> float:
        seq = max(line.seq for line in lines) + 1
        frame = json.dumps({"t": "event", "seq": seq, "pad": "x" * max(0, self.event_bytes - 32)})
        began = perf_counter()
        lines[0].send(frame)
        return (self.crowd.reached(lines, seq, WITHIN_S) - began) * 1000

    def direct(self, trigger: Line, table: Any, lines: list[Line]) -> float:
        for line in lines:
            line.told_at = 0.0
        began = perf_counter()
        known, seen = [line.seq for line in lines], 10**9
        trigger.send(json.dumps({"give": str(table.meeting_id), "seq": seen, "bytes": max(0, self.event_bytes - 32)}))
        last = self.crowd.reached(lines, seen, WITHIN_S)
        for line, seq in zip(lines, known, strict=True):
            line.seq = seq
        return (last - began) * 1000

    def commit(self, connection: Any) -> float:
        began = perf_counter()
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO django_session VALUES (%s, '', now())", [uuid4().hex])
        return (perf_counter() - began) * 1000

    # --- scenarios -------------------------------------------------------------------------------------------------

    def enter(self, served: Served, tables: list[Any], lines: int) -> list[list[Line]]:
        doors = [table.door(served.port, number) for table in tables for number in range(lines)]
        entered = self.crowd.enter(doors, lambda line: line.seq > 0, 120)
        return [entered[at : at + lines] for at in range(0, len(entered), lines)]

    def scenario(self, rooms: int, lines: int, rounds: int, *, kind: str = "room", against: bool = True) -> Figures:
        """One scenario on fresh server processes; ``against``: with the book, the direct way and the bare commit."""
        import psycopg

        from tests.bench.table import seat

        tables = seat(self.cast, rooms, lines)
        served = self.rig.serve(kind, "-m", "tests.bench.serving", kind, core=SERVER_CORE)
        seated = self.enter(served, tables, lines)
        chatting: list[list[Line]] = []
        trigger = self.crowd.dial(Door(served.port, "/bench/"))
        if against:
            chat = self.rig.serve("book", "-m", "tests.bench.serving", "book", core=SERVER_CORE)
            for room in range(rooms):
                doors = [Door(chat.port, f"/chat/{room}/")] * lines
                chatting.append(self.crowd.enter(doors, lambda line: line.open, 120))
        self.crowd.rest(2.5)  # until everybody has heard of everybody
        database = psycopg.connect(self.rig.variables["DATABASE_OWNER_URL"], autocommit=True)
        times: dict[str, list[float]] = {"durable": [], "book": [], "direct": [], "commit": []}
        until = perf_counter() + MOST_S
        for number in range(-5, rounds):  # the first five warm up
            if number >= LEAST_ROUNDS and perf_counter() > until:
                break
            room = number % rooms
            ways: list[tuple[str, Callable[[], float]]] = [
                ("durable", lambda room=room: self.durable(tables[room], seated[room]))  # type: ignore[misc]
            ]
            if against:
                ways += [
                    ("book", lambda room=room: self.book(chatting[room])),  # type: ignore[misc]
                    ("direct", lambda room=room: self.direct(trigger, tables[room], seated[room])),  # type: ignore[misc]
                    ("commit", lambda: self.commit(database)),
                ]
            for name, way in ways:
                taken = way()
                if number >= 0:
                    times[name].append(taken)
                self.crowd.rest(PAUSE_S * random.uniform(0.5, 1.5))
        found: Figures = {
            "durable_p50_ms": percentile(times["durable"], 0.50),
            "durable_p95_ms": percentile(times["durable"], 0.95),
            "durable_p99_ms": percentile(times["durable"], 0.99),
        }
        if against:
            found |= {f"{name}_p95_ms": percentile(times[name], 0.95) for name in ("book", "direct", "commit")}
            found |= {f"{name}_p50_ms": percentile(times[name], 0.50) for name in ("book", "direct", "commit")}
        found["rounds"] = len(times["durable"])
        found["frame_bytes"] = self.event_bytes
        if rooms == 1 and against:
            found["cpu_ms_per_delivery"] = self.cpu(served, tables[0], seated[0])
        database.close()
        self.crowd.close(self.crowd.lines.copy().values())
        self.rig.end(served)
        if against:
            self.rig.end(chat)
        return found

    def cpu(self, served: Served, table: Any, lines: list[Line], commands: int = 40) -> float:
        """Processor time of the server for each delivery of a durable command, everything that it does counted in."""
        before = served.cpu_s
        for _ in range(commands):
            self.durable(table, lines)
        return round((served.cpu_s - before) * 1000 / (commands * len(lines)), 4)

    # --- what else is asked -----------------------------------------------------------------------------------------

    def memory(self, kind: str) -> float:
        """kB for each idle socket, above the same process before they came."""
        from tests.bench.table import seat

        served = self.rig.serve(f"{kind}-idle", "-m", "tests.bench.serving", kind, core=SERVER_CORE)

        def enter(number: int) -> list[Line]:
            if kind == "bare":
                return self.crowd.enter([Door(served.port, "/")] * number, lambda line: line.open, 60)
            return self.enter(served, seat(self.cast, 1, number), number)[0]

        self.crowd.close(enter(20))
        self.crowd.rest(3)
        before = served.rss_kb
        entered = enter(IDLE_SOCKETS)
        self.crowd.rest(6)
        after = served.rss_kb
        self.crowd.close(entered)
        self.rig.end(served)
        return round((after - before) / IDLE_SOCKETS, 1)

    def storm(self) -> Figures:
        """Everybody but the chair is cut at once, the chair goes on, everybody comes back at once."""
        from tests.bench.table import seat

        table = seat(self.cast, 1, STORM + 5)[0]
        served = self.rig.serve("storm", "-m", "tests.bench.serving", "room", core=SERVER_CORE)
        lines = self.enter(served, [table], STORM + 5)[0]
        self.crowd.rest(3)
        chair, others = lines[:1], lines[5:]
        known = {line.fd: line.seq for line in others}
        asking = self.crowd.dial(Door(served.port, "/bench/"))
        read_before = self._reads(asking)
        self.crowd.close(others)
        for _ in range(5):
            self.durable(table, chair)
        head = chair[0].seq
        began = perf_counter()
        seen = min(known.values())
        doors = [table.door(served.port, number, since=seen) for number in range(5, STORM + 5)]
        back = self.crowd.enter(doors, lambda line: line.seq >= head, 60, at_once=STORM)
        taken = max(line.told_at for line in back) - began
        found = {"sockets": STORM, "caught_up_s": round(taken, 2), "replays_read": self._reads(asking) - read_before}
        self.crowd.close(self.crowd.lines.copy().values())
        self.rig.end(served)
        return found

    def _reads(self, asking: Line) -> int:
        answers: list[int] = []
        before = self.crowd.on_frame

        def hear(line: Line, text: bytes, at: float) -> None:
            if line is asking:
                answers.append(json.loads(text)["starts"])
            elif before is not None:
                before(line, text, at)

        self.crowd.on_frame = hear
        while not asking.open:
            self.crowd.read(0.1)
        asking.send("{}")
        while not answers:
            self.crowd.read(0.1)
        self.crowd.on_frame = before
        return answers[0]

    def inside(self) -> Figures:
        """What needs no sockets: the statements of a command, and the snapshot of a room with sixty items."""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        from meetings.models import Meeting
        from meetings.room import audience, threads, work
        from tests.bench.table import make_people, make_table

        people = make_people(self.cast, 20)
        table = make_table(self.cast, people, [], items=60)
        meeting = Meeting.objects.get(pk=table.meeting_id)
        place = audience.find(table.chair_id, meeting.pk, self.cast.organiser.pk)
        assert place is not None
        command = json.loads(table.move()[1])
        with CaptureQueriesContext(connection) as doing:
            done = work.run_command(place, meeting.pk, uuid4(), command["do"], command["args"])
        with CaptureQueriesContext(connection) as telling:
            work.news(meeting.pk, done.seq - 1, [place.audience])
        with CaptureQueriesContext(connection) as asked:
            work.start(meeting.pk, place.audience, None)
        times = []
        for _ in range(30):
            began = perf_counter()
            threads.with_connection(lambda: work.start(meeting.pk, place.audience, None))
            times.append((perf_counter() - began) * 1000)
        return {
            "statements_per_command": len(doing) + len(telling),
            "statements": {"command": len(doing), "telling": len(telling)},
            "snapshot_60": {
                "items": 60,
                "p50_ms": round(median(times), 2),
                "p95_ms": percentile(times, 0.95),
                "queries": len(asked),
            },
        }


def main() -> int:
    began = perf_counter()
    only = sys.argv[1:]

    def wanted(part: str) -> bool:
        return not only or part in only

    about = origin()
    result: Figures = {}
    with Rig("bench") as rig:
        os.sched_setaffinity(0, {CLIENT_CORE})
        from tests.cast import make_cast

        bench = Bench(rig, make_cast())

        def step(name: str, figures: Callable[[], Figures]) -> None:
            at = perf_counter()
            try:
                found = figures()
            except (Gone, TimeoutError) as error:  # a machine too busy for this step: once more, from nothing
                print(f"{name}: {error}; again", flush=True)
                bench.begin_anew()
                found = figures()
            result.update(found)
            print(f"{name:<12} {perf_counter() - at:5.1f} s  {json.dumps(found)}", flush=True)

        for name, (rooms, lines, rounds) in SCENARIOS.items():
            if wanted(name):
                step(name, lambda: {name: bench.scenario(rooms, lines, rounds)})  # noqa: B023
        if "1x500" in result:
            result["cpu_ms_per_delivery"] = result["1x500"].pop("cpu_ms_per_delivery")
            result.get("1x1000", {}).pop("cpu_ms_per_delivery", None)
        if wanted("memory"):

            def memory() -> Figures:
                room, bare = bench.memory("room"), bench.memory("bare")
                return {"rss_per_socket_kb": room, "rss_per_bare_socket_kb": bare}

            step("memory", memory)
        if wanted("storm"):
            step("storm", lambda: {"storm": bench.storm()})
        if wanted("inside"):
            step("inside", bench.inside)
        if wanted("uvicorn"):
            step(
                "uvicorn",
                lambda: {
                    "uvicorn": {
                        name: bench.scenario(rooms, lines, rounds // 2, kind="uvicorn", against=False)
                        for name, (rooms, lines, rounds) in SCENARIOS.items()
                        if name != "1x1000"
                    }
                },
            )
    result |= about | {"load_after": round(os.getloadavg()[0], 2), "took_s": round(perf_counter() - began, 1)}
    if only:
        print(json.dumps(result, indent=2))
    else:
        print(write("bench-room", result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
