"""The settings that come from outside, parsed once and strictly.

Every variable the program reads stands in `Environment`, with its meaning; `docs/administrators/settings.md` is held equal to it
by a test. What is not understood is refused at the start with the variable's name, never guessed. An unknown `MDO_…` variable is
refused too: it is a typing error more often than a wish.
"""

from __future__ import annotations

import base64
import difflib
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mdo import call_servers

BASE_DIR = Path(__file__).resolve().parent.parent

# Read by the supervisor, the bootstrap and the tests only; the program itself does not know them.
OUTSIDE = frozenset({"MDO_TEST_DB_SUFFIX", "MDO_TEST_RUN", "MDO_STARTED"})


class SettingsRefused(Exception):
    """One or more variables cannot be understood; `problems` holds one sentence each, led by the variable's name."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def _strict_bool(value: Any) -> Any:
    if isinstance(value, str):
        if value in ("0", "1"):
            return value == "1"
        raise ValueError("must be 0 or 1")
    return value


@dataclass(frozen=True)
class Mail:
    """Where mail leaves: parsed from `smtp://` (plain), `smtp+starttls://` or `smtps://` (TLS from the first byte)."""

    host: str
    port: int
    user: str
    password: str
    starttls: bool
    tls: bool


def parse_mail_url(url: str) -> Mail:
    """`smtp[s|+starttls]://[user:password@]host[:port]`; raises ValueError with a sentence."""
    parts = urlsplit(url)
    default_ports = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
    if parts.scheme not in default_ports:
        raise ValueError("must start with smtp://, smtp+starttls:// or smtps://")
    if not parts.hostname:
        raise ValueError("names no host")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("holds more than user, password, host and port")
    return Mail(
        host=parts.hostname,
        port=parts.port or default_ports[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starttls=parts.scheme == "smtp+starttls",
        tls=parts.scheme == "smtps",
    )


def parse_database_url(url: str) -> dict[str, Any]:
    """A libpq URI as Django's ENGINE/NAME/USER/PASSWORD/HOST/PORT/OPTIONS; raises ValueError with a sentence.

    libpq itself reads it, so sockets (`?host=/folder`), several hosts and `sslmode` mean what PostgreSQL's manual says.
    """
    from psycopg.conninfo import conninfo_to_dict  # slow to load, and most commands read no database

    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("must start with postgresql:// (PostgreSQL is the only engine)")
    try:
        parts = dict(conninfo_to_dict(url))
    except Exception as error:  # psycopg raises its own ProgrammingError, which may repeat the password: keep it out
        raise ValueError("is not a PostgreSQL connection URI") from error
    name = parts.pop("dbname", None)
    if not name:
        raise ValueError("names no database")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": str(name),
        "USER": str(parts.pop("user", "") or ""),
        "PASSWORD": str(parts.pop("password", "") or ""),
        "HOST": str(parts.pop("host", "") or ""),
        "PORT": str(parts.pop("port", "") or ""),
        "OPTIONS": parts,
    }


def check_redis_url(url: str) -> str:
    """`redis://`, `rediss://` or `unix:///socket?db=n[&password=…]`; raises ValueError with a sentence."""
    parts = urlsplit(url)
    if parts.scheme in ("redis", "rediss"):
        if not parts.hostname:
            raise ValueError("names no host")
        if parts.path.strip("/") and not parts.path.strip("/").isdigit():
            raise ValueError("must end in a database number, as in redis://host:6379/0")
        parts.port  # noqa: B018  (raises ValueError when it is no number)
        return url
    if parts.scheme == "unix":
        if not parts.path.startswith("/"):
            raise ValueError("names no socket")
        unknown = {key for key, _ in parse_qsl(parts.query)} - {"db", "password", "username"}
        if unknown:
            raise ValueError(f"does not know {', '.join(sorted(unknown))}")
        return url
    raise ValueError("must start with redis://, rediss:// or unix:///")


def celery_broker_url(redis_url: str) -> str:
    """The same Redis in the words of kombu, which names sockets differently from redis-py."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    query = dict(parse_qsl(parts.query))
    user = f"{query.get('username', '')}:{query['password']}@" if "password" in query else ""
    return f"redis+socket://{user}{parts.path}?virtual_host={query.get('db', '0')}"


@dataclass(frozen=True)
class Identities:
    """An OpenID Connect provider: where its configuration lies, as what this site is known there, and its name for people."""

    configuration: str
    client: str
    secret: str
    name: str


def parse_oidc_url(url: str) -> Identities:
    """`https://client:secret@issuer[/path][?name=words]`, plain http on loopback only; raises ValueError with a sentence."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        raise ValueError("must start with https://")
    if not parts.hostname or not parts.username or not parts.password:
        raise ValueError("must name client, secret and issuer, as in https://client:secret@login.example.org")
    query = dict(parse_qsl(parts.query))
    if set(query) - {"name"} or parts.fragment:
        raise ValueError("holds more than client, secret, issuer and name")
    host = parts.netloc.rpartition("@")[2]
    issuer = f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
    configuration = f"{issuer}/.well-known/openid-configuration"
    return Identities(configuration, unquote(parts.username), unquote(parts.password), query.get("name", host))


class Environment(BaseModel):
    """All of it. The field's alias is the variable's name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["production", "demo"] = Field(
        "production",
        alias="MDO_MODE",
        description="`demo` loads fictional people with a printed password and shows the mailbox; it listens on loopback only.",
    )
    secret_key: str = Field(
        alias="MDO_SECRET_KEY", min_length=50, description="At least 50 random characters; signs sessions and links."
    )
    file_key: str = Field(
        alias="MDO_FILE_KEY",
        description="32 random bytes in base64; encrypts the stored files. Losing it loses the files.",
    )
    database_url: str = Field(
        alias="DATABASE_URL",
        description="PostgreSQL 15 or later as the role that runs the program (mdo_app: owns nothing, no BYPASSRLS).",
    )
    database_owner_url: str = Field(
        "",
        alias="DATABASE_OWNER_URL",
        description="The same database as the role that owns and migrates it; needed by `migrate` only.",
    )
    redis_url: str = Field(alias="REDIS_URL", description="Redis or Valkey with append-only file on.")
    redis_prefix: str = Field(
        "mdo",
        alias="MDO_REDIS_PREFIX",
        pattern=r"^[a-z0-9_-]{1,40}$",
        description="Leads every key and channel, so that two installations can share a server.",
    )
    email_url: str = Field(
        alias="EMAIL_URL", description="`smtp://`, `smtp+starttls://` or `smtps://` with host and port."
    )
    email_from: str = Field(
        "MDO <mdo@localhost>", alias="MDO_EMAIL_FROM", min_length=3, description="The sender of every mail."
    )
    sms: str = Field(
        "",
        alias="MDO_SMS",
        pattern=r"^([A-Za-z_][A-Za-z0-9_]*\.)+[A-Za-z_][A-Za-z0-9_]*$|^$",
        description="The class that sends text messages, such as `hospital.gateway.Gateway`; empty: the secretary reads codes out.",
    )
    oidc: str = Field(
        "",
        alias="MDO_OIDC",
        description="An OpenID Connect provider by which guests may show who they are: `https://client:secret@issuer/path?name=itsme`.",
    )
    turn: str = Field(
        "",
        alias="MDO_TURN",
        description="Relays for picture and sound, with commas: `turn:relay.example.org:3478?transport=udp,turns:relay.example.org:443?transport=tcp`.",
    )
    turn_secret: str = Field(
        "", alias="MDO_TURN_SECRET", description="The secret that the relays share (coturn's `static-auth-secret`)."
    )
    livekit: str = Field(
        "",
        alias="MDO_LIVEKIT",
        description="Media servers as browsers reach them, with commas: `wss://media.example.org`. Empty: from browser to browser.",
    )
    livekit_api: str = Field(
        "",
        alias="MDO_LIVEKIT_API",
        description="The same servers as this program reaches them: `http://livekit:7880`. Empty: at the same hosts.",
    )
    livekit_key: str = Field(
        "", alias="MDO_LIVEKIT_KEY", description="The name of the key that the media servers know."
    )
    livekit_secret: str = Field(
        "", alias="MDO_LIVEKIT_SECRET", description="That key's secret: at least 32 characters."
    )
    host: str = Field("127.0.0.1", alias="MDO_HOST", description="The address to listen on.")
    port: int = Field(8000, alias="MDO_PORT", ge=1, le=65535, description="The port to listen on.")
    similar_cases: bool = Field(
        False,
        alias="MDO_SIMILAR_CASES",
        description="1: from a case, decisions for other patients whose tumour is alike are shown too, among the cases that the reader may open. 0: not.",
    )
    hl7: bool = Field(
        False,
        alias="MDO_HL7",
        description="1: `mdo up` takes messages about patients too (`mdo hl7`), on the address and port below. 0: nobody listens there.",
    )
    hl7_host: str = Field(
        "127.0.0.1",
        alias="MDO_HL7_HOST",
        description="The address on which `mdo hl7` takes messages about patients. MLLP knows no sign-in: loopback, or behind a tunnel.",
    )
    hl7_port: int = Field(
        2575, alias="MDO_HL7_PORT", ge=1, le=65535, description="The port on which `mdo hl7` listens."
    )
    origins: str = Field(
        "",
        alias="MDO_ORIGINS",
        description="Full origins of the site, with commas: `https://moc.example.org`. Empty in demo mode: loopback at the port.",
    )
    proxy: bool = Field(
        False,
        alias="MDO_PROXY",
        description="1 behind a proxy that sets X-Forwarded-For and X-Forwarded-Proto itself; 0 when clients connect directly.",
    )
    var: Path = Field(
        BASE_DIR / "var",
        alias="MDO_VAR",
        description="The folder of stored files and, in demo mode, mailbox and servers.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", alias="MDO_LOG_LEVEL", description="How much is logged; no level logs care content."
    )

    @field_validator("proxy", mode="before")
    @classmethod
    def _bool(cls, value: Any) -> Any:
        return _strict_bool(value)

    @field_validator("port", "hl7_port", mode="before")
    @classmethod
    def _port(cls, value: Any) -> Any:
        if isinstance(value, str) and not (value.isascii() and value.isdigit()):
            raise ValueError("must be a whole number")
        return value

    @field_validator(
        "secret_key", "file_key", "database_url", "redis_url", "email_url", "host", "hl7_host", "email_from"
    )
    @classmethod
    def _one_line(cls, value: str) -> str:
        if value != value.strip() or any(ord(c) < 32 for c in value):
            raise ValueError("holds spaces at its ends or control characters")
        return value

    @field_validator("file_key")
    @classmethod
    def _file_key(cls, value: str) -> str:
        try:
            raw = base64.b64decode(value, validate=True)
        except ValueError as error:
            raise ValueError("is not base64") from error
        if len(raw) != 32:
            raise ValueError(f"must hold 32 bytes, holds {len(raw)}")
        return value

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str) -> str:
        parse_database_url(value)
        return value

    @field_validator("database_owner_url")
    @classmethod
    def _database_owner_url(cls, value: str) -> str:
        if value:
            parse_database_url(value)
        return value

    @field_validator("redis_url")
    @classmethod
    def _redis_url(cls, value: str) -> str:
        return check_redis_url(value)

    @field_validator("email_url")
    @classmethod
    def _email_url(cls, value: str) -> str:
        parse_mail_url(value)
        return value

    @field_validator("oidc")
    @classmethod
    def _oidc(cls, value: str) -> str:
        if value:
            parse_oidc_url(value)
        return value

    @field_validator("turn")
    @classmethod
    def _turn(cls, value: str) -> str:
        call_servers.relay_urls(value)
        return value

    @field_validator("livekit")
    @classmethod
    def _livekit(cls, value: str) -> str:
        call_servers.server_urls(value, "wss", "ws")
        return value

    @field_validator("livekit_api")
    @classmethod
    def _livekit_api(cls, value: str) -> str:
        call_servers.server_urls(value, "https", "http")
        return value

    @field_validator("turn_secret", "livekit_key", "livekit_secret")
    @classmethod
    def _word(cls, value: str) -> str:
        if any(not "!" <= character <= "~" for character in value):
            raise ValueError("may hold letters, digits and signs without spaces only")
        return value

    @field_validator("host", "hl7_host")
    @classmethod
    def _host(cls, value: str) -> str:
        try:
            ipaddress.ip_address(value)
        except ValueError as error:
            raise ValueError("must be an IP address, as in 127.0.0.1, 0.0.0.0 or ::1") from error
        return value

    @field_validator("origins")
    @classmethod
    def _origins(cls, value: str) -> str:
        for origin in filter(None, value.split(",")):
            parts = urlsplit(origin)
            parts.port  # noqa: B018  (raises ValueError when it is no number)
            if (
                parts.scheme not in ("http", "https")
                or not parts.hostname
                or f"{parts.scheme}://{parts.netloc}" != origin
            ):
                raise ValueError(f"{origin!r} is not an origin such as https://moc.example.org")
            if "*" in origin or "@" in origin:
                raise ValueError(f"{origin!r} must be one plain host")
        return value

    @model_validator(mode="after")
    def _together(self) -> Environment:
        if self.demo and not ipaddress.ip_address(self.host).is_loopback:
            raise ValueError(f"MDO_HOST: demo mode listens on loopback only, not on {self.host}")
        if self.demo:
            for origin in filter(None, self.origins.split(",")):
                if not _is_loopback(urlsplit(origin).hostname or ""):
                    raise ValueError(f"MDO_ORIGINS: demo mode serves loopback only, not {origin}")
        if not self.demo and not self.origins:
            raise ValueError("MDO_ORIGINS: is missing; name the site's origin, such as https://moc.example.org")
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
        if self.database_owner_url:
            runs, owns = parse_database_url(self.database_url), parse_database_url(self.database_owner_url)
            if any(runs[key] != owns[key] for key in ("NAME", "HOST", "PORT")):
                raise ValueError("DATABASE_OWNER_URL: must name the same database as DATABASE_URL")
            if runs["USER"] == owns["USER"]:
                raise ValueError(
                    "DATABASE_URL: must not use the owner's role; the program runs as a role that owns nothing"
                )
        return self

    @property
    def demo(self) -> bool:
        return self.mode == "demo"

    @cached_property
    def origin_list(self) -> list[str]:
        """Full origins (scheme, host, port) that pages and sockets are accepted from."""
        if self.origins:
            return [origin for origin in self.origins.split(",") if origin]
        return [f"http://{host}:{self.port}" for host in ("127.0.0.1", "localhost", "[::1]")]

    @property
    def heartbeat_key(self) -> str:
        """Where in Redis the worker shows that it works."""
        return f"{self.redis_prefix}.heartbeat"

    @cached_property
    def turn_list(self) -> list[str]:
        return call_servers.relay_urls(self.turn)

    @cached_property
    def livekit_list(self) -> list[str]:
        return call_servers.server_urls(self.livekit, "wss", "ws")

    @cached_property
    def livekit_api_list(self) -> list[str]:
        own = call_servers.server_urls(self.livekit_api, "https", "http")
        return own or call_servers.api_urls(self.livekit_list)

    @cached_property
    def mail(self) -> Mail:
        return parse_mail_url(self.email_url)

    @cached_property
    def identities(self) -> Identities | None:
        return parse_oidc_url(self.oidc) if self.oidc else None

    @cached_property
    def file_key_bytes(self) -> bytes:
        return base64.b64decode(self.file_key)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def allowed_hosts(origins: list[str]) -> list[str]:
    """The hosts of these origins as Django's ALLOWED_HOSTS wants them: no scheme, no port, IPv6 in brackets."""
    hosts = {urlsplit(origin).hostname or "" for origin in origins}
    return sorted(f"[{host}]" if ":" in host else host for host in hosts)


def names() -> list[str]:
    """Every variable the program reads, in the order of the documentation."""
    return [str(field.alias) for field in Environment.model_fields.values()]


def parse(source: Mapping[str, str]) -> Environment:
    """Read the settings out of `source`; raises SettingsRefused with a sentence for each variable that is not understood."""
    known = names()
    problems = []
    for name in sorted(source):
        if name.startswith("MDO_") and name not in known and name not in OUTSIDE:
            near = difflib.get_close_matches(name, known, 1)
            problems.append(f"{name}: is no setting" + (f"; did you mean {near[0]}?" if near else "."))
    try:
        parsed = Environment.model_validate({name: source[name] for name in known if name in source})
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False, include_context=False):
            where = str(fault["loc"][0]) if fault["loc"] else ""
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
