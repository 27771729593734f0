"""`make upgrade-test`: the release before works, this one migrates under it and takes over; nobody notices. Writes `var/upgrade.json`.

Two web processes, a worker and the clock of the release before serve twenty requests a second, a quarter of them pages, and a room in which
six people command about once a second each: what two cores can carry while they migrate, too. This release migrates, its web processes come up and are ready, new lines go to them, the old ones say goodbye, then worker
and clock change. No answer may be a 5xx, no request may stay without one, every acknowledged command is in the database once, everybody
is back in the room and sees what the database says, and the pages that were open find their files.

The control does the same with a migration that takes away what the release before reads: it must fail, or this run proves nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from mdo.cli.process import Child, tail
from tests.bench.rig import Rig, answers, origin, wait_for, write
from tests.ports import free_port
from tests.upgrade.front import Front
from tests.upgrade.releases import Tree, before, this
from tests.upgrade.visitors import Visitors, get

CALM_S = 8.0
ALONE = "the release before alone"
SEEN_OUT_S = 10.0
PAUSE_S = (0.5, 1.5)
"""Between the commands of one of the six."""
SAFE = {
    "r001_rehearsal": "ALTER TABLE meetings_agendaitem ADD COLUMN rehearsal varchar(20) DEFAULT '' NOT NULL",
    "r002_rehearsal": "CREATE INDEX CONCURRENTLY rehearsal ON meetings_agendaitem (rehearsal)",
}
UNSAFE = {"r001_rehearsal": "ALTER TABLE meetings_agendaitem DROP COLUMN heavy"}


@dataclass
class Found:
    """What one run came to."""

    seconds: dict[str, float] = field(default_factory=dict)
    asked: int = 0
    failed: int = 0
    answers: dict[str, dict[str, int]] = field(default_factory=dict)
    slowest_s: dict[str, float] = field(default_factory=dict)
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    diverged: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    back_s: float | None = None
    goodbyes: int = 0
    failed_before: int = 0  # before anything was changed
    old_files: int = 0
    old_files_missing: int = 0
    ready: bool = False
    remarks: list[str] = field(default_factory=list)

    def missed(self) -> list[str]:
        """Sentences about what was promised and not kept."""
        return [
            sentence
            for holds, sentence in (
                (self.asked >= 200, "too few requests to say anything"),
                (not self.failed_before, f"{self.failed_before} requests failed before anything changed: this machine is too busy to say anything"),
                (not self.failed, f"{self.failed} requests without a good answer"),
                (self.acknowledged >= 100, f"only {self.acknowledged} commands acknowledged"),
                (not self.lost, f"{self.lost} acknowledged commands are lost"),
                (not self.doubled, f"{self.doubled} commands were done twice"),
                (not self.diverged, f"{self.diverged} clients see something else than the database"),
                (self.back_s is not None and self.back_s <= 10, "not everybody was back in the room within 10 s"),
                (self.old_files > 0 and not self.old_files_missing, f"{self.old_files_missing} files of open pages are gone"),
                (self.ready, "the new release is not ready in the end"),
                (not self.remarks, f"odd: {self.remarks[:3]}"),
            )
            if not holds
        ]  # fmt: skip


class Site(Rig):
    """Servers, the tables of the release before, and its processes, then those of this one."""

    def __init__(self, old: Tree) -> None:
        super().__init__("upgrade")
        self.take(old)
        self.port = free_port()

    def take(self, tree: Tree) -> None:
        """What is started from now on is of this release."""
        self.sources, self.python = tree.folder, tree.python

    def __enter__(self) -> Site:
        super().__enter__()
        self.variables["MDO_ORIGINS"] = f"http://127.0.0.1:{self.port}"
        return self

    def seat(self) -> dict[str, Any]:
        """People, a room and sessions, made by the release before itself. With the Python of the tests: pytest is not among its requirements."""
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("seating.py"))],
            env=self.environment(PYTHONPATH=str(self.sources)),
            cwd=self.sources,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"nobody could be seated:\n{done.stderr[-3000:]}")
        return dict(json.loads(done.stdout.splitlines()[-1]))

    def web(self, name: str) -> tuple[Child, int]:
        port = free_port()
        child = self.start(name, "-m", "mdo", "web", MDO_PORT=str(port))
        log = child.program.log
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz/web"), name, within_s=60, log=log)
        return child, port


async def run(site: Site, new: Tree, *, takes_over: bool) -> Found:
    """The upgrade; without taking over, only what becomes of the old release on the new tables."""
    from tests.chaos.clients import Client
    from tests.chaos.run import CHAIRS, Outcome, Parts, compare, judge, settle, until

    found = Found()
    table = site.seat()
    front = Front()
    await front.open(site.port)
    # Those who only listen look around: what the chairs' audit rows say must come from their commands alone.
    cookies = [f"{table['cookie']}={key}" for key in table["sessions"][CHAIRS:]]
    visitors = Visitors(site.port, table["pages"], cookies, [])
    children: list[Child] = []
    tasks: list[asyncio.Task[Any]] = []
    enough = asyncio.Event()
    began = monotonic()

    def part(name: str) -> None:
        nonlocal began
        found.seconds[visitors.part] = round(monotonic() - began, 1)
        began, visitors.part = monotonic(), name
        print(f"  {name}", flush=True)

    try:
        olds = [await asyncio.to_thread(site.web, f"old-web{number}") for number in (1, 2)]
        helpers = [site.start("old-worker", "-m", "mdo", "worker"), site.start("old-beat", "-m", "mdo", "beat")]
        children += [child for child, _ in olds] + helpers
        front.targets = [port for _, port in olds]
        files = await open_files(site.port, table["pages"], cookies[0], site.sources)
        visitors.files = sorted(files)
        clients = [
            Client(UUID(table["meeting"]), key, [site.port], random.Random(number))
            for number, key in enumerate(table["sessions"])
        ]
        chairs = clients[:CHAIRS]
        tasks += [asyncio.create_task(client.live()) for client in clients]
        if await until(lambda: all(client.connected for client in clients), 30) is None:
            raise SystemExit("not everybody came into the room")
        acting = [asyncio.create_task(client.act(enough.is_set, PAUSE_S)) for client in chairs]
        visiting = asyncio.create_task(visitors.live())
        tasks += [*acting, visiting]
        part(ALONE)
        await asyncio.sleep(CALM_S)

        part("migrating")
        site.take(new)
        await asyncio.to_thread(site.run, "prepare", owner=True)

        part("the release before on new tables")
        await asyncio.sleep(CALM_S)
        if takes_over:
            part("new web processes start")
            news = [await asyncio.to_thread(site.web, f"new-web{number}") for number in (1, 2)]
            children += [child for child, _ in news]

            part("taking over")
            lines = {id(client): client.connections for client in clients}
            front.targets = [port for _, port in news]
            await until(lambda: sum(front.lines[port] for _, port in olds) <= len(clients), SEEN_OUT_S)
            for child, _ in olds:
                child.ask_to_stop()
            found.back_s = await until(
                lambda: all(each.connected and each.connections > lines[id(each)] for each in clients), 30
            )
            for child, _ in olds:
                await asyncio.to_thread(child.wait_or_kill)
                children.remove(child)
            found.goodbyes = sum(client.goodbyes for client in clients)
            new_worker = site.start("new-worker", "-m", "mdo", "worker")
            await asyncio.to_thread(helpers[0].stop)
            await asyncio.to_thread(helpers[1].stop)
            children = [child for child in children if child not in helpers]
            children += [new_worker, site.start("new-beat", "-m", "mdo", "beat")]

            part("the new release alone")
            await asyncio.sleep(CALM_S)
            found.old_files = len(files)
            for file in sorted(files):
                status, _ = await get(site.port, file)
                if status != 200:
                    found.old_files_missing += 1
                    print(f"  gone: {file} ({status})", flush=True)
        enough.set()
        visiting.cancel()
        with suppress(asyncio.CancelledError):
            await visiting
        await asyncio.wait(acting, timeout=30)
        parts, outcome = Parts(site), Outcome()
        meeting_id = UUID(table["meeting"])
        people = [
            SimpleNamespace(pk=UUID(each), person=SimpleNamespace(pk=UUID(each)), organisation_id=UUID(table["organisation"]))
            for each in table["people"]
        ]  # fmt: skip
        await settle(parts, clients, meeting_id)
        await asyncio.to_thread(judge, parts, clients, people[:CHAIRS], meeting_id, outcome)
        if takes_over:
            await compare(clients, people, meeting_id, outcome)
            one = front.targets[0]
            found.ready = await until(lambda: answers(f"http://127.0.0.1:{one}/readyz"), 40) is not None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await front.close()
        for child in children:
            child.ask_to_stop()
        for child in children:
            child.wait_or_kill()
    part("over")
    found.asked, found.failed = visitors.asked, visitors.failed()
    found.failed_before = visitors.failed(ALONE)
    found.answers = {name: dict(each) for name, each in visitors.statuses.items()}
    found.slowest_s = dict(visitors.slowest_s)
    found.acknowledged, found.lost, found.doubled = outcome.acknowledged, outcome.lost, outcome.doubled
    found.diverged, found.refused = outcome.diverged, dict(outcome.refused)
    found.remarks = [*outcome.remarks, *visitors.remarks]
    return found


async def open_files(port: int, pages: list[str], cookie: str, sources: Path) -> set[str]:
    """The addresses of every file with a hash in its name that pages of the release before may still ask for."""
    for page in pages:
        await get(port, page, cookie)
    return {f"/static/assets/{path.name}" for path in (sources / "frontend" / "dist" / "assets").iterdir()}


def keep_files(site: Site, old: Tree) -> None:
    """What docs/administrators/update.md asks of who updates from a release that does not keep its files itself."""
    if not (old.folder / "mdo" / "kept_files.py").is_file():
        shutil.copytree(
            old.folder / "frontend" / "dist" / "assets", site.stack.home.path / "assets", dirs_exist_ok=True
        )


def upgrade(folder: Path, old: Tree, rehearsed: dict[str, str], *, takes_over: bool) -> Found:
    new = this(folder, rehearsed)
    with Site(old) as site:
        keep_files(site, old)
        try:
            return asyncio.run(run(site, new, takes_over=takes_over))
        except SystemExit:
            for log in sorted(site.stack.home.path.glob("log/*.log")):
                print(f"── {log.name}\n{tail(log, 15)}", flush=True)
            raise


def main() -> int:
    about = origin()
    folder = Path(tempfile.mkdtemp(prefix="mdo-releases-"))
    try:
        print("the release before", flush=True)
        old = before(folder / "before")
        print("the upgrade", flush=True)
        found = upgrade(folder / "new", old, SAFE, takes_over=True)
        print("control: a migration that takes away what the release before reads", flush=True)
        control = upgrade(folder / "control", old, UNSAFE, takes_over=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    missed = found.missed()
    if not control.failed:
        missed.append("the control failed no request: this run could not have seen it")
    result = {
        "before": old.name,
        **vars(found),
        "control_failed": control.failed,
        "control_answers": control.answers,
        "missed": missed,
        **about,
        "load_after": round(os.getloadavg()[0], 2),
    }
    print(json.dumps(result, indent=2, default=str))
    print(write("upgrade", result))
    print("Failed: " + "; ".join(missed) if missed else "Kept.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
