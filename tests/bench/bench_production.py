"""The room on an installation as a hospital has it: `make bench-production`, which writes `var/bench-production.json`.

`mdo run --profile production` starts what it starts there: Caddy with TLS, two web processes, worker and clock; their DATABASE_URL leads to
PgBouncer. 25 rooms of 20 sockets come in through the proxy, which seats each line where it likes. First the time from the chair's command
to the last socket of its room; then one web process is ended with `kill -9` while every room has a command on its way: whoever sat
there comes back through the proxy, and whoever had no answer asks again with the same id. In the end the database is asked for every
command that was acknowledged. The run fails where a goal is missed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any
from uuid import UUID

from mdo.cli.home import Home
from tests.bench.bench_room import PAUSE_S, Bench, Figures
from tests.bench.rig import Rig, origin, percentile, write
from tests.bench.sockets import Crowd, Door, Line
from tests.deploy.production import Installation
from tests.pooling import bouncer

ROOMS, SOCKETS, ROUNDS = 25, 20, 120
COMMAND_GOAL_MS, BACK_GOAL_S = 150.0, 10.0
PATIENCE_S = 60.0


class Losing(Crowd):
    """A crowd that goes on when lines are cut, and knows which."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: list[Line] = []

    def cut(self, line: Line, why: str) -> None:
        self.close([line])
        self.lost.append(line)


@dataclass
class Production(Bench):
    """The bench against one installation."""

    crowd: Losing = field(default_factory=Losing)
    acknowledged: dict[str, int] = field(default_factory=dict)

    def _on_frame(self, line: Line, text: bytes, at: float) -> None:
        known = set(self.acks)
        super()._on_frame(line, text, at)
        self.acknowledged |= {name: seq for name, seq in self.acks.items() if name not in known}

    def come_in(self, installation: Installation) -> tuple[list[Any], list[list[Line]]]:
        """Tables, and who sits at each."""
        from tests.bench.table import seat

        self.port, self.tls = installation.port, installation.trust
        tables = seat(self.cast, ROOMS, SOCKETS)
        doors = [self.door(table, number) for table in tables for number in range(SOCKETS)]
        entered = self.crowd.enter(doors, lambda line: line.seq > 0, 180)
        if self.crowd.lost:
            raise SystemExit(f"{len(self.crowd.lost)} lines were cut as they came in")
        self.crowd.rest(2.5)  # until everybody has heard of everybody
        return tables, [entered[at : at + SOCKETS] for at in range(0, len(entered), SOCKETS)]

    def door(self, table: Any, number: int, since: int | None = None) -> Door:
        return replace(table.door(self.port, number, since), tls=self.tls)

    def rounds(self, tables: list[Any], seated: list[list[Line]], rounds: int) -> list[float]:
        """ms of each command, from the chair to the last socket of the room."""
        times = []
        for number in range(rounds):
            times.append(self.durable(tables[number % ROOMS], seated[number % ROOMS]))
            self.crowd.rest(PAUSE_S)
        return times

    def kill(self, installation: Installation, tables: list[Any], seated: list[list[Line]]) -> Figures:
        """One web process, with a command on its way in every room; seconds until each was answered and every line had heard of it."""
        sent = [table.move() for table in tables]
        for (_, frame), lines in zip(sent, seated, strict=True):
            lines[0].send(frame)
        began = perf_counter()
        os.kill(installation.pids()["web-1"], signal.SIGKILL)
        cut, asks_again = 0, set[int]()

        def behind() -> bool:
            heads = [self.acks.get(name) for name, _ in sent]
            return any(
                head is None or any(line.seq < head for line in lines)
                for head, lines in zip(heads, seated, strict=True)
            )

        while behind():
            if perf_counter() - began > PATIENCE_S:
                raise SystemExit(f"not everybody was back within {PATIENCE_S:.0f} s")
            lost, self.crowd.lost = self.crowd.lost, []
            for line in lost:
                room = next(at for at, lines in enumerate(seated) if line in lines)
                number = seated[room].index(line)
                # From one before: so that something is told in any case.
                seated[room][number] = self.crowd.dial(self.door(tables[room], number, max(0, line.seq - 1)))
                cut += 1
                if number == 0:
                    asks_again.add(room)
            for room in [room for room in asks_again if seated[room][0].frames]:
                asks_again.remove(room)
                if sent[room][0] not in self.acks:
                    seated[room][0].send(sent[room][1])
            self.crowd.tend(40)
            self.crowd.read(0.05)
        taken = perf_counter() - began
        self.acks.clear()
        return {"cut": cut, "everybody_back_s": round(taken, 2), "in_flight": len(sent)}


def lost(acknowledged: dict[str, int]) -> int:
    """How many of these commands the database does not know once."""
    from mdo.kernel.models import CommandId

    known = list(CommandId.objects.filter(command_id__in=list(acknowledged)).values_list("command_id", flat=True))
    return sum(known.count(UUID(name)) != 1 for name in acknowledged)


def main() -> int:
    began, about = perf_counter(), origin()
    with Rig("production") as rig:
        from tests.cast import make_cast

        folder = rig.folder / "installation"
        with bouncer.running(rig.variables["DATABASE_URL"]) as pooler:
            told = rig.variables | {"DATABASE_URL": pooler.url, "MDO_POOLED": "1"}
            installation = Installation(folder, told)
            try:
                installation.start()
                bench = Production(rig, make_cast())
                tables, seated = bench.come_in(installation)
                bench.rounds(tables, seated, 5)
                times = bench.rounds(tables, seated, ROUNDS)
                result: Figures = {
                    "processes": sorted(installation.pids()),
                    "durable_p50_ms": percentile(times, 0.50),
                    "durable_p95_ms": percentile(times, 0.95),
                    "rounds": len(times),
                    "killed": bench.kill(installation, tables, seated),
                }
                bench.rounds(tables, seated, ROOMS)  # every room goes on
                result |= {"acknowledged": len(bench.acknowledged), "lost": lost(bench.acknowledged)}
                # The control: a command that nobody acknowledged is one that the same question misses.
                result["control_lost"] = lost({tables[0].move()[0]: 0})
                bench.begin_anew()
            finally:
                installation.stop()
                Home(folder).remove()
    result |= about | {"load_after": round(os.getloadavg()[0], 2), "took_s": round(perf_counter() - began, 1)}
    print(json.dumps(result))
    print(write("bench-production", result))
    missed = [
        sentence
        for holds, sentence in (
            (result["durable_p95_ms"] <= COMMAND_GOAL_MS, f"a command took more than {COMMAND_GOAL_MS:.0f} ms (p95)"),
            (result["killed"]["cut"] > 0, "nobody sat at the process that was killed"),
            (result["killed"]["everybody_back_s"] <= BACK_GOAL_S, f"not everybody was back within {BACK_GOAL_S:.0f} s"),
            (not result["lost"], "acknowledged commands are lost"),
            (result["control_lost"] == 1, "the control lost nothing: this run could not have seen a loss"),
        )
        if not holds
    ]
    print("Failed: " + "; ".join(missed) if missed else "Kept.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
