"""Redis behind sentinels: the leader is killed, another one leads, and the channel layer, the worker, its clock and health's client find it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from channels_redis.pubsub import RedisPubSubChannelLayer
from redis.asyncio import sentinel as asyncio_sentinel
from redis.asyncio.sentinel import Sentinel

from mdo import health, redis_servers
from mdo.cli.process import Child, Program
from tests.parts import child_environment, until
from tests.sentinel.servers import PASSWORD, Watched, watched

BACK_WITHIN_S = 30.0
WORKING_WITHIN_S = 90.0


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Watched]:
    folder = tmp_path / "redis"
    folder.mkdir()
    with watched(folder) as running:
        yield running


async def reaches(layer: RedisPubSubChannelLayer, channel: str, word: str, within_s: float = 1) -> bool:
    """Whether what is sent to the group arrives at the one who listened from before."""
    try:
        async with asyncio.timeout(within_s):
            await layer.group_send("room", {"type": "look", "word": word})
            while (await layer.receive(channel))["word"] != word:
                pass
        return True
    except (TimeoutError, redis.RedisError, OSError):
        return False


async def test_the_channel_layer_finds_the_new_leader(
    servers: Watched, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[
        Any
    ] = []  # channels-redis never lets go of its lines to the sentinels; a process has them until it ends

    def ask(*args: Any, **options: Any) -> Any:
        asked.append(Sentinel(*args, **options))
        return asked[-1]

    monkeypatch.setattr(asyncio_sentinel, "Sentinel", ask)
    settings.MDO_REDIS_URL = servers.url
    layer = RedisPubSubChannelLayer(hosts=[redis_servers.channel_host(servers.url)], prefix="test-sentinel")
    # The control: who knows one address hears nothing any more when that server is gone.
    alone = RedisPubSubChannelLayer(
        hosts=[redis_servers.channel_host(f"redis://:{PASSWORD}@127.0.0.1:{servers.leader()}/0")],
        prefix="test-sentinel",
    )
    channel, lonely = await layer.new_channel(), await alone.new_channel()
    await layer.group_add("room", channel)
    await alone.group_add("room", lonely)
    try:
        assert await reaches(layer, channel, "before", 20)
        assert await reaches(alone, lonely, "before", 20)
        await asyncio.to_thread(servers.kill_leader)
        async with asyncio.timeout(BACK_WITHIN_S):
            number = 0
            while not await reaches(layer, channel, f"after {number}"):
                number += 1
        assert not await reaches(alone, lonely, "after")
        assert await asyncio.to_thread(health.check_redis) == {"ok": True, "aof": True}
    finally:
        await layer.flush()
        for line in (line for each in asked for line in each.sentinels):
            await line.aclose()
        with pytest.raises((redis.RedisError, OSError)):  # there is nobody to say goodbye to
            await asyncio.wait_for(alone.group_discard("room", lonely), 5)


def heard_since(moment: float) -> bool:
    """Whether clock, broker and worker have worked together since."""
    try:
        with health.client() as line:
            said: Any = line.get(health.heartbeat_key())
    except redis.RedisError:
        return False
    return said is not None and float(said) > moment


def test_worker_and_clock_go_on_with_the_new_leader(
    committed: None, servers: Watched, settings: Any, tmp_path: Path
) -> None:
    settings.MDO_REDIS_URL = servers.url
    (tmp_path / "pids").mkdir()
    command = [sys.executable, "-m", "mdo", "worker", "--beat"]
    program = Program("worker", command, child_environment() | {"REDIS_URL": servers.url}, tmp_path / "worker.log")
    child = Child.start(program, tmp_path / "pids")
    try:
        until(lambda: heard_since(0), "the first heartbeat", WORKING_WITHIN_S, log=program.log)
        servers.kill_leader()
        killed = time.time()
        until(lambda: heard_since(killed), "a heartbeat by way of the new leader", WORKING_WITHIN_S, log=program.log)
        assert child.exit_code() is None
    finally:
        child.stop()
