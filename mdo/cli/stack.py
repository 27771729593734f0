"""The own servers of one state folder, started in order, watched, and ended in order."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from mdo.cli.home import Home, write_private
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
        self.children: dict[str, Child] = {}
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Stack:
        self.home.prepare()
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """End leftovers, start what is wanted, write the settings down; raises CannotRun."""
        pids = self.home.path / "pids"
        end_orphans(pids, self.tell)
        keys = self.home.keys()
        servers: list[Postgres | Valkey] = []
        if self.wanted[0]:
            servers.append(Postgres(self.home, keys, may_create_databases=self.may_create_databases))
        if self.wanted[1]:
            servers.append(Valkey(self.home, keys))
        for server in servers:
            server.initialise()
            program = server.program()
            self.children[program.name] = Child.start(program, pids)
        self.environment = {
            "MDO_MODE": "demo",
            "MDO_VAR": str(self.home.path),
            "MDO_SECRET_KEY": keys["MDO_SECRET_KEY"],
            "MDO_FILE_KEY": keys["MDO_FILE_KEY"],
            "EMAIL_URL": "smtp://127.0.0.1:2525",
        }
        for server in servers:
            child = self.children[server.program().name]
            server.wait(lambda child=child: child.exit_code() is None)  # type: ignore[misc]
            server.prepare()
            self.environment |= server.environment()
        write_private(self.home.path / "env", "".join(f"{name}={value}\n" for name, value in self.environment.items()))

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
