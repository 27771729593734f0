"""`make bench-failover`: a web process killed, a primary killed and its replica promoted, while people command. Writes `var/bench-failover.json`.

Two web processes, a PostgreSQL and one that follows it synchronously; six people command without pause, two listen. In each round
one of the two web processes is ended with `kill -9` and stays away, then the primary is; who watches it notices and promotes the
replica, to which the web processes find their way by themselves (several hosts in DATABASE_URL), or PgBouncer is told. Measured is
the time from the kill until the first command is acknowledged that was sent after it, and until each of the six was answered. In the end the new primary is
asked for every command that was acknowledged.

The control promotes a replica that is not synchronous and was behind: it must lose, or this run proves nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from time import monotonic
from typing import Any

from tests.bench.rig import Rig, origin, wait_for, write
from tests.chaos.run import (
    CHAIRS,
    SETTLED_WITHIN_S,
    Outcome,
    Parts,
    compare,
    end,
    judge,
    make_room,
    settle,
    takes,
    until,
)
from tests.failover.pair import Pair
from tests.pooling import bouncer
from tests.ports import free_port

ROUNDS = 3
PLACES = 2 * ROUNDS + 1  # where a replica will be, over all ways
GOAL_S = 10.0
PATIENCE_S = 60.0
WORK_S = 3.0  # of quiet work before each kill
KEEPER = ThreadPoolExecutor(1)  # a server ends with the thread that started it
LOOKS_EVERY_S, MISSES = 0.5, 2  # of whoever watches the primary: an orchestrator such as Patroni looks less often


@dataclass
class Run(Parts):
    """The parts, with two databases of which one leads."""

    pair: Pair | None = None
    pooler: bouncer.Bouncer | None = None
    noticed_s: list[float] = field(default_factory=list)

    def look(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.here.ask(self.here.leader, statement, *values, database="mdo")

    @property
    def here(self) -> Pair:
        assert self.pair is not None
        return self.pair

    def watch_and_promote(self, killed_at: float) -> None:
        """What an orchestrator does: look, miss the primary twice, promote, lead everybody there."""
        misses = 0
        while misses < MISSES:
            misses = 0 if self.here.answers(self.here.leader) else misses + 1
            if misses < MISSES:
                Event().wait(LOOKS_EVERY_S)
        self.noticed_s.append(round(monotonic() - killed_at, 2))
        self.here.promote()
        if self.pooler is not None:
            self.pooler.lead_to(self.here.url(self.here.leader))


async def failover(run: Run, cast: Any, rounds: int, *, lag: bool) -> tuple[Outcome, dict[str, list[float]]]:
    """Kill and promote; (what was lost, seconds by what was killed). ``lag``: the replica got nothing for a moment before the kill."""
    from tests.chaos.clients import Client

    rng = random.Random(11)
    meeting_id, people, sessions = await asyncio.to_thread(make_room, cast)
    ports = list(run.webs)
    clients = [Client(meeting_id, key, ports, random.Random(rng.random())) for key in sessions]
    chairs = clients[:CHAIRS]
    living = [asyncio.create_task(client.live()) for client in clients]
    enough = asyncio.Event()
    acting = [asyncio.create_task(client.act(enough.is_set)) for client in chairs]
    found, seconds = Outcome(), defaultdict(list)

    async def again(since: float, known: list[set[str]]) -> tuple[float, float] | None:
        """Seconds until the first command was acknowledged that was sent after the kill, and until each chair had one answered.

        An answer may be a refusal: six people move the same cases, and whoever comes second is told so by the database.
        """

        def new() -> list[list[Any]]:
            return [
                [sent for name, sent in list(client.commands.items()) if name not in before]
                for client, before in zip(chairs, known, strict=True)
            ]

        first = await until(lambda: any(sent.acked is not None for each in new() for sent in each), PATIENCE_S)
        first_s = round(monotonic() - since, 2)
        every = await until(lambda: all(any(not sent.waits for sent in each) for each in new()), PATIENCE_S)
        return None if first is None or every is None else (first_s, round(monotonic() - since, 2))

    async def caught() -> list[set[str]]:
        while not any(client.waiting for client in chairs):  # noqa: ASYNC110  (the very moment counts)
            await asyncio.sleep(0)
        found.in_flight += 1
        return [set(client.commands) for client in chairs]

    async def kill(what: str, how: Callable[[], None]) -> None:
        await asyncio.sleep(WORK_S)
        known = await caught()
        began = monotonic()
        how()
        found.kills[what] += 1
        if what == "primary":
            promoting = asyncio.create_task(asyncio.to_thread(run.watch_and_promote, began))
            await promoting
        taken = await again(began, known)
        if taken is None:
            raise SystemExit(f"nothing was acknowledged within {PATIENCE_S:.0f} s of the kill of the {what}")
        seconds[what].append(taken[0])
        seconds[f"{what}_everybody"].append(taken[1])
        print(f"  {what}: first {taken[0]} s, everybody {taken[1]} s", flush=True)

    try:
        if await until(lambda: all(client.connected for client in clients), 30) is None:
            raise SystemExit("not everybody came into the room")
        for number in range(rounds):
            if not lag:
                port = ports[number % 2]
                await kill("web", lambda port=port: end(run.webs[port]))  # type: ignore[misc]
                run.start_web(port)
                await until(lambda port=port: takes(port), 60)  # type: ignore[misc]
            else:
                await asyncio.to_thread(run.here.cut_off)
            await kill("primary", run.here.leader.kill)
            if number + 1 < rounds:
                await asyncio.get_running_loop().run_in_executor(KEEPER, partial(run.here.follow, synchronous=True))
        await asyncio.sleep(WORK_S)
        enough.set()
        await asyncio.wait(acting, timeout=SETTLED_WITHIN_S)
        await settle(run, clients, meeting_id)
        await asyncio.to_thread(judge, run, clients, people, meeting_id, found)
        if not lag:
            await compare(clients, people, meeting_id, found)
    finally:
        for task in (*acting, *living):
            task.cancel()
        await asyncio.gather(*acting, *living, return_exceptions=True)
    return found, seconds


def one(cast: Any, rig: Rig, stack: ExitStack, *, pooled: bool, rounds: int, lag: bool, pair: Pair) -> dict[str, Any]:
    """One way to be led to the new primary."""
    from django.db import connection

    settings = dict(rig.variables)
    run = Run(rig, pair=pair)
    pair.follow(synchronous=not lag)
    if pooled:
        run.pooler = stack.enter_context(bouncer.running(pair.url(pair.leader)))
        rig.variables |= {"DATABASE_URL": run.pooler.url, "MDO_POOLED": "1"}
        stack.enter_context(bouncer.led_through(run.pooler))
    else:
        rig.variables["DATABASE_URL"] = pair.address(PLACES)
        stack.enter_context(bouncer.led_to(rig.variables["DATABASE_URL"]))
    try:
        for _ in range(2):
            run.start_web(free_port())
        for port in run.webs:
            wait_for(lambda port=port: takes(port), "web")  # type: ignore[misc]
        found, seconds = asyncio.run(failover(run, cast, rounds, lag=lag))
    finally:
        run.stop()
        rig.variables = settings
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]
    return {
        "web_s": seconds["web"],
        "web_everybody_s": seconds["web_everybody"],
        "promoted_s": seconds["primary"],
        "promoted_everybody_s": seconds["primary_everybody"],
        "noticed_s": run.noticed_s,
        "acknowledged": found.acknowledged,
        "lost": found.lost,
        "doubled": found.doubled,
        "diverged": found.diverged,
        "refused": dict(found.refused),
        "remarks": found.remarks[:10],
    }


def main() -> int:
    about = origin()
    with Rig("failover") as rig:
        from tests.cast import make_cast

        pair = Pair(Run(rig).postgres, rig.stack.children["postgres"])
        cast = make_cast()
        result: dict[str, Any] = {}
        try:
            for name, pooled, rounds, lag in (
                ("direct", False, ROUNDS, False),
                ("pooled", True, ROUNDS, False),
                ("control", False, 1, True),
            ):
                print(name, flush=True)
                with ExitStack() as stack:
                    result[name] = one(cast, rig, stack, pooled=pooled, rounds=rounds, lag=lag, pair=pair)
                print(json.dumps(result[name]), flush=True)
        finally:
            pair.stop()
    ways = [result["direct"], result["pooled"]]
    result |= {
        "slowest_web_s": max(max(way["web_everybody_s"]) for way in ways),
        "slowest_promoted_s": max(max(way["promoted_everybody_s"]) for way in ways),
        "lost": sum(way["lost"] for way in ways),
        "control_lost": result["control"]["lost"],
        **about,
        "load_after": round(os.getloadavg()[0], 2),
    }
    print(write("bench-failover", result))
    missed = [
        sentence
        for holds, sentence in (
            (result["slowest_web_s"] <= GOAL_S, "a killed web process took more than 10 s"),
            (result["slowest_promoted_s"] <= GOAL_S, "a promotion took more than 10 s"),
            (not result["lost"], "acknowledged commands are lost"),
            (not any(way["doubled"] or way["diverged"] for way in ways), "done twice, or seen otherwise"),
            (result["control_lost"] > 0, "the control lost nothing: this run could not have seen a loss"),
        )
        if not holds
    ]
    print("Failed: " + "; ".join(missed) if missed else "Kept.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
