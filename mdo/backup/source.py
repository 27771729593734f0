"""What is kept: the database by its replication role, PostgreSQL's programs, and the installation's folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo


@dataclass(frozen=True)
class Source:
    """``url`` holds the role's password; ``var`` is the installation's folder."""

    url: str
    programs: Path
    var: Path
    file_key: bytes

    @property
    def spool(self) -> Path:
        return self.var / "backup-spool"

    def ask(self, query: LiteralString, *arguments: object) -> Any:
        """The one row that the server answers with, or none. Raises ``psycopg.Error``."""
        with psycopg.connect(self.url, connect_timeout=10) as connection:
            return connection.execute(query, arguments).fetchone()

    def command(self, program: str, arguments: Sequence[str]) -> list[str]:
        """One of PostgreSQL's programs and the server's address without its password: everybody on the machine reads a command line."""
        address = {name: value for name, value in conninfo_to_dict(self.url).items() if name != "password"}
        return [str(self.programs / program), "--dbname", make_conninfo("", **address), "--no-password", *arguments]

    def environment(self, name: str) -> dict[str, str]:
        """What such a program needs to know; ``name`` is how the server knows it."""
        password = conninfo_to_dict(self.url).get("password")
        return {
            "PATH": "/usr/bin:/bin",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "PGCONNECT_TIMEOUT": "10",
            "PGAPPNAME": name,
            **({"PGPASSWORD": str(password)} if password else {}),
        }
