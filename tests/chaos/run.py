"""`make chaos`: whatever is killed, what was acknowledged is there once and everybody sees the same. Writes `var/chaos.json`.

Two web processes, a worker, PostgreSQL and Valkey run; clients send commands without pause. Again and again one of the five is
ended with `kill -9` while commands are on their way, and started again. In the end the database is asked for every command that
was acknowledged, and every client's room, kept by frames alone, is held against a fresh drawing.

The same is done with a web server that acknowledges before it commits (`early.py`): it must lose, or this run proves nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import redis
from psycopg.rows import tuple_row

from mdo.cli.process import Child
from mdo.cli.servers import SUPERUSER, Postgres
from tests.bench.rig import Rig, origin, write
from tests.ports import free_port

if TYPE_CHECKING:
    from tests.chaos.clients import Client

SEEDS = (1, 2, 3)
CHAIRS, LISTENERS = 6, 2
ACKNOWLEDGED_PER_SEED = 360
KILLS_PER_SEED = 6
PARTS = ("web", "postgres", "web", "redis", "postgres", "worker")
RECOVERED_WITHIN_S = 60.0  # the goal is 10; the run itself is more patient, so that it can say by how much it is missed
SETTLED_WITHIN_S = 30.0
COMPARED_WITHIN_S = 10.0
_serial = count(1)


@dataclass
class Parts:
    """What runs and can be killed."""

    rig: Rig
    web: tuple[str, ...] = ("-m", "mdo", "web")
    webs: dict[int, Child] = field(default_factory=dict)
    worker: Child | None = None

    @property
    def postgres(self) -> Postgres:
        return next(each for each in self.rig.stack.servers if isinstance(each, Postgres))

    def start_web(self, port: int) -> None:
        self.webs[port] = self.rig.start(f"web{next(_serial)}", *self.web, MDO_PORT=str(port))

    def start_worker(self) -> None:
        self.worker = self.rig.start(f"worker{next(_serial)}", "-m", "mdo", "worker", "--beat")

    def kill(self, part: str, rng: random.Random) -> Callable[[], bool]:
        """`kill -9` and start again at once; returns whether the new one answers by now."""
        if part == "web":
            port = rng.choice(list(self.webs))
            end(self.webs[port])
            self.start_web(port)
            return lambda: takes(port)
        if part == "worker":
            assert self.worker is not None
            end(self.worker)
            self.start_worker()
            return lambda: self.worker is not None and self.worker.exit_code() is None
        name = "postgres" if part == "postgres" else "valkey"
        server = next(each for each in self.rig.stack.servers if each.program().name == name)
        child = self.rig.stack.children[name]
        for pid in children(child.process.pid):
            stop_one(pid)
        end(child)
        server.initialise()
        self.rig.stack.children[name] = Child.start(server.program(), self.rig.stack.home.path / "pids")
        return self.database_answers if part == "postgres" else self.redis_answers

    def database_answers(self) -> bool:
        postgres = self.postgres
        if self.rig.stack.children["postgres"].exit_code() is not None:  # the memory of the dead one was still in use
            postgres.initialise()
            pids = self.rig.stack.home.path / "pids"
            self.rig.stack.children["postgres"] = Child.start(postgres.program(), pids)
            return False
        try:
            self.look("SELECT 1")
            return True
        except psycopg.Error:
            return False

    def redis_answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.rig.variables["REDIS_URL"], socket_timeout=1) as connection:
                return bool(connection.ping())
        except redis.RedisError:
            return False

    def look(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database as its superuser: nothing hides a row from this."""
        dsn = self.postgres.dsn(SUPERUSER, "POSTGRES_PASSWORD")
        with psycopg.connect(dsn, connect_timeout=3, row_factory=tuple_row) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def stop(self) -> None:
        for child in (*self.webs.values(), self.worker):
            if child is not None:
                child.ask_to_stop()
        for child in (*self.webs.values(), self.worker):
            if child is not None:
                child.wait_or_kill()


def end(child: Child) -> None:
    child.process.send_signal(signal.SIGKILL)
    child.process.wait()


def stop_one(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(each) for each in task.read_text().split()]
    return found


def takes(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Outcome:
    """What one seed came to."""

    kills: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    sent: int = 0
    acknowledged: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    doubled: int = 0
    diverged: int = 0
    recoveries_s: list[float] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


async def until(condition: Callable[[], bool], within_s: float) -> float | None:
    """Seconds until the condition held, ``None`` when it did not in time. Conditions that block run in a thread."""
    began = monotonic()
    while not await asyncio.to_thread(condition):
        if monotonic() - began > within_s:
            return None
        await asyncio.sleep(0.02)
    return monotonic() - began


async def chaos(parts: Parts, cast: Any, seed: int, *, acknowledged: int, kills: int) -> Outcome:
    """One seed: a room of its own, clients that never rest, parts that die."""
    from tests.chaos.clients import Client  # once there are settings

    rng = random.Random(seed)
    meeting_id, people, sessions = await asyncio.to_thread(make_room, cast)
    ports = list(parts.webs)
    clients = [Client(meeting_id, key, ports, random.Random(rng.random())) for key in sessions]
    chairs = clients[:CHAIRS]
    living = [asyncio.create_task(client.live()) for client in clients]
    enough = asyncio.Event()
    acting = [asyncio.create_task(client.act(enough.is_set)) for client in chairs]
    found = Outcome()

    def acks() -> int:
        return sum(1 for client in chairs for sent in client.commands.values() if sent.acked is not None)

    try:
        if await until(lambda: all(client.connected for client in clients), 30) is None:
            raise SystemExit("not everybody came into the room")
        order = [PARTS[number % len(PARTS)] for number in range(kills)]
        rng.shuffle(order)
        for number, part in enumerate(order, start=1):
            aim = acknowledged * number // (kills + 1)
            if await until(lambda aim=aim: acks() >= aim, 120) is None:  # type: ignore[misc]
                raise SystemExit(f"seed {seed}: nothing goes on before the kill of {part} ({acks()} acknowledged)")
            await asyncio.sleep(rng.uniform(0, 0.3))
            while not any(client.waiting for client in chairs):  # noqa: ASYNC110  (the very moment counts)
                await asyncio.sleep(0)
            flying = sum(client.waiting for client in chairs)
            began = monotonic()
            answers = parts.kill(part, rng)
            found.kills[part] += 1
            found.in_flight += flying > 0
            back = await until(answers, RECOVERED_WITHIN_S)
            before = acks()
            whole = await until(
                lambda before=before: all(client.connected for client in clients) and acks() > before,  # type: ignore[misc]
                RECOVERED_WITHIN_S,
            )
            if back is None or whole is None:
                raise SystemExit(f"seed {seed}: the room did not recover from the kill of {part}")
            found.recoveries_s.append(round(monotonic() - began, 2))
            print(f"  seed {seed}: killed {part}, {flying} in flight, {found.recoveries_s[-1]} s", flush=True)
        await until(lambda: acks() >= acknowledged, 120)
        enough.set()
        await asyncio.wait_for(asyncio.gather(*acting), SETTLED_WITHIN_S)
        await settle(parts, clients, meeting_id)
        await asyncio.to_thread(judge, parts, clients, people, meeting_id, found)
        await compare(clients, people, meeting_id, found)
    finally:
        for task in (*acting, *living):
            task.cancel()
        await asyncio.gather(*acting, *living, return_exceptions=True)
    return found


def make_room(cast: Any) -> tuple[UUID, list[Any], list[str]]:
    """A running meeting with twelve cases, six who chair and two who listen: (its id, the people, their sessions)."""
    from django.db import close_old_connections

    from mdo.directory.models import BoardRole
    from tests.bench.table import make_people, make_table
    from tests.room_client import sign_in

    close_old_connections()
    people = make_people(cast, CHAIRS + LISTENERS)
    sessions = [sign_in(each) for each in people]
    table = make_table(cast, people, sessions)
    chairs = [each.person.pk for each in people[:CHAIRS]]
    BoardRole.objects.filter(person__in=chairs).update(role=BoardRole.Role.CHAIR)
    return table.meeting_id, people, sessions


async def settle(parts: Parts, clients: list[Client], meeting_id: UUID) -> None:
    """Until nothing moves any more and everybody is at the head."""

    def level() -> bool:
        ((head,),) = parts.look("SELECT head FROM kernel_stream WHERE id = %s", meeting_id)
        return all(client.connected and client.seq == head for client in clients)

    calm = 0
    deadline = monotonic() + SETTLED_WITHIN_S
    while calm < 25 and monotonic() < deadline:  # two and a half seconds: longer than presence takes to be told
        calm = calm + 1 if await asyncio.to_thread(level) else 0
        await asyncio.sleep(0.1)


def judge(parts: Parts, clients: list[Client], people: list[Any], meeting_id: UUID, found: Outcome) -> None:
    """Hold what was promised against what is there."""
    stored = dict(
        parts.look(
            "SELECT command_id, (seqs->>%s)::bigint FROM kernel_commandid WHERE seqs ? %s OR seqs = '{}'",
            str(meeting_id),
            str(meeting_id),
        )
    )
    journal = [
        seq
        for (seq,) in parts.look("SELECT seq FROM kernel_journalentry WHERE stream_id = %s ORDER BY seq", meeting_id)
    ]
    if journal != list(range(1, len(journal) + 1)):
        found.remarks.append("the journal has gaps or doubles")
        found.doubled += 1
    reached: set[int] = set(journal)
    for client in clients:
        found.remarks += client.faults
        for command_id, sent in client.commands.items():
            found.sent += 1
            if sent.refused:
                found.refused[sent.refused] += 1
                if UUID(command_id) in stored:
                    found.doubled += 1
                    found.remarks.append(f"{sent.name} was refused ({sent.refused}) and stored")
            elif sent.acked is not None:
                found.acknowledged += 1
                seq = stored.get(UUID(command_id), -1)
                if seq == -1 or (seq or 0) != sent.acked or (sent.acked and sent.acked not in reached):
                    found.lost += 1
            else:
                found.remarks.append(f"{sent.name} was never answered")
    # Each success writes one audit row and one command id; each topic has a title of its own.
    persons = [each.person.pk for each in people]
    ((audits,),) = parts.look(
        "SELECT count(*) FROM kernel_auditentry WHERE actor_id = ANY(%s) AND outcome = 'ok' AND action LIKE 'agenda.%%'",
        persons,
    )
    ((commands,),) = parts.look("SELECT count(*) FROM kernel_commandid WHERE actor_id = ANY(%s)", persons)
    found.doubled += abs(audits - commands)
    titles = Counter(
        title
        for (title,) in parts.look(
            "SELECT t.title FROM meetings_topic t JOIN meetings_agendaitem i ON i.topic_id = t.id WHERE i.meeting_id = %s",
            meeting_id,
        )
    )
    found.doubled += sum(number - 1 for number in titles.values())


async def compare(clients: list[Client], people: list[Any], meeting_id: UUID, found: Outcome) -> None:
    """Each client's room against a fresh drawing at the same sequence; the leases of killed processes still end meanwhile."""
    from django.db import close_old_connections

    from meetings.room import audience, work

    def draw(member: Any) -> Any:
        close_old_connections()
        place = audience.find(member.pk, meeting_id, member.organisation_id)
        assert place is not None
        return work.start(meeting_id, place.audience, None)

    for client, member in zip(clients, people, strict=True):
        deadline = monotonic() + COMPARED_WITHIN_S
        while True:
            fresh = await asyncio.to_thread(draw, member)
            room = json.loads(json.dumps(fresh.room))
            differing = [key for key in room if client.room is None or room[key] != client.room.get(key)]
            if client.seq == fresh.seq and not differing:
                break
            if monotonic() > deadline:
                found.diverged += 1
                found.remarks.append(f"a client at {client.seq} of {fresh.seq} differs in {differing}")
                break
            await asyncio.sleep(0.2)


HONEST = ("-m", "mdo", "web")
EARLY = ("-m", "tests.chaos.early")


def run(
    rig: Rig, cast: Any, web: tuple[str, ...], seeds: tuple[int, ...], *, acknowledged: int, kills: int
) -> list[Outcome]:
    """All seeds with one kind of web server."""
    outcomes = []
    parts = Parts(rig, web)
    try:
        for _ in range(2):
            parts.start_web(free_port())
        parts.start_worker()
        for seed in seeds:
            began = monotonic()
            outcome = asyncio.run(chaos(parts, cast, seed, acknowledged=acknowledged, kills=kills))
            outcomes.append(outcome)
            print(
                f"seed {seed}: {outcome.acknowledged} acknowledged of {outcome.sent}, refused {dict(outcome.refused)},"
                f" lost {outcome.lost}, doubled {outcome.doubled}, diverged {outcome.diverged},"
                f" {monotonic() - began:.0f} s {outcome.remarks[:5]}",
                flush=True,
            )
    finally:
        parts.stop()
    return outcomes


def main() -> int:
    about = origin()
    with Rig("chaos") as rig:
        from tests.cast import make_cast

        cast = make_cast()
        outcomes = run(rig, cast, HONEST, SEEDS, acknowledged=ACKNOWLEDGED_PER_SEED, kills=KILLS_PER_SEED)
        print("control: acknowledges before it commits", flush=True)
        lost = run(rig, cast, EARLY, (7,), acknowledged=100, kills=6)[0].lost
    kills = sum(sum(outcome.kills.values()) for outcome in outcomes)
    result = {
        "seeds": len(SEEDS),
        "kills": kills,
        "kills_in_flight": sum(outcome.in_flight for outcome in outcomes),
        "acknowledged": sum(outcome.acknowledged for outcome in outcomes),
        "lost": sum(outcome.lost for outcome in outcomes),
        "doubled": sum(outcome.doubled for outcome in outcomes),
        "diverged": sum(outcome.diverged for outcome in outcomes),
        "slowest_recovery_s": max(seconds for outcome in outcomes for seconds in outcome.recoveries_s),
        "control_lost": lost,
        "sent": sum(outcome.sent for outcome in outcomes),
        "refused": dict(sum((outcome.refused for outcome in outcomes), Counter())),
        "killed": dict(sum((outcome.kills for outcome in outcomes), Counter())),
        "recoveries_s": [outcome.recoveries_s for outcome in outcomes],
        "remarks": [remark for outcome in outcomes for remark in outcome.remarks],
        **about,
        "load_after": round(os.getloadavg()[0], 2),
    }
    print(json.dumps(result, indent=2))
    print(write("chaos", result))
    missed = [
        sentence
        for holds, sentence in (
            (result["kills"] >= 10, "fewer than ten kills"),
            (result["kills_in_flight"] == kills, "a kill met no command in flight"),
            (result["acknowledged"] >= 1000, "fewer than a thousand commands"),
            (set(result["killed"]) == set(PARTS), "a part was never killed"),
            (not result["lost"], "acknowledged commands are lost"),
            (not result["doubled"], "commands were done twice"),
            (not result["diverged"], "a client sees something else than the database"),
            (not result["remarks"], "something was odd"),
            (result["slowest_recovery_s"] <= 10, "a recovery took more than 10 s"),
            (lost > 0, "the control lost nothing: this run could not have seen a loss"),
        )
        if not holds
    ]
    print("Failed: " + "; ".join(missed) if missed else "Kept.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
