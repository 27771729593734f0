"""Two servers, one of which follows the other, in front of a room; and what their owner does with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import psycopg

from mdo.cli.process import Child
from mdo.cli.servers import SUPERUSER, Postgres
from tests.failover import follower
from tests.failover.follower import Server


class Pair:
    """``leader`` is the running server of a stack; ``follow`` makes another one that follows it, again and again."""

    def __init__(self, postgres: Postgres, child: Child) -> None:
        self.postgres = postgres
        self.folder = follower.new_folder()
        self.leader = Server("leader", postgres.data, postgres.sockets, child)
        self.follower: Server | None = None
        self.made: list[Server] = []

    def address(self, places: int) -> str:
        """DATABASE_URL with every place at which a server is or will be: whichever takes writes is used."""
        folders = [self.postgres.sockets, *(self.folder / f"f{number}" for number in range(1, places + 1))]
        hosts = quote(",".join(map(str, folders)), safe="")
        password = quote(self.postgres.keys["MDO_APP_PASSWORD"], safe="")
        return f"postgresql://mdo_app:{password}@/mdo?host={hosts}&target_session_attrs=read-write"

    def url(
        self, server: Server, user: str = "mdo_app", password: str = "MDO_APP_PASSWORD", database: str = "mdo"
    ) -> str:
        return server.url(user, self.postgres.keys[password], database)

    def ask(self, server: Server, statement: str, *values: Any, database: str = "postgres") -> list[tuple[Any, ...]]:
        """As the superuser of this server; its password came with the copy."""
        url = self.url(server, SUPERUSER, "POSTGRES_PASSWORD", database)
        with psycopg.connect(url, connect_timeout=3, autocommit=True) as line:
            cursor = line.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def answers(self, server: Server) -> bool:
        return follower.answers(self.url(server, SUPERUSER, "POSTGRES_PASSWORD", "postgres"))

    def follow(self, *, synchronous: bool, settings: Sequence[str] = ()) -> Server:
        """Copy the leader. ``synchronous``: from then on the leader acknowledges only what the copy has on its disk."""
        name = f"f{len(self.made) + 1}"
        source = self.url(self.leader, SUPERUSER, "POSTGRES_PASSWORD", "postgres")
        made = follower.make(name, source, self.postgres.bin, self.folder / name, settings)
        self.made.append(made)
        self.follower = made
        streams = "SELECT 1 FROM pg_stat_replication WHERE application_name = %s AND state = 'streaming'"
        follower.until(lambda: bool(self.ask(self.leader, streams, name)), f"{name} follows", made)
        if synchronous:
            self.ask(self.leader, f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
            self.ask(self.leader, "SELECT pg_reload_conf()")
            follower.until(
                lambda: bool(self.ask(self.leader, f"{streams} AND sync_state = 'sync'", name)), f"{name} is waited for"
            )
        return made

    def cut_off(self) -> None:
        """The follower gets nothing any more."""
        assert self.follower is not None
        self.follower.set("primary_conninfo", "")
        follower.until(
            lambda: not self.ask(self.leader, "SELECT 1 FROM pg_stat_replication"), "the follower is cut off"
        )

    def promote(self) -> None:
        """The follower leads from now on; who led is not started again (its data would have to be copied anew)."""
        assert self.follower is not None
        self.ask(self.follower, "SELECT pg_promote(wait => false)")
        self.leader, self.follower = self.follower, None

    def stop(self) -> None:
        for server in reversed(self.made):
            follower.end(server)
        self.folder.rmdir()
