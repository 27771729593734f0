"""The room on two web processes behind PgBouncer, beside one process and beside PostgreSQL itself: `make bench-room-two`.

25 rooms of 20 sockets, the sockets of each room half on the one process and half on the other; the chair's command goes to the
first, and a round ends when the last socket on either has it. Both processes share the core that the single one has to itself in
`bench_room`, so the figures of the two benches can be laid beside each other. Then what one command costs: processor time of the
process that takes it, of the one that only hears of it, and of PostgreSQL. Writes `var/bench-room-two.json`; the simulation of a
region (`tests/scale/`) reads the costs from there.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.bench.bench_room import CLIENT_CORE, SERVER_CORE, Bench, Figures
from tests.bench.rig import TICKS_PER_S, Rig, Served, origin, write
from tests.bench.sockets import Gone, Line
from tests.chaos.run import children
from tests.pooling import bouncer

ROOMS, SOCKETS, ROUNDS = 25, 20, 120


class Two(Bench):
    """The same bench, with a second web process at which every other socket of a room sits."""

    def enter(self, served: Served, tables: list[Any], lines: int) -> list[list[Line]]:
        other = self.rig.serve("room2", "-m", "tests.bench.serving", "room", core=SERVER_CORE)
        ports = (served.port, other.port)
        doors = [table.door(ports[number % 2], number) for table in tables for number in range(lines)]
        entered = self.crowd.enter(doors, lambda line: line.seq > 0, 120)
        return [entered[at : at + lines] for at in range(0, len(entered), lines)]


def database_cpu_s(pid: int) -> float:
    """Processor time of PostgreSQL: its first process, those that live, and those that ended."""
    total = 0
    for each in (pid, *children(pid)):
        fields = Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
        total += sum(int(field) for field in fields[11 : 15 if each == pid else 13])
    return total / TICKS_PER_S


def costs(rig: Rig, cast: Any, commands: int = 150) -> Figures:
    """ms of processor time for one command in a room of 20, half of them at another process."""
    from tests.bench.table import seat

    bench = Two(rig, cast)
    (table,) = seat(cast, 1, SOCKETS)
    takes = rig.serve("room", "-m", "tests.bench.serving", "room", core=SERVER_CORE)
    (lines,) = bench.enter(takes, [table], SOCKETS)
    hears = rig.served[-1]
    bench.crowd.rest(3)
    for _ in range(10):
        bench.durable(table, lines)
        bench.crowd.tend(SOCKETS)
    database = rig.stack.children["postgres"].process.pid

    def used() -> tuple[float, float, float]:
        return takes.cpu_s, hears.cpu_s, database_cpu_s(database)

    before, began = used(), perf_counter()
    bench.crowd.rest(5)
    idle, rested = used(), perf_counter() - began
    began = perf_counter()
    for _ in range(commands):
        bench.durable(table, lines)
        bench.crowd.tend(SOCKETS)  # as browsers do: whoever says nothing is taken for one who does not keep up
    after, worked = used(), perf_counter() - began
    names = ("takes_ms", "hears_ms", "postgres_ms")
    # What each uses while nothing happens (leases, looking at heads) is taken off, and told apart.
    quiet = [(b - a) / rested for a, b in zip(before, idle, strict=True)]
    each = [((b - a) - rest * worked) * 1000 / commands for a, b, rest in zip(idle, after, quiet, strict=True)]
    found: Figures = {name: round(value, 2) for name, value in zip(names, each, strict=True)}
    found["idle_cores"] = {name: round(value, 4) for name, value in zip(names, quiet, strict=True)}
    found["rss_mb"] = round(takes.rss_kb / 1024)
    bench.begin_anew()
    return found


def main() -> int:
    began, about = perf_counter(), origin()
    result: Figures = {}
    with Rig("bench") as rig:
        os.sched_setaffinity(0, {CLIENT_CORE})
        from tests.cast import make_cast

        cast = make_cast()
        direct = dict(rig.variables)
        for name, kind, pooled in (
            ("one_direct", Bench, False),
            ("one_pooled", Bench, True),
            ("two_direct", Two, False),
            ("two_pooled", Two, True),
        ):
            with ExitStack() as stack:
                rig.variables = dict(direct)
                if pooled:
                    running = stack.enter_context(bouncer.running(direct["DATABASE_URL"]))
                    rig.variables |= {"DATABASE_URL": running.url, "MDO_POOLED": "1"}
                bench = kind(rig, cast)
                if sys.argv[1:] == ["costs"]:  # processor time means something on a busy machine too; waiting does not
                    if kind is Two:
                        print(name, json.dumps(costs(rig, cast)), flush=True)
                    continue
                try:
                    result[name] = bench.scenario(ROOMS, SOCKETS, ROUNDS, against=False)
                except (Gone, TimeoutError) as error:  # a machine too busy: once more, from nothing
                    print(f"{name}: {error}; again", flush=True)
                    bench.begin_anew()
                    result[name] = bench.scenario(ROOMS, SOCKETS, ROUNDS, against=False)
                bench.begin_anew()
                if kind is Two:
                    result[name]["costs"] = costs(rig, cast)
                print(name, json.dumps(result[name]), flush=True)
    if sys.argv[1:]:
        return 0
    result |= about | {"load_after": round(os.getloadavg()[0], 2), "took_s": round(perf_counter() - began, 1)}
    print(write("bench-room-two", result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
