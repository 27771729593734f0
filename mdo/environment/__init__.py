"""The settings that come from outside, parsed once and strictly.

Every variable the program reads stands in one of the groups of `Environment`, with its meaning; `docs/administrators/settings.md`
is made from them. What is not understood is refused at the start with the variable's name, never guessed. An unknown `MDO_…`
variable is refused too: it is a typing error more often than a wish.

Any variable may be given as a file: `MDO_SECRET_KEY_FILE=/run/secrets/key` reads the value from there (its last line break does
not count), so that no secret has to stand among the variables of a process.
"""

from __future__ import annotations

import base64
import difflib
import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import ValidationError, model_validator

from mdo.environment.calls import Calls
from mdo.environment.exchange import Exchange
from mdo.environment.kinds import Group
from mdo.environment.machine import Machine
from mdo.environment.messages import Mail, Messages, parse_mail_url
from mdo.environment.site import BASE_DIR, Site
from mdo.environment.stores import Stores, parse_database_url, parse_s3_url
from mdo.environment.watching import Watching
from mdo.loopback import is_loopback

__all__ = [
    "BASE_DIR",
    "GROUPS",
    "Environment",
    "Mail",
    "SettingsRefused",
    "allowed_hosts",
    "from_files",
    "load",
    "names",
    "parse",
    "parse_database_url",
    "parse_mail_url",
    "parse_s3_url",
    "placeholders",
    "read_file",
]

# In the order of the documentation.
GROUPS: tuple[type[Group], ...] = (Site, Machine, Stores, Messages, Calls, Exchange, Watching)

# Read by the supervisor, the bootstrap and the tests only; the program itself does not know them.
OUTSIDE = frozenset({"MDO_TEST_DB_SUFFIX", "MDO_TEST_RUN", "MDO_TEST_POOLED", "MDO_STARTED", "MDO_SUPERVISED"})


class SettingsRefused(Exception):
    """One or more variables cannot be understood; `problems` holds one sentence each, led by the variable's name."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


# pydantic collects the fields of the last base first.
class Environment(Watching, Exchange, Calls, Messages, Stores, Machine, Site):
    """All of it."""

    @model_validator(mode="after")
    def _together(self) -> Environment:
        if self.demo and not ipaddress.ip_address(self.host).is_loopback:
            raise ValueError(f"MDO_HOST: demo mode listens on loopback only, not on {self.host}")
        if self.demo:
            for origin in filter(None, self.origins.split(",")):
                if not is_loopback(urlsplit(origin).hostname or ""):
                    raise ValueError(f"MDO_ORIGINS: demo mode serves loopback only, not {origin}")
        if not self.demo and not self.origins:
            raise ValueError("MDO_ORIGINS: is missing; name the site's origin, such as https://moc.example.org")
        if self.metrics_token and len(self.metrics_token) < 24:
            raise ValueError("MDO_METRICS_TOKEN: must hold at least 24 characters")
        if bool(self.turn) != bool(self.turn_secret):
            raise ValueError("MDO_TURN: the relays and MDO_TURN_SECRET go together")
        if self.turn_secret and len(self.turn_secret) < 24:
            raise ValueError("MDO_TURN_SECRET: must hold at least 24 characters")
        if len({bool(self.livekit), bool(self.livekit_key), bool(self.livekit_secret)}) > 1:
            raise ValueError("MDO_LIVEKIT: the servers, MDO_LIVEKIT_KEY and MDO_LIVEKIT_SECRET go together")
        if self.livekit_api and not self.livekit:
            raise ValueError("MDO_LIVEKIT_API: names servers that MDO_LIVEKIT does not")
        if self.livekit_secret and len(self.livekit_secret) < 32:
            raise ValueError("MDO_LIVEKIT_SECRET: must hold at least 32 characters")
        if not self.demo and any(url.startswith("ws:") for url in self.livekit_list):
            raise ValueError("MDO_LIVEKIT: browsers reach media servers by wss:// only")
        if self.backup_key and self.backup_key == self.file_key:
            raise ValueError("MDO_BACKUP_KEY: must be another key than MDO_FILE_KEY")
        if self.database_replica_url:
            runs, reads = parse_database_url(self.database_url), parse_database_url(self.database_replica_url)
            if any(runs[key] != reads[key] for key in ("NAME", "USER")):
                raise ValueError("DATABASE_REPLICA_URL: must name the same database and role as DATABASE_URL")
        if self.database_owner_url:
            runs, owns = parse_database_url(self.database_url), parse_database_url(self.database_owner_url)
            # A pooler has an address of its own, and nothing that migrates goes through it.
            if any(runs[key] != owns[key] for key in (("NAME",) if self.pooled else ("NAME", "HOST", "PORT"))):
                raise ValueError("DATABASE_OWNER_URL: must name the same database as DATABASE_URL")
            if runs["USER"] == owns["USER"]:
                raise ValueError(
                    "DATABASE_URL: must not use the owner's role; the program runs as a role that owns nothing"
                )
        return self

    @property
    def handover_folder(self) -> Path | None:
        """Where reports are laid down for other programs; in demo mode there is always such a folder."""
        if self.handover:
            return Path(self.handover)
        return self.var / "handover" if self.demo else None


def allowed_hosts(origins: list[str]) -> list[str]:
    """The hosts of these origins as Django's ALLOWED_HOSTS wants them: no scheme, no port, IPv6 in brackets."""
    hosts = {urlsplit(origin).hostname or "" for origin in origins}
    return sorted(f"[{host}]" if ":" in host else host for host in hosts)


def names() -> list[str]:
    """Every variable the program reads, in the order of the documentation."""
    return [str(field.alias) for field in Environment.model_fields.values()]


def from_files(source: Mapping[str, str], known: list[str]) -> tuple[dict[str, str], list[str]]:
    """The variables that are given as files, read; and a sentence for each that cannot be."""
    found, problems = {}, []
    for name in known:
        path = source.get(f"{name}_FILE", "")
        if not path:
            continue
        if name in source:
            problems.append(f"{name}_FILE: {name} is given too; give one of them")
            continue
        try:
            found[name] = Path(path).read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            problems.append(f"{name}_FILE: {path} cannot be read: {why}")
    return found, problems


def parse(source: Mapping[str, str]) -> Environment:
    """Read the settings out of `source`; raises SettingsRefused with a sentence for each variable that is not understood."""
    known = names()
    told_by_file, problems = from_files(source, known)
    may_be = {*known, *(f"{name}_FILE" for name in known), *OUTSIDE}
    for name in sorted(source):
        if name.startswith("MDO_") and name not in may_be:
            near = difflib.get_close_matches(name, known, 1)
            problems.append(f"{name}: is no setting" + (f"; did you mean {near[0]}?" if near else "."))
    told = {name: source[name] for name in known if name in source} | told_by_file
    try:
        parsed = Environment.model_validate(told)
    except ValidationError as error:
        unread = {problem.split("_FILE:", 1)[0] for problem in problems}
        for fault in error.errors(include_url=False, include_input=False, include_context=False):
            where = str(fault["loc"][0]) if fault["loc"] else ""
            if where in unread:
                continue
            text = "is missing" if fault["type"] == "missing" else fault["msg"].removeprefix("Value error, ")
            problems.append(f"{where}: {text}" if where else text)
        raise SettingsRefused(problems) from None
    if problems:
        raise SettingsRefused(problems)
    return parsed


def placeholders() -> dict[str, str]:
    """Settings for what reads the program but never runs it for people: type checking, collecting static files."""
    return {
        "MDO_MODE": "demo",
        "MDO_SECRET_KEY": "x" * 50,
        "MDO_FILE_KEY": base64.b64encode(bytes(32)).decode(),
        "DATABASE_URL": "postgresql://mdo_app@/mdo",
        "REDIS_URL": "redis://127.0.0.1:6379/0",
        "EMAIL_URL": "smtp://127.0.0.1:2525",
    }


def read_file(path: Path) -> dict[str, str]:
    """The `NAME=value` lines of a file as the supervisor writes it; no quoting, no expansion."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def load() -> Environment:
    """The settings of this process; raises SettingsRefused."""
    return parse(os.environ)
