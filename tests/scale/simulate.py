"""`make simulate-scale`: the busiest hour of a region, with what things cost as measured. Writes `var/scale.json`.

40 hospitals, 300 boards; in the busiest hour 2,000 people sit in 130 rooms. They come in within the ten minutes before the hour, look
at their pages, and sit; each room opens a case every four minutes, which each of its people then reads; the chair's side commands and
types. Web processes have a core each (Python runs one thread at a time), PostgreSQL has cores of its own. What a request costs is
drawn around the measured mean; what it waits for, the simulation finds out. Pure: no server runs.

docs/scale.md says what follows from it and what it leaves out.
"""

from __future__ import annotations

import json
import random
import sys
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import simpy

from mdo.environment import BASE_DIR
from tests.bench.rig import origin, percentile, write

MEASURED = BASE_DIR / "var" / "bench-room-two.json"
WARM_UP_S, LASTS_S = 600.0, 300.0  # ten minutes of coming in, then five of sitting
COMMAND_GOAL_MS, PAGE_GOAL_MS = 150.0, 1000.0


@dataclass(frozen=True)
class Costs:
    """Milliseconds of processor time, of the web process and of PostgreSQL. Pages as measured (docs/measurements.md); commands and text are
    estimates, until `make bench-room-two` has left its file."""

    today: tuple[float, float] = (49.0, 29.5)
    agenda: tuple[float, float] = (77.5, 28.5)
    enter: tuple[float, float] = (41.0, 20.0)  # the room's page, and its first drawing
    stage: tuple[float, float] = (32.5, 20.0)
    other_page: tuple[float, float] = (50.0, 14.5)
    takes: tuple[float, float] = (20.0, 10.0)  # a command, at the process that takes it
    hears: tuple[float, float] = (4.0, 3.0)  # the same, at each other process where somebody of the room sits
    text: tuple[float, float] = (5.0, 2.0)  # a batch of typed text
    idle_web: float = 0.01  # cores of a web process that only looks at the heads of its rooms
    socket_kb: float = 42.4
    process_mb: float = 150.0


@dataclass(frozen=True)
class Region:
    people: int = 2000
    rooms: int = 130
    items_every_s: float = 240.0
    commands_every_s: float = 15.0  # of one room: opening, steps, presence, signals
    typed_share: float = 0.4  # of the time somebody types, a batch each half second
    typed_every_s: float = 0.5
    browse_every_s: float = 120.0  # another page, for one in ten of those who sit
    outside_pages_per_s: float = 3.0  # people who are in no room


@dataclass(frozen=True)
class Machines:
    web: int
    postgres_cores: int
    spread: bool = True  # a room's people are wherever the balancer sent them; else all at one process


class Hour:
    """One run."""

    def __init__(self, region: Region, machines: Machines, costs: Costs, seed: int = 1) -> None:
        self.region, self.machines, self.costs = region, machines, costs
        self.rng = random.Random(seed)
        self.env = simpy.Environment()
        self.web = [simpy.Resource(self.env, 1) for _ in range(machines.web)]
        self.web_busy = [0.0] * machines.web
        self.postgres = simpy.Resource(self.env, machines.postgres_cores)
        self.postgres_busy = 0.0
        self.times: dict[str, list[float]] = defaultdict(list)
        per_room = region.people // region.rooms
        self.seats = [
            [self.rng.randrange(machines.web) if machines.spread else room % machines.web for _ in range(per_room)]
            for room in range(region.rooms)
        ]

    def work(self, process: int, cost: tuple[float, float]) -> Any:
        """Web, PostgreSQL, web again: the thread lets others run while it waits for the database."""
        web_s, postgres_s = (self.rng.gammavariate(4, mean / 4) / 1000 for mean in cost)
        yield from self._on(self.web[process], web_s / 2)
        yield from self._on(self.postgres, postgres_s)
        yield from self._on(self.web[process], web_s / 2)
        if self.env.now >= WARM_UP_S:  # how busy they are is asked of the sitting, not of the coming in
            self.web_busy[process] += web_s
            self.postgres_busy += postgres_s

    def _on(self, resource: simpy.Resource, seconds: float) -> Any:
        with resource.request() as turn:
            yield turn
            yield self.env.timeout(seconds)

    def timed(self, name: str, process: int, cost: tuple[float, float]) -> Any:
        began = self.env.now
        yield from self.work(process, cost)
        self.times[name].append((self.env.now - began) * 1000)

    def command(self, room: int) -> Any:
        """From the chair to the last one of the room: those at other processes hear once it is committed."""
        began = self.env.now
        chair, others = self.seats[room][0], set(self.seats[room]) - {self.seats[room][0]}
        yield from self.work(chair, self.costs.takes)
        yield self.env.all_of([self.env.process(self.work(each, self.costs.hears)) for each in others])
        self.times["command"].append((self.env.now - began) * 1000)

    def person(self, room: int, process: int) -> Any:
        yield self.env.timeout(self.rng.uniform(0, WARM_UP_S))
        for name, cost in (("page", self.costs.today), ("page", self.costs.agenda), ("enter", self.costs.enter)):
            yield from self.timed(name, process, cost)
            yield self.env.timeout(self.rng.uniform(5, 20))
        while True:
            yield self.env.timeout(self.rng.expovariate(1 / (10 * self.region.browse_every_s)))
            yield from self.timed("page", process, self.costs.other_page)

    def sitting(self, room: int) -> Any:
        yield self.env.timeout(WARM_UP_S + self.rng.uniform(0, 120))
        for each in (self.typing(room), self.chairing(room)):
            self.env.process(each)
        while True:
            yield self.env.timeout(self.rng.uniform(0.5, 1.5) * self.region.items_every_s)
            yield from self.command(room)
            for process in self.seats[room]:  # everybody's page fetches the case at once
                self.env.process(self.timed("stage", process, self.costs.stage))

    def chairing(self, room: int) -> Any:
        while True:
            yield self.env.timeout(self.rng.expovariate(1 / self.region.commands_every_s))
            yield from self.command(room)

    def typing(self, room: int) -> Any:
        while True:
            yield self.env.timeout(self.rng.expovariate(self.region.typed_share / self.region.typed_every_s))
            yield from self.timed("text", self.rng.choice(self.seats[room]), self.costs.text)

    def outside(self) -> Any:
        while True:
            yield self.env.timeout(self.rng.expovariate(self.region.outside_pages_per_s))
            process = self.rng.randrange(self.machines.web)
            self.env.process(self.timed("page", process, self.costs.other_page))

    def run(self) -> dict[str, Any]:
        for room, seats in enumerate(self.seats):
            self.env.process(self.sitting(room))
            for process in seats:
                self.env.process(self.person(room, process))
        self.env.process(self.outside())
        self.env.run(WARM_UP_S + LASTS_S)
        sockets = self.region.people / self.machines.web
        found: dict[str, Any] = {
            "web": self.machines.web,
            "postgres_cores": self.machines.postgres_cores,
            "web_busy": round(max(self.web_busy) / LASTS_S + self.costs.idle_web, 2),
            "postgres_busy": round(self.postgres_busy / LASTS_S / self.machines.postgres_cores, 2),
            "web_mb": round(self.costs.process_mb + sockets * self.costs.socket_kb / 1024),
            "commands_per_s": round(len(self.times["command"]) / LASTS_S, 1),
        }
        for name, values in sorted(self.times.items()):
            found[f"{name}_p50_ms"], found[f"{name}_p95_ms"] = percentile(values, 0.5), percentile(values, 0.95)
        found["kept"] = (
            found["command_p95_ms"] <= COMMAND_GOAL_MS
            and max(found["page_p95_ms"], found["stage_p95_ms"], found["enter_p95_ms"]) <= PAGE_GOAL_MS
        )
        return found


def measured(path: Path = MEASURED) -> Costs:
    """The costs of commands from the last bench of two processes where there was one here, else as the documentation has them."""
    if not path.is_file():
        return Costs()
    told = json.loads(path.read_text())["two_pooled"]["costs"]
    share = told["hears_ms"] / (told["takes_ms"] + told["hears_ms"])
    postgres = told["postgres_ms"]
    return replace(
        Costs(),
        takes=(told["takes_ms"], postgres * (1 - share)),
        hears=(told["hears_ms"], postgres * share),
        process_mb=told["rss_mb"],
    )


def main() -> int:
    costs, region = measured(), Region()
    result: dict[str, Any] = {"region": vars(region), "costs": vars(costs), "runs": []}
    for machines in (
        Machines(2, 8), Machines(4, 8), Machines(6, 8), Machines(8, 8), Machines(12, 8),
        Machines(8, 1), Machines(8, 2), Machines(4, 8, spread=False), Machines(8, 8, spread=False),
    ):  # fmt: skip
        found = Hour(region, machines, costs).run() | {"spread": machines.spread}
        result["runs"].append(found)
        print(json.dumps(found), flush=True)
    kept = [run["web"] for run in result["runs"] if run["kept"] and run["spread"]]
    result["fewest_web"] = min(kept, default=None)
    # The control: with everything ten times as dear the same machines must fail, or the goals say nothing.
    dear = {name: tuple(10 * part for part in value) for name, value in vars(costs).items() if isinstance(value, tuple)}
    result["control_kept"] = Hour(region, Machines(8, 8), replace(costs, **dear)).run()["kept"]  # type: ignore[arg-type]
    # How far it goes: people and rooms grow together on twelve processes until a goal is missed.
    for people in (4000, 6000, 8000, 12000):
        grown = replace(region, people=people, rooms=region.rooms * people // region.people)
        found = Hour(grown, Machines(12, 8), costs).run()
        if not found["kept"]:
            result["gives_way"] = {"people": people, **found}
            break
    print(write("scale", result | origin()))
    print({key: result[key] for key in ("fewest_web", "control_kept", "gives_way") if key in result})
    return 1 if result["control_kept"] or result["fewest_web"] is None else 0


if __name__ == "__main__":
    sys.exit(main())
