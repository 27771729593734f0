"""The own servers of one state folder, started in order, watched, and ended in order."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from mdo.cli.home import Home
from mdo.cli.process import Child, end_orphans
from mdo.cli.servers import Postgres, Valkey


class Stack:
    """PostgreSQL and Valkey of a `Home`; a context manager. `environment` holds the settings that reach them, and the keys."""

    def __init__(
        self,
        home: Home,
        *,
        tell: Callable[[str], None],
        may_create_databases: bool = False,
        postgres: bool = True,
        valkey: bool = True,
    ) -> None:
        self.home = home
        self.tell = tell
        self.may_create_databases = may_create_databases
        self.wanted = (postgres, valkey)
        self.servers: list[Postgres | Valkey] = []
        self.children: dict[str, Child] = {}
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Stack:
        self.home.prepare()
        try:
            self.plan()
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def plan(self) -> dict[str, str]:
        """The settings that reach the servers, and the keys; starts nothing. Raises CannotRun."""
        keys = self.home.keys()
        self.servers = []
        if self.wanted[0]:
            self.servers.append(Postgres(self.home, keys, may_create_databases=self.may_create_databases))
        if self.wanted[1]:
            self.servers.append(Valkey(self.home, keys))
        self.environment = {
            "MDO_VAR": str(self.home.path),
            "MDO_SECRET_KEY": keys["MDO_SECRET_KEY"],
            "MDO_FILE_KEY": keys["MDO_FILE_KEY"],
        }
        for server in self.servers:
            self.environment |= server.environment()
        return self.environment

    def start(self) -> None:
        """End leftovers, start what is planned, wait until it answers; raises CannotRun."""
        pids = self.home.path / "pids"
        end_orphans(pids, self.tell)
        for server in self.servers:
            server.initialise()
            program = server.program()
            self.children[program.name] = Child.start(program, pids)
        for server in self.servers:
            child = self.children[server.program().name]
            server.wait(lambda child=child: child.exit_code() is None)  # type: ignore[misc]
            server.prepare()

    def mend(self) -> None:
        """Start again what has died, and say so."""
        for name, child in list(self.children.items()):
            code = child.exit_code()
            if code is not None:
                self.tell(f"{name} ended ({code}); starting it again.")
                self.children[name] = Child.start(child.program, self.home.path / "pids")

    def stop(self) -> None:
        """End them, last started first."""
        for child in reversed(list(self.children.values())):
            child.stop()
        self.children.clear()
        self.home.release()
